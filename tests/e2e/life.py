"""A stack that tests take through its life, on a local AWS whose drivers are Python scripts."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from constructs_emrs.handler import contract
from tests.e2e import life_app
from tests.e2e.deployment import DeployedStack, Outcome, change_handler, synthesise
from tests.e2e.waiting import received

if TYPE_CHECKING:
    from emrs_local import LocalAws

ENDED = {"SUCCESS", "FAILED", "CANCELLED"}

SUCCEEDS = "print('the work is done')"
RAISES = "raise ValueError('no such column: arr_delay')"
SLEEPS = "import time\ntime.sleep(3600)"  # as long as a test may take


# Lists of the local AWS don't lag.
SECONDS_TO_SETTLE = 5


def after(file: Path, script: str) -> str:
    """The script, when there is the file."""
    return f"import os, time\nwhile not os.path.exists({str(file)!r}):\n    time.sleep(0.1)\n{script}"


@dataclass
class Life:
    """A stack of `life_app.py`; what to deploy is set by keyword."""

    local_aws: LocalAws
    folder: Path
    stack: str
    settings: dict[str, Any] = field(default_factory=lambda: dict(life_app.SETTINGS))
    seconds_to_settle: int = SECONDS_TO_SETTLE
    """How long the functions take it for possible that a run that was started is on no list: a minute on AWS."""
    scripts: int = 0
    deployments: int = 0

    def __post_init__(self) -> None:
        self._deployed = DeployedStack(self.local_aws, self.stack)

    def deploy(self, script: str | None = None, **settings: Any) -> Outcome:
        """Deploy it; another script is another entry point."""
        self.start_deploy(script, **settings)
        return self.settled()

    def start_deploy(self, script: str | None = None, **settings: Any) -> None:
        """Have it deployed, and don't wait for it."""
        if script is not None:
            self.scripts += 1
            path = self.folder / f"etl_{self.scripts}.py"
            path.write_text(script)
            self.settings["script"] = str(path)
        self.settings |= settings
        self.deployments += 1
        assembly = self.folder / f"cdk.out.{self.deployments}"
        synthesise(lambda app: life_app.build(app, self.stack, self.settings), assembly)
        within = f"SETTLED_SECONDS = {self.seconds_to_settle}.0"
        change_handler(assembly, "job_run_search", line="SETTLED_SECONDS = 60.0", instead=within)
        self._deployed.start_deploy(assembly)

    def settled(self) -> Outcome:
        """What came of it, once nothing is in progress any more."""
        return self._deployed.settled()

    def told(self) -> list[dict[str, Any]]:
        """The messages about failures, one at least; they are taken away."""
        messages = received(self.local_aws.client("sqs"), self._deployed.outputs()["QueueUrl"])
        return [json.loads(message["Body"]) for message in messages]

    def destroy(self) -> Outcome:
        """Delete it."""
        return self._deployed.destroy()

    def status(self) -> str:
        """The stack's status; DELETE_COMPLETE when it is gone."""
        return self._deployed.status()

    def events(self) -> list[str]:
        """The stack's events, the oldest first: resource, status and reason."""
        return self._deployed.events()

    def application_id(self) -> str:
        """The stack's application, the newest of them if it was created more than once."""
        return self._application_ids()[-1]

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
        pages = self.local_aws.client("emr-serverless").get_paginator("list_job_runs")
        found = [
            run
            for application_id in self._application_ids()
            for page in pages.paginate(applicationId=application_id)
            for run in page["jobRuns"]
        ]
        return sorted(found, key=lambda run: run["createdAt"])

    def _application_ids(self) -> list[str]:
        return self._deployed.physical_ids("AWS::EMRServerless::Application")

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

        def watch(over: threading.Event) -> None:
            counts.append(len(self.active()))
            while not over.wait(0.2):
                counts.append(len(self.active()))

        with _beside(watch):
            yield counts

    @contextmanager
    def meanwhile(self, action: Callable[[], object], *, when: Callable[[], object]) -> Iterator[None]:
        """Do something as soon as something is true."""

        def wait_and_act(over: threading.Event) -> None:
            while not over.wait(0.1):
                if when():
                    action()
                    return

        with _beside(wait_and_act):
            yield


@contextmanager
def _beside(work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Do something in a thread, which is told when the context is over; what it raises is raised here."""
    over = threading.Event()
    with ThreadPoolExecutor(1) as executor:
        done = executor.submit(work, over)
        try:
            yield
        finally:
            over.set()
        done.result()


def kill_function(name: str) -> int:
    """Kill the processes that a function runs in, as Lambda does with one that takes too much memory.

    Returns:
        How many there were.
    """
    killed = 0
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            # One that was forked has a name; what is its own of the environment is not seen.
            is_its = f"AWS_LAMBDA_FUNCTION_NAME={name}".encode() in (entry / "environ").read_bytes()
            if is_its or (entry / "comm").read_text().strip() == name[-15:]:
                os.kill(int(entry.name), signal.SIGKILL)
                killed += 1
    return killed
