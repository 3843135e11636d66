"""Restores the types of a request that went through CloudFormation, which turns every leaf into a string."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape


def restore(value: Any, shape: Shape | None) -> Any:
    """Give `value` the types that `shape` asks for; what already has its type is kept.

    Raises:
        ValueError: A string is not a number or a boolean where the shape has one.
    """
    match shape:
        case StructureShape():
            return {name: restore(item, shape.members.get(name)) for name, item in value.items()}
        case ListShape():
            return [restore(item, shape.member) for item in value]
        case MapShape():
            return {key: restore(item, shape.value) for key, item in value.items()}
    if not isinstance(value, str) or shape is None:
        return value
    return _FROM_STRING.get(shape.type_name, str)(value)


def _boolean(text: str) -> bool:
    values = {"true": True, "false": False}
    if text.lower() not in values:
        raise ValueError(f"{text!r} is not a boolean")
    return values[text.lower()]


_FROM_STRING: dict[str, Callable[[str], Any]] = {
    "boolean": _boolean,
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
}
