"""JSON as Python has it: what requests of the service are made of."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

JsonValue: TypeAlias = "str | int | float | bool | Sequence[JsonValue] | Mapping[str, JsonValue] | None"
"""A value: a string, number or boolean, a list, an object, or none."""

JsonObject: TypeAlias = dict[str, JsonValue]
"""Members by their names."""


def without_none(members: Mapping[str, Any]) -> dict[str, Any]:
    """The members that have a value."""
    return {name: value for name, value in members.items() if value is not None}
