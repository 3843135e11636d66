"""A recording: what one AWS answered, as JSON that anybody may read.

Nothing in it says whose account was asked: texts of the service are rewritten, and a file in which something is found
that should not be is not written.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCHEMA = 1
"""The version of the files' form."""

Json = Any

# What must not be in a recording, and what stands for it in the service's texts. The first that fits is taken.
_PRIVATE: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("<arn>", r"arn:[\w*-]*:[^\s,;\"')\]]+"),
        ("<address>", r"\b(?:s3|https?|file)://[^\s,;\"')\]]+"),
        ("<uuid>", r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"),
        ("<access key>", r"\b(?:AKIA|ASIA|AROA|AIDA)[0-9A-Z]{12,}\b"),
        ("<name>", r"\bconformance-[0-9a-z]{6,}[\w-]*"),
        ("<host>", r"\b(?:[\w-]+\.)+(?:amazonaws\.com(?:\.cn)?|internal|compute|local)\b"),
        ("<host>", r"\bip-\d+(?:-\d+){3}\b|\b\d{1,3}(?:\.\d{1,3}){3}\b"),
        ("<account>", r"(?<!\d)\d{12}(?!\d)"),
        ("<id>", r"\b00[0-9a-z]{14}\b|\b(?:vpc|vpce|subnet|eni|sg|rtb)-[0-9a-f]{8,17}\b"),
        ("<secret>", r"(?<![\w/+=])(?=[\w/+]*\d)(?=[\w/+]*[a-z])(?=[\w/+]*[A-Z])[\w/+]{40,}={0,2}(?![\w/+=])"),
    )
)


class NotFitToBeSeen(Exception):
    """The recording has something in it that says whose account it is of, or opens it."""


def in_plain_words(text: str) -> str:
    """A text of the service without ids, names, addresses and secrets."""
    for name, pattern in _PRIVATE:
        text = pattern.sub(name, text)
    return text


def private_parts(text: str, names: Iterable[str] = ()) -> list[str]:
    """What in the text must not be recorded: by its form, or as one of the names that are known."""
    found = [match for _, pattern in _PRIVATE for match in pattern.findall(text)]
    return found + [name for name in names if name and name in text]


@dataclass
class Recording:
    """The answers of one AWS, by the ids of probes, and what people want to read beside them."""

    answers: dict[str, Json] = field(default_factory=dict)
    notes: dict[str, Json] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Recording:
        """The recording in a file; an empty one if there is no file.

        Raises:
            ValueError: The file has another form.
        """
        if not path.exists():
            return cls()
        document = json.loads(path.read_text(encoding="utf-8"))
        if document.get("schema") != SCHEMA:
            raise ValueError(f"{path}: schema={document.get('schema')!r}: this version reads {SCHEMA}; record it again")
        found = document["answers"]
        notes = {probe: item["note"] for probe, item in found.items() if "note" in item}
        return cls(answers={probe: item["answer"] for probe, item in found.items()}, notes=notes)

    def text(self) -> str:
        """What the file says, in the order of the ids."""
        answers = {
            probe: {"answer": answer} | ({"note": self.notes[probe]} if probe in self.notes else {})
            for probe, answer in sorted(self.answers.items())
        }
        month = datetime.datetime.now(tz=datetime.UTC).strftime("%Y-%m")
        document = {"schema": SCHEMA, "recorded": month, "answers": answers}
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"

    def write(self, path: Path, names: Iterable[str] = ()) -> None:
        """Write the file, or rather none than one that says too much.

        Args:
            path: The file.
            names: What must not be in it whatever it looks like, such as the names of resources.

        Raises:
            NotFitToBeSeen: Something must not be seen.
        """
        text = self.text()
        if found := private_parts(text, names):
            raise NotFitToBeSeen(f"{path} is not written: it would have {', '.join(sorted(set(found)))}")
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
