"""A stack with one job run, or many, whose every circumstance is set by the test that deploys it."""

import json
import os
from typing import Any

from aws_cdk import App, CustomResource, Duration, RemovalPolicy, Size, Stack, Tags
from aws_cdk import aws_lambda as lambda_

import constructs_emrs.job_run
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

SETTINGS: dict[str, Any] = json.loads(os.environ["LIFE"])

# Answers CloudFormation after so many seconds, as it is told.
OTHER = """
import json, time, urllib.request
def handler(event, context):
    properties = event["ResourceProperties"]
    fails = event["RequestType"] != "Delete" and properties["Fails"] == event["RequestType"]
    if fails:
        time.sleep(float(properties["Seconds"]))
    answer = {"Status": "FAILED" if fails else "SUCCESS", "Reason": "the other resource failed"}
    answer |= {"PhysicalResourceId": "other"}
    answer |= {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    body = json.dumps(answer).encode()
    request = urllib.request.Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT")
    urllib.request.urlopen(request)
"""


def other_resource(stack: Stack) -> CustomResource:
    """A resource that fails when it is told to."""
    function = lambda_.Function(
        stack,
        "OtherFunction",
        code=lambda_.Code.from_inline(OTHER),
        handler="index.handler",
        runtime=lambda_.Runtime.PYTHON_3_13,
        timeout=Duration.minutes(2),
    )
    properties = {"Fails": SETTINGS["other_fails"], "Seconds": SETTINGS["other_seconds"]}
    return CustomResource(stack, "Other", service_token=function.function_arn, properties=properties)


app = App()
stack = Stack(app, SETTINGS["stack"], tags=SETTINGS["stack_tags"])
if SETTINGS["seconds_of_one_resource"]:
    constructs_emrs.job_run._SECONDS_OF_ONE_RESOURCE = SETTINGS["seconds_of_one_resource"]
capacity = MaximumCapacity(cpu=SETTINGS["maximum_cpu"], memory=Size.gibibytes(64)) if SETTINGS["maximum_cpu"] else None
spark = Application(
    stack,
    "Spark",
    release_label=ReleaseLabel.of(SETTINGS["release_label"]),
    maximum_capacity=capacity,
    auto_stop=False,
    removal_policy=RemovalPolicy.RETAIN if SETTINGS["retain"] else None,
)
for key, value in SETTINGS["tags"].items():
    Tags.of(spark).add(key, value)
role = None
for number in range(SETTINGS["job_runs"]):
    suffix = str(number or "")
    job = SparkJob(
        stack,
        f"Etl{suffix}",
        application=spark,
        entry_point=Code.from_uri(f"local://{SETTINGS['script']}"),
        arguments=SETTINGS["arguments"],
        mode=JobMode.STREAMING if SETTINGS["stream"] else JobMode.BATCH,
        execution_role=role,
        monitoring=Monitoring(cloudwatch_logs=CloudWatchLogs(enabled=not SETTINGS["share_role"])),
    )
    if SETTINGS["share_role"]:
        role = job.execution_role
    run = JobRun(
        stack,
        f"EtlOnDeploy{suffix}",
        job=job,
        wait_for=JobRunState[SETTINGS["wait_for"]] if SETTINGS["wait_for"] else None,
        wait_timeout=Duration.seconds(SETTINGS["wait_seconds"]) if SETTINGS["wait_seconds"] else None,
        removal_policy=RemovalPolicy.RETAIN if SETTINGS["retain"] else None,
    )
if SETTINGS["other_fails"]:
    other = other_resource(stack)
    if SETTINGS["other_is_last"]:
        other.node.add_dependency(run)
app.synth()
