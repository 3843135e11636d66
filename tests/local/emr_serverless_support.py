"""A local AWS whose job drivers are plain Python scripts, and what its tests share.

Run as a program it is the server: that of the product with another engine and with minutes that last two seconds.
"""

import contextlib
import functools
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from emrs_local import LocalAws
from emrs_local.driver import DriverRequest, Worker
from emrs_local.endpoint import Endpoint
from emrs_local.processes import end_group
from emrs_local.spark.event_logs import StageCounts
from emrs_local.spark.spark_arguments import split_parameters
from emrs_local.spark.workers import workers_of

SECONDS_PER_MINUTE = 2.0
SERVER_COMMAND = (sys.executable, str(Path(__file__).resolve()))
SERVICE_PRINCIPAL = "emr-serverless.amazonaws.com"

Found = TypeVar("Found")
Json = dict[str, Any]
ENDED = ("SUCCESS", "FAILED", "CANCELLED")


class PythonEngine:
    """Runs `local://` entry points with Python."""

    concurrent_drivers = 1000

    def make_driver(self, request: DriverRequest) -> "PythonDriver":
        return PythonDriver(request)

    def workers(
        self, job_driver: Mapping[str, Any], application_configuration: Sequence[Mapping[str, Any]]
    ) -> Sequence[Worker]:
        return workers_of(job_driver, application_configuration)

    def dashboard(self, event_logs: Path) -> str:
        return event_logs.as_uri()

    def stages(self, event_logs: Path) -> tuple[int, int]:
        return StageCounts().of(event_logs)

    def close(self) -> None:
        pass


class PythonDriver:
    """One run of a script."""

    def __init__(self, request: DriverRequest) -> None:
        self._request = request
        self._process: subprocess.Popen[bytes] | None = None
        self.stdout = request.work_directory / "stdout"
        self.stderr = request.work_directory / "stderr"

    def start(self) -> None:
        event_logs = self._request.event_logs
        if event_logs:
            event_logs.mkdir(parents=True)
        submit = self._request.job_driver["sparkSubmit"]
        split_parameters(submit.get("sparkSubmitParameters", ""))  # as Spark's driver does; the script needs none
        script = submit["entryPoint"].removeprefix("local://")
        with self.stdout.open("wb") as stdout, self.stderr.open("wb") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, script, *submit.get("entryPointArguments", [])],
                env={**self._request.environment, "PATH": os.environ["PATH"], "EVENT_LOGS": str(event_logs)},
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )

    def poll(self) -> int | None:
        return self._process.poll() if self._process else None

    def wait(self) -> None:
        if self._process:
            self._process.wait()

    def terminate(self, grace_seconds: float) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        if grace_seconds:
            os.killpg(self._process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(grace_seconds)
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        end_group(self._process.pid, grace_seconds=0)

    def failure_summary(self) -> str:
        output = f"{self.stderr.read_text()}\n{self.stdout.read_text()}".strip()
        return output.splitlines()[-1] if output else ""

    def close(self) -> None:
        pass


@dataclass(kw_only=True)
class Service:
    """The local AWS with what nearly every test needs: an application, a role that may do everything, a script."""

    aws: LocalAws
    application_id: str
    role_arn: str
    scripts: Path
    events: list[str]

    @functools.cached_property
    def emr(self) -> Any:
        return self.aws.client("emr-serverless")

    @property
    def application_arn(self) -> str:
        account = f"{self.aws.region}:{self.aws.account_id}"
        return f"arn:aws:emr-serverless:{account}:/applications/{self.application_id}"

    def script(self, name: str, source: str) -> str:
        """The entry point for a script."""
        path = self.scripts / f"{name}.py"
        path.write_text(textwrap.dedent(source))
        return f"local://{path}"

    def start(self, entry_point: str, *arguments: str, application_id: str = "", **members: Any) -> str:
        request = {
            "applicationId": application_id or self.application_id,
            "executionRoleArn": self.role_arn,
            "jobDriver": {"sparkSubmit": {"entryPoint": entry_point, "entryPointArguments": list(arguments)}},
            **members,
        }
        return str(self.emr.start_job_run(**request)["jobRunId"])

    def job_run(self, job_run_id: str, *, application_id: str = "") -> Json:
        application = application_id or self.application_id
        return dict(self.emr.get_job_run(applicationId=application, jobRunId=job_run_id)["jobRun"])

    def wait(self, job_run_id: str, *states: str, application_id: str = "") -> Json:
        """The run, once it is in one of the states (by default: when it ended)."""
        wanted = states or ("SUCCESS", "FAILED", "CANCELLED")
        deadline = time.monotonic() + 300
        while (run := self.job_run(job_run_id, application_id=application_id))["state"] not in wanted:
            if run["state"] in ("SUCCESS", "FAILED", "CANCELLED") or time.monotonic() > deadline:
                raise AssertionError(f"{run['state']} {run['stateDetails']}, not {wanted}")
            time.sleep(0.05)
        return run

    def states(self, job_run_id: str) -> list[str]:
        """The states that the server announced for a run that has ended."""
        self.told(lambda line: job_run_id in line and line.endswith(ENDED))
        lines = [line for line in self.events if job_run_id in line and "attempt" not in line]
        return [line.rsplit(" ", 1)[-1] for line in lines]

    def told(self, is_meant: Callable[[str], bool]) -> str:
        """The first line of the server that is meant, once there is one: a line comes a moment after what it tells."""
        wait_until(lambda: any(map(is_meant, self.events)), shown=lambda: self.events[-20:])
        return next(filter(is_meant, self.events))


def wait_until(look: Callable[[], Found | None], *, shown: Callable[[], object] = lambda: None) -> Found:
    """What is seen, once that is true: who looks again may see something else.

    Args:
        look: Is called until it returns something that is true.
        shown: What is in the message if it never does.
    """
    deadline = time.monotonic() + 1800
    while not (found := look()):
        assert time.monotonic() < deadline, shown()
        time.sleep(0.05)
    return found


def is_running(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def trust_policy(**condition: str) -> str:
    statement: Json = {"Effect": "Allow", "Principal": {"Service": SERVICE_PRINCIPAL}, "Action": "sts:AssumeRole"}
    if condition:
        statement["Condition"] = {"StringEquals": {f"aws:{key}": value for key, value in condition.items()}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def policy(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions: str | Sequence[str], resources: str | Sequence[str] = "*", **conditions: Any) -> Json:
    statement: Json = {"Effect": "Allow", "Action": actions, "Resource": resources}
    return {**statement, "Condition": conditions} if conditions else statement


def make_role(aws: LocalAws, name: str, *statements: Mapping[str, Any], trust: str | None = None) -> str:
    iam = aws.client("iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust or trust_policy())["Role"]
    iam.put_role_policy(RoleName=name, PolicyName="role", PolicyDocument=policy(*statements))
    return str(role["Arn"])


if __name__ == "__main__":
    from emrs_local.server import main

    def python_engine(_endpoint: Endpoint, _data_directory: Path) -> PythonEngine:
        return PythonEngine()

    main(python_engine, seconds_per_minute=SECONDS_PER_MINUTE)
