"""Every way to start a job but on deploy: its state machine, schedules and triggers."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, CfnParameter, Duration, Stack, Tags, TimeZone
from aws_cdk import aws_events as events
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn

from constructs_emrs import (
    Application,
    Code,
    EmrServerlessStartJobRun,
    JobMode,
    JobRun,
    JobSchedule,
    JobTrigger,
    JsonValue,
    Overlap,
    ReleaseLabel,
    SparkJob,
)
from tests.templates import new_stack, only, resources
from tests.unit.conftest import Lake

Json = dict[str, Any]


def scheduled(text: str, zone: str | None = None) -> scheduler.ScheduleExpression:
    return scheduler.ScheduleExpression.expression(text, None if zone is None else TimeZone.of(zone))


AT_TWO = scheduler.ScheduleExpression.cron(minute="0", hour="2", time_zone=TimeZone.EUROPE_PARIS)
OBJECTS = events.EventPattern(source=["aws.s3"], detail_type=["Object Created"])


def joined(value: Any) -> str:
    """A text with references in it as their JSON."""
    if isinstance(value, str):
        return value
    return "".join(
        part if isinstance(part, str) else json.dumps(part).replace('"', "'") for part in value["Fn::Join"][1]
    )


def sent_by(stack: Stack) -> Json:
    """What the schedule starts executions with."""
    target = only(stack, "AWS::Scheduler::Schedule")["Target"]
    request: Json = json.loads(joined(target["Input"]))
    return {**request, "Input": json.loads(request["Input"])}


def definition_of(machine: sfn.StateMachine) -> Json:
    """The states of the machine."""
    stack = Stack.of(machine)
    (found,) = [
        item
        for name, item in resources(stack, "AWS::StepFunctions::StateMachine").items()
        if name.startswith("EtlStateMachine")
    ]
    return dict(json.loads(joined(found["Properties"]["DefinitionString"]))["States"])


def actions_of(stack: Stack, role: str) -> set[str]:
    return {
        action
        for name, policy in resources(stack, "AWS::IAM::Policy").items()
        if name.startswith(role)
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }


def test_a_job_has_one_state_machine(lake: Lake) -> None:
    JobSchedule(lake.stack, "Nightly", job=lake.job, schedule=AT_TWO)
    JobTrigger(lake.stack, "OnObject", job=lake.job, event_pattern=OBJECTS)
    assert lake.job.state_machine is lake.job.state_machine
    machines = resources(lake.stack, "AWS::StepFunctions::StateMachine")
    assert len([name for name in machines if name.startswith("EtlStateMachine")]) == 1


def test_what_a_schedule_sends(lake: Lake) -> None:
    arguments = ["--until", f"{JobSchedule.SCHEDULED_TIME}/", 'it\'s "x" \\']
    JobSchedule(lake.stack, "Nightly", job=lake.job, schedule=AT_TWO, arguments=arguments)
    found = only(lake.stack, "AWS::Scheduler::Schedule")
    assert (found["ScheduleExpression"], found["ScheduleExpressionTimezone"]) == ("cron(0 2 * * ? *)", "Europe/Paris")
    sent = sent_by(lake.stack)
    name, _, of_the_attempt = sent["Name"].partition("_")
    assert of_the_attempt == "<aws.scheduler.execution-id>"
    assert sent["Input"] == {
        "arguments": ["--until", "<aws.scheduler.scheduled-time>/", 'it\'s "x" \\'],
        "cause": f"{name} <aws.scheduler.scheduled-time>",
        "schedule": name,
    }


def test_occurrences_may_overlap(lake: Lake) -> None:
    JobSchedule(lake.stack, "Nightly", job=lake.job, schedule=AT_TWO, overlap=Overlap.ALLOW)
    assert sent_by(lake.stack)["Input"].keys() == {"cause"}


def test_the_scheduler_may_start_the_job_s_executions_only_and_is_trusted_for_its_group(lake: Lake) -> None:
    JobSchedule(lake.stack, "Nightly", job=lake.job, schedule=AT_TWO)
    assert actions_of(lake.stack, "EtlStateMachineSchedulerRole") == {"states:StartExecution"}
    (role,) = [item for name, item in resources(lake.stack, "AWS::IAM::Role").items() if "SchedulerRole" in name]
    (statement,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Condition"]["StringEquals"].keys() == {"aws:SourceAccount", "aws:SourceArn"}
    assert "schedule-group/default" in json.dumps(statement["Condition"])


def test_a_further_schedule_and_trigger_are_a_resource_each(script: Path) -> None:
    def count(*, schedules: int, triggers: int) -> int:
        stack = new_stack()
        application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
        job = SparkJob(stack, "Etl", application=application, entry_point=script)
        for number in range(schedules):
            JobSchedule(stack, f"Schedule{number}", job=job, schedule=AT_TWO)
        for number in range(triggers):
            JobTrigger(stack, f"Trigger{number}", job=job, event_pattern=OBJECTS)
        return len(resources(stack))

    none = count(schedules=0, triggers=0)
    # The state machine, its role and two policies; the role that starts it, and its policy; and what is asked for.
    assert count(schedules=1, triggers=0) == none + 7
    assert count(schedules=2, triggers=0) == none + 8
    assert count(schedules=1, triggers=1) == none + 10
    assert count(schedules=1, triggers=2) == none + 11


def test_what_a_trigger_sends(lake: Lake) -> None:
    key = events.EventField.from_path("$.detail.object.key")
    JobTrigger(lake.stack, "OnObject", job=lake.job, event_pattern=OBJECTS, arguments=["--in", f"s3://data/{key}"])
    (target,) = only(lake.stack, "AWS::Events::Rule")["Targets"]
    transformer = target["InputTransformer"]
    (variable,) = transformer["InputPathsMap"]
    assert transformer["InputPathsMap"] == {variable: "$"}
    sent = json.loads(joined(transformer["InputTemplate"]).replace(f"<{variable}>", '"the event"'))
    assert sent["arguments"] == ["--in", {"parts": [{"text": "s3://data/"}, {"path": "detail.object.key"}]}]
    assert sent["event"] == "the event"


def test_what_eventbridge_may_do(lake: Lake) -> None:
    JobTrigger(lake.stack, "OnObject", job=lake.job, event_pattern=OBJECTS)
    assert actions_of(lake.stack, "EtlStateMachineEventsRole") == {"states:StartExecution"}


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"retry_attempts": 186}, "retry_attempts=186: it is out of range; use 0 to 185"),
        ({"max_event_age": Duration.seconds(59)}, "max_event_age=<Duration 59 seconds>: it is out of range"),
        ({"time_window": Duration.days(2)}, "time_window=<Duration 2 days>: it is out of range"),
        (
            {"start": datetime.now(UTC), "end": datetime.now(UTC) - timedelta(days=1)},
            "use a later time",
        ),
        ({"arguments": ["x"] * 1025}, "arguments="),
        ({"arguments": ["x" * 9_000] * 30}, "bytes are sent, and Scheduler takes 262,144; put them into a file"),
        ({"description": "x" * 513}, "it has 513 characters; use 0 to 512"),
        ({"time_window": Duration.seconds(90)}, "time_window=<Duration 1 minute 30 seconds>: it is out of range"),
        ({"max_event_age": Duration.millis(60_500)}, "use 1 minute to a day, in whole seconds"),
        (
            {"start": datetime(2026, 1, 1)},
            "start=datetime.datetime(2026, 1, 1, 0, 0): it has no time zone; give it one",
        ),
        ({"end": datetime(2026, 1, 1)}, "end=datetime.datetime(2026, 1, 1, 0, 0): it has no time zone"),
        (
            {"schedule": scheduled("rate(0 minutes)")},
            "schedule='rate(0 minutes)': Scheduler does not know such an expre",
        ),
        (
            {"schedule": scheduled("0 2 * * ? *")},
            "use ScheduleExpression.cron(…), .rate(…) or .at(…), or a text such as",
        ),
        (
            {"schedule": scheduled("cron(0 2 * * *)")},
            "it has 5 fields, and Scheduler takes six: minutes, hours, day of",
        ),
        ({"schedule": scheduled("cron(0 24 * * ? *)")}, "24 is no hours that Scheduler knows"),
        ({"schedule": scheduled("cron(0 2 * * * *)")}, "one of day of month and day of week has to be ?, and one not"),
        ({"schedule": scheduled("at(2026-13-01T00:00:00)")}, "2026-13-01T00:00:00 is not a time such as 2026-03-22T02"),
        ({"schedule": scheduled("at(2026-01-01)")}, "2026-01-01 is not a time such as 2026-03-22T02:00:00"),
        ({"schedule": scheduled(f"cron({' ' * 256}0 2 * * ? *)")}, "characters, and Scheduler takes 256"),
        (
            {"schedule": scheduled("cron(0 2 * * ? *)", "Central European Time")},
            "schedule.time_zone='Central European Time': it is no name of a time zone; use one such as TimeZone.EUROPE",
        ),
        ({"cron": "0 2 * * *"}, "cron='0 2 * * *': JobSchedule has no such argument"),
        ({"schedule": "rate(1 day)"}, "schedule='rate(1 day)': "),
    ],
)
def test_mistakes_of_a_schedule_are_told_at_synth(lake: Lake, options: Json, line: str) -> None:
    with pytest.raises(ValueError, match="Lake/Nightly: ") as raised:
        JobSchedule(lake.stack, "Nightly", job=lake.job, **{"schedule": AT_TWO, **options})
    assert line in str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        "rate(1 minute)",
        "rate(5 hours)",
        "at(2026-03-22T02:00:00)",
        "cron(0/15 8-17 ? * MON-FRI *)",
        "cron(0 2 L * ? *)",
        "cron(0 2 LW JAN,jul ? 2026-2030)",
        "cron(0 2 15W * ? 2026/2)",
        "cron(15,45 */6 ? * 6L *)",
        "cron(0 0 ? * TUE#2 *)",
        "cron(0 0 1,15 1-6/2 ? *)",
    ],
)
def test_what_scheduler_takes_passes(lake: Lake, text: str) -> None:
    JobSchedule(lake.stack, "Nightly", job=lake.job, schedule=scheduled(text))
    assert only(lake.stack, "AWS::Scheduler::Schedule")["ScheduleExpression"] == text


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"retry_attempts": -1}, "retry_attempts=-1: it is out of range; use 0 to 185"),
        ({"max_event_age": Duration.days(2)}, "max_event_age=<Duration 2 days>: it is out of range; use 1 minute to a"),
        ({"description": "x" * 513}, "it has 513 characters; use 0 to 512"),
        (
            {"arguments": ["x" * 9_000]},
            "bytes are sent, and a rule takes 8,192; put them into a file, and give the job",
        ),
    ],
)
def test_mistakes_of_a_trigger_are_told_at_synth(lake: Lake, options: Json, line: str) -> None:
    with pytest.raises(ValueError, match="Lake/OnObject: ") as raised:
        JobTrigger(lake.stack, "OnObject", job=lake.job, event_pattern=OBJECTS, **options)
    assert line in str(raised.value)


EVENT_S, STATE_S = events.EventField.event_id, sfn.JsonPath.string_at("$.key")


@pytest.mark.parametrize(
    ("start", "argument", "line"),
    [
        (JobSchedule, EVENT_S, "the field of an event is known to a JobTrigger only; use one, or a text"),
        (JobSchedule, f"--{STATE_S}", "a JsonPath is known to a state only; use EmrServerlessStartJobRun, or a text"),
        (JobTrigger, STATE_S, "a JsonPath is known to a state only; use EmrServerlessStartJobRun, or a text"),
        (
            JobTrigger,
            f"--{JobSchedule.SCHEDULED_TIME}",
            "the time of an occurrence is known to a JobSchedule only; use",
        ),
        (EmrServerlessStartJobRun, EVENT_S, "the field of an event is known to a JobTrigger only; use one, or a text"),
        (
            EmrServerlessStartJobRun,
            JobSchedule.SCHEDULED_TIME,
            "the time of an occurrence is known to a JobSchedule on",
        ),
        (
            JobRun,
            JobSchedule.SCHEDULED_TIME,
            "the time of an occurrence is known to a JobSchedule only; use one; an ev",
        ),
    ],
    # The numbers of tokens differ between processes.
    ids=range(7),
)
def test_arguments_are_taken_from_what_is_known(lake: Lake, start: Any, argument: str, line: str) -> None:
    needs: dict[Any, Json] = {JobSchedule: {"schedule": AT_TWO}, JobTrigger: {"event_pattern": OBJECTS}}
    with pytest.raises(ValueError, match=r"Lake/Started: arguments\[0\]=") as raised:
        start(lake.stack, "Started", job=lake.job, arguments=[argument], **needs.get(start, {}))
    assert line in str(raised.value)


@pytest.mark.parametrize(
    ("start", "needed"), [(JobSchedule, {"schedule": AT_TWO}), (JobTrigger, {"event_pattern": OBJECTS})]
)
def test_what_neither_a_schedule_nor_a_trigger_takes(lake: Lake, start: Any, needed: Json) -> None:
    parameter = CfnParameter(lake.stack, "List", type="CommaDelimitedList")
    number = CfnParameter(lake.stack, "Number", type="Number").value_as_number
    with pytest.raises(ValueError, match="Lake/Started: ") as raised:
        start(
            lake.stack,
            "Started",
            job=lake.job,
            arguments=parameter.value_as_list,
            retry_attempts=number,
            dead_letter_queue=sqs.Queue(lake.stack, "Queue", fifo=True),
            **needed,
        )
    lines = [line.partition(": ")[2].partition("=")[0] for line in str(raised.value).splitlines()]
    assert lines == ["arguments", "retry_attempts", "dead_letter_queue"]


def test_what_is_changed_later_is_what_the_state_machine_runs(lake: Lake) -> None:
    machine = lake.job.state_machine
    arguments: list[JsonValue] = ['it\'s "q" 😀', lake.stack.region]
    lake.job.add_override("jobDriver.sparkSubmit.entryPointArguments", arguments)
    lake.job.add_override("retryPolicy", {"maxAttempts": 3})
    Tags.of(lake.job).add("team", "data")
    definition = definition_of(machine)
    assert definition["Prepare"]["Assign"]["arguments"].endswith(
        """ : ["it's \\"q\\" 😀", "{'Ref': 'AWS::Region'}"] %}"""
    )
    assert definition["Run"]["Arguments"]["RetryPolicy"] == {"MaxAttempts": 3}
    assert definition["Run"]["Arguments"]["Tags"] == {"team": "data"}


def test_the_state_machine_is_of_its_partition(lake: Lake) -> None:
    resources_of_tasks = [
        state["Resource"] for state in definition_of(lake.job.state_machine).values() if "Resource" in state
    ]
    assert resources_of_tasks
    assert all(resource.startswith("arn:{'Ref': 'AWS::Partition'}:states:::") for resource in resources_of_tasks)


def test_a_stream_is_not_skipped(lake: Lake) -> None:
    stream = SparkJob(
        lake.stack,
        "Stream",
        application=lake.application,
        entry_point=Code.from_uri("s3://b/e.py"),
        mode=JobMode.STREAMING,
    )
    with pytest.raises(ValueError, match=r"overlap=Overlap.SKIP: a stream does not end"):
        JobSchedule(lake.stack, "Nightly", job=stream, schedule=AT_TWO)


def test_an_argument_names_a_field_of_the_event(lake: Lake) -> None:
    field = events.EventField.from_path("$.detail.items[0]")
    with pytest.raises(ValueError, match=r"arguments\[0\]=.*items\[0\] is not a path of names; name one field"):
        JobTrigger(lake.stack, "OnObject", job=lake.job, event_pattern=OBJECTS, arguments=[field])


def test_a_dead_letter_queue(lake: Lake) -> None:
    queue = sqs.Queue(lake.stack, "Dead")
    JobSchedule(lake.stack, "Nightly", job=lake.job, schedule=AT_TWO, dead_letter_queue=queue, retry_attempts=3)
    target = only(lake.stack, "AWS::Scheduler::Schedule")["Target"]
    assert "Arn" in target["DeadLetterConfig"]
    assert target["RetryPolicy"]["MaximumRetryAttempts"] == 3


def test_a_run_after_another_waits_for_it_and_follows_it(lake: Lake) -> None:
    JobRun(lake.stack, "Report", job=lake.job, after=[lake.run])
    found = resources(lake.stack, "Custom::EMRServerlessJobRun")
    (upstream,) = [name for name in found if name.startswith("EtlOnDeploy")]
    (report,) = [item for name, item in found.items() if name.startswith("Report")]
    triggers = report["Properties"]["Triggers"]
    assert triggers == {"constructs-emrs:after:Lake/EtlOnDeploy": {"Fn::GetAtt": [upstream, "JobRunArn"]}}


def test_a_run_of_another_stack_is_none_to_come_after(lake: Lake) -> None:
    other = Stack(App.of(lake.stack), "Reports")
    with pytest.raises(ValueError, match=r"Reports/Report: after\[0\]=.*it is in stack Lake, .*stack.add_dependency"):
        JobRun(other, "Report", job=lake.job, after=[lake.run])
