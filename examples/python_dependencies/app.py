"""A job with pandas from PyPI and a package of the company."""

from typing import Any

from aws_cdk import App, CfnOutput, RemovalPolicy, Stack
from aws_cdk import aws_s3 as s3
from constructs import Construct

from constructs_emrs import Application, JobRun, PythonDependencies, ReleaseLabel, SparkJob


class Prices(Stack):
    """A job that brings its packages."""

    def __init__(self, scope: Construct, construct_id: str, **kwargs: Any) -> None:
        super().__init__(scope, construct_id, **kwargs)
        data = s3.Bucket(self, "Data", auto_delete_objects=True, removal_policy=RemovalPolicy.DESTROY)
        spark = Application(self, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
        # A local AWS has the Python that runs it: cdk deploy --context python=3.12
        python = self.node.try_get_context("python") or "3.11"
        # --8<-- [start:job]
        prices = SparkJob(
            self,
            "Prices",
            application=spark,
            entry_point="prices.py",
            arguments=[data.s3_url_for_object("prices")],
            files=["settings.json"],
            python_dependencies=PythonDependencies.from_requirements("requirements.txt", python=python),
        )
        # --8<-- [end:job]
        data.grant_read_write(prices)
        JobRun(self, "PricesOnDeploy", job=prices)
        CfnOutput(self, "Bucket", value=data.bucket_name)


app = App()
Prices(app, "Prices")
app.synth()
