"""The invariants of the life of a job run in generated histories full of faults; that a broken rule is noticed."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from constructs_emrs.handler import errors, job_run, runs
from constructs_emrs.handler.job_run import JobRunResource
from constructs_emrs.handler.request import Done
from tests.faults.histories import Histories

SUITES = 4
HISTORIES = 2_500
HISTORIES_OF_A_MUTANT = 5_000

Patch = pytest.MonkeyPatch

pytestmark = pytest.mark.timeout(1800)  # thousands of histories, on machines that do other things too


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """What the handler logs of ten thousand histories helps nobody."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def subclass(name: str) -> type[Histories]:
    """The same rules with a count, and a sequence of examples, of its own."""
    machine: type[Histories] = type(name, (Histories,), {"histories": 0})
    return machine


def live(machine: type[Histories], *, most: int, phases: tuple[Phase, ...] = tuple(Phase)) -> None:
    """Generate histories."""
    everything = list(HealthCheck)
    setting = settings(
        max_examples=most, stateful_step_count=40, phases=phases, suppress_health_check=everything, database=None
    )
    run_state_machine_as_test(machine, settings=setting)


@pytest.mark.parametrize("suite", range(SUITES))
def test_the_invariants_hold_in_all_histories(suite: int, record_property: Callable[[str, object], None]) -> None:
    # Each class has histories of its own, which are the same each time.
    machine = subclass(f"Histories{suite}")
    live(machine, most=HISTORIES)
    record_property("histories", machine.histories)
    assert machine.histories >= HISTORIES


def another_client_token_each_time(monkeypatch: Patch) -> None:
    numbers = itertools.count()
    fake = SimpleNamespace(sha256=lambda _: SimpleNamespace(hexdigest=lambda: f"token-{next(numbers)}"))
    monkeypatch.setattr(job_run, "hashlib", fake)


def does_not_look_whether_the_stack_still_wants_it(monkeypatch: Patch) -> None:
    monkeypatch.setattr(JobRunResource, "_require_the_stack_goes_on", lambda _: None)


def deletes_only_the_run_that_the_physical_id_names(monkeypatch: Patch) -> None:
    original = JobRunResource._earlier_runs

    def earlier_runs(self: JobRunResource) -> list[Any] | None:
        request = self._request
        is_stray = request.kind == "Delete" and runs.RunId.from_arn(request.physical_id) is None
        return [] if is_stray else original(self)

    monkeypatch.setattr(JobRunResource, "_earlier_runs", earlier_runs)


def does_not_wait_until_the_old_run_has_ended(monkeypatch: Patch) -> None:
    original = runs.end
    monkeypatch.setattr(runs, "end", lambda client, to_end: original(client, to_end) and [])


def runs_batch_work_again_when_an_update_is_rolled_back(monkeypatch: Patch) -> None:
    original = JobRunResource._PHASES["_end"]

    def end(self: JobRunResource) -> Any:
        outcome = original(self)
        return "_start" if isinstance(outcome, Done) and self._request.kind == "Update" else outcome

    monkeypatch.setitem(JobRunResource._PHASES, "_end", end)


def reports_throttling_instead_of_waiting(monkeypatch: Patch) -> None:
    monkeypatch.setattr(errors, "passes", lambda _: False)


@pytest.mark.parametrize(
    "mutation",
    [
        another_client_token_each_time,
        does_not_look_whether_the_stack_still_wants_it,
        deletes_only_the_run_that_the_physical_id_names,
        does_not_wait_until_the_old_run_has_ended,
        runs_batch_work_again_when_an_update_is_rolled_back,
        reports_throttling_instead_of_waiting,
    ],
    ids=lambda mutation: mutation.__name__,
)
def test_a_handler_that_breaks_a_rule_is_noticed(mutation: Callable[[Patch], None], monkeypatch: Patch) -> None:
    mutation(monkeypatch)
    machine = subclass("Mutant")
    with pytest.raises((AssertionError, ExceptionGroup)):
        live(machine, most=HISTORIES_OF_A_MUTANT, phases=(Phase.generate,))
