"""Findings of cdk-nag on what the constructs create that are as they should be, each with its reason.

They are written into the resources' metadata, where cdk-nag looks for them: it is silent about these findings in every
app that uses the constructs, and about nothing else. The library does not need cdk-nag for it.
https://github.com/cdklabs/cdk-nag#suppressing-a-rule
"""

from collections.abc import Iterable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import jsii
from aws_cdk import AspectPriority, Aspects, CfnResource, IAspect, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct, IConstruct

from ._tree import node_of, stack_of

_WILDCARDS = "AwsSolutions-IAM5"
_INLINE_POLICIES = "IAMNoInlinePolicy"
_PACKS = ("NIST.800.53.R5", "HIPAA.Security", "PCI.DSS.321")

_INLINE_POLICY = (
    [f"{pack}-{_INLINE_POLICIES}" for pack in _PACKS],
    "It belongs to one role and is deleted with it.",
)

# Rules and the reason by the type of the provider's resources.
_PROVIDER: dict[str, list[tuple[list[str], str]]] = {
    "AWS::IAM::Role": [_INLINE_POLICY],
    "AWS::Lambda::Function": [
        (
            [f"{pack}-LambdaInsideVPC" for pack in _PACKS],
            "It calls APIs of AWS only; in a VPC without endpoints for all of them no deployment would end.",
        ),
        (
            ["NIST.800.53.R5-LambdaConcurrency", "HIPAA.Security-LambdaConcurrency"],
            "It runs during deployments only; reserved concurrency would be taken from the account's other functions.",
        ),
        (
            ["NIST.800.53.R5-LambdaDLQ", "HIPAA.Security-LambdaDLQ"],
            "CloudFormation waits for each answer and fails the deployment without it; a kept event is of no use.",
        ),
    ],
    "AWS::Logs::LogGroup": [
        (
            [f"{pack}-CloudWatchLogGroupEncrypted" for pack in _PACKS],
            "CloudWatch Logs encrypts it with a key of its own; nothing of the request is logged, and of the job's log "
            "only the end that explains a failure.",
        )
    ],
    "AWS::StepFunctions::StateMachine": [
        (["AwsSolutions-SF1"], "Logged events would keep the job's request and the URL that answers CloudFormation."),
        (["AwsSolutions-SF2"], "It polls one function during a deployment; there is nothing to trace."),
    ],
}
# What follows the name of one thing. Never all resources of a kind, and no action.
_BELOW_ONE_THING = (
    "All of one thing: an application's job runs, a function's versions, a log group's streams, a log bucket's prefix.",
    r"/^Resource::(?!.*\/applications\/\*).+[:\/]\*$/",
)
_ALL_APPLICATIONS = (
    "Applications and runs are ended after they left the template: they are stopped and cancelled by the stack's tag.",
    r"/^Resource::.+:\/applications\/\*(\/jobruns\/\*)?$/",
)

# The statements of execution roles that have wildcards, by their ids.
_EXECUTION_ROLE_WILDCARDS = {
    "ListLogGroups": "DescribeLogGroups can't be narrowed to one log group.",
    "UseLogGroupKey": "The actions that CloudWatch Logs documents, on one key, through CloudWatch Logs only.",
    "WriteS3Logs": "The names of a run's logs have its id, which is not known before it runs.",
    "WriteLogs": "The streams of one log group.",
    "EncryptLogGroup": "One log group.",
}


def suppress_provider_findings(provider: Construct, handler_role: iam.Role) -> None:
    """Explain what cdk-nag finds in the provider, whose roles nobody else grants anything."""
    for resource in provider.node.find_all():
        if isinstance(resource, CfnResource):
            explained = _PROVIDER.get(resource.cfn_resource_type, [])
            added = [item for rules, reason in explained for item in _suppressions(rules, reason)]
            if added:
                _add_suppressions(resource, added)
    role = node_of(handler_role).default_child
    if isinstance(role, CfnResource):
        _add_suppressions(role, _wildcards(_ALL_APPLICATIONS))
    Aspects.of(handler_role).add(_GrantedPolicies(), priority=AspectPriority.MUTATING + 1)


