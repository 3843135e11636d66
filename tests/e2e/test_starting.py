"""Jobs that are run by time, on events, one after the other and by hand: deployed, and fired on the local AWS."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, CfnOutput, RemovalPolicy, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs

from constructs_emrs import (
    Application,
    ApplicationAlarms,
    Code,
    JobRun,
    JobSchedule,
    JobTrigger,
    Overlap,
    ReleaseLabel,
    SparkJob,
)
from emrs_local import LocalAws
from tests.e2e.deployment import DeployedStack, synthesise
from tests.e2e.waiting import received
from tests.local.emr_serverless_support import wait_until

Json = dict[str, Any]

SCRIPT = """
import os, sys, time
if sys.argv[1] == "wait":
    while not os.path.exists(sys.argv[2]):
        time.sleep(0.05)
if sys.argv[1] == "fail":
    raise ValueError("the data is wrong")
"""
# By the clock it is due in no year in which this is tested.
YEARLY = scheduler.ScheduleExpression.expression("cron(0 2 1 1 ? 2199)")
AWKWARD = 'in/it\'s "q" \\ b {1} 😀.csv'


class Started:
    """The deployed stack, and the runs of its job."""

    def __init__(self, aws: LocalAws, outputs: dict[str, str]) -> None:
        self.aws = aws
        self.outputs = outputs
        self.emr = aws.client("emr-serverless")
        self.states = aws.client("stepfunctions")

    def runs(self) -> list[Json]:
        """The runs with their arguments, the oldest first."""
        application = self.outputs["ApplicationId"]
        pages = self.emr.get_paginator("list_job_runs").paginate(applicationId=application)
        ids = [run["id"] for page in pages for run in page["jobRuns"]]
        found = [self.emr.get_job_run(applicationId=application, jobRunId=run)["jobRun"] for run in ids]
        return sorted(found, key=lambda run: run["createdAt"])

    def with_arguments(self, *arguments: str) -> list[Json]:
        return [
            run for run in self.runs() if run["jobDriver"]["sparkSubmit"].get("entryPointArguments") == list(arguments)
        ]

    def executions(self, **conditions: str) -> list[Json]:
        machine = self.outputs["Machine"]
        return list(self.states.list_executions(stateMachineArn=machine, **conditions)["executions"])

    def settled(self) -> None:
        wait_until(lambda: not self.executions(statusFilter="RUNNING"))

    def of_schedule(self, schedule: str) -> list[Json]:
        """The executions of the schedule, ended or not, with their outputs."""
        named = [item for item in self.executions() if item["name"].startswith(f"{schedule}_")]
        return [self.states.describe_execution(executionArn=item["executionArn"]) for item in named]


def fire(started: Started, schedule: str, time_of_it: str) -> None:
    fired = started.aws.fire_schedule(schedule, at=datetime.fromisoformat(time_of_it))
    assert fired.error == "", schedule


def build(app: App, script: Path, gate: Path) -> None:
    stack = Stack(app, "Starting")
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    job = SparkJob(
        stack, "Etl", application=application, entry_point=Code.from_uri(f"local://{script}"), arguments=["own"]
    )
    bucket = s3.Bucket(stack, "Data", event_bridge_enabled=True, removal_policy=RemovalPolicy.DESTROY)
    JobSchedule(stack, "Yearly", job=job, schedule=YEARLY, arguments=["by time", JobSchedule.SCHEDULED_TIME])
    JobSchedule(stack, "Long", job=job, schedule=YEARLY, arguments=["wait", str(gate), JobSchedule.SCHEDULED_TIME])
    beside = ["beside", JobSchedule.SCHEDULED_TIME]
    JobSchedule(stack, "Beside", job=job, schedule=YEARLY, arguments=beside, overlap=Overlap.ALLOW)
    key = events.EventField.from_path("$.detail.object.key")
    name = events.EventField.from_path("$.detail.bucket.name")
    pattern = events.EventPattern(
        source=["aws.s3"], detail_type=["Object Created"], detail={"bucket": {"name": [bucket.bucket_name]}}
    )
    JobTrigger(stack, "OnObject", job=job, event_pattern=pattern, arguments=["on object", f"s3://{name}/{key}", key])
    custom = events.EventPattern(source=["tests"])
    JobTrigger(stack, "OnEvent", job=job, event_pattern=custom, arguments=["on event", events.EventField.event_id])
    queue, topic = sqs.Queue(stack, "Messages"), sns.Topic(stack, "OnCall")
    topic.add_subscription(subscriptions.SqsSubscription(queue, raw_message_delivery=True))
    failing = JobSchedule(stack, "Failing", job=job, schedule=YEARLY, arguments=["fail", "by time"])
    failing.on_failure("Failed", targets.SnsTopic(topic))
    group = logs.LogGroup(
        stack, "Failures", log_group_name="/aws/events/failures", removal_policy=RemovalPolicy.DESTROY
    )
    failing.on_failure("Logged", targets.CloudWatchLogGroup(group))
    wrong = events.EventPattern(source=["tests.wrong"])
    on_wrong = JobTrigger(stack, "OnWrong", job=job, event_pattern=wrong, arguments=["fail", "on an event"])
    on_wrong.on_failure("Failed", targets.SnsTopic(topic))
    alarms, alarmed = sns.Topic(stack, "Alarms"), sqs.Queue(stack, "Alarmed")
    alarms.add_subscription(subscriptions.SqsSubscription(alarmed))
    ApplicationAlarms(stack, "OfSpark", application=application, topic=alarms)
    first = JobRun(stack, "First", job=job, arguments=["first"])
    JobRun(stack, "Second", job=job, arguments=["second"], after=[first])
    for output, value in {
        "ApplicationId": application.application_id,
        "Machine": job.state_machine.state_machine_arn,
        "Bucket": bucket.bucket_name,
        "Queue": queue.queue_url,
        "AlarmQueue": alarmed.queue_url,
    }.items():
        CfnOutput(stack, output, value=value)


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("gate")
    return folder / "open"


@pytest.fixture(scope="module")
def started(with_python_drivers: LocalAws, gate: Path) -> Iterator[Started]:
    script = gate.parent / "etl.py"
    script.write_text(SCRIPT)
    assembly = gate.parent / "cdk.out"
    synthesise(lambda app: build(app, script, gate), assembly)
    stack = DeployedStack(with_python_drivers, "Starting")
    outcome = stack.deploy(assembly)
    assert outcome.succeeded, str(outcome)
    yield Started(with_python_drivers, stack.outputs())
    gate.touch()
    assert stack.destroy().succeeded


def schedule_named(started: Started, name: str) -> str:
    found = started.aws.client("scheduler").list_schedules()["Schedules"]
    (only,) = [item["Name"] for item in found if f"-{name}" in item["Name"]]
    return str(only)


def prefix_of(started: Started, name: str) -> str:
    """What the names of the schedule's executions begin with."""
    target = started.aws.client("scheduler").get_schedule(Name=schedule_named(started, name))["Target"]
    return str(json.loads(target["Input"])["Name"].partition("_")[0])


