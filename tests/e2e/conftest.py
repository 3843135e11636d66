"""One local AWS for all end-to-end tests, and the real CDK CLI."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from emrs_local import LocalAws
from tests import short_jobs
from tests.e2e.aws import ACCOUNT, Aws
from tests.e2e.bootstrap import bootstrap
from tests.local.emr_serverless_support import SERVER_COMMAND

ROOT = Path(__file__).parent.parent.parent
CDK = ROOT / "node_modules" / ".bin" / "cdk"


@pytest.fixture(scope="session")
def local_aws() -> Iterator[LocalAws]:
    """The local AWS with Spark; as users have it, in `test_demo.py`, `test_readme.py` and the example `testing`."""
    with LocalAws(server_command=short_jobs.SERVER_COMMAND) as local_aws:
        yield local_aws


@pytest.fixture(scope="session")
def bootstrapped(request: pytest.FixtureRequest) -> Aws:
    """The local AWS; with `--aws`, the account."""
    aws: Aws = request.config.stash[ACCOUNT] or request.getfixturevalue("local_aws")
    assert aws.bootstrap()
    return aws


@pytest.fixture(scope="session")
def told() -> list[str]:
    """The lines that the local AWS with Python drivers tells."""
    return []


@pytest.fixture(scope="session")
def with_python_drivers(told: list[str]) -> Iterator[LocalAws]:
    """A local AWS whose drivers are Python scripts, and whose state machines wait for a tenth of the time."""
    with LocalAws(server_command=("env", "SFN_WAIT_SCALE=0.1", *SERVER_COMMAND), on_event=told.append) as local_aws:
        bootstrap(local_aws)
        yield local_aws


@dataclass
class Lake:
    """A stack of `lake_app.py`: what to deploy is set by its attributes."""

    aws: Aws
    folder: Path
    stack: str
    wait_for: str = "SUCCESS"

    def write_script(self, text: str) -> None:
        """Make `text` the job's entry point."""
        (self.folder / "etl.py").write_text(text)

    def deploy(self) -> subprocess.CompletedProcess[str]:
        """Run `cdk deploy`."""
        app = f"--app={sys.executable} tests/e2e/lake_app.py"
        return self._cdk("deploy", "--require-approval=never", app, f"--output={self._assembly}")

    def destroy(self) -> subprocess.CompletedProcess[str]:
        """Run `cdk destroy` on what was deployed last."""
        return self._cdk("destroy", "--force", f"--app={self._assembly}")

    @property
    def _assembly(self) -> Path:
        return self.folder / "cdk.out"

    def status(self) -> str:
        """The stack's status; DELETE_COMPLETE when it is gone, or was never there."""
        stacks = [item for item in self._all("cloudformation", "list_stacks") if item["StackName"] == self.stack]
        newest = max(stacks, key=lambda item: item["CreationTime"], default={"StackStatus": "DELETE_COMPLETE"})
        return str(newest["StackStatus"])

    def applications(self) -> list[dict[str, Any]]:
        """The stack's applications that are not deleted."""
        found = self._all("emr-serverless", "list_applications")
        return [item for item in found if item["name"].startswith(self.stack) and item["state"] != "TERMINATED"]

    def job_runs(self) -> list[dict[str, Any]]:
        """The runs of the stack's application, the newest first."""
        (application,) = self.applications()
        runs = self._all("emr-serverless", "list_job_runs", applicationId=application["id"])
        return sorted(runs, key=lambda run: run["createdAt"], reverse=True)

    def leftovers(self) -> list[str]:
        """What the stack created and did not delete; keys that wait for their deletion are deleted."""
        names = [item["logGroupName"] for item in self._all("logs", "describe_log_groups")]
        names += [item["Name"] for item in self._all("s3", "list_buckets")]
        names += [item["RoleName"] for item in self._all("iam", "list_roles")]
        return [name for name in names if self.stack.lower() in name.lower()] + [
            item["id"] for item in self.applications()
        ]

    def _all(self, service: str, operation: str, **arguments: Any) -> list[dict[str, Any]]:
        """The items of all pages of a list."""
        pages = self.aws.client(service).get_paginator(operation).paginate(**arguments)
        (members,) = pages.result_keys
        return [item for page in pages for item in members.search(page) or ()]

    def _cdk(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "LAKE_STACK": self.stack,
            "LAKE_SCRIPT": str(self.folder / "etl.py"),
            "LAKE_WAIT_FOR": self.wait_for,
            "PYTHONPATH": str(ROOT),
        }
        return subprocess.run(
            [str(CDK), *arguments, "--no-color", "--ci"],
            cwd=ROOT,
            env=self.aws.command_environment() | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def lake(bootstrapped: Aws, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Lake]:
    name = "".join(word.capitalize() for word in request.node.name.split("_"))[:40]
    lake = Lake(bootstrapped, tmp_path, name)
    yield lake
    if lake.status() != "DELETE_COMPLETE":
        lake.destroy()
