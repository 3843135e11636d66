"""One stack with jobs whose role, keys, log group and application are created, brought or imported."""

import os

from aws_cdk import App, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3

from constructs_emrs import (
    Application,
    CloudWatchLogs,
    Code,
    Encryption,
    IApplication,
    JobRun,
    ManagedLogs,
    Monitoring,
    ReleaseLabel,
    S3Logs,
    SparkJob,
)

app = App()
stack = Stack(app, "Combinations")
created = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
imported = Application.from_application_id(stack, "Imported", os.environ["COMBINATIONS_APPLICATION"])


def new_key(name: str) -> kms.Key:
    return kms.Key(stack, name, removal_policy=RemovalPolicy.DESTROY)


def new_role(name: str) -> iam.Role:
    return iam.Role(stack, name, assumed_by=iam.ServicePrincipal("emr-serverless.amazonaws.com"))


def new_bucket(name: str, key: kms.Key) -> s3.Bucket:
    return s3.Bucket(
        stack,
        name,
        encryption=s3.BucketEncryption.KMS,
        encryption_key=key,
        enforce_ssl=True,
        auto_delete_objects=True,
        removal_policy=RemovalPolicy.DESTROY,
    )


def run(
    name: str,
    *,
    application: IApplication = created,
    monitoring: Monitoring | None = None,
    encryption: Encryption | None = None,
    execution_role: iam.IRole | None = None,
) -> None:
    job = SparkJob(
        stack,
        name,
        application=application,
        entry_point=Code.from_uri(os.environ["COMBINATIONS_ENTRY_POINT"]),
        monitoring=monitoring,
        encryption=encryption,
        execution_role=execution_role,
    )
    job_run = JobRun(stack, f"{name}Run", job=job)
    stack.export_value(job_run.job_run_arn, name=name)


run("EverythingCreated")

brought_key = new_key("BroughtKey")
brought_group = logs.LogGroup(stack, "BroughtGroup", encryption_key=brought_key, removal_policy=RemovalPolicy.DESTROY)
run(
    "EverythingBrought",
    application=imported,
    execution_role=new_role("BroughtRole"),
    encryption=Encryption.customer_managed(brought_key, disk_encryption_context={"team": "lake"}),
    monitoring=Monitoring(
        s3_logs=S3Logs(bucket=new_bucket("BroughtBucket", brought_key), prefix="logs"),
        cloudwatch_logs=CloudWatchLogs(log_group=brought_group, encryption_key=brought_key),
    ),
)
run("ImportedApplication", application=imported)

shared_role = new_role("SharedRole")
run("SharedRole1", execution_role=shared_role)
run("SharedRole2", execution_role=shared_role)

run("EncryptedBucket", monitoring=Monitoring(s3_logs=S3Logs(bucket=new_bucket("Bucket", new_key("BucketKey")))))
run(
    "AllKeysDifferent",
    encryption=Encryption.customer_managed(new_key("DiskKey")),
    monitoring=Monitoring(
        s3_logs=S3Logs(bucket=new_bucket("OtherBucket", new_key("OtherBucketKey")), encryption_key=new_key("S3LogKey")),
        managed_logs=ManagedLogs(encryption_key=new_key("ManagedLogKey")),
        cloudwatch_logs=CloudWatchLogs(encryption_key=new_key("LogGroupKey")),
    ),
)
run("OwnedByAws", encryption=Encryption.aws_owned())
run("GroupWithItsOwnKey", monitoring=Monitoring(cloudwatch_logs=CloudWatchLogs(log_group=brought_group)))
app.synth()
