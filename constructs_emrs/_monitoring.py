"""Wires a job's logs, metrics and encryption: the request's members, and the log group and permissions behind them."""

from dataclasses import dataclass
from typing import Any

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from ._key import stack_key
from ._permissions import LoggingPermissions
from ._tokens import is_token
from .encryption import Encryption
from .monitoring import CloudWatchLogs, Monitoring, S3Logs


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """What the logs, metrics and disks of a job became."""

    monitoring_configuration: dict[str, Any]
    disk_encryption_configuration: dict[str, Any] | None
    log_group: logs.ILogGroup | None
    encryption_key: kms.IKey | None
    keys: list[kms.IKey]
    """All keys of the request: who submits it must be allowed to use them."""


def wire_monitoring(
    job: Construct, *, monitoring: Monitoring, encryption: Encryption, permissions: LoggingPermissions
) -> Wiring:
    """Create the job's log group if it needs one, give its role what it needs, and render the request's members."""
    return _Wirer(job, encryption, permissions).wire(monitoring)


class _Wirer:
    def __init__(self, job: Construct, encryption: Encryption, permissions: LoggingPermissions) -> None:
        self._job = job
        self._permissions = permissions
        self._encryption = encryption
        self._key = (encryption.key or stack_key(job)) if encryption.is_customer_managed else None
        self._keys: dict[str, kms.IKey] = {}

    def wire(self, monitoring: Monitoring) -> Wiring:
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
            keys=list(self._keys.values()),
        )

    def _s3_logs(self, s3_logs: S3Logs) -> dict[str, Any]:
        prefix = s3_logs.prefix.strip("/")
        self._permissions.write_bucket(s3_logs.bucket, prefix)
        key = s3_logs.encryption_key or s3_logs.bucket.encryption_key or self._key
        uri = s3_logs.bucket.s3_url_for_object(prefix or None)
        return {"logUri": uri} | self._encrypted_with(key)

    def _cloudwatch_logs(self, cloudwatch: CloudWatchLogs, log_group: logs.ILogGroup) -> dict[str, Any]:
        self._permissions.write_log_group(log_group, Stack.of(self._job))
        rendered: dict[str, Any] = {"enabled": True, "logGroupName": log_group.log_group_name}
        # A group that the user brought keeps its key: naming one would have the service replace it.
        key = cloudwatch.encryption_key or (self._key if cloudwatch.log_group is None else None)
        if key is not None:
            self._permissions.encrypt_log_group(log_group, key, self._names_of(log_group, cloudwatch))
            self._keys[key.key_arn] = key
            rendered["encryptionKeyArn"] = key.key_arn
        if cloudwatch.log_stream_name_prefix is not None:
            rendered["logStreamNamePrefix"] = cloudwatch.log_stream_name_prefix
        if cloudwatch.log_types is not None:
            rendered["logTypes"] = {
                worker.value: [log_type.value for log_type in log_types]
                for worker, log_types in cloudwatch.log_types.items()
            }
        return rendered

    def _names_of(self, log_group: logs.ILogGroup, cloudwatch: CloudWatchLogs) -> list[str]:
        """Patterns of the log group's name for a key's policy.

        A reference to the group would make a circle, as the group names the key. CloudFormation starts the names of the
        groups that it names itself with the stack's, with a slash before it in the documentation's example.
        """
        if cloudwatch.log_group is None:
            stack_name = Stack.of(self._job).stack_name
            return [f"{stack_name}-*", f"/{stack_name}-*"]
        return ["*"] if is_token(log_group.log_group_name) else [log_group.log_group_name]

    def _new_log_group(self, cloudwatch: CloudWatchLogs) -> logs.LogGroup:
        return logs.LogGroup(
            self._job,
            "LogGroup",
            encryption_key=cloudwatch.encryption_key or self._key,
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _disks(self) -> dict[str, Any] | None:
        if self._key is None:
            return None
        rendered: dict[str, Any] = self._encrypted_with(self._key)
        if self._encryption.disk_encryption_context:
            rendered["encryptionContext"] = dict(self._encryption.disk_encryption_context)
        return rendered

    def _encrypted_with(self, key: kms.IKey | None) -> dict[str, str]:
        if key is None:
            return {}
        self._permissions.encrypt(key)
        self._keys[key.key_arn] = key
        return {"encryptionKeyArn": key.key_arn}
