"""Who needs which permissions for a job run: its execution role, the services, and who starts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import ArnFormat, Aws, Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

if TYPE_CHECKING:
    from .application import IApplication

_SERVICE = "emr-serverless.amazonaws.com"
_USE_LOG_KEY = ["kms:Encrypt", "kms:ReEncrypt*", "kms:Decrypt", "kms:GenerateDataKey*", "kms:Describe*"]


def new_execution_role(scope: Construct, construct_id: str) -> iam.Role:
    """A role that EMR Serverless may assume for this account.

    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/getting-started.html#gs-runtime-role
    """
    return iam.Role(
        scope,
        construct_id,
        description=f"Runs the EMR Serverless job {scope.node.path}",
        assumed_by=iam.ServicePrincipal(_SERVICE, conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}),
    )


def allow_starting(application: IApplication, grantee: iam.IGrantable, execution_role: iam.IRole) -> iam.Grant:
    """Let somebody start job runs on the application with the execution role.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_emr-serverless.html
    """
    start = iam.Grant.add_to_principal(
        grantee=grantee, actions=["emr-serverless:StartJobRun"], resource_arns=[application.application_arn]
    )
    # The run that StartJobRun tags does not exist yet, so the permission can't name it.
    tag = iam.Grant.add_to_principal(
        grantee=grantee, actions=["emr-serverless:TagResource"], resource_arns=[application.job_run_arns]
    )
    pass_role = iam.Grant.add_to_principal(
        grantee=grantee,
        actions=["iam:PassRole"],
        resource_arns=[execution_role.role_arn],
        conditions={"StringEquals": {"iam:PassedToService": _SERVICE}},
    )
    return start.combine(tag).combine(pass_role)


def allow_submitting(key: kms.IKey, grantee: iam.IGrantable) -> iam.Grant:
    """Let somebody submit runs whose logs or disks are encrypted with the key; the service refuses it otherwise.

    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-log-encryption.html
    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/disk-encryption-cmk.html
    """
    actions = ["kms:DescribeKey", "kms:GenerateDataKey", "kms:Decrypt"]
    return iam.Grant.add_to_principal(grantee=grantee, actions=actions, resource_arns=[key.key_arn])


def allow_pulling(repository: ecr.IRepository, application_arns: str) -> None:
    """Let EMR Serverless pull images of the repository for the applications.

    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/application-custom-image.html
    """
    repository.add_to_resource_policy(
        iam.PolicyStatement(
            sid="EMRServerless",
            principals=[iam.ServicePrincipal(_SERVICE)],
            actions=["ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer"],
            conditions={"ArnLike": {"aws:SourceArn": application_arns}},
        )
    )


class LoggingPermissions:
    """Adds to an execution role, and to the policies of keys, what logs, metrics and encrypted disks need."""

    def __init__(self, *, role: iam.IRole | None, source_arn: str, sid: str) -> None:
        """Collect permissions.

        Args:
            role: The execution role; None for what an application configures for roles that are not known here.
            source_arn: Which applications EMR Serverless may use the keys for: an ARN or a pattern.
            sid: Tells the key policy's statements for these applications from those for others.
        """
        self._role = role
        self._source_arn = source_arn
        self._sid = sid

    def write_log_group(self, log_group: logs.ILogGroup, stack: Stack) -> None:
        """Write driver logs to the group.

        https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/logging.html#jobs-log-storage-cw
        """
        self._allow("ListLogGroups", ["logs:DescribeLogGroups"], _log_group_arn(stack, "*"))
        actions = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        self._allow("WriteLogs", actions, log_group.log_group_arn)

    def encrypt_log_group(self, log_group: logs.ILogGroup, key: kms.IKey, name_patterns: list[str]) -> None:
        """Let the service give the group the key, and CloudWatch Logs use the key for groups of these names.

        https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-log-encryption.html
        https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
        """
        self._allow("EncryptLogGroup", ["logs:AssociateKmsKey"], log_group.log_group_arn)
        self._allow("DescribeLogGroupKey", ["kms:DescribeKey"], key.key_arn)
        via_logs = {"StringEquals": {"kms:ViaService": f"logs.{Aws.REGION}.amazonaws.com"}}
        self._allow("UseLogGroupKey", _USE_LOG_KEY, key.key_arn, conditions=via_logs)
        groups = [_log_group_arn(Stack.of(log_group), name) for name in name_patterns]
        key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="CloudWatchLogs",
                principals=[iam.ServicePrincipal(f"logs.{Aws.REGION}.amazonaws.com")],
                actions=_USE_LOG_KEY,
                resources=["*"],
                conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
            )
        )

    def encrypt(self, key: kms.IKey) -> None:
        """Use the key for managed logs, S3 logs or local disks.

        https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-log-encryption.html
        https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/disk-encryption-cmk.html
        """
        actions = ["kms:Decrypt", "kms:GenerateDataKey"]
        self._allow("EncryptLogsAndDisks", actions, key.key_arn)
        key.add_to_resource_policy(
            iam.PolicyStatement(
                sid=f"EMRServerless{self._sid}",
                principals=[iam.ServicePrincipal(_SERVICE)],
                actions=actions,
                resources=["*"],
                conditions={
                    "ArnLike": {"aws:SourceArn": self._source_arn},
                    "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                },
            )
        )

    def write_bucket(self, bucket: s3.IBucket, prefix: str) -> None:
        """Write S3 logs below the prefix.

        https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/logging.html#jobs-log-storage-s3-buckets
        """
        self._allow("WriteS3Logs", ["s3:PutObject"], bucket.arn_for_objects(f"{prefix}/*" if prefix else "*"))

    def write_metrics(self, workspace_arn: str) -> None:
        """Write metrics to the Prometheus workspace.

        https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/monitor-with-prometheus.html
        """
        self._allow("WriteMetrics", ["aps:RemoteWrite"], workspace_arn)

    def _allow(
        self, sid: str, actions: list[str], resource: str, *, conditions: dict[str, dict[str, str]] | None = None
    ) -> None:
        if self._role is not None:
            self._role.add_to_principal_policy(
                iam.PolicyStatement(sid=sid, actions=actions, resources=[resource], conditions=conditions)
            )


def _log_group_arn(stack: Stack, name: str) -> str:
    return stack.format_arn(
        service="logs", resource="log-group", resource_name=name, arn_format=ArnFormat.COLON_RESOURCE_NAME
    )
