"""The way through a value that one of botocore's shapes describes: it is walked to read, to write and to translate it.

`protocol` checks values in a walk of its own: it says what is wrong at which path, and goes into the keys of maps.
The functions of `constructs_emrs` have one too, as their asset has nothing but botocore.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

Members = Callable[[StructureShape, Mapping[str, Any]], Iterator[tuple[str, Shape, Any]]]


def rewritten(
    shape: Shape, value: Any, members: Members, convert: Callable[[Shape, Any], Any] = lambda _, value: value
) -> Any:
    """`value` in another form; what does not fit its shape stays as it is.

    Args:
        shape: What `value` is.
        value: What is rewritten.
        members: Takes a structure and gives the name that each member is to have, its shape and its value.
        convert: Takes each value, with its shape, before what is inside of it is rewritten.
    """
    value = convert(shape, value)
    match shape, value:
        case StructureShape(), dict():
            return {name: rewritten(inner, item, members, convert) for name, inner, item in members(shape, value)}
        case ListShape(), list():
            return [rewritten(shape.member, item, members, convert) for item in value]
        case MapShape(), dict():
            return {key: rewritten(shape.value, item, members, convert) for key, item in value.items()}
        case _:
            return value
