"""The stack of the end-to-end tests, steered by environment variables: one job that a test brings."""

import os

from aws_cdk import App, Duration, RemovalPolicy, Stack
from aws_cdk import aws_s3 as s3

from constructs_emrs import Application, Code, JobRun, JobRunState, ReleaseLabel, SparkJob

app = App()
stack = Stack(app, os.environ["LAKE_STACK"])
data = s3.Bucket(stack, "Data", auto_delete_objects=True, removal_policy=RemovalPolicy.DESTROY)
application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
job = SparkJob(
    stack,
    "Etl",
    application=application,
    entry_point=Code.from_asset(os.environ["LAKE_SCRIPT"]),
    arguments=[data.s3_url_for_object("out")],
)
data.grant_read_write(job)
run = JobRun(
    stack,
    "EtlOnDeploy",
    job=job,
    wait_for=JobRunState[os.environ["LAKE_WAIT_FOR"]],
    wait_timeout=Duration.minutes(30),
)
stack.export_value(run.job_run_id, name=f"{stack.stack_name}-JobRunId")
app.synth()
