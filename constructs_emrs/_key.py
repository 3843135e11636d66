"""The key that encrypts the logs and local disks of a stack's jobs when the user brought none."""

from typing import TYPE_CHECKING, cast

from aws_cdk import ArnFormat, Aws, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct, IConstruct

if TYPE_CHECKING:
    from .application import IApplication

_ID = "EMRServerlessKey"


class StackKey(Construct):
    """One KMS key with rotation for all jobs of a stack, and who may use it."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self._application_arns: set[str] = set()
        self.key = kms.Key(
            self,
            "Resource",
            description=f"Logs and local disks of the EMR Serverless jobs of stack {Aws.STACK_NAME}",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        # The group's own ARN would make a circle, as the group names the key; CloudFormation starts the names of the
        # groups it names itself with the stack's (with a slash before it in the documentation's example).
        log_groups = [
            Stack.of(self).format_arn(
                service="logs", resource="log-group", resource_name=name, arn_format=ArnFormat.COLON_RESOURCE_NAME
            )
            for name in (f"{Aws.STACK_NAME}-*", f"/{Aws.STACK_NAME}-*")
        ]
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="CloudWatchLogs",
                principals=[iam.ServicePrincipal(f"logs.{Aws.REGION}.amazonaws.com")],
                actions=["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
                resources=["*"],
                conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": log_groups}},
            )
        )

    @staticmethod
    def of(scope: IConstruct) -> "StackKey":
        """The key of the stack that `scope` is in, made when it is first asked for."""
        stack = Stack.of(scope)
        existing = stack.node.try_find_child(_ID)
        return cast("StackKey", existing) if existing else StackKey(stack, _ID)

    def allow_service(self, application: "IApplication") -> None:
        """Let EMR Serverless encrypt managed logs and local disks for the application's runs.

        https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-log-encryption.html
        https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/disk-encryption-cmk.html
        """
        arn = application.application_arn
        if arn in self._application_arns:
            return
        self._application_arns.add(arn)
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                sid=f"EMRServerless{len(self._application_arns)}",
                principals=[iam.ServicePrincipal("emr-serverless.amazonaws.com")],
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=["*"],
                conditions={"ArnLike": {"aws:SourceArn": arn}, "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        )
