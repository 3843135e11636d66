"""Findings of cdk-nag on what the constructs create that are as they should be, each with its reason.

They are acknowledged when an app that uses cdk-nag 3 is synthesised, where cdk-nag looks for them: it is silent about
these findings, and about nothing else. Nothing of it is in the template, and an app without cdk-nag pays nothing.
https://github.com/cdklabs/cdk-nag#acknowledging-a-rule
"""

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from aws_cdk import CfnResource, Stack, Validations
from aws_cdk import aws_iam as iam
from constructs import Construct, IConstruct

from ..validation.cdk_cache import node_of, stack_of
from ..validation.late_checks import check_late

_WILDCARDS = "AwsSolutions-IAM5"
_PACKS_OF_FUNCTIONS = ("NIST.800.53.R5", "HIPAA.Security")
_PACKS = (*_PACKS_OF_FUNCTIONS, "PCI.DSS.321")


def _in_packs(rule: str, reason: str, packs: Sequence[str] = _PACKS) -> dict[str, str]:
    return {f"{pack}-{rule}": reason for pack in packs}


_INLINE_POLICY = _in_packs("IAMNoInlinePolicy", "It belongs to one role and is deleted with it.")
_POLICIES = {"AWS::IAM::Role": _INLINE_POLICY, "AWS::IAM::Policy": _INLINE_POLICY}

# Rules and the reason by the type of the provider's resources.
_PROVIDER: dict[str, dict[str, str]] = {
    **_POLICIES,
    "AWS::Lambda::Function": {
        "AwsSolutions-L1": "A runtime that it is meant for, rather than the newest that the installed CDK knows.",
        **_in_packs(
            "LambdaInsideVPC",
            "It calls APIs of AWS only; in a VPC without endpoints for all of them no deployment would end.",
        ),
        **_in_packs(
            "LambdaConcurrency",
            "It runs during deployments only; reserved concurrency would be taken from the account's other functions.",
            _PACKS_OF_FUNCTIONS,
        ),
        **_in_packs(
            "LambdaDLQ",
            "CloudFormation waits for each answer and fails the deployment without it; a kept event is of no use.",
            _PACKS_OF_FUNCTIONS,
        ),
    },
    "AWS::Logs::LogGroup": _in_packs(
        "CloudWatchLogGroupEncrypted",
        "CloudWatch Logs encrypts it with a key of its own; nothing of the request is logged, and of the job's log "
        "only the end that explains a failure.",
    ),
    "AWS::StepFunctions::StateMachine": {
        "AwsSolutions-SF1": "Logged events would keep the job's request and the URL that answers CloudFormation.",
        "AwsSolutions-SF2": "It polls one function during a deployment; there is nothing to trace.",
    },
}
# The same for the state machine of a job.
_STATE_MACHINE: dict[str, dict[str, str]] = {
    **_POLICIES,
    "AWS::StepFunctions::StateMachine": {
        "AwsSolutions-SF1": "Each execution is a job run, which has logs of its own; arguments may be confidential.",
        "AwsSolutions-SF2": "It calls one service and waits; there is nothing to trace.",
    },
}
# The wildcards of what the functions are granted: never all resources of a kind, and no action.
_PROVIDER_WILDCARDS = {
    r"Resource::.+:/applications/\*(/jobruns/\*)?": (
        "Applications and runs are ended after they left the template: they are stopped and cancelled by the stack's "
        "tag."
    ),
    r"Resource::.+[:/]\*": (
        "All of one thing: an application's job runs, a log group's streams, a log bucket's prefix."
    ),
}

# The statements of execution roles that have wildcards, by their ids.
_EXECUTION_ROLE_WILDCARDS = {
    "ListLogGroups": "DescribeLogGroups can't be narrowed to one log group.",
    "UseLogGroupKey": "The actions that CloudWatch Logs documents, on one key, through CloudWatch Logs only.",
    "WriteS3Logs": "The names of a run's logs have its id, which is not known before it runs.",
    "WriteLogs": "The streams of one log group.",
    "EncryptLogGroup": "One log group.",
    "ConnectToCatalog": "The functions of one database.",
    "ReadTables": "The tables of one database.",
    "WriteTables": "The tables of one database.",
    "DropPartitions": "The tables of one database.",
    "StartHive": "Hive reads the names of all databases and functions when it starts.",
}


class Statement(NamedTuple):
    """A statement that a role was given."""

    sid: str
    actions: Sequence[str]
    resources: Sequence[str]


def acknowledge_provider(provider: Construct) -> None:
    """Explain what cdk-nag finds in the provider, whose roles are granted nothing by others."""
    _acknowledge_late(provider, lambda: _acknowledge_all(provider, _PROVIDER))


