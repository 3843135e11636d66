"""EMR Serverless in memory, behind a real botocore client: requests are validated and serialised as always.

The local AWS has another, which evaluates IAM, runs drivers and lets time pass; here a test moves the clock, decides
what becomes of a run and which call fails, and a history of thousands of calls takes a second.
"""

from __future__ import annotations

import functools
import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

from botocore import UNSIGNED
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.session import Session

if TYPE_CHECKING:
    from types_boto3_emr_serverless.client import EMRServerlessClient

ENDED = {"SUCCESS", "FAILED", "CANCELLED"}
APPLICATION = "00app1"


class Refused(Exception):
    """An error answer of the service."""

    def __init__(self, code: str, status: int = 400, message: str = "refused") -> None:
        super().__init__(code)
        self.code, self.status, self.message = code, status, message


class Killed(BaseException):
    """The function was ended here: nothing in it can catch that."""


def application_arn(application_id: str) -> str:
    """The ARN of an application."""
    return f"arn:aws:emr-serverless:us-east-1:123456789012:/applications/{application_id}"


@functools.cache
def _session() -> Session:
    session = Session()
    session.set_credentials("test", "test")
    return session


@dataclass
class Run:
    """A job run of the service; a test sets its state."""

    run_id: str
    application_id: str
    request: dict[str, Any]
    created_at: datetime
    state: str = "SUBMITTED"
    state_details: str = ""
    listed_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    """Since when it is in the list of runs."""
    started_at: datetime | None = None
    """When it was RUNNING for the first time."""

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "state" and value == "RUNNING" and self.started_at is None:
            super().__setattr__("started_at", self.created_at)

    @property
    def arn(self) -> str:
        """The run's ARN."""
        return f"{application_arn(self.application_id)}/jobruns/{self.run_id}"