def suppress_runtime_finding(function: CfnResource) -> None:
    """Explain what cdk-nag finds in the runtime of one of our own functions."""
    reason = "A runtime that the function is meant for, rather than the newest that the installed CDK knows."
    _add_suppressions(function, _suppressions(["AwsSolutions-L1"], reason))


@jsii.implements(IAspect)
class _GrantedPolicies:
    """Explains the wildcards of what is granted to the role, also where the CDK splits the policy at synth."""

    def visit(self, node: IConstruct) -> None:
        """Look at one construct of the role."""
        if isinstance(node, iam.CfnPolicy):
            _add_suppressions(node, [*_suppressions(*_INLINE_POLICY), *_wildcards(_BELOW_ONE_THING)])
        elif isinstance(node, iam.CfnManagedPolicy):
            _add_suppressions(node, _wildcards(_BELOW_ONE_THING))


def suppress_execution_role_findings(
    role: iam.IRole, statements: Iterable[tuple[str, Sequence[str], Sequence[str]]]
) -> None:
    """Explain what cdk-nag finds in statements of the role: their wildcards, and that they are in an inline policy.

    Args:
        role: The role.
        statements: Their ids, actions and resources.
    """
    known = _explained.setdefault(role, set())
    added = [] if known else _suppressions(*_INLINE_POLICY)
    known.update(_INLINE_POLICY[0])
    for sid, actions, resources in statements:
        wild_actions = [action for action in actions if "*" in action and action not in known]
        wild_resources = [resource for resource in resources if "*" in resource and resource not in known]
        known.update(wild_actions, wild_resources)
        findings = [
            *(f"Action::{action}" for action in wild_actions),
            *(f"Resource::{_as_finding(stack_of(role), resource)}" for resource in wild_resources),
        ]
        if findings:
            reason = _EXECUTION_ROLE_WILDCARDS.get(sid, "As wide as the service's documentation asks for.")
            added += _suppressions([_WILDCARDS], reason, applies_to=findings)
    if added:
        for policy in _policies(role):
            _add_suppressions(policy, added)


# What has been explained of a role, which many jobs may share.
_explained: WeakKeyDictionary[iam.IRole, set[str]] = WeakKeyDictionary()


def _wildcards(explained: tuple[str, str]) -> list[dict[str, Any]]:
    reason, pattern = explained
    return _suppressions([_WILDCARDS], reason, applies_to=[{"regex": pattern}])


def _policies(role: IConstruct) -> Iterable[CfnResource]:
    """The policies that grants to the role have made; none for roles that can't be changed."""
    for child in node_of(role).children:
        if isinstance(child, iam.Policy):
            resource = child.node.default_child
            if isinstance(resource, CfnResource):
                yield resource


def _suppressions(
    rules: Iterable[str], reason: str, *, applies_to: Sequence[str | dict[str, str]] | None = None
) -> list[dict[str, Any]]:
    granular = {"applies_to": list(applies_to)} if applies_to else {}
    return [{"id": rule, "reason": reason, **granular} for rule in rules]


def _add_suppressions(resource: CfnResource, added: Iterable[dict[str, Any]]) -> None:
    """Add to the suppressions of a resource, which may have some of the user's already."""
    known: list[dict[str, Any]] = (resource.get_metadata("cdk_nag") or {}).get("rules_to_suppress", [])
    resource.add_metadata("cdk_nag", {"rules_to_suppress": known + [item for item in added if item not in known]})


def _as_finding(stack: Stack, arn: str) -> str:
    """An ARN as cdk-nag spells it; resolved once, as many roles of a stack have the same patterns."""
    known = _findings.setdefault(stack, {})
    if arn not in known:
        known[arn] = _flattened(stack.resolve(arn))
    return known[arn]


_findings: WeakKeyDictionary[Stack, dict[str, str]] = WeakKeyDictionary()


def _flattened(value: Any) -> str:
    """A resolved ARN as cdk-nag spells it in the id of a finding."""
    match value:
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(map(_flattened, parts))
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case _:
            return str(value)
