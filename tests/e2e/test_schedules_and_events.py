"""What the CDK's own constructs make of schedules, rules and buckets works on the local AWS."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, CfnOutput, Duration, Stack, TimeZone
from aws_cdk import aws_emrserverless as emrserverless
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as event_targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as schedule_targets
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn

from emrs_local import LocalAws
from tests.e2e.deployment import DeployedStack
from tests.e2e.waiting import received
from tests.local.emr_serverless_support import wait_until

NAME = "SchedulesAndEvents"
KEY = 'in/a "b" \\ c 😀.csv'
NIGHT = datetime.datetime(2026, 7, 1, 2, 0)
SCRIPT = "import sys\nprint(sys.argv[1:])\n"


class SchedulesAndEvents(Stack):
    """A schedule of each kind, and rules on a bucket's objects and on job runs."""

    def __init__(self, app: App, script: str) -> None:
        super().__init__(app, NAME)
        application = emrserverless.CfnApplication(self, "Application", release_label="emr-7.9.0", type="Spark")
        role = iam.Role(self, "JobRole", assumed_by=iam.ServicePrincipal("emr-serverless.amazonaws.com"))
        machine = sfn.StateMachine(
            self, "Machine", definition_body=sfn.DefinitionBody.from_chainable(sfn.Pass(self, "Pass"))
        )
        bucket = s3.Bucket(self, "Bucket", event_bridge_enabled=True)
        events.Rule(
            self,
            "OnObject",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={"bucket": {"name": [bucket.bucket_name]}},
            ),
            targets=[event_targets.SfnStateMachine(machine)],
        )
        queue, letters = sqs.Queue(self, "Queue"), sqs.Queue(self, "Letters")
        topic = sns.Topic(self, "Topic")
        topic.add_subscription(subscriptions.SqsSubscription(queue, raw_message_delivery=True))
        events.Rule(
            self,
            "OnSuccess",
            event_pattern=events.EventPattern(
                source=["aws.emr-serverless"],
                detail={"applicationId": [application.attr_application_id], "state": ["SUCCESS"]},
            ),
            targets=[
                event_targets.SqsQueue(queue, message=events.RuleTargetInput.from_event_path("$.detail.jobRunId")),
                event_targets.SnsTopic(topic, message=events.RuleTargetInput.from_event_path("$.detail.state")),
            ],
        )
        # By the clock it is due in no night in which this is tested.
        nightly = scheduler.ScheduleExpression.cron(hour="2", minute="0", year="2199", time_zone=TimeZone.EUROPE_BERLIN)
        group = scheduler.ScheduleGroup(self, "Group")
        scheduler.Schedule(
            self,
            "ByMachine",
            schedule=nightly,
            schedule_group=group,
            time_window=scheduler.TimeWindow.flexible(Duration.minutes(15)),
            target=schedule_targets.StepFunctionsStartExecution(
                machine,
                input=scheduler.ScheduleTargetInput.from_object(
                    {"time": scheduler.ContextAttribute.scheduled_time, "schedule": "nightly"}
                ),
            ),
        )
        request = {
            "ApplicationId": application.attr_application_id,
            "ClientToken": scheduler.ContextAttribute.execution_id,
            "ExecutionRoleArn": role.role_arn,
            "JobDriver": {
                "SparkSubmit": {
                    "EntryPoint": script,
                    "EntryPointArguments": [scheduler.ContextAttribute.scheduled_time],
                }
            },
        }
        for name, passes in (("ByItself", True), ("Refused", False)):
            passing = iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[role.role_arn],
                conditions={"StringEquals": {"iam:PassedToService": "emr-serverless.amazonaws.com"}},
            )
            starting = iam.PolicyStatement(actions=["emr-serverless:StartJobRun"], resources=[application.attr_arn])
            # The CDK gives all schedules of one target one role, unless they bring their own.
            own_role = iam.Role(self, f"{name}Role", assumed_by=iam.ServicePrincipal("scheduler.amazonaws.com"))
            scheduler.Schedule(
                self,
                name,
                schedule=nightly,
                target=schedule_targets.Universal(
                    service="emrserverless",
                    action="startJobRun",
                    input=scheduler.ScheduleTargetInput.from_object(request),
                    policy_statements=[starting, *([passing] if passes else [])],
                    role=own_role,
                    dead_letter_queue=letters,
                    retry_attempts=3,
                    max_event_age=Duration.minutes(5),
                ),
            )
        CfnOutput(self, "BucketName", value=bucket.bucket_name)
        CfnOutput(self, "ApplicationId", value=application.attr_application_id)
        CfnOutput(self, "MachineArn", value=machine.state_machine_arn)
        CfnOutput(self, "QueueUrl", value=queue.queue_url)
        CfnOutput(self, "LettersUrl", value=letters.queue_url)


