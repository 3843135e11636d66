"""A PySpark job that runs on deploy, with its logs in S3 beside CloudWatch Logs."""

from typing import Any

from aws_cdk import App, CfnOutput, RemovalPolicy, Size, Stack
from aws_cdk import aws_s3 as s3
from constructs import Construct

from constructs_emrs import Application, Code, JobRun, Monitoring, ReleaseLabel, S3Logs, SparkJob, WorkerResources


class Batch(Stack):
    """A bucket, and a job that writes a table to it."""

    def __init__(self, scope: Construct, construct_id: str, **kwargs: Any) -> None:
        super().__init__(scope, construct_id, **kwargs)
        data = s3.Bucket(self, "Data", auto_delete_objects=True, removal_policy=RemovalPolicy.DESTROY)
        spark = Application(self, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
        # --8<-- [start:job]
        etl = SparkJob(
            self,
            "Etl",
            application=spark,
            entry_point=Code.from_asset("etl.py"),
            arguments=["--output", data.s3_url_for_object("squares")],
            conf={"spark.sql.shuffle.partitions": "8"},
            driver=WorkerResources(cpu=2, memory=Size.gibibytes(8)),
            executor=WorkerResources(cpu=4, memory=Size.gibibytes(16), disk=Size.gibibytes(40)),
            monitoring=Monitoring(s3_logs=S3Logs(bucket=data, prefix="logs")),
        )
        data.grant_read_write(etl)
        JobRun(self, "EtlOnDeploy", job=etl)
        # --8<-- [end:job]
        CfnOutput(self, "Bucket", value=data.bucket_name)


app = App()
Batch(app, "Batch")
app.synth()
