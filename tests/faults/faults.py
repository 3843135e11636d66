"""What goes wrong, and how late things are, in one history: drawn from its seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

# How late Lambda may deliver an event, by its own retries.
LATEST_DELIVERY = 180.0
LONGEST_LAG = 30.0
# So likely is a function ended in a call that some steps never come to their end.
MANY_KILLS = 0.05


@dataclass
class Faults:
    """The faults of one history; most histories have some of them, few have all."""

    random: random.Random

    def __post_init__(self) -> None:
        draw = self.random
        self.has_dates = draw.random() < 0.6
        self.list_lag = draw.choice([0.0, 0.0, 2.0, 5.0, LONGEST_LAG])
        self.kills = draw.choice([0.0, 0.0, 0.02, 0.1])
        """How likely a function is ended in a call."""
        self.calls_fail = draw.choice([0.0, 0.0, 0.05, 0.2])
        if self.kills > MANY_KILLS:
            # Together nothing would come to its end within the hour: no SDK tries again here.
            self.calls_fail = min(self.calls_fail, 0.05)
        self.slow_calls = draw.choice([0.0, 0.0, 0.05])
        self.late = draw.choice([0.0, 0.0, 0.3])
        self.repeated = draw.choice([0.0, 0.1, 0.5])
        self.lambda_is_busy_until = 0.0
        self.cloudformation_is_busy_until = 0.0
        self.job_run_count = draw.choice([1, 1, 1, 20, 100, 400])
        self.grace = draw.choice([0.0, 5.0, 120.0])
        """How long a run takes to be cancelled."""
        self.ends_by_itself = draw.choice([0.0, 0.0, 0.3])
        """How likely a stream ends by itself."""
        self.role_is_late = draw.choice([0.0, 0.0, 0.0, 60.0])
        """How long after the first start the service can't assume the role."""

    def occurs(self, likelihood: float) -> bool:
        """Whether something happens this time."""
        return likelihood > 0 and self.random.random() < likelihood

    def delivery(self) -> float:
        """How late an event arrives."""
        if self.occurs(self.late):
            return self.random.choice([61.0, 130.0, self.random.uniform(0, LATEST_DELIVERY)])
        return self.random.uniform(0.01, 1.0)

    def latency(self) -> float:
        """How long one way of a call takes."""
        if self.occurs(self.slow_calls):
            return self.random.uniform(1, 8)
        return self.random.uniform(0.005, 0.1)

    def operation(self) -> float:
        """How long CloudFormation takes for another step of its own."""
        return self.random.choice([0.0, 0.05, self.random.uniform(0, 5)])
