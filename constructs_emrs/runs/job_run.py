"""When to run a job: on deploy."""

import functools
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import jsii
from aws_cdk import (
    Annotations,
    CfnResource,
    Duration,
    ITaggableV2,
    RemovalPolicy,
    TagManager,
    TagType,
    Token,
)
from aws_cdk import aws_events as events
from constructs import Construct, IConstruct

from ..applications.interface import IApplication
from ..applications.job_run_state import JobRunState
from ..custom_resources.late_values import ChangingProperty, at_synth
from ..custom_resources.provider import Provider
from ..handler import contract
from ..validation.argument_names import explained
from ..validation.argument_types import checked
from ..validation.cdk_cache import know_place, path_of, stack_of
from ..validation.late_checks import check_late, check_tags
from ..validation.problems import Problems, warn
from ..validation.tokens import is_token
from ..validation.units import whole_seconds
from ..watching.failures import tell_of_job_run
from ..workflows.arguments import check_arguments
from ..workflows.interface import IJob, JobDefinition, JobMode

_WAIT_SECONDS = range(60, 12 * 3600 + 1)
# CloudFormation waits for a custom resource for an hour. What is left is for ending an earlier run, for throttling, and
# for cancelling a run that takes too long; who wants to wait longer gets more custom resources, one after the other.
_SECONDS_OF_ONE_RESOURCE = 55 * 60
# Each of several custom resources counts from when it first saw the run RUNNING.
_STABLE_SECONDS = range(10, 50 * 60 + 1)
_WAITED_FOR = (JobRunState.SUBMITTED, JobRunState.RUNNING, JobRunState.SUCCESS)
_RETAINED = (RemovalPolicy.RETAIN, RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)


class RunWhen(Enum):
    """On which deployments a `JobRun` starts a run."""

    CHANGED = "CHANGED"
    """When the job's definition, its local entry point or a trigger changed."""
    EVERY_DEPLOY = "EVERY_DEPLOY"
    """On each deployment: the template differs each time that the app is synthesised."""


