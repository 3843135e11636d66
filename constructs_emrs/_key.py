"""The key that encrypts the logs and local disks of a stack's jobs when the user brought none."""

from typing import cast

from aws_cdk import Aws, RemovalPolicy, Stack
from aws_cdk import aws_kms as kms
from constructs import IConstruct

_ID = "EMRServerlessKey"


def stack_key(scope: IConstruct) -> kms.Key:
    """The key of the stack that `scope` is in, made when it is first asked for."""
    stack = Stack.of(scope)
    existing = stack.node.try_find_child(_ID)
    if existing is not None:
        return cast("kms.Key", existing)
    return kms.Key(
        stack,
        _ID,
        description=f"Logs and local disks of the EMR Serverless jobs of stack {Aws.STACK_NAME}",
        enable_key_rotation=True,
        removal_policy=RemovalPolicy.DESTROY,
    )
