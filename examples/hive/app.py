"""A Hive query that runs on deploy."""

from typing import Any

from aws_cdk import App, CfnOutput, RemovalPolicy, Stack
from aws_cdk import aws_s3 as s3
from constructs import Construct

from constructs_emrs import Application, ApplicationType, Code, HiveJob, JobRun, ReleaseLabel


class Hive(Stack):
    """A bucket for the warehouse, and a query that fills a table in it."""

    def __init__(self, scope: Construct, construct_id: str, **kwargs: Any) -> None:
        super().__init__(scope, construct_id, **kwargs)
        data = s3.Bucket(self, "Data", auto_delete_objects=True, removal_policy=RemovalPolicy.DESTROY)
        # --8<-- [start:job]
        hive = Application(self, "Hive", application_type=ApplicationType.HIVE, release_label=ReleaseLabel.EMR_7_14_0)
        query = HiveJob(
            self,
            "Colours",
            application=hive,
            init_query=Code.from_asset("tables.sql"),
            query=Code.from_asset("colours.sql"),
            hive_conf={
                "hive.exec.scratchdir": data.s3_url_for_object("scratch"),
                "hive.metastore.warehouse.dir": data.s3_url_for_object("warehouse"),
                "colour": "green",
            },
        )
        data.grant_read_write(query)
        # Hive keeps its tables in the AWS Glue Data Catalog.
        query.grant_catalog("default", tables=["colours"], write=True)
        # --8<-- [end:job]
        run = JobRun(self, "ColoursOnDeploy", job=query)
        CfnOutput(self, "ApplicationId", value=run.application_id)
        CfnOutput(self, "JobRunId", value=run.job_run_id)
        CfnOutput(self, "LogGroupName", value=query.log_group.log_group_name)


app = App()
Hive(app, "Hive")
app.synth()
