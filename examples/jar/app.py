"""A Spark job in a jar, with the class whose `main` is run.

Build the jar first, with a JDK 17 and the jars of a Spark 3.5:

    javac -cp "$SPARK_HOME/jars/*" SumOfSquares.java
    jar cf sum-of-squares.jar SumOfSquares.class
"""

from typing import Any

from aws_cdk import App, CfnOutput, RemovalPolicy, Stack
from aws_cdk import aws_s3 as s3
from constructs import Construct

from constructs_emrs import Application, Code, JobRun, ReleaseLabel, SparkJob


class Jar(Stack):
    """A bucket, and a job that writes its result to it."""

    def __init__(self, scope: Construct, construct_id: str, **kwargs: Any) -> None:
        super().__init__(scope, construct_id, **kwargs)
        data = s3.Bucket(self, "Data", auto_delete_objects=True, removal_policy=RemovalPolicy.DESTROY)
        spark = Application(self, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
        # --8<-- [start:job]
        job = SparkJob(
            self,
            "SumOfSquares",
            application=spark,
            entry_point=Code.from_asset("sum-of-squares.jar"),
            main_class="SumOfSquares",
            arguments=["100", data.s3_url_for_object("sum")],
        )
        data.grant_read_write(job)
        # --8<-- [end:job]
        JobRun(self, "SumOfSquaresOnDeploy", job=job)
        CfnOutput(self, "Bucket", value=data.bucket_name)


app = App()
Jar(app, "Jar")
app.synth()
