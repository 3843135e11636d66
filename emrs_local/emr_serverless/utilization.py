"""What a run used of the service, and what AWS would have billed for that.

API Reference, `TotalResourceUtilization`, `ResourceUtilization` and `JobRun`: from when the run starts to execute until
it ends, rounded up to the nearest second; billed is a minute at least for each worker, and the storage above 20 GB.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from emrs_local.driver import Worker

_LEAST_BILLED_SECONDS = 60
_FREE_STORAGE_GB = 20
_DIGITS = 3


def total_utilization(workers: Sequence[Worker], attempts: Iterable[float]) -> dict[str, float]:
    """The members of `totalResourceUtilization`; `attempts` are how many seconds each took."""
    return _hours(workers, sum(map(math.ceil, attempts)), free_storage_gb=0)


def billed_utilization(workers: Sequence[Worker], attempts: Iterable[float]) -> dict[str, float]:
    """The members of `billedResourceUtilization`; each attempt has workers of its own."""
    seconds = sum(max(math.ceil(attempt), _LEAST_BILLED_SECONDS) for attempt in attempts)
    return _hours(workers, seconds, free_storage_gb=_FREE_STORAGE_GB)


def _hours(workers: Sequence[Worker], seconds: int, *, free_storage_gb: int) -> dict[str, float]:
    hours = seconds / 3600
    return {
        "vCPUHour": round(hours * sum(worker.count * worker.vcpus for worker in workers), _DIGITS),
        "memoryGBHour": round(hours * sum(worker.count * worker.memory_gb for worker in workers), _DIGITS),
        "storageGBHour": round(
            hours * sum(worker.count * max(worker.storage_gb - free_storage_gb, 0) for worker in workers), _DIGITS
        ),
    }
