"""The rates at which the service lets an account call it, for those who ask for them.

A token bucket for each account, region and operation: it holds the burst, and fills at the rate. Operations without a
documented rate are not limited. Source: User Guide, "Endpoints and quotas", API throttling limits.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from emrs_local.emr_serverless.errors import ThrottlingException
from emrs_local.ministack.scope import Scope


@dataclass(frozen=True, kw_only=True)
class Rate:
    """How many calls a second, and how many at once after a quiet time."""

    per_second: float
    burst: int


RATES: Mapping[str, Rate] = {
    "StartJobRun": Rate(per_second=1, burst=25),
    "CancelJobRun": Rate(per_second=1, burst=25),
    "GetJobRun": Rate(per_second=10, burst=50),
    "ListJobRuns": Rate(per_second=1, burst=25),
    "GetDashboardForJobRun": Rate(per_second=1, burst=2),
    "CreateApplication": Rate(per_second=1, burst=25),
    "DeleteApplication": Rate(per_second=1, burst=25),
    "UpdateApplication": Rate(per_second=1, burst=25),
    "StartApplication": Rate(per_second=1, burst=25),
    "StopApplication": Rate(per_second=1, burst=25),
}


@dataclass(kw_only=True)
class _Bucket:
    tokens: float
    filled_at: float


class RateLimits:
    """Who has called how often.

    Args:
        acceleration: How many times faster than on AWS the buckets fill.
        clock: Seconds that only go up.
    """

    def __init__(self, *, acceleration: float = 1, clock: Callable[[], float] = time.monotonic) -> None:
        self._acceleration = acceleration
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[tuple[Scope, str], _Bucket] = {}

    def require(self, scope: Scope, operation: str) -> None:
        """Count a call.

        Raises:
            ThrottlingException: It is one too many.
        """
        rate = RATES.get(operation)
        if rate is None:
            return
        with self._lock:
            moment = self._clock()
            bucket = self._buckets.setdefault((scope, operation), _Bucket(tokens=rate.burst, filled_at=moment))
            gained = (moment - bucket.filled_at) * rate.per_second * self._acceleration
            bucket.tokens = min(rate.burst, bucket.tokens + gained)
            bucket.filled_at = moment
            if bucket.tokens < 1:
                raise ThrottlingException("Rate exceeded")
            bucket.tokens -= 1
