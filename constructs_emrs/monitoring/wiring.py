"""Wires a job's logs, metrics and encryption: the request's members, and the log group and permissions behind them."""

from dataclasses import dataclass
from typing import Any

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from ..permissions.arns import key_arn, log_group_arn
from ..permissions.execution_role import LoggingPermissions
from ..validation.cdk_cache import asked_once, node_of, stack_name, stack_of
from ..validation.tokens import is_token
from .encryption import Encryption
from .key import stack_key
from .monitoring import CloudWatchLogs, Monitoring, S3Logs


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """What the logs, metrics and disks of a job became."""

    monitoring_configuration: dict[str, Any]
    disk_encryption_configuration: dict[str, Any] | None
    log_group: logs.ILogGroup | None
    encryption_key: kms.IKey | None
    s3_logs_key: kms.IKey | None
    log_key_arns: set[str]
    """The keys that logs are encrypted with; one that is not among them is for disks alone."""
    keys: list[kms.IKey]
    """All keys of the request: who submits it must be allowed to use them."""


class Wirer:
    """Creates a job's log group if it needs one, gives its role what it needs, and writes the request's members."""

    def __init__(
        self, job: Construct, encryption: Encryption, permissions: LoggingPermissions, *, has_own_role: bool
    ) -> None:
        self._job = job
        self._stack = stack_of(job)
        self._has_own_role = has_own_role
        self._log_keys: set[str] = set()
        self._log_group_keys: set[str] = set()
        self._permissions = permissions
        self._encryption = encryption
        self._key = (encryption.key or stack_key(self._stack)) if encryption.is_customer_managed else None
        self._keys: dict[str, kms.IKey] = {}

    def wire(self, monitoring: Monitoring) -> Wiring:
        """Wire it all."""
        configuration: dict[str, Any] = {}
        log_group: logs.ILogGroup | None = None
        if monitoring.s3_logs is not None:
            configuration["s3MonitoringConfiguration"] = self._s3_logs(monitoring.s3_logs)
        managed = monitoring.managed_logs
        configuration["managedPersistenceMonitoringConfiguration"] = {"enabled": managed.enabled} | (
            self._encrypted_with(managed.encryption_key or self._key) if managed.enabled else {}
        )
        if monitoring.cloudwatch_logs.enabled:
            log_group = monitoring.cloudwatch_logs.log_group or self._new_log_group(monitoring.cloudwatch_logs)
            configuration["cloudWatchLoggingConfiguration"] = self._cloudwatch_logs(
                monitoring.cloudwatch_logs, log_group
            )
        else:
            configuration["cloudWatchLoggingConfiguration"] = {"enabled": False}
        if monitoring.prometheus is not None:
            self._permissions.write_metrics(monitoring.prometheus.workspace_arn)
            url = monitoring.prometheus.remote_write_url
            configuration["prometheusMonitoringConfiguration"] = {"remoteWriteUrl": url}
        return Wiring(
            monitoring_configuration=configuration,
            disk_encryption_configuration=self._disks(),
            log_group=log_group,
            encryption_key=self._key,
            s3_logs_key=self._s3_logs_key(monitoring.s3_logs),
            log_key_arns=self._log_keys | self._log_group_keys,
            keys=list(self._keys.values()),
        )

    def _s3_logs(self, s3_logs: S3Logs) -> dict[str, Any]:
        prefix = s3_logs.prefix.strip("/")
        self._permissions.write_bucket(s3_logs.bucket, prefix)
        key = self._s3_logs_key(s3_logs)
        uri = s3_logs.bucket.s3_url_for_object(prefix or None)
        return {"logUri": uri} | self._encrypted_with(key)

    def _s3_logs_key(self, s3_logs: S3Logs | None) -> kms.IKey | None:
        return None if s3_logs is None else s3_logs.encryption_key or s3_logs.bucket.encryption_key or self._key

    def _cloudwatch_logs(self, cloudwatch: CloudWatchLogs, log_group: logs.ILogGroup) -> dict[str, Any]:
        own = cloudwatch.log_group is None
        arns = self._arns_of(log_group, is_own=own)
        self._permissions.write_log_group(arns, self._stack)
        rendered: dict[str, Any] = {"enabled": True, "logGroupName": _name_of(log_group)}
        # A group that the user brought keeps its key: naming one would have the service replace it.
        key = cloudwatch.encryption_key or (self._key if own else None)
        if key is not None:
            if own:
                groups = [log_group_arn(self._stack, name) for name in _names(self._stack)]
            else:
                groups = [log_group_arn(stack_of(log_group), _name_or_any(log_group))]
            self._permissions.encrypt_log_group(arns, key, groups)
            self._log_group_keys.add(key_arn(key))
            rendered |= self._named(key)
        elif (group_key_arn := key_arn_of(log_group)) is not None:
            self._permissions.use_log_group_key(group_key_arn)
        if cloudwatch.log_stream_name_prefix is not None:
            rendered["logStreamNamePrefix"] = cloudwatch.log_stream_name_prefix
        if cloudwatch.log_types is not None:
            rendered["logTypes"] = {
                worker.value: [log_type.value for log_type in log_types]
                for worker, log_types in cloudwatch.log_types.items()
            }
        return rendered

    def _arns_of(self, log_group: logs.ILogGroup, *, is_own: bool) -> list[str]:
        """What a role needs to name: the group itself; all of the stack's groups if it runs many jobs of the stack."""
        if self._has_own_role or not is_own:
            return [log_group_arn_of(log_group)]
        return arns_of_own_log_groups(self._stack)

    def _new_log_group(self, cloudwatch: CloudWatchLogs) -> logs.LogGroup:
        return logs.LogGroup(
            self._job,
            "LogGroup",
            encryption_key=cloudwatch.encryption_key or self._key,
            retention=cloudwatch.log_retention or logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _disks(self) -> dict[str, Any] | None:
        if self._key is None:
            return None
        # What encrypts logs may encrypt disks too.
        if key_arn(self._key) not in self._log_keys:
            self._permissions.encrypt_disks(self._key)
        rendered: dict[str, Any] = self._named(self._key)
        if self._encryption.disk_encryption_context:
            rendered["encryptionContext"] = dict(self._encryption.disk_encryption_context)
        return rendered

    def _encrypted_with(self, key: kms.IKey | None) -> dict[str, Any]:
        if key is None:
            return {}
        self._permissions.encrypt_logs(key)
        self._log_keys.add(key_arn(key))
        return self._named(key)

    def _named(self, key: kms.IKey) -> dict[str, Any]:
        """The member that names a key of the request."""
        self._keys[key_arn(key)] = key
        return {"encryptionKeyArn": key_arn(key)}


def arns_of_own_log_groups(stack: Stack) -> list[str]:
    """Patterns of the ARNs of the log groups that CloudFormation names in the stack: they do not grow with its jobs."""
    return [f"{log_group_arn(stack, name)}:*" for name in _names(stack)]


def _names(stack: Stack) -> list[str]:
    """Patterns of the names that CloudFormation gives to the stack's log groups.

    A reference to a group would make a circle, as the group names the key. The names start with the stack's, with a
    slash before it in the documentation's example.
    """
    name = stack_name(stack)
    return [f"{name}-*", f"/{name}-*"]


def _name_or_any(log_group: logs.ILogGroup) -> str:
    """The name of an imported group; a group of this app may name the key that is to allow it."""
    name = _name_of(log_group)
    return "*" if is_token(name) else name


@asked_once
def key_arn_of(log_group: logs.ILogGroup) -> str | None:
    """The key of a log group that is created in this app, None if it has none or is imported."""
    resource = _resource_of(log_group)
    return resource.kms_key_id if resource is not None else None


@asked_once
def log_group_arn_of(log_group: logs.ILogGroup) -> str:
    """The ARN of a log group."""
    return log_group.log_group_arn


@asked_once
def _name_of(log_group: logs.ILogGroup) -> str:
    return log_group.log_group_name


@asked_once
def _resource_of(log_group: logs.ILogGroup) -> logs.CfnLogGroup | None:
    resource = node_of(log_group).default_child
    return resource if isinstance(resource, logs.CfnLogGroup) else None