def test_runs_of_a_deploy_follow_each_other(started: Started) -> None:
    (first,), (second,) = started.with_arguments("first"), started.with_arguments("second")
    assert first["endedAt"] <= second["createdAt"]


def test_an_occurrence_is_one_run_however_often_it_is_delivered(started: Started) -> None:
    schedule = schedule_named(started, "Yearly")
    for _ in range(2):
        fire(started, schedule, "2026-03-22T02:00:00Z")
        started.settled()
    (run,) = started.with_arguments("by time", "2026-03-22T02:00:00Z")
    assert run["state"] == "SUCCESS"
    assert [item["status"] for item in started.of_schedule(prefix_of(started, "Yearly"))] == ["SUCCEEDED"] * 2
    fire(started, schedule, "2027-03-22T02:00:00Z")
    started.settled()
    assert len(started.with_arguments("by time", "2027-03-22T02:00:00Z")) == 1


def test_an_occurrence_is_left_out_while_the_one_before_runs(started: Started, gate: Path) -> None:
    schedule, prefix = schedule_named(started, "Long"), prefix_of(started, "Long")
    fire(started, schedule, "2026-01-01T02:00:00Z")
    wait_until(lambda: started.with_arguments("wait", str(gate), "2026-01-01T02:00:00Z"))
    fire(started, schedule, "2027-01-01T02:00:00Z")
    (later,) = wait_until(lambda: [item for item in started.of_schedule(prefix) if item["status"] == "SUCCEEDED"])
    assert json.loads(later["output"]) == {"skipped": "an earlier occurrence still runs"}
    gate.touch()
    started.settled()
    assert started.with_arguments("wait", str(gate), "2027-01-01T02:00:00Z") == []
    (run,) = started.with_arguments("wait", str(gate), "2026-01-01T02:00:00Z")
    assert run["state"] == "SUCCESS"


def test_occurrences_may_run_side_by_side(started: Started) -> None:
    schedule = schedule_named(started, "Beside")
    for year in (2026, 2027):
        fire(started, schedule, f"{year}-01-01T02:00:00Z")
    wait_until(lambda: len(started.of_schedule(prefix_of(started, "Beside"))) == 2)
    started.settled()
    assert [len(started.with_arguments("beside", f"{year}-01-01T02:00:00Z")) for year in (2026, 2027)] == [1, 1]


def test_a_new_object_s_key_arrives_exactly(started: Started) -> None:
    bucket = started.outputs["Bucket"]
    started.aws.client("s3").put_object(Bucket=bucket, Key=AWKWARD, Body=b"x")
    wait_until(lambda: started.with_arguments("on object", f"s3://{bucket}/{AWKWARD}", AWKWARD))
    started.settled()
    started.aws.client("s3").delete_object(Bucket=bucket, Key=AWKWARD)


