"""The state machine that runs one job: for schedules, for events, and for who starts it by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from ..custom_resources.late_values import text_at_synth
from ..permissions.acknowledgements import acknowledge_state_machine
from ..validation.cdk_cache import path_of, stack_of
from .interface import IJob
from .start_job_run import EmrServerlessStartJobRun

SEPARATOR = "_"
"""Stands behind the name of a schedule in the names of its executions, and not in names of schedules."""

ARGUMENTS, CAUSE, EVENT, SCHEDULE = "arguments", "cause", "event", "schedule"
"""The members of an execution's input."""
TEXT, PATH, PARTS = "text", "path", "parts"
"""The members of an argument that is taken from an event."""

_JSONATA = sfn.QueryLanguage.JSONATA
_WAITS = "waits"
# An application stops by itself within minutes; while it does, the service may refuse what it takes soon after. What it
# says then is not documented, so any word of a state is heeded.
_MOST_WAITS, _PAUSE_SECONDS = 15, 20
_IS_CHANGING = rf"""$lowercase($states.input.Error) = 'emrserverless.validationexception'
    and ${_WAITS} < {_MOST_WAITS}
    and $contains($states.input.Cause, /\b(state|status|stopping|starting|creating)\b/i)"""
# The list and the context may have times of different precision: as far as there is one, the list's is compared.
_OLDER = """(
    $own := $states.context.Execution;
    $all := $states.result.Executions;
    $listed := $all[Name = $own.Name].StartDate;
    $since := $toMillis($exists($listed) ? $listed : $own.StartTime);
    $count($all[
        $substringBefore(Name, '_') = $schedule and Name != $own.Name
        and ($toMillis(StartDate) < $since or ($toMillis(StartDate) = $since and Name < $own.Name))
    ]) > 0
)"""
_PART = """function($part) {(
    $value := $exists($part.text) ? $part.text
        : $reduce($split($part.path, '.'), function($outer, $name) { $lookup($outer, $name) }, $event);
    $exists($value) ? $string($value) : $error('the event has no ' & $part.path)
)}"""
_ARGUMENT = f"function($item) {{ $type($item) = 'string' ? $item : $join($map($item.parts, {_PART})) }}"
_RUN = "$run := $substring($states.input.Cause, 0, 1) = '{' ? $parse($states.input.Cause) : {}"


class JobStateMachine(sfn.StateMachine):
    """Starts a run of the job with the arguments that it is given, waits for it, and fails with its error.

    The input of an execution is an object with, all of them optional, `arguments`, a list of texts, and `cause`, a text
    that is the same for all executions that are to be one run. Without a cause each execution is a run of its own.
    Stopping an execution cancels its run, and a redrive runs the job again then. One that failed fails again when it is
    redriven, as its last state is Fail: https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
    """

    def __init__(self, scope: Construct, construct_id: str, *, job: IJob) -> None:
        """Create the state machine; by `job.state_machine`.

        Args:
            scope: The construct that it is part of.
            construct_id: The id in the scope.
            job: What it runs.
        """
        states = Construct(scope, f"{construct_id}States")
        super().__init__(
            scope,
            construct_id,
            comment=f"Runs the EMR Serverless job {path_of(job)}",
            definition_body=sfn.DefinitionBody.from_chainable(_states(states, job)),
            query_language=_JSONATA,
        )
        # In the role's own policy it would be a circle.
        may_look = iam.PolicyStatement(actions=["states:ListExecutions"], resources=[self.state_machine_arn])
        iam.Policy(self, "Look", statements=[may_look], roles=[self.role])
        acknowledge_state_machine(self)


