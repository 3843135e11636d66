"""What arrives or shows late changes nothing: whatever CloudFormation gave up neither starts nor ends a run."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.late_aws import LateAws
from tests.e2e.life import SLEEPS, Life
from tests.local.emr_serverless_support import wait_until

STACKS = itertools.count()
FOREIGN_RUNS = 12
# A minute is enough for AWS, and long for a test.
SETTLED_SECONDS = 15
LAG_SECONDS = 10


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LateAws]:
    with LateAws.started(tmp_path_factory.mktemp("late")) as late:
        yield late


@pytest.fixture
def life(late: LateAws, tmp_path: Path) -> Iterator[Life]:
    """A stack of the test's own, which leaves no active run."""
    life = Life(late.aws, tmp_path, f"Late{next(STACKS)}", seconds_to_settle=SETTLED_SECONDS)
    yield life
    (tmp_path / "end").touch()  # of a test that failed, as is what follows
    late.deliver_all()
    life.settled()
    destroyed = life.destroy()
    assert destroyed.succeeded, str(destroyed)
    assert life.active() == []


def ends_when_told_and_there_is(file: Path, *, listens: Path) -> str:
    """A stream that takes its time to end, once it `listens`."""
    return f"""
import os, pathlib, signal, time
told = []
signal.signal(signal.SIGTERM, lambda *_: told.append(True))
pathlib.Path({str(listens)!r}).touch()
while not (told and os.path.exists({str(file)!r})):
    time.sleep(0.1)
"""


def entry_point(life: Life, run: dict[str, Any]) -> str:
    client = life.local_aws.client("emr-serverless")
    job_run = client.get_job_run(applicationId=run["applicationId"], jobRunId=run["id"])["jobRun"]
    return str(job_run["jobDriver"]["sparkSubmit"]["entryPoint"]).removeprefix("local://")


def deploy_stream(life: Life, script: str = SLEEPS) -> str:
    """A stack with a running stream; its script."""
    deployed = life.deploy(script, stream=True)
    assert deployed.succeeded, str(deployed)
    return str(life.settings["script"])


def test_a_stream_that_a_rollback_brought_back_stays(life: Life, late: LateAws) -> None:
    end, go, listens = (life.folder / name for name in ("end", "go", "listens"))
    first = deploy_stream(life, ends_when_told_and_there_is(end, listens=listens))
    wait_until(listens.exists)
    number = len(late.held())
    with late.holding(with_dates=True):
        life.start_deploy(SLEEPS, other_fails="Create", other_waits_for=str(go))
        given_up = late.wait_for_event(number)
    late.deliver(number)
    wait_until(lambda: life.states() == ["CANCELLING"])
    # It waits for the end of the run, and so does the rollback.
    go.touch()
    wait_until(lambda: life.status() == "UPDATE_ROLLBACK_IN_PROGRESS")
    end.touch()
    done = life.settled()
    assert done.status == "UPDATE_ROLLBACK_COMPLETE", str(done)
    assert late.answer_to(given_up)["Status"] == "FAILED"
    assert life.states() == ["CANCELLED", "RUNNING"]
    assert entry_point(life, life.runs()[-1]) == first
    life.settings |= {"other_fails": ""}


@pytest.mark.parametrize("with_dates", [True, False])
def test_an_update_that_arrives_during_its_rollback_changes_nothing(
    life: Life, late: LateAws, with_dates: bool
) -> None:
    first = deploy_stream(life)
    number, go = len(late.held()), life.folder / "go"
    with late.holding(with_dates=with_dates):
        life.start_deploy(SLEEPS, other_fails="Create", other_waits_for=str(go))
        given_up = late.wait_for_event(number)
        go.touch()
        late.wait_for_event(number + 1)
    assert life.status() == "UPDATE_ROLLBACK_IN_PROGRESS"
    late.deliver(number)
    answer = late.answer_to(given_up)
    assert "does not want what this request asks for" in answer.get("Reason", "")
    assert life.states() == ["RUNNING"]
    late.deliver(number + 1)
    done = life.settled()
    assert done.status == "UPDATE_ROLLBACK_COMPLETE", str(done)
    assert life.states() == ["CANCELLED", "RUNNING"]
    assert entry_point(life, life.runs()[-1]) == first
    life.settings |= {"other_fails": ""}


def test_an_update_that_arrives_during_the_next_deployment_changes_nothing(life: Life, late: LateAws) -> None:
    deploy_stream(life)
    number, go = len(late.held()), life.folder / "go"
    with late.holding(with_dates=True):
        life.start_deploy(SLEEPS, other_fails="Create", other_waits_for=str(go))
        given_up = late.wait_for_event(number)
    go.touch()
    done = life.settled()
    assert done.status == "UPDATE_ROLLBACK_COMPLETE", str(done)
    assert life.states() == ["CANCELLED", "RUNNING"]
    with late.holding(with_dates=True):
        life.start_deploy(SLEEPS, other_fails="")
        late.wait_for_event(number + 1)
    # Lambda's function was ended before it had done anything, and the event comes once more: only now.
    late.deliver(number)
    answer = late.answer_to(given_up)
    assert "does not want what this request asks for" in answer.get("Reason", "")
    assert life.states() == ["CANCELLED", "RUNNING"]
    late.deliver(number + 1)
    done = life.settled()
    assert done.succeeded, str(done)
    assert life.states() == ["CANCELLED", "CANCELLED", "RUNNING"]
    assert entry_point(life, life.runs()[-1]) == life.settings["script"]


def test_a_run_that_no_list_shows_yet_is_ended_and_those_of_others_go_on(life: Life, late: LateAws) -> None:
    sleep = life.folder / "sleep"
    deployed = life.deploy(
        f"import os, time\nif os.path.exists({str(sleep)!r}):\n    time.sleep(3600)", share_role=True
    )
    assert deployed.succeeded, str(deployed)
    client = life.local_aws.client("emr-serverless")
    (first,) = life.runs()
    (life.folder / "theirs.py").write_text(SLEEPS)
    # They look like the run that is going to be interrupted.
    theirs = [
        client.start_job_run(
            applicationId=first["applicationId"],
            executionRoleArn=first["executionRole"],
            name="Etl1",
            jobDriver={"sparkSubmit": {"entryPoint": f"local://{life.folder / 'theirs.py'}"}},
        )["jobRunId"]
        for _ in range(FOREIGN_RUNS)
    ]
    sleep.touch()
    go = life.folder / "go"

    def ours() -> list[dict[str, Any]]:
        return [run for run in life.runs() if run["id"] not in (first["id"], *theirs)]

    with late.lists_that_lag(LAG_SECONDS):
        life.start_deploy(job_runs=2, other_fails="Create", other_waits_for=str(go))
        wait_until(lambda: [run["state"] for run in ours()] == ["RUNNING"])
        go.touch()
        done = life.settled()
    assert done.status == "UPDATE_ROLLBACK_COMPLETE", str(done)
    (run,) = ours()
    assert (run["name"], run["state"]) == ("Etl1", "CANCELLED")
    assert sorted(life.active()) == sorted(theirs)
    asked = late.calls("GetJobRun")
    assert all(asked.count(job_run_id) <= 1 for job_run_id in theirs), "whose they are is asked for once"
    # The state machine waits for a tenth of the time only, and looks ten times as often.
    assert late.calls("ListJobRuns").count(first["applicationId"]) < 50
    life.settings |= {"job_runs": 1, "other_fails": ""}
