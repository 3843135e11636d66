"""Two hundred job runs in one stack, on a local AWS that enforces the rates of the service's API."""

from __future__ import annotations

from pathlib import Path

from emrs_local import LocalAws
from tests.e2e.bootstrap import bootstrap
from tests.e2e.life import SUCCEEDS, Life
from tests.local.emr_serverless_support import SERVER_COMMAND

JOB_RUNS = 200

# Each of the calls that start, find and end a run is allowed once a second: both the rates and the pauses of the state
# machine, which are made for them, pass faster here.
TIMES_FASTER = 5


def test_two_hundred_job_runs_are_deployed_and_deleted(tmp_path: Path) -> None:
    command = ("env", f"SFN_WAIT_SCALE={1 / TIMES_FASTER}", *SERVER_COMMAND)
    with LocalAws(server_command=command, enforce_rates=TIMES_FASTER) as aws:
        bootstrap(aws)
        life = Life(aws, tmp_path, "Many")
        deployed = life.deploy(SUCCEEDS, job_runs=JOB_RUNS, share_role=True)
        assert deployed.succeeded, str(deployed)[-10_000:]
        assert life.states() == ["SUCCESS"] * JOB_RUNS
        destroyed = life.destroy()
        assert destroyed.succeeded, str(destroyed)[-10_000:]
        assert life.active() == []
