"""Settings of an application: engine, CPUs, images, scheduler, interactive endpoints, identity center."""

from dataclasses import dataclass
from enum import Enum

from aws_cdk import Duration
from aws_cdk import aws_ecr as ecr

from ..validation.argument_names import explained


class ApplicationType(Enum):
    """The engine of an application."""

    SPARK = "Spark"
    """Apache Spark."""
    HIVE = "Hive"
    """Apache Hive on Tez."""


class Architecture(Enum):
    """The CPU architecture of an application's workers."""

    X86_64 = "X86_64"
    """x86, the default of the service."""
    ARM64 = "ARM64"
    """AWS Graviton."""


@explained
@dataclass(frozen=True, kw_only=True)
class Image:
    """A custom image for workers; from emr-6.9.0.

    EMR Serverless may pull it: the repository's policy is extended if the repository is created in this app.

    Args:
        repository: The Amazon ECR repository, in the same Region.
        tag: The image's tag. Default: `latest`, if there is no digest.
        digest: The image's digest, `sha256:` and 64 hexadecimal digits, instead of a tag, which may move to another
            image.

    Source: https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/application-custom-image.html
    """

    repository: ecr.IRepository
    tag: str | None = None
    digest: str | None = None


@explained
@dataclass(frozen=True, kw_only=True)
class Scheduler:
    """How many job runs run at a time, and how long the others wait; from emr-7.0.0.

    Args:
        max_concurrent_runs: Job runs at a time, 1 to 1,000. Default: 15.
        queue_timeout: How long a job run waits in the queue, 15 to 720 whole minutes. Default: 6 hours.

    Source: https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/applications-concurrency-queuing.html
    """

    max_concurrent_runs: int | None = None
    queue_timeout: Duration | None = None


@explained
@dataclass(frozen=True, kw_only=True)
class Interactive:
    """Which interactive endpoints the application has; from emr-6.14.0.

    Args:
        livy_endpoint: Whether there is an endpoint of Apache Livy.
        studio: Whether EMR Studio may connect.
        sessions: Whether Spark Connect sessions may be started; from emr-7.13.0.

    Source: https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/interactive-workloads.html
    """

    livy_endpoint: bool = False
    studio: bool = False
    sessions: bool = False


@explained
@dataclass(frozen=True, kw_only=True)
class IdentityCenter:
    """The IAM Identity Center instance whose users' identities jobs carry on; from emr-7.8.0.

    Args:
        instance_arn: The ARN of the instance.
    """

    instance_arn: str
