"""The invariants of state machines that run jobs, in generated histories full of faults; a broken rule is noticed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest

from tests.faults.starting_histories import (
    BESIDE,
    FIRST,
    JSON_PATH,
    JSONATA,
    OF_THE_JOB,
    RETRIED,
    Deployed,
    StartingHistory,
    deployed,
)

HISTORIES = 400
HISTORIES_OF_A_MUTANT = 400

Json = dict[str, Any]


def live(stacks: Deployed, seeds: range) -> None:
    """Let the histories of all these seeds happen."""
    for seed in seeds:
        StartingHistory(seed, stacks).live()


def test_the_invariants_hold_in_all_histories(
    request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> None:
    first = request.config.getoption("--histories-from")
    live(deployed(), range(first, first + HISTORIES))
    record_property("histories", HISTORIES)


def statuses(history: StartingHistory) -> list[str]:
    return [execution.status for execution in history.executions]


@pytest.mark.parametrize("machine", [JSON_PATH, JSONATA])
def test_an_answer_that_is_lost_starts_no_second_run(machine: str) -> None:
    history = StartingHistory.without_faults(machine)
    history.answers_are_lost = 1.0
    history.after(0, lambda: history.start(0))
    assert history.world.run(until=lambda: sum(history.lost.values()) == 3, most_seconds=3600)
    history.answers_are_lost = 0.0
    history.come_to_rest()
    assert (len(history.service.runs), statuses(history)) == (1, ["SUCCEEDED"])


def test_an_event_that_is_delivered_twice_is_one_run() -> None:
    history = StartingHistory.without_faults(OF_THE_JOB)
    for seconds in (0.0, 0.0, 30.0, 90_000.0):
        history.after(seconds, lambda: history.deliver_event("event-1"))
    history.come_to_rest()
    assert (len(history.service.runs), statuses(history)) == (1, ["SUCCEEDED"] * 4)


@pytest.mark.parametrize("schedule", [FIRST, BESIDE])
def test_a_schedule_that_tries_again_is_one_run(schedule: str) -> None:
    history = StartingHistory.without_faults(OF_THE_JOB)
    for seconds in (0.0, 0.0, 1.0, 90_000.0):
        history.after(seconds, lambda: history.deliver_occurrence(schedule, "2026-01-01T00:00:00Z"))
    history.come_to_rest()
    assert (len(history.service.runs), statuses(history)) == (1, ["SUCCEEDED"] * 4)


def test_a_failure_is_told_to_each_execution_of_its_cause() -> None:
    history = StartingHistory.without_faults(OF_THE_JOB)
    history.runs_fail = 1.0
    for _ in range(2):
        history.after(0.0, lambda: history.deliver_event("event-1"))
    history.come_to_rest()
    told = [(execution.error, execution.cause) for execution in history.executions]
    assert told == [("FAILED", "Job run 00run1 is FAILED: the data is wrong")] * 2


def test_a_refusal_that_does_not_pass_is_told() -> None:
    history = StartingHistory.without_faults(OF_THE_JOB)
    history.application_changes_until = 86_400.0
    history.after(0, lambda: history.deliver_event("event-1"))
    assert history.world.run(until=lambda: statuses(history) == ["FAILED"], most_seconds=600)
    (execution,) = history.executions
    assert execution.error == "EMRServerless.ValidationException"
    assert execution.cause.endswith("is in state STOPPING")


# Rules that are broken: a change of what is deployed.

Mutation = Callable[[Deployed], Deployed]
ALL = (OF_THE_JOB, JSON_PATH, JSONATA, RETRIED)


def replaced(old: str, new: str, *machines: str) -> Mutation:
    """Other texts in the definitions of these machines."""
    return lambda stacks: dataclasses.replace(
        stacks,
        definitions={
            name: text.replace(old, new) if name in machines else text for name, text in stacks.definitions.items()
        },
    )


def changed(change: Callable[[Json], object], *machines: str) -> Mutation:
    """Something else in the states of these machines."""

    def change_all(stacks: Deployed) -> Deployed:
        definitions = dict(stacks.definitions)
        for name in machines:
            definition = json.loads(definitions[name])
            change(definition["States"])
            definitions[name] = json.dumps(definition)
        return dataclasses.replace(stacks, definitions=definitions)

    return change_all


def starting(states: Json) -> Json:
    """The state that starts the run."""
    (found,) = [state for state in states.values() if "startJobRun" in state.get("Resource", "")]
    return cast("Json", found)


def without_token(states: Json) -> None:
    state = starting(states)
    parameters = state.get("Parameters") or state["Arguments"]
    for name in ("ClientToken", "ClientToken.$"):
        parameters.pop(name, None)


MUTATIONS: Mapping[str, Mutation] = {
    "no client token": changed(without_token, *ALL),
    "no client token of the job's machine": changed(without_token, OF_THE_JOB),
    "a token without the entry, in JSONPath": replaced("State.EnteredTime", "State.Name", JSON_PATH),
    "a token without the entry, in JSONata": replaced("State.EnteredTime", "State.Name", JSONATA),
    "a token without the try, where failed runs are tried again": replaced("State.RetryCount", "State.Name", RETRIED),
    "a token with the try, where they are not": replaced("$$.State.Name", "$$.State.RetryCount", JSON_PATH),
    "a token without the execution": replaced("$$.Execution.Id", "$$.State.Name", JSON_PATH),
    "a token without the redrive": replaced("$string($states.context.Execution.RedriveCount)", "''", OF_THE_JOB),
    "a token without the cause": replaced("' ' & $cause & ' '", "' '", OF_THE_JOB),
    "a token of the execution": replaced("' ' & $cause & ' '", "$states.context.Execution.Id", OF_THE_JOB),
    "a cause without the event": replaced("& $states.input.event.id", "", OF_THE_JOB),
    "a cause without the time": lambda stacks: dataclasses.replace(
        stacks,
        schedules={
            name: text.replace(" <aws.scheduler.scheduled-time>", "") for name, text in stacks.schedules.items()
        },
    ),
    "errors of the service are not tried again": changed(lambda states: starting(states).pop("Retry"), *ALL),
    "errors of the list are not tried again": changed(
        lambda states: states["Look for an earlier occurrence"].pop("Retry"), OF_THE_JOB
    ),
    "an occurrence never looks for an earlier one": replaced("$schedule != ''", "false", OF_THE_JOB),
    "those of other schedules count": replaced("$substringBefore(Name, '_') = $schedule", "true", OF_THE_JOB),
    "later ones count": replaced("$toMillis(StartDate) < $since", "true", OF_THE_JOB),
    "those of the same time do not count": replaced("Name < $own.Name", "false", OF_THE_JOB),
    "nobody waits": replaced("startJobRun.sync", "startJobRun", *ALL),
    "an application that is stopping is not waited for": replaced("< 15", "< 2", OF_THE_JOB),
    "a failure is told as Step Functions does": changed(lambda states: starting(states).pop("Catch"), OF_THE_JOB),
}


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=MUTATIONS)
def test_a_broken_rule_is_noticed(mutation: Mutation) -> None:
    stacks = mutation(deployed())
    assert stacks != deployed()
    with pytest.raises(AssertionError, match="seed"):
        live(stacks, range(HISTORIES_OF_A_MUTANT))
