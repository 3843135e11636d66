"""Spreads what a role is allowed over policies, each as long as IAM lets it be.

The CDK splits a policy by rough estimates, does not count what else the role has, and merges statements only with the
feature flag `@aws-cdk/aws-iam:minimizePolicies`: a role that is allowed something for each of a hundred jobs would have
more policies than IAM lets it have.
"""

import functools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

import jsii
from aws_cdk import Annotations, AspectPriority, Aspects, CfnDeletionPolicy, IAspect, RemovalPolicy
from aws_cdk import aws_iam as iam
from constructs import Construct, IConstruct, IValidation

from ..validation.cdk_cache import node_of, path_of, stack_of

# In characters without white space: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
INLINE_POLICIES = 10_240
_MANAGED = 6_144
_ATTACHED = 10
_LENGTH_OF_POLICY = len('{"Version":"2012-10-17","Statement":[]}')

# How long a reference may be when it is deployed: us-gov-… or aws-iso-…, a Region such as ap-northeast-1.
_REFERENCE = re.compile(r"\$\{Token\[([\w.]+?)\.\d+\]\}")
_LENGTHS = {"AWS.Partition": 10, "AWS.Region": 14, "AWS.AccountId": 12}
_LENGTH_OF_NAME = 64
# The id of an application: https://docs.aws.amazon.com/emr-serverless/latest/APIReference/API_Application.html
_LENGTHS_OF_IDS = {"emr-serverless": 16}
# ARNs that are a reference as a whole; those of roles and buckets have names of up to 64 and 63 characters.
_LENGTHS_OF_ARNS = {"iam": 102, "kms": 87, "s3": 82}
_LENGTH_OF_ARN = 150  # what the CDK takes

# What to do about a role that too many jobs share.
SHARE_LESS = "let fewer jobs share it, or have them share keys and log groups"

Conditions = Mapping[str, Mapping[str, object]]


