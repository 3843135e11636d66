"""What CloudFormation is doing with the stack of a custom resource."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_cloudformation.client import CloudFormationClient

CREATING = "CREATE_IN_PROGRESS"
UPDATING = "UPDATE_IN_PROGRESS"
ROLLING_BACK = "UPDATE_ROLLBACK_IN_PROGRESS"
DELETED = "DELETE_COMPLETE"
# All that the stack has is deleted, and nothing comes back.
BEING_DELETED = frozenset({"DELETE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"})

_PROGRESS = "_IN_PROGRESS"
# A page has 100 events. A stack of 400 job runs has about as many pages for one deployment.
_MOST_PAGES = 20


class Event(NamedTuple):
    """That the stack itself has got another status."""

    status: str
    at: float
    """Seconds since the epoch."""


class Unstable(NamedTuple):
    """What has happened since the stack was last as it was wanted."""

    began_at: float
    """When the first operation since then began."""
    last_began_at: float
    """When CloudFormation last began to create, update or roll back."""
    has_failed: bool
    """Whether an operation has failed and was not rolled back."""


class Stack:
    """The stack that a request belongs to."""

    def __init__(self, stack_id: str, client: Callable[[], CloudFormationClient]) -> None:
        self._id = stack_id
        self._client = client

    def status(self) -> str:
        """The stack's status at this moment.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
        """
        return self._described()[0]

    def created_at(self) -> float:
        """When the stack was created: seconds since the epoch, 0 if it is not known."""
        return self._described()[1]

    def events(self, *, since: float, at_least: int = 0) -> Iterator[Event]:
        """The stack's changes of status, the newest first.

        Args:
            since: Those that are older are not looked for, though some may be among them.
            at_least: So many are looked for however old they are.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackEvents.html says that events
        are "in reverse chronological order".
        """
        found = 0
        pages = self._client().get_paginator("describe_stack_events").paginate(StackName=self._id)
        for number, page in enumerate(pages):
            for event in page["StackEvents"]:
                at = event["Timestamp"].timestamp()
                if event.get("PhysicalResourceId") == self._id:
                    found += 1
                    yield Event(event["ResourceStatus"], at)
                if at < since and found >= at_least:
                    return
            if number == _MOST_PAGES:
                return

    def last_event(self) -> Event | None:
        """The stack's last change of status; None if there is none to be seen."""
        return next(self.events(since=0), None)

    def unstable(self) -> Unstable | None:
        """What has happened since the stack was last complete; None if there are too many events to tell."""
        began_at, last_began_at, has_failed = 0.0, 0.0, False
        last, is_last = "", True
        for status, at in self.events(since=0):
            if status.endswith("_COMPLETE"):
                break
            if status in (CREATING, UPDATING):
                began_at = at
            if is_last and status in (CREATING, UPDATING, ROLLING_BACK) and last in ("", status):
                last, last_began_at = status, at
            elif last:
                is_last = False
            has_failed |= status.endswith("_FAILED")
        return Unstable(began_at, last_began_at, has_failed) if began_at else None

    def physical_ids(self, resource_type: str) -> list[str]:
        """The physical ids of the stack's resources of that type."""
        pages = self._client().get_paginator("list_stack_resources").paginate(StackName=self._id)
        found = (summary for page in pages for summary in page["StackResourceSummaries"])
        return [item.get("PhysicalResourceId", "") for item in found if item["ResourceType"] == resource_type]

    def physical_id(self, logical_id: str) -> str | None:
        """The physical id of a resource of the stack, None if there is no such resource yet."""
        try:
            found = self._client().describe_stack_resource(StackName=self._id, LogicalResourceId=logical_id)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError":
                return None
            raise
        return found["StackResourceDetail"].get("PhysicalResourceId") or None

    def _described(self) -> tuple[str, float]:
        try:
            stack = self._client().describe_stacks(StackName=self._id)["Stacks"][0]
        except ClientError as error:
            # A stack that was deleted is found by its id for some months only.
            if error.response["Error"]["Code"] == "ValidationError":
                return DELETED, 0
            raise
        created_at = stack.get("CreationTime")
        return stack["StackStatus"], created_at.timestamp() if created_at else 0


def is_in_progress(status: str) -> bool:
    """Whether an operation is going on."""
    return status.endswith(_PROGRESS)
