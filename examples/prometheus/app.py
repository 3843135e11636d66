"""Spark metrics in a workspace of Amazon Managed Service for Prometheus, and an alarm on failed job runs."""

from typing import Any

from aws_cdk import App, Stack
from aws_cdk import aws_aps as aps
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from constructs_emrs import Application, Code, JobRun, Monitoring, Prometheus, ReleaseLabel, SparkJob


class Metrics(Stack):
    """A workspace, and a job whose driver and executors write their metrics to it."""

    def __init__(self, scope: Construct, construct_id: str, **kwargs: Any) -> None:
        super().__init__(scope, construct_id, **kwargs)
        # --8<-- [start:job]
        workspace = aps.CfnWorkspace(self, "Workspace", alias="spark")
        spark = Application(self, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
        etl = SparkJob(
            self,
            "Etl",
            application=spark,
            entry_point=Code.from_asset("etl.py"),
            monitoring=Monitoring(prometheus=Prometheus.from_workspace_arn(workspace.attr_arn)),
        )
        JobRun(self, "EtlOnDeploy", job=etl)
        spark.metric_failed_jobs().create_alarm(
            self,
            "FailedJobs",
            threshold=1,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        # --8<-- [end:job]


app = App()
Metrics(app, "Metrics")
app.synth()
