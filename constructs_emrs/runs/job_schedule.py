"""When to run a job: by time."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from aws_cdk import Duration, Names
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from ..validation.argument_names import explained
from ..validation.argument_types import checked
from ..validation.cdk_cache import asked_once, child_path, stack_of
from ..validation.problems import Problems
from ..watching.failures import tell_of_executions
from ..workflows.arguments import Source, check_arguments, check_items
from ..workflows.interface import IJob, JobMode
from ..workflows.state_machine import SEPARATOR, execution_input
from ._delivery_rules import check_delivery, check_size
from ._schedule_rules import check_period, check_schedule, check_time_window

_ROLE = "SchedulerRole"
_SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
# https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html: an id of Scheduler stands
# behind it.
_NAME = 60
# The input of an execution, which is escaped once more in what Scheduler is given.
_MOST_BYTES = 262_144


class Overlap(Enum):
    """What happens to an occurrence while an earlier one still runs."""

    SKIP = "SKIP"
    """It is left out."""
    ALLOW = "ALLOW"
    """It runs beside the earlier one."""


@explained
class JobSchedule(Construct):
    """Runs a job by time, with Amazon EventBridge Scheduler and the job's state machine.

    One occurrence is one run, however often Scheduler delivers it: the run's client token is made from the schedule
    and the time.

    Example:
        >>> at_two = ScheduleExpression.cron(minute="0", hour="2", time_zone=TimeZone.EUROPE_PARIS)
        >>> nightly = JobSchedule(stack, "Nightly", job=etl, schedule=at_two,
        ...                       arguments=["--until", JobSchedule.SCHEDULED_TIME])

    Source: https://docs.aws.amazon.com/scheduler/latest/UserGuide/what-is-scheduler.html
    """

    SCHEDULED_TIME = _SCHEDULED_TIME
    """The occurrence's time, such as `2026-03-22T02:00:00Z`, as an argument or a part of one."""

    @checked
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        job: IJob,
        schedule: scheduler.ScheduleExpression,
        arguments: Sequence[str] | None = None,
        overlap: Overlap = Overlap.SKIP,
        enabled: bool = True,
        time_window: Duration | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        retry_attempts: int | None = None,
        max_event_age: Duration | None = None,
        dead_letter_queue: sqs.IQueue | None = None,
        description: str | None = None,
    ) -> None:
        """Create the schedule.

        Args:
            scope: The construct that the schedule is part of.
            construct_id: The id of the schedule in its scope.
            job: What to run.
            schedule: When: a rate, a cron expression with its time zone, or one time.
            arguments: The arguments of a Spark job's entry point, instead of the job's own, in which
                `JobSchedule.SCHEDULED_TIME` stands for the time.
            overlap: What happens while the run of an earlier occurrence of this schedule goes on. Runs that were not
                started by this schedule are not looked at. Default: the occurrence is left out.
            enabled: Whether the schedule is on.
            time_window: How late an occurrence may be so that not all begin at once, 1 minute to a day. Default: none.
            start: When the schedule begins, a time with a time zone. Default: at once.
            end: When it ends. Default: never.
            retry_attempts: How often Scheduler tries to start an execution, 0 to 185; a job that fails is not tried
                again for it, that is the job's `retry_policy`. Default: 185.
            max_event_age: For how long it tries, 1 minute to a day. Default: a day.
            dead_letter_queue: A queue for what could not be started. Default: none.
            description: A description, of up to 512 characters. Default: none.

        Raises:
            ValueError: Arguments are not valid; the text lists all that is wrong.
        """
        super().__init__(scope, construct_id)
        problems = Problems(child_path(scope, construct_id))
        check_arguments(problems, job.definition.request, arguments, source=Source.OCCURRENCE)
        check_items(problems, arguments)
        if overlap is Overlap.SKIP and job.mode is JobMode.STREAMING:
            remedy = "use JobRun, which starts a stream on deploy and keeps it, or Overlap.ALLOW"
            problems.add("overlap", overlap, "a stream does not end, so that no occurrence but the first runs", remedy)
        check_schedule(problems, schedule)
        check_time_window(problems, time_window)
        check_period(problems, start, end)
        check_delivery(
            problems,
            retry_attempts=retry_attempts,
            max_event_age=max_event_age,
            queue=dead_letter_queue,
            description=description,
        )
        name = Names.unique_resource_name(self, max_length=_NAME, separator="-")
        self._job, self._prefix = job, f"{name}{SEPARATOR}"
        sent = execution_input(
            arguments=arguments,
            cause=f"{name} {_SCHEDULED_TIME}",
            schedule=name if overlap is Overlap.SKIP else None,
        )
        check_size(problems, arguments, json.dumps(sent), most=_MOST_BYTES, who="Scheduler")
        problems.raise_if_any()
        starter = _starter_of(job.state_machine)
        self._schedule = scheduler.Schedule(
            self,
            "Resource",
            schedule=schedule,
            enabled=enabled,
            description=description,
            start=start,
            end=end,
            time_window=None if time_window is None else scheduler.TimeWindow.flexible(time_window),
            # Only so has an execution a name by which those of one schedule are known.
            target=targets.Universal(
                service="sfn",
                action="startExecution",
                role=starter.role,
                policy_statements=[starter.may_start],
                input=scheduler.ScheduleTargetInput.from_object(
                    {
                        "StateMachineArn": starter.state_machine_arn,
                        "Name": f"{self._prefix}<aws.scheduler.execution-id>",
                        "Input": stack_of(self).to_json_string(sent),
                    }
                ),
                retry_attempts=retry_attempts,
                max_event_age=max_event_age,
                dead_letter_queue=dead_letter_queue,
            ),
        )

    @property
    def schedule(self) -> scheduler.ISchedule:
        """The schedule in EventBridge Scheduler."""
        return self._schedule

    @checked
    def on_failure(
        self, construct_id: str, target: events.IRuleTarget, *, description: str | None = None
    ) -> events.Rule:
        """Tell of an occurrence whose run failed, was cancelled, or could not be started by the state machine.

        The message has the job's name, the execution, its error and cause, which has the run's id and state details,
        and a command that shows more. What Scheduler could not start is in the `dead_letter_queue`.

        Args:
            construct_id: The id of the rule.
            target: What is told, such as `targets.SnsTopic(topic)`; if it has a message of its own, that.
            description: A description of the rule. Default: what it is a rule on.

        Source: https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
        """
        # All executions of the schedule have its name, and those of others have not.
        which = {"name": [{"prefix": self._prefix}]}
        return tell_of_executions(
            self, construct_id, job=self._job, which=which, target=target, description=description
        )


@dataclass(frozen=True, kw_only=True)
class _Starter:
    """What all schedules of a job start it with."""

    state_machine_arn: str
    role: iam.IRole
    may_start: iam.PolicyStatement


@asked_once
def _starter_of(state_machine: sfn.StateMachine) -> _Starter:
    """The role that Scheduler starts a job's executions with, and what it needs.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
    """
    arn, stack = state_machine.state_machine_arn, stack_of(state_machine)
    group = stack.format_arn(service="scheduler", resource="schedule-group", resource_name="default")
    conditions = {"StringEquals": {"aws:SourceAccount": stack.account, "aws:SourceArn": group}}
    principal = iam.ServicePrincipal("scheduler.amazonaws.com", conditions=conditions)
    return _Starter(
        state_machine_arn=arn,
        role=iam.Role(state_machine, _ROLE, assumed_by=principal),
        may_start=iam.PolicyStatement(actions=["states:StartExecution"], resources=[arn]),
    )
