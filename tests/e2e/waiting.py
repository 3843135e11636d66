"""Waiting for what a test has set going, for longer than any machine takes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any, TypeVar

Found = TypeVar("Found")

_PATIENCE_SECONDS = 1800.0
_POLL_SECONDS = 0.05


def wait_until(
    look: Callable[[], Found | None], *, otherwise: Callable[[], object] = lambda: "it does not come"
) -> Found:
    """What is seen, once that is true: who looks again may see something else.

    Args:
        look: Is called until it returns something that is true.
        otherwise: Says what there was instead, when nobody waits any longer.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline, otherwise()
        time.sleep(_POLL_SECONDS)
    return found


def received(queue: Any, url: str, *, count: int = 1) -> list[dict[str, Any]]:
    """The messages of a queue, once there are so many; if there are more, the test is to know.

    Args:
        queue: A client of SQS.
        url: The queue's.
        count: How many there have to be.
    """
    messages: list[dict[str, Any]] = []

    def all_are_there() -> bool:
        messages.extend(taken(queue, url))
        return len(messages) >= count

    wait_until(all_are_there, otherwise=lambda: f"{len(messages)} of {count} messages")
    return messages


def taken(queue: Any, url: str) -> list[dict[str, Any]]:
    """The messages that are in a queue. They are taken away: what stays comes again, and is counted twice.

    Args:
        queue: A client of SQS.
        url: The queue's.
    """
    messages: list[dict[str, Any]] = []
    request = {"QueueUrl": url, "MessageAttributeNames": ["All"], "MaxNumberOfMessages": 10}
    while found := queue.receive_message(**request).get("Messages"):
        for message in found:
            queue.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        messages += found
    return messages


def stop_execution(states: Any, execution_arn: str) -> None:
    """Stop an execution of a state machine, unless it ends by itself before.

    Args:
        states: A client of Step Functions.
        execution_arn: Which one.
    """
    with contextlib.suppress(states.exceptions.ValidationException):
        states.stop_execution(executionArn=execution_arn)
