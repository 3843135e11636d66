"""A request of CloudFormation, and how far it has got.

An execution of the state machine carries it from step to step: what one step writes down, the next one reads, whatever
happened to the function in between.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from . import contract

# Keys that are added to the event of CloudFormation.
ASKED_AT = "AskedAt"
ASKED_AFTER = "AskedAfter"
PROGRESS = "Progress"
OLD_WORK = "OldWork"

# The date of a presigned URL has whole seconds; one more is the difference of two clocks, where there is none.
_SECOND = 1.0
# How late a request may arrive whose URL has no date. Lambda tries again after about one and two minutes, and keeps the
# event while the function is throttled.
# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
_LATEST_SECONDS = 600.0

# What is kept of an earlier definition's request: what tells where its runs are.
_KEPT_OF_OLD_REQUEST = ("applicationId", "executionRoleArn", "name")
TAG_KEYS = "TagKeys"


@dataclass(frozen=True)
class Again:
    """The request needs another step, after so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Done:
    """The request is done: what CloudFormation is told."""

    physical_id: str
    data: dict[str, str] = field(default_factory=dict)


Outcome = Again | Done


class Request:
    """One request for one custom resource."""

    def __init__(self, state: dict[str, Any], *, now: Callable[[], float]) -> None:
        """Read the state of an execution.

        Args:
            state: The event of CloudFormation, with the keys that `started` and the steps have added.
            now: The seconds since the epoch.
        """
        self._state = state
        self._now = now
        self.kind: str = state["RequestType"]
        self.resource_type: str = state["ResourceType"]
        self.request_id: str = state["RequestId"]
        self.stack_id: str = state["StackId"]
        self.logical_id: str = state["LogicalResourceId"]
        self.properties: dict[str, Any] = state["ResourceProperties"]
        self.old_properties: dict[str, Any] = state.get("OldResourceProperties", {})
        """Of a job run only what `_summary` keeps."""
        self.old_work: str = state.get(OLD_WORK, "")
        """What an Update changes, as `work` has it; empty for other requests."""
        self.physical_id: str = state.get("PhysicalResourceId", "")
        """Empty for a Create."""
        self.progress: dict[str, Any] = state.setdefault(PROGRESS, {})
        """What the steps write down; plain JSON."""

    @staticmethod
    def started(event: dict[str, Any], *, now: float) -> dict[str, Any]:
        """The state with which an execution begins.

        An Update has the properties of before and of after; with both, what can be deployed could not be updated, as an
        execution takes 256 KB. So there is a summary of the job run's earlier ones.

        Args:
            event: What CloudFormation sent.
            now: The seconds since the epoch.
        """
        date = _date_of(event["ResponseURL"])
        state = {
            **event,
            ASKED_AT: now if date is None else date,
            ASKED_AFTER: now - _LATEST_SECONDS if date is None else date,
            PROGRESS: {},
        }
        if event["ResourceType"] == contract.JOB_RUN_TYPE and "OldResourceProperties" in event:
            state[OLD_WORK] = work(event["OldResourceProperties"])
            state["OldResourceProperties"] = _summary(event["OldResourceProperties"])
        return state

    @property
    def identity(self) -> str:
        """The same for each delivery of one request, and for no other."""
        return "/".join((self.stack_id, self.logical_id, self.request_id))

    @property
    def now(self) -> float:
        """The seconds since the epoch."""
        return self._now()

    @property
    def asked_at(self) -> float:
        """When CloudFormation asked, as far as it is known: seconds since the epoch."""
        return float(self._state[ASKED_AT])

    @property
    def asked_after(self) -> float:
        """The earliest time at which CloudFormation may have asked."""
        return float(self._state[ASKED_AFTER])

    @property
    def has_date(self) -> bool:
        """Whether CloudFormation has said when it asked."""
        return self.asked_after == self.asked_at

    @property
    def asked_before(self) -> float:
        """The time before which CloudFormation has asked in any case."""
        return self.asked_at + _SECOND

    @property
    def age(self) -> float:
        """How many seconds ago CloudFormation asked: it waits for an answer for an hour."""
        return self._now() - self.asked_at

    @property
    def response_url(self) -> str:
        """Where CloudFormation takes the answer."""
        return str(self._state["ResponseURL"])

    @property
    def failed_physical_id(self) -> str:
        """The id of a resource that could not be made; an update keeps the one that there is."""
        prefix = LOST_PREFIX if contract.ERROR in self._state else FAILED_PREFIX
        return self.physical_id or f"{prefix}{self.request_id}"


# Physical ids of resources without a run: what the request had started has ended; nobody knows what it had started.
FAILED_PREFIX = "failed/"
LOST_PREFIX = "lost/"


def work(properties: dict[str, Any]) -> str:
    """What makes a run a different run: everything requested but its tags, the triggers, the application it is on."""
    definition = {name: properties.get(name) for name in contract.WORK}
    request = {name: value for name, value in properties[contract.REQUEST].items() if name != "tags"}
    text = json.dumps({**definition, contract.REQUEST: request}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _summary(properties: dict[str, Any]) -> dict[str, Any]:
    request = properties[contract.REQUEST]
    kept = {name: request[name] for name in _KEPT_OF_OLD_REQUEST if name in request}
    return {contract.REQUEST: {**kept, TAG_KEYS: sorted(request.get("tags", {}))}}


def _date_of(response_url: str) -> float | None:
    """When a presigned URL was signed, which is when CloudFormation asked.

    One of the older form has only the time at which it expires, which proves nothing: nobody says after how long.
    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
    """
    for name, values in parse_qs(urlsplit(response_url).query).items():
        if name.lower() == "x-amz-date":
            try:
                return datetime.strptime(values[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
            except ValueError:
                return None
    return None
