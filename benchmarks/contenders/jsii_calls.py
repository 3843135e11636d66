"""Counts the messages to the jsii kernel, each of which is a round trip to Node.js."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass
class Calls:
    """How many were made."""

    made: int = 0


@contextmanager
def count_calls() -> Iterator[Calls]:
    """Count those of the block."""
    from jsii._kernel.providers.process import _NodeProcess  # noqa: PLC0415 - jsii is imported by what is measured

    calls = Calls()
    send = _NodeProcess.send

    def counting(self: _NodeProcess, *arguments: Any) -> Any:
        calls.made += 1
        return send(self, *arguments)

    _NodeProcess.send = counting  # type: ignore[assignment]
    try:
        yield calls
    finally:
        _NodeProcess.send = send  # type: ignore[method-assign]
