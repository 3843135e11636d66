"""The floor: a stack with next to nothing in it."""

from aws_cdk import CfnWaitConditionHandle, Stack


def build(stack: Stack, jobs: int, *, shared: bool) -> None:
    """Add a resource that is nothing, as a template has to have one."""
    del jobs, shared
    CfnWaitConditionHandle(stack, "Nothing")
