"""Cuts texts to what CloudFormation takes."""

from __future__ import annotations

import json
from collections.abc import Sequence


def json_bytes(text: str) -> int:
    """How much of a JSON document the text takes, escapes included."""
    return len(json.dumps(text, ensure_ascii=False).encode(errors="replace")) - 2


def first_bytes(text: str, limit: int) -> str:
    """The start of the text that takes at most so many bytes, with an ellipsis where it was cut."""
    kept = text[:limit]
    while json_bytes(kept) > limit:
        kept = kept[: len(kept) * 9 // 10]
    return kept if kept == text else kept + "…"


def last_bytes(text: str, limit: int) -> str:
    """The end of the text that takes at most so many bytes, with an ellipsis where it was cut."""
    kept = text[-limit:]
    while json_bytes(kept) > limit:
        kept = kept[len(kept) // 10 + 1 :]
    return kept if kept == text else "…" + kept


def last_lines(lines: Sequence[str], limit: int) -> str:
    """As many whole lines from the end as fit into `limit` bytes; the end of the last line if even that does not."""
    kept: list[str] = []
    size = 0
    for line in reversed(lines):
        size += json_bytes(line + "\n")
        if size > limit:
            break
        kept.insert(0, line)
    return "\n".join(kept) if kept or not lines else last_bytes(lines[-1], limit)
