"""A graph of runs on deploy: a migration runs when its script changed, or when it is told to, and a summary follows it.

A check of the table runs on each deploy.

npx cdk deploy -c reload=2026-11-24    # runs the migration again
"""

from typing import Any

from aws_cdk import App, CfnOutput, RemovalPolicy, Stack
from aws_cdk import aws_s3 as s3
from constructs import Construct

from constructs_emrs import Application, Code, JobRun, ReleaseLabel, RunWhen, SparkJob


class Migration(Stack):
    """A bucket with the versions of a table, and the job that makes them."""

    def __init__(self, scope: Construct, construct_id: str, **kwargs: Any) -> None:
        super().__init__(scope, construct_id, **kwargs)
        data = s3.Bucket(self, "Data", auto_delete_objects=True, removal_policy=RemovalPolicy.DESTROY)
        spark = Application(self, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
        # --8<-- [start:runs]
        table = data.s3_url_for_object("customers")
        migration = SparkJob(
            self, "Migration", application=spark, entry_point=Code.from_asset("migrate.py"), arguments=[table]
        )
        data.grant_read_write(migration)
        migrated = JobRun(
            self,
            "Migrate",
            job=migration,
            triggers={"reload": str(self.node.try_get_context("reload"))},
        )
        summarised = JobRun(self, "Summarise", job=migration, arguments=[table, "--summarise"], after=[migrated])
        checked = JobRun(
            self,
            "Check",
            job=migration,
            arguments=[table, "--check"],
            run_when=RunWhen.EVERY_DEPLOY,
            after=[summarised],
        )
        # --8<-- [end:runs]
        CfnOutput(self, "Bucket", value=data.bucket_name)
        CfnOutput(self, "ApplicationId", value=migrated.application_id)
        CfnOutput(self, "Migrated", value=migrated.job_run_id)
        CfnOutput(self, "Summarised", value=summarised.job_run_id)
        CfnOutput(self, "Checked", value=checked.job_run_id)


app = App()
Migration(app, "Migration")
app.synth()
