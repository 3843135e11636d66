"""A rollback ends with the streams that ran before, whatever has failed."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from constructs_emrs.handler import contract
from tests.handler.application_stack import BEFORE_UPDATE, OTHER, STOP, ApplicationStack, Definition, advance
from tests.handler.direct_client import DirectService
from tests.handler.in_memory_service import APPLICATION, Killed, Refused, Run

FIRST = Definition(jobs=(("Stream", 1), ("Stream2", 1), ("Batch", 1)))
CHANGED = replace(FIRST, application=2)


def step(stack: ApplicationStack) -> bool:
    """Let CloudFormation, the service and the execution that is due go on; whether any execution is left."""
    stack.go_on()
    for run in stack.service.active_runs():
        advance(run)
    active = stack.cloudformation.active()
    if active:
        stack.cloudformation.step(active[0])
    stack.go_on()
    return bool(active)


def settle(stack: ApplicationStack, *, most: int = 3000) -> None:
    """Let everything end well: requests, job runs, what goes on after an answer."""
    for _ in range(most):
        if not step(stack) and all(run.state == "RUNNING" for run in stack.service.active_runs()):
            return
    raise AssertionError(f"it does not come to an end: {stack.status}")


def come_to_rest(stack: ApplicationStack) -> None:
    """Let the operation end; what goes on after that is left where it is."""
    while not stack.is_stable:
        step(stack)


def deployed(definition: Definition = FIRST, *, application_first: bool = False) -> ApplicationStack:
    """A stack whose streams run."""
    random.seed(0)  # the handler's jitter
    stack = ApplicationStack(DirectService(), definition, application_first=application_first)
    settle(stack)
    assert stack.status == "CREATE_COMPLETE"
    return stack


def names(stack: ApplicationStack) -> list[str]:
    """The names of the streams that run."""
    return sorted(run.request["name"] for run in stack.service.active_runs() if run.state == "RUNNING")


STREAMS = ["Stream-1", "Stream2-1"]


@pytest.mark.parametrize("application_first", [False, True])
@pytest.mark.parametrize("fails_at", ["the application", STOP, "Stream", "Stream2", OTHER])
def test_a_rollback_ends_with_the_streams_that_ran_before(fails_at: str, application_first: bool) -> None:
    stack = deployed(application_first=application_first)
    before = [run.run_id for run in stack.service.active_runs() if run.request["mode"] == "STREAMING"]
    refused = fails_at == "the application"
    stack.deploy(replace(CHANGED, is_refused=refused), fails_at="" if refused else fails_at)
    come_to_rest(stack)
    if application_first and fails_at in ("Stream2", OTHER):
        # The new streams run when the application is sent back: no request comes between. Somebody tries again.
        assert stack.status == "UPDATE_ROLLBACK_FAILED"
        stack.continue_rollback()
    settle(stack)
    assert stack.status == "UPDATE_ROLLBACK_COMPLETE"
    assert names(stack) == STREAMS
    assert not {run.run_id for run in stack.service.active_runs()} & set(before)


def test_a_stream_comes_back_as_it_was_asked_for() -> None:
    stack = deployed()
    (before,) = stack.active("Stream")
    stack.deploy(replace(CHANGED, is_refused=True))
    settle(stack)
    (back,) = stack.active("Stream")
    assert back.request["tags"].pop(contract.REQUEST_ID_TAG) != before.request["tags"].pop(contract.REQUEST_ID_TAG)
    del before.request["tags"][contract.STOPPED_TAG], before.request["tags"][contract.SUCCESSOR_TAG]
    del before.request["clientToken"], back.request["clientToken"]
    assert back.request == before.request


def test_a_stream_comes_back_within_five_minutes_of_the_rollback_s_end() -> None:
    stack = deployed()
    stack.deploy(replace(CHANGED, is_refused=True))
    come_to_rest(stack)
    began = stack.service.now
    settle(stack)
    assert (max(run.created_at for run in stack.service.active_runs()) - began).total_seconds() < 300


def test_a_rollback_that_takes_hours_is_waited_for() -> None:
    stack = deployed()
    stack.deploy(replace(CHANGED, is_refused=True))
    come_to_rest(stack)
    # Another resource takes its time to go back.
    stack.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    began = stack.cloudformation.now
    while stack.cloudformation.now - began < 8 * 3600:
        step(stack)
    assert names(stack) == []
    stack.cloudformation.status = "UPDATE_ROLLBACK_COMPLETE"
    settle(stack)
    assert names(stack) == STREAMS


def test_streams_of_other_stacks_and_of_nobody_do_not_come_back() -> None:
    stack = deployed()
    for number, tags in enumerate([{contract.STACK_TAG: "another", contract.LOGICAL_ID_TAG: "Stream"}, {}]):
        request = {"executionRoleArn": "role", "clientToken": str(number), "mode": "STREAMING", "tags": tags}
        stack.service.runs[f"theirs{number}"] = Run(
            f"theirs{number}", APPLICATION, request, stack.service.now, "RUNNING"
        )
    stack.deploy(replace(CHANGED, is_refused=True))
    settle(stack)
    assert names(stack) == STREAMS
    assert all(contract.STOPPED_TAG not in stack.service.runs[f"theirs{n}"].request["tags"] for n in range(2))


def test_a_stream_that_somebody_has_cancelled_before_does_not_come_back() -> None:
    stack = deployed()
    stack.active("Stream")[0].state = "CANCELLED"
    stack.deploy(replace(CHANGED, is_refused=True))
    settle(stack)
    assert names(stack) == ["Stream2-1"]


def test_nothing_is_started_in_a_stack_that_is_deleted_meanwhile() -> None:
    stack = deployed()
    stack.deploy(replace(CHANGED, is_refused=True))
    come_to_rest(stack)
    started = len(stack.service.runs)
    stack.delete()
    settle(stack)
    assert stack.status == "DELETE_COMPLETE"
    assert len(stack.service.runs) == started
    assert stack.service.active_runs() == []


def test_a_stack_that_is_deleted_later_leaves_no_stream() -> None:
    stack = deployed()
    stack.deploy(replace(CHANGED, is_refused=True))
    settle(stack)
    stack.delete()
    settle(stack)
    assert stack.status == "DELETE_COMPLETE"
    assert stack.service.active_runs() == []


def test_a_job_run_that_leaves_the_stack_later_ends_the_stream_that_came_back() -> None:
    stack = deployed()
    stack.deploy(replace(CHANGED, is_refused=True))
    settle(stack)
    stack.deploy(replace(FIRST, jobs=(("Stream", 1), ("Batch", 1))))
    settle(stack)
    assert stack.status == "UPDATE_COMPLETE"
    assert names(stack) == ["Stream-1"]


def test_a_job_run_that_changes_later_replaces_the_stream_that_came_back() -> None:
    stack = deployed()
    stack.deploy(replace(CHANGED, is_refused=True))
    settle(stack)
    stack.deploy(replace(FIRST, jobs=(("Stream", 2), ("Stream2", 1), ("Batch", 1))))
    settle(stack)
    assert names(stack) == ["Stream-2", "Stream2-1"]


def test_an_unchanged_update_later_names_and_tags_the_stream_that_came_back() -> None:
    stack = deployed()
    stack.deploy(replace(CHANGED, is_refused=True))
    settle(stack)
    (back,) = stack.active("Stream")
    stack.deploy(replace(FIRST, seconds=600))
    settle(stack)
    assert stack.active("Stream") == [back]
    assert stack.data["Stream"][contract.JOB_RUN_ID] == back.run_id
    assert stack.data["Stream"][contract.JOB_RUN_ARN] == back.arn


def test_a_stream_comes_back_again_and_again() -> None:
    stack = deployed()
    for _ in range(3):
        stack.deploy(replace(CHANGED, is_refused=True))
        settle(stack)
        assert stack.status == "UPDATE_ROLLBACK_COMPLETE"
        assert names(stack) == STREAMS


def test_a_later_update_of_the_application_starts_the_stream_that_came_back_again() -> None:
    stack = deployed()
    stack.deploy(replace(CHANGED, is_refused=True))
    settle(stack)
    stack.deploy(CHANGED)
    settle(stack)
    assert stack.status == "UPDATE_COMPLETE"
    assert names(stack) == STREAMS
    assert stack.refused_as_started == 0


@pytest.mark.parametrize("fault", ["killed", "lost"])
@pytest.mark.parametrize("operation", ["start_job_run", "tag_resource", "after start_job_run", "after tag_resource"])
def test_a_function_that_is_ended_anywhere_starts_a_stream_once(operation: str, fault: str) -> None:
    stack = deployed(replace(FIRST, jobs=(("Stream", 1),)))
    stack.deploy(replace(CHANGED, is_refused=True, jobs=(("Stream", 1),)))
    times = iter(range(3))

    def interfere(name: str) -> None:
        if name == operation and next(times, None) is not None:
            if fault == "killed":
                raise Killed
            raise Refused("InternalServerException", 500)

    stack.service.interfere = interfere
    settle(stack)
    assert names(stack) == ["Stream-1"]
    assert len(stack.service.runs) == 2


def test_a_function_that_is_ended_again_and_again_answers_nothing_a_second_time() -> None:
    stack = deployed()
    stack.deploy(replace(CHANGED, is_refused=True))

    def interfere(name: str) -> None:
        if name == "ListStackResources":
            raise Killed

    stack.service.interfere = interfere
    for _ in range(400):
        step(stack)
    stack.service.interfere = lambda _: None
    settle(stack)
    assert names(stack) == STREAMS
    assert all(len(answers) == 1 for answers in stack.cloudformation.answers.values())


def test_a_stream_that_is_refused_is_given_up_after_ten_minutes_and_the_others_come_back() -> None:
    stack = deployed()
    service: Any = stack.service
    start = service._start_job_run

    def refuse(application_id: str, *, body: dict[str, Any], **others: Any) -> dict[str, Any]:
        if body["name"] == "Stream-1":
            raise Refused("ValidationException", message="no such role")
        answer: dict[str, Any] = start(application_id, body=body, **others)
        return answer

    service._start_job_run = refuse
    stack.deploy(replace(CHANGED, is_refused=True))
    come_to_rest(stack)
    began = stack.cloudformation.now
    settle(stack)
    assert names(stack) == ["Stream2-1"]
    assert 600 <= stack.cloudformation.now - began < 1200


@pytest.mark.parametrize("how", ["take back", "deploy the old one", "deploy a third one"])
def test_streams_come_back_after_an_update_that_failed_and_was_left_so(how: str) -> None:
    stack = deployed()
    stack.deploy(replace(CHANGED, is_refused=True), rolls_back=False)
    come_to_rest(stack)
    assert stack.status == "UPDATE_FAILED"
    stack.service.sleep(3 * 24 * 3600)
    if how == "take back":
        stack.take_back()
    else:
        stack.deploy(FIRST if how == "deploy the old one" else replace(FIRST, application=3))
    settle(stack)
    assert stack.status == ("UPDATE_ROLLBACK_COMPLETE" if how == "take back" else "UPDATE_COMPLETE")
    assert names(stack) == STREAMS


def test_an_update_that_the_stack_has_given_up_tags_nothing_any_more() -> None:
    stack = deployed()
    stack.deploy(replace(FIRST, own_tags=("cost",)))
    given_up = stack.cloudformation.active()[0]
    stack.service.sleep(10)
    stack.fail()
    rollback = next(one for one in stack.cloudformation.active() if one is not given_up)
    while rollback in stack.cloudformation.active():
        stack.cloudformation.step(rollback)
    settle(stack)
    assert stack.status == "UPDATE_ROLLBACK_COMPLETE"
    assert stack.service.application_tags[APPLICATION].keys() == {contract.STACK_TAG}


def test_an_update_that_the_stack_has_given_up_stops_nothing_any_more() -> None:
    stack = deployed()
    stack.deploy(CHANGED)
    (name, _), given_up = stack.asked[-1], stack.cloudformation.active()[0]
    assert name == BEFORE_UPDATE
    stack.service.sleep(2)
    stack.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    stack.cloudformation.step(given_up)
    assert names(stack) == STREAMS
    assert "cancel_job_run" not in stack.service.calls


@pytest.mark.parametrize("operation", ["start_job_run", "after start_job_run", "tag_resource", "after tag_resource"])
def test_a_call_that_takes_as_long_as_a_whole_deployment_leaves_one_stream(operation: str) -> None:
    one = replace(FIRST, jobs=(("Stream", 1),))
    stack = deployed(one)
    stack.deploy(replace(one, application=2, is_refused=True))
    come_to_rest(stack)
    returning = stack.cloudformation.active()
    times = iter(range(1))

    def interfere(name: str) -> None:
        if name == operation and next(times, None) is not None:
            stack.deploy(replace(one, jobs=(("Stream", 2),)))
            while not stack.is_stable:
                stack.go_on()
                for run in stack.service.active_runs():
                    advance(run)
                for execution in stack.cloudformation.active():
                    if execution not in returning:
                        stack.cloudformation.step(execution)

    stack.service.interfere = interfere
    settle(stack)
    assert next(times, None) is None
    assert stack.status == "UPDATE_COMPLETE"
    assert names(stack) == ["Stream-2"]
