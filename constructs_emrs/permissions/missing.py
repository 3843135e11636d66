"""What policies lack that can't be changed from here: the user is told to add it by hand."""

import json
from weakref import WeakKeyDictionary

from aws_cdk import Annotations, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct, IConstruct

from ..validation.cdk_cache import path_of, stack_of

Missing = tuple[IConstruct, iam.PolicyStatement]
"""A role, key or repository that can't be changed from here, and a statement that its policy has to have."""


def warn_of_missing(scope: Construct, suffix: str, owner: IConstruct, statement: iam.PolicyStatement) -> None:
    """Say what has to be added by hand, once in a stack."""
    stack = stack_of(scope)
    text = json.dumps(stack.resolve(statement.to_statement_json()))
    said = _said.setdefault(stack, set())
    if (path_of(owner), text) not in said:
        said.add((path_of(owner), text))
        Annotations.of(scope).add_warning_v2(
            f"constructs-emrs:missing-permission-{suffix}",
            f"{path_of(scope)}: an imported role, key or repository can't be changed from here; the policy of "
            f"{path_of(owner)} has to have {text}",
        )


_said: WeakKeyDictionary[Stack, set[tuple[str, str]]] = WeakKeyDictionary()
