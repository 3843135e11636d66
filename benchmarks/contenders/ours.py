"""This library."""

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs

from constructs_emrs import (
    Application,
    CloudWatchLogs,
    Code,
    Encryption,
    JobRun,
    Monitoring,
    ReleaseLabel,
    SparkJob,
)


def build(stack: Stack, jobs: int, *, shared: bool) -> None:
    """Add jobs, each with its own role and log group, or all with the same."""
    spark = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    if not shared:
        for number in range(jobs):
            job = SparkJob(stack, f"Job{number}", application=spark, entry_point=Code.from_uri("s3://code/etl.py"))
            JobRun(stack, f"Run{number}", job=job)
        return
    key = kms.Key(stack, "Key", enable_key_rotation=True)
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("emr-serverless.amazonaws.com"))
    group = logs.LogGroup(stack, "LogGroup", retention=logs.RetentionDays.ONE_MONTH)
    monitoring = Monitoring(cloudwatch_logs=CloudWatchLogs(log_group=group))
    for number in range(jobs):
        job = SparkJob(
            stack,
            f"Job{number}",
            application=spark,
            entry_point=Code.from_uri("s3://code/etl.py"),
            execution_role=role,
            monitoring=monitoring,
            encryption=Encryption.customer_managed(key),
        )
        JobRun(stack, f"Run{number}", job=job)
