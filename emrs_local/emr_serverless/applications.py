"""Applications: their records and their state machine.

States go CREATING, CREATED, STARTING, STARTED, STOPPING, STOPPED, TERMINATED (User Guide, "Interacting with an
application"). An application starts by itself when a run is submitted and stops by itself when it was idle for a while.
"""

from __future__ import annotations

import datetime
import secrets
import string
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from emrs_local.emr_serverless.errors import ConflictException, ResourceNotFoundException, ValidationException
from emrs_local.emr_serverless.events import Event, Publish, timestamp
from emrs_local.ministack.scope import Scope

Announce = Callable[[str], None]

ENGINES = ("Spark", "Hive")
STATES = ("CREATING", "CREATED", "STARTING", "STARTED", "STOPPING", "STOPPED", "TERMINATED")

_IDLE_TIMEOUT_MINUTES = 15  # AutoStopConfig: the default of idleTimeoutMinutes
_CHANGEABLE = ("CREATED", "STOPPED")


def new_id() -> str:
    """An id like the service's own: `00f` and thirteen lower-case letters and digits."""
    return "00f" + "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(13))


def now() -> datetime.datetime:
    """The current time, with its zone."""
    return datetime.datetime.now(tz=datetime.UTC)


@dataclass(kw_only=True)
class Application:
    """An application. `members` are those of the create and update requests that need no treatment of their own.

    `engine` is `Spark` or `Hive` however the request wrote it, as the service answers it.
    """

    application_id: str
    scope: Scope
    release_label: str
    engine: str
    members: dict[str, Any]
    tags: dict[str, str]
    state: str = "CREATING"
    state_details: str = ""
    created_at: datetime.datetime = field(default_factory=now)
    updated_at: datetime.datetime = field(default_factory=now)
    active_job_runs: set[str] = field(default_factory=set)
    idle_since: float = field(default_factory=time.monotonic)
    start_is_due: bool = False

    @property
    def arn(self) -> str:
        """The ARN of the application."""
        return f"arn:aws:emr-serverless:{self.scope.region}:{self.scope.account_id}:/applications/{self.application_id}"

    @property
    def name(self) -> str:
        """The name that the user gave, else the id."""
        return str(self.members.get("name", self.application_id))

    @property
    def label(self) -> str:
        """What a line that is read by people calls it."""
        named = f" ({self.name})" if "name" in self.members else ""
        return f"application {self.application_id}{named}"

    @property
    def starts_by_itself(self) -> bool:
        """Whether a submitted run starts the application."""
        return bool(self.members.get("autoStartConfiguration", {}).get("enabled", True))

    @property
    def idle_timeout_minutes(self) -> int | None:
        """After how many idle minutes the application stops by itself; None if it does not."""
        stop = self.members.get("autoStopConfiguration", {})
        return stop.get("idleTimeoutMinutes", _IDLE_TIMEOUT_MINUTES) if stop.get("enabled", True) else None

    def summary(self) -> dict[str, Any]:
        """The members of ApplicationSummary."""
        return {**self.description(), "id": self.application_id}

    def description(self) -> dict[str, Any]:
        """The members of Application."""
        return {
            "autoStartConfiguration": {"enabled": True},
            "autoStopConfiguration": {"enabled": True, "idleTimeoutMinutes": _IDLE_TIMEOUT_MINUTES},
            "architecture": "X86_64",
            **self.members,
            "applicationId": self.application_id,
            "arn": self.arn,
            "releaseLabel": self.release_label,
            "type": self.engine,
            "state": self.state,
            "stateDetails": self.state_details or None,
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
            "tags": self.tags,
        }

    def state_change(self) -> Event:
        """What EventBridge is told when the application has entered its state."""
        described = self.description()
        stop = described["autoStopConfiguration"]
        return Event(
            scope=self.scope,
            detail_type="EMR Serverless Application State Change",
            detail={
                "applicationId": self.application_id,
                "applicationName": self.name,
                "arn": self.arn,
                "releaseLabel": self.release_label,
                "state": self.state,
                "type": self.engine.upper(),
                "createdAt": timestamp(self.created_at),
                "updatedAt": timestamp(self.updated_at),
                "autoStopConfig": {
                    "enabled": stop.get("enabled", True),
                    "idleTimeout": stop.get("idleTimeoutMinutes", _IDLE_TIMEOUT_MINUTES),
                },
                "autoStartConfig": {"enabled": self.starts_by_itself},
            },
        )


