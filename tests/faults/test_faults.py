"""The invariants of the life of a job run in generated histories full of faults; that a broken rule is noticed."""

from __future__ import annotations

import itertools
import json
import logging
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from constructs_emrs.handler import contract, deadlines, errors, job_run_resource, job_runs, request
from constructs_emrs.handler.job_run_resource import JobRunResource
from constructs_emrs.handler.request import Done
from constructs_emrs.handler.staleness import StalenessCheck
from tests.faults.history import History
from tests.handler import state_machine

SUITES = 4
HISTORIES = int(os.environ.get("EMRS_HISTORIES", "10000")) // SUITES
HISTORIES_OF_A_MUTANT = 6_000

Patch = pytest.MonkeyPatch

pytestmark = pytest.mark.timeout(max(3600, HISTORIES))  # on machines that do other things too


@pytest.fixture(autouse=True)
def quiet(monkeypatch: Patch) -> Iterator[None]:
    """What the handler logs of ten thousand histories helps nobody."""
    monkeypatch.setenv(contract.JOB_RUN_COUNT, "1")  # and is as it was, when the histories have changed it
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def live(seeds: range) -> None:
    """Let the histories of all these seeds happen."""
    for seed in seeds:
        History(seed).live()


@pytest.mark.parametrize("suite", range(SUITES))
def test_the_invariants_hold_in_all_histories(
    suite: int, request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> None:
    first = request.config.getoption("--histories-from") + suite * HISTORIES
    live(range(first, first + HISTORIES))
    record_property("histories", HISTORIES)


def another_client_token_each_time(monkeypatch: Patch) -> None:
    numbers = itertools.count()
    monkeypatch.setattr(JobRunResource, "_client_token", lambda _: f"token-{next(numbers)}")


def starts_whatever_the_stack_does_by_now(monkeypatch: Patch) -> None:
    original = StalenessCheck.require

    def require(self: StalenessCheck) -> str:
        return self.status if self.is_known else original(self)

    monkeypatch.setattr(StalenessCheck, "require", require)
    monkeypatch.setattr(StalenessCheck, "require_status", lambda _: None)


def takes_a_late_request_for_what_the_stack_does(monkeypatch: Patch) -> None:
    monkeypatch.setattr(
        StalenessCheck, "_place", lambda self, _: self._request.progress.update(StackStatusSince=0, EventsReadUntil=0)
    )


def believes_the_time_at_which_a_url_expires(monkeypatch: Patch) -> None:
    monkeypatch.setattr(request, "_date_of", lambda _: None)
    monkeypatch.setattr(request, "_LATEST_SECONDS", 0.0)


def deletes_only_the_run_that_the_physical_id_names(monkeypatch: Patch) -> None:
    monkeypatch.setattr(JobRunResource, "_search_for", lambda *_, **__: None)


def does_not_look_for_what_took_the_run_s_place(monkeypatch: Patch) -> None:
    monkeypatch.setattr(job_runs.Successor, "of", lambda _: None)


def believes_a_list_at_once(monkeypatch: Patch) -> None:
    monkeypatch.setattr(job_run_resource, "SETTLED_SECONDS", 0.0)


def does_not_look_again_after_it_ended_runs(monkeypatch: Patch) -> None:
    original = JobRunResource._PHASES["_end"]

    def end(self: JobRunResource) -> Any:
        outcome = original(self)
        return "_ended" if outcome == "_search" else outcome

    monkeypatch.setitem(JobRunResource._PHASES, "_end", end)


def leaves_a_run_alone_of_which_it_never_heard(monkeypatch: Patch) -> None:
    monkeypatch.setattr(JobRunResource, "_lost_runs", lambda _: [])
    monkeypatch.setattr(JobRunResource, "_search_for", lambda *_, **__: None)


def does_not_wait_until_the_old_run_has_ended(monkeypatch: Patch) -> None:
    original = JobRunResource._end_runs
    monkeypatch.setattr(JobRunResource, "_end_runs", lambda self, **options: original(self, **options) and [])


def gives_up_the_ending_after_a_few_seconds(monkeypatch: Patch) -> None:
    monkeypatch.setattr(deadlines, "END_EARLIER_RUNS", 60)


def keeps_a_stream_that_an_update_has_ended(monkeypatch: Patch) -> None:
    monkeypatch.setattr(
        JobRunResource, "_stands", lambda self: job_runs.RunId.from_arn(self._request.physical_id) is not None
    )


def runs_batch_work_again_when_an_update_is_rolled_back(monkeypatch: Patch) -> None:
    original = JobRunResource._PHASES["_ended"]

    def ended(self: JobRunResource) -> Any:
        outcome = original(self)
        return "_announce" if isinstance(outcome, Done) and self._request.kind == "Update" else outcome

    monkeypatch.setitem(JobRunResource._PHASES, "_ended", ended)


def reports_throttling_instead_of_waiting(monkeypatch: Patch) -> None:
    monkeypatch.setattr(errors, "passes", lambda _: False)


def starts_again_what_has_run(monkeypatch: Patch) -> None:
    monkeypatch.setattr(JobRunResource, "_was_refused_too_early", lambda _, job_run: job_run["state"] == "FAILED")


def _definition(monkeypatch: Patch, change: Callable[[dict[str, Any]], object]) -> None:
    deployed = state_machine.deployed()
    definition = json.loads(json.dumps(deployed.definition))
    change(definition)
    changed = state_machine.Deployed(definition, deployed.start_seconds, deployed.step_seconds)
    for module in ("tests.faults.aws", "tests.handler.in_memory_cloudformation"):
        monkeypatch.setattr(f"{module}.deployed", lambda: changed)


def a_state_machine_without_retry(monkeypatch: Patch) -> None:
    _definition(monkeypatch, lambda definition: [state.pop("Retry", None) for state in definition["States"].values()])


def a_state_machine_that_bears_a_busy_lambda_no_longer_than_a_killed_function(monkeypatch: Patch) -> None:
    _definition(monkeypatch, lambda definition: definition["States"]["Step"]["Retry"].pop(0))


MUTATIONS = [
    another_client_token_each_time,
    starts_whatever_the_stack_does_by_now,
    takes_a_late_request_for_what_the_stack_does,
    believes_the_time_at_which_a_url_expires,
    deletes_only_the_run_that_the_physical_id_names,
    does_not_look_for_what_took_the_run_s_place,
    believes_a_list_at_once,
    does_not_look_again_after_it_ended_runs,
    leaves_a_run_alone_of_which_it_never_heard,
    does_not_wait_until_the_old_run_has_ended,
    gives_up_the_ending_after_a_few_seconds,
    keeps_a_stream_that_an_update_has_ended,
    runs_batch_work_again_when_an_update_is_rolled_back,
    reports_throttling_instead_of_waiting,
    starts_again_what_has_run,
    a_state_machine_without_retry,
    a_state_machine_that_bears_a_busy_lambda_no_longer_than_a_killed_function,
]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_a_handler_that_breaks_a_rule_is_noticed(mutation: Callable[[Patch], None], monkeypatch: Patch) -> None:
    mutation(monkeypatch)
    with pytest.raises(AssertionError, match="seed"):
        live(range(HISTORIES_OF_A_MUTANT))
