"""Collects what is wrong with a construct, so that the user reads all of it at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_LONGEST_VALUE = 60


def shown(value: Any) -> str:
    """The value as it can stand in a message: its repr, cut if it is long."""
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


class Problems:
    """What is wrong with the construct at `path`."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lines: list[str] = []

    def add(self, argument: str, value: Any, problem: str, remedy: str) -> None:
        """Note a problem: the argument as the user spelt it, its value, what is wrong, and what to do about it."""
        self._lines.append(f"{self._path}: {argument}={shown(value)}: {problem}; {remedy}")

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Note the ValueErrors of the block instead of raising them."""
        try:
            yield
        except ValueError as error:
            self._lines.append(str(error))

    def raise_if_any(self) -> None:
        """Raise all of them together.

        Raises:
            ValueError: There is a problem; its text has a line for each.
        """
        if self._lines:
            raise ValueError("\n".join(self._lines))
