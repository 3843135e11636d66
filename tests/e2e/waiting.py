"""Queues and executions, which change while a test looks at them."""

from __future__ import annotations

import contextlib
from typing import Any

from tests.local.emr_serverless_support import wait_until


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

    wait_until(all_are_there, shown=lambda: f"{len(messages)} of {count} messages")
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
