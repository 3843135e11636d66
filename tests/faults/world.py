"""A clock, and what happens at which time: also between two calls of one function."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from datetime import UTC, datetime

from tests.handler.in_memory_service import Service

_BEGIN = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
# A call of a function inside which others happen, inside which others happen, …
_MOST_DEPTH = 30


class World:
    """The time, in seconds since the epoch, and what is due."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._depth = 0
        self.now = _BEGIN

    @property
    def now(self) -> float:
        """The time."""
        return self._now

    @now.setter
    def now(self, now: float) -> None:
        self._now = now
        self._service.now = datetime.fromtimestamp(now, UTC)

    def at(self, time: float, action: Callable[[], None]) -> None:
        """Let something happen then."""
        heapq.heappush(self._due, (max(time, self._now), next(self._numbers), action))

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Let something happen in so many seconds."""
        self.at(self._now + seconds, action)

    def pause(self, seconds: float) -> None:
        """Let time pass, and happen what is due until then."""
        until = self._now + seconds
        if self._depth < _MOST_DEPTH:
            self._depth += 1
            while self._due and self._due[0][0] <= until:
                self._do_next()
            self._depth -= 1
        self.now = max(until, self._now)

    def run(self, *, until: Callable[[], bool], most_seconds: float) -> bool:
        """Let happen what is due until something is so; whether it came to be within that time."""
        end = self._now + most_seconds
        while not until():
            if not self._due or self._due[0][0] > end:
                return False
            self._do_next()
        return True

    def _do_next(self) -> None:
        time, _, action = heapq.heappop(self._due)
        self.now = max(time, self._now)
        action()
