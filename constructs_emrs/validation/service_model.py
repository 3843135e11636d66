"""botocore's own model of the service: what a StartJobRun request may contain.

botocore is imported when the model is asked for: with what it imports itself it takes longer than all of this library.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, cast

from ..handler import contract

if TYPE_CHECKING:
    from botocore.model import ServiceModel, StructureShape

MODEL = "service-2"


@functools.cache
def service_model() -> ServiceModel:
    """The model of EMR Serverless; neither a session nor credentials are needed."""
    from botocore.model import ServiceModel

    return ServiceModel(_description())


def description_without_texts() -> dict[str, Any]:
    """What botocore's file says about the service, without the texts for readers, which are most of it."""
    return cast("dict[str, Any]", _without_texts(_description()))


@functools.cache
def _description() -> dict[str, Any]:
    from botocore.loaders import Loader

    return cast("dict[str, Any]", Loader().load_service_model(contract.SERVICE, MODEL, contract.API_VERSION))


def _without_texts(part: Any) -> Any:
    match part:
        case dict():
            # A member of this name would have a shape, not a text.
            return {
                name: _without_texts(value)
                for name, value in part.items()
                if not (name == "documentation" and isinstance(value, str))
            }
        case list():
            return [_without_texts(item) for item in part]
        case _:
            return part


@functools.cache
def operation_shape(operation: str) -> StructureShape:
    """The input of an operation."""
    return cast("StructureShape", service_model().operation_model(operation).input_shape)
