"""Rules of monitoring and encryption as arguments, which the service's model does not have."""

import re

from aws_cdk import aws_kms as kms

from ..validation.problems import Problems
from ..validation.tokens import is_token
from .encryption import Encryption
from .monitoring import Monitoring

_WORKSPACE_ARN = re.compile(r"arn:aws[a-z-]*:aps:[a-z0-9-]+:[0-9]{12}:workspace/[A-Za-z0-9_.-]+")


def check_monitoring(problems: Problems, monitoring: Monitoring) -> None:
    """Prefixes are prefixes, workspaces are workspaces, and what is disabled has no settings."""
    if monitoring.s3_logs is not None:
        prefix = monitoring.s3_logs.prefix
        if prefix.startswith("/") or "://" in prefix:
            remedy = (
                f"use {prefix.rpartition('://')[2].strip('/')!r}" if "://" not in prefix else "leave out the bucket"
            )
            problems.add("monitoring.s3_logs.prefix", prefix, "it begins with a slash, or names a bucket", remedy)
    if monitoring.prometheus is not None:
        arn = monitoring.prometheus.workspace_arn
        if not is_token(arn) and not _WORKSPACE_ARN.fullmatch(arn):
            remedy = "use arn:aws:aps:REGION:ACCOUNT:workspace/ID"
            problems.add("monitoring.prometheus.workspace_arn", arn, "it is not the ARN of a workspace", remedy)
    retention, group = monitoring.cloudwatch_logs.log_retention, monitoring.cloudwatch_logs.log_group
    if retention is not None and group is not None:
        remedy = "give it to the log group, or leave out log_group"
        problems.add("monitoring.cloudwatch_logs.log_retention", retention, "the log group has its own", remedy)
    for argument in ("s3_logs", "managed_logs", "cloudwatch_logs"):
        destination = getattr(monitoring, argument)
        if destination is not None:
            _check_key(problems, f"monitoring.{argument}.encryption_key", destination.encryption_key)
    for argument in ("managed_logs", "cloudwatch_logs"):
        logs = getattr(monitoring, argument)
        for name, value in vars(logs).items():
            if not logs.enabled and name != "enabled" and value is not None:
                remedy = "leave it out, or enable them"
                problems.add(f"monitoring.{argument}.{name}", value, "the logs are disabled", remedy)


def check_encryption(problems: Problems, encryption: Encryption | None) -> None:
    """The service takes keys; keys of AWS have no settings."""
    if encryption is None:
        return
    _check_key(problems, "encryption.key", encryption.key)
    for name in ("key", "disk_encryption_context"):
        value = getattr(encryption, name)
        if not encryption.is_customer_managed and value is not None:
            remedy = "use Encryption.customer_managed(…)"
            problems.add(f"encryption.{name}", value, "keys that AWS owns have no such setting", remedy)


def _check_key(problems: Problems, argument: str, key: kms.IKey | None) -> None:
    # An alias is an IKey, too. The service takes ARNs of keys only.
    if hasattr(key, "alias_name"):
        problems.add(argument, key, "the service does not take aliases", "use the key that it stands for")