def test_an_event_is_one_run_however_often_it_is_delivered(started: Started) -> None:
    bus = started.aws.client("events")
    entry = {"Source": "tests", "DetailType": "Test", "Detail": "{}"}
    event = bus.put_events(Entries=[entry])["Entries"][0]["EventId"]
    wait_until(lambda: started.with_arguments("on event", event))
    started.settled()
    (execution,) = [item for item in map(started_input(started), started.executions()) if event in item]
    again = started.states.start_execution(stateMachineArn=started.outputs["Machine"], input=execution)
    wait_until(lambda: described(started, again)["status"] != "RUNNING")
    assert described(started, again)["status"] == "SUCCEEDED"
    assert len(started.with_arguments("on event", event)) == 1


def described(started: Started, execution: Json) -> Json:
    return dict(started.states.describe_execution(executionArn=execution["executionArn"]))


def has_ended(started: Started, execution: Json) -> bool:
    return bool(described(started, execution)["status"] != "RUNNING")


def started_input(started: Started) -> Callable[[Json], str]:
    return lambda execution: str(described(started, execution)["input"])


def test_by_hand_with_other_arguments_and_with_the_job_s_own(started: Started) -> None:
    machine = started.outputs["Machine"]
    states: list[Json] = [{"arguments": ["by hand", 'it\'s "q"']}, {}]
    for state in states:
        execution = started.states.start_execution(stateMachineArn=machine, input=json.dumps(state))
        wait_until(partial(has_ended, started, execution))
    assert len(started.with_arguments("by hand", 'it\'s "q"')) == 1
    assert len(started.with_arguments("own")) == 1


def test_an_execution_fails_with_the_run_s_state_and_details(started: Started) -> None:
    machine, state = started.outputs["Machine"], json.dumps({"arguments": ["fail"]})
    execution = started.states.start_execution(stateMachineArn=machine, input=state)
    wait_until(lambda: described(started, execution)["status"] != "RUNNING")
    failed = described(started, execution)
    assert (failed["status"], failed["error"]) == ("FAILED", "FAILED")
    (run,) = started.with_arguments("fail")
    assert failed["cause"] == f"Job run {run['jobRunId']} is FAILED: {run['stateDetails']}"


def test_a_failed_run_sets_off_the_alarm_of_its_application(started: Started) -> None:
    state = json.dumps({"arguments": ["fail", "alarm"]})
    started.states.start_execution(stateMachineArn=started.outputs["Machine"], input=state)

    def of_failed_runs() -> list[Json]:
        alarms = [json.loads(notice["Message"]) for notice in arrived(started, "AlarmQueue")]
        # That of the account's vCPUs goes off too when the runs of these tests take five minutes.
        return [alarm for alarm in alarms if "FailedRuns" in alarm["AlarmName"]]

    # The failure of the test before may have set it off, and a slow machine may have given the all-clear since.
    alarm, *_ = wait_until(of_failed_runs)
    assert alarm["NewStateValue"] == "ALARM"
    assert f"--application-id {started.outputs['ApplicationId']} --states FAILED" in alarm["AlarmDescription"]
    cloudwatch = started.aws.client("cloudwatch")

    def in_alarm() -> list[str]:
        names = [item["AlarmName"] for item in cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"]]
        return [name for name in names if "FailedRuns" in name]

    assert wait_until(in_alarm) == [alarm["AlarmName"]]


def arrived(started: Started, output: str) -> list[Json]:
    """The messages in the queue that is an output, once there is one."""
    return [json.loads(message["Body"]) for message in received(started.aws.client("sqs"), started.outputs[output])]


@pytest.mark.parametrize(("construct", "how"), [("Failing", "by time"), ("OnWrong", "on an event")])
def test_who_waits_for_no_deploy_is_told_of_a_failure_and_why(started: Started, construct: str, how: str) -> None:
    if construct == "Failing":
        fire(started, schedule_named(started, construct), "2026-03-22T02:00:00Z")
    else:
        entry = {"Source": "tests.wrong", "DetailType": "Test", "Detail": json.dumps({"a": 'it\'s "q" \\'})}
        started.aws.client("events").put_events(Entries=[entry])
    (message,) = arrived(started, "Queue")
    (run,) = started.with_arguments("fail", how)
    execution, region = message.pop("execution"), "us-east-1"
    assert described(started, {"executionArn": execution})["status"] == "FAILED"
    assert message == {
        "job": "Etl",
        "construct": f"Starting/{construct}",
        "state": "FAILED",
        "error": "FAILED",
        "reason": f"Job run {run['jobRunId']} is FAILED: {run['stateDetails']}",
        "console": (
            f"https://{region}.console.aws.amazon.com/states/home?region={region}#/v2/executions/details/{execution}"
        ),
        "command": f"aws stepfunctions describe-execution --region {region} --execution-arn {execution}",
    }
    if construct == "Failing":
        (line,) = logged(started, "/aws/events/failures")
        assert line.startswith("job: Etl, construct: Starting/Failing, ")
        assert execution in line


def logged(started: Started, group: str) -> list[str]:
    """The lines in a log group, one at least."""
    client = started.aws.client("logs")
    return wait_until(lambda: [item["message"] for item in client.filter_log_events(logGroupName=group)["events"]])
