"""The clock: looks which schedules are due, and has them delivered."""

from __future__ import annotations

import datetime
import logging
import random
import threading
import time
from dataclasses import dataclass

from emrs_local.ministack.scheduler.delivery import Deliveries
from emrs_local.ministack.scheduler.schedules import Schedule, all_schedules

_log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.25


@dataclass(kw_only=True)
class _Next:
    """The next occurrence of a version of a schedule."""

    version: float
    time: datetime.datetime | None


class Clock:
    """Delivers the occurrences of enabled schedules when they are due."""

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries
        self._next: dict[str, _Next] = {}

    def start(self) -> None:
        """Begin to look, in a thread of its own."""
        threading.Thread(target=self._run, name="scheduler", daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                self.look(datetime.datetime.now(tz=datetime.UTC))
            except Exception:  # noqa: BLE001 - the next look may do better
                _log.exception("scheduler")
            time.sleep(_LOOK_SECONDS)

    def look(self, now: datetime.datetime) -> None:
        """Deliver what is due."""
        there = all_schedules()
        for schedule in there:
            upcoming = self._next.get(schedule.arn)
            if upcoming is None or upcoming.version != schedule.version:
                upcoming = _Next(version=schedule.version, time=schedule.following(None))
                self._next[schedule.arn] = upcoming
            due = None
            while upcoming.time and upcoming.time <= now:
                # A machine that was asleep catches up with one occurrence, not with all that it missed.
                due, upcoming.time = upcoming.time, schedule.following(upcoming.time)
            if due and schedule.record["State"] == "ENABLED":
                self._deliver(schedule, due, is_last=upcoming.time is None)
        arns = {schedule.arn for schedule in there}
        self._next = {arn: upcoming for arn, upcoming in self._next.items() if arn in arns}

    def _deliver(self, schedule: Schedule, due: datetime.datetime, *, is_last: bool) -> None:
        later = random.uniform(0, schedule.window_seconds)  # noqa: S311 - a delay, not a secret
        self._deliveries.deliver(schedule, due, after_seconds=later, is_last=is_last)