@dataclass(frozen=True, kw_only=True)
class Permission:
    """Actions on resources, under conditions."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Conditions | None = None


_NO_CONDITIONS = json.dumps(None)
# The actions on each resource, by the conditions.
_Allowed = dict[str, dict[str, dict[str, None]]]
# The resources of statements, by their conditions and actions.
_Statements = dict[tuple[str, tuple[str, ...]], list[str]]


def merged(permissions: Iterable[Permission]) -> list[Permission]:
    """The same in fewer statements: what is allowed on one resource, or on several alike, is one."""
    allowed: _Allowed = {}
    for permission in permissions:
        for resource in permission.resources:
            _actions_on(allowed, permission, resource).update(dict.fromkeys(permission.actions))
    return [
        Permission(actions=actions, resources=tuple(resources), conditions=json.loads(conditions))
        for (conditions, actions), resources in _statements(allowed).items()
    ]


def _actions_on(allowed: _Allowed, permission: Permission, resource: str) -> dict[str, None]:
    conditions = _NO_CONDITIONS if permission.conditions is None else json.dumps(permission.conditions, sort_keys=True)
    return allowed.setdefault(conditions, {}).setdefault(resource, {})


def _statements(allowed: _Allowed) -> _Statements:
    """The statements; what is allowed without conditions need not be allowed with some."""
    statements: _Statements = {}
    always = allowed.get(_NO_CONDITIONS, {})
    for conditions, resources in allowed.items():
        for resource, actions in resources.items():
            needed = actions.keys() - (always.get(resource, {}).keys() if conditions != _NO_CONDITIONS else set())
            if needed:
                statements.setdefault((conditions, tuple(sorted(needed))), []).append(resource)
    return statements


def _document(statements: _Statements) -> dict[str, Any]:
    """Handed to the CDK as a whole, as each statement would be a round trip to Node.js."""
    return {
        "Statement": [
            {"Action": _short(actions), "Effect": "Allow", "Resource": _short(resources), **_condition(conditions)}
            for (conditions, actions), resources in statements.items()
        ],
        "Version": "2012-10-17",
    }


def _short(items: Sequence[str]) -> str | list[str]:
    return items[0] if len(items) == 1 else list(items)


def _condition(conditions: str) -> dict[str, Any]:
    return {} if conditions == _NO_CONDITIONS else {"Condition": json.loads(conditions)}


class Policies(Construct):
    """The policies of one role, made when the app is synthesised."""

    def __init__(self, role: iam.Role, construct_id: str, *, is_shared: bool, attached: int = 0) -> None:
        """Collect what the role is allowed.

        Args:
            role: The role. What waits for the role waits for the policies.
            construct_id: The id in the role.
            is_shared: Whether others add policies to the role too: then the inline ones are left to them, and that it
                has not too many managed ones, and whether it is retained, is seen when the app is synthesised.
            attached: How many managed policies the role is known to have.
        """
        super().__init__(role, construct_id)
        self._role = role
        self._is_shared = is_shared
        self._most = [INLINE_POLICIES] * (not is_shared) + [_MANAGED] * (_ATTACHED - attached)
        self._allowed: _Allowed = {}
        self._length = 0
        Aspects.of(self).add(_WhenSynthesised(self._create), priority=AspectPriority.MUTATING)
        if is_shared:
            node_of(self).add_validation(_Attached(role, self))

    def allow(self, permissions: Iterable[Permission]) -> None:
        """Allow it.

        Raises:
            ValueError: IAM would not let the role have that much; the text is the size.
        """
        for permission in permissions:
            for resource in permission.resources:
                actions = _actions_on(self._allowed, permission, resource)
                if not actions:
                    self._length += length_of_resource(resource, permission.actions)
                actions.update(dict.fromkeys(permission.actions))
        # Far from the limit nobody has to look closer.
        if self._length > 0.75 * sum(self._most) and len(list(self._packed())) > len(self._most):
            raise ValueError(
                f"{self._length:,} characters of ARNs of the {sum(self._most):,} that IAM allows in all policies"
            )

    def _create(self) -> None:
        for number, packed in enumerate(self._packed(), start=1):
            document = iam.PolicyDocument.from_json(_document(packed))
            policy: iam.Policy | iam.ManagedPolicy
            if not self._is_shared and number == 1:
                policy = iam.Policy(self, "Policy", document=document, roles=[self._role])
            else:
                policy = iam.ManagedPolicy(self, f"Policy{number}", document=document, roles=[self._role])
            if self._is_shared and self._is_retained():
                policy.apply_removal_policy(RemovalPolicy.RETAIN)

    def _is_retained(self) -> bool:
        """Whether the role stays for runs that go on when its stack is deleted: they need its policies too."""
        resource = node_of(self._role).default_child
        return isinstance(resource, iam.CfnRole) and resource.cfn_options.deletion_policy is CfnDeletionPolicy.RETAIN

    def _packed(self) -> Iterator[_Statements]:
        """The statements of each policy: an inline one, if any, and as many managed policies as it takes."""
        policy: _Statements = {}
        limits = chain(self._most, repeat(_MANAGED))
        left = next(limits) - _LENGTH_OF_POLICY
        for statement, resources in _statements(self._allowed).items():
            conditions, actions = statement
            around = _length_of_statement(conditions, actions)
            for resource in resources:
                own = length_of_resource(resource, actions)
                needed = own if statement in policy else own + around
                if needed > left and policy:
                    yield policy
                    policy, left, needed = {}, next(limits) - _LENGTH_OF_POLICY, own + around
                policy.setdefault(statement, []).append(resource)
                left -= needed
        if policy:
            yield policy


@jsii.implements(IAspect)
class _WhenSynthesised:
    def __init__(self, create: Callable[[], None]) -> None:
        self._create: Callable[[], None] | None = create

    def visit(self, node: IConstruct) -> None:
        """Create the policies, once."""
        del node
        create, self._create = self._create, None
        if create is not None:
            create()


@jsii.implements(IValidation)
class _Attached:
    """Counts the managed policies of a role: those that its jobs need, and those of others."""

    def __init__(self, role: iam.Role, own: Construct) -> None:
        self._role = role
        self._own = own

    def validate(self) -> list[str]:
        """Put on the role as an error, at which the CDK CLI stops, that it has more than IAM lets it have."""
        stack, resource = stack_of(self._role), node_of(self._role).default_child
        if not isinstance(resource, iam.CfnRole):
            return []
        name = stack.resolve(resource.ref)
        attached = len(stack.resolve(resource.managed_policy_arns) or []) + sum(
            isinstance(other, iam.CfnManagedPolicy) and name in (stack.resolve(other.roles) or [])
            for other in node_of(stack).find_all()
        )
        if attached > _ATTACHED:
            own = len(node_of(self._own).children)
            Annotations.of(self._role).add_error(
                f"{path_of(self._role)}: the role would have {attached} managed policies of the {_ATTACHED} that IAM "
                f"allows, {own} of them for what its jobs need; {SHARE_LESS}"
            )
        return []


@functools.cache
def _length_of_statement(conditions: str, actions: tuple[str, ...]) -> int:
    """Without its resources."""
    statement = {"Action": actions, "Effect": "Allow", "Resource": [], **_condition(conditions)}
    return _length(json.dumps(statement, separators=(",", ":")) + ",", ())


def length_of_resource(arn: str, actions: tuple[str, ...]) -> int:
    """How much longer the ARN makes a statement of the actions, at most."""
    return _length(arn, actions) + len('"",')


def _length(text: str, actions: tuple[str, ...]) -> int:
    """How long a text, such as a resource of the actions, may be when its references are known."""
    service = actions[0].partition(":")[0] if actions else ""
    whole = 0
    if (reference := _REFERENCE.match(text)) and reference[1] not in _LENGTHS:
        whole, text = _LENGTHS_OF_ARNS.get(service, _LENGTH_OF_ARN), text[reference.end() :]

    def longest(reference: re.Match[str]) -> str:
        return "x" * _LENGTHS.get(reference[1], _LENGTHS_OF_IDS.get(service, _LENGTH_OF_NAME))

    return whole + len(_REFERENCE.sub(longest, text))
