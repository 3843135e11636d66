"""Rules that generated histories seldom put to the test: a history by hand for each, and the broken rule is noticed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from constructs_emrs.handler import contract, deadlines, delays
from constructs_emrs.handler.failure import RequestFailed
from constructs_emrs.handler.job_run_resource import JobRunResource
from tests.handler import state_machine
from tests.handler.in_memory_cloudformation import CustomResource, Pending
from tests.handler.in_memory_service import Killed, Refused, Service
from tests.handler.rates import RATES
from tests.handler.test_job_run_lifecycle import properties
from tests.handler.test_rates import BigStack

Patch = pytest.MonkeyPatch
Rule = Callable[[], None]


@pytest.fixture(autouse=True)
def same_jitter_each_time() -> None:
    random.seed(0)


def stream(name: str) -> dict[str, Any]:
    """A definition of a stream that nobody waits for."""
    return {**properties(name=name, mode="STREAMING", wait_for="SUBMITTED"), contract.RUN_ON_ROLLBACK: True}


def answer_to(resource: CustomResource, pending: Pending) -> dict[str, Any]:
    """Let the execution that was started last answer, whatever others there are."""
    execution = list(resource.cloudformation.executions.values())[-1]
    while pending.answer is None:
        assert execution.is_running
        resource.cloudformation.step(execution)
    return pending.answer


def names_of_active(service: Service) -> list[str]:
    return [run.request["name"] for run in service.active_runs()]


def update_during_whose_call_the_stack_is_rolled_back(call: str) -> None:
    """The call hangs until CloudFormation has failed, rolled back and is done with it."""
    service = Service()
    resource = CustomResource(service)
    resource.create(stream("old"))
    before, cloudformation = resource.physical_id, resource.cloudformation
    service.sleep(2)
    cloudformation.status = "UPDATE_IN_PROGRESS"
    kind = (resource.logical_id, resource.resource_type)
    forward = cloudformation.send("Update", *kind, stream("new"), old=stream("old"), physical_id=before)

    def interfere(name: str) -> None:
        if name != call:
            return
        service.interfere = lambda _: None
        service.sleep(2)
        cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        service.sleep(2)
        back = cloudformation.send("Update", *kind, stream("old"), old=stream("new"), physical_id=before)
        resource.physical_id = answer_to(resource, back)["PhysicalResourceId"]
        cloudformation.status = "UPDATE_ROLLBACK_COMPLETE"

    service.interfere = interfere
    answer = resource.answer_to(forward)
    assert names_of_active(service) == ["old"]
    assert service.active_runs()[0].arn == resource.physical_id, "it is the one that the rollback has started"
    assert "does not want what this request asks for" in answer["Reason"]


def a_run_that_starts_when_the_stack_was_rolled_back_is_ended() -> None:
    update_during_whose_call_the_stack_is_rolled_back("start_job_run")


def a_run_that_a_rollback_has_started_is_left_alone() -> None:
    update_during_whose_call_the_stack_is_rolled_back("get_job_run")


def a_resource_whose_id_names_no_run_gets_one() -> None:
    """CloudFormation may call what could not be created once more, though nothing changed."""
    service = Service()
    resource = CustomResource(service)
    service.next_answers = [Refused("ValidationException")]
    with pytest.raises(RequestFailed):
        resource.create(stream("etl"))
    resource.properties = stream("etl")
    resource.update(stream("etl"))
    assert names_of_active(service) == ["etl"]


def a_run_may_take_twenty_minutes_to_end() -> None:
    service = Service()
    resource = CustomResource(service)
    resource.create(stream("old"))
    service.polls_to_cancel = 600  # of two seconds each
    began = service.now
    resource.update(stream("new"))
    assert (service.now - began).total_seconds() > 1000
    assert names_of_active(service) == ["new"]


def a_run_may_take_53_minutes() -> None:
    service = Service()
    resource = CustomResource(service)
    began = service.now

    def end(_: int) -> None:
        for run in service.runs.values():
            run.state = "RUNNING" if (service.now - began).total_seconds() < 53 * 60 else "SUCCESS"

    resource.between_polls = end
    resource.create(properties())
    assert [run.state for run in service.runs.values()] == ["SUCCESS"]


def a_failure_is_told_whose_log_is_not_there_yet() -> None:
    """The function waits some seconds for it."""
    service = Service()

    def fail(_: int) -> None:
        for run in service.runs.values():
            run.state, run.state_details = "FAILED", "no such column"

    logs = SimpleNamespace(get_log_events=lambda **_: {"events": []})
    monitoring = {"monitoringConfiguration": {"cloudWatchLoggingConfiguration": {"enabled": True}}}
    with pytest.raises(RequestFailed, match="no such column"):
        CustomResource(service, between_polls=fail, logs=logs).create(properties(configurationOverrides=monitoring))


def a_function_that_is_killed_again_and_again_is_answered_for() -> None:
    service = Service()

    def kill(name: str) -> None:
        if name == "start_job_run":
            raise Killed

    service.interfere = kill
    with pytest.raises(RequestFailed, match="was ended before it was done"):
        CustomResource(service).create(properties())


def a_function_that_is_always_killed_ends_its_execution() -> None:
    """Nobody waits any more, and it is given up."""
    service = Service()

    def kill(_: str) -> None:
        raise Killed

    resource = CustomResource(service)
    resource.cloudformation.status = "CREATE_IN_PROGRESS"
    resource.cloudformation.send("Create", resource.logical_id, resource.resource_type, properties())
    service.interfere = kill
    (execution,) = resource.cloudformation.executions.values()
    began = service.now
    while execution.is_running:
        resource.cloudformation.step(execution)
    hours = (service.now - began).total_seconds() / 3600
    assert 0.5 < hours < 2


def a_big_stack_leaves_half_of_the_account_s_calls_to_others() -> None:
    """GetJobRun, which is what a stack that waits calls most."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(contract.JOB_RUN_COUNT, "200")
        stack = BigStack()
        began = stack.service.now
        stack.request("Create", "CREATE_IN_PROGRESS")
        seconds = (stack.service.now - began).total_seconds()
        rate, _ = RATES["get_job_run"]
        assert stack.service.calls.count("get_job_run") < seconds * rate / 2


