"""The function that takes CloudFormation's requests."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from constructs_emrs.handler import answer, clients, contract, functions

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

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> None:  # noqa: A002, N803
        """The API's."""
        assert stateMachineArn == "arn:machine"
        assert len(name) <= 80
        if self.errors:
            code = self.errors.pop(0)
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, "StartExecution")
        if name in self.executions:
            raise ExecutionAlreadyExists({"Error": {"Code": "ExecutionAlreadyExists"}}, "StartExecution")
        self.executions[name] = json.loads(input)


class CloudFormation:
    """CloudFormation with one stack."""

    def describe_stacks(self, **_: str) -> dict[str, Any]:
        """The API's."""
        return {"Stacks": [{"StackStatus": "UPDATE_ROLLBACK_IN_PROGRESS"}]}


@pytest.fixture
def step_functions(monkeypatch: pytest.MonkeyPatch) -> StepFunctions:
    service = StepFunctions()
    monkeypatch.setenv(contract.STATE_MACHINE_ARN, "arn:machine")
    monkeypatch.setattr(clients, "step_functions", lambda: service)
    monkeypatch.setattr(clients, "cloudformation", CloudFormation)
    monkeypatch.setattr("constructs_emrs.handler.functions.time.sleep", lambda _: None)
    return service


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(answer, "put", lambda _, body: sent.append(json.loads(body)))
    return sent


def test_a_request_becomes_an_execution(step_functions: StepFunctions) -> None:
    functions.start(EVENT)
    (state,) = step_functions.executions.values()
    assert state["RequestId"] == "0000-1"
    assert state["Progress"] == {}
    assert state["StackStatus"] == "UPDATE_ROLLBACK_IN_PROGRESS"


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