class Applications:
    """All applications of the server.

    Args:
        changed: Guards every record of the service, those of job runs too, for reading them as well: what is read
            has been announced and published. Notified after each change of a state.
        announce: Is told each change of a state in one line.
        publish: Is told each change of a state as an event, in their order; may not block.
        transition_seconds: How long CREATING, STARTING and STOPPING last.
        seconds_per_minute: 60, or less for tests of the idle timeout.
    """

    def __init__(
        self,
        *,
        changed: threading.Condition,
        announce: Announce,
        publish: Publish,
        transition_seconds: float = 0.2,
        seconds_per_minute: float = 60,
    ) -> None:
        self._changed = changed
        self._announce = announce
        self._publish = publish
        self._transition_seconds = transition_seconds
        self._seconds_per_minute = seconds_per_minute
        self._by_id: dict[tuple[Scope, str], Application] = {}
        self._by_token: dict[tuple[Scope, str], tuple[dict[str, Any], Application]] = {}

    def create(self, scope: Scope, request: dict[str, Any]) -> Application:
        """A new application, in the state CREATING; the one created before if the client token is the same.

        Raises:
            ConflictException: The client token was used with other parameters.
        """
        members = dict(request)
        token = members.pop("clientToken")
        with self._changed:
            if (scope, token) in self._by_token:
                created_from, application = self._by_token[scope, token]
                if created_from != members:
                    raise ConflictException(f"The client token {token} was used before with other parameters")
                return application
            application = _new_application(scope, members)
            self._by_token[scope, token] = (members, application)
            self._by_id[scope, application.application_id] = application
            self._announce(f"{application.label}  CREATING")
            self._publish(application.state_change())
            self._settle_later(application, "CREATED")
        return application

    def find(self, scope: Scope, application_id: str) -> Application:
        """The application with this id.

        Raises:
            ResourceNotFoundException: There is none.
        """
        try:
            return self._by_id[scope, application_id]
        except KeyError:
            raise ResourceNotFoundException(f"Application {application_id} does not exist") from None

    def all(self, scope: Scope) -> list[Application]:
        """The applications of an account and region, terminated ones too, the newest first."""
        return [application for (of, _), application in reversed(self._by_id.items()) if of == scope]

    def update(self, application: Application, members: dict[str, Any]) -> None:
        """Change an application that runs nothing; a member that is None is removed.

        Raises:
            ValidationException: The application is neither CREATED nor STOPPED, nor is it STARTED and only the number
                of its concurrent runs changes.
        """
        with self._changed:
            if not (application.state == "STARTED" and _only_concurrent_runs_change(application, members)):
                self._require_changeable(application)
            changed = {**application.members, **members}
            application.release_label = changed.pop("releaseLabel", application.release_label)
            application.members = {name: value for name, value in changed.items() if value is not None}
            application.updated_at = now()
            self._changed.notify_all()  # a run that is queued may have its turn now

    def delete(self, application: Application) -> None:
        """Terminate an application that runs nothing; its record stays readable.

        Raises:
            ValidationException: The application is neither CREATED nor STOPPED.
        """
        with self._changed:
            self._require_changeable(application)
            self._become(application, "TERMINATED")

    def start(self, application: Application) -> None:
        """Start an application; one that is started, or starts, stays as it is, one that is created starts then.

        Raises:
            ValidationException: The application is in no state to be started from.
        """
        with self._changed:
            if application.state in ("STARTING", "STARTED"):
                return
            if application.state == "CREATING":
                # awslabs/amazon-emr-cli starts what it has just created, so the service does not refuse it.
                application.start_is_due = True
                return
            if application.state not in _CHANGEABLE:
                raise ValidationException(_in_wrong_state(application, _CHANGEABLE))
            self._become(application, "STARTING")
            self._settle_later(application, "STARTED")

    def stop(self, application: Application) -> None:
        """Stop an application that has no active job runs; one that is stopped, or stops, stays as it is.

        Raises:
            ValidationException: The application has active job runs or is being created or started.
        """
        with self._changed:
            if application.state in ("STOPPING", "STOPPED", "CREATED"):
                return
            if application.active_job_runs:
                raise ValidationException(
                    f"Application {application.application_id} cannot be stopped: it has active job runs: "
                    f"{', '.join(sorted(application.active_job_runs))}"
                )
            if application.state != "STARTED":
                raise ValidationException(_in_wrong_state(application, ("STARTED",)))
            self._become(application, "STOPPING")
            self._settle_later(application, "STOPPED")

    def settle(self, application: Application) -> None:
        """End a transition now: CloudFormation waits for a stable state, and may not be kept waiting here."""
        with self._changed:
            for passing, stable in (("CREATING", "CREATED"), ("STARTING", "STARTED"), ("STOPPING", "STOPPED")):
                if application.state == passing:
                    self._become(application, stable)

    def job_run_ended(self, application: Application, job_run_id: str) -> None:
        """Count a run as no longer active; when it was the last, the idle timeout begins."""
        with self._changed:
            application.active_job_runs.discard(job_run_id)
            application.idle_since = time.monotonic()
            self._stop_when_idle(application)

    def _require_changeable(self, application: Application) -> None:
        if application.state not in _CHANGEABLE:
            raise ValidationException(_in_wrong_state(application, _CHANGEABLE))

    def _become(self, application: Application, state: str) -> None:
        previous, application.state = application.state, state
        application.updated_at = now()
        if state == "STARTED":
            application.idle_since = time.monotonic()
            self._stop_when_idle(application)
        self._announce(f"{application.label}  {previous} → {state}")
        self._publish(application.state_change())
        self._changed.notify_all()
        if state == "CREATED" and application.start_is_due:
            self.start(application)

    def _settle_later(self, application: Application, state: str) -> None:
        passing = application.state

        def settle() -> None:
            with self._changed:
                if application.state == passing:
                    self._become(application, state)

        _later(self._transition_seconds, settle)

    def _stop_when_idle(self, application: Application) -> None:
        minutes = application.idle_timeout_minutes
        if minutes is None or application.active_job_runs:
            return
        idle_since = application.idle_since

        def stop() -> None:
            with self._changed:
                still_idle = application.idle_since == idle_since and not application.active_job_runs
                if still_idle and application.state == "STARTED":
                    self.stop(application)

        _later(minutes * self._seconds_per_minute, stop)


def _new_application(scope: Scope, request: dict[str, Any]) -> Application:
    members = dict(request)
    return Application(
        application_id=new_id(),
        scope=scope,
        release_label=members.pop("releaseLabel"),
        engine=members.pop("type").capitalize(),
        tags=members.pop("tags", {}),
        members=members,
    )


def _only_concurrent_runs_change(application: Application, members: dict[str, Any]) -> bool:
    """User Guide, "Job concurrency and queuing": maxConcurrentRuns can be changed in STARTED, the queue timeout not."""
    before, after = application.members.get("schedulerConfiguration") or {}, members.get("schedulerConfiguration") or {}
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    return members.keys() == {"schedulerConfiguration"} and changed <= {"maxConcurrentRuns"}


def _later(seconds: float, action: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, action)
    timer.daemon = True  # a pending transition must not keep the server from ending
    timer.start()


def _in_wrong_state(application: Application, expected: tuple[str, ...]) -> str:
    return (
        f"Application {application.application_id} must be in one of the following statuses "
        f"[{', '.join(expected)}]. Current status: {application.state}"
    )
