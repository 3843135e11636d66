"""One run on its way through the states: SUBMITTED, (QUEUED), PENDING, SCHEDULED, RUNNING and the end.

User Guide, "Job run states". PENDING waits for the application, SCHEDULED for room on this machine, and is where role,
keys and log destinations are tried, RUNNING is the driver's life. The logs are delivered completely before the last
state is visible, so that whoever waits for the run finds them.
"""

from __future__ import annotations

import logging
import math
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from emrs_local.driver import Driver, DriverRequest, Engine
from emrs_local.emr_serverless.applications import Applications
from emrs_local.emr_serverless.authorization import RoleSession, assume_execution_role
from emrs_local.emr_serverless.driver_output import DriverOutput
from emrs_local.emr_serverless.errors import JobRunCancelled, JobRunFailed
from emrs_local.emr_serverless.job_runs import JobRun, JobRuns
from emrs_local.emr_serverless.log_delivery import LogDelivery, log_directory
from emrs_local.emr_serverless.rules import queue_of
from emrs_local.endpoint import Endpoint
from emrs_local.ministack.buckets import bucket_names
from emrs_local.ministack.scope import in_scope

EVENT_LOGS = "event-logs"
"""The name of the directory, in that of the server, below which event logs are."""

_log = logging.getLogger(__name__)

_SHIP_SECONDS = 1.0
_RETRY_WINDOW_SECONDS = 3600


@dataclass(frozen=True, kw_only=True)
class ServiceSettings:
    """What the service needs to know about the server.

    Attributes:
        endpoint: Where the driver and the log delivery reach the local AWS.
        data_directory: Holds the work directories of running drivers and, under `managed-logs`, what the service keeps.
        concurrent_drivers: How many drivers run at a time; None for as many as the engine has room for.
        seconds_per_minute: 60, or less for tests of timeouts.
    """

    endpoint: Endpoint
    data_directory: Path
    concurrent_drivers: int | None = None
    seconds_per_minute: float = 60

    @property
    def managed_storage(self) -> Path:
        """The service's own log storage."""
        return self.data_directory / "managed-logs"

    def event_logs_of(self, job_run_id: str, attempt: int) -> Path:
        """The directory for the event logs of an attempt."""
        return self.data_directory / EVENT_LOGS / job_run_id / str(attempt)


