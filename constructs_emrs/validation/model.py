"""What botocore's own model of the service says about a request: members, types, sizes, patterns, unions."""

import difflib
import functools
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from .shapes import Shape
from .tokens import is_token
from .type_hints import remedy_for

_T = TypeVar("_T")
# A pattern that says which characters there may be.
_CHARACTERS = re.compile(r"\(?(\[[^]]+\])[+*]\)?")

Report = Callable[[str, Any, str, str], None]
"""Takes the path of a member, its value, what is wrong, and what to do."""


def member_of(request: Any, path: str, kind: type[_T]) -> _T | None:
    """The member of a request, if it has that type.

    Args:
        request: The request, of which nothing is known to be right.
        path: The names of members, separated by dots.
        kind: The type; True and False are no numbers.
    """
    value = request
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)) else None


def known_member_of(request: Any, path: str, kind: type[_T]) -> _T | None:
    """The member of a request, if it has that type and is known at synth."""
    value = member_of(request, path, kind)
    return None if is_token(value) else value


def argument_of(member_path: str, arguments: Mapping[str, str]) -> str:
    """The argument that sets the member, followed by the part of the path that is inside of it.

    Args:
        member_path: The path of the member.
        arguments: Arguments by the paths of the members that they set.
    """
    best = max((known for known in arguments if _is_inside(member_path, known)), key=len, default=None)
    return member_path if best is None else arguments[best] + member_path[len(best) :]


def _is_inside(member_path: str, outer: str) -> bool:
    return member_path.startswith(outer) and member_path[len(outer) : len(outer) + 1] in {"", ".", "[", " "}


def check_against_model(value: Any, shape: Shape, report: Report, path: str = "") -> None:
    """Report everything in the value that the shape does not allow. Tokens are left alone."""
    if is_token(value):
        return
    match shape.type_name:
        case "structure":
            _check_structure(value, shape, report, path)
        case "map":
            _check_map(value, shape, report, path)
        case "list":
            _check_list(value, shape, report, path)
        case "string":
            _check_string(value, shape, report, path)
        case _:
            _check_scalar(value, shape, report, path)


def _check_structure(value: Any, shape: Shape, report: Report, path: str) -> None:
    if not isinstance(value, dict):
        report(path, value, "a structure is expected", "use a dict of members: " + ", ".join(shape.members))
        return
    for name, item in value.items():
        member_path = f"{path}.{name}" if path else name
        if name not in shape.members:
            close = difflib.get_close_matches(name, shape.members, n=1)
            remedy = f"did you mean {close[0]}?" if close else "use one of " + ", ".join(shape.members)
            report(member_path, item, "the installed botocore does not know such a member", remedy)
        else:
            check_against_model(item, shape.members[name], report, member_path)
    for name in shape.required_members:
        if name not in value and not shape.members[name].metadata.get("idempotencyToken"):
            report(f"{path}.{name}" if path else name, None, "it is required", "give it a value")
    if shape.metadata.get("union") and len(value) != 1:
        report(path, value, "exactly one member is expected", "use one of " + ", ".join(shape.members))


def _check_map(value: Any, shape: Shape, report: Report, path: str) -> None:
    if not isinstance(value, dict):
        report(path, value, "a mapping is expected", "use {name: value}")
        return
    _check_size(value, shape, report, path, "entries")
    for key, item in value.items():
        check_against_model(key, shape.key, report, f"{path} key")
        check_against_model(item, shape.value, report, f"{path}[{key!r}]")


def _check_list(value: Any, shape: Shape, report: Report, path: str) -> None:
    if not isinstance(value, list):
        report(path, value, "a list is expected", "use [...]")
        return
    _check_size(value, shape, report, path, "items")
    for position, item in enumerate(value):
        check_against_model(item, shape.member, report, f"{path}[{position}]")


def _check_string(value: Any, shape: Shape, report: Report, path: str) -> None:
    if not isinstance(value, str):
        report(path, value, f"a string is expected, this is of type {type(value).__name__}", remedy_for(str, value))
    elif enum := shape.metadata.get("enum"):
        if value not in enum:
            report(path, value, "the service does not know it", "use one of " + ", ".join(enum))
    else:
        _check_size(value, shape, report, path, "characters")
        pattern = shape.metadata.get("pattern")
        if value and pattern and not _compiled(pattern).fullmatch(value):
            report(path, value, *_mismatch(value, pattern))


def _mismatch(value: str, pattern: str) -> tuple[str, str]:
    """What is wrong with a string that does not match, and the remedy."""
    if pattern == r".*\S.*":
        return "the service does not accept it", "it can't be blank"
    remedy = f"use a text that matches {_printable(pattern)}"
    if characters := _CHARACTERS.fullmatch(pattern):
        wrong = next(letter for letter in value if not _compiled(characters[1]).fullmatch(letter))
        remedy = "leave out line breaks" if wrong in "\r\n" else remedy
        return f"the service does not accept {wrong!r} in it", remedy
    return "the service does not accept it", remedy


_SCALARS: dict[str, tuple[type, str]] = {
    "boolean": (bool, "True or False"),
    "integer": (int, "a whole number"),
    "long": (int, "a whole number"),
}


def _check_scalar(value: Any, shape: Shape, report: Report, path: str) -> None:
    if shape.type_name not in _SCALARS:
        # A later model may have other types. The service checks them.
        return
    expected, description = _SCALARS[shape.type_name]
    if not isinstance(value, expected) or (isinstance(value, bool) and expected is int):
        report(path, value, f"{description} is expected", remedy_for(expected, value))
    elif expected is int:
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        if (low is not None and value < low) or (high is not None and value > high):
            report(path, value, "it is out of range", f"use {_range(low, high)}")


def _check_size(value: Any, shape: Shape, report: Report, path: str, unit: str) -> None:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    size = len(value)
    if (low is not None and size < low) or (high is not None and size > high):
        report(path, value, f"it has {size} {unit}", f"use {_range(low, high)}")


def _range(low: int | None, high: int | None) -> str:
    if high is None:
        return f"at least {low}"
    return f"{low or 0} to {high:,}"


def _printable(pattern: str) -> str:
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in pattern)


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    # The service's "any character" includes line ends.
    return re.compile(pattern, re.DOTALL)
