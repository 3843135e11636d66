"""The stack of the mutation test: one job with everything that makes the library grant permissions.

The keys of log group, S3 logs and everything else are three, so that no statement stands in for another: with one key,
what the role needs on it for the log group would partly be granted for the local disks too.
"""

import os

from aws_cdk import App, RemovalPolicy, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from constructs_emrs import (
    Application,
    CloudWatchLogs,
    Code,
    JobRun,
    Monitoring,
    Prometheus,
    ReleaseLabel,
    S3Logs,
    SparkJob,
)

app = App()
stack = Stack(app, os.environ["PERMISSIONS_STACK"])
log_bucket = s3.Bucket(
    stack,
    "LogBucket",
    encryption=s3.BucketEncryption.KMS,
    encryption_key=kms.Key(stack, "BucketKey", removal_policy=RemovalPolicy.DESTROY),
    removal_policy=RemovalPolicy.DESTROY,
)
application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0, job_level_cost_allocation=True)
job = SparkJob(
    stack,
    "Etl",
    application=application,
    entry_point=Code.from_asset(os.environ["PERMISSIONS_SCRIPT"]),
    monitoring=Monitoring(
        s3_logs=S3Logs(bucket=log_bucket, prefix="logs"),
        cloudwatch_logs=CloudWatchLogs(
            encryption_key=kms.Key(stack, "LogGroupKey", removal_policy=RemovalPolicy.DESTROY)
        ),
        prometheus=Prometheus.from_workspace_arn(
            stack.format_arn(
                service="aps", resource="workspace", resource_name="ws-11111111-2222-3333-4444-555555555555"
            )
        ),
    ),
)
JobRun(stack, "EtlOnDeploy", job=job)
app.synth()
