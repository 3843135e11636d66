"""The events of stacks: each later than the one before, and each with the operation that it belongs to.

The CDK CLI relies on both: it sorts by time what it has read of a stack and its nested stacks, and after a failed
deployment it looks for the reason in the events of the newest operation. ministack 1.5.33 gives events of one
millisecond the same time, and knows no operations.
"""

from __future__ import annotations

import datetime
import re
import uuid
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]

# A rollback is an operation of its own. What follows an update, the clean-up, belongs to it.
_OPERATION_BEGINS = re.compile(r"(REVIEW|IMPORT|CREATE|UPDATE|DELETE|ROLLBACK|UPDATE_ROLLBACK)_IN_PROGRESS")
_EVENT_ID = re.compile(rb"<EventId>([^<]+)</EventId>")
_MILLISECOND = datetime.timedelta(milliseconds=1)


class EventLog:
    """Takes the place of ministack's functions that record and describe events."""

    def __init__(self, record: Callable[..., None]) -> None:
        self._record = record
        self._latest = datetime.datetime.min.replace(tzinfo=datetime.UTC)

    def add(
        self,
        stack_id: str,
        stack_name: str,
        logical_id: str,
        resource_type: str,
        status: str,
        *rest: Any,
        **others: Any,
    ) -> None:
        """Record an event."""
        from ministack.services.cloudformation import _stack_events

        self._record(stack_id, stack_name, logical_id, resource_type, status, *rest, **others)
        *before, event = _stack_events[stack_id]
        self._latest = max(datetime.datetime.now(tz=datetime.UTC), self._latest + _MILLISECOND)
        event["Timestamp"] = self._latest.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        begins = event["PhysicalResourceId"] == stack_id and _OPERATION_BEGINS.fullmatch(status)
        event["OperationId"] = str(uuid.uuid4()) if begins or not before else before[-1]["OperationId"]


def with_operation_ids(describe: Callable[[Json], Any]) -> Callable[[Json], Any]:
    """DescribeStackEvents with `OperationId`."""
    from ministack.services.cloudformation import _stack_events

    def describe_with_ids(parameters: Json) -> Any:
        status, headers, body = describe(parameters)
        operations = {event["EventId"]: event["OperationId"] for events in _stack_events.values() for event in events}

        def with_id(found: re.Match[bytes]) -> bytes:
            return found[0] + f"<OperationId>{operations[found[1].decode()]}</OperationId>".encode()

        return status, headers, _EVENT_ID.sub(with_id, body)

    return describe_with_ids
