"""The escape hatch: what no argument sets."""

from typing import Any

import pytest
from aws_cdk.assertions import Annotations, Match

from constructs_emrs import Code, JobRun, SparkJob
from constructs_emrs.handler import contract
from constructs_emrs.validation.json_types import JsonValue
from tests.templates import only, request_of, resources
from tests.unit.conftest import Lake

CODE = Code.from_uri("s3://code/etl.py")


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


def test_a_warning_goes_when_an_override_takes_away_its_cause(lake: Lake) -> None:
    conf = {"spark.master": "yarn", "spark.eventLog.enabled": "false"}
    job = SparkJob(lake.stack, "Warned", application=lake.application, entry_point=CODE, conf=conf)
    job.add_override("jobDriver.sparkSubmit.sparkSubmitParameters", "--conf spark.eventLog.enabled=false")
    (warning,) = Annotations.from_stack(lake.stack).find_warning("/Lake/Warned", Match.any_value())
    assert "conf['spark.eventLog.enabled']='false'" in str(warning.entry.data)


def test_what_the_library_has_written_is_not_odd_after_an_override(lake: Lake) -> None:
    job = SparkJob(lake.stack, "Csv", application=lake.application, entry_point=CODE, conf={"spark.a.separator": ","})
    job.add_override("name", "csv")
    assert Annotations.from_stack(lake.stack).find_warning("/Lake/Csv", Match.any_value()) == []


def test_an_override_that_is_refused_leaves_the_warnings(lake: Lake) -> None:
    job = SparkJob(lake.stack, "Warned", application=lake.application, entry_point=CODE, conf={"spark.master": "yarn"})
    with pytest.raises(ValueError, match="name=''"):
        job.add_override("name", "")
    (warning,) = Annotations.from_stack(lake.stack).find_warning("/Lake/Warned", Match.any_value())
    assert "conf['spark.master']='yarn'" in str(warning.entry.data)


def test_an_override_that_is_added_after_the_run_counts_in_its_size(lake: Lake) -> None:
    lake.job.add_override("jobDriver.sparkSubmit.entryPointArguments", ["x" * 10_000] * 20)
    (error,) = Annotations.from_stack(lake.stack).find_error("/Lake/EtlOnDeploy", Match.any_value())
    assert str(error.entry.data).startswith("Lake/EtlOnDeploy: arguments=<200,")
    assert "a job run of a deploy can have 190,000" in str(error.entry.data)


def requests(lake: Lake) -> list[dict[str, Any]]:
    """The requests of all runs in the stack."""
    return [item["Properties"][contract.REQUEST] for item in resources(lake.stack, contract.JOB_RUN_TYPE).values()]
