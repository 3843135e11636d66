"""When to run a job: on deploy."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

import jsii
from aws_cdk import CustomResource, Duration, IStableAnyProducer, ITaggableV2, Lazy, TagManager, TagType
from constructs import Construct

from ._argument_types import checked
from ._model_rules import check_against_model, shape_of
from ._problems import Problems
from ._provider import JobRunProvider
from ._service_model import operation_shape
from ._service_rules import whole_seconds
from ._tag_limits import TagLimits
from ._tokens import is_token
from .handler import contract
from .job import Job
from .job_mode import JobMode

# A custom resource is waited for an hour at most. What is left is for cancelling the run and saying why.
_WAIT_SECONDS = range(60, 58 * 60 + 1)


class JobRunState(Enum):
    """What a deploy can wait for."""

    SUBMITTED = "SUBMITTED"
    """The service took the request: the deploy does not wait."""
    RUNNING = "RUNNING"
    """The driver runs: what a streaming job is waited for."""
    SUCCESS = "SUCCESS"
    """The job did its work: what a batch job is waited for."""


@jsii.implements(ITaggableV2)
class JobRun(Construct):
    """Runs a job on `cdk deploy`, waits for it, and fails the deploy with the job's own error if it failed.

    It runs again when the job's definition, its local entry point or `triggers` changed. When the stack is deleted,
    a run that is still active is cancelled first.

    Example:
        >>> run = JobRun(stack, "EtlOnDeploy", job=etl, wait_for=JobRunState.SUCCESS)
    """

    @checked
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
            wait_timeout: How long to wait before the run is cancelled and the deploy fails, 1 to 58 minutes in whole
                seconds, from when CloudFormation asks for the run. Default: 55 minutes.
            arguments: The arguments of a Spark job's entry point, instead of the job's own.
            triggers: Strings that start a new run when they change.

        Raises:
            ValueError: Arguments that can't be; the text lists all of them.
        """
        super().__init__(scope, construct_id)
        default_state = JobRunState.RUNNING if job.mode is JobMode.STREAMING else JobRunState.SUCCESS
        problems = Problems(self.node.path)
        _check_state(problems, job, wait_for)
        _check_arguments(problems, job, arguments)
        wait_seconds = _wait_seconds(problems, wait_timeout)
        problems.raise_if_any()
        provider = JobRunProvider.of(self)
        provider.allow_running(job)
        self._tags = TagManager(TagType.MAP, contract.JOB_RUN_TYPE)
        request = _Request(job, arguments, self._tags)
        self.node.add_validation(TagLimits(self, request.tags))
        properties: dict[str, Any] = {
            contract.REQUEST: Lazy.any(request),
            contract.WAIT_FOR: (wait_for or default_state).value,
            contract.WAIT_TIMEOUT_SECONDS: wait_seconds,
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
        self._resource.node.add_dependency(*job.prerequisites)

    @property
    def cdk_tag_manager(self) -> TagManager:
        """The tags of this run beside the job's, which win."""
        return self._tags

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


def _check_state(problems: Problems, job: Job, wait_for: JobRunState | None) -> None:
    if wait_for is JobRunState.SUCCESS and job.mode is JobMode.STREAMING:
        remedy = "use JobRunState.RUNNING or JobRunState.SUBMITTED"
        problems.add("wait_for", wait_for, "a streaming job never succeeds, as it does not end", remedy)


def _check_arguments(problems: Problems, job: Job, arguments: Sequence[str] | None) -> None:
    if arguments is None:
        return
    if "sparkSubmit" not in job.start_job_run_request["jobDriver"]:
        problems.add("arguments", arguments, "the job is no Spark job", "leave it out")
        return
    shape = shape_of(operation_shape("StartJobRun"), "jobDriver.sparkSubmit.entryPointArguments")
    check_against_model(list(arguments), shape, problems.add, "arguments")


def _wait_seconds(problems: Problems, wait_timeout: Duration | None) -> int | None:
    seconds = whole_seconds(problems, "wait_timeout", wait_timeout or Duration.minutes(55))
    if seconds is not None and not is_token(seconds) and seconds not in _WAIT_SECONDS:
        problems.add("wait_timeout", wait_timeout, "it is out of range", "use 1 to 58 minutes")
    return seconds


@jsii.implements(IStableAnyProducer)
class _Request:
    """The job's request when the app is synthesised: overrides may be added to the job after the run."""

    def __init__(self, job: Job, arguments: Sequence[str] | None, tags: TagManager) -> None:
        self._job = job
        self._arguments = arguments
        self._tags = tags

    def tags(self) -> dict[str, str]:
        """The job's tags, and those of the run that the job does not have."""
        return {**self._tags.tag_values(), **self._job.cdk_tag_manager.tag_values()}

    def produce(self) -> dict[str, Any]:
        """The request, with this run's arguments and tags."""
        request = self._job.start_job_run_request
        if self._arguments is not None:
            request["jobDriver"]["sparkSubmit"]["entryPointArguments"] = list(self._arguments)
        tags = self.tags()
        if tags:
            request["tags"] = tags
        return request
