"""Waiting for longer than the hour that CloudFormation gives a custom resource, in simulated time."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import Any

import pytest
from aws_cdk import Duration

from constructs_emrs import Application, Code, JobRun, ReleaseLabel, SparkJob
from constructs_emrs.handler import contract
from constructs_emrs.handler.failure import RequestFailed
from tests.handler.direct_client import DirectService
from tests.handler.in_memory_cloudformation import CustomResource
from tests.handler.in_memory_service import APPLICATION, Run
from tests.handler.test_failure import Logs
from tests.templates import new_stack, resources

HOUR = 3600


class Deployment:
    """A stack whose job run takes some time, deployed resource by resource as CloudFormation does it."""

    def __init__(self, *, wait_timeout: Duration, takes: timedelta, ends_as: str = "SUCCESS", **arguments: Any) -> None:
        self.service = DirectService()
        self._takes, self._ends_as = takes, ends_as
        self._resources: dict[str, CustomResource] = {}
        self._templates = custom_resources(wait_timeout, **arguments)

    def create(self) -> None:
        """Create one resource after the other."""
        self._each("create")

    def delete(self) -> None:
        """Delete them, the last one first."""
        for resource in reversed(self._resources.values()):
            resource.delete()

    def update(self, **changes: Any) -> None:
        """Deploy a changed job."""
        for template in self._templates:
            template.get(contract.REQUEST, {}).update(changes)
        self._each("update")

    def roll_back(self) -> None:
        """Undo the update that failed."""
        for template in self._templates:
            template.get(contract.REQUEST, {}).pop("name", None)
        self._each("roll_back")

    @property
    def outputs(self) -> dict[str, str]:
        """What Fn::GetAtt says of the last resource."""
        return list(self._resources.values())[-1].data

    def _each(self, request: str) -> None:
        arn = ""
        for template in self._templates:
            name = template["LogicalId"]
            resource = self._resources.setdefault(
                name, CustomResource(self.service, template["Type"], name, self._let_runs_end, logs=Logs(["no column"]))
            )
            properties = {key: value for key, value in template.items() if key not in {"LogicalId", "Type"}}
            properties |= {contract.JOB_RUN_ARN: arn} if contract.JOB_RUN_ARN in properties else {}
            getattr(resource, request)(json.loads(json.dumps(properties)))
            arn = resource.data[contract.JOB_RUN_ARN]

    def _let_runs_end(self, _: int) -> None:
        for run in self.service.active_runs():
            if run.state == "CANCELLING":
                run.state = "CANCELLED"
            elif self.service.now - run.created_at >= self._takes:
                run.state = self._ends_as
            else:
                run.state = "RUNNING"


def custom_resources(wait_timeout: Duration, **arguments: Any) -> list[dict[str, Any]]:
    """The properties of the custom resources of a run, in the order of their dependencies."""
    stack = new_stack()
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    job = SparkJob(stack, "Etl", application=application, entry_point=Code.from_uri("s3://code/etl.py"))
    JobRun(stack, "EtlOnDeploy", job=job, wait_timeout=wait_timeout, **arguments)
    found = []
    for resource_type in (contract.JOB_RUN_TYPE, contract.JOB_RUN_WAIT_TYPE):
        for name, resource in resources(stack, resource_type).items():
            properties = {key: value for key, value in resource["Properties"].items() if key != "ServiceToken"}
            found.append({"LogicalId": name, "Type": resource_type, **properties})
    found[0][contract.REQUEST] = {
        "applicationId": APPLICATION,
        "executionRoleArn": "arn:aws:iam::123456789012:role/Etl",
        "jobDriver": {"sparkSubmit": {"entryPoint": "s3://code/etl.py"}},
        "configurationOverrides": {
            "monitoringConfiguration": {"cloudWatchLoggingConfiguration": {"enabled": True, "logGroupName": "Lake-Etl"}}
        },
    }
    return found


def only_run(deployment: Deployment) -> Run:
    (run,) = deployment.service.runs.values()
    return run


@pytest.mark.parametrize(
    ("wait_timeout", "count"),
    [
        (Duration.minutes(1), 1),
        (Duration.minutes(55), 1),
        (Duration.minutes(56), 2),
        (Duration.hours(2), 3),
        (Duration.hours(12), 14),
    ],
)
def test_a_wait_takes_one_resource_for_each_55_minutes(wait_timeout: Duration, count: int) -> None:
    assert len(custom_resources(wait_timeout)) == count


def test_a_run_of_eleven_hours_is_waited_for() -> None:
    deployment = Deployment(wait_timeout=Duration.hours(12), takes=timedelta(hours=11))
    deployment.create()
    assert only_run(deployment).state == "SUCCESS"
    assert deployment.outputs[contract.JOB_RUN_ID] == only_run(deployment).run_id
    assert deployment.outputs[contract.APPLICATION_ID] == APPLICATION


def test_the_failure_of_a_run_of_eleven_hours_fails_the_deploy_with_its_own_error() -> None:
    deployment = Deployment(wait_timeout=Duration.hours(12), takes=timedelta(hours=11), ends_as="FAILED")
    with pytest.raises(RequestFailed, match=r"(?s)00run1.*FAILED.*no column"):
        deployment.create()


def test_a_run_that_takes_longer_than_its_long_wait_is_cancelled_and_fails_the_deploy() -> None:
    deployment = Deployment(wait_timeout=Duration.hours(3), takes=timedelta(hours=4))
    began = deployment.service.now
    with pytest.raises(RequestFailed, match="did not reach the state of wait_for within 3:00:00"):
        deployment.create()
    assert only_run(deployment).state == "CANCELLED"
    assert timedelta(hours=3) <= deployment.service.now - began < timedelta(hours=3, minutes=5)


def test_a_long_wait_that_ends_in_minutes_of_cancelling_logs_the_reason_last(caplog: pytest.LogCaptureFixture) -> None:
    deployment = Deployment(wait_timeout=Duration.hours(3), takes=timedelta(hours=4))
    deployment.service.polls_to_cancel = 100
    deployment._let_runs_end = lambda _: None  # type: ignore[method-assign]  # the service ends what is cancelled
    with pytest.raises(RequestFailed) as failed:
        deployment.create()
    *_, last = (record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR)
    assert last == f"{failed.value}\nno column"


def test_a_short_run_is_not_held_up_by_a_long_wait() -> None:
    deployment = Deployment(wait_timeout=Duration.hours(12), takes=timedelta(minutes=2))
    began = deployment.service.now
    deployment.create()
    assert deployment.service.now - began < timedelta(minutes=3)


def test_an_update_waits_for_the_new_run_as_long() -> None:
    deployment = Deployment(wait_timeout=Duration.hours(4), takes=timedelta(hours=3))
    deployment.create()
    deployment.update(name="other")
    assert [run.state for run in deployment.service.runs.values()] == ["SUCCESS", "SUCCESS"]
    assert deployment.outputs[contract.JOB_RUN_ID] == "00run2"


def test_a_rollback_does_not_wait_for_what_it_goes_back_to() -> None:
    deployment = Deployment(wait_timeout=Duration.hours(4), takes=timedelta(hours=3))
    deployment.create()
    deployment._ends_as = "FAILED"
    with pytest.raises(RequestFailed):
        deployment.update(name="other")
    began = deployment.service.now
    deployment.roll_back()
    assert deployment.service.now - began < timedelta(minutes=1)
    assert len(deployment.service.runs) == 2


def test_the_deletion_of_a_stack_that_waits_long_ends_the_run() -> None:
    deployment = Deployment(wait_timeout=Duration.hours(4), takes=timedelta(hours=3))
    deployment.create()
    only_run(deployment).state = "RUNNING"
    deployment.delete()
    assert only_run(deployment).state == "CANCELLED"


def test_a_longer_wait_for_a_run_of_long_ago_leaves_it_alone() -> None:
    deployment = Deployment(wait_timeout=Duration.hours(3), takes=timedelta(hours=100))
    first, *waits = deployment._templates
    deployment._templates = [{**first, contract.WAIT_FOR: "SUBMITTED"}]
    deployment.create()
    deployment.service.sleep(10 * HOUR)
    deployment._templates = waits
    arn = only_run(deployment).arn
    for template in waits:
        template[contract.JOB_RUN_ARN] = arn
    wait = CustomResource(deployment.service, contract.JOB_RUN_WAIT_TYPE, "Wait2", deployment._let_runs_end)
    wait.create({key: value for key, value in waits[0].items() if key not in {"LogicalId", "Type"}})
    assert only_run(deployment).state != "CANCELLED"


def test_a_run_that_succeeds_before_its_cancellation_comes_was_waited_for_long_enough() -> None:
    deployment = Deployment(wait_timeout=Duration.hours(3), takes=timedelta(hours=4))

    def succeed(operation: str) -> None:
        if operation == "cancel_job_run":
            only_run(deployment).state = "SUCCESS"

    deployment.service.interfere = succeed
    deployment.create()
    assert deployment.service.calls.count("cancel_job_run") == 1
    assert deployment.outputs[contract.JOB_RUN_ID] == only_run(deployment).run_id
