"""Two stacks: one has the application, with its limits; the other has a job that runs on it."""

from typing import Any

from aws_cdk import App, CfnOutput, Duration, RemovalPolicy, Size, Stack
from aws_cdk import aws_s3 as s3
from constructs import Construct

from constructs_emrs import Application, Code, IApplication, JobRun, MaximumCapacity, ReleaseLabel, Scheduler, SparkJob


# --8<-- [start:stacks]
class Platform(Stack):
    """The application that teams share."""

    def __init__(self, scope: Construct, construct_id: str, **kwargs: Any) -> None:
        super().__init__(scope, construct_id, **kwargs)
        self.spark = Application(
            self,
            "Spark",
            release_label=ReleaseLabel.EMR_7_14_0,
            maximum_capacity=MaximumCapacity(cpu=64, memory=Size.gibibytes(256)),
            scheduler=Scheduler(max_concurrent_runs=4, queue_timeout=Duration.hours(1)),
            auto_stop_after=Duration.minutes(30),
        )


class Reports(Stack):
    """What one team runs on it."""

    def __init__(self, scope: Construct, construct_id: str, *, application: IApplication, **kwargs: Any) -> None:
        super().__init__(scope, construct_id, **kwargs)
        data = s3.Bucket(self, "Data", auto_delete_objects=True, removal_policy=RemovalPolicy.DESTROY)
        report = SparkJob(
            self,
            "Report",
            application=application,
            entry_point=Code.from_asset("report.py"),
            arguments=[data.s3_url_for_object("report")],
        )
        data.grant_read_write(report)
        JobRun(self, "ReportOnDeploy", job=report)
        CfnOutput(self, "Bucket", value=data.bucket_name)


app = App()
platform = Platform(app, "Platform")
Reports(app, "Reports", application=platform.spark)
app.synth()
# --8<-- [end:stacks]
