"""Helpers for requests to the service, which are dicts with its own member names."""

from collections.abc import Mapping
from typing import Any


def present(members: Mapping[str, Any]) -> dict[str, Any]:
    """The members that have a value."""
    return {name: value for name, value in members.items() if value is not None}
