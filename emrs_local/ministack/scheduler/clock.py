"""The clock: looks which schedules are due, and has them delivered."""

from __future__ import annotations

import datetime
import logging
import random
import threading
import time
from collections.abc import Mapping
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


@dataclass(frozen=True, kw_only=True)
class _Due:
    """An occurrence that is to be delivered within its flexible time window.

    Attributes:
        arn: Whose it is.
        created: When that schedule was made: another may have its ARN by then.
        time: The occurrence.
        at: When it is to be delivered.
    """

    arn: str
    created: float
    time: datetime.datetime
    at: datetime.datetime


class Clock:
    """Delivers the occurrences of enabled schedules when they are due."""

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries
        self._next: dict[str, _Next] = {}
        self._due: list[_Due] = []

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
        there = {schedule.arn: schedule for schedule in all_schedules()}
        for schedule in there.values():
            upcoming = self._next.get(schedule.arn)
            if upcoming is None or upcoming.version != schedule.version:
                upcoming = _Next(version=schedule.version, time=schedule.following(None))
                self._next[schedule.arn] = upcoming
            due = None
            while upcoming.time and upcoming.time <= now:
                # A machine that was asleep catches up with one occurrence, not with all that it missed.
                due, upcoming.time = upcoming.time, schedule.following(upcoming.time)
            if due and schedule.record["State"] == "ENABLED":
                later = random.uniform(0, schedule.window_seconds)  # noqa: S311 - a delay, not a secret
                at = due + datetime.timedelta(seconds=later)
                self._due.append(_Due(arn=schedule.arn, created=schedule.created, time=due, at=at))
        self._next = {arn: upcoming for arn, upcoming in self._next.items() if arn in there}
        self._deliver(there, now)

    def _deliver(self, there: Mapping[str, Schedule], now: datetime.datetime) -> None:
        """Deliver what the moment has come for, of schedules that are still there, as they are by now."""
        for due in sorted((due for due in self._due if due.at <= now), key=lambda due: due.at):
            self._due.remove(due)
            schedule = there.get(due.arn)
            if schedule and schedule.created == due.created and schedule.record["State"] == "ENABLED":
                is_last = self._next[due.arn].time is None and all(other.arn != due.arn for other in self._due)
                self._deliveries.deliver(schedule, due.time, is_last=is_last)
