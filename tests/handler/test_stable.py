"""Waiting until a run has been RUNNING, in one attempt, for a while, in simulated time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from aws_cdk import Duration

from constructs_emrs import JobRunState
from constructs_emrs.handler import contract
from constructs_emrs.handler.failure import RequestFailed
from tests.handler.test_long_wait import Deployment, custom_resources, only_run

STABLE = timedelta(minutes=3)


class Restarting(Deployment):
    """A deployment whose run is tried again whenever it has been RUNNING for a minute, until it is mended."""

    def __init__(self, *, mended_after: timedelta, wait_timeout: Duration = Duration.minutes(30)) -> None:  # noqa: B008 - a Duration does not change
        super().__init__(
            wait_timeout=wait_timeout,
            takes=timedelta(days=1),
            wait_for=JobRunState.RUNNING,
            stable_for=Duration.minutes(3),
        )
        self._mended_after = mended_after

    def _let_runs_end(self, _: int) -> None:
        super()._let_runs_end(_)
        for run in self.service.active_runs():
            age = min(self.service.now - run.created_at, self._mended_after)
            run.request["attempt"] = 1 + age // timedelta(minutes=1)


def waited(deployment: Deployment) -> timedelta:
    return deployment.service.now - only_run(deployment).created_at


def test_a_run_that_goes_on_is_waited_for_as_long_as_asked() -> None:
    deployment = Restarting(mended_after=timedelta(0))
    deployment.create()
    assert STABLE <= waited(deployment) < 2 * STABLE


def test_the_time_begins_again_with_each_attempt() -> None:
    deployment = Restarting(mended_after=timedelta(minutes=10))
    deployment.create()
    assert timedelta(minutes=13) <= waited(deployment) < timedelta(minutes=16)
    assert only_run(deployment).state == "RUNNING"


def test_a_run_that_never_is_stable_is_cancelled() -> None:
    deployment = Restarting(mended_after=timedelta(days=1))
    with pytest.raises(RequestFailed, match="did not reach the state of wait_for within 0:30:00"):
        deployment.create()
    assert only_run(deployment).state == "CANCELLED"


def test_each_resource_of_a_long_wait_knows_for_how_long() -> None:
    found = custom_resources(Duration.hours(2), wait_for=JobRunState.RUNNING, stable_for=Duration.minutes(3))
    assert [properties[contract.STABLE_SECONDS] for properties in found] == [180, 180, 180]


def test_a_run_that_becomes_stable_behind_the_first_hour_is_found() -> None:
    deployment = Restarting(mended_after=timedelta(minutes=70), wait_timeout=Duration.hours(2))
    deployment.create()
    assert timedelta(minutes=73) <= waited(deployment) < timedelta(minutes=80)
