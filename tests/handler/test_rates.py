"""Many job runs in one stack, under the rates that the service allows an account, in simulated time."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from constructs_emrs.handler import contract
from tests.handler.direct_client import DirectService
from tests.handler.in_memory_cloudformation import LIMIT_SECONDS, CloudFormation, Pending, steps
from tests.handler.in_memory_service import APPLICATION
from tests.handler.rates import Rates

ROLE = "arn:aws:iam::123456789012:role/Etl"
JOB_RUNS = 200
TAKES = timedelta(minutes=3)


def properties(number: int, **changes: Any) -> dict[str, Any]:
    request = {
        "applicationId": APPLICATION,
        "executionRoleArn": ROLE,
        "name": f"etl-{number}",
        "jobDriver": {"sparkSubmit": {"entryPoint": "s3://code/etl.py"}},
    }
    return {contract.REQUEST: request, contract.WAIT_FOR: "SUCCESS", contract.WAIT_TIMEOUT_SECONDS: 3300, **changes}


class BigStack:
    """A stack with many job runs, all of which are asked for at the same moment."""

    def __init__(self, job_runs: int = JOB_RUNS) -> None:
        random.seed(0)
        self.job_runs = job_runs
        self.takes = TAKES
        self.name = ""
        """The name of all runs, instead of one for each."""
        self.service = DirectService()
        self.rates = Rates(self.service)
        self.service.interfere = self._interfere
        self.cloudformation = CloudFormation(self.service)
        self.physical_ids: dict[int, str] = {}

    def request(self, kind: str, status: str, **changes: Any) -> dict[int, Pending]:
        """Send a request for each job run, and let all be answered."""
        # What CloudFormation asks for it asks for after it has begun.
        self.service.sleep(2)
        self.cloudformation.status = status
        self.rates.throttled.clear()
        old = {} if kind == "Create" else {"physical_id": True}
        self.began_at = self.service.now
        pending = {
            number: self.cloudformation.send(
                kind,
                f"Run{number}",
                contract.JOB_RUN_TYPE,
                self._properties(number, **changes),
                old=self._properties(number) if kind == "Update" else None,
                physical_id=self.physical_ids[number] if old else None,
            )
            for number in range(self.job_runs)
        }
        for _ in steps(self.cloudformation, most=200_000):
            pass
        for number, one in pending.items():
            assert one.answer is not None
            assert one.answer["Status"] == "SUCCESS", one.answer["Reason"]
            self.physical_ids[number] = one.answer["PhysicalResourceId"]
        return pending

    def _properties(self, number: int, **changes: Any) -> dict[str, Any]:
        found = properties(number, **changes)
        found[contract.REQUEST]["name"] = self.name or found[contract.REQUEST]["name"]
        return found

    def _interfere(self, name: str) -> None:
        for run in self.service.active_runs():
            if run.run_id.startswith("00theirs"):
                continue
            age = self.service.now - run.created_at
            if run.state == "CANCELLING":
                run.state = "CANCELLED"
            elif age >= self.takes:
                run.state = "SUCCESS"
            elif run.state != "RUNNING":
                run.state = "RUNNING"
        self.rates(name)


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> BigStack:
    monkeypatch.setenv(contract.JOB_RUN_COUNT, str(JOB_RUNS))
    return BigStack()


def seconds_of(stack: BigStack, operation: Callable[[], object]) -> float:
    began = stack.service.now
    operation()
    return (stack.service.now - began).total_seconds()


def test_all_job_runs_of_a_big_stack_are_started_and_waited_for(stack: BigStack) -> None:
    took = seconds_of(stack, lambda: stack.request("Create", "CREATE_IN_PROGRESS"))
    assert len(stack.service.runs) == JOB_RUNS
    assert stack.rates.throttled["start_job_run"] > 0, "the rates were no matter"
    # 25 at once, then one a second.
    assert took < LIMIT_SECONDS / 4


def test_all_job_runs_of_a_big_stack_are_replaced(stack: BigStack) -> None:
    stack.request("Create", "CREATE_IN_PROGRESS")
    took = seconds_of(stack, lambda: stack.request("Update", "UPDATE_IN_PROGRESS", Triggers={"again": "1"}))
    assert len(stack.service.runs) == 2 * JOB_RUNS
    assert took < LIMIT_SECONDS / 2


def test_a_big_stack_is_deleted(stack: BigStack) -> None:
    stack.request("Create", "CREATE_IN_PROGRESS")
    took = seconds_of(stack, lambda: stack.request("Delete", "DELETE_IN_PROGRESS"))
    assert took < LIMIT_SECONDS / 4


def test_a_big_stack_is_deleted_while_half_of_its_runs_are_active(stack: BigStack) -> None:
    stack.request("Create", "CREATE_IN_PROGRESS", WaitFor="SUBMITTED")
    assert len(stack.service.active_runs()) > 0
    took = seconds_of(stack, lambda: stack.request("Delete", "DELETE_IN_PROGRESS"))
    assert stack.service.active_runs() == []
    assert took < LIMIT_SECONDS / 2
