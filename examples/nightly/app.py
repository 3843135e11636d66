"""A job that runs every night for the day before, and another on each new object in a bucket."""

from typing import Any

from aws_cdk import App, CfnOutput, RemovalPolicy, Stack, TimeZone
from aws_cdk import aws_events as events
from aws_cdk import aws_s3 as s3
from aws_cdk.aws_scheduler import ScheduleExpression
from constructs import Construct

from constructs_emrs import Application, JobSchedule, JobTrigger, ReleaseLabel, SparkJob


class Nightly(Stack):
    """A bucket whose objects are counted when they come, and a report every night."""

    def __init__(self, scope: Construct, construct_id: str, **kwargs: Any) -> None:
        super().__init__(scope, construct_id, **kwargs)
        data = s3.Bucket(
            self,
            "Data",
            event_bridge_enabled=True,
            auto_delete_objects=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        spark = Application(self, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
        report = SparkJob(self, "Report", application=spark, entry_point="report.py")
        count = SparkJob(self, "Count", application=spark, entry_point="count.py")
        for job in (report, count):
            data.grant_read_write(job)

        # --8<-- [start:schedule]
        JobSchedule(
            self,
            "EveryNight",
            job=report,
            schedule=ScheduleExpression.cron(minute="0", hour="2", time_zone=TimeZone.EUROPE_PARIS),
            arguments=["--until", JobSchedule.SCHEDULED_TIME, "--output", data.s3_url_for_object("reports")],
        )
        # --8<-- [end:schedule]
        # --8<-- [start:trigger]
        key = events.EventField.from_path("$.detail.object.key")
        JobTrigger(
            self,
            "OnObject",
            job=count,
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={"bucket": {"name": [data.bucket_name]}, "object": {"key": [{"prefix": "in/"}]}},
            ),
            arguments=[f"s3://{data.bucket_name}/{key}", data.s3_url_for_object("counts")],
        )
        # --8<-- [end:trigger]
        CfnOutput(self, "Bucket", value=data.bucket_name)


app = App()
Nightly(app, "Nightly")
app.synth()
