"""Job runs: their records, what may be asked of them, and the idempotency of their submission."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from emrs_local.driver import Worker
from emrs_local.emr_serverless.applications import Announce, Application, now
from emrs_local.emr_serverless.effective_configuration import (
    DRIVER_WORKER_TYPES,
    EffectiveConfiguration,
    effective_configuration,
)
from emrs_local.emr_serverless.errors import (
    ConflictException,
    JobRunCancelled,
    ResourceNotFoundException,
    ValidationException,
)
from emrs_local.emr_serverless.events import Event, Publish, timestamp
from emrs_local.emr_serverless.metrics import JobRunMetrics, RunWorkers
from emrs_local.emr_serverless.rules import supports_grace_period
from emrs_local.emr_serverless.utilization import billed_utilization, total_utilization

TERMINAL_STATES = ("SUCCESS", "FAILED", "CANCELLED")
_DEFAULT_TIMEOUT_MINUTES = 720
# Members of the application that describe its runs too.
_OF_THE_APPLICATION = ("imageConfiguration", "networkConfiguration", "workerTypeSpecifications")
_STREAMING_GRACE_SECONDS = 120
_STATE_DETAILS_LENGTH = 256  # String256 of the service model


@dataclass(kw_only=True)
class Attempt:
    """One try of a run."""

    number: int
    state: str
    state_details: str = ""
    created_at: datetime.datetime = field(default_factory=now)
    updated_at: datetime.datetime = field(default_factory=now)
    started_at: datetime.datetime | None = None
    ended_at: datetime.datetime | None = None


@dataclass(kw_only=True)
class JobRun:
    """A run; `request` is its StartJobRun request without the client token."""

    job_run_id: str
    application: Application
    created_by: str
    request: dict[str, Any]
    tags: dict[str, str]
    release_label: str
    configuration: EffectiveConfiguration
    state: str = "SUBMITTED"
    state_details: str = ""
    created_at: datetime.datetime = field(default_factory=now)
    updated_at: datetime.datetime = field(default_factory=now)
    started_at: datetime.datetime | None = None
    ended_at: datetime.datetime | None = None
    queued_milliseconds: int | None = None
    workers: Sequence[Worker] = ()
    attempts: list[Attempt] = field(default_factory=list)
    cancellation_grace_seconds: float | None = None
    cancellation_details: str = ""

    def __post_init__(self) -> None:
        self.attempts.append(Attempt(number=1, state=self.state, created_at=self.created_at))

    @property
    def arn(self) -> str:
        """The ARN of the run."""
        return job_run_arn(self.application, self.job_run_id)

    @property
    def name(self) -> str:
        """The name that the user gave, else the id."""
        return str(self.request.get("name", self.job_run_id))

    @property
    def mode(self) -> str:
        """BATCH or STREAMING."""
        return str(self.request.get("mode", "BATCH"))

    @property
    def worker_type(self) -> str:
        """SPARK_DRIVER or HIVE_DRIVER."""
        return driver_worker_type(self.request)

    @property
    def timeout_minutes(self) -> int:
        """After how many minutes the run is cancelled; 0 is never."""
        return int(self.request.get("executionTimeoutMinutes", _DEFAULT_TIMEOUT_MINUTES))

    @property
    def maximum_attempts(self) -> int:
        """How often a batch run is tried."""
        return int(self.request.get("retryPolicy", {}).get("maxAttempts", 1))

    @property
    def maximum_failures_per_hour(self) -> int:
        """How many failed attempts in an hour end a streaming run."""
        return int(self.request.get("retryPolicy", {}).get("maxFailedAttemptsPerHour", 5))

    @property
    def may_retry(self) -> bool:
        """Whether log paths name the attempt: streaming runs, and batch runs with a retry policy."""
        return self.mode == "STREAMING" or self.maximum_attempts > 1

    @property
    def cancellation_requested(self) -> bool:
        """Whether the run was cancelled, by CancelJobRun or by its timeout."""
        return self.cancellation_grace_seconds is not None

    def summary(self, attempt: Attempt | None = None) -> dict[str, Any]:
        """The members of JobRunSummary, or of JobRunAttemptSummary."""
        described = self.description(attempt)
        shown = {**described, "id": self.job_run_id, "type": self.application.engine}
        return shown if attempt is None else {**shown, "createdAt": attempt.created_at, "jobCreatedAt": self.created_at}

    def description(self, attempt: Attempt | None = None) -> dict[str, Any]:
        """The members of JobRun, those of one attempt when it is given."""
        shown = attempt or self.attempts[-1]
        of_run = {
            "state": self.state,
            "stateDetails": self.state_details,
            "startedAt": self.started_at,
            "endedAt": self.ended_at,
            "updatedAt": self.updated_at,
        }
        of_attempt = {
            "state": shown.state,
            "stateDetails": shown.state_details,
            "startedAt": shown.started_at,
            "endedAt": shown.ended_at,
            "updatedAt": shown.updated_at,
        }
        return {
            "applicationId": self.application.application_id,
            "jobRunId": self.job_run_id,
            "arn": self.arn,
            "name": self.request.get("name"),
            "createdBy": self.created_by,
            "createdAt": self.created_at,
            "executionRole": self.request["executionRoleArn"],
            "executionIamPolicy": self.request.get("executionIamPolicy"),
            "releaseLabel": self.release_label,
            "configurationOverrides": self.request.get("configurationOverrides"),
            "jobDriver": self.request["jobDriver"],
            "tags": self.tags,
            **{name: self.application.members.get(name) for name in _OF_THE_APPLICATION},
            "totalExecutionDurationSeconds": int(self.running_seconds()),
            "executionTimeoutMinutes": self.timeout_minutes,
            "mode": self.mode,
            "retryPolicy": self.request.get("retryPolicy"),
            "attempt": shown.number,
            "attemptCreatedAt": shown.created_at,
            "attemptUpdatedAt": shown.updated_at,
            "queuedDurationMilliseconds": self.queued_milliseconds,
            "flexExecution": self.request.get("flexExecution"),
            **self._utilization(self.attempts if attempt is None else [attempt]),
            **(of_run if attempt is None else of_attempt),
        }

    def _utilization(self, attempts: Sequence[Attempt]) -> dict[str, Any]:
        """What is known once all has ended."""
        seconds = [
            (attempt.ended_at - attempt.started_at).total_seconds()
            for attempt in attempts
            if attempt.started_at and attempt.ended_at
        ]
        known = bool(seconds) and attempts[-1].state in TERMINAL_STATES
        return {
            "totalResourceUtilization": total_utilization(self.workers, seconds) if known else None,
            "billedResourceUtilization": billed_utilization(self.workers, seconds) if known else None,
        }

    def state_change(self, previous: str | None) -> Event:
        """What EventBridge is told when the run has entered its state, from `previous` unless it is its first."""
        detail = {**self._event_detail(), "state": self.state}
        if previous:
            detail["previousState"] = previous
        return Event(scope=self.application.scope, detail_type="EMR Serverless Job Run State Change", detail=detail)

    def retry_event(self) -> Event:
        """What EventBridge is told when an attempt has failed and the next begins."""
        failed, following = self.attempts[-2:]
        detail = {
            **self._event_detail(),
            "previousAttempt": failed.number,
            "previousAttemptState": failed.state,
            "previousAttemptCreatedAt": timestamp(failed.created_at),
            "previousAttemptEndedAt": timestamp(failed.ended_at or failed.updated_at),
            "newAttempt": following.number,
            "newAttemptCreatedAt": timestamp(following.created_at),
        }
        return Event(scope=self.application.scope, detail_type="EMR Serverless Job Run Retry", detail=detail)

    def _event_detail(self) -> dict[str, Any]:
        return {
            "jobRunId": self.job_run_id,
            "applicationId": self.application.application_id,
            "arn": self.arn,
            "releaseLabel": self.release_label,
            "createdBy": self.created_by,
            "updatedAt": timestamp(self.updated_at),
            "createdAt": timestamp(self.created_at),
        }

    def running_seconds(self) -> float:
        """How long the run has been executing, or was."""
        return 0 if self.started_at is None else ((self.ended_at or now()) - self.started_at).total_seconds()


def job_run_arn(application: Application, job_run_id: str) -> str:
    """The ARN of a run, which exists or is about to."""
    return f"{application.arn}/jobruns/{job_run_id}"


def driver_worker_type(request: Mapping[str, Any]) -> str:
    """SPARK_DRIVER or HIVE_DRIVER, whichever the request's `jobDriver` is for."""
    return next(worker for driver, worker in DRIVER_WORKER_TYPES.items() if driver in request["jobDriver"])


