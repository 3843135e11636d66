"""botocore's own model of the service: what a StartJobRun request may contain."""

import functools
from typing import Any, cast

from botocore.loaders import Loader
from botocore.model import ServiceModel, StructureShape

from .handler import contract


@functools.cache
def service_model() -> ServiceModel:
    """The model of EMR Serverless; neither a session nor credentials are needed."""
    return ServiceModel(cast("dict[str, Any]", Loader().load_service_model(contract.SERVICE, "service-2")))


@functools.cache
def operation_shape(operation: str) -> StructureShape:
    """The input of an operation."""
    return cast("StructureShape", service_model().operation_model(operation).input_shape)