@dataclass
class Service:
    """What the tests see of the service: its runs, its clock, and the calls it got."""

    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    runs: dict[str, Run] = field(default_factory=dict)
    applications: dict[str, str] = field(default_factory=lambda: {APPLICATION: "CREATED"})
    application_tags: dict[str, dict[str, str]] = field(default_factory=dict)
    cost_allocation: set[str] = field(default_factory=set)
    """The applications whose costs are allocated to job runs."""
    calls: list[str] = field(default_factory=list)
    next_answers: list[Refused] = field(default_factory=list)
    list_lag: timedelta = timedelta(0)
    """How long it takes until a run that was started is in the list."""
    polls_to_cancel: int = 0
    """How often a cancelled run is seen CANCELLING before it is CANCELLED."""
    cancels_when_asked: bool = True
    """Whether a run that is being cancelled ends when its state is read; a test ends it otherwise."""
    interfere: Callable[[str], None] = lambda _: None
    """Is told of each operation before and after it, and may raise."""
    on_start: Callable[[Run], None] = lambda _: None
    on_cancel: Callable[[Run], None] = lambda _: None

    @functools.cached_property
    def client(self) -> EMRServerlessClient:
        """A client whose requests end here instead of in the network."""
        config = Config(retries={"total_max_attempts": 1}, signature_version=UNSIGNED)
        client = _session().create_client("emr-serverless", region_name="us-east-1", config=config)
        client.meta.events.register("before-send.emr-serverless", self._send)  # type: ignore[arg-type]
        return cast("EMRServerlessClient", client)

    def sleep(self, seconds: float) -> None:
        """Let the clock of the service go on."""
        self.now += timedelta(seconds=seconds)

    def active_runs(self) -> list[Run]:
        """The runs that have not ended."""
        return [run for run in self.runs.values() if run.state not in ENDED]

    def _send(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        try:
            if self.next_answers:
                raise self.next_answers.pop(0)
            status, answer, headers = 200, self._route(request), {}
        except Refused as refused:
            status, answer, headers = refused.status, {"message": refused.message}, {"x-amzn-errortype": refused.code}
        raw = io.BytesIO(json.dumps(answer).encode())
        raw.stream = lambda: [raw.getvalue()]  # type: ignore[attr-defined]  # what botocore asks of urllib3
        return AWSResponse(request.url, status, HTTPHeaders.from_pairs(headers.items()), raw)

    def _route(self, request: AWSPreparedRequest) -> dict[str, Any]:
        url = urlsplit(request.url)
        body = json.loads(cast("bytes", request.body)) if request.body else {}
        for method, pattern, operation in self._ROUTES:
            match = re.fullmatch(pattern, url.path)
            if request.method == method and match:
                name = operation.__name__.removeprefix("_")
                return self.call(name, *map(unquote, match.groups()), body=body, query=parse_qs(url.query))
        raise AssertionError(f"{request.method} {url.path} is not served")

    def call(self, name: str, *arguments: str, **request: Any) -> dict[str, Any]:
        """Do an operation; what interferes may fail it before or after it took effect."""
        self.calls.append(name)
        self.interfere(name)
        answer: dict[str, Any] = getattr(self, f"_{name}")(*arguments, **request)
        self.interfere(f"after {name}")
        return answer

    def _start_job_run(self, application_id: str, *, body: dict[str, Any], **_: object) -> dict[str, Any]:
        if application_id not in self.applications:
            raise Refused("ResourceNotFoundException", 404)
        for run in self.runs.values():
            if run.request["clientToken"] == body["clientToken"]:
                return {"applicationId": application_id, "jobRunId": run.run_id, "arn": run.arn}
        if self.applications[application_id] == "TERMINATED":
            raise Refused("ValidationException", message="the application is terminated")
        if self.applications[application_id] == "STOPPING":
            raise Refused("ValidationException", message="Application is in STOPPING state")
        run = Run(f"00run{len(self.runs) + 1}", application_id, body, self.now, listed_at=self.now + self.list_lag)
        self.runs[run.run_id] = run
        self.applications[application_id] = "STARTED"
        self.on_start(run)
        return {"applicationId": application_id, "jobRunId": run.run_id, "arn": run.arn}

    def _run(self, application_id: str, run_id: str) -> Run:
        if application_id not in self.applications or run_id not in self.runs:
            raise Refused("ResourceNotFoundException", 404)
        return self.runs[run_id]

    def _get_job_run(self, application_id: str, run_id: str, **_: object) -> dict[str, Any]:
        run = self._run(application_id, run_id)
        if run.state == "CANCELLING" and self.cancels_when_asked:
            if self.polls_to_cancel == 0:
                run.state = "CANCELLED"
            self.polls_to_cancel = max(0, self.polls_to_cancel - 1)
        members = {key: value for key, value in run.request.items() if key not in {"clientToken", "executionRoleArn"}}
        job_run = {
            **members,
            "applicationId": application_id,
            "jobRunId": run_id,
            "arn": run.arn,
            "state": run.state,
            "stateDetails": run.state_details,
            "createdAt": run.created_at.timestamp(),
            "updatedAt": self.now.timestamp(),
            "executionRole": run.request["executionRoleArn"],
            "createdBy": "arn:aws:iam::123456789012:root",
            "releaseLabel": "emr-7.14.0",
        }
        if run.started_at is not None:
            job_run["startedAt"] = run.started_at.timestamp()
        return {"jobRun": job_run}

    def _list_job_runs(self, application_id: str, *, query: dict[str, list[str]], **_: object) -> dict[str, Any]:
        if application_id not in self.applications:
            raise Refused("ResourceNotFoundException", 404)
        states = query.get("states")
        since = datetime.fromisoformat(query["createdAtAfter"][0]) if "createdAtAfter" in query else None
        size = int(query.get("maxResults", ["50"])[0])
        position = int(query["nextToken"][0]) if "nextToken" in query else -1
        found: list[dict[str, Any]] = []
        for number, run in enumerate(self.runs.values()):
            if number <= position or run.application_id != application_id or run.listed_at > self.now:
                continue
            if (states and run.state not in states) or (since and run.created_at < since):
                continue
            if len(found) == size:
                return {"jobRuns": found, "nextToken": str(position)}
            position = number
            found.append(self._summary(run))
        return {"jobRuns": found}

    def _summary(self, run: Run) -> dict[str, Any]:
        return {
            "applicationId": run.application_id,
            "id": run.run_id,
            "arn": run.arn,
            "state": run.state,
            "createdAt": run.created_at.timestamp(),
            "createdBy": "arn:aws:iam::123456789012:root",
            "executionRole": run.request["executionRoleArn"],
            **{key: run.request[key] for key in ("name", "mode") if key in run.request},
        }

    def _cancel_job_run(self, application_id: str, run_id: str, **_: object) -> dict[str, Any]:
        run = self._run(application_id, run_id)
        if run.state in ENDED | {"CANCELLING"}:
            raise Refused("ValidationException")
        run.state = "CANCELLING"
        self.on_cancel(run)
        return {"applicationId": application_id, "jobRunId": run_id}

    def _get_application(self, application_id: str, **_: object) -> dict[str, Any]:
        if application_id not in self.applications:
            raise Refused("ResourceNotFoundException", 404)
        if self.applications[application_id] == "STOPPING":
            self.applications[application_id] = "STOPPED"
        application = {
            "applicationId": application_id,
            "arn": application_arn(application_id),
            "state": self.applications[application_id],
            "jobLevelCostAllocationConfiguration": {"enabled": application_id in self.cost_allocation},
        }
        return {"application": application}

    def _stop_application(self, application_id: str, **_: object) -> dict[str, Any]:
        if self.active_runs():
            raise Refused("ValidationException", message="there are active job runs")
        self.applications[application_id] = "STOPPING"
        return {}

    def _update_application(self, application_id: str, *, body: dict[str, Any], **_: object) -> dict[str, Any]:
        if self.applications[application_id] not in ("CREATED", "STOPPED"):
            raise Refused("ValidationException", message="the application is started")
        is_on = body["jobLevelCostAllocationConfiguration"]["enabled"]
        (self.cost_allocation.add if is_on else self.cost_allocation.discard)(application_id)
        return {}

    def _tag_resource(self, arn: str, *, body: dict[str, Any], **_: object) -> dict[str, Any]:
        self._tags_of(arn).update(body["tags"])
        return {}

    def _untag_resource(self, arn: str, *, query: dict[str, list[str]], **_: object) -> dict[str, Any]:
        for key in query["tagKeys"]:
            self._tags_of(arn).pop(key, None)
        return {}

    def _tags_of(self, arn: str) -> dict[str, str]:
        for run in self.runs.values():
            if run.arn == arn:
                tags: dict[str, str] = run.request.setdefault("tags", {})
                return tags
        for application_id in self.applications:
            if application_arn(application_id) == arn:
                return self.application_tags.setdefault(application_id, {})
        raise Refused("ResourceNotFoundException", 404)

    _Operation = Callable[..., dict[str, Any]]
    _ROUTES: tuple[tuple[str, str, _Operation], ...] = (
        ("POST", "/applications/([^/]+)/jobruns", _start_job_run),
        ("GET", "/applications/([^/]+)/jobruns", _list_job_runs),
        ("GET", "/applications/([^/]+)/jobruns/([^/]+)", _get_job_run),
        ("DELETE", "/applications/([^/]+)/jobruns/([^/]+)", _cancel_job_run),
        ("GET", "/applications/([^/]+)", _get_application),
        ("PATCH", "/applications/([^/]+)", _update_application),
        ("POST", "/applications/([^/]+)/stop", _stop_application),
        ("POST", "/tags/(.+)", _tag_resource),
        ("DELETE", "/tags/(.+)", _untag_resource),
    )
