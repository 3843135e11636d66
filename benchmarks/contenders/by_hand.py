"""The same resources and permissions as this library's, written with aws-cdk-lib by somebody who knows it well.

Nothing is validated, tagged or explained to cdk-nag, and what is asked of the CDK is asked once.
"""

from pathlib import Path
from typing import Any

from aws_cdk import Aws, CustomResource, Duration, RemovalPolicy, Stack
from aws_cdk import aws_emrserverless as emrserverless
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk.custom_resources import Provider

HANDLER = str(Path(__file__).parent.parent.parent / "constructs_emrs" / "handler")
SERVICE = "emr-serverless.amazonaws.com"
USE_KEY = ["kms:Decrypt", "kms:GenerateDataKey"]
USE_LOG_KEY = ["kms:Encrypt", "kms:ReEncrypt*", "kms:Decrypt", "kms:GenerateDataKey*", "kms:Describe*"]


def build(stack: Stack, jobs: int, *, shared: bool) -> None:
    """Add jobs, each with its own role and log group, or all with the same."""
    application = emrserverless.CfnApplication(stack, "Spark", release_label="emr-7.14.0", type="SPARK", name="spark")
    application_id = application.attr_application_id
    arns = f"arn:{Aws.PARTITION}:emr-serverless:{Aws.REGION}:{Aws.ACCOUNT_ID}:/applications"
    key = new_key(stack, f"{arns}/{application_id}", for_logs=not shared)
    key_arn = key.key_arn
    provider_role, provider = new_provider(stack, arns, application_id, key_arn)
    token = provider.service_token
    stop = CustomResource(stack, "Stop", service_token=token, properties={"ApplicationId": application_id})
    if shared:
        group = logs.LogGroup(stack, "LogGroup", retention=logs.RetentionDays.ONE_MONTH)
        role = new_role(stack, "Role", group.log_group_arn, key_arn, encrypted=False)
        role_arn, group_name = role.role_arn, group.log_group_name
        allow_passing(provider_role, role_arn)
    for number in range(jobs):
        if not shared:
            group = logs.LogGroup(
                stack,
                f"LogGroup{number}",
                encryption_key=key,
                retention=logs.RetentionDays.ONE_MONTH,
                removal_policy=RemovalPolicy.DESTROY,
            )
            role = new_role(stack, f"Role{number}", group.log_group_arn, key_arn, encrypted=True)
            role_arn, group_name = role.role_arn, group.log_group_name
            allow_passing(provider_role, role_arn)
        run = CustomResource(
            stack,
            f"Run{number}",
            service_token=token,
            resource_type="Custom::EMRServerlessJobRun",
            properties=properties(
                f"Job{number}", application_id, role_arn, group_name, key_arn, group_is_encrypted=not shared
            ),
        )
        run.node.add_dependency(role, group, application, stop)


def new_key(stack: Stack, application_arn: str, *, for_logs: bool) -> kms.Key:
    """A key that the service and CloudWatch Logs may use."""
    key = kms.Key(stack, "Key", enable_key_rotation=True, removal_policy=RemovalPolicy.DESTROY)
    groups = f"arn:{Aws.PARTITION}:logs:{Aws.REGION}:{Aws.ACCOUNT_ID}:log-group:{stack.stack_name}-*"
    for principal, actions, conditions in (
        (SERVICE, USE_KEY, {"ArnLike": {"aws:SourceArn": application_arn}}),
        *(
            [
                (
                    f"logs.{Aws.REGION}.amazonaws.com",
                    USE_LOG_KEY,
                    {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
                )
            ]
            if for_logs
            else []
        ),
    ):
        key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(principal)], actions=actions, resources=["*"], conditions=conditions
            )
        )
    return key