@explained
@jsii.implements(ITaggableV2)
class JobRun(Construct):
    """Runs a job on `cdk deploy`, waits for it, and fails the deploy with the job's own error if it failed.

    It runs again when the job's definition, its local entry point or `triggers` changed: a run that is still active is
    then cancelled first, and has ended before the new one starts. When an update is rolled back, batch work is not done
    again, and a stream comes back. When the stack is deleted, a run that is still active is cancelled first.

    Example:
        >>> run = JobRun(stack, "EtlOnDeploy", job=etl, wait_for=JobRunState.SUCCESS)
    """

    @checked
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        job: IJob,
        wait_for: JobRunState | None = None,
        wait_timeout: Duration | None = None,
        stable_for: Duration | None = None,
        arguments: Sequence[str] | None = None,
        triggers: Mapping[str, str] | None = None,
        after: "Sequence[JobRun]" = (),
        run_when: RunWhen = RunWhen.CHANGED,
        run_on_rollback: bool | None = None,
        removal_policy: RemovalPolicy | None = None,
    ) -> None:
        """Create the run.

        Args:
            scope: The construct that the run is part of.
            construct_id: The id of the run in its scope.
            job: What to run.
            wait_for: When the deploy goes on. Default: SUCCESS for a batch job, RUNNING for a streaming job.
            wait_timeout: How long to wait before the run is cancelled and the deploy fails, 1 minute to 12 hours in
                whole seconds. Each further 55 minutes take one more custom resource. Default: 55 minutes.
            stable_for: How long the run has to be RUNNING, in one attempt, before the deploy goes on that waits for
                RUNNING: a driver that fails at its start is RUNNING before it runs a line, and is tried again. 10
                seconds to 50 minutes in whole seconds, and less than `wait_timeout`. Default: not at all.
            arguments: The arguments of a Spark job's entry point, instead of the job's own.
            triggers: Strings that start a new run when they change.
            after: Runs of this stack that have to have got where they are waited for before this one starts; it is
                started again when one of them was. Default: none.
            run_when: On which deploys a run is started.
            run_on_rollback: Whether a run of the old definition is started when an update is rolled back. Default: no
                for a batch job, whose work would be done twice; yes for a streaming job, which has to come back.
            removal_policy: What happens to an active run when it leaves the stack. `RemovalPolicy.RETAIN` lets it go
                on; what the job created for it is retained too, and the application has to be. Default: it is
                cancelled.

        Raises:
            ValueError: Arguments are not valid; the text lists all that is wrong.
        """
        super().__init__(scope, construct_id)
        know_place(self, scope, construct_id)
        definition = job.definition
        is_streaming = job.mode is JobMode.STREAMING
        state = wait_for or (JobRunState.RUNNING if is_streaming else JobRunState.SUCCESS)
        problems = Problems(path_of(self))
        _check_state(problems, wait_for, is_streaming=is_streaming)
        check_arguments(problems, definition.request, arguments)
        _check_size(problems, definition, arguments)
        wait_seconds = _wait_seconds(problems, wait_timeout)
        stable_seconds = _stable_seconds(problems, stable_for, state, wait_seconds)
        _check_removal_policy(problems, job.application, removal_policy)
        _check_after(problems, self, after)
        problems.raise_if_any()
        self._job = job
        self._arguments = arguments
        provider = Provider.of(self)
        provider.add_job_run()
        provider.allow(self, [*definition.starting, *definition.reading_logs])
        _warn_of_auto_start(job.application)
        request = _with_arguments(definition.request, arguments)
        properties: dict[str, Any] = {contract.REQUEST: request}
        upstream = {f"constructs-emrs:after:{path_of(run)}": run.job_run_arn for run in after}
        if all_triggers := {**_triggers(triggers, run_when), **upstream}:
            properties[contract.TRIGGERS] = all_triggers
        if is_streaming if run_on_rollback is None else run_on_rollback:
            properties[contract.RUN_ON_ROLLBACK] = True
        # What changes when the application is stopped to be changed, so that its streams are started again.
        if is_streaming and (of_application := job.application.definition_for(self)):
            properties[contract.APPLICATION_DEFINITION] = of_application
        waiting = _waiting(state, wait_seconds, stable_seconds, definition.file_names)
        self._resource = provider.custom_resource(self, "Resource", contract.JOB_RUN_TYPE, {**properties, **waiting[0]})
        # Nothing starts before its permissions exist, and nothing that a run needs is deleted before it ended.
        self._resource.node.add_dependency(*job.application.ready_for(self), *definition.dependencies)
        if removal_policy is not None:
            self._resource.apply_removal_policy(removal_policy)
        self._last_resource = self._resource
        for number, share in enumerate(waiting[1:], start=2):
            handed_over = {contract.JOB_RUN_ARN: self.job_run_arn, contract.WAIT_NUMBER: number, **share}
            self._last_resource = provider.custom_resource(
                self, f"Wait{number}", contract.JOB_RUN_WAIT_TYPE, handed_over
            )
        if removal_policy in _RETAINED:
            _retain(definition.created_for_runs)
        self._request = ChangingProperty(self._resource, contract.REQUEST, request)
        self._expects_changes = False
        job.when_changed(self._take_changes)

    @checked
    def on_failure(
        self, construct_id: str, target: events.IRuleTarget, *, description: str | None = None
    ) -> events.Rule:
        """Tell of a run that fails, or takes longer than the job's `execution_timeout`: a stream that ends at night.

        The message has the job's name, the run, its state and state details, and commands that show more. It is told
        of every run that a deploy or a rollback has started; runs that a deploy has cancelled did not fail. A state
        machine looks at the application's failed runs for it, one for all `JobRun`s of the stack on that application.

        Args:
            construct_id: The id of the rule.
            target: What is told, such as `targets.SnsTopic(topic)`; if it has a message of its own, that.
            description: A description of the rule. Default: what it is a rule on.

        Source: https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/using-eventbridge.html
        """
        return tell_of_job_run(
            self,
            construct_id,
            job=self._job,
            logical_id=self._resource.logical_id,
            target=target,
            description=description,
        )

    def _take_changes(self) -> None:
        """Take over what of the job is not as it was when the run was made."""
        self._request.change(_with_arguments(self._job.definition.request, self._arguments))
        self._expect_changes()

    def _expect_changes(self) -> None:
        """Send the tags that there are when the app is synthesised, and check what there is then."""
        if self._expects_changes:
            return
        self._expects_changes = True
        own_tags = dict.fromkeys(contract.OWN_TAGS, "")
        self._request.override("tags", at_synth(self._all_tags))
        check_tags(self, lambda: {**self._all_tags(), **own_tags})
        check_late(self, self._check_size_again)

    def _check_size_again(self) -> None:
        """Overrides may have been added to the job after the run."""
        problems = Problems(path_of(self))
        _check_size(problems, self._job.definition, self._arguments)
        if str(problems):
            Annotations.of(self).add_error(str(problems))

    @property
    def cdk_tag_manager(self) -> TagManager:
        """The tags of this run beside the job's, which win."""
        return self._tags

    def _all_tags(self) -> dict[str, str]:
        """The job's tags, and those of the run that the job does not have."""
        own = self._tags.tag_values() if "_tags" in vars(self) else {}
        return {**own, **self._job.definition.tags}

    @functools.cached_property
    def _tags(self) -> TagManager:
        # Most runs have no tags of their own, and each question is a round trip to Node.js.
        self._expect_changes()
        return TagManager(TagType.MAP, contract.JOB_RUN_TYPE)

    @property
    def job_run_id(self) -> str:
        """The id of the run that the last deploy started."""
        return self._attribute(contract.JOB_RUN_ID)

    @property
    def job_run_arn(self) -> str:
        """The ARN of the run that the last deploy started."""
        return self._attribute(contract.JOB_RUN_ARN)

    @property
    def application_id(self) -> str:
        """The id of the application that the run is in."""
        return self._attribute(contract.APPLICATION_ID)

    def _attribute(self, name: str) -> str:
        return Token.as_string(self._last_resource.get_att(name))


