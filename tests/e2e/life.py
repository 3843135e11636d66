"""A stack that tests take through its life, with the real CDK CLI, on a local AWS whose drivers are Python scripts."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from constructs_emrs.handler import contract
from tests.e2e.conftest import CDK, ROOT

if TYPE_CHECKING:
    from emrs_local import LocalAws

ENDED = {"SUCCESS", "FAILED", "CANCELLED"}

SUCCEEDS = "print('the work is done')"
RAISES = "raise ValueError('no such column: arr_delay')"
SLEEPS = "import time\ntime.sleep(600)"

SETTINGS: dict[str, Any] = {
    "stream": False,
    "arguments": [],
    "wait_for": "",
    "wait_seconds": 0,
    "seconds_of_one_resource": 0,
    "maximum_cpu": 0,
    "release_label": "emr-7.14.0",
    "tags": {},
    "stack_tags": {},
    "retain": False,
    "job_runs": 1,
    "share_role": False,
    "other_fails": "",
    "other_seconds": 0,
    "other_is_last": False,
}


@dataclass
class Life:
    """A stack of `life_app.py`; what to deploy is set by keyword."""

    local_aws: LocalAws
    folder: Path
    stack: str
    settings: dict[str, Any] = field(default_factory=lambda: dict(SETTINGS))
    scripts: int = 0

    def deploy(self, script: str | None = None, *options: str, **settings: Any) -> subprocess.CompletedProcess[str]:
        """Run `cdk deploy`; another script is another entry point."""
        if script is not None:
            self.scripts += 1
            path = self.folder / f"etl_{self.scripts}.py"
            path.write_text(script)
            self.settings["script"] = str(path)
        self.settings |= settings
        app = f"--app={sys.executable} tests/e2e/life_app.py"
        return self._cdk("deploy", "--require-approval=never", app, f"--output={self._assembly}", *options)

    def destroy(self) -> subprocess.CompletedProcess[str]:
        """Run `cdk destroy` on what was deployed last."""
        return self._cdk("destroy", "--force", f"--app={self._assembly}")

    def status(self) -> str:
        """The stack's status; DELETE_COMPLETE when it is gone."""
        stacks = self.local_aws.client("cloudformation").list_stacks()["StackSummaries"]
        return next((str(item["StackStatus"]) for item in stacks if item["StackName"] == self.stack), "DELETE_COMPLETE")

    def application_id(self) -> str:
        """The stack's application, the newest of them if it was created more than once."""
        found = self.local_aws.client("emr-serverless").list_applications()["applications"]
        own = [item for item in found if item["name"].startswith(f"{self.stack}-")]
        return str(max(own, key=lambda item: item["createdAt"])["id"])

    def application_state(self) -> str:
        """The state of the stack's application."""
        client = self.local_aws.client("emr-serverless")
        return str(client.get_application(applicationId=self.application_id())["application"]["state"])

    def tags(self) -> dict[str, str]:
        """The tags of the stack's application, without the library's own."""
        client = self.local_aws.client("emr-serverless")
        tags = client.get_application(applicationId=self.application_id())["application"]["tags"]
        return {key: value for key, value in tags.items() if not key.startswith("constructs-emrs:")}

    def step_function(self) -> str:
        """The name of the function that does the steps."""
        functions = self.local_aws.client("lambda").list_functions()["Functions"]
        names = [str(function["FunctionName"]) for function in functions if function["Handler"] == contract.STEP]
        return next(name for name in names if name.startswith(self.stack))

    def runs(self) -> list[dict[str, Any]]:
        """All runs of all applications that the stack has had, the oldest first."""
        client = self.local_aws.client("emr-serverless")
        found = []
        for application in client.list_applications()["applications"]:
            if application["name"].startswith(f"{self.stack}-"):
                pages = client.get_paginator("list_job_runs").paginate(applicationId=application["id"])
                found += [run for page in pages for run in page["jobRuns"]]
        return sorted(found, key=lambda run: run["createdAt"])

    def states(self) -> list[str]:
        """The states of the runs."""
        return [str(run["state"]) for run in self.runs()]

    def active(self) -> list[str]:
        """The runs that have not ended."""
        return [run["id"] for run in self.runs() if run["state"] not in ENDED]

    @contextmanager
    def watched(self) -> Iterator[list[int]]:
        """How many runs are active at a time, as long as the context lasts."""
        counts: list[int] = []
        stop = threading.Event()

        def watch() -> None:
            while not stop.wait(0.2):
                counts.append(len(self.active()))

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        yield counts
        stop.set()
        thread.join()

    @contextmanager
    def meanwhile(self, action: Callable[[], None], *, when: str) -> Iterator[None]:
        """Do something as soon as a run is in a state."""

        def wait_and_act() -> None:
            deadline = time.monotonic() + 120
            while time.monotonic() < deadline:
                if when in self.states():
                    action()
                    return
                time.sleep(0.1)

        thread = threading.Thread(target=wait_and_act, daemon=True)
        thread.start()
        yield
        thread.join()

    def _cdk(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        settings = json.dumps({**self.settings, "stack": self.stack})
        return subprocess.run(
            [str(CDK), *arguments, "--no-color", "--ci"],
            cwd=ROOT,
            env=self.local_aws.command_environment() | {"LIFE": settings, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def _assembly(self) -> Path:
        return self.folder / "cdk.out"


def kill_function(name: str) -> int:
    """Kill the processes that a function runs in, as Lambda does with one that takes too much memory.

    Returns:
        How many there were.
    """
    killed = 0
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and f"AWS_LAMBDA_FUNCTION_NAME={name}".encode() in (entry / "environ").read_bytes():
                os.kill(int(entry.name), signal.SIGKILL)
                killed += 1
    return killed
