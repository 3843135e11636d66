"""What those are allowed who start job runs, read their logs, or stop them."""

import functools
from collections.abc import Iterable, Sequence

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from .arns import EMR_SERVERLESS, arn_of_objects, job_run_arn_pattern, key_arn, via_service
from .policies import Permission


def grant(grantee: iam.IGrantable, permissions: Iterable[Permission]) -> iam.Grant:
    """Allow the grantee all of it."""
    return functools.reduce(iam.Grant.combine, grants(grantee, permissions))


def grants(grantee: iam.IGrantable, permissions: Iterable[Permission]) -> list[iam.Grant]:
    """Allow the grantee each of it."""
    return [
        iam.Grant.add_to_principal(
            grantee=grantee,
            actions=list(permission.actions),
            resource_arns=list(permission.resources),
            conditions=permission.conditions,
        )
        for permission in permissions
    ]


def starting(application_arn: str, execution_role_arn: str) -> list[Permission]:
    """To start job runs on the application with the execution role.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_emr-serverless.html
    """
    to_service = {"StringEquals": {"iam:PassedToService": EMR_SERVERLESS}}
    with_runs = (application_arn, job_run_arn_pattern(application_arn))
    return [
        Permission(actions=("emr-serverless:StartJobRun",), resources=(application_arn,)),
        # The run that StartJobRun tags does not exist yet, so the permission can't name it. Whether the service asks
        # for it on the run or on the application is not documented.
        Permission(actions=("emr-serverless:TagResource",), resources=with_runs),
        Permission(actions=("iam:PassRole",), resources=(execution_role_arn,), conditions=to_service),
    ]


def seeing(application_arn: str) -> list[Permission]:
    """To see the application and its job runs.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_emr-serverless.html
    """
    of_runs = ("emr-serverless:GetJobRun", "emr-serverless:ListJobRunAttempts")
    return [
        Permission(
            actions=("emr-serverless:GetApplication", "emr-serverless:ListJobRuns"), resources=(application_arn,)
        ),
        Permission(actions=of_runs, resources=(job_run_arn_pattern(application_arn),)),
    ]


def cancelling(application_arn: str) -> list[Permission]:
    """To cancel the application's job runs, whoever started them."""
    return [Permission(actions=("emr-serverless:CancelJobRun",), resources=(job_run_arn_pattern(application_arn),))]


def waiting(application_arn: str, managed_rule: str) -> list[Permission]:
    """To have Step Functions wait for job runs, and cancel those of executions that are stopped.

    Args:
        application_arn: The application of the runs.
        managed_rule: The rule by which Step Functions is told of their ends.

    https://docs.aws.amazon.com/step-functions/latest/dg/connect-emr-serverless.html
    """
    of_runs = ("emr-serverless:GetJobRun", "emr-serverless:CancelJobRun")
    of_rule = ("events:PutTargets", "events:PutRule", "events:DescribeRule")
    return [
        Permission(actions=of_runs, resources=(job_run_arn_pattern(application_arn),)),
        Permission(actions=of_rule, resources=(managed_rule,)),
    ]


def submitting(key: kms.IKey, *, for_logs: bool, for_disks: bool) -> list[Permission]:
    """To submit runs whose logs or disks are encrypted with the key; the service refuses it otherwise.

    A key for disks is described too, as the service asks whether it is symmetric and enabled; that it is used through
    the service only is documented for disks, not for logs.

    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-log-encryption.html
    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/disk-encryption-cmk.html
    """
    arns, use = (key_arn(key),), ("kms:GenerateDataKey", "kms:Decrypt")
    permissions = [
        Permission(actions=use, resources=arns, conditions=None if for_logs else via_service("emr-serverless"))
    ]
    if for_disks:
        permissions.append(Permission(actions=("kms:DescribeKey",), resources=arns))
    return permissions


def reading_s3_logs(bucket: s3.IBucket, prefix: str) -> list[Permission]:
    """To read the objects below the prefix.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    """
    permissions = [Permission(actions=("s3:GetObject",), resources=(arn_of_objects(bucket, prefix),))]
    if bucket.encryption_key is not None:
        permissions.append(Permission(actions=("kms:Decrypt",), resources=(key_arn(bucket.encryption_key),)))
    return permissions


def reading_log_group(log_group_arns: Sequence[str], group_key_arn: str | None) -> list[Permission]:
    """To read log groups, which may be encrypted with a key.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    """
    permissions = [Permission(actions=("logs:GetLogEvents",), resources=tuple(log_group_arns))]
    if group_key_arn is not None:
        via_logs = via_service("logs")
        permissions.append(Permission(actions=("kms:Decrypt",), resources=(group_key_arn,), conditions=via_logs))
    return permissions