def acknowledge_state_machine(state_machine: Construct) -> None:
    """Explain what cdk-nag finds in the state machine of a job, whose role is granted nothing by others."""
    _acknowledge_late(state_machine, lambda: _acknowledge_all(state_machine, _STATE_MACHINE))


def acknowledge_execution_role(stack: Stack, role: iam.IRole, statements: Sequence[Statement]) -> None:
    """Explain what cdk-nag finds in statements of the role: their wildcards, and that they are in an inline policy.

    Args:
        stack: The stack that the role is in.
        role: The role.
        statements: The statements, to which others may be added until the app is synthesised.
    """
    _acknowledge_late(stack, lambda: _acknowledge_execution_role(role, statements))


def _acknowledge_late(owner: IConstruct, acknowledge: Callable[[], None]) -> None:
    """Do it before cdk-nag looks at the app, and not in an app without it: it has been imported by then."""
    check_late(owner, lambda: acknowledge() if "cdk_nag" in sys.modules else None)


def _acknowledge_all(owner: Construct, rules: Mapping[str, Mapping[str, str]]) -> None:
    def reason(finding: str) -> str | None:
        return next((why for what, why in _PROVIDER_WILDCARDS.items() if re.fullmatch(what, finding)), None)

    for resource in node_of(owner).find_all():
        has_nothing_inline = isinstance(resource, iam.CfnRole) and not resource.policies
        if isinstance(resource, CfnResource) and not has_nothing_inline:
            _acknowledge(resource, rules.get(resource.cfn_resource_type, {}))
            _acknowledge_wildcards(resource, reason)


def _acknowledge_execution_role(role: iam.IRole, statements: Sequence[Statement]) -> None:
    reasons: dict[str, str] = {}
    resolved = stack_of(role).resolve([list(statement.resources) for statement in statements])
    for statement, resources in zip(statements, resolved, strict=True):
        why = _EXECUTION_ROLE_WILDCARDS.get(statement.sid, "As wide as the service's documentation asks for.")
        for finding in _wildcards([{"Action": list(statement.actions), "Resource": resources}]):
            reasons.setdefault(finding, why)
    for policy in node_of(role).find_all():
        if isinstance(policy, iam.CfnPolicy):
            _acknowledge(policy, _INLINE_POLICY)
        if isinstance(policy, iam.CfnPolicy | iam.CfnManagedPolicy):
            _acknowledge_wildcards(policy, reasons.get)


def _acknowledge_wildcards(resource: CfnResource, reason: Callable[[str], str | None]) -> None:
    """Acknowledge those wildcards of the resource's policies that there is a reason for."""
    match resource:
        case iam.CfnRole():
            inline = stack_of(resource).resolve(resource.policies) or []
            documents = [policy["policyDocument"] for policy in inline]
        case iam.CfnPolicy() | iam.CfnManagedPolicy():
            documents = [stack_of(resource).resolve(resource.policy_document)]
        case _:
            return
    found = _wildcards([statement for document in documents for statement in document["Statement"]])
    reasons = {finding: why for finding in found if (why := reason(finding)) is not None}
    _acknowledge(resource, {f"{_WILDCARDS}[{finding}]": why for finding, why in reasons.items()})


def _acknowledge(resource: IConstruct, findings: Mapping[str, str]) -> None:
    # What Validations.acknowledge writes. Itself it refuses an id with `::` in its brackets, as all ARNs have, before
    # aws-cdk-lib 2.273 or so, and later one whose brackets have no partner, as the name of a bucket's folder may have:
    # https://github.com/aws/aws-cdk/pull/38787
    if findings:
        node_of(resource).add_metadata(Validations.ACKNOWLEDGED_RULES_METADATA_KEY, dict(findings))


def _wildcards(statements: Iterable[Mapping[str, Any]]) -> list[str]:
    """What cdk-nag finds in resolved statements, as it spells it."""
    found = [
        f"{kind}::{text}"
        for statement in statements
        for kind in ("Action", "Resource")
        for text in map(_flattened, _as_list(statement.get(kind, [])))
        if "*" in text
    ]
    return list(dict.fromkeys(found))


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _flattened(value: Any) -> str:
    """A resolved ARN as cdk-nag spells it in the id of a finding."""
    match value:
        case str():
            return value.replace("${", "<").replace("}", ">")
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(map(_flattened, parts))
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::ImportValue": name}:
            return _flattened(name)
        case {"Fn::Sub": text}:
            return _flattened(text)
        case _:
            return json.dumps(value, separators=(",", ":"))
