"""Two hundred job runs in one stack, on a local AWS that enforces the rates of the service's API."""

from __future__ import annotations

from pathlib import Path

from emrs_local import LocalAws
from tests.e2e.life import SUCCEEDS, Life
from tests.local.service_support import SERVER_COMMAND

JOB_RUNS = 200


def test_two_hundred_job_runs_are_deployed_and_deleted(tmp_path: Path) -> None:
    with LocalAws(server_command=SERVER_COMMAND, enforce_rates=True) as aws:
        assert aws.bootstrap()
        life = Life(aws, tmp_path, "Many")
        deployed = life.deploy(SUCCEEDS, job_runs=JOB_RUNS, share_role=True)
        assert deployed.returncode == 0, (deployed.stdout + deployed.stderr)[-10_000:]
        assert life.states() == ["SUCCESS"] * JOB_RUNS
        destroyed = life.destroy()
        assert destroyed.returncode == 0, (destroyed.stdout + destroyed.stderr)[-10_000:]
        assert life.status() == "DELETE_COMPLETE"
        assert life.active() == []
