"""What the installed botocore knows: the oldest that the library supports has no flexExecution yet."""

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel, StructureShape

_MODEL = Loader().load_service_model("emr-serverless", "service-2")

KNOWS_FLEX = "flexExecution" in _MODEL["shapes"]["StartJobRunRequest"]["members"]

needs_flex = pytest.mark.skipif(not KNOWS_FLEX, reason="this botocore does not know flexExecution")


def operation_shape(operation: str) -> StructureShape:
    """What an operation of the service takes."""
    shape = ServiceModel(_MODEL).operation_model(operation).input_shape
    assert isinstance(shape, StructureShape)
    return shape
