"""Stacks of hundreds of jobs, and the limits of CloudFormation, IAM and KMS."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Annotations, Match

from constructs_emrs import (
    Application,
    CloudWatchLogs,
    Code,
    Encryption,
    IApplication,
    JobRun,
    Monitoring,
    ReleaseLabel,
    SparkJob,
)
from tests.authorization import listed
from tests.templates import ACCOUNT, Resources, dependencies, new_stack, resources

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
INLINE_POLICIES_OF_A_ROLE, MANAGED_POLICY, MANAGED_POLICIES_OF_A_ROLE = 10_240, 6_144, 10
# https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html
KEY_POLICY = 32 * 1024
TEMPLATE, RESOURCES = 1_000_000, 500
# As long as what references become may be when they are deployed: names that CloudFormation gives have up to 64
# characters; an application's id has 16.
PSEUDO_PARAMETERS = {"AWS::Partition": "aws-us-gov", "AWS::AccountId": ACCOUNT, "AWS::Region": "us-gov-west-1"}
NAME = "n" * 64
ARNS = {
    "AWS::IAM::Role": f"arn:aws-us-gov:iam::{ACCOUNT}:role/{NAME}",
    "AWS::KMS::Key": f"arn:aws-us-gov:kms:us-gov-west-1:{ACCOUNT}:key/{'k' * 36}",
    "AWS::Logs::LogGroup": f"arn:aws-us-gov:logs:us-gov-west-1:{ACCOUNT}:log-group:{NAME}:*",
}


def deployed(document: Any, template: Resources) -> Any:
    """A policy with references as long as they may be when they are deployed."""
    match document:
        case {"Ref": name}:
            return PSEUDO_PARAMETERS.get(name, NAME)
        case {"Fn::GetAtt": [_, "ApplicationId"]}:
            return "00f1982r1uukb925"
        case {"Fn::GetAtt": [name, "Arn"]}:
            return ARNS.get(template[name]["Type"], f"arn:aws-us-gov:lambda:us-gov-west-1:{ACCOUNT}:function:{NAME}")
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{(.+?)\}", lambda name: PSEUDO_PARAMETERS.get(name[1], NAME), text)
        case {"Fn::Join": [separator, parts]}:
            return separator.join(deployed(part, template) for part in parts)
        case dict():
            return {name: deployed(item, template) for name, item in document.items()}
        case list():
            return [deployed(item, template) for item in document]
        case _:
            return document


def length(document: Any, template: Resources) -> int:
    """Without white space, as IAM counts."""
    return len(json.dumps(deployed(document, template), separators=(",", ":")))


def check_policies(template: Resources) -> None:
    """The policies of each role, and of each key, are as IAM and KMS allow."""
    inline: Counter[str] = Counter()
    managed: Counter[str] = Counter()
    for name, item in template.items():
        properties = item.get("Properties", {})
        roles = [role["Ref"] if isinstance(role, dict) else role for role in properties.get("Roles", [])]
        match item["Type"]:
            case "AWS::IAM::Role":
                inline[name] += sum(length(own["PolicyDocument"], template) for own in properties.get("Policies", []))
                managed[name] += len(properties.get("ManagedPolicyArns", []))
            case "AWS::IAM::Policy":
                inline.update(dict.fromkeys(roles, length(properties["PolicyDocument"], template)))
            case "AWS::IAM::ManagedPolicy":
                managed.update(roles)
                assert length(properties["PolicyDocument"], template) <= MANAGED_POLICY
            case "AWS::KMS::Key":
                assert length(properties["KeyPolicy"], template) <= KEY_POLICY
    assert max(inline.values()) <= INLINE_POLICIES_OF_A_ROLE
    assert max(managed.values()) <= MANAGED_POLICIES_OF_A_ROLE


def check_limits(stack: Stack) -> None:
    """Resources, template and policies of a stack are as CloudFormation, IAM and KMS allow."""
    template = resources(stack)
    assert len(template) <= RESOURCES
    assert len(json.dumps(template, indent=1)) <= TEMPLATE
    check_policies(template)


def test_400_runs_of_jobs_that_share_role_and_log_group_keep_every_limit() -> None:
    stack = new_stack()
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("emr-serverless.amazonaws.com"))
    monitoring = Monitoring(cloudwatch_logs=CloudWatchLogs(log_group=logs.LogGroup(stack, "Group")))
    for number in range(400):
        job = SparkJob(
            stack,
            f"Job{number}",
            application=application,
            entry_point=Code.from_uri("s3://code/etl.py"),
            execution_role=role,
            monitoring=monitoring,
        )
        JobRun(stack, f"Run{number}", job=job)
    check_limits(stack)


def jobs(count: int, *, all_of_their_own: bool, roles: str, minimize_policies: bool, imported: bool = False) -> Stack:
    """A stack of jobs that share application, key and log group, or not, and that have roles of their own, or not."""
    # One stack can't have that many resources; what they need of the functions' role may come from other stacks.
    context = {"@aws-cdk/core:stackResourceLimit": 0, "@aws-cdk/aws-iam:minimizePolicies": minimize_policies}
    stack = Stack(App(context=context), "Lake")
    application: IApplication | None = None
    key: kms.IKey | None = None
    group: logs.ILogGroup | None = None
    shared: iam.IRole | None = None
    if roles == "one":
        shared = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("emr-serverless.amazonaws.com"))
    elif roles == "one that is imported":
        shared = iam.Role.from_role_arn(stack, "Role", f"arn:aws:iam::{ACCOUNT}:role/Etl")
    for number in range(count):
        if imported:
            application = Application.from_application_id(stack, f"Spark{number}", f"00f{number:013}")
            key = kms.Key.from_key_arn(stack, f"Key{number}", f"{ARNS['AWS::KMS::Key'][:-4]}{number:04}")
            group_arn = f"arn:aws-us-gov:logs:us-gov-west-1:{ACCOUNT}:log-group:{number:064}"
            group = logs.LogGroup.from_log_group_arn(stack, f"Group{number}", group_arn)
        elif application is None or key is None or group is None or all_of_their_own:
            application = Application(stack, f"Spark{number}", release_label=ReleaseLabel.EMR_7_14_0)
            key = kms.Key(stack, f"Key{number}")
            group = logs.LogGroup(stack, f"Group{number}", encryption_key=key)
        arn = f"arn:aws:iam::{ACCOUNT}:role/{number:064}"
        job = SparkJob(
            stack,
            f"Job{number}",
            application=application,
            entry_point=Code.from_uri("s3://code/etl.py"),
            encryption=Encryption.customer_managed(key),
            # The service is to give an imported group the key, for which it needs all that there is.
            monitoring=Monitoring(
                cloudwatch_logs=CloudWatchLogs(log_group=group, encryption_key=key if imported else None)
            ),
            execution_role=shared
            or (iam.Role.from_role_arn(stack, f"Role{number}", arn) if roles == "brought" else None),
        )
        if roles == "the first job's":
            shared = job.execution_role
        JobRun(stack, f"Run{number}", job=job)
    return stack


@pytest.mark.parametrize(
    ("count", "all_of_their_own", "roles", "minimize_policies"),
    [
        (400, False, "created", False),
        (400, False, "brought", True),
        (110, True, "created", True),
        (110, True, "brought", False),
    ],
)
def test_the_roles_of_many_jobs_keep_the_limits_of_iam(
    count: int, all_of_their_own: bool, roles: str, minimize_policies: bool
) -> None:
    stack = jobs(count, all_of_their_own=all_of_their_own, roles=roles, minimize_policies=minimize_policies)
    template = resources(stack)
    check_policies(template)
    passed = {
        json.dumps(arn)
        for item in template.values()
        if item["Type"] in {"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"}
        for statement in item["Properties"]["PolicyDocument"]["Statement"]
        if statement["Action"] == "iam:PassRole"
        for arn in (statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]])
    }
    assert len(passed) == count, "every role may be passed"


def test_jobs_that_need_more_than_iam_lets_a_role_have_are_refused_with_the_size_and_a_remedy() -> None:
    problem = (
        r"Lake/(Run|Spark)\d+: the role of the stack's functions would have \d\d,\d{3} characters of ARNs of the "
        "65,536 that IAM allows in all policies; put it into another stack"
    )
    with pytest.raises(ValueError, match=problem):
        jobs(200, all_of_their_own=True, roles="brought", minimize_policies=True)


@pytest.mark.parametrize(
    ("roles", "imported", "minimize_policies"),
    [
        ("one", False, False),
        ("one", True, True),
        ("the first job's", False, True),
        ("the first job's", True, False),
    ],
)
def test_the_policies_of_a_role_that_jobs_with_all_of_their_own_share_keep_the_limits_of_iam(
    roles: str, *, imported: bool, minimize_policies: bool
) -> None:
    stack = jobs(110, all_of_their_own=True, roles=roles, minimize_policies=minimize_policies, imported=imported)
    for number in range(10):
        s3.Bucket(stack, f"Data{number}").grant_read_write(role_of(stack))
    template = resources(stack)
    check_policies(template)
    policies = policies_of(stack, role_of(stack))
    for action in ("logs:PutLogEvents", "kms:GenerateDataKey", "kms:ReEncrypt*"):
        assert len(resources_of(policies, action)) == 110, f"{action} is allowed for each job"
    (run,) = (name for name in template if name.startswith("Run109"))
    assert policies.keys() <= dependencies(template, run), "nothing runs before the role is allowed everything"
    Annotations.from_stack(stack).has_no_error("*", Match.any_value())
    Annotations.from_stack(stack).has_no_warning("*", Match.string_like_regexp("managed policies"))


def test_a_role_that_has_too_many_managed_policies_with_those_of_its_jobs_is_refused_with_a_remedy() -> None:
    stack = jobs(110, all_of_their_own=True, roles="one", minimize_policies=False)
    role = role_of(stack)
    for number in range(4):
        role.add_managed_policy(iam.ManagedPolicy.from_aws_managed_policy_name(f"Policy{number}"))
    statement = iam.PolicyStatement(actions=["s3:ListBucket"], resources=["arn:aws:s3:::data"])
    iam.ManagedPolicy(stack, "Own", statements=[statement], roles=[role])
    problem = (
        "Lake/Role: the role would have 11 managed policies of the 10 that IAM allows, 6 of them for what its jobs "
        "need; let fewer jobs share it, or have them share keys and log groups"
    )
    Annotations.from_stack(stack).has_error("/Lake/Role", problem)


def test_a_role_is_refused_at_once_that_its_jobs_alone_need_too_much_of() -> None:
    stack = new_stack()
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("emr-serverless.amazonaws.com"))
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)

    def add_jobs(count: int) -> None:
        for number in range(count):
            group = logs.LogGroup.from_log_group_name(stack, f"Group{number}", f"{number:0500}")
            monitoring = Monitoring(cloudwatch_logs=CloudWatchLogs(log_group=group))
            SparkJob(
                stack,
                f"Job{number}",
                application=application,
                entry_point=Code.from_uri("s3://code/etl.py"),
                monitoring=monitoring,
                execution_role=role,
            )

    problem = (
        r"Lake/Role: the role would have \d\d,\d{3} characters of ARNs of the 61,440 that IAM allows in all policies; "
        "let fewer jobs share it, or have them share keys and log groups"
    )
    with pytest.raises(ValueError, match=problem):
        add_jobs(200)


def role_of(stack: Stack) -> iam.Role:
    """The role that the jobs share."""
    (role,) = (
        item
        for item in stack.node.find_all()
        if isinstance(item, iam.Role) and item.node.path in ("Lake/Role", "Lake/Job0/Role")
    )
    return role


def policies_of(stack: Stack, role: iam.Role) -> Resources:
    """The inline and managed policies that name the role."""
    name = stack.resolve(role.role_name)
    return {
        logical_id: item
        for logical_id, item in resources(stack).items()
        if item["Type"] in {"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"}
        and name in item["Properties"].get("Roles", [])
    }


def resources_of(policies: Resources, action: str) -> set[str]:
    """What an action is allowed on."""
    return {
        json.dumps(resource)
        for item in policies.values()
        for statement in item["Properties"]["PolicyDocument"]["Statement"]
        if action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }


def test_an_imported_role_that_too_many_jobs_share_is_refused_with_the_size_and_a_remedy() -> None:
    problem = (
        r"Lake/Role: the policy of this imported role would have more than 10,\d{3} characters of the 10,240 that IAM "
        "allows; let fewer jobs share it, or have them share keys and log groups"
    )
    with pytest.raises(ValueError, match=problem):
        jobs(75, all_of_their_own=True, roles="one that is imported", minimize_policies=True)


def test_200_jobs_of_as_many_applications_keep_every_limit_with_one_key() -> None:
    stack = new_stack()
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("emr-serverless.amazonaws.com"))
    for number in range(200):
        job = SparkJob(
            stack,
            f"Job{number}",
            application=Application.from_application_id(stack, f"Spark{number}", f"00f{number:013}"),
            entry_point=Code.from_uri("s3://code/etl.py"),
            execution_role=role,
        )
        JobRun(stack, f"Run{number}", job=job)
    check_limits(stack)


def test_the_files_of_many_jobs_that_share_a_role_are_in_few_policies(tmp_path: Path) -> None:
    stack = new_stack()
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("emr-serverless.amazonaws.com"))
    for number in range(120):
        path = tmp_path / f"{number}.py"
        path.write_text(f"# {number % 60}\n")
        SparkJob(stack, f"Job{number}", application=application, entry_point=path, execution_role=role)
    check_policies(resources(stack))
    assert len(resources_of(policies_of(stack, role), "s3:GetObject")) == 60
