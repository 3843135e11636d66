"""A probe: one question to AWS, and the answer that the project relies on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from conformance.account import Account, Shared
from conformance.facilities import Facility

Json = None | bool | int | str | list[Any] | dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class OneOf:
    """The project works with each of these answers."""

    answers: tuple[Json, ...]


class Anything:
    """The project relies on no answer: what is said decides what can be built."""


Expected = Json | OneOf | Anything


@dataclass(frozen=True, kw_only=True)
class Noted:
    """An answer, and what people want to read beside it; the note is recorded, and compared with nothing."""

    answer: Json
    note: Json


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One question.

    Attributes:
        id: Names it in recordings: a subject, and what is asked of it.
        question: The question, for people.
        expected: The answer that the project relies on.
        source: Where that is from: the address of a page, or of somebody who has seen it.
        needs: What has to be there before it is asked.
        runs: How many job runs it takes at most, beside those of what it shares; the kit starts no more.
        shares: What it looks at together with other probes.
        last: Whether it is asked after all others, as time is to pass.
        not_local: Why it is not asked of the local AWS; empty if it is.
        ask: Asks it, and returns an answer without ids, names and times.
    """

    id: str
    question: str
    expected: Expected
    source: str
    needs: tuple[Facility, ...]
    runs: int
    shares: tuple[Shared[Any], ...]
    last: bool
    not_local: str
    ask: Callable[[Account], Json | Noted]


class Chapter:
    """Probes of one subject, in the order in which they are written.

    Args:
        subject: The first part of their ids.
    """

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self.probes: list[Probe] = []

    def probe(
        self,
        question: str,
        *,
        expected: Expected,
        source: str,
        needs: tuple[Facility, ...] = (),
        runs: int = 0,
        shares: tuple[Shared[Any], ...] = (),
        last: bool = False,
        not_local: str = "",
    ) -> Callable[[Callable[[Account], Json | Noted]], Callable[[Account], Json | Noted]]:
        """Make a probe of the function, whose name is the second part of the id."""

        def add(ask: Callable[[Account], Json | Noted]) -> Callable[[Account], Json | Noted]:
            self.probes.append(
                Probe(
                    id=f"{self.subject}.{ask.__name__.replace('_', '-')}",
                    question=question,
                    expected=expected,
                    source=source,
                    needs=needs,
                    runs=runs,
                    shares=shares,
                    last=last,
                    not_local=not_local,
                    ask=ask,
                )
            )
            return ask

        return add


def accepts(expected: Expected, answer: Json) -> bool:
    """Whether the project works with the answer."""
    match expected:
        case Anything():
            return True
        case OneOf(answers=answers):
            return answer in answers
        case _:
            return bool(answer == expected)
