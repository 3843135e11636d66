"""A local AWS in which a test says what is late: CloudFormation's events to a job run, and lists of job runs.

Run as a program it is the server: that of the tests of the service, which asks a folder what to do. The test's side is
`LateAws`.
"""

from __future__ import annotations

import contextvars
import functools
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from constructs_emrs.handler import contract
from emrs_local import LocalAws
from emrs_local.driver import DriverRequest
from emrs_local.emr_serverless.operations import EmrServerless
from emrs_local.endpoint import Endpoint
from tests.e2e.bootstrap import bootstrap
from tests.local.emr_serverless_support import PythonDriver, PythonEngine, wait_until

SERVER_COMMAND = (sys.executable, "-m", "tests.e2e.late_aws")

_FOLDER = "LATE_AWS_FOLDER"
_POLL_SECONDS = 0.05
_GRACE_SECONDS = 3600.0

Json = dict[str, Any]


@dataclass(frozen=True)
class LateAws:
    """A local AWS, and what is late in it."""

    aws: LocalAws
    folder: Path

    @staticmethod
    @contextmanager
    def started(folder: Path) -> Iterator[LateAws]:
        """A local AWS whose state machines wait for a tenth of the time."""
        command = ("env", "SFN_WAIT_SCALE=0.1", f"{_FOLDER}={folder}", *SERVER_COMMAND)
        with LocalAws(server_command=command) as aws:
            bootstrap(aws)
            yield LateAws(aws, folder)

    @contextmanager
    def holding(self, *, with_dates: bool) -> Iterator[None]:
        """Keep the events to job runs as Lambda does that is busy.

        Args:
            with_dates: Whether the URLs of those events say when CloudFormation asked, which they do in some Regions.
        """
        with _told(self.folder / "hold", "dated" if with_dates else "not dated"):
            yield

    def held(self) -> list[Json]:
        """The events that were kept, the oldest first, also those that were delivered since."""
        found = sorted(self.folder.glob("*.event"), key=lambda path: int(path.stem))
        return [json.loads(path.read_text()) for path in found]

    def wait_for_event(self, number: int) -> Json:
        """The event, once CloudFormation has sent it."""
        wait_until(lambda: len(self.held()) > number)
        return self.held()[number]

    def deliver(self, number: int) -> None:
        """Deliver a kept event now."""
        (self.folder / f"{number}.go").touch()

    def deliver_all(self) -> None:
        """Deliver now what was kept."""
        for number, _ in enumerate(self.held()):
            self.deliver(number)

    def answer_to(self, event: Json) -> Json:
        """What the request is answered, once it is, and nothing goes on any more."""
        client = self.aws.client("stepfunctions")

        def ended() -> str:
            for machine in client.list_state_machines()["stateMachines"]:
                for item in client.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]:
                    execution = client.describe_execution(executionArn=item["executionArn"])
                    if json.loads(execution["input"])["RequestId"] == event["RequestId"]:
                        return str(item["executionArn"]) if execution["status"] != "RUNNING" else ""
            return ""

        history = client.get_execution_history(executionArn=wait_until(ended))["events"]
        outputs = [
            json.loads(step["stateExitedEventDetails"]["output"])
            for step in history
            if "stateExitedEventDetails" in step
        ]
        answers = {output[contract.ANSWER] for output in outputs if contract.ANSWER in output}
        assert len(answers) == 1, answers
        assert outputs[-1][contract.IS_ANSWERED], "it was decided, and not sent"
        return dict(json.loads(answers.pop()))

    @contextmanager
    def lists_that_lag(self, seconds: float) -> Iterator[None]:
        """Show a run to the functions' ListJobRuns only so long after it was started."""
        with _told(self.folder / "lag", str(seconds)):
            yield

    def calls(self, operation: str) -> list[str]:
        """Which runs, or applications, the functions have named in calls of the operation."""
        lines = (self.folder / "calls").read_text().splitlines()
        return [subject for name, subject in map(str.split, lines) if name == operation]


@contextmanager
def _told(path: Path, text: str) -> Iterator[None]:
    """Have the server read a text in the file: all of it, or no file."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.rename(path)
    try:
        yield
    finally:
        path.unlink()


# The server's side.


def _said(path: Path) -> str:
    """What the test says in the file; nothing if there is none, whenever it is taken away."""
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


def _keep_events(folder: Path) -> None:
    """Let events to job runs wait, when they are to, until they may go."""
    from ministack.services import lambda_svc  # noqa: PLC0415 - it reads its environment when it is imported

    original = lambda_svc.invoke_async_with_retry
    kept: list[Path] = []

    def invoke(function: Json, event: Json) -> None:
        hold = _said(folder / "hold")
        if event.get("ResourceType") != contract.JOB_RUN_TYPE or not hold:
            original(function, event)
            return
        url, _, _ = event["ResponseURL"].partition("?")
        now = datetime.now(UTC)
        date = f"X-Amz-Date={now:%Y%m%dT%H%M%SZ}" if hold == "dated" else f"Expires={now.timestamp() + 7200:.0f}"
        event = {**event, "ResponseURL": f"{url}?{date}"}
        path = folder / f"{len(kept)}.event"
        kept.append(path)
        path.with_suffix(".new").write_text(json.dumps(event))
        path.with_suffix(".new").rename(path)
        # ministack knows by the context whose account it is.
        context = contextvars.copy_context()

        def deliver() -> None:
            while not path.with_suffix(".go").exists():
                time.sleep(_POLL_SECONDS)
            context.run(original, function, event)

        threading.Thread(target=deliver, daemon=True).start()

    lambda_svc.invoke_async_with_retry = invoke


def _watch_functions(folder: Path) -> None:
    """Write down what the functions ask about runs, and let lists lag for them."""
    list_job_runs, get_job_run = EmrServerless._list_job_runs, EmrServerless._get_job_run

    def say(caller: Any, operation: str, subject: str) -> bool:
        is_function = ":assumed-role/" in caller.arn
        if is_function:
            with (folder / "calls").open("a") as calls:
                calls.write(f"{operation} {subject}\n")
        return is_function

    @functools.wraps(list_job_runs)
    def listed(self: EmrServerless, caller: Any, request: Any) -> Any:
        output = list_job_runs(self, caller, request)
        if say(caller, "ListJobRuns", request.parameters()["applicationId"]) and (lag := _said(folder / "lag")):
            latest = datetime.now(UTC) - timedelta(seconds=float(lag))
            output["jobRuns"] = [run for run in output["jobRuns"] if run["createdAt"] <= latest]
        return output

    @functools.wraps(get_job_run)
    def got(self: EmrServerless, caller: Any, request: Any) -> Any:
        say(caller, "GetJobRun", request.parameters()["jobRunId"])
        return get_job_run(self, caller, request)

    EmrServerless._list_job_runs, EmrServerless._get_job_run = listed, got  # type: ignore[method-assign]


class _PatientDriver(PythonDriver):
    """Lets a script that may take two minutes to end take as long as the test likes."""

    def terminate(self, grace_seconds: float) -> None:
        super().terminate(_GRACE_SECONDS if grace_seconds else 0)


class _Engine(PythonEngine):
    def make_driver(self, request: DriverRequest) -> PythonDriver:
        return _PatientDriver(request)


if __name__ == "__main__":
    from emrs_local.server import main

    def engine(_endpoint: Endpoint, _data_directory: Path) -> PythonEngine:
        _keep_events(Path(os.environ[_FOLDER]))
        return _Engine()

    _watch_functions(Path(os.environ[_FOLDER]))
    main(engine)
