"""The life of a job run on the local AWS: whatever happens, nothing is left running and nothing is run twice."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from emrs_local import LocalAws
from tests.e2e.deployment import Outcome
from tests.e2e.life import RAISES, SLEEPS, SUCCEEDS, Life, after, kill_function
from tests.local.emr_serverless_support import wait_until

STACKS = itertools.count()


@pytest.fixture
def life(with_python_drivers: LocalAws, tmp_path: Path) -> Iterator[Life]:
    """A stack of the test's own, which leaves no active run."""
    life = Life(with_python_drivers, tmp_path, f"Life{next(STACKS)}")
    yield life
    if life.status() != "DELETE_COMPLETE":
        assert_done(life.destroy())
    if not life.settings["retain"]:
        assert life.active() == []


def assert_done(done: Outcome) -> None:
    """It succeeded; if not, what CloudFormation said is in the failure."""
    assert done.succeeded, str(done)


def assert_failed(done: Outcome, *texts: str) -> None:
    """It failed, and CloudFormation said so."""
    assert not done.succeeded
    for text in texts:
        assert text in str(done)


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
    night = life.folder / "night"
    assert_done(life.deploy(after(night, RAISES), stream=True, tells=True))
    first = life.settings["script"]
    # The new stream runs; then another resource fails.
    done = life.deploy(SLEEPS, other_fails="Create", other_is_last=True)
    assert_failed(done, "the other resource failed")
    assert life.status() == "UPDATE_ROLLBACK_COMPLETE"
    assert life.states() == ["CANCELLED", "CANCELLED", "RUNNING"]
    client = life.local_aws.client("emr-serverless")
    back = client.get_job_run(applicationId=life.application_id(), jobRunId=life.active()[0])["jobRun"]
    assert back["jobDriver"]["sparkSubmit"]["entryPoint"] == f"local://{first}"
    # Nobody was told of the runs that the deploy has ended; of this one's failure somebody is.
    night.touch()
    (message,) = life.told()
    of_the_run = f"--region us-east-1 --application-id {life.application_id()} --job-run-id {back['jobRunId']}"
    assert "no such column: arr_delay" in message.pop("reason")
    assert message == {
        "job": "Etl",
        "construct": f"{life.stack}/EtlOnDeploy",
        "run": back["jobRunId"],
        "state": "FAILED",
        "console": "https://us-east-1.console.aws.amazon.com/emr/home?region=us-east-1#/serverless",
        "spark_ui": f"aws emr-serverless get-dashboard-for-job-run {of_the_run}",
        "command": f"aws emr-serverless get-job-run {of_the_run}",
    }
    life.settings |= {"other_fails": ""}


def test_a_run_in_flight_is_ended_when_another_resource_of_a_new_stack_fails(life: Life) -> None:
    go = life.folder / "go"
    with life.meanwhile(go.touch, when=lambda: "RUNNING" in life.states()):
        done = life.deploy(SLEEPS, other_fails="Create", other_waits_for=str(go))
    assert_failed(done, "the other resource failed")
    assert life.status() == "ROLLBACK_COMPLETE"
    assert life.states() == ["CANCELLED"]


def test_a_run_in_flight_is_ended_when_another_resource_of_an_update_fails(life: Life) -> None:
    assert_done(life.deploy(SUCCEEDS))
    go = life.folder / "go"
    with life.meanwhile(go.touch, when=lambda: "RUNNING" in life.states()):
        done = life.deploy(SLEEPS, other_fails="Create", other_waits_for=str(go))
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
    done = life.deploy(SLEEPS, wait_seconds=5)
    assert_failed(done, "did not reach the state of wait_for within 0:00:05, the job run's wait_timeout")
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
    assert_done(life.deploy(stack_tags={"team": "lake"}, maximum_cpu=16, cost_allocation=True))
    assert life.tags() == {"owner": "me", "team": "lake"}
    client = life.local_aws.client("emr-serverless")
    application = client.get_application(applicationId=life.application_id())["application"]
    assert application["maximumCapacity"]["cpu"] == "16 vCPU"
    # What CloudFormation has no property for, in the same stop.
    assert application["jobLevelCostAllocationConfiguration"] == {"enabled": True}
    assert life.states() == ["CANCELLED", "RUNNING"]


def test_a_stream_comes_back_when_the_update_of_its_application_fails(life: Life) -> None:
    night = life.folder / "night"
    assert_done(life.deploy(after(night, RAISES), stream=True, tells=True))
    assert_failed(
        life.deploy(release_label="emr-8.0.0", cost_allocation=True), "Release label emr-8.0.0 is not supported"
    )
    assert life.status() == "UPDATE_ROLLBACK_COMPLETE"
    wait_until(lambda: life.states() == ["CANCELLED", "RUNNING"], shown=life.states)
    # CloudFormation does not know of it, and yet its failure is told as that of any other run of the job run.
    (back,) = life.active()
    night.touch()
    (message,) = life.told()
    assert "no such column: arr_delay" in message["reason"]
    told = {name: message[name] for name in ("job", "construct", "run", "state")}
    assert told == {"job": "Etl", "construct": f"{life.stack}/EtlOnDeploy", "run": back, "state": "FAILED"}
    # It belongs to its job run, whose next run takes its place.
    assert_done(life.deploy(SLEEPS, release_label="emr-7.14.0"))
    assert life.states() == ["CANCELLED", "FAILED", "RUNNING"]


def test_functions_that_are_killed_start_nothing_twice(life: Life) -> None:
    killed: list[int] = []
    go = life.folder / "go"

    def kill() -> None:
        name = life.step_function()
        for _ in range(10):
            killed.append(kill_function(name))
            time.sleep(0.5)
        go.touch()

    with life.meanwhile(kill, when=life.runs):
        assert_done(life.deploy(after(go, SUCCEEDS)))
    assert sum(killed) > 0
    assert life.states() == ["SUCCESS"]


def test_a_run_that_takes_longer_than_one_resource_may_is_waited_for(life: Life) -> None:
    go = life.folder / "go"

    def third_wait_began() -> bool:
        return any("Wait3" in event and "CREATE_IN_PROGRESS" in event for event in life.events())

    with life.meanwhile(go.touch, when=third_wait_began):
        done = life.deploy(after(go, RAISES), wait_seconds=300, seconds_of_one_resource=5)
    assert_failed(done, "ValueError: no such column: arr_delay")
    assert any("Wait2" in event and "CREATE_COMPLETE" in event for event in done.events), "the wait was handed over"
    assert life.states() == ["FAILED"]


def test_a_retained_run_outlives_its_stack(life: Life) -> None:
    assert_done(life.deploy(SLEEPS, wait_for="RUNNING", retain=True))
    assert_done(life.destroy())
    assert life.states() == ["RUNNING"]
    client = life.local_aws.client("emr-serverless")
    client.cancel_job_run(applicationId=life.application_id(), jobRunId=life.active()[0])
    wait_until(lambda: not life.active())
