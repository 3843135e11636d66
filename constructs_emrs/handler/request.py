"""A request of CloudFormation, and how far it has got.

An execution of the state machine carries it from step to step: what one step writes down, the next one reads, whatever
happened to the function in between.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

# Keys that are added to the event of CloudFormation.
ASKED_AT = "AskedAt"
STACK_STATUS = "StackStatus"
PROGRESS = "Progress"


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
        self.physical_id: str = state.get("PhysicalResourceId", "")
        """Empty for a Create."""
        self.stack_status: str = state[STACK_STATUS]
        """What the stack's status was when CloudFormation asked."""
        self.progress: dict[str, Any] = state.setdefault(PROGRESS, {})
        """What the steps write down; plain JSON."""

    @staticmethod
    def started(event: dict[str, Any], *, now: float, stack_status: str) -> dict[str, Any]:
        """The state with which an execution begins.

        Args:
            event: What CloudFormation sent.
            now: The seconds since the epoch.
            stack_status: The stack's status, read as soon as the event arrived. It tells an update from a rollback,
                which the event does not: later the same stack may roll back what this event belongs to.
        """
        return {**event, ASKED_AT: now, STACK_STATUS: stack_status, PROGRESS: {}}

    @property
    def identity(self) -> str:
        """The same for each delivery of one request, and for no other."""
        return "/".join((self.stack_id, self.logical_id, self.request_id))

    @property
    def now(self) -> float:
        """The seconds since the epoch."""
        return self._now()

    @property
    def age(self) -> float:
        """How many seconds ago CloudFormation asked: it waits for an answer for an hour."""
        return self._now() - float(self._state[ASKED_AT])

    @property
    def response_url(self) -> str:
        """Where CloudFormation takes the answer."""
        return str(self._state["ResponseURL"])

    @property
    def failed_physical_id(self) -> str:
        """The id of a resource that could not be made; an update keeps the one that there is."""
        return self.physical_id or f"{FAILED_PREFIX}{self.request_id}"


FAILED_PREFIX = "failed/"
