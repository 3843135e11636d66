"""The rates of the service's API, in simulated time.

https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/endpoints-quotas.html
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.handler.in_memory_service import Refused, Service

# A second, and burst, of the account and Region.
RATES = {
    "start_job_run": (1, 25),
    "cancel_job_run": (1, 25),
    "list_job_runs": (1, 25),
    "get_job_run": (10, 50),
    "get_application": (10, 50),
    "stop_application": (1, 25),
    # Not documented: what CloudFormation is thought to bear.
    "DescribeStacks": (10, 50),
}


@dataclass
class Bucket:
    """A token bucket."""

    rate: float
    burst: float
    tokens: float
    filled_at: float

    def take(self, now: float) -> bool:
        """Whether there was a token."""
        self.tokens = min(self.burst, self.tokens + (now - self.filled_at) * self.rate)
        self.filled_at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@dataclass
class Rates:
    """Throttles the calls of a service."""

    service: Service
    throttled: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        now = self.service.now.timestamp()
        self._buckets = {name: Bucket(rate, burst, burst, now) for name, (rate, burst) in RATES.items()}

    def __call__(self, name: str) -> None:
        """Is told of each call."""
        bucket = self._buckets.get(name)
        if bucket is not None and not bucket.take(self.service.now.timestamp()):
            self.throttled[name] = self.throttled.get(name, 0) + 1
            raise Refused("ThrottlingException", 429, "Rate exceeded")
