"""A streaming job that runs for as long as its stack: a deploy that changes it replaces the run."""

from typing import Any

from aws_cdk import App, CfnOutput, RemovalPolicy, Stack
from aws_cdk import aws_s3 as s3
from constructs import Construct

from constructs_emrs import Application, Code, JobMode, JobRun, ReleaseLabel, RetryPolicy, SparkJob


class Streaming(Stack):
    """A bucket, and a stream that fills it."""

    def __init__(self, scope: Construct, construct_id: str, **kwargs: Any) -> None:
        super().__init__(scope, construct_id, **kwargs)
        data = s3.Bucket(self, "Data", auto_delete_objects=True, removal_policy=RemovalPolicy.DESTROY)
        spark = Application(self, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
        # --8<-- [start:job]
        stream = SparkJob(
            self,
            "Stream",
            application=spark,
            entry_point=Code.from_asset("stream.py"),
            arguments=[data.s3_url_for_object("events"), data.s3_url_for_object("checkpoint")],
            mode=JobMode.STREAMING,
            retry_policy=RetryPolicy.failures_per_hour(5),
        )
        data.grant_read_write(stream)
        # The deploy goes on when the driver runs. A rolled back deploy starts the old stream again.
        run = JobRun(self, "StreamOnDeploy", job=stream)
        # --8<-- [end:job]
        CfnOutput(self, "Bucket", value=data.bucket_name)
        CfnOutput(self, "ApplicationId", value=run.application_id)
        CfnOutput(self, "JobRunId", value=run.job_run_id)


app = App()
Streaming(app, "Streaming")
app.synth()
