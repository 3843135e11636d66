"""A job for Graviton and Python 3.9: its packages are not those of the machine that deploys it."""

from typing import Any

from aws_cdk import App, CfnOutput, Stack
from constructs import Construct

from constructs_emrs import Application, Architecture, PythonDependencies, ReleaseLabel, SparkJob


class Graviton(Stack):
    """An application for ARM64, and a job to be started by hand."""

    def __init__(self, scope: Construct, construct_id: str, **kwargs: Any) -> None:
        super().__init__(scope, construct_id, **kwargs)
        # --8<-- [start:job]
        spark = Application(self, "Spark", release_label=ReleaseLabel.EMR_7_0_0, architecture=Architecture.ARM64)
        report = SparkJob(
            self,
            "Report",
            application=spark,
            entry_point="report.py",
            python_dependencies=PythonDependencies.from_packages(["numpy==2.0.*"], python="3.9"),
        )
        # --8<-- [end:job]
        CfnOutput(self, "ApplicationId", value=spark.application_id)
        CfnOutput(self, "ExecutionRoleArn", value=report.execution_role.role_arn)


app = App()
Graviton(app, "Graviton")
app.synth()
