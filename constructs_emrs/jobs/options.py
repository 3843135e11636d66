"""How a job runs: how often it is tried, what it may do at most; and what all jobs take."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

from aws_cdk import Duration
from aws_cdk import aws_iam as iam

from ..applications.configuration import Configuration
from ..monitoring.encryption import Encryption
from ..monitoring.monitoring import Monitoring
from ..validation.argument_names import explained
from ..validation.method_names import NamesMethods


@explained
@dataclass(frozen=True, kw_only=True)
class RetryPolicy(metaclass=NamesMethods):
    """How often a failed job run is tried again; from emr-7.1.0.

    Made by `RetryPolicy.attempts` for batch jobs and `RetryPolicy.failures_per_hour` for streaming jobs.

    Source: https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-resiliency.html
    """

    max_attempts: int | None = None
    max_failed_attempts_per_hour: int | None = None

    @classmethod
    def attempts(cls, count: int) -> "RetryPolicy":
        """Try a batch job up to `count` times in all, 1 to 10. The service's default is 1: it is not tried again."""
        return cls(max_attempts=count)

    @classmethod
    def failures_per_hour(cls, count: int) -> "RetryPolicy":
        """Restart a streaming job until it failed `count` times within an hour, 1 to 10. The service's default is 5."""
        return cls(max_failed_attempts_per_hour=count)


@explained
@dataclass(frozen=True, kw_only=True)
class ExecutionIamPolicy:
    """What the job may do at most: the intersection of this and the execution role's permissions.

    The intersection removes the permissions to write logs and to use keys too: list those that the job needs.

    At least one of the two is needed.

    Args:
        document: Statements, 2,048 characters at most as JSON without white space.
        managed_policies: Customer managed or AWS managed policies, at most 10.

    Source: https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-cli-execution.html
    """

    document: iam.PolicyDocument | None = None
    managed_policies: Sequence[iam.IManagedPolicy] = ()


class JobOptions(TypedDict, total=False):
    """The keyword arguments that all jobs take."""

    execution_timeout: Duration | None
    """How long a run may take before it is cancelled, in whole minutes, 5 at least; batch jobs only. 0 is no limit
    before emr-7.11.0. Default: 12 hours."""
    retry_policy: RetryPolicy | None
    """How often a failed run is tried again. Default: never for a batch job, up to 5 failures an hour for a streaming
    job."""
    execution_iam_policy: ExecutionIamPolicy | None
    """What the job may do at most with its execution role. Default: all that the role may."""
    application_configuration: Sequence[Configuration]
    """Configuration by classification, which replaces the application's own of the same classification."""
    monitoring: Monitoring | None
    """Where logs and metrics go. Default: CloudWatch logs in a log group of the job's own, and managed logs."""
    encryption: Encryption | None
    """Which keys encrypt logs and disks. Default: one key that is created for the stack."""
    execution_role: iam.IRole | None
    """The role that the job's code runs with; it is given the permissions that the job's own configuration needs.
    Default: a role of its own."""
    job_name: str | None
    """The name of the job's runs, 1 to 256 characters. Default: the construct id."""
