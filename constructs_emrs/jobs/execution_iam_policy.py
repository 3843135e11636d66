"""A session policy that narrows what one job may do with its execution role."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_iam as iam

from ..validation.argument_names import explained


@explained
@dataclass(frozen=True, kw_only=True)
class ExecutionIamPolicy:
    """What the job may do at most: the intersection of this and the execution role's permissions.

    The intersection removes the permissions to write logs and to use keys too: list those that the job needs.

    At least one of the two is needed.

    Args:
        document: Statements, 2,048 characters at most as JSON without white space.
        managed_policies: Customer managed or AWS managed policies, at most 10.

    Source: https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-cli-execution.html
    """

    document: iam.PolicyDocument | None = None
    managed_policies: Sequence[iam.IManagedPolicy] = ()
