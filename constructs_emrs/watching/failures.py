"""Messages about what failed, for people: which job, which run, why, and where to look.

The event of a job run has neither the job's name nor the reason, and does not say which construct started the run. A
rule on the run's id would not do: the id that a template names is that of the run that the last deploy started. When a
rollback starts a stream anew, CloudFormation changes the rule only if the update had got as far as the rule; and a
stream that was stopped for an update of its application, which failed, comes back without CloudFormation. So a state
machine, one for a stack and an application, looks at each run that failed, and the tags that the run was started with
say whose it is. What it tells has the reason, too.

An execution's event has the reason, and the execution's name or input says what started it.
"""

import re
from collections.abc import Mapping
from typing import Any

import jsii
from aws_cdk import Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from aws_cdk.interfaces.aws_events import IRuleRef
from constructs import Construct

from ..applications.interface import IApplication, job_run_state_changes
from ..applications.job_run_state import JobRunState
from ..custom_resources.late_values import text_at_synth
from ..handler import contract
from ..permissions.acknowledgements import acknowledge_state_machine
from ..permissions.arns import stack_id
from ..validation.cdk_cache import node_of, path_of, stack_of
from ..validation.tokens import is_token
from ..workflows.interface import IJob
from ._console import console
from ._metrics import name_of

SOURCE = "constructs-emrs"
DETAIL_TYPE = "EMR Serverless Job Run Failed"
_JSONATA = sfn.QueryLanguage.JSONATA
_IN_A_TEMPLATE = re.compile(r"[<>]")
# A run that took too long is cancelled like one that somebody cancels. A deploy writes down on a run that it cancels
# which one takes its place.
_IS_TOLD = f"""(
    $run := $states.input;
    $tags := $run.Tags;
    $took := $toMillis($run.UpdatedAt) - $toMillis($run.CreatedAt);
    $lookup($tags, '{contract.STACK_TAG}') = $stack and $not($exists($lookup($tags, '{contract.SUCCESSOR_TAG}')))
    and ($run.State = 'FAILED'
        or ($run.Mode = 'BATCH' and $run.ExecutionTimeoutMinutes > 0 and $took >= $run.ExecutionTimeoutMinutes * 60000))
)"""
_DETAIL = f"""$string({{
    'applicationId': $states.input.ApplicationId,
    'jobRunId': $states.input.JobRunId,
    'state': $states.input.State,
    'reason': $states.input.StateDetails,
    'stackId': $stack,
    'logicalId': $lookup($states.input.Tags, '{contract.LOGICAL_ID_TAG}')
}})"""


def tell_of_job_run(
    scope: Construct,
    construct_id: str,
    *,
    job: IJob,
    logical_id: str,
    target: events.IRuleTarget,
    description: str | None,
) -> events.Rule:
    """A rule on the failure of the runs that a custom resource of the stack stands for, one after the other.

    Args:
        scope: What the rule is part of.
        construct_id: The id of the rule.
        job: What the runs are runs of.
        logical_id: The logical id of the custom resource.
        target: What is told.
        description: A description of the rule.
    """
    _watch(stack_of(scope), job.application)
    run, application = (events.EventField.from_path(f"$.detail.{name}") for name in ("jobRunId", "applicationId"))
    region = stack_of(scope).region
    of_the_run = f"--region {region} --application-id {application} --job-run-id {run}"
    message = {
        "job": _name_in_a_template(job),
        "construct": _in_a_template(path_of(scope)),
        "run": run,
        "state": events.EventField.from_path("$.detail.state"),
        "reason": events.EventField.from_path("$.detail.reason"),
        "console": console(region, f"emr/home?region={region}#/serverless"),
        "spark_ui": f"aws emr-serverless get-dashboard-for-job-run {of_the_run}",
        "command": f"aws emr-serverless get-job-run {of_the_run}",
    }
    pattern = events.EventPattern(
        source=[SOURCE],
        detail_type=[DETAIL_TYPE],
        detail={"stackId": [stack_id()], "logicalId": [logical_id]},
    )
    return events.Rule(
        scope,
        construct_id,
        description=description or f"Job runs of {path_of(scope)} that failed",
        event_pattern=pattern,
        targets=[_Telling(target, message)],
    )


def tell_of_executions(
    scope: Construct,
    construct_id: str,
    *,
    job: IJob,
    which: Mapping[str, Any],
    target: events.IRuleTarget,
    description: str | None,
) -> events.Rule:
    """A rule on the failure of executions of the job's state machine.

    Args:
        scope: What the rule is part of.
        construct_id: The id of the rule.
        job: What is run.
        which: The executions, as a pattern of the event's detail.
        target: What is told.
        description: A description of the rule.
    """
    execution = events.EventField.from_path("$.detail.executionArn")
    region = stack_of(scope).region
    message = {
        "job": _name_in_a_template(job),
        "construct": _in_a_template(path_of(scope)),
        "execution": execution,
        "state": events.EventField.from_path("$.detail.status"),
        "error": events.EventField.from_path("$.detail.error"),
        "reason": events.EventField.from_path("$.detail.cause"),
        "console": console(region, f"states/home?region={region}#/v2/executions/details/{execution}"),
        "command": f"aws stepfunctions describe-execution --region {region} --execution-arn {execution}",
    }
    # https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
    pattern = events.EventPattern(
        source=["aws.states"],
        detail_type=["Step Functions Execution Status Change"],
        detail={
            "status": ["FAILED", "TIMED_OUT"],
            "stateMachineArn": [job.state_machine.state_machine_arn],
            **which,
        },
    )
    return events.Rule(
        scope,
        construct_id,
        description=description or f"Runs of {path_of(scope)} that failed",
        event_pattern=pattern,
        targets=[_Telling(target, message)],
    )


