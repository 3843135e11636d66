"""What is brought and can't work with the service, as far as it can be seen when the app is synthesised."""

from typing import TYPE_CHECKING, Any

from aws_cdk import IResource, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from ..validation.cdk_cache import asked_once, node_of, place_of
from ..validation.problems import Problems
from ..validation.tokens import is_token
from .encryption import Encryption
from .monitoring import Monitoring

if TYPE_CHECKING:
    from aws_cdk.interfaces import IEnvironmentAware


def check_brought(
    problems: Problems, stack: Stack, *, monitoring: Monitoring, encryption: Encryption, role: iam.IRole | None = None
) -> None:
    """Note what is of another account or Region than the service takes it of, and keys that encrypt nothing.

    Log groups are known to the service by their names alone. Buckets, keys and roles:
    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-spark.html
    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/disk-encryption-cmk.html
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
    """
    check_place(problems, stack, "execution_role", role, region=False)
    bucket, bucket_key = None, None
    if monitoring.s3_logs is not None:
        bucket, bucket_key = monitoring.s3_logs.bucket, monitoring.s3_logs.encryption_key
    check_place(problems, stack, "monitoring.s3_logs.bucket", bucket)
    check_place(problems, stack, "monitoring.cloudwatch_logs.log_group", monitoring.cloudwatch_logs.log_group)
    for argument, key in (
        ("encryption.key", encryption.key),
        ("monitoring.s3_logs.encryption_key", bucket_key),
        ("monitoring.managed_logs.encryption_key", monitoring.managed_logs.encryption_key),
        ("monitoring.cloudwatch_logs.encryption_key", monitoring.cloudwatch_logs.encryption_key),
    ):
        check_place(problems, stack, argument, key, account=False)
        if key is not None and not problems.mentions(argument) and not _is_symmetric(key):
            problems.add(argument, key, "the service encrypts with symmetric keys only", "use a symmetric key")


def check_place(
    problems: Problems,
    stack: Stack,
    argument: str,
    resource: "IResource | IEnvironmentAware | None",
    *,
    account: bool = True,
    region: bool = True,
) -> None:
    """Note what is of another account or Region than the stack, where they are known."""
    if resource is None or problems.mentions(argument):
        return
    place = place_of(stack)
    for is_asked, what, needed in ((account, "account", place.account), (region, "Region", place.region)):
        # Where the stack is deployed to is often not known, and what the CDK is asked is a round trip to Node.js.
        if not is_asked or is_token(needed):
            continue
        is_of = getattr(_environment_of(resource), what.lower())
        if is_of != needed and not is_token(is_of):
            problems.add(argument, resource, f"it is in {what} {is_of}", f"use one in {what} {needed}, the stack's")


@asked_once
def _environment_of(resource: "IResource | IEnvironmentAware") -> Any:
    return resource.env


@asked_once
def _is_symmetric(key: kms.IKey) -> bool:
    """Whether it encrypts with one key, as far as it is known."""
    resource = node_of(key).default_child
    if not isinstance(resource, kms.CfnKey):
        return True
    kind, usage = resource.key_spec or "SYMMETRIC_DEFAULT", resource.key_usage or "ENCRYPT_DECRYPT"
    return is_token(kind) or is_token(usage) or (kind, usage) == ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")
