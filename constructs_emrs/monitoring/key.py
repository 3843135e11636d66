"""The keys that encrypt the logs and local disks of jobs: the stack's own, when the user brought none."""

from typing import cast

from aws_cdk import Aws, RemovalPolicy, Stack
from aws_cdk import aws_kms as kms

from ..validation.cdk_cache import asked_once, node_of

_ID = "EMRServerlessKey"


@asked_once
def stack_key(stack: Stack) -> kms.Key:
    """The key of the stack, made when it is first asked for."""
    existing = node_of(stack).try_find_child(_ID)
    if existing is not None:
        return cast("kms.Key", existing)
    return kms.Key(
        stack,
        _ID,
        description=f"Logs and local disks of the EMR Serverless jobs of stack {Aws.STACK_NAME}",
        enable_key_rotation=True,
        removal_policy=RemovalPolicy.DESTROY,
    )