@jsii.implements(events.IRuleTarget)
class _Telling:
    """A target that is told a message, unless it has its own."""

    def __init__(self, target: events.IRuleTarget, message: Mapping[str, str]) -> None:
        self._target = target
        self._message = message

    def bind(self, rule: IRuleRef, id: str | None = None) -> events.RuleTargetConfig:  # noqa: A002 - the CDK's name
        """What the rule is told of the target."""
        bound = self._target.bind(rule, id)
        if isinstance(self._target, targets.EventBus):
            # That of another account takes no input: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutTargets.html
            return bound
        if bound.input is not None and not isinstance(self._target, targets.CloudWatchLogGroup):
            return bound
        return events.RuleTargetConfig(**{**bound._values, "input": self._input()})

    def _input(self) -> events.RuleTargetInput:
        if isinstance(self._target, targets.CloudWatchLogGroup):
            # A log group takes a time and a text; what may have quotes in it is not part of a text.
            words = [f"{name}: {text}" for name, text in self._message.items() if name != "reason"]
            return targets.LogGroupTargetInput.from_object_v2(message=", ".join(words))
        # As members of an object, texts with quotes in them are escaped by EventBridge.
        return events.RuleTargetInput.from_object(dict(self._message))


def _name_in_a_template(job: IJob) -> str:
    """The name that the job has when the app is synthesised: an override may change it until then."""
    return text_at_synth(lambda: _in_a_template(name_of(job)))


def _in_a_template(text: str) -> str:
    """The text as it can stand in an input template, where `<` begins the name of a field."""
    return _IN_A_TEMPLATE.sub("", text)


def _watch(stack: Stack, application: IApplication) -> None:
    """Have the stack's failed runs on the application told on the bus."""
    # An application may be imported more than once.
    application_id = application.application_id
    construct_id = f"EMRServerlessFailures{application.node.addr if is_token(application_id) else application_id}"
    if node_of(stack).try_find_child(construct_id) is None:
        _Watcher(stack, construct_id, application)


class _Watcher(Construct):
    """Looks at the runs of an application that failed, and tells of those of its stack."""

    def __init__(self, stack: Stack, construct_id: str, application: IApplication) -> None:
        super().__init__(stack, construct_id)
        machine = sfn.StateMachine(
            self,
            "StateMachine",
            comment=f"Tells of failed job runs on {path_of(application)}",
            definition_body=sfn.DefinitionBody.from_chainable(self._states(application)),
            query_language=_JSONATA,
        )
        acknowledge_state_machine(machine)
        detail = events.EventField.from_path("$.detail")
        events.Rule(
            self,
            "Rule",
            description=f"Looks at job runs on {path_of(application)} that failed",
            event_pattern=job_run_state_changes(
                application.application_id, [JobRunState.FAILED, JobRunState.CANCELLED]
            ),
            targets=[
                targets.SfnStateMachine(
                    machine,
                    input=events.RuleTargetInput.from_object({"detail": detail, "stack": stack_id()}),
                )
            ],
        )

    def _states(self, application: IApplication) -> sfn.IChainable:
        look = tasks.CallAwsService.jsonata(
            self,
            "Look",
            service="emrserverless",
            action="getJobRun",
            iam_action="emr-serverless:GetJobRun",
            iam_resources=[application.job_run_arn_pattern],
            parameters={
                "ApplicationId": _expression("$states.input.detail.applicationId"),
                "JobRunId": _expression("$states.input.detail.jobRunId"),
            },
            assign={"stack": _expression("$states.input.stack")},
            outputs=_expression("$states.result.JobRun"),
        )
        bus = stack_of(self).format_arn(service="events", resource="event-bus", resource_name="default")
        tell = tasks.CallAwsService.jsonata(
            self,
            "Tell",
            service="eventbridge",
            action="putEvents",
            iam_action="events:PutEvents",
            iam_resources=[bus],
            parameters={"Entries": [{"Source": SOURCE, "DetailType": DETAIL_TYPE, "Detail": _expression(_DETAIL)}]},
            outputs=_expression("$states.result.FailedEntryCount"),
        )
        for state in (look, tell):
            state.add_retry(errors=["States.TaskFailed"], max_attempts=8, jitter_strategy=sfn.JitterType.FULL)
        is_told = sfn.Choice.jsonata(self, "Is it a failure of the stack's?")
        others = sfn.Succeed.jsonata(self, "Somebody else's, or as it was to be")
        refused = sfn.Fail.jsonata(self, "Not put", error="NotPut", cause="The event bus did not take the event")
        told = sfn.Choice.jsonata(self, "Is it told?")
        told.when(sfn.Condition.jsonata(_expression("$states.input > 0")), refused).otherwise(
            sfn.Succeed.jsonata(self, "Told")
        )
        tell.next(told)
        is_told.when(sfn.Condition.jsonata(_expression(_IS_TOLD)), tell).otherwise(others)
        return look.next(is_told)


def _expression(text: str) -> str:
    return f"{{% {' '.join(text.split())} %}}"
