"""The escape hatch: what no argument sets."""

from typing import Any

import pytest

from constructs_emrs import JobRun
from constructs_emrs.handler import contract
from constructs_emrs.validation.json_types import JsonValue
from tests.templates import only, request_of, resources
from tests.unit.conftest import Lake


def test_an_override_sets_a_member_in_the_request_and_in_runs_made_before_and_after(lake: Lake) -> None:
    lake.job.add_override("configurationOverrides.diskEncryptionConfiguration.encryptionContext", {"team": "lake"})
    JobRun(lake.stack, "Again", job=lake.job)
    context = {"team": "lake"}
    disk = request_of(lake.job)["configurationOverrides"]["diskEncryptionConfiguration"]
    assert disk["encryptionContext"] == context
    for run in requests(lake):
        assert run["configurationOverrides"]["diskEncryptionConfiguration"]["encryptionContext"] == context


def test_an_override_makes_the_members_on_its_way(lake: Lake) -> None:
    lake.job.add_override("retryPolicy.maxAttempts", 3)
    assert only(lake.stack, contract.JOB_RUN_TYPE)[contract.REQUEST]["retryPolicy"] == {"maxAttempts": 3}


def test_an_override_reaches_into_lists_and_names_with_dots(lake: Lake) -> None:
    lake.job.add_override("jobDriver.sparkSubmit.entryPointArguments.1", "2")
    configuration: list[JsonValue] = [{"classification": "spark-defaults", "properties": {"spark.a": "1"}}]
    lake.job.add_override("configurationOverrides.applicationConfiguration", configuration)
    lake.job.add_override(r"configurationOverrides.applicationConfiguration.0.properties.spark\.b", "2")
    request = only(lake.stack, contract.JOB_RUN_TYPE)[contract.REQUEST]
    assert request["jobDriver"]["sparkSubmit"]["entryPointArguments"] == ["--day", "2"]
    (rendered,) = request["configurationOverrides"]["applicationConfiguration"]
    assert rendered["properties"] == {"spark.a": "1", "spark.b": "2"}


def test_none_removes_a_member(lake: Lake) -> None:
    lake.job.add_override("configurationOverrides.diskEncryptionConfiguration", None)
    assert "diskEncryptionConfiguration" not in request_of(lake.job)["configurationOverrides"]
    request = only(lake.stack, contract.JOB_RUN_TYPE)[contract.REQUEST]
    assert "diskEncryptionConfiguration" not in request["configurationOverrides"]


def test_an_override_that_is_refused_changes_nothing(lake: Lake) -> None:
    before = request_of(lake.job)["name"]
    with pytest.raises(ValueError, match=r"Lake/Etl: name='': it has 0 characters; use 1 to 256"):
        lake.job.add_override("name", "")
    assert request_of(lake.job)["name"] == before
    assert only(lake.stack, contract.JOB_RUN_TYPE)[contract.REQUEST]["name"] == before


def requests(lake: Lake) -> list[dict[str, Any]]:
    """The requests of all runs in the stack."""
    return [item["Properties"][contract.REQUEST] for item in resources(lake.stack, contract.JOB_RUN_TYPE).values()]
