"""botocore's own model of the service: what a StartJobRun request may contain.

botocore is imported when the model is asked for: with what it imports itself it takes longer than all of this library.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from .handler import contract

if TYPE_CHECKING:
    from botocore.model import ServiceModel, StructureShape

_MODEL = "service-2"


@functools.cache
def service_model() -> ServiceModel:
    """The model of EMR Serverless; neither a session nor credentials are needed."""
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    return ServiceModel(cast("dict[str, Any]", Loader().load_service_model(contract.SERVICE, _MODEL)))


def model_file() -> Path:
    """The file that the model is in, compressed or not.

    Raises:
        FileNotFoundError: The installed botocore has no such model.
    """
    from botocore.loaders import Loader

    for data in Loader().search_paths:
        for model in (Path(data) / contract.SERVICE / contract.API_VERSION).glob(f"{_MODEL}.json*"):
            return model
    raise FileNotFoundError(f"botocore has no {_MODEL} of {contract.SERVICE} {contract.API_VERSION}")


@functools.cache
def operation_shape(operation: str) -> StructureShape:
    """The input of an operation."""
    return cast("StructureShape", service_model().operation_model(operation).input_shape)
