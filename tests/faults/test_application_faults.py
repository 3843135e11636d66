"""What has to hold for an application, its tags and its streams in generated histories; broken rules are noticed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from constructs_emrs.handler import contract, job_runs, stream_recovery
from constructs_emrs.handler.application_resources import ApplicationStopResource, ApplicationUpdateResource
from constructs_emrs.handler.staleness import StalenessCheck
from tests.faults.application_histories import ApplicationHistories

SUITES = 2
HISTORIES = 500
HISTORIES_OF_A_MUTANT = 2_000

Patch = pytest.MonkeyPatch


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """What the handler logs of thousands of histories helps nobody."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def live(name: str, *, most: int, phases: tuple[Phase, ...] = tuple(Phase)) -> type[ApplicationHistories]:
    """Generate histories; each name has a sequence of its own, which is the same each time."""
    machine: type[ApplicationHistories] = type(name, (ApplicationHistories,), {"histories": 0})
    everything = list(HealthCheck)
    setting = settings(
        max_examples=most,
        stateful_step_count=30,
        phases=phases,
        suppress_health_check=everything,
        database=None,
        deadline=None,
    )
    run_state_machine_as_test(machine, settings=setting)
    return machine


@pytest.mark.parametrize("suite", range(SUITES))
def test_the_invariants_hold_in_all_histories(suite: int, record_property: Callable[[str, object], None]) -> None:
    machine = live(f"Histories{suite}", most=HISTORIES)
    record_property("histories", machine.histories)
    assert machine.histories >= HISTORIES


def test_two_updates_that_fail_without_rollback_leave_no_tag_when_they_are_taken_back() -> None:
    history = ApplicationHistories()
    history.create(application_first=False, jobs=[("Stream", 1)], behind=["Stream"])
    change: dict[str, Any] = {"is_refused": False, "jobs": None, "seconds": 600, "stack_tags": (), "rolls_back": False}
    history.deploy(application=1, own_tags=("cost", "team"), fails_at="Stream", **change)
    history.do_well()
    history.deploy(application=2, own_tags=(), fails_at="", **change)
    history.fail_another_resource()  # before it is the turn of what tags the application
    history.take_back()
    history.do_well()
    history.teardown()


def marks_no_stream(monkeypatch: Patch) -> None:
    monkeypatch.setattr(stream_recovery, "mark", lambda *_: None)


def marks_streams_of_others(monkeypatch: Patch) -> None:
    original = stream_recovery.mark

    def mark(client: Any, summary: Any, request: Any) -> None:
        job_run = job_runs.get(client, summary.run)
        stack_id = job_run.get("tags", {}).get(contract.STACK_TAG, "") if job_run else ""
        whose: Any = SimpleNamespace(stack_id=stack_id, request_id=request.request_id)
        original(client, summary, whose)

    monkeypatch.setattr(stream_recovery, "mark", mark)


def does_not_go_on_after_its_answer(monkeypatch: Patch) -> None:
    monkeypatch.setattr(ApplicationUpdateResource, "goes_on", False)


def starts_streams_while_the_stack_is_rolled_back(monkeypatch: Patch) -> None:
    monkeypatch.setattr(stream_recovery, "_AT_REST", stream_recovery._AT_REST | {"UPDATE_ROLLBACK_IN_PROGRESS"})


def starts_a_stream_that_its_resource_has_replaced(monkeypatch: Patch) -> None:
    monkeypatch.setattr(stream_recovery, "continuing", job_runs.get)


def stops_an_application_with_active_runs(monkeypatch: Patch) -> None:
    monkeypatch.setattr(job_runs, "active", lambda *_: iter(()))


def does_not_wait_until_the_application_is_stopped(monkeypatch: Patch) -> None:
    original = ApplicationUpdateResource._stop

    def stop(self: ApplicationUpdateResource, application_id: str) -> None:
        original(self, application_id)

    monkeypatch.setattr(ApplicationUpdateResource, "_stop", stop)


def stops_for_an_update_that_the_stack_has_given_up(monkeypatch: Patch) -> None:
    original = StalenessCheck.require

    def require(self: StalenessCheck) -> str:
        return self.status if self.is_known else original(self)

    monkeypatch.setattr(StalenessCheck, "require", require)


def leaves_the_tags_of_an_application(monkeypatch: Patch) -> None:
    monkeypatch.setattr(ApplicationStopResource, "_tag", lambda *_: None)


@pytest.mark.parametrize(
    "mutation",
    [
        marks_no_stream,
        marks_streams_of_others,
        does_not_go_on_after_its_answer,
        starts_streams_while_the_stack_is_rolled_back,
        starts_a_stream_that_its_resource_has_replaced,
        stops_an_application_with_active_runs,
        does_not_wait_until_the_application_is_stopped,
        stops_for_an_update_that_the_stack_has_given_up,
        leaves_the_tags_of_an_application,
    ],
    ids=lambda mutation: mutation.__name__,
)
def test_a_handler_that_breaks_a_rule_is_noticed(mutation: Callable[[Patch], None], monkeypatch: Patch) -> None:
    mutation(monkeypatch)
    with pytest.raises((AssertionError, ExceptionGroup)):
        live("Mutant", most=HISTORIES_OF_A_MUTANT, phases=(Phase.generate,))
