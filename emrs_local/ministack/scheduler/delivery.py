"""One occurrence of a schedule, tried until its target took it or its retry policy says no more.

API reference, RetryPolicy: "with exponential backoff … until either the maximum number of attempts is made or until the
duration of the MaximumEventAgeInSeconds is met". How long the backoff is is not documented.
"""

from __future__ import annotations

import concurrent.futures
import datetime
import itertools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from emrs_local.endpoint import Endpoint
from emrs_local.ministack.scheduler import schedules
from emrs_local.ministack.scheduler.schedules import Schedule
from emrs_local.ministack.scheduler.targets import (
    Invocation,
    TargetError,
    invoke,
    new_execution_id,
    send_to_dead_letter_queue,
    written,
)
from emrs_local.ministack.scope import in_scope

_log = logging.getLogger(__name__)

_FIRST_DELAY_SECONDS, _LONGEST_DELAY_SECONDS = 0.5, 60.0


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How trying ended.

    Attributes:
        error: The last error; None if the target took it.
        exhausted: The retry policy's member that ended it; empty if the error was permanent, or there was none.
    """

    error: TargetError | None = None
    exhausted: str = ""


def try_until_done(
    attempt: Callable[[int], None],
    *,
    most_retries: int,
    longest_age_seconds: float,
    wait: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Ended:
    """Call `attempt` with 1, 2, … until it raises no TargetError, a permanent one, or the retry policy ends it."""
    began = clock()
    for number in itertools.count(1):
        try:
            attempt(number)
        except TargetError as error:
            if error.is_permanent:
                return Ended(error=error)
            if number > most_retries:
                return Ended(error=error, exhausted="MaximumRetryAttempts")
            delay = min(_FIRST_DELAY_SECONDS * 2 ** (number - 1), _LONGEST_DELAY_SECONDS)
            if clock() + delay - began > longest_age_seconds:
                return Ended(error=error, exhausted="MaximumEventAgeInSeconds")
            wait(delay)
        else:
            break
    return Ended()


class Deliveries:
    """Delivers occurrences, each in a thread of its own.

    Args:
        endpoint: Where targets are called.
        announce: Is told how each ended, in a line.
    """

    def __init__(self, endpoint: Endpoint, announce: Callable[[str], None]) -> None:
        self._endpoint = endpoint
        self._announce = announce

    def deliver(
        self, schedule: Schedule, scheduled_time: datetime.datetime, *, is_last: bool = False
    ) -> concurrent.futures.Future[dict[str, Any]]:
        """Deliver an occurrence, with its retries.

        Args:
            schedule: The schedule.
            scheduled_time: The occurrence.
            is_last: Whether the schedule is completed then, which deletes it if it says so.

        Returns:
            What the target answered to the first attempt; or, as its exception, the TargetError of the first attempt,
            once it is in the dead-letter queue unless it is tried again.
        """
        first: concurrent.futures.Future[dict[str, Any]] = concurrent.futures.Future()

        def run() -> None:
            with in_scope(schedule.scope):
                try:
                    self._try(schedule, scheduled_time, first)
                except Exception as error:  # noqa: BLE001 - whoever waits for the first attempt gets to know
                    _log.exception("schedule %s", schedule.arn)
                    if not first.done():
                        first.set_exception(error)
                if is_last and schedule.record.get("ActionAfterCompletion") == "DELETE":
                    schedules.delete(schedule)

        threading.Thread(target=run, name=f"schedule-{schedule.label}", daemon=True).start()
        return first

    def _try(
        self, schedule: Schedule, scheduled_time: datetime.datetime, first: concurrent.futures.Future[dict[str, Any]]
    ) -> None:
        invocation = failed = None

        def attempt(number: int) -> None:
            nonlocal invocation, failed
            invocation = Invocation(
                schedule=schedule,
                scheduled_time=scheduled_time,
                number=number,
                execution_id=new_execution_id(),
            )
            try:
                answer = invoke(self._endpoint, invocation)
            except TargetError as error:
                failed = error
                raise
            if not first.done():
                first.set_result(answer)

        def wait(seconds: float) -> None:
            if failed and not first.done():
                first.set_exception(failed)
            time.sleep(seconds)

        ended = try_until_done(
            attempt,
            most_retries=schedule.most_retries,
            longest_age_seconds=schedule.longest_age_seconds,
            wait=wait,
        )
        occurrence = f"schedule {schedule.label}  {written(scheduled_time)}"
        if ended.error is None or invocation is None:
            self._announce(f"{occurrence}  invoked {schedule.target['Arn']}")
            return
        self._announce(f"{occurrence}  failed: {ended.error}{self._dead_letter(invocation, ended.error, ended)}")
        if not first.done():
            first.set_exception(ended.error)

    def _dead_letter(self, invocation: Invocation, error: TargetError, ended: Ended) -> str:
        """Put it into the dead-letter queue; how that went, in words."""
        queue = (invocation.schedule.target.get("DeadLetterConfig") or {}).get("Arn")
        if not queue:
            return ""
        try:
            send_to_dead_letter_queue(self._endpoint, invocation, error=error, exhausted=ended.exhausted)
        except TargetError as refused:
            return f"; not in the dead-letter queue: {refused}"
        return f"; in {queue}"
