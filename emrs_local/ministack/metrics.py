"""CloudWatch's metrics of AWS's services, and the alarms that look at them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from emrs_local.ministack.scope import Scope, in_scope


class MetricStore:
    """Takes values of metrics and has alarms look at them: at once, and each minute as time passes.

    Args:
        seconds_per_minute: 60, or less for tests of what comes each minute.
    """

    def __init__(self, *, seconds_per_minute: float = 60) -> None:
        self._seconds_per_minute = seconds_per_minute
        self._loop: asyncio.AbstractEventLoop | None = None
        self._each_minute: Callable[[], None] = lambda: None

    def open(self, *, each_minute: Callable[[], None]) -> None:
        """Begin to take values, on the event loop that answers requests.

        Args:
            each_minute: Publishes what services publish each minute.
        """
        self._loop = asyncio.get_running_loop()
        self._each_minute = each_minute
        self._loop.call_later(self._seconds_per_minute, self._tick)

    def publish(
        self, scope: Scope, *, namespace: str, dimensions: Mapping[str, str], values: Mapping[str, float]
    ) -> None:
        """Store a value of each metric, soon; from any thread."""
        if self._loop:
            self._loop.call_soon_threadsafe(self._store, scope, namespace, dimensions, values)

    def _store(self, scope: Scope, namespace: str, dimensions: Mapping[str, str], values: Mapping[str, float]) -> None:
        from ministack.services import cloudwatch

        with in_scope(scope):
            for name, value in values.items():
                cloudwatch.record_metric(namespace, name, value, unit="Count", dimensions=dict(dimensions))
            cloudwatch._evaluate_all_alarms()

    def _tick(self) -> None:
        from ministack.services import cloudwatch

        if self._loop:  # first of all: an error in one minute is none of the next
            self._loop.call_later(self._seconds_per_minute, self._tick)
        self._each_minute()
        for account_id, region in {key[:2] for key in list(cloudwatch._alarms._data)}:
            with in_scope(Scope(account_id=account_id, region=region)):
                cloudwatch._evict_old_metrics()
                cloudwatch._evaluate_all_alarms()
