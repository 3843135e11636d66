"""What the service's model marks as sensitive reaches no log record and no error; logs are kept for a limited time."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from aws_cdk import Stack
from botocore.model import ListShape, MapShape, Shape, StructureShape

from constructs_emrs import Application, Code, JobRun, ReleaseLabel, SparkJob
from constructs_emrs.handler import contract
from constructs_emrs.handler.failure import RequestFailed
from tests.botocore_model import operation_shape
from tests.handler.in_memory_cloudformation import CustomResource
from tests.handler.in_memory_service import APPLICATION, Refused, Service
from tests.handler.test_failure import Logs
from tests.templates import new_stack, resources

MARKER = "hunter2"
ENGINES = ("sparkSubmit", "hive")


def marked(shape: Shape, name: str = "", *, is_sensitive: bool = False) -> Any:
    """A value with all members of the shape, a marker in each string of those that the model marks sensitive."""
    is_sensitive = is_sensitive or bool(shape.metadata.get("sensitive"))
    match shape:
        case StructureShape():
            return {
                member: marked(item, member, is_sensitive=is_sensitive)
                for member, item in shape.members.items()
                if member != "configurations"
            }
        case ListShape():
            return [marked(shape.member, name, is_sensitive=is_sensitive)]
        case MapShape():
            key = f"{MARKER}-{name}-key" if is_sensitive else "plain"
            return {key: marked(shape.value, name, is_sensitive=is_sensitive)}
    if shape.type_name != "string":
        return {"boolean": True}.get(shape.type_name, 5)
    return f"{MARKER}-{name}" if is_sensitive else _plain(shape)


def _plain(shape: Shape) -> str:
    if "enum" in shape.metadata:
        return str(shape.metadata["enum"][0])
    if shape.name in {"IAMRoleArn", "Arn", "EncryptionKeyArn"}:
        return "arn:aws:iam::123456789012:role/Etl"
    return "plain"


def properties(engine: str, *, name: str = "Etl") -> dict[str, Any]:
    """A request with every member of the model and one engine."""
    request: dict[str, Any] = marked(operation_shape("StartJobRun"))
    request["applicationId"] = APPLICATION
    request["name"] = name
    request["jobDriver"] = {engine: request["jobDriver"][engine]}
    monitoring = request["configurationOverrides"]["monitoringConfiguration"]
    monitoring["cloudWatchLoggingConfiguration"] |= {"enabled": True, "logTypes": {"SPARK_DRIVER": ["STDERR"]}}
    monitoring["prometheusMonitoringConfiguration"] = {
        "remoteWriteUrl": "https://aps-workspaces.us-east-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write"
    }
    return {
        contract.REQUEST: request,
        contract.WAIT_FOR: "SUCCESS",
        contract.WAIT_TIMEOUT_SECONDS: 3300,
        contract.TRIGGERS: {"version": "1"},
    }


def sensitive_members(shape: Shape, path: str = "") -> Iterator[str]:
    """The paths of the members that the model marks sensitive."""
    if shape.metadata.get("sensitive"):
        yield path
        return
    match shape:
        case StructureShape():
            for member, item in shape.members.items():
                if member != "configurations":
                    yield from sensitive_members(item, f"{path}.{member}".strip("."))
        case ListShape():
            yield from sensitive_members(shape.member, path)
        case MapShape():
            yield from sensitive_members(shape.value, path)


def ending_as(service: Service, state: str, details: str = "") -> CustomResource:
    """A resource whose runs end in that state; their driver's stderr has one line."""

    def end(_: int) -> None:
        for run in service.active_runs():
            run.state, run.state_details = state, details

    return CustomResource(service, between_polls=end, logs=Logs(["ValueError: no such column"]))


@pytest.fixture
def service(caplog: pytest.LogCaptureFixture) -> Service:
    caplog.set_level(logging.INFO)  # the level that functions.py sets
    return Service()


def records(caplog: pytest.LogCaptureFixture) -> str:
    """All that was logged, arguments and exceptions included."""
    return caplog.text + "".join(repr(record.args) for record in caplog.records)


