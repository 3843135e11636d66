"""How often a job run is tried."""

from dataclasses import dataclass

from ..validation.argument_names import explained


@explained
@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How often a failed job run is tried again; from emr-7.1.0.

    Made by `RetryPolicy.attempts` for batch jobs and `RetryPolicy.failures_per_hour` for streaming jobs.

    Source: https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-resiliency.html
    """

    max_attempts: int | None = None
    max_failed_attempts_per_hour: int | None = None

    @classmethod
    def attempts(cls, count: int) -> "RetryPolicy":
        """Try a batch job so many times in all, 1 to 10. The service's default is 1: it is not tried again."""
        return cls(max_attempts=count)

    @classmethod
    def failures_per_hour(cls, count: int) -> "RetryPolicy":
        """Restart a streaming job until it failed so many times within an hour, 1 to 10. The service's default is 5."""
        return cls(max_failed_attempts_per_hour=count)

    def render(self) -> dict[str, int]:
        """The policy with the service's member names."""
        members = {"maxAttempts": self.max_attempts, "maxFailedAttemptsPerHour": self.max_failed_attempts_per_hour}
        return {name: value for name, value in members.items() if value is not None}
