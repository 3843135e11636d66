"""The life of a job run on the local AWS: whatever happens, nothing is left running and nothing is run twice."""

from __future__ import annotations

import itertools
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from emrs_local import LocalAws
from tests.e2e.life import RAISES, SLEEPS, SUCCEEDS, Life, kill_function
from tests.local.service_support import SERVER_COMMAND

STACKS = itertools.count()


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    """A local AWS whose drivers are Python scripts."""
    with LocalAws(server_command=SERVER_COMMAND) as local_aws:
        assert local_aws.bootstrap()
        yield local_aws


@pytest.fixture
def life(aws: LocalAws, tmp_path: Path) -> Iterator[Life]:
    """A stack of the test's own, which leaves no active run."""
    life = Life(aws, tmp_path, f"Life{next(STACKS)}")
    yield life
    if life.status() != "DELETE_COMPLETE":
        destroyed = life.destroy()
        assert life.status() == "DELETE_COMPLETE", destroyed.stdout + destroyed.stderr
    if not life.settings["retain"]:
        assert life.active() == []


def assert_done(done: subprocess.CompletedProcess[str]) -> None:
    """The CDK CLI succeeded; if not, what it said is in the failure."""
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def assert_failed(done: subprocess.CompletedProcess[str], *texts: str) -> None:
    """The CDK CLI failed and said so."""
    assert done.returncode != 0
    for text in texts:
        assert text in done.stdout + done.stderr, f"{done.stdout}\n{done.stderr}"


def test_a_create_that_failed_is_done_again(life: Life) -> None:
    assert_failed(life.deploy(RAISES), "ValueError: no such column: arr_delay")
    assert life.status() == "ROLLBACK_COMPLETE"
    assert_done(life.deploy(SUCCEEDS))
    assert life.status() == "CREATE_COMPLETE"
    assert life.states() == ["FAILED", "SUCCESS"]


def test_an_update_that_fails_does_no_batch_work_twice(life: Life) -> None:
    assert_done(life.deploy(SUCCEEDS))
    assert_failed(life.deploy(RAISES), "ValueError: no such column: arr_delay")
    assert life.status() == "UPDATE_ROLLBACK_COMPLETE"
    assert life.states() == ["SUCCESS", "FAILED"]


def test_an_update_that_fails_brings_the_stream_back(life: Life) -> None:
    assert_done(life.deploy(SLEEPS, stream=True))
    first = life.settings["script"]
    # The new stream runs; then another resource fails.
    done = life.deploy(SLEEPS, other_fails="Create", other_seconds=0, other_is_last=True)
    assert_failed(done, "the other resource failed")
    assert life.status() == "UPDATE_ROLLBACK_COMPLETE"
    assert life.states() == ["CANCELLED", "CANCELLED", "RUNNING"]
    client = life.local_aws.client("emr-serverless")
    back = client.get_job_run(applicationId=life.application_id(), jobRunId=life.active()[0])["jobRun"]
    assert back["jobDriver"]["sparkSubmit"]["entryPoint"] == f"local://{first}"
    life.settings |= {"other_fails": ""}


def test_a_run_in_flight_is_ended_when_another_resource_of_a_new_stack_fails(life: Life) -> None:
    done = life.deploy(SLEEPS, other_fails="Create", other_seconds=8)
    assert_failed(done, "the other resource failed")
    assert life.status() == "ROLLBACK_COMPLETE"
    assert life.states() == ["CANCELLED"]


def test_a_run_in_flight_is_ended_when_another_resource_of_an_update_fails(life: Life) -> None:
    assert_done(life.deploy(SUCCEEDS))
    done = life.deploy(SLEEPS, other_fails="Create", other_seconds=8)
    assert_failed(done, "the other resource failed")
    assert life.status() == "UPDATE_ROLLBACK_COMPLETE"
    assert life.states() == ["SUCCESS", "CANCELLED"]
    life.settings |= {"other_fails": ""}


def test_a_running_stack_is_deleted(life: Life) -> None:
    assert_done(life.deploy(SLEEPS, wait_for="RUNNING"))
    assert life.states() == ["RUNNING"]
    assert_done(life.destroy())
    assert life.states() == ["CANCELLED"]


def test_a_wait_that_takes_too_long_ends_the_run_and_fails(life: Life) -> None:
    done = life.deploy(SLEEPS, wait_seconds=60)
    assert_failed(done, "did not get there within 0:01:00, the job run's wait_timeout")
    assert life.states() == ["CANCELLED"]