def configuration_of(application: Application, request: Mapping[str, Any]) -> EffectiveConfiguration:
    """What is in force for a run of `request` on `application`."""
    return effective_configuration(
        application=application.members,
        overrides=request.get("configurationOverrides", {}),
        worker_type=driver_worker_type(request),
    )


class JobRuns:
    """All job runs of the server.

    Args:
        changed: Guards every record of the service; notified after each change of a state.
        announce: Is told each change of a state in one line.
        publish: Is told each change of a state as an event, in their order; may not block.
        metrics: Is told each change of a state.
        life_cycle: Takes a submitted run through its states, in a thread of its own.
    """

    def __init__(
        self,
        *,
        changed: threading.Condition,
        announce: Announce,
        publish: Publish,
        metrics: JobRunMetrics,
        life_cycle: Callable[[JobRun], None],
    ) -> None:
        self._changed = changed
        self._announce = announce
        self._publish = publish
        self._metrics = metrics
        self._life_cycle = life_cycle
        self._by_id: dict[tuple[str, str], JobRun] = {}
        self._by_token: dict[tuple[str, str], JobRun] = {}
        self._threads: list[threading.Thread] = []

    def submitted_before(self, application: Application, request: Mapping[str, Any]) -> JobRun | None:
        """The run that an earlier request with the same client token started; None if there is none.

        Raises:
            ConflictException: The earlier request had other parameters.
        """
        run = self._by_token.get((application.application_id, request["clientToken"]))
        if run and run.request != _without_token(request):
            raise ConflictException(f"The client token {request['clientToken']} was used before with other parameters")
        return run

    def submit(
        self, application: Application, request: Mapping[str, Any], *, job_run_id: str, created_by: str
    ) -> JobRun:
        """Submit a run; the one submitted before if the client token is the same.

        Raises:
            ConflictException: The client token was used with other parameters.
            ValidationException: The application takes no runs.
        """
        with self._changed:
            earlier = self.submitted_before(application, request)
            if earlier:
                return earlier
            _require_ready_for_runs(application)
            run = JobRun(
                job_run_id=job_run_id,
                application=application,
                created_by=created_by,
                request=_without_token(request),
                tags=dict(request.get("tags", {})),
                release_label=application.release_label,
                configuration=configuration_of(application, request),
            )
            self._by_id[application.application_id, run.job_run_id] = run
            self._by_token[application.application_id, request["clientToken"]] = run
            application.active_job_runs.add(run.job_run_id)
            thread = threading.Thread(target=self._life_cycle, args=(run,), name=f"job-run-{run.job_run_id}")
            self._threads.append(thread)
            self._announce(f"job run {run.job_run_id} ({run.name})  SUBMITTED")
            self._publish(run.state_change(None))
            self._metrics.changed(application, previous=None, state=run.state)
            thread.start()
        return run

    def find(self, application: Application, job_run_id: str) -> JobRun:
        """The run with this id.

        Raises:
            ResourceNotFoundException: There is none.
        """
        try:
            return self._by_id[application.application_id, job_run_id]
        except KeyError:
            raise ResourceNotFoundException(f"JobRun {job_run_id} does not exist") from None

    def all(self, application: Application) -> list[JobRun]:
        """The runs of an application, the newest first."""
        wanted = application.application_id
        return [run for (application_id, _), run in reversed(self._by_id.items()) if application_id == wanted]

    def cancel(self, run: JobRun, *, grace_seconds: float | None = None, details: str = "") -> None:
        """Make a run CANCELLING; its thread ends it. A run that is CANCELLING already stays as it is.

        Args:
            run: The run.
            grace_seconds: How long a running driver may take to end; None is the default of the run's mode.
            details: Why, for the state details.

        Raises:
            ValidationException: The run has ended.
        """
        if grace_seconds is None:
            grace_seconds = _STREAMING_GRACE_SECONDS if run.mode == "STREAMING" else 0
        with self._changed:
            if run.state in TERMINAL_STATES:
                raise ValidationException(
                    f"JobRun {run.job_run_id} is not in a cancellable state. Current state: {run.state}"
                )
            if not run.cancellation_requested:
                # Only a driver that runs can end gracefully (User Guide, "Cancelling a job run").
                graceful = run.state == "RUNNING" and supports_grace_period(run.release_label)
                run.cancellation_grace_seconds = grace_seconds if graceful else 0
                run.cancellation_details = details
                self.enter(run, "CANCELLING", details=details)

    def enter(self, run: JobRun, state: str, *, details: str = "") -> None:
        """Move a run, and its current attempt, to a state.

        Raises:
            JobRunCancelled: The run was cancelled and can only become CANCELLED.
        """
        details = shortened(details)
        with self._changed:
            if run.cancellation_requested and state not in ("CANCELLING", "CANCELLED"):
                raise JobRunCancelled
            previous, moment, attempt = run.state, now(), run.attempts[-1]
            run.state = attempt.state = state
            run.state_details = attempt.state_details = details
            run.updated_at = attempt.updated_at = moment
            if state == "RUNNING":
                attempt.started_at = moment
                run.started_at = run.started_at or moment
            if state in TERMINAL_STATES:
                run.ended_at = attempt.ended_at = moment
            self._announce(f"job run {run.job_run_id} ({run.name})  {previous} → {state}")
            self._publish(run.state_change(previous))
            self._metrics.changed(run.application, previous=previous, state=state)
            self._changed.notify_all()

    def retry(self, run: JobRun, *, details: str) -> None:
        """End the current attempt as failed and begin the next.

        Raises:
            JobRunCancelled: The run was cancelled and has no further attempt.
        """
        with self._changed:
            if run.cancellation_requested:
                raise JobRunCancelled
            failed = run.attempts[-1]
            failed.state, failed.state_details = "FAILED", shortened(details)
            failed.updated_at = failed.ended_at = now()
            run.attempts.append(Attempt(number=failed.number + 1, state="PENDING"))
            self._publish(run.retry_event())
            self._announce(f"job run {run.job_run_id} ({run.name})  attempt {failed.number} failed, trying again")
            self.enter(run, "PENDING")

    def tell_metrics(self) -> None:
        """Publish the metrics of all applications that are started."""
        with self._changed:
            self._metrics.current(
                RunWorkers(
                    application=run.application,
                    job_run_id=run.job_run_id,
                    name=run.request.get("name"),
                    workers=run.workers,
                )
                for run in self._by_id.values()
                if run.state == "RUNNING"
            )

    def close(self) -> None:
        """Cancel every active run without grace and wait until their threads ended; the server is stopping."""
        with self._changed:
            for run in self._by_id.values():
                if run.state not in TERMINAL_STATES:
                    self.cancel(run, grace_seconds=0, details="The server is stopping")
                    run.cancellation_grace_seconds = 0
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()


def shortened(details: str) -> str:
    """State details as long as the service allows."""
    return details if len(details) <= _STATE_DETAILS_LENGTH else details[: _STATE_DETAILS_LENGTH - 3] + "..."


def _without_token(request: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in request.items() if name != "clientToken"}


def _require_ready_for_runs(application: Application) -> None:
    if application.state == "TERMINATED":
        raise ResourceNotFoundException(f"Application {application.application_id} does not exist")
    if application.state not in ("STARTING", "STARTED") and not application.starts_by_itself:
        raise ValidationException(
            f"Application {application.application_id} must be started: it does not start by itself. "
            f"Current status: {application.state}"
        )
