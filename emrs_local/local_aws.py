"""`LocalAws`: a local AWS in a process of its own, for as long as it is needed."""

from __future__ import annotations

import contextlib
import datetime
import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

from emrs_local.endpoint import HOST, Connection, Credentials, Endpoint
from emrs_local.ministack.environment import node_directory
from emrs_local.ministack.scheduler import FIRE_PATH, FIRE_SERVICE
from emrs_local.processes import end_group, end_recorded_groups, wait_for_end
from emrs_local.requirements import require_installed

DEFAULT_REGION = "us-east-1"
DEFAULT_ACCOUNT_ID = "000000000000"

_START_SECONDS = 300.0  # a server that ends is not waited for
# The server takes up to eight seconds to end its runs and deliver their logs.
_STOP_SECONDS = 12.0
_LOG_LINES_SHOWN = 20


class LocalAwsError(Exception):
    """The local AWS, or a command it needs, did not do what was asked; the message is for the user."""


@dataclass(frozen=True, kw_only=True)
class FiredOccurrence:
    """An occurrence of a schedule, once its target was called for the first time.

    Attributes:
        schedule_arn: The ARN of the schedule.
        scheduled_time: The time that the occurrence is for, in UTC.
        answer: What the target's API answered, such as the `executionArn` of a state machine; empty if it failed.
        error: The error code and message with which the first call failed; empty if it did not. What the schedule's
            retry policy and dead-letter queue say happens nevertheless.
    """

    schedule_arn: str
    scheduled_time: datetime.datetime
    answer: Mapping[str, Any]
    error: str


