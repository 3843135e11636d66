"""The configuration that is in force for a run: the application's, overridden by the run's.

User Guide, "Default application configuration": monitoring is overridden per type of destination, application
configuration per classification, each as a whole; an empty value removes the application's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DEFAULT_LOG_GROUP = "/aws/emr-serverless"
_DEFAULT_LOG_TYPES = ("STDOUT", "STDERR")
DRIVER_WORKER_TYPES = {"sparkSubmit": "SPARK_DRIVER", "hive": "HIVE_DRIVER"}


@dataclass(frozen=True, kw_only=True)
class CloudWatchDestination:
    """Where in CloudWatch Logs the driver's output goes; `files` are `stdout` and `stderr` or one of them."""

    log_group: str
    stream_prefix: str
    key_arn: str | None
    files: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class S3Destination:
    """Where in S3 the driver's output goes."""

    uri: str
    key_arn: str | None


@dataclass(frozen=True, kw_only=True)
class ManagedDestination:
    """The storage that the service itself provides."""

    key_arn: str | None


@dataclass(frozen=True, kw_only=True)
class DiskEncryption:
    """The key of the local disks, with the encryption context that the user added to the service's own."""

    key_arn: str
    context: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class EffectiveConfiguration:
    """What is in force for a run; a destination that is None is off."""

    cloudwatch: CloudWatchDestination | None
    s3: S3Destination | None
    managed: ManagedDestination | None
    disk: DiskEncryption | None
    application_configuration: tuple[Mapping[str, Any], ...] = field(default=())


def effective_configuration(
    *, application: Mapping[str, Any], overrides: Mapping[str, Any], worker_type: str
) -> EffectiveConfiguration:
    """Merge an application's members with the `configurationOverrides` of a StartJobRun request."""
    monitoring = {**application.get("monitoringConfiguration", {}), **overrides.get("monitoringConfiguration", {})}
    disk = {**application, **overrides}.get("diskEncryptionConfiguration", {})
    by_classification = {
        item["classification"]: item
        for item in [*application.get("runtimeConfiguration", []), *overrides.get("applicationConfiguration", [])]
    }
    s3 = monitoring.get("s3MonitoringConfiguration", {})
    managed = monitoring.get("managedPersistenceMonitoringConfiguration", {})
    return EffectiveConfiguration(
        cloudwatch=_cloudwatch(monitoring.get("cloudWatchLoggingConfiguration", {}), worker_type=worker_type),
        s3=S3Destination(uri=s3["logUri"], key_arn=s3.get("encryptionKeyArn")) if s3.get("logUri") else None,
        managed=ManagedDestination(key_arn=managed.get("encryptionKeyArn")) if managed.get("enabled", True) else None,
        disk=DiskEncryption(key_arn=disk["encryptionKeyArn"], context=disk.get("encryptionContext", {}))
        if disk.get("encryptionKeyArn")
        else None,
        application_configuration=tuple(by_classification.values()),
    )


def _cloudwatch(logging: Mapping[str, Any], *, worker_type: str) -> CloudWatchDestination | None:
    if not logging.get("enabled", False):
        return None
    log_types = logging.get("logTypes", {worker_type: _DEFAULT_LOG_TYPES})
    # AWS's pages write them in lower case and in upper case.
    types = [name.upper() for worker, names in log_types.items() if worker.upper() == worker_type for name in names]
    return CloudWatchDestination(
        log_group=logging.get("logGroupName", DEFAULT_LOG_GROUP),
        stream_prefix=logging.get("logStreamNamePrefix", ""),
        key_arn=logging.get("encryptionKeyArn"),
        # The Hive driver's HIVE_LOG and TEZ_AM are of a cluster; the local driver writes stdout and stderr.
        files=tuple(name for name in ("stdout", "stderr") if name.upper() in types),
    )