@pytest.fixture(scope="module")
def stack(with_python_drivers: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> DeployedStack:
    folder: Path = tmp_path_factory.mktemp("schedules")
    (folder / "job.py").write_text(SCRIPT)
    # Not with `synthesise`: nothing in it is ours, and what it holds statements against knows only what ours has.
    app = App(outdir=str(folder / "out"))
    SchedulesAndEvents(app, f"local://{folder / 'job.py'}")
    app.synth()
    deployed = DeployedStack(with_python_drivers, NAME)
    outcome = deployed.deploy(folder / "out")
    assert outcome.succeeded, outcome
    return deployed


def executions(stack: DeployedStack, text: str) -> list[dict[str, Any]]:
    """The inputs of the executions with a text in their input, once there is one."""
    client, machine = stack.local_aws.client("stepfunctions"), stack.outputs()["MachineArn"]

    def found() -> list[dict[str, Any]]:
        there = client.list_executions(stateMachineArn=machine)["executions"]
        inputs = [client.describe_execution(executionArn=one["executionArn"])["input"] for one in there]
        return [json.loads(one) for one in inputs if text in one]

    return wait_until(found)


def messages(stack: DeployedStack, output: str, *, count: int = 1) -> list[dict[str, Any]]:
    """The messages of the queue that is an output, once there are so many."""
    return received(stack.local_aws.client("sqs"), stack.outputs()[output], count=count)


def test_an_object_starts_an_execution_with_its_exact_key(stack: DeployedStack) -> None:
    bucket = stack.outputs()["BucketName"]
    stack.local_aws.client("s3").put_object(Bucket=bucket, Key=KEY, Body=b"x")
    (event,) = executions(stack, "aws.s3")
    assert (event["detail"]["bucket"]["name"], event["detail"]["object"]["key"]) == (bucket, KEY)


def test_a_schedule_starts_an_execution(with_python_drivers: LocalAws, stack: DeployedStack) -> None:
    fired = with_python_drivers.fire_schedule("ByMachine", at=NIGHT)
    assert fired.error == ""
    assert executions(stack, "nightly") == [{"time": "2026-07-01T00:00:00Z", "schedule": "nightly"}]


def test_a_schedule_starts_a_job_run_whose_end_is_told(with_python_drivers: LocalAws, stack: DeployedStack) -> None:
    fired = with_python_drivers.fire_schedule("ByItself", at=NIGHT)
    assert fired.error == ""
    bodies = {json.loads(message["Body"]) for message in messages(stack, "QueueUrl", count=2)}
    assert bodies == {fired.answer["jobRunId"], "SUCCESS"}
    run = stack.local_aws.client("emr-serverless").get_job_run(
        applicationId=stack.outputs()["ApplicationId"], jobRunId=fired.answer["jobRunId"]
    )["jobRun"]
    assert run["jobDriver"]["sparkSubmit"]["entryPointArguments"] == ["2026-07-01T00:00:00Z"]


def test_what_the_role_may_not_is_in_the_dead_letter_queue(with_python_drivers: LocalAws, stack: DeployedStack) -> None:
    fired = with_python_drivers.fire_schedule("Refused", at=NIGHT)
    assert "iam:PassRole" in fired.error
    (letter,) = messages(stack, "LettersUrl")
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "AccessDeniedException"
    assert letter["MessageAttributes"]["SCHEDULE_ARN"]["StringValue"] == fired.schedule_arn


def test_nothing_is_left(stack: DeployedStack) -> None:
    emr, application = stack.local_aws.client("emr-serverless"), stack.outputs()["ApplicationId"]
    emr.stop_application(applicationId=application)
    wait_until(lambda: emr.get_application(applicationId=application)["application"]["state"] in ("CREATED", "STOPPED"))
    assert stack.destroy().succeeded
    assert stack.local_aws.client("scheduler").list_schedules()["Schedules"] == []
