"""A stack of your own, which test_stack.py checks and deploys."""

from typing import Any

from aws_cdk import App, CfnOutput, RemovalPolicy, Stack
from aws_cdk import aws_s3 as s3
from constructs import Construct

from constructs_emrs import Application, Code, JobRun, ReleaseLabel, SparkJob


class Words(Stack):
    """A bucket, and a job that counts words into it."""

    def __init__(self, scope: Construct, construct_id: str, **kwargs: Any) -> None:
        super().__init__(scope, construct_id, **kwargs)
        data = s3.Bucket(self, "Data", auto_delete_objects=True, removal_policy=RemovalPolicy.DESTROY)
        spark = Application(self, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
        count = SparkJob(
            self,
            "Count",
            application=spark,
            entry_point=Code.from_asset("count_words.py"),
            arguments=[data.s3_url_for_object("words")],
        )
        data.grant_read_write(count)
        JobRun(self, "CountOnDeploy", job=count)
        CfnOutput(self, "Bucket", value=data.bucket_name)


if __name__ == "__main__":
    app = App()
    Words(app, "Words")
    app.synth()
