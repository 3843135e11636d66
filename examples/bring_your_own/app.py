"""A job with a role, a key, a bucket, a log group and a VPC that exist apart from it.

Only the VPC has to be there before: `VPC_ID=vpc-… npx cdk deploy`. The others are created here, so that there is
something to deploy; those that exist already are imported with `Role.from_role_arn`, `Key.from_key_arn`,
`Bucket.from_bucket_name` and `LogGroup.from_log_group_name`.
"""

import os
from typing import Any

from aws_cdk import App, CfnOutput, Environment, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from constructs_emrs import (
    Application,
    CloudWatchLogs,
    Code,
    Encryption,
    JobRun,
    Monitoring,
    ReleaseLabel,
    S3Logs,
    SparkJob,
)


class BringYourOwn(Stack):
    """One job with nothing of its own."""

    def __init__(self, scope: Construct, construct_id: str, **kwargs: Any) -> None:
        super().__init__(scope, construct_id, **kwargs)
        # --8<-- [start:existing]
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("emr-serverless.amazonaws.com"))
        key = kms.Key(self, "Key", enable_key_rotation=True, removal_policy=RemovalPolicy.DESTROY)
        bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=key,
            auto_delete_objects=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        log_group = logs.LogGroup(self, "Logs", encryption_key=key, removal_policy=RemovalPolicy.DESTROY)
        vpc = ec2.Vpc.from_lookup(self, "Vpc", vpc_id=os.environ["VPC_ID"])
        # --8<-- [end:existing]
        # --8<-- [start:job]
        spark = Application(self, "Spark", release_label=ReleaseLabel.EMR_7_14_0, vpc=vpc)
        etl = SparkJob(
            self,
            "Etl",
            application=spark,
            entry_point=Code.from_asset("etl.py"),
            arguments=[bucket.s3_url_for_object("out")],
            execution_role=role,
            encryption=Encryption.customer_managed(key, disk_encryption_context={"team": "lake"}),
            monitoring=Monitoring(
                s3_logs=S3Logs(bucket=bucket, prefix="logs"),
                cloudwatch_logs=CloudWatchLogs(log_group=log_group, encryption_key=key),
            ),
        )
        bucket.grant_read_write(etl)
        # --8<-- [end:job]
        JobRun(self, "EtlOnDeploy", job=etl)
        CfnOutput(self, "BucketName", value=bucket.bucket_name)
        CfnOutput(self, "LogGroupName", value=log_group.log_group_name)


app = App()
# A look-up needs to know the account and the Region: those of the credentials, which the CDK CLI hands on.
here = Environment(account=os.environ["CDK_DEFAULT_ACCOUNT"], region=os.environ["CDK_DEFAULT_REGION"])
BringYourOwn(app, "BringYourOwn", env=here)
app.synth()