def _states(scope: Construct, job: IJob) -> sfn.IChainable:
    run = EmrServerlessStartJobRun(
        scope,
        "Run",
        job=job,
        query_language=_JSONATA,
        arguments=_expression("$arguments") if "sparkSubmit" in job.definition.request["jobDriver"] else None,
        # The redrive of an execution that was stopped is to run the job again.
        client_token=_expression(
            "$hash($states.context.StateMachine.Id & ' ' & $cause & ' ' & "
            "$string($states.context.Execution.RedriveCount), 'SHA-256')"
        ),
    )
    failed = sfn.Fail.jsonata(
        scope,
        "Failed",
        error=_expression(f"({_RUN}; $exists($run.State) ? $run.State : $states.input.Error)"),
        cause=_expression(
            f"({_RUN}; $exists($run.State) ? 'Job run ' & $run.JobRunId & ' is ' & $run.State & ': ' & "
            "$run.StateDetails : $states.input.Cause)"
        ),
    )
    more = {_WAITS: _expression(f"${_WAITS} + 1")}
    pause = sfn.WaitTime.duration(Duration.seconds(_PAUSE_SECONDS))
    wait = sfn.Wait.jsonata(scope, "Wait for the application", time=pause, assign=more)
    is_changing = sfn.Choice.jsonata(scope, "Is the application changing?")
    is_changing.when(sfn.Condition.jsonata(_expression(_IS_CHANGING)), wait.next(run)).otherwise(failed)
    run.add_catch(is_changing, errors=["States.TaskFailed"])
    skipped = sfn.Pass.jsonata(scope, "Skipped", outputs={"skipped": "an earlier occurrence still runs"})
    look = sfn.CustomState(
        scope,
        "Look for an earlier occurrence",
        state_json={
            "Type": "Task",
            "QueryLanguage": "JSONata",
            "Resource": f"arn:{stack_of(scope).partition}:states:::aws-sdk:sfn:listExecutions",
            "Arguments": {
                "StateMachineArn": _expression("$states.context.StateMachine.Id"),
                "StatusFilter": "RUNNING",
                "MaxResults": 1000,
            },
            "Assign": {"isLater": _expression(_OLDER)},
            "Output": _expression("$states.input"),
            "Retry": [
                {"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 2, "MaxAttempts": 8, "JitterStrategy": "FULL"}
            ],
        },
    )
    is_later = sfn.Choice.jsonata(scope, "Is there one?")
    look.next(is_later.when(sfn.Condition.jsonata(_expression("$isLater")), skipped).otherwise(run))
    may_be_later = sfn.Choice.jsonata(scope, "One at a time?")
    may_be_later.when(sfn.Condition.jsonata(_expression("$schedule != ''")), look).otherwise(run)
    return _prepare(scope, job).next(may_be_later)


def _prepare(scope: Construct, job: IJob) -> sfn.Pass:
    own = text_at_synth(lambda: _own_arguments(job))
    given = f"($event := $states.input.event; [$map($states.input.arguments, {_ARGUMENT})])"
    # Without an event there is no id, and nothing is added.
    of_it = "$states.input.cause & ' ' & $states.input.event.id"
    return sfn.Pass.jsonata(
        scope,
        "Prepare",
        assign={
            ARGUMENTS: _expression(f"$exists($states.input.arguments) ? {given} : {own}"),
            CAUSE: _expression(f"$exists($states.input.cause) ? {of_it} : $states.context.Execution.Id"),
            SCHEDULE: _expression("$exists($states.input.schedule) ? $states.input.schedule : ''"),
            _WAITS: 0,
        },
    )


def _own_arguments(job: IJob) -> str:
    """The job's own arguments in JSONata, as they are when it is asked: overrides may be added until then."""
    submit = job.definition.request["jobDriver"].get("sparkSubmit", {})
    return json.dumps(list(submit.get("entryPointArguments", ())), ensure_ascii=False)


def _expression(text: str) -> str:
    return f"{{% {' '.join(text.split())} %}}"


def execution_input(
    *, arguments: Sequence[str | Mapping[str, Any]] | None, cause: str, schedule: str | None = None
) -> dict[str, Any]:
    """What an execution is started with.

    Args:
        arguments: Texts, or what is taken from an event; None for the job's own.
        cause: What is the same for all executions that are to be one run.
        schedule: The name of the schedule if one execution of it at a time is to run a job.
    """
    members = {ARGUMENTS: None if arguments is None else list(arguments), CAUSE: cause, SCHEDULE: schedule}
    return {name: value for name, value in members.items() if value is not None}
