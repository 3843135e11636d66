"""Collects what is wrong with a construct, so that the user reads all of it at once."""

import re
from enum import Enum
from typing import Any

from aws_cdk import Annotations, Duration
from constructs import Construct, IConstruct

from .tokens import LATER, without_tokens

_LONGEST_VALUE = 60
# What Python adds to the name of an object's class: it differs from run to run.
_ADDRESS = re.compile(r" object at 0x[0-9a-f]+")


def shown(value: Any) -> str:
    """The value as it can stand in a message: its repr, or what the user knows it by; cut if it is long."""
    match value:
        case Construct() if not type(value).__name__.startswith("_"):
            text = f"<{type(value).__name__} {value.node.path or 'at the root'}>"
        case _ if hasattr(value, "node") and hasattr(value.node, "path"):
            # What is imported is of a class of the CDK that has no name here.
            text = f"<{value.node.path}>"
        case type():
            text = f"<class '{value.__name__}'>"
        case Enum():
            text = str(value)
        case Duration():
            text = f"<Duration {value.to_human_string()}>"
        case _:
            # The CDK numbers what is known at deployment only.
            text = without_tokens(_ADDRESS.sub("", repr(value)), LATER)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


class Problems:
    """What is wrong with the construct at `path`, or with a value, which has none."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lines: list[str] = []
        self._arguments: set[str] = set()

    def add(self, argument: str, value: Any, problem: str, remedy: str) -> None:
        """Note a problem: the argument as the user spelt it, its value, what is wrong, and what to do about it."""
        self.add_written(argument, shown(value), problem, remedy)

    def add_written(self, argument: str, written: str, problem: str, remedy: str) -> None:
        """Note a problem of a value that is shown as it was written."""
        self._arguments.add(_outer(argument))
        self.note(f"{argument}={written}", problem, remedy)

    def note(self, subject: str, problem: str, remedy: str) -> None:
        """Note a problem of what the user knows by another text than an argument and its value."""
        path = f"{self._path}: " if self._path else ""
        line = f"{path}{subject}: {problem}; {remedy}"
        # One argument may set several properties that are wrong for one reason.
        if line not in self._lines:
            self._lines.append(line)

    def mentions(self, argument: str) -> bool:
        """Whether a problem of the argument, or of an item of the same argument, has been noted."""
        return _outer(argument) in self._arguments

    def raise_if_any(self) -> None:
        """Raise all of them together.

        Raises:
            ValueError: There is a problem; its text has a line for each.
        """
        if self._lines:
            raise ValueError(str(self))

    def __str__(self) -> str:
        """A line for each problem."""
        return "\n".join(self._lines)


def warning(construct: IConstruct, argument: str, value: Any, problem: str, remedy: str) -> tuple[str, str]:
    """The id and the text of a warning that is in the words of an error."""
    text = Problems(construct.node.path)
    text.add(argument, value, problem, remedy)
    return f"constructs-emrs:{argument}", str(text)


def refuse(construct: IConstruct, argument: str, value: Any, problem: str, remedy: str) -> None:
    """Say at synth what is wrong with a construct, as an error that the CDK CLI prints and stops at."""
    Annotations.of(construct).add_error(warning(construct, argument, value, problem, remedy)[1])


def warn(construct: IConstruct, argument: str, value: Any, problem: str, remedy: str) -> None:
    """Say at synth what may be wrong with a construct; the CDK says it once."""
    Annotations.of(construct).add_warning_v2(*warning(construct, argument, value, problem, remedy))


def _outer(argument: str) -> str:
    return argument.partition("[")[0]
