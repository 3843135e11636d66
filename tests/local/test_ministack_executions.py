"""An execution of a state machine ends once, whatever happens at the same moment."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from ministack.services import stepfunctions

from emrs_local.ministack.executions import end_executions_once

ARN = "arn:aws:states:us-east-1:000000000000:execution:passing:it"
REPLACED = ("_executions", "_run_execution", "_add_event", "_fail_execution", "_stop_execution")


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> str:
    """A state machine of ministack in this process, which is as it was afterwards."""
    for name in REPLACED:
        monkeypatch.setattr(stepfunctions, name, getattr(stepfunctions, name))
    monkeypatch.setattr(stepfunctions, "_state_machines", type(stepfunctions._state_machines)())
    monkeypatch.setattr(stepfunctions, "_emit_execution_status_event", lambda _: None)
    end_executions_once()
    definition = json.dumps({"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}})
    created = call(stepfunctions._create_state_machine, name="passing", roleArn="arn:role", definition=definition)
    return str(created["stateMachineArn"])


def call(operation: Callable[[dict[str, Any]], Any], **request: Any) -> dict[str, Any]:
    status, _, body = operation(request)
    return {"status_code": status, **json.loads(body)}


def history() -> list[str]:
    return [event["type"] for event in stepfunctions._executions[ARN]["events"]]


def stop() -> dict[str, Any]:
    return call(stepfunctions._stop_execution, executionArn=ARN, cause="enough")


def test_one_that_is_stopped_as_its_last_state_is_done_does_not_succeed(
    machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped: list[dict[str, Any]] = []

    def dumps(value: Any) -> str:
        # It has been seen to run, and is about to say that it has succeeded.
        if history()[-1:] == ["PassStateExited"] and not stopped:
            stopped.append(stop())
        return json.dumps(value)

    changed = SimpleNamespace(dumps=dumps, loads=json.loads, JSONDecodeError=json.JSONDecodeError)
    monkeypatch.setattr(stepfunctions, "json", changed)
    ran = call(stepfunctions._start_sync_execution, stateMachineArn=machine, name="it")
    assert [answer["status_code"] for answer in stopped] == [200]
    assert ran["status"] == "ABORTED"
    assert history()[-1] == "ExecutionAborted"
    assert call(stepfunctions._describe_execution, executionArn=ARN)["cause"] == "enough"
    assert stop() == stopped[0]


def test_one_that_succeeds_as_it_is_stopped_has_not_been_stopped(machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = stepfunctions.now_iso
    stopped: list[dict[str, Any]] = []

    def add(execution: dict[str, Any], event: str, details: dict[str, Any] | None = None) -> None:
        if event == "PassStateEntered":
            monkeypatch.setattr(stepfunctions, "now_iso", first_end)
            stopped.append(stop())
        original(execution, event, details)

    def first_end() -> str:
        # It has been seen to run, and is about to be stopped.
        monkeypatch.setattr(stepfunctions, "now_iso", now)
        execution = stepfunctions._executions[ARN]
        execution["status"] = "SUCCEEDED"
        execution["stopDate"] = now()
        original(execution, "ExecutionSucceeded")
        return str(now())

    original = stepfunctions._add_event
    monkeypatch.setattr(stepfunctions, "_add_event", add)
    ran = call(stepfunctions._start_sync_execution, stateMachineArn=machine, name="it")
    assert ran["status"] == "SUCCEEDED"
    assert [answer["status_code"] for answer in stopped] == [400]
    assert history() == ["ExecutionStarted", "ExecutionSucceeded"]


def test_what_is_known_of_its_end_is_there_when_it_is_seen_to_have_ended(
    machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = stepfunctions.now_iso
    seen: list[dict[str, Any]] = []

    def look() -> str:
        seen.append(call(stepfunctions._describe_execution, executionArn=ARN))
        return str(now())

    start = {"stateMachineArn": machine, "name": "it", "input": '{"day": 1}'}
    add = stepfunctions._add_event

    def begin_to_look(*event: Any) -> None:
        monkeypatch.setattr(stepfunctions, "now_iso", look)
        add(*event)

    monkeypatch.setattr(stepfunctions, "_add_event", begin_to_look)
    call(stepfunctions._start_sync_execution, **start)
    monkeypatch.setattr(stepfunctions, "now_iso", now)
    assert {found["status"] for found in seen} == {"RUNNING"}
    ended = call(stepfunctions._describe_execution, executionArn=ARN)
    assert (ended["status"], ended["output"], history()[-1]) == ("SUCCEEDED", '{"day": 1}', "ExecutionSucceeded")