def new_provider(stack: Stack, arns: str, application_id: str, key_arn: str) -> tuple[iam.Role, Provider]:
    """Two functions behind the CDK's provider framework, with a role that they share."""
    group = logs.LogGroup(stack, "ProviderLogGroup", retention=logs.RetentionDays.ONE_MONTH)
    role = iam.Role(stack, "ProviderRole", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    statements: list[tuple[list[str], list[str]]] = [
        (["logs:CreateLogStream", "logs:PutLogEvents"], [group.log_group_arn]),
        (["emr-serverless:GetApplication", "emr-serverless:ListJobRuns"], [f"{arns}/*"]),
        (["emr-serverless:GetJobRun", "emr-serverless:CancelJobRun"], [f"{arns}/*/jobruns/*"]),
        (["emr-serverless:StopApplication"], [f"{arns}/*"]),
        (["emr-serverless:StartJobRun"], [f"{arns}/{application_id}"]),
        (
            ["emr-serverless:TagResource", "emr-serverless:UntagResource"],
            [f"{arns}/{application_id}", f"{arns}/{application_id}/jobruns/*"],
        ),
        (["kms:GenerateDataKey", "kms:Decrypt", "kms:DescribeKey"], [key_arn]),
        (["logs:GetLogEvents"], [f"arn:{Aws.PARTITION}:logs:{Aws.REGION}:{Aws.ACCOUNT_ID}:log-group:*"]),
    ]
    for actions, resources in statements:
        role.add_to_policy(iam.PolicyStatement(actions=actions, resources=resources))
    code = lambda_.Code.from_asset(HANDLER, exclude=["__pycache__"])
    on_event, is_complete = (
        lambda_.Function(
            stack,
            name,
            code=code,
            handler=f"functions.{name}",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            timeout=Duration.minutes(14),
            role=role,
            log_group=group,
        )
        for name in ("on_event", "is_complete")
    )
    provider = Provider(
        stack,
        "Provider",
        on_event_handler=on_event,
        is_complete_handler=is_complete,
        query_interval=Duration.seconds(5),
        total_timeout=Duration.hours(1),
        log_group=group,
        disable_waiter_state_machine_logging=True,
    )
    return role, provider


def new_role(stack: Stack, construct_id: str, group_arn: str, key_arn: str, *, encrypted: bool) -> iam.Role:
    """An execution role that may write its logs, to a group that may be encrypted, and use the key."""
    condition = {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
    role = iam.Role(stack, construct_id, assumed_by=iam.ServicePrincipal(SERVICE, conditions=condition))
    groups = f"arn:{Aws.PARTITION}:logs:{Aws.REGION}:{Aws.ACCOUNT_ID}:log-group:*"
    via_logs = {"StringEquals": {"kms:ViaService": f"logs.{Aws.REGION}.amazonaws.com"}}
    writing = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    statements: list[tuple[list[str], str, Any]] = [
        ([*USE_KEY, "kms:DescribeKey"] if encrypted else USE_KEY, key_arn, None),
        (["logs:DescribeLogGroups"], groups, None),
        ([*writing, "logs:AssociateKmsKey"] if encrypted else writing, group_arn, None),
    ]
    if encrypted:
        statements.append((USE_LOG_KEY, key_arn, via_logs))
    for actions, resource, conditions in statements:
        role.add_to_policy(iam.PolicyStatement(actions=actions, resources=[resource], conditions=conditions))
    return role


def allow_passing(provider_role: iam.Role, role_arn: str) -> None:
    """Let the provider start runs with the execution role."""
    condition = {"StringEquals": {"iam:PassedToService": SERVICE}}
    provider_role.add_to_policy(
        iam.PolicyStatement(actions=["iam:PassRole"], resources=[role_arn], conditions=condition)
    )


def properties(
    name: str, application_id: str, role_arn: str, group_name: str, key_arn: str, *, group_is_encrypted: bool
) -> dict[str, Any]:
    """The custom resource's properties: the request, as this library makes it."""
    encrypted = {"encryptionKeyArn": key_arn}
    return {
        "Request": {
            "applicationId": application_id,
            "executionRoleArn": role_arn,
            "name": name,
            "mode": "BATCH",
            "jobDriver": {"sparkSubmit": {"entryPoint": "s3://code/etl.py"}},
            "configurationOverrides": {
                "monitoringConfiguration": {
                    "managedPersistenceMonitoringConfiguration": {"enabled": True, **encrypted},
                    "cloudWatchLoggingConfiguration": {
                        "enabled": True,
                        "logGroupName": group_name,
                        **(encrypted if group_is_encrypted else {}),
                    },
                },
                "diskEncryptionConfiguration": encrypted,
            },
        },
    }
