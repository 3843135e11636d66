"""A stack with one job run, or many, whose every circumstance is set by the test that deploys it."""

from typing import Any
from unittest import mock

from aws_cdk import App, CfnOutput, CustomResource, Duration, RemovalPolicy, Size, Stack, Tags
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs

from constructs_emrs import (
    Application,
    CloudWatchLogs,
    Code,
    JobMode,
    JobRun,
    JobRunState,
    MaximumCapacity,
    Monitoring,
    ReleaseLabel,
    SparkJob,
)

SETTINGS: dict[str, Any] = {
    "stream": False,
    "arguments": [],
    "wait_for": "",
    "wait_seconds": 0,
    "seconds_of_one_resource": 0,
    "maximum_cpu": 0,
    "cost_allocation": None,
    "release_label": "emr-7.14.0",
    "tags": {},
    "stack_tags": {},
    "retain": False,
    "job_runs": 1,
    "share_role": False,
    "other_fails": "",
    "other_waits_for": "",
    "other_is_last": False,
    "tells": False,
}

# Answers CloudFormation as it is told; before it fails, it waits for a file.
OTHER = """
import json, os, time, urllib.request
def handler(event, context):
    properties = event["ResourceProperties"]
    fails = event["RequestType"] != "Delete" and properties["Fails"] == event["RequestType"]
    while fails and properties["WaitsFor"] and not os.path.exists(properties["WaitsFor"]):
        time.sleep(0.1)
    answer = {"Status": "FAILED" if fails else "SUCCESS", "Reason": "the other resource failed"}
    answer |= {"PhysicalResourceId": "other"}
    answer |= {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    body = json.dumps(answer).encode()
    request = urllib.request.Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT")
    urllib.request.urlopen(request)
"""


def build(app: App, stack_name: str, settings: dict[str, Any]) -> None:
    """Fill the app with a stack as the settings want it."""
    with _times(settings):
        _fill(Stack(app, stack_name, tags=settings["stack_tags"]), settings)


def _fill(stack: Stack, settings: dict[str, Any]) -> None:
    maximum_cpu, seconds = settings["maximum_cpu"], settings["wait_seconds"]
    spark = Application(
        stack,
        "Spark",
        release_label=ReleaseLabel.of(settings["release_label"]),
        maximum_capacity=MaximumCapacity(cpu=maximum_cpu, memory=Size.gibibytes(64)) if maximum_cpu else None,
        auto_stop=False,
        job_level_cost_allocation=settings["cost_allocation"],
        removal_policy=RemovalPolicy.RETAIN if settings["retain"] else None,
    )
    for key, value in settings["tags"].items():
        Tags.of(spark).add(key, value)
    role = None
    for number in range(settings["job_runs"]):
        suffix = str(number or "")
        job = SparkJob(
            stack,
            f"Etl{suffix}",
            application=spark,
            entry_point=Code.from_uri(f"local://{settings['script']}"),
            arguments=settings["arguments"],
            mode=JobMode.STREAMING if settings["stream"] else JobMode.BATCH,
            execution_role=role,
            monitoring=Monitoring(cloudwatch_logs=CloudWatchLogs(enabled=not settings["share_role"])),
        )
        if settings["share_role"]:
            role = job.execution_role
        run = JobRun(
            stack,
            f"EtlOnDeploy{suffix}",
            job=job,
            wait_for=JobRunState[settings["wait_for"]] if settings["wait_for"] else None,
            wait_timeout=Duration.seconds(seconds) if seconds else None,
            removal_policy=RemovalPolicy.RETAIN if settings["retain"] else None,
        )
    if settings["tells"]:
        queue, topic = sqs.Queue(stack, "Messages"), sns.Topic(stack, "OnCall")
        topic.add_subscription(subscriptions.SqsSubscription(queue, raw_message_delivery=True))
        run.on_failure("Failed", targets.SnsTopic(topic))
        CfnOutput(stack, "QueueUrl", value=queue.queue_url)
    if settings["other_fails"]:
        other = _other_resource(stack, settings)
        if settings["other_is_last"]:
            other.node.add_dependency(run)


def _times(settings: dict[str, Any]) -> Any:
    """Waits of seconds are long enough, and one resource waits for less than an hour."""
    times: dict[str, Any] = {"_WAIT_SECONDS": range(1, 12 * 3600)}
    if settings["seconds_of_one_resource"]:
        times["_SECONDS_OF_ONE_RESOURCE"] = settings["seconds_of_one_resource"]
    return mock.patch.multiple("constructs_emrs.runs.job_run", **times)


def _other_resource(stack: Stack, settings: dict[str, Any]) -> CustomResource:
    """A resource that fails when it is told to."""
    function = lambda_.Function(
        stack,
        "OtherFunction",
        code=lambda_.Code.from_inline(OTHER),
        handler="index.handler",
        runtime=lambda_.Runtime.PYTHON_3_13,
        timeout=Duration.minutes(15),
    )
    properties = {"Fails": settings["other_fails"], "WaitsFor": settings["other_waits_for"]}
    return CustomResource(stack, "Other", service_token=function.function_arn, properties=properties)
