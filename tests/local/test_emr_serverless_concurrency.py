"""What is seen of applications and job runs while threads change them: a thread comes at the worst moment."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from emrs_local.driver import Engine
from emrs_local.emr_serverless import life_cycle, operations
from emrs_local.emr_serverless.applications import Application
from emrs_local.emr_serverless.errors import JobRunCancelled
from emrs_local.emr_serverless.events import Event
from emrs_local.emr_serverless.job_runs import Attempt, JobRun
from emrs_local.emr_serverless.life_cycle import LifeCycle, ServiceSettings
from emrs_local.emr_serverless.operations import EmrServerless
from emrs_local.endpoint import Endpoint
from emrs_local.ministack import iam
from emrs_local.ministack.iam import Caller
from emrs_local.ministack.scope import Scope
from tests.local.emr_serverless_support import wait_until

SCOPE = Scope(account_id="000000000000", region="us-east-1")
ROOT = Caller(access_key_id="test", arn="arn:aws:iam::000000000000:root", scope=SCOPE)
BLOCKED_SECONDS = 0.3  # for so long a thread is given the chance to do what it may not do

Json = dict[str, Any]
TakesRun = Callable[[JobRun], None]


def does_nothing(_run: JobRun) -> None:
    """A run stays SUBMITTED, and is moved by the test."""


class World:
    """The service without a server; nobody is refused, and applications stay CREATING."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.lines: list[str] = []
        self.on_line: Callable[[str], None] = lambda _: None
        self.on_event: Callable[[Event], None] = lambda _: None
        self.before_life: TakesRun = does_nothing
        self._tokens = itertools.count()
        self._patch = monkeypatch
        monkeypatch.setattr(iam, "caller", lambda *_: ROOT)
        monkeypatch.setattr(operations, "require", lambda *_, **__: None)
        monkeypatch.setattr(operations, "require_start_job_run", lambda *_, **__: None)
        monkeypatch.setattr(life_cycle, "in_scope", contextlib.nullcontext)
        self.service = EmrServerless(
            engine=cast("Engine", None),
            settings=ServiceSettings(
                endpoint=Endpoint(url="", authority=folder, ca_bundle=folder),
                data_directory=folder,
                concurrent_drivers=1,
            ),
            announce=self._announce,
            publish=self._publish,
            publish_metrics=lambda _: None,
            transition_seconds=3600,
        )
        self.runs = self.service.job_runs

    def without_life(self) -> None:
        """Let runs do nothing by themselves."""
        self._patch.setattr(LifeCycle, "run", lambda *_: None)

    def application(self, **members: Any) -> Application:
        request = {"releaseLabel": "emr-7.9.0", "type": "Spark", "clientToken": f"t{next(self._tokens)}", **members}
        return self.service.applications.create(SCOPE, request)

    def run(self, application: Application, **members: Any) -> JobRun:
        number = next(self._tokens)
        request = {
            "executionRoleArn": "arn:aws:iam::000000000000:role/x",
            "jobDriver": {"sparkSubmit": {"entryPoint": "s3://b/job.py"}},
            "clientToken": f"t{number}",
            **members,
        }
        return self.runs.submit(application, request, job_run_id=f"00frun{number}", created_by=ROOT.arn)

    def get(self, run: JobRun) -> Json:
        """What GetJobRun answers."""
        path = f"/applications/{run.application.application_id}/jobruns/{run.job_run_id}"
        status, _, body = asyncio.run(self.service.handle_request("GET", path, {}, b"", {}))
        assert status == 200, body
        return dict(json.loads(body)["jobRun"])

    def _publish(self, event: Event) -> None:
        self.on_event(event)

    def _announce(self, line: str) -> None:
        self.on_line(line)
        self.lines.append(line.rsplit("  ", 1)[-1])


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[World]:
    world = World(monkeypatch, tmp_path)
    yield world
    world.runs.close()


def begin(action: Callable[[], None]) -> threading.Thread:
    """A thread that does it, which had the chance to do it at once."""
    thread = threading.Thread(target=action)
    thread.start()
    thread.join(BLOCKED_SECONDS)
    return thread


def test_a_run_is_answered_as_it_is_between_two_changes(world: World) -> None:
    answers: list[Json] = []
    threads: list[threading.Thread] = []

    class AskedAbout(Attempt):
        """Somebody asks when the state is the last, and nothing else is written yet."""

        def __setattr__(self, name: str, value: Any) -> None:
            super().__setattr__(name, value)
            if (name, value) == ("state", "SUCCESS"):
                threads.append(begin(lambda: answers.append(world.get(run))))

    world.without_life()
    run = world.run(world.application())
    run.attempts[:] = [AskedAbout(number=1, state="SUBMITTED")]
    world.runs.enter(run, "RUNNING")
    world.runs.enter(run, "SUCCESS")
    threads[0].join()
    assert (answers[0]["state"], "endedAt" in answers[0]) == ("SUCCESS", True)


def test_the_first_state_of_an_application_is_announced_before_the_next(world: World) -> None:
    threads: list[threading.Thread] = []

    def settle_meanwhile(line: str) -> None:
        if line.endswith("  CREATING"):
            (application,) = world.service.applications.all(SCOPE)
            threads.append(begin(lambda: world.service.applications.settle(application)))

    world.on_line = settle_meanwhile
    world.application()
    threads[0].join()
    assert world.lines == ["CREATING", "CREATING → CREATED"]


def test_who_was_submitted_first_has_the_first_turn_however_late_its_thread_is(
    world: World, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    original, go = LifeCycle.run, threading.Event()
    request.addfinalizer(go.set)

    def run_late(cycle: LifeCycle, runs: Any, run: JobRun) -> None:
        assert run.name != "first" or go.wait(300)
        original(cycle, runs, run)

    monkeypatch.setattr(LifeCycle, "run", run_late)
    application = world.application(schedulerConfiguration={"maxConcurrentRuns": 1})
    first, second = (world.run(application, name=name) for name in ("first", "second"))
    wait_until(lambda: second.state != "SUBMITTED")
    assert second.state == "QUEUED"
    go.set()
    wait_until(lambda: first.state != "SUBMITTED")
    assert (first.state, second.state) == ("PENDING", "QUEUED")
    world.runs.cancel(first)
    wait_until(lambda: second.state == "PENDING")
    assert first.state == "CANCELLED"


def test_a_run_that_was_cancelled_while_it_failed_has_no_further_attempt(world: World) -> None:
    world.without_life()
    run = world.run(world.application(), retryPolicy={"maxAttempts": 3})
    world.runs.enter(run, "RUNNING")
    world.runs.cancel(run)
    with pytest.raises(JobRunCancelled):
        world.runs.retry(run, details="broken")
    world.runs.enter(run, "CANCELLED")
    assert [(attempt.number, attempt.state) for attempt in run.attempts] == [(1, "CANCELLED")]
    assert "attempt 1 failed, trying again" not in world.lines
