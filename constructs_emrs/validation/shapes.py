"""The shapes of the service's requests, as botocore's own model of the service describes them."""

import functools
from collections.abc import Mapping
from typing import Any

from ..handler import contract
from .botocore_data import MODEL, botocore_data


class Shape:
    """What a value may be: the part of `botocore.model.Shape` that is used here, without importing botocore."""

    def __init__(self, described: Mapping[str, Any], shapes: Mapping[str, Any]) -> None:
        """Take a shape.

        Args:
            described: Its name, and what is said of it where it is used.
            shapes: What is said of all shapes, by their names.
        """
        self.metadata: Mapping[str, Any] = {**shapes[described["shape"]], **described}
        """Its limits, and all else that is said of it."""
        self._shapes = shapes

    @property
    def type_name(self) -> str:
        """Such as `structure`, `map`, `list`, `string`, `integer`."""
        return str(self.metadata["type"])

    @functools.cached_property
    def members(self) -> dict[str, "Shape"]:
        """Those of a structure."""
        return {name: self._used(described) for name, described in self.metadata.get("members", {}).items()}

    @property
    def required_members(self) -> list[str]:
        """The names of those members of a structure that it has to have."""
        return list(self.metadata.get("required", ()))

    @functools.cached_property
    def key(self) -> "Shape":
        """What a key of a map may be."""
        return self._used(self.metadata["key"])

    @functools.cached_property
    def value(self) -> "Shape":
        """What a value of a map may be."""
        return self._used(self.metadata["value"])

    @functools.cached_property
    def member(self) -> "Shape":
        """What an item of a list may be."""
        return self._used(self.metadata["member"])

    def _used(self, described: Mapping[str, Any]) -> "Shape":
        return Shape(described, self._shapes)


@functools.cache
def operation_shape(operation: str) -> Shape:
    """The input of an operation of EMR Serverless."""
    model = _model()
    return Shape(model["operations"][operation]["input"], model["shapes"])


@functools.cache
def _model() -> dict[str, Any]:
    return botocore_data(f"{contract.SERVICE}/{contract.API_VERSION}/{MODEL}")


def shape_of(shape: Shape, path: str) -> Shape:
    """The shape of a member of a structure, or of one inside of it.

    Args:
        shape: The structure.
        path: The names of members, separated by dots.
    """
    return functools.reduce(lambda outer, name: outer.members[name], path.split("."), shape)
