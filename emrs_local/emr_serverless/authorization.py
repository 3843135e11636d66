"""What IAM and KMS must allow: to the caller of the API, to a run's execution role, to the service itself.

Sources: Service Authorization Reference of EMR Serverless (which action on which resource), User Guide "Job runtime
roles" (trust), "Encrypting logs" and "Disk encryption with customer managed keys" (keys), CloudWatch Logs User Guide
"Encrypt log data" (keys of log groups).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from emrs_local.emr_serverless.applications import Application
from emrs_local.emr_serverless.effective_configuration import DiskEncryption, EffectiveConfiguration
from emrs_local.emr_serverless.errors import AccessDeniedException, JobRunFailed, ValidationException
from emrs_local.endpoint import Credentials
from emrs_local.ministack import iam
from emrs_local.ministack.iam import Caller

SERVICE_PRINCIPAL = "emr-serverless.amazonaws.com"

_DATA_KEY_ACTIONS = ("kms:GenerateDataKey", "kms:Decrypt")
# What kms:ReEncrypt*, kms:GenerateDataKey* and kms:Describe* stand for when CloudWatch Logs uses a key.
_LOG_GROUP_KEY_ACTIONS = (
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:Decrypt",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "kms:GenerateDataKey",
)

Context = Mapping[str, str | list[str]]


def role_lacks(action: str, resource: str) -> str:
    """AWS's sentence without the role's long session ARN: state details hold 256 characters."""
    return f"The execution role is not authorized to perform: {action} on resource: {resource}"


def require(caller: Caller, *, action: str, resource: str, context: Context | None = None) -> None:
    """Refuse the request unless the caller may do `action` on `resource`.

    Raises:
        AccessDeniedException: With AWS's sentence.
    """
    denied = iam.denial(caller, action=action, resource=resource, context=context)
    if denied:
        raise AccessDeniedException(denied.message, code=denied.code)


def require_start_job_run(
    caller: Caller,
    *,
    application: Application,
    job_run_arn: str,
    request: Mapping[str, Any],
    configuration: EffectiveConfiguration,
) -> None:
    """Refuse StartJobRun unless the caller may pass the role, tag the run and use each key that the request names.

    StartJobRun itself on the application is required before, by the operation.

    Raises:
        AccessDeniedException: With AWS's sentence.
        ValidationException: A key does not exist or cannot be used.
    """
    require(
        caller,
        action="iam:PassRole",
        resource=request["executionRoleArn"],
        context={"iam:PassedToService": SERVICE_PRINCIPAL, "iam:AssociatedResourceArn": application.arn},
    )
    if request.get("tags"):
        context = request_tags_context(request["tags"])
        require(caller, action="emr-serverless:TagResource", resource=job_run_arn, context=context)
    via = {"kms:ViaService": f"emr-serverless.{caller.scope.region}.amazonaws.com"}
    destinations = (configuration.managed, configuration.s3, configuration.cloudwatch)
    for key_arn in dict.fromkeys(destination.key_arn for destination in destinations if destination):
        if key_arn:
            _require_usable_key(key_arn)
            for action in _DATA_KEY_ACTIONS:
                require(caller, action=action, resource=key_arn, context=via)
    if configuration.disk:
        _require_usable_key(configuration.disk.key_arn)
        require(caller, action="kms:DescribeKey", resource=configuration.disk.key_arn, context=via)
        for action in _DATA_KEY_ACTIONS:
            context = {**via, **_disk_context(configuration.disk, application)}
            require(caller, action=action, resource=configuration.disk.key_arn, context=context)


def request_tags_context(tags: Mapping[str, str]) -> dict[str, str | list[str]]:
    """The condition keys of a request that sets tags."""
    return {"aws:TagKeys": list(tags), **{f"aws:RequestTag/{key}": value for key, value in tags.items()}}


def resource_tags_context(tags: Mapping[str, str]) -> dict[str, str | list[str]]:
    """The condition keys of a request on a tagged resource."""
    return {f"aws:ResourceTag/{key}": value for key, value in tags.items()}


class RoleSession:
    """The execution role as a run uses it: its credentials, and what is asked of IAM and KMS on its behalf."""

    def __init__(self, *, caller: Caller, credentials: Credentials, application: Application) -> None:
        self.credentials = credentials
        self._caller = caller
        self._application = application

    def require(self, action: str, resource: str, context: Context | None = None) -> None:
        """End the run unless the role may do `action` on `resource`.

        Raises:
            JobRunFailed: With AWS's sentence.
        """
        denied = iam.denial(self._caller, action=action, resource=resource, context=context)
        if denied:
            raise JobRunFailed(role_lacks(action, resource))

    def require_keys(self, configuration: EffectiveConfiguration) -> None:
        """End the run unless role and service may use the keys of managed logs, S3 logs and local disks.

        Raises:
            JobRunFailed: Naming action and key.
        """
        destinations = (configuration.managed, configuration.s3)
        for key_arn in dict.fromkeys(destination.key_arn for destination in destinations if destination):
            if key_arn:
                self._require_data_keys(key_arn, {})
        if configuration.disk:
            context = _disk_context(configuration.disk, self._application)
            self._require_data_keys(configuration.disk.key_arn, context)

    def require_log_group_key(self, log_group: str, key_arn: str) -> None:
        """End the run unless role and CloudWatch Logs may use the key that encrypts a log group.

        Raises:
            JobRunFailed: Naming action and key.
        """
        scope = self._caller.scope
        service = f"logs.{scope.region}.amazonaws.com"
        group_arn = f"arn:aws:logs:{scope.region}:{scope.account_id}:log-group:{log_group}"
        for action in _LOG_GROUP_KEY_ACTIONS:
            self.require(action, key_arn, {"kms:ViaService": service})
        for action in _LOG_GROUP_KEY_ACTIONS:
            context = {"aws:SourceAccount": scope.account_id, "aws:SourceArn": group_arn}
            # AWS sends the group's ARN without the ":*" that CloudFormation's attribute has.
            encryption_context = {"kms:EncryptionContext:aws:logs:arn": group_arn}
            self._require_service_use(service, action, key_arn, {**context, **encryption_context})

    def _require_data_keys(self, key_arn: str, encryption_context: Mapping[str, str]) -> None:
        for action in _DATA_KEY_ACTIONS:
            self.require(action, key_arn, encryption_context)
        for action in _DATA_KEY_ACTIONS:
            # The account is sent where the page of disks shows it; the page of logs shows the ARN alone.
            account = {"aws:SourceAccount": self._caller.scope.account_id} if encryption_context else {}
            source = {"aws:SourceArn": self._application.arn, **account}
            self._require_service_use(SERVICE_PRINCIPAL, action, key_arn, {**source, **encryption_context})

    def _require_service_use(self, service: str, action: str, key_arn: str, context: Mapping[str, str]) -> None:
        policy = iam.key_policy(key_arn)
        if policy is None or not iam.service_may_use(
            policy, service=service, action=action, resource=key_arn, scope=self._caller.scope, context=context
        ):
            raise JobRunFailed(
                f"The key policy does not let {service} use the key: it "
                f"is not authorized to perform: {action} on resource: {key_arn}"
            )


@contextmanager
def assume_execution_role(
    *, application: Application, job_run_id: str, role_arn: str, execution_iam_policy: Mapping[str, Any]
) -> Iterator[RoleSession]:
    """The execution role, assumed by the service for one run, narrowed by the run's own policy if it has one.

    Raises:
        JobRunFailed: The role does not exist or does not trust the service for this application.
    """
    scope = application.scope
    trust_policy = iam.role_trust_policy(role_arn)
    source = {"aws:SourceAccount": scope.account_id, "aws:SourceArn": application.arn}
    if trust_policy is None or not iam.service_may_use(
        trust_policy, service=SERVICE_PRINCIPAL, action="sts:AssumeRole", resource=role_arn, scope=scope, context=source
    ):
        raise JobRunFailed(
            f"Could not assume execution role {role_arn} because it does not exist or is not set up with the required "
            "trust relationship."
        )
    with iam.assumed_role(
        role_arn,
        session_name=job_run_id,
        policy=execution_iam_policy.get("policy"),
        policy_arns=execution_iam_policy.get("policyArns", ()),
    ) as session:
        caller = Caller(access_key_id=session.credentials.access_key_id, arn=session.arn, scope=scope)
        yield RoleSession(caller=caller, credentials=session.credentials, application=application)


def _disk_context(disk: DiskEncryption, application: Application) -> dict[str, str]:
    context = {**disk.context, "applicationId": application.application_id}
    return {f"kms:EncryptionContext:{key}": value for key, value in context.items()}


def _require_usable_key(key_arn: str) -> None:
    key = iam.key_description(key_arn)
    if key is None:
        raise ValidationException(f"KMS key {key_arn} does not exist")
    if key.get("KeyState", "Enabled") != "Enabled" or key.get("KeySpec") != "SYMMETRIC_DEFAULT":
        raise ValidationException(f"KMS key {key_arn} must be an enabled symmetric key")
