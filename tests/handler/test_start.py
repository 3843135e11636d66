"""The function that takes CloudFormation's requests."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from constructs_emrs.handler import clients, contract, functions, response, services

EVENT = {
    "RequestType": "Create",
    "RequestId": "0000-1",
    "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/Lake/1",
    "LogicalResourceId": "EtlOnDeploy",
    "ResourceType": contract.JOB_RUN_TYPE,
    "ResponseURL": "https://cloudformation/1",
    "ResourceProperties": {},
}


class ExecutionAlreadyExists(ClientError):
    """What Step Functions says of a name that was used."""


class StepFunctions:
    """Step Functions with the names of its executions."""

    class exceptions:  # noqa: N801 - botocore's name
        """The errors of the service."""

        ExecutionAlreadyExists = ExecutionAlreadyExists

    def __init__(self) -> None:
        self.executions: dict[str, dict[str, Any]] = {}
        self.errors: list[str] = []

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> None:  # noqa: A002, N803 - the API's names
        """The API's."""
        assert stateMachineArn == "arn:machine"
        assert len(name) <= 80
        if self.errors:
            code = self.errors.pop(0)
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, "StartExecution")
        if name in self.executions:
            raise ExecutionAlreadyExists({"Error": {"Code": "ExecutionAlreadyExists"}}, "StartExecution")
        self.executions[name] = json.loads(input)


class Clock:
    """The clock of the function, which goes on when it sleeps."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def time(self) -> float:
        """The seconds since the epoch."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(services, "time", clock)
    return clock


@pytest.fixture
def step_functions(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> StepFunctions:  # noqa: ARG001 - no real waiting
    service = StepFunctions()
    monkeypatch.setenv(contract.STATE_MACHINE_ARN, "arn:machine")
    monkeypatch.setattr(clients, "step_functions", lambda: service)
    return service


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(response, "put", lambda _, body: sent.append(json.loads(body)))
    return sent


def test_a_request_becomes_an_execution(step_functions: StepFunctions) -> None:
    functions.start(EVENT)
    (state,) = step_functions.executions.values()
    assert state["RequestId"] == "0000-1"
    assert state["Progress"] == {}
    assert state["AskedAt"] == 1_800_000_000


def test_the_date_of_the_answer_s_url_says_when_cloudformation_asked(step_functions: StepFunctions) -> None:
    functions.start({**EVENT, "ResponseURL": "https://s3/1?X-Amz-Date=20261125T175300Z&X-Amz-Expires=7200"})
    (state,) = step_functions.executions.values()
    assert state["AskedAt"] == datetime(2026, 11, 25, 17, 53, tzinfo=UTC).timestamp()


def test_the_time_at_which_a_url_expires_proves_nothing(step_functions: StepFunctions) -> None:
    functions.start({**EVENT, "ResponseURL": "https://s3/1?AWSAccessKeyId=AKIA&Expires=1700000000&Signature=0"})
    (state,) = step_functions.executions.values()
    assert state["AskedAt"] == 1_800_000_000


def test_step_functions_may_be_busy_for_ten_minutes(step_functions: StepFunctions, clock: Clock) -> None:
    began = clock.now
    throttled = ClientError({"Error": {"Code": "ThrottlingException", "Message": "no"}}, "StartExecution")

    def busy(**_: str) -> None:
        if clock.now - began < 600:
            raise throttled

    step_functions.start_execution = busy  # type: ignore[method-assign]
    for pause in (60, 120):
        with pytest.raises(ClientError):
            functions.start(EVENT)
        clock.sleep(pause)  # Lambda's, before it delivers the event again
    functions.start(EVENT)


def test_an_update_whose_properties_fit_only_once_is_started(step_functions: StepFunctions) -> None:
    large = {contract.REQUEST: {"applicationId": "00app1", "executionRoleArn": "arn:role", "query": "x" * 180_000}}
    functions.start({**EVENT, "RequestType": "Update", "ResourceProperties": large, "OldResourceProperties": large})
    (state,) = step_functions.executions.values()
    assert len(json.dumps(state)) < contract.STATE_BYTES - contract.RESERVED_BYTES


def test_a_request_that_no_execution_can_carry_is_answered(
    step_functions: StepFunctions, answers: list[dict[str, Any]]
) -> None:
    functions.start({**EVENT, "ResourceProperties": {contract.REQUEST: {"query": "x" * 260_000}}})
    assert step_functions.executions == {}
    (sent,) = answers
    assert sent["Status"] == "FAILED"
    assert "take 260," in sent["Reason"]
    assert "Put what is long into a file" in sent["Reason"]


def test_a_request_that_is_delivered_again_changes_nothing(step_functions: StepFunctions) -> None:
    for _ in range(3):
        functions.start(EVENT)
    assert len(step_functions.executions) == 1
    functions.start({**EVENT, "RequestId": "0000-2"})
    assert len(step_functions.executions) == 2


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException"])
def test_a_policy_that_is_not_visible_yet_is_waited_for(step_functions: StepFunctions, code: str) -> None:
    step_functions.errors = [code] * 5
    functions.start(EVENT)
    assert len(step_functions.executions) == 1


def test_lambda_delivers_again_what_is_throttled_for_long(step_functions: StepFunctions) -> None:
    step_functions.errors = ["ThrottlingException"] * 100
    with pytest.raises(ClientError):
        functions.start(EVENT)


def test_a_policy_that_forbids_it_for_good_is_told(
    step_functions: StepFunctions, answers: list[dict[str, Any]]
) -> None:
    step_functions.errors = ["AccessDeniedException"] * 100
    functions.start(EVENT)
    (sent,) = answers
    assert sent["Reason"] == "StartExecution was refused: AccessDeniedException: no"


def test_a_request_that_can_never_be_started_is_answered(
    step_functions: StepFunctions, answers: list[dict[str, Any]]
) -> None:
    step_functions.errors = ["InvalidExecutionInput"]
    functions.start(EVENT)
    (sent,) = answers
    assert sent["Status"] == "FAILED"
    assert sent["PhysicalResourceId"] == "failed/0000-1"
    assert sent["Reason"] == "StartExecution was refused: InvalidExecutionInput: no"
