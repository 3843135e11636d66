"""What a run has to know of a job."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import IConstruct

from ..applications.interface import IApplication
from ..permissions.policies import Permission


class JobMode(Enum):
    """How long a job run is meant to take."""

    BATCH = "BATCH"
    """It ends by itself."""
    STREAMING = "STREAMING"
    """It runs until it is cancelled, and is restarted when it fails. Spark only, from emr-7.1.0."""


@dataclass(frozen=True, kw_only=True)
class JobDefinition:
    """A job as it is when it is asked for: overrides and tags may be added until the app is synthesised.

    Args:
        request: The StartJobRun request without tags, to be changed by who gets it.
        tags: The tags of the job's runs.
        starting: What who starts a run has to be allowed.
        reading_logs: What who reads the driver's log has to be allowed, wherever it goes that can be read.
        file_names: The names of uploaded files as the user wrote them, by the first digits of their hashes.
        dependencies: What has to be there before a run starts, with its policies, and until it ended, beside the
            application and what the request names.
        created_for_runs: What the job created for its runs, which a run that goes on needs.
    """

    request: dict[str, Any]
    tags: Mapping[str, str]
    starting: Sequence[Permission]
    reading_logs: Sequence[Permission]
    file_names: Mapping[str, str]
    dependencies: Sequence[IConstruct]
    created_for_runs: Sequence[IConstruct]


class IJob(IConstruct, Protocol):
    """A job that can be run: a `SparkJob` or a `HiveJob`."""

    @property
    def application(self) -> IApplication:
        """Where the job runs."""
        ...

    @property
    def mode(self) -> JobMode:
        """How long a run is meant to take."""
        ...

    @property
    def definition(self) -> JobDefinition:
        """What a run needs of the job, as it is now."""
        ...

    def when_changed(self, tell: Callable[[], None]) -> None:
        """Have it told whenever the request has changed, and as soon as the runs may have tags."""
        ...

    @property
    def state_machine(self) -> sfn.StateMachine:
        """The state machine that runs the job, made when it is first asked for."""
        ...

    def grant_start(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow a principal to start runs of this job: on its application, with its execution role and its keys."""
        ...