def _check_state(problems: Problems, wait_for: JobRunState | None, *, is_streaming: bool) -> None:
    if wait_for is not None and wait_for not in _WAITED_FOR:
        remedy = f"use {', '.join(map(str, _WAITED_FOR))}"
        problems.add("wait_for", wait_for, "it is not what a deploy waits for", remedy)
    elif wait_for is JobRunState.SUCCESS and is_streaming:
        remedy = "use JobRunState.RUNNING or JobRunState.SUBMITTED"
        problems.add("wait_for", wait_for, "a streaming job never succeeds, as it does not end", remedy)


def _check_after(problems: Problems, scope: Construct, after: "Sequence[JobRun]") -> None:
    for position, run in enumerate(after):
        if stack_of(run) is not stack_of(scope):
            problem = f"it is in stack {stack_of(run).node.path}, and what a run of another stack did is not known here"
            remedy = "put both into one stack, or let this stack depend on that one: stack.add_dependency(…)"
            problems.add(f"after[{position}]", run, problem, remedy)


def _with_arguments(request: dict[str, Any], arguments: Sequence[str] | None) -> dict[str, Any]:
    """The request with other arguments of the entry point, if it has one."""
    driver = request["jobDriver"]
    if arguments is None or "sparkSubmit" not in driver:
        return request
    submit = {**driver["sparkSubmit"], "entryPointArguments": list(arguments)}
    return {**request, "jobDriver": {**driver, "sparkSubmit": submit}}


def _check_size(problems: Problems, definition: JobDefinition, arguments: Sequence[str] | None) -> None:
    """Check that an execution of the state machine can carry the request.

    An update carries the earlier one's tags too. https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    """
    request = _with_arguments(definition.request, arguments)
    size = _bytes_of(request) + _bytes_of(definition.file_names)
    if size > contract.PROPERTIES_BYTES:
        driver = next(iter(request["jobDriver"].values()))
        of_arguments, of_configuration = (
            _bytes_of(part) for part in (driver, request.get("configurationOverrides", {}))
        )
        name = "arguments" if of_arguments > of_configuration else "application_configuration"
        problems.add_written(
            name,
            f"<{max(of_arguments, of_configuration):,} bytes>",
            f"with it the request of the job has {size:,} bytes, and a job run of a deploy can have "
            f"{contract.PROPERTIES_BYTES:,}",
            "put them into a file, and name the file in arguments",
        )


def _bytes_of(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, default=str).encode(errors="replace"))


