"""What a stack with 400 job runs, and one beside thousands of other people's runs, asks of the service."""

from __future__ import annotations

from datetime import timedelta

import pytest

from constructs_emrs.handler import contract
from tests.handler.in_memory_cloudformation import LIMIT_SECONDS
from tests.handler.in_memory_service import APPLICATION, Run
from tests.handler.test_rates import ROLE, BigStack, seconds_of


@pytest.fixture
def stack_of_400(monkeypatch: pytest.MonkeyPatch) -> BigStack:
    monkeypatch.setenv(contract.JOB_RUN_COUNT, "400")
    stack = BigStack(400)
    stack.name = "etl"
    stack.takes = timedelta(days=1)
    return stack


def test_400_active_runs_of_one_job_end_with_their_stack_within_half_an_hour(stack_of_400: BigStack) -> None:
    stack = stack_of_400
    stack.request("Create", "CREATE_IN_PROGRESS", WaitFor="SUBMITTED")
    assert len(stack.service.active_runs()) == 400
    took = seconds_of(stack, lambda: stack.request("Delete", "DELETE_IN_PROGRESS"))
    assert stack.service.active_runs() == []
    assert took < LIMIT_SECONDS / 2


def test_400_streams_of_one_job_are_replaced(stack_of_400: BigStack) -> None:
    stack = stack_of_400
    stack.request("Create", "CREATE_IN_PROGRESS", WaitFor="SUBMITTED")
    took = seconds_of(
        stack, lambda: stack.request("Update", "UPDATE_IN_PROGRESS", WaitFor="SUBMITTED", Triggers={"a": "1"})
    )
    assert len(stack.service.active_runs()) == 400
    assert took < LIMIT_SECONDS / 2


@pytest.mark.parametrize("name", ["etl-0", "theirs"])
@pytest.mark.parametrize("physical_id", ["", "Lake-Run0-1A2B3C4D5E6F"])
def test_a_delete_costs_what_its_own_runs_cost(monkeypatch: pytest.MonkeyPatch, physical_id: str, name: str) -> None:
    monkeypatch.setenv(contract.JOB_RUN_COUNT, "1")
    stack = BigStack(1)
    for number in range(2000):
        request = {"executionRoleArn": ROLE, "clientToken": f"theirs-{number}", "name": name, "tags": {}}
        theirs = Run(f"00theirs{number}", APPLICATION, request, stack.service.now - timedelta(hours=1), "RUNNING")
        stack.service.runs[theirs.run_id] = theirs
    stack.takes = timedelta(days=1)
    stack.request("Create", "CREATE_IN_PROGRESS", WaitFor="SUBMITTED")
    stack.physical_ids[0] = physical_id or stack.physical_ids[0]
    stack.service.calls.clear()
    stack.request("Delete", "DELETE_IN_PROGRESS")
    assert [run.request["name"] for run in stack.service.active_runs()] == [name] * 2000
    assert len(stack.service.calls) < 50


def test_a_list_that_is_throttled_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(contract.JOB_RUN_COUNT, "1")
    stack = BigStack(1)
    stack.takes = timedelta(days=1)
    stack.request("Create", "CREATE_IN_PROGRESS", WaitFor="SUBMITTED")
    for number in range(2000):
        request = {"executionRoleArn": ROLE, "clientToken": f"theirs-{number}", "name": "theirs", "tags": {}}
        theirs = Run(f"00theirs{number}", APPLICATION, request, stack.service.now, "RUNNING")
        stack.service.runs[theirs.run_id] = theirs
    stack.physical_ids[0] = "Lake-Run0-1A2B3C4D5E6F"
    stack.service.calls.clear()
    took = seconds_of(stack, lambda: stack.request("Delete", "ROLLBACK_IN_PROGRESS"))
    pages = 41
    assert stack.rates.throttled["list_job_runs"] > 0, "the rates were no matter"
    # Once for the run, once when it has ended, and once more when no other can appear.
    assert stack.service.calls.count("list_job_runs") - stack.rates.throttled["list_job_runs"] <= 3 * pages
    assert took < 600


@pytest.mark.parametrize("lag", [2, 5, 30])
def test_an_interrupted_create_leaks_nothing_when_the_list_lags(monkeypatch: pytest.MonkeyPatch, lag: int) -> None:
    monkeypatch.setenv(contract.JOB_RUN_COUNT, "1")
    for tenths in range(0, 50, 5):
        stack = BigStack(1)
        stack.takes = timedelta(days=1)
        stack.service.list_lag = timedelta(seconds=lag)
        stack.request("Create", "CREATE_IN_PROGRESS", WaitFor="SUBMITTED")
        stack.service.sleep(tenths / 10)
        stack.physical_ids[0] = "Lake-Run0-1A2B3C4D5E6F"
        stack.request("Delete", "ROLLBACK_IN_PROGRESS")
        assert stack.service.active_runs() == []
