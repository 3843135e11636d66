"""cdklabs.aws-data-solutions-framework: a state machine for each job, which is not started by the deployment."""

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from cdklabs.aws_data_solutions_framework import processing


def build(stack: Stack, jobs: int, *, shared: bool) -> None:
    """Add jobs, each with its own role and log group, or all with the same."""
    key = kms.Key(stack, "Key", enable_key_rotation=True)
    application_id = "00f1982r1uukb925"
    for number in range(jobs):
        if number == 0 or not shared:
            principal = iam.ServicePrincipal("emr-serverless.amazonaws.com")
            role = iam.Role(stack, f"Role{number}", assumed_by=principal)
            group = logs.LogGroup(stack, f"LogGroup{number}", encryption_key=key)
            group.grant_write(role)
            key.grant_encrypt_decrypt(role)
        processing.SparkEmrServerlessJob(
            stack,
            f"Job{number}",
            processing.SparkEmrServerlessJobProps(
                name=f"Job{number}",
                application_id=application_id,
                execution_role=role,
                spark_submit_entry_point="s3://code/etl.py",
                cloud_watch_log_group=group,
                cloud_watch_encryption_key=key,
                persistent_app_ui_key=key,
            ),
        )