class LocalAws:
    """A local AWS with EMR Serverless, and with the services that deploy, start and watch its jobs.

    These are IAM, CloudFormation, Lambda, Step Functions, EventBridge and its Scheduler, S3, KMS, CloudWatch Logs and
    more.

    It listens on 127.0.0.1, keeps everything in memory and a temporary directory, and is gone after `stop`, or when the
    process that started it ends, however it ends.

    Example:
        >>> with LocalAws() as local_aws:  # doctest: +SKIP
        ...     local_aws.client("emr-serverless").list_applications()

    Args:
        port: The port to listen on; 0 takes a free one.
        region: The region of `environment` and `client`; the server answers for every region.
        account_id: The account that everything belongs to.
        enforce_rates: Refuse calls of EMR Serverless that come faster than AWS lets an account call it, with a
            ThrottlingException; a number is by how much faster they may come than on AWS.
        concurrent_drivers: How many drivers of job runs run at a time; further runs wait as SCHEDULED. Default: as many
            as have a GiB of memory each in half of the machine's, two at least.
        on_event: Is called with a line for each change of the state of an application or job run, from a thread.
        server_command: The command that is the server, for tests of the service with another engine.

    Raises:
        ValueError: `concurrent_drivers` is less than 1.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        region: str = DEFAULT_REGION,
        account_id: str = DEFAULT_ACCOUNT_ID,
        enforce_rates: bool | float = False,
        concurrent_drivers: int | None = None,
        on_event: Callable[[str], None] = lambda _: None,
        server_command: Sequence[str] = (sys.executable, "-P", "-m", "emrs_local.server"),
    ) -> None:
        if concurrent_drivers is not None and concurrent_drivers < 1:
            raise ValueError(f"concurrent_drivers={concurrent_drivers} lets no job run; use 1 or more")
        self.port = port
        self.region = region
        self.account_id = account_id
        self.enforce_rates = float(enforce_rates)
        self.concurrent_drivers = concurrent_drivers
        self._on_event = on_event
        self._server_command = server_command
        self._server: subprocess.Popen[str] | None = None
        self._ready_or_ended = threading.Event()
        self._ready = False
        self._relay: threading.Thread | None = None
        self._data_directory: Path | None = None
        self._clients: dict[tuple[str, str], Any] = {}
        self._clients_lock = threading.Lock()

    def __enter__(self) -> LocalAws:
        self.start()
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The endpoint of every service."""
        return f"https://{HOST}:{self.port}"

    @property
    def data_directory(self) -> Path:
        """The temporary directory with the server's log (`server.log`) and the managed logs of runs.

        Raises:
            LocalAwsError: The local AWS is not started.
        """
        if self._data_directory is None:
            raise LocalAwsError("The local AWS is not started")
        return self._data_directory

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables with which the AWS CLI, SDKs and the CDK use the local AWS."""
        bundle = str(self.data_directory / "tls" / "ca-bundle.pem")
        no_proxy = ",".join(filter(None, [os.environ.get("NO_PROXY", os.environ.get("no_proxy")), HOST, "localhost"]))
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "CDK_DEFAULT_ACCOUNT": self.account_id,
            "CDK_DEFAULT_REGION": self.region,
            "AWS_CA_BUNDLE": bundle,
            "NODE_EXTRA_CA_CERTS": bundle,
            "NO_PROXY": no_proxy,
            "no_proxy": no_proxy,
        }

    def command_environment(self) -> dict[str, str]:
        """The whole environment for a command: this process's, `environment`, and the tools first on the PATH."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        path = [*self._node_alone(), str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
        # The CLI's own calls to the internet have nothing to say about a local deployment.
        quiet = {"CDK_DISABLE_CLI_TELEMETRY": "true", "CDK_DISABLE_VERSION_CHECK": "true"}
        return {**quiet, **inherited, **self.environment, "PATH": os.pathsep.join(path)}

    def _node_alone(self) -> list[str]:
        """A directory with the `node` from PyPI and nothing else: the `npm` and `npx` beside it do not run there.

        Those that run are in the interpreter's directory.
        """
        if not (found := node_directory()):
            return []
        node = self.data_directory / "bin" / "node"
        node.parent.mkdir(exist_ok=True)
        with contextlib.suppress(FileExistsError):
            node.symlink_to(Path(found[0]) / "node")
        return [str(node.parent)]

    def client(self, service: str, **arguments: Any) -> Any:
        """A boto3 client of a service of the local AWS, with root credentials unless `arguments` say otherwise.

        Without `arguments`, it is the same client each time: making one and connecting it take longer than most calls.
        """
        with self._clients_lock:  # making clients from boto3's session is not thread-safe
            if arguments:
                return self._new_client(service, arguments)
            key = (service, self.region)
            if key not in self._clients:
                self._clients[key] = self._new_client(service, {})
            return self._clients[key]

    def _new_client(self, service: str, arguments: Mapping[str, Any]) -> Any:
        import boto3  # noqa: PLC0415 - importing it takes longer than all the rest of this module

        environment = self.environment
        defaults = {
            "region_name": self.region,
            "endpoint_url": self.url,
            "verify": str(self._authority),
            "aws_access_key_id": environment["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": environment["AWS_SECRET_ACCESS_KEY"],
        }
        return boto3.client(service, **{**defaults, **arguments})  # type: ignore[call-overload]

    @property
    def _authority(self) -> Path:
        return self.data_directory / "tls" / "authority.pem"

    def fire_schedule(self, name: str, *, at: datetime.datetime | None = None) -> FiredOccurrence:
        """Fire a schedule of EventBridge Scheduler now, as the clock would: a test waits for no clock.

        The occurrence has the schedule's role, retry policy and dead-letter queue; its flexible time window is not
        waited for, and neither the state of the schedule nor its start and end are looked at. Fired twice, it occurs
        twice.
        `ActionAfterCompletion` is left to the clock.

        Args:
            name: The name of the schedule, or GROUP/NAME; or a part of the name that no other schedule's has, such as
                the logical id, as CloudFormation makes names of its own.
            at: The time that the occurrence is for, in the schedule's time zone if it has none; default: now.

        Returns:
            The occurrence, once its target was called, whether that failed or not.

        Raises:
            LocalAwsError: There is no such schedule in `region`, several fit, or the local AWS is not started.
        """
        bundle = Path(self.environment["AWS_CA_BUNDLE"])
        endpoint = Endpoint(url=self.url, authority=self._authority, ca_bundle=bundle)
        root = Credentials(access_key_id="test", secret_access_key="test")  # noqa: S106 - ministack's own
        with contextlib.closing(Connection(endpoint, region=self.region, credentials=root)) as connection:
            return fire(connection, name, at=at.isoformat() if at else None)

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            RequirementMissing: Something that the server needs is not installed.
            LocalAwsError: The port is in use, or the server does not start.
        """
        require_installed()
        self._data_directory = Path(tempfile.mkdtemp(prefix="emrs-local-"))
        command = [*self._server_command, "--port", str(self.port), "--data-directory", str(self._data_directory)]
        command += ["--region", self.region, "--account-id", self.account_id]
        command += ["--enforce-rates", str(self.enforce_rates)]
        if self.concurrent_drivers is not None:
            command += ["--concurrent-drivers", str(self.concurrent_drivers)]
        with (self._data_directory / "server.log").open("wb") as log:
            self._server = subprocess.Popen(  # noqa: S603 - our own module
                command,
                stdin=subprocess.PIPE,  # held open for as long as this process lives: the server ends with it
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
                start_new_session=True,
            )
        self._relay = threading.Thread(target=self._relay_events, name="emrs-local-events", daemon=True)
        self._relay.start()
        self._ready_or_ended.wait(_START_SECONDS)
        if not self._ready:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._server.wait(_STOP_SECONDS)  # its output ends a moment before it does
            reason = self._failure()
            self.stop()
            raise LocalAwsError(reason)

    def wait(self) -> NoReturn:
        """Wait until the server ends, which it does by itself only when something went wrong.

        Raises:
            LocalAwsError: It ended, or is not started.
        """
        if self._server is None:
            raise LocalAwsError("The local AWS is not started")
        wait_for_end(self._server)
        raise LocalAwsError(self._failure())

    def stop(self) -> None:
        """End the server with all that it started, and remove its files. Does nothing when it is stopped."""
        server, directory = self._server, self._data_directory
        if server is None or directory is None:
            return
        self._server = self._data_directory = None
        with self._clients_lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()
        try:
            server.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(_STOP_SECONDS)
        finally:
            server.kill()
            server.wait()
            end_group(server.pid, grace_seconds=0)
            end_recorded_groups(directory / "groups")
            if self._relay:
                self._relay.join()
            for stream in (server.stdin, server.stdout):
                if stream:
                    stream.close()
            shutil.rmtree(directory, ignore_errors=True)
            self._ready = False
            self._ready_or_ended.clear()

    def bootstrap(self) -> bool:
        """Bootstrap the account and region for the CDK with its own CLI; False if no CDK CLI is found.

        Raises:
            LocalAwsError: The CLI fails.
        """
        cdk = find_cdk()
        if cdk is None:
            return False
        bootstrapped = subprocess.run(  # noqa: S603 - the CDK CLI
            [*cdk, "bootstrap", f"aws://{self.account_id}/{self.region}"],
            cwd=self.data_directory,  # not in the user's folder: a cdk.json there would have its app synthesised
            env=self.command_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if bootstrapped.returncode != 0:
            raise LocalAwsError(f"cdk bootstrap failed:\n{bootstrapped.stdout}{bootstrapped.stderr}")
        return True

    def _relay_events(self) -> None:
        server = self._server
        if server is None or server.stdout is None:
            return
        for line in server.stdout:
            if line.startswith("ready "):
                self.port = int(line.split()[1])
                self._ready = True
                self._ready_or_ended.set()
            else:
                self._on_event(line.rstrip("\n"))
        self._ready_or_ended.set()

    def _failure(self) -> str:
        code = self._server.poll() if self._server else None
        if code == errno.EADDRINUSE:
            return f"port {self.port} is in use; choose another with --port"
        if code == errno.EACCES:
            return f"port {self.port} may not be used by this user; choose another with --port"
        lines = (self.data_directory / "server.log").read_text(encoding="utf-8", errors="replace").splitlines()
        reason = "did not become ready" if code is None else f"ended with exit code {code}"
        return "\n".join([f"the local AWS {reason}; the end of its log:", *lines[-_LOG_LINES_SHOWN:]])


def fire(connection: Connection, name: str, *, at: str | None) -> FiredOccurrence:
    """Fire a schedule of the local AWS that the connection leads to; see `LocalAws.fire_schedule`."""
    request = {"name": name} if at is None else {"name": name, "at": at}
    try:
        status, body = connection.send(FIRE_SERVICE, "POST", FIRE_PATH, body=json.dumps(request).encode())
    except ConnectionError as error:
        raise LocalAwsError(str(error)) from error
    if status != 200:
        raise LocalAwsError(message_of(body))
    fired = json.loads(body)
    return FiredOccurrence(
        schedule_arn=fired["scheduleArn"],
        scheduled_time=datetime.datetime.fromisoformat(fired["scheduledTime"]),
        answer=fired["answer"],
        error=fired["error"],
    )


def message_of(body: bytes) -> str:
    """What an answer that refuses says."""
    try:
        document = json.loads(body)
        return str(document.get("message") or document.get("Message") or document)
    except (ValueError, AttributeError):
        return body.decode(errors="replace").strip()


def find_cdk() -> list[str] | None:
    """The command of the CDK CLI, of a project around the working directory or of the PATH; None if there is none."""
    for directory in [Path.cwd(), *Path.cwd().parents]:
        candidate = directory / "node_modules" / ".bin" / "cdk"
        if candidate.exists():
            return [str(candidate)]
    on_path = shutil.which("cdk")
    return [on_path] if on_path else None
