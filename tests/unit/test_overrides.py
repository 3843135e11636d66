"""The escape hatch: what no argument sets."""

from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, CfnParameter, CfnResource, Stack, Tags
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Annotations, Match

from constructs_emrs import Application, Code, JobRun, ReleaseLabel, SparkJob
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


def test_a_structure_that_has_no_members_is_removed(lake: Lake) -> None:
    """A run that was made before the override can't have it."""
    lake.job.add_override(
        "configurationOverrides", {"monitoringConfiguration": {"prometheusMonitoringConfiguration": {}}}
    )
    lake.job.add_override("retryPolicy.maxAttempts", None)
    assert not {"configurationOverrides", "retryPolicy"} & request_of(lake.job).keys()


MONITORING = "configurationOverrides.monitoringConfiguration"
DISKS = "configurationOverrides.diskEncryptionConfiguration"
MANAGED = f"{MONITORING}.managedPersistenceMonitoringConfiguration"


@pytest.mark.parametrize(
    "overrides",
    [
        [(MANAGED, None), (MANAGED, {"enabled": False})],
        [(f"{MANAGED}.enabled", False), (MANAGED, None), (f"{MANAGED}.enabled", True)],
        [(MONITORING, None), (MONITORING, {"s3MonitoringConfiguration": {"logUri": "s3://logs/"}})],
        [(DISKS, {"encryptionContext": {"a.b": "1"}}), (f"{DISKS}.encryptionContext", {"c": "2"}), (DISKS, None)],
        [("retryPolicy", {"maxAttempts": 3}), ("retryPolicy.maxAttempts", 2), ("retryPolicy", None)],
        [("jobDriver", {"sparkSubmit": {"entryPoint": "s3://code/other.py"}})],
        [(f"{DISKS}.encryptionContext", {r"a\b": "1", "c\\": "1"}), (f"{DISKS}.encryptionContext", {r"a\b": "2"})],
        [(MANAGED, {})],
        [("retryPolicy.maxAttempts", 3), ("retryPolicy.maxAttempts", None)],
        [("jobDriver.sparkSubmit.entryPointArguments", []), ("jobDriver.sparkSubmit.entryPointArguments", ["1"])],
        [("executionRoleArn", "arn:aws:iam::123456789012:role/Etl")],
    ],
)
def test_runs_made_before_any_override_have_what_runs_have_that_are_made_after_all(
    lake: Lake, overrides: list[tuple[str, JsonValue]]
) -> None:
    for number, (path, value) in enumerate(overrides):
        lake.job.add_override(path, value)
        JobRun(lake.stack, f"Run{number}", job=lake.job)
    *earlier, last = requests(lake)
    assert len(earlier) == len(overrides)
    assert all(request == last for request in earlier)


def test_an_override_may_be_known_at_deployment_and_in_place_of_another_that_is(lake: Lake) -> None:
    role, name = CfnParameter(lake.stack, "RoleArn"), CfnParameter(lake.stack, "Name")
    lake.job.add_override("executionRoleArn", role.value_as_string)
    lake.job.add_override("name", f"etl-{name.value_as_string}")
    request = only(lake.stack, contract.JOB_RUN_TYPE)[contract.REQUEST]
    assert request["executionRoleArn"] == {"Ref": "RoleArn"}
    assert request["name"] == {"Fn::Join": ["", ["etl-", {"Ref": "Name"}]]}


def test_an_override_may_name_what_another_stack_has(script: Path) -> None:
    app = App()
    roles, stack = Stack(app, "Roles"), Stack(app, "Lake")
    role = iam.Role(roles, "Role", assumed_by=iam.ServicePrincipal("emr-serverless.amazonaws.com"))
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    job = SparkJob(stack, "Etl", application=application, entry_point=Code.from_asset(script))
    JobRun(stack, "EtlOnDeploy", job=job)
    job.add_override("executionRoleArn", role.role_arn)
    arn = only(stack, contract.JOB_RUN_TYPE)[contract.REQUEST]["executionRoleArn"]
    assert arn["Fn::ImportValue"].startswith("Roles:")


def test_what_somebody_has_overridden_in_the_resource_stays(lake: Lake) -> None:
    resource = lake.run.node.default_child
    assert isinstance(resource, CfnResource)
    resource.add_property_override("Request.jobDriver.sparkSubmit.entryPoint", "s3://code/mine.py")
    resource.add_property_override("Request.retryPolicy.maxAttempts", 5)
    lake.job.add_override("jobDriver.sparkSubmit.entryPointArguments", ["--now"])
    lake.job.add_override("name", "etl")
    Tags.of(lake.run).add("team", "lake")
    request = only(lake.stack, contract.JOB_RUN_TYPE)[contract.REQUEST]
    submit = request["jobDriver"]["sparkSubmit"]
    assert (submit["entryPoint"], submit["entryPointArguments"]) == ("s3://code/mine.py", ["--now"])
    assert (request["name"], request["retryPolicy"], request["tags"]) == ("etl", {"maxAttempts": 5}, {"team": "lake"})


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
