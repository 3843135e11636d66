"""What EventBridge and its Scheduler take for what they deliver: how often and how long they try, and how much."""

import json
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs

from ..validation.problems import Problems
from ..validation.tokens import is_token, without_tokens

# https://docs.aws.amazon.com/scheduler/latest/APIReference/API_RetryPolicy.html
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_RetryPolicy.html
_RETRIES = range(185 + 1)
_AGE_SECONDS = range(60, 24 * 3600 + 1)
# API_CreateSchedule.html and API_PutRule.html
_MOST_DESCRIPTION = 512


def check_delivery(
    problems: Problems,
    *,
    retry_attempts: int | None,
    max_event_age: Duration | None,
    queue: sqs.IQueue | None,
    description: str | None,
) -> None:
    """Note what neither of them takes."""
    if retry_attempts is not None and is_token(retry_attempts):
        problems.add_written("retry_attempts", "${Token[…]}", "it is known at deployment only", "use a number")
    elif retry_attempts is not None and retry_attempts not in _RETRIES:
        problems.add("retry_attempts", retry_attempts, "it is out of range", "use 0 to 185")
    if max_event_age is not None and max_event_age.to_milliseconds() / 1000 not in _AGE_SECONDS:
        problems.add("max_event_age", max_event_age, "it is out of range", "use 1 minute to a day, in whole seconds")
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
    if queue is not None and queue.fifo:
        problems.add("dead_letter_queue", queue, "it is a FIFO queue", "use a standard queue")
    if description is not None and not is_token(description) and len(description) > _MOST_DESCRIPTION:
        problems.add(
            "description", description, f"it has {len(description)} characters", f"use 0 to {_MOST_DESCRIPTION}"
        )


def check_size(problems: Problems, arguments: Any, sent: Any, *, most: int, who: str) -> None:
    """Note arguments with which more would be sent than can be; what is known at deployment only is not counted.

    Args:
        problems: Takes the problem.
        arguments: The arguments as the user wrote them.
        sent: What is sent.
        most: How many bytes of JSON that may be.
        who: Who takes no more.
    """
    size = len(without_tokens(json.dumps(sent, ensure_ascii=False), "").encode())
    if size > most:
        remedy = "put them into a file, and give the job its name"
        problems.add("arguments", arguments, f"with them {size:,} bytes are sent, and {who} takes {most:,}", remedy)
