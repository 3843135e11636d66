"""Types that CloudFormation loses come back."""

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from constructs_emrs.handler.type_restoration import restore
from tests.botocore_model import needs_flex

SHAPE = (
    ServiceModel(Loader().load_service_model("emr-serverless", "service-2")).operation_model("StartJobRun").input_shape
)


def test_integers_and_booleans_are_restored_wherever_the_shape_has_them() -> None:
    request = {
        "executionTimeoutMinutes": "90",
        "retryPolicy": {"maxAttempts": "3"},
        "configurationOverrides": {
            "monitoringConfiguration": {"managedPersistenceMonitoringConfiguration": {"enabled": "false"}}
        },
    }
    assert restore(request, SHAPE) == {
        "executionTimeoutMinutes": 90,
        "retryPolicy": {"maxAttempts": 3},
        "configurationOverrides": {
            "monitoringConfiguration": {"managedPersistenceMonitoringConfiguration": {"enabled": False}}
        },
    }


def test_strings_that_look_like_numbers_or_booleans_stay_strings() -> None:
    request = {"name": "42", "jobDriver": {"sparkSubmit": {"entryPointArguments": ["1", "true"]}}, "tags": {"a": "1"}}
    assert restore(request, SHAPE) == request


def test_members_that_the_model_does_not_know_are_kept() -> None:
    assert restore({"newMember": {"enabled": "true"}}, SHAPE) == {"newMember": {"enabled": "true"}}


@needs_flex
def test_a_boolean_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="'yes' is not a boolean"):
        restore({"flexExecution": {"enabled": "yes"}}, SHAPE)