class LifeCycle:
    """Takes job runs through their states; `run` is called in a thread of each run's own."""

    def __init__(
        self,
        *,
        changed: threading.Condition,
        applications: Applications,
        engine: Engine,
        settings: ServiceSettings,
        driver_output: DriverOutput,
    ) -> None:
        self._changed = changed
        self._applications = applications
        self._engine = engine
        self._settings = settings
        self._driver_output = driver_output
        self._room = settings.concurrent_drivers or engine.concurrent_drivers
        self._in_turn: list[str] = []  # the runs that have a driver or wait for room, in the order in which they came

    def run(self, runs: JobRuns, run: JobRun) -> None:
        """Take a submitted run to its end."""
        with in_scope(run.application.scope):
            try:
                try:
                    self._wait_in_queue(runs, run)
                    self._try_until_done(runs, run)
                    self._end(runs, run, "SUCCESS")
                except JobRunFailed as failure:
                    self._end(runs, run, "FAILED", details=str(failure))
                except JobRunCancelled:
                    raise
                except Exception:  # noqa: BLE001 - a run must end, or whoever waits for it waits forever
                    _log.exception("job run %s", run.job_run_id)
                    details = "Internal error of the local service; its log has the traceback."
                    self._end(runs, run, "FAILED", details=details)
            except JobRunCancelled:
                self._end(runs, run, "CANCELLED", details=run.cancellation_details)

    def _end(self, runs: JobRuns, run: JobRun, state: str, *, details: str = "") -> None:
        """Enter the last state. Whoever sees it may stop the application: it runs nothing any more."""
        with self._changed:
            runs.enter(run, state, details=details)
            self._applications.job_run_ended(run.application, run.job_run_id)

    def _wait_in_queue(self, runs: JobRuns, run: JobRun) -> None:
        with self._changed:
            submitted, queue = time.monotonic(), queue_of(run.application)
            if queue and not self._may_run(runs, run):
                timeout = queue.timeout_minutes
                runs.enter(run, "QUEUED")
                self._wait_for(
                    run,
                    lambda: self._may_run(runs, run),
                    timeout_seconds=timeout * self._settings.seconds_per_minute,
                    otherwise=f"The job run was queued for more than {timeout} minutes",
                )
                run.queued_milliseconds = int((time.monotonic() - submitted) * 1000)
            runs.enter(run, "PENDING")

    def _may_run(self, runs: JobRuns, run: JobRun) -> bool:
        queue = queue_of(run.application)  # the number of concurrent runs may change meanwhile
        if queue is None:
            return True
        others = [other for other in runs.all(run.application) if other is not run]
        running = sum(other.state in ("PENDING", "SCHEDULED", "RUNNING", "CANCELLING") for other in others)
        # A run that was submitted before may not have got as far as the queue.
        earlier = sum(other.state in ("SUBMITTED", "QUEUED") and other.created_at < run.created_at for other in others)
        return running + earlier < queue.concurrent_runs

    def _try_until_done(self, runs: JobRuns, run: JobRun) -> None:
        failures: list[float] = []
        while True:
            try:
                self._attempt(runs, run)
            except JobRunFailed as failure:
                failures.append(time.monotonic())
                if not _tries_again(run, failures):
                    raise
                runs.retry(run, details=str(failure))
            else:
                return

    def _attempt(self, runs: JobRuns, run: JobRun) -> None:
        self._wait_for_application(run)
        with (
            self._room_for(runs, run),
            assume_execution_role(
                application=run.application,
                job_run_id=run.job_run_id,
                role_arn=run.request["executionRoleArn"],
                execution_iam_policy=run.request.get("executionIamPolicy", {}),
            ) as role,
            self._work_directory(run) as directory,
        ):
            role.require_keys(run.configuration)
            driver = self._engine.make_driver(self._driver_request(run, role, directory))
            attempt, files = run.attempts[-1].number, {"stdout": driver.stdout, "stderr": driver.stderr}
            try:
                with self._driver_output.kept(run.job_run_id, attempt, **files):
                    exit_code = self._run_driver(runs, run, driver, self._log_delivery(run, role, driver))
                    if exit_code != 0:
                        raise JobRunFailed(_failure(driver, exit_code))
            finally:
                driver.close()

    def _run_driver(self, runs: JobRuns, run: JobRun, driver: Driver, logs: LogDelivery) -> int:
        logs.open()
        try:
            run.workers = self._engine.workers(run.request["jobDriver"], run.configuration.application_configuration)
            driver.start()
        except (RuntimeError, ValueError) as error:
            raise JobRunFailed(f"The driver could not be started: {error}") from error
        try:
            runs.enter(run, "RUNNING")
            return self._watch(runs, run, driver, logs)
        finally:
            driver.terminate(run.cancellation_grace_seconds or 0)
            logs.ship(complete=True)

    def _watch(self, runs: JobRuns, run: JobRun, driver: Driver, logs: LogDelivery) -> int:
        ended = threading.Event()
        threading.Thread(target=self._tell_of_the_end, args=(driver, ended), daemon=True).start()
        shipped = time.monotonic()
        while (exit_code := driver.poll()) is None:
            seconds_left = self._seconds_left(run)
            if seconds_left <= 0:
                details = f"The job run exceeded its execution timeout of {run.timeout_minutes} minutes"
                runs.cancel(run, details=details)
            with self._changed:
                self._changed.wait_for(
                    lambda: ended.is_set() or run.cancellation_requested,
                    timeout=min(seconds_left, shipped + _SHIP_SECONDS - time.monotonic()),
                )
                if run.cancellation_requested:
                    raise JobRunCancelled
            if time.monotonic() - shipped >= _SHIP_SECONDS:
                logs.ship(complete=False)
                shipped = time.monotonic()
        return exit_code

    def _tell_of_the_end(self, driver: Driver, ended: threading.Event) -> None:
        driver.wait()
        ended.set()
        with self._changed:
            self._changed.notify_all()

    def _seconds_left(self, run: JobRun) -> float:
        if run.timeout_minutes <= 0:
            return math.inf
        return run.timeout_minutes * self._settings.seconds_per_minute - run.running_seconds()

    def _wait_for_application(self, run: JobRun) -> None:
        application = run.application
        with self._changed:
            self._wait_for(run, lambda: application.state not in ("CREATING", "STOPPING"))
            self._applications.start(application)
            self._wait_for(run, lambda: application.state == "STARTED")

    @contextmanager
    def _room_for(self, runs: JobRuns, run: JobRun) -> Iterator[None]:
        """Wait, as SCHEDULED, until there is room for the driver of a run, and keep it."""
        with self._changed:
            runs.enter(run, "SCHEDULED")
            self._in_turn.append(run.job_run_id)
        try:
            with self._changed:
                self._wait_for(run, lambda: run.job_run_id in self._in_turn[: self._room])
            yield
        finally:
            with self._changed:
                self._in_turn.remove(run.job_run_id)
                self._changed.notify_all()

    def _wait_for(
        self,
        run: JobRun,
        reached: Callable[[], bool],
        *,
        timeout_seconds: float | None = None,
        otherwise: str = "",
    ) -> None:
        in_time = self._changed.wait_for(lambda: run.cancellation_requested or reached(), timeout=timeout_seconds)
        if run.cancellation_requested:
            raise JobRunCancelled
        if not in_time:
            raise JobRunFailed(otherwise)

    def _driver_request(self, run: JobRun, role: RoleSession, directory: Path) -> DriverRequest:
        settings, region = self._settings, run.application.scope.region
        return DriverRequest(
            job_driver=run.request["jobDriver"],
            application_configuration=run.configuration.application_configuration,
            job_run_name=run.name,
            work_directory=directory,
            event_logs=settings.event_logs_of(run.job_run_id, run.attempts[-1].number),
            credentials=role.credentials,
            environment={
                "AWS_ACCESS_KEY_ID": role.credentials.access_key_id,
                "AWS_SECRET_ACCESS_KEY": role.credentials.secret_access_key,
                "AWS_SESSION_TOKEN": role.credentials.session_token or "",
                "AWS_REGION": region,
                "AWS_DEFAULT_REGION": region,
                "AWS_ENDPOINT_URL": settings.endpoint.url,
                "AWS_CA_BUNDLE": str(settings.endpoint.ca_bundle),
            },
            buckets=bucket_names(),
        )

    def _log_delivery(self, run: JobRun, role: RoleSession, driver: Driver) -> LogDelivery:
        return LogDelivery(
            configuration=run.configuration,
            directory=log_directory(
                application_id=run.application.application_id,
                job_run_id=run.job_run_id,
                attempt=run.attempts[-1].number if run.may_retry else None,
                worker_type=run.worker_type,
            ),
            files={"stdout": driver.stdout, "stderr": driver.stderr},
            event_logs=self._settings.event_logs_of(run.job_run_id, run.attempts[-1].number),
            role=role,
            region=run.application.scope.region,
            endpoint=self._settings.endpoint,
            managed_storage=self._settings.managed_storage,
        )

    @contextmanager
    def _work_directory(self, run: JobRun) -> Iterator[Path]:
        directory = self._settings.data_directory / "runs" / run.job_run_id / str(run.attempts[-1].number)
        directory.mkdir(parents=True)
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)


def _failure(driver: Driver, exit_code: int) -> str:
    return (
        "Job failed, please check complete logs in configured logging destination. "
        f"ExitCode: {exit_code}. Last few exceptions: {driver.failure_summary()}"
    )


def _tries_again(run: JobRun, failures: list[float]) -> bool:
    """User Guide, "Job resiliency": a batch run has its attempts, a streaming run as many failures an hour."""
    if run.mode == "BATCH":
        return len(failures) < run.maximum_attempts
    recent = [moment for moment in failures if failures[-1] - moment < _RETRY_WINDOW_SECONDS]
    return len(recent) < run.maximum_failures_per_hour
