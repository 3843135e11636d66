"""What to run: one StartJobRun request, and the infrastructure that it needs."""

from enum import Enum
from typing import Any, cast

import jsii
from aws_cdk import ArnFormat, Aws, Duration, ITaggableV2, RemovalPolicy, Stack, TagManager, TagType
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from ._key import StackKey
from .application import IApplication
from .handler import contract


class JobMode(Enum):
    """How long a job run is meant to take."""

    BATCH = "BATCH"
    """It ends by itself."""
    STREAMING = "STREAMING"
    """It runs until it is cancelled, and is restarted when it fails. Spark only, from emr-7.1.0."""


@jsii.implements(iam.IGrantable, ITaggableV2)
class Job(Construct):
    """What is common to Spark and Hive jobs: execution role, log group, key, and the request.

    A job does not run by itself: `JobRun` runs it on deploy. Permissions for its data are granted to it like to any
    other principal: `bucket.grant_read(job)`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        application: IApplication,
        mode: JobMode,
        execution_timeout: Duration | None,
        execution_role: iam.IRole | None,
        job_name: str | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.application = application
        self.mode = mode
        self.execution_role: iam.IRole = execution_role or self._new_execution_role()
        stack_key = StackKey.of(self)
        stack_key.allow_service(application)
        self.encryption_key: kms.IKey = stack_key.key
        self.log_group: logs.ILogGroup = logs.LogGroup(
            self,
            "LogGroup",
            encryption_key=self.encryption_key,
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self._grant_logging()
        self._tags = TagManager(TagType.MAP, contract.JOB_RUN_TYPE)
        key_arn = self.encryption_key.key_arn
        self._request: dict[str, Any] = {
            "applicationId": application.application_id,
            "executionRoleArn": self.execution_role.role_arn,
            "name": job_name or self.node.id,
            "mode": mode.value,
            "tags": self._tags.rendered_tags,
            "configurationOverrides": {
                "monitoringConfiguration": {
                    "cloudWatchLoggingConfiguration": {
                        "enabled": True,
                        "logGroupName": self.log_group.log_group_name,
                        "encryptionKeyArn": key_arn,
                    },
                    "managedPersistenceMonitoringConfiguration": {"enabled": True, "encryptionKeyArn": key_arn},
                },
                "diskEncryptionConfiguration": {"encryptionKeyArn": key_arn},
            },
        }
        if execution_timeout is not None:
            self._request["executionTimeoutMinutes"] = execution_timeout.to_minutes()

    @property
    def grant_principal(self) -> iam.IPrincipal:
        """The execution role: what is granted to the job is granted to it."""
        return self.execution_role.grant_principal

    @property
    def cdk_tag_manager(self) -> TagManager:
        """The tags of the job's runs: `Tags.of(scope).add` reaches them."""
        return self._tags

    @property
    def start_job_run_request(self) -> dict[str, Any]:
        """The request with the service's own member names; tokens are unresolved. A copy: changing it has no effect."""
        return cast("dict[str, Any]", _copy(self._request))

    def _new_execution_role(self) -> iam.Role:
        # https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/getting-started.html#gs-runtime-role
        return iam.Role(
            self,
            "ExecutionRole",
            description=f"Runs the EMR Serverless job {self.node.path}",
            assumed_by=iam.ServicePrincipal(
                "emr-serverless.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
            ),
        )

    def _grant_logging(self) -> None:
        """Let the execution role write the logs and use the key.

        https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/logging.html#jobs-log-storage-cw
        https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-log-encryption.html
        """
        group_arn, key_arn = self.log_group.log_group_arn, self.encryption_key.key_arn
        all_groups = Stack.of(self).format_arn(
            service="logs", resource="log-group", resource_name="*", arn_format=ArnFormat.COLON_RESOURCE_NAME
        )
        self._allow("ListLogGroups", ["logs:DescribeLogGroups"], all_groups)
        self._allow(
            "WriteLogs",
            [
                "logs:AssociateKmsKey",
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:DescribeLogStreams",
                "logs:PutLogEvents",
            ],
            group_arn,
        )
        self._allow("EncryptLogsAndDisks", ["kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"], key_arn)
        self._allow(
            "EncryptLogGroup",
            ["kms:Encrypt", "kms:ReEncrypt*", "kms:Decrypt", "kms:GenerateDataKey*", "kms:Describe*"],
            key_arn,
            conditions={"StringEquals": {"kms:ViaService": f"logs.{Aws.REGION}.amazonaws.com"}},
        )

    def _allow(
        self, sid: str, actions: list[str], resource: str, *, conditions: dict[str, dict[str, str]] | None = None
    ) -> None:
        self.execution_role.add_to_principal_policy(
            iam.PolicyStatement(sid=sid, actions=actions, resources=[resource], conditions=conditions)
        )


def _copy(value: Any) -> Any:
    """A copy of a request that keeps tokens, which `copy.deepcopy` would try to copy through jsii."""
    if isinstance(value, dict):
        return {name: _copy(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_copy(item) for item in value]
    return value