def test_the_markers_are_in_every_sensitive_member_that_the_model_has() -> None:
    members = set(sensitive_members(operation_shape("StartJobRun")))
    assert members >= {
        "jobDriver.sparkSubmit.entryPoint",
        "jobDriver.sparkSubmit.entryPointArguments",
        "jobDriver.sparkSubmit.sparkSubmitParameters",
        "jobDriver.hive.query",
        "jobDriver.hive.initQueryFile",
        "jobDriver.hive.parameters",
        "configurationOverrides.applicationConfiguration.properties",
    }
    requests = str([properties(engine)[contract.REQUEST] for engine in ENGINES])
    for member in members:
        assert f"{MARKER}-{member.rpartition('.')[2]}" in requests


@pytest.mark.parametrize("engine", ENGINES)
def test_a_whole_life_logs_nothing_sensitive(engine: str, service: Service, caplog: pytest.LogCaptureFixture) -> None:
    resource = ending_as(service, "SUCCESS")
    resource.create(properties(engine))
    retagged = copy.deepcopy(properties(engine))
    retagged[contract.REQUEST]["tags"] = {"team": "lake"}
    resource.update(retagged)
    for run in service.runs.values():
        run.state = "RUNNING"
    resource.update(properties(engine, name="other"))
    resource.delete()
    assert MARKER in str([run.request for run in service.runs.values()])
    assert "started job run" in caplog.text
    assert MARKER not in records(caplog) + str(resource.data) + resource.physical_id


@pytest.mark.parametrize("engine", ENGINES)
def test_the_error_of_a_failed_run_has_only_what_the_service_and_the_driver_said(
    engine: str, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    resource = ending_as(service, "FAILED", "ExitCode: 1.")
    with pytest.raises(RequestFailed) as failed:
        resource.create(properties(engine))
    assert "ExitCode: 1." in str(failed.value)
    assert "ValueError: no such column" in str(failed.value)
    assert MARKER not in str(failed.value) + records(caplog)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("code", ["ValidationException", "InternalServerException", "AccessDeniedException"])
def test_a_refused_submission_is_reported_in_the_service_s_words(
    engine: str, code: str, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    service.next_answers += [Refused(code, message="no such release")] * 1000
    with pytest.raises(RequestFailed) as refused:
        ending_as(service, "SUCCESS").create(properties(engine))
    assert "no such release" in str(refused.value)
    assert MARKER not in str(refused.value) + records(caplog)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_wait_that_times_out_tells_nothing_sensitive(
    engine: str, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    def cancelled(_: int) -> None:
        for run in service.active_runs():
            run.state = "CANCELLED" if run.state == "CANCELLING" else "RUNNING"

    resource = CustomResource(service, between_polls=cancelled, logs=Logs([]))
    with pytest.raises(RequestFailed) as failed:
        resource.create(properties(engine))
    assert "was cancelled" in str(failed.value)
    assert MARKER not in str(failed.value) + records(caplog)


@pytest.fixture(scope="module")
def stack() -> Stack:
    """The functions and log groups that a job run is deployed with."""
    stack = new_stack()
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    job = SparkJob(stack, "Etl", application=application, entry_point=Code.from_uri("s3://code/etl.py"))
    JobRun(stack, "EtlOnDeploy", job=job)
    return stack


def test_the_state_machine_does_not_log_requests(stack: Stack) -> None:
    (state_machine,) = resources(stack, "AWS::StepFunctions::StateMachine").values()
    assert "LoggingConfiguration" not in state_machine["Properties"]


def test_logs_of_functions_and_jobs_are_kept_for_a_limited_time(stack: Stack) -> None:
    groups = resources(stack, "AWS::Logs::LogGroup")
    assert len(groups) == 2
    for group in groups.values():
        assert group["Properties"]["RetentionInDays"] == 30
        assert group["DeletionPolicy"] == "Delete"
    used = {
        function["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]
        for function in resources(stack, "AWS::Lambda::Function").values()
    }
    assert used <= groups.keys()
    assert len(used) == 1
