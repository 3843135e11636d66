"""When to run a job: on deploy."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from aws_cdk import CustomResource, Duration
from constructs import Construct

from ._provider import JobRunProvider
from .handler import contract
from .job import Job
from .job_mode import JobMode


class JobRunState(Enum):
    """What a deploy can wait for."""

    SUBMITTED = "SUBMITTED"
    """The service took the request: the deploy does not wait."""
    RUNNING = "RUNNING"
    """The driver runs: what a streaming job is waited for."""
    SUCCESS = "SUCCESS"
    """The job did its work: what a batch job is waited for."""


class JobRun(Construct):
    """Runs a job on `cdk deploy`, waits for it, and fails the deploy with the job's own error if it failed.

    It runs again when the job's definition, its local entry point or `triggers` changed. When the stack is deleted,
    a run that is still active is cancelled first.

    Example:
        >>> run = JobRun(stack, "EtlOnDeploy", job=etl, wait_for=JobRunState.SUCCESS)
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        job: Job,
        wait_for: JobRunState | None = None,
        wait_timeout: Duration | None = None,
        arguments: Sequence[str] | None = None,
        triggers: Mapping[str, str] | None = None,
    ) -> None:
        """Create the run.

        Args:
            scope: The construct that the run is part of.
            construct_id: The id of the run in its scope.
            job: What to run.
            wait_for: When the deploy goes on. Default: SUCCESS for a batch job, RUNNING for a streaming job.
            wait_timeout: How long to wait before the run is cancelled and the deploy fails. Default: 55 minutes.
            arguments: The arguments of a Spark job's entry point, instead of the job's own.
            triggers: Strings that start a new run when they change.
        """
        super().__init__(scope, construct_id)
        provider = JobRunProvider.of(self)
        provider.allow_running(job)
        request = job.start_job_run_request
        if arguments is not None:
            request["jobDriver"]["sparkSubmit"]["entryPointArguments"] = list(arguments)
        default_state = JobRunState.RUNNING if job.mode is JobMode.STREAMING else JobRunState.SUCCESS
        properties: dict[str, Any] = {
            contract.REQUEST: request,
            contract.WAIT_FOR: (wait_for or default_state).value,
            contract.WAIT_TIMEOUT_SECONDS: (wait_timeout or Duration.minutes(55)).to_seconds(),
        }
        if triggers:
            properties[contract.TRIGGERS] = dict(triggers)
        self._resource = CustomResource(
            self,
            "Resource",
            resource_type=contract.JOB_RUN_TYPE,
            service_token=provider.service_token,
            properties=properties,
        )
        # Nothing starts before its permissions exist, and nothing that a run needs is deleted before it ended. The
        # provider and its permissions are ordered by the service token.
        self._resource.node.add_dependency(job, job.execution_role, job.application)

    @property
    def job_run_id(self) -> str:
        """The id of the run that the last deploy started."""
        return self._resource.get_att_string(contract.JOB_RUN_ID)

    @property
    def job_run_arn(self) -> str:
        """The ARN of the run that the last deploy started."""
        return self._resource.get_att_string(contract.JOB_RUN_ARN)

    @property
    def application_id(self) -> str:
        """The id of the application that the run is in."""
        return self._resource.get_att_string(contract.APPLICATION_ID)