RULES = [
    a_run_that_starts_when_the_stack_was_rolled_back_is_ended,
    a_run_that_a_rollback_has_started_is_left_alone,
    a_resource_whose_id_names_no_run_gets_one,
    a_run_may_take_twenty_minutes_to_end,
    a_run_may_take_53_minutes,
    a_failure_is_told_whose_log_is_not_there_yet,
    a_function_that_is_killed_again_and_again_is_answered_for,
    a_function_that_is_always_killed_ends_its_execution,
    a_big_stack_leaves_half_of_the_account_s_calls_to_others,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_it_holds(rule: Rule) -> None:
    rule()


def does_not_look_at_the_stack_once_more_when_the_run_has_started(monkeypatch: Patch) -> None:
    def check(self: JobRunResource) -> str:
        self._write_successor(self._own_run())
        return "_wait"

    monkeypatch.setitem(JobRunResource._PHASES, "_check", check)


def ends_runs_for_whoever_asks(monkeypatch: Patch) -> None:
    original = JobRunResource._end_runs
    monkeypatch.setattr(JobRunResource, "_end_runs", lambda self, **_: original(self))


def keeps_a_resource_whose_id_names_no_run(monkeypatch: Patch) -> None:
    monkeypatch.setattr(JobRunResource, "_stands", lambda _: True)


def gives_up_the_ending_after_five_minutes(monkeypatch: Patch) -> None:
    monkeypatch.setattr(deadlines, "END_EARLIER_RUNS", 5 * 60)


def polls_ten_times_as_often(monkeypatch: Patch) -> None:
    monkeypatch.setattr(delays, "_POLLS_A_SECOND", delays._POLLS_A_SECOND * 10)


def _definition(monkeypatch: Patch, change: Callable[[dict[str, Any]], object]) -> None:
    deployed = state_machine.deployed()
    definition = json.loads(json.dumps(deployed.definition))
    change(definition)
    changed = state_machine.Deployed(definition, deployed.start_seconds, deployed.step_seconds)
    monkeypatch.setattr("tests.handler.in_memory_cloudformation.deployed", lambda: changed)


def an_execution_that_may_take_50_minutes(monkeypatch: Patch) -> None:
    _definition(monkeypatch, lambda definition: definition.update(TimeoutSeconds=50 * 60))


def a_state_machine_without_catch(monkeypatch: Patch) -> None:
    _definition(monkeypatch, lambda definition: definition["States"]["Step"].pop("Catch"))


def a_step_that_may_take_three_seconds(monkeypatch: Patch) -> None:
    _definition(monkeypatch, lambda definition: definition["States"]["Step"].update(TimeoutSeconds=3))


def a_state_machine_that_never_gives_up(monkeypatch: Patch) -> None:
    _definition(
        monkeypatch,
        lambda definition: definition["States"]["Give up"].update(Catch=definition["States"]["Step"]["Catch"]),
    )


@pytest.mark.parametrize(
    ("mutation", "rule"),
    [
        (
            does_not_look_at_the_stack_once_more_when_the_run_has_started,
            a_run_that_starts_when_the_stack_was_rolled_back_is_ended,
        ),
        (ends_runs_for_whoever_asks, a_run_that_a_rollback_has_started_is_left_alone),
        (keeps_a_resource_whose_id_names_no_run, a_resource_whose_id_names_no_run_gets_one),
        (gives_up_the_ending_after_five_minutes, a_run_may_take_twenty_minutes_to_end),
        (an_execution_that_may_take_50_minutes, a_run_may_take_53_minutes),
        (a_step_that_may_take_three_seconds, a_failure_is_told_whose_log_is_not_there_yet),
        (a_state_machine_without_catch, a_function_that_is_killed_again_and_again_is_answered_for),
        (a_state_machine_that_never_gives_up, a_function_that_is_always_killed_ends_its_execution),
        (polls_ten_times_as_often, a_big_stack_leaves_half_of_the_account_s_calls_to_others),
    ],
    ids=lambda item: item.__name__,
)
def test_a_handler_that_breaks_it_is_noticed(mutation: Callable[[Patch], None], rule: Rule, monkeypatch: Patch) -> None:
    mutation(monkeypatch)
    with pytest.raises((AssertionError, RequestFailed)):
        rule()