def test_two_updates_in_a_row_never_have_two_streams(life: Life) -> None:
    assert_done(life.deploy(SLEEPS, stream=True))
    with life.watched() as counts:
        assert_done(life.deploy(SLEEPS))
        assert_done(life.deploy(SLEEPS))
    assert max(counts) == 1
    assert life.states() == ["CANCELLED", "CANCELLED", "RUNNING"]


def test_a_stack_is_deleted_whose_application_others_use(life: Life) -> None:
    assert_done(life.deploy(SUCCEEDS))
    client = life.local_aws.client("emr-serverless")
    run = life.runs()[0]
    (life.folder / "theirs.py").write_text(SLEEPS)
    client.start_job_run(
        applicationId=run["applicationId"],
        executionRoleArn=run["executionRole"],
        jobDriver={"sparkSubmit": {"entryPoint": f"local://{life.folder / 'theirs.py'}"}},
    )
    assert life.application_state() == "STARTED"
    assert_done(life.destroy())
    assert life.states() == ["SUCCESS", "CANCELLED"]
    assert life.application_state() == "TERMINATED"


def test_a_started_application_is_tagged_and_is_stopped_only_for_what_cloudformation_changes(life: Life) -> None:
    assert_done(life.deploy(SLEEPS, stream=True, tags={"cost": "a"}))
    assert life.tags() == {"cost": "a"}
    assert_done(life.deploy(tags={"owner": "me"}))
    assert life.tags() == {"owner": "me"}
    assert life.states() == ["RUNNING"], "the stream was not interrupted"
    # CloudFormation hands a tag of the stack to the application itself.
    assert_done(life.deploy(stack_tags={"team": "lake"}, maximum_cpu=16))
    assert life.tags() == {"owner": "me", "team": "lake"}
    client = life.local_aws.client("emr-serverless")
    application = client.get_application(applicationId=life.application_id())["application"]
    assert application["maximumCapacity"]["cpu"] == "16 vCPU"
    assert life.states() == ["CANCELLED", "RUNNING"]


def test_a_stream_comes_back_when_the_update_of_its_application_fails(life: Life) -> None:
    assert_done(life.deploy(SLEEPS, stream=True))
    assert_failed(life.deploy(release_label="emr-8.0.0"), "Release label emr-8.0.0 is not supported")
    assert life.status() == "UPDATE_ROLLBACK_COMPLETE"
    deadline = time.monotonic() + 300
    while life.states() != ["CANCELLED", "RUNNING"]:
        assert time.monotonic() < deadline, life.states()
        time.sleep(0.5)
    # It belongs to its job run from now on, whose next run takes its place.
    assert_done(life.deploy(SLEEPS, release_label="emr-7.14.0"))
    assert life.states() == ["CANCELLED", "CANCELLED", "RUNNING"]


def test_functions_that_are_killed_start_nothing_twice(life: Life) -> None:
    killed: list[int] = []

    def kill() -> None:
        name = life.step_function()
        for _ in range(10):
            killed.append(kill_function(name))
            time.sleep(0.5)

    script = "import time\ntime.sleep(15)\nprint('the work is done')"
    with life.meanwhile(kill, when="SUBMITTED"):
        assert_done(life.deploy(script))
    assert sum(killed) > 0
    assert life.states() == ["SUCCESS"]


def test_a_run_that_takes_longer_than_one_resource_may_is_waited_for(life: Life) -> None:
    # An hour is ten seconds here.
    script = "import time\ntime.sleep(35)\nraise ValueError('no such column: arr_delay')"
    done = life.deploy(script, wait_seconds=60, seconds_of_one_resource=10)
    assert_failed(done, "ValueError: no such column: arr_delay")
    waits = [line for line in done.stdout.splitlines() + done.stderr.splitlines() if "Wait3" in line]
    assert any("CREATE_COMPLETE" in line for line in waits), "the wait was handed over"
    assert life.states() == ["FAILED"]


def test_a_retained_run_outlives_its_stack(life: Life) -> None:
    assert_done(life.deploy(SLEEPS, wait_for="RUNNING", retain=True))
    assert_done(life.destroy())
    assert life.states() == ["RUNNING"]
    client = life.local_aws.client("emr-serverless")
    client.cancel_job_run(applicationId=life.application_id(), jobRunId=life.active()[0])
    deadline = time.monotonic() + 30
    while life.active():
        assert time.monotonic() < deadline
        time.sleep(0.2)