def _wait_seconds(problems: Problems, wait_timeout: Duration | None) -> int | None:
    if wait_timeout is None:
        return contract.DEFAULT_WAIT_TIMEOUT_SECONDS
    seconds = whole_seconds(problems, "wait_timeout", wait_timeout)
    if seconds is not None and not is_token(seconds) and seconds not in _WAIT_SECONDS:
        remedy = (
            "use 1 minute to 12 hours; for what takes longer, use wait_for=JobRunState.SUBMITTED and on_failure(…) of "
            "the JobRun"
        )
        problems.add("wait_timeout", wait_timeout, "it is out of range", remedy)
    return seconds


def _stable_seconds(
    problems: Problems, stable_for: Duration | None, wait_for: JobRunState, wait_seconds: int | None
) -> int | None:
    if stable_for is None:
        return None
    seconds = whole_seconds(problems, "stable_for", stable_for)
    if wait_for is not JobRunState.RUNNING:
        problems.add("stable_for", stable_for, f"the deploy waits for {wait_for}", "use wait_for=JobRunState.RUNNING")
    elif seconds is None or is_token(seconds):
        return seconds
    elif seconds not in _STABLE_SECONDS:
        problems.add("stable_for", stable_for, "it is out of range", "use 10 seconds to 50 minutes")
    elif wait_seconds is not None and not is_token(wait_seconds) and seconds >= wait_seconds:
        problems.add("stable_for", stable_for, "it is not less than wait_timeout", "use a longer wait_timeout")
    return seconds


def _waiting(
    wait_for: JobRunState, seconds: int | None, stable_seconds: int | None, file_names: Mapping[str, str]
) -> list[dict[str, Any]]:
    """How to wait, for each of the custom resources that it takes."""
    properties: dict[str, Any] = {}
    if wait_for.value != contract.DEFAULT_WAIT_FOR:
        properties[contract.WAIT_FOR] = wait_for.value
    if seconds != contract.DEFAULT_WAIT_TIMEOUT_SECONDS:
        properties[contract.WAIT_TIMEOUT_SECONDS] = seconds
    if stable_seconds is not None:
        properties[contract.STABLE_SECONDS] = stable_seconds
    if file_names and wait_for is not JobRunState.SUBMITTED:
        properties[contract.FILE_NAMES] = file_names
    if seconds is None or is_token(seconds) or wait_for is JobRunState.SUBMITTED:
        return [properties]
    handed_over = (seconds - 1) // _SECONDS_OF_ONE_RESOURCE
    return [{**properties, contract.HAND_OVER_SECONDS: _SECONDS_OF_ONE_RESOURCE}] * handed_over + [properties]


def _check_removal_policy(problems: Problems, application: IApplication, removal_policy: RemovalPolicy | None) -> None:
    if removal_policy is None or removal_policy is RemovalPolicy.DESTROY:
        return
    if removal_policy not in _RETAINED:
        problems.add("removal_policy", removal_policy, "a job run has no snapshots", "use DESTROY or RETAIN")
    elif not application.outlives_its_stack:
        remedy = "give the application removal_policy=RemovalPolicy.RETAIN too, or use one of another stack"
        problem = "the application is deleted with the stack, and its runs are cancelled before"
        problems.add("removal_policy", removal_policy, problem, remedy)


def _triggers(triggers: Mapping[str, str] | None, run_when: RunWhen) -> dict[str, str]:
    """The strings that start a new run when they change."""
    every_deploy = run_when is RunWhen.EVERY_DEPLOY
    # CloudFormation asks for nothing whose properties are the same.
    deploy = {"constructs-emrs:synthesised-at": datetime.now(UTC).isoformat()} if every_deploy else {}
    return {**(triggers or {}), **deploy}


def _warn_of_auto_start(application: IApplication) -> None:
    """Say that a job run fails on an application that is not started; the CDK says it once."""
    if application.auto_start is False:
        problem = "a job run fails on an application that is not started, and no deployment starts it"
        remedy = "leave auto_start out, or start the application before each deployment that runs a job on it"
        warn(application, "auto_start", application.auto_start, problem, remedy)


def _retain(constructs: Sequence[IConstruct]) -> None:
    """Keep what a run may still need when the stack is deleted."""
    for construct in constructs:
        for resource in construct.node.find_all():
            if isinstance(resource, CfnResource):
                resource.apply_removal_policy(RemovalPolicy.RETAIN)
