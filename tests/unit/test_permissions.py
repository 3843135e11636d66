"""Roles, keys and log groups in every combination of created, brought and imported."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import Environment, Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Annotations, Match, Template

from constructs_emrs import (
    Application,
    CloudWatchLogs,
    Code,
    Encryption,
    IApplication,
    Image,
    JobRun,
    ManagedLogs,
    Monitoring,
    ReleaseLabel,
    S3Logs,
    SparkJob,
)
from constructs_emrs.handler import contract
from tests import authorization
from tests.templates import ACCOUNT, REGION, dependencies, new_stack, request_of, resources

KEY_ARN = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0000"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/Etl"


def application(stack: Stack, kind: str = "created") -> IApplication:
    match kind:
        case "created":
            return Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
        case "of another stack":
            return Application(
                Stack(stack.node.scope, "Platform"),  # type: ignore[arg-type]  # the scope is the app
                "Spark",
                release_label=ReleaseLabel.EMR_7_14_0,
            )
        case _:
            return Application.from_application_id(stack, "Spark", "00app1")


def encryption(stack: Stack, kind: str) -> Encryption:
    match kind:
        case "default":
            return Encryption.customer_managed()
        case "created":
            return Encryption.customer_managed(kms.Key(stack, "Key"))
        case "imported":
            return Encryption.customer_managed(kms.Key.from_key_arn(stack, "Key", KEY_ARN))
        case _:
            return Encryption.aws_owned()


def role(stack: Stack, kind: str) -> iam.IRole | None:
    match kind:
        case "own":
            return None
        case "created":
            return iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("emr-serverless.amazonaws.com"))
        case _:
            return iam.Role.from_role_arn(stack, "Role", ROLE_ARN)


def cloudwatch_logs(stack: Stack, kind: str) -> CloudWatchLogs:
    match kind:
        case "own":
            return CloudWatchLogs()
        case "created":
            return CloudWatchLogs(log_group=logs.LogGroup(stack, "Group"))
        case "created and encrypted":
            key = kms.Key(stack, "GroupKey")
            group = logs.LogGroup(stack, "Group", encryption_key=key)
            return CloudWatchLogs(log_group=group, encryption_key=key)
        case _:
            return CloudWatchLogs(log_group=logs.LogGroup.from_log_group_name(stack, "Group", "mine"))


@pytest.mark.parametrize(
    ("applications", "keys", "roles", "groups"),
    [
        (*combination, groups)
        for combination, groups in zip(
            itertools.product(
                ["created", "of another stack", "imported"],
                ["default", "created", "imported", "owned by AWS"],
                ["own", "created", "imported"],
            ),
            # One of four beside the others' three: each meets each of them.
            itertools.cycle(["own", "created and encrypted", "created", "imported"]),
            strict=False,
        )
    ],
)
def test_no_combination_has_circular_dependencies_or_a_statement_that_aws_does_not_know(
    applications: str, keys: str, roles: str, groups: str
) -> None:
    stack = new_stack()
    job = SparkJob(
        stack,
        "Etl",
        application=application(stack, applications),
        entry_point=Code.from_uri("s3://code/etl.py"),
        encryption=encryption(stack, keys),
        execution_role=role(stack, roles),
        monitoring=Monitoring(cloudwatch_logs=cloudwatch_logs(stack, groups)),
    )
    JobRun(stack, "Run", job=job)
    assert authorization.problems(resources(stack)) == []  # the CDK refuses cycles


def policies(stack: Stack) -> list[dict[str, Any]]:
    """The documents of all policies of the stack."""
    names = ("PolicyDocument", "KeyPolicy", "AssumeRolePolicyDocument")
    properties = [item.get("Properties", {}) for item in resources(stack).values()]
    return [item[name] for item in properties for name in names if name in item]


def stack_of_jobs(count: int, *, share_role: bool) -> Stack:
    stack = new_stack()
    spark = application(stack)
    shared = role(stack, "created") if share_role else None
    for number in range(count):
        job = SparkJob(
            stack,
            f"Job{number}",
            application=spark,
            entry_point=Code.from_uri("s3://code/etl.py"),
            execution_role=shared,
        )
        JobRun(stack, f"Run{number}", job=job)
    return stack


@pytest.mark.parametrize("share_role", [True, False])
def test_statement_ids_are_unique_in_each_policy(share_role: bool) -> None:
    for document in policies(stack_of_jobs(3, share_role=share_role)):
        ids = [statement["Sid"] for statement in document["Statement"] if "Sid" in statement]
        assert len(ids) == len(set(ids))


def test_policies_do_not_grow_with_the_jobs_that_share_a_role() -> None:
    sizes = [
        max(len(json.dumps(document)) for document in policies(stack_of_jobs(count, share_role=True)))
        for count in (2, 40)
    ]
    assert sizes[0] == sizes[1]


def test_a_key_for_disks_alone_is_bound_to_the_application() -> None:
    stack = new_stack()
    disk_key, log_key = kms.Key(stack, "DiskKey"), kms.Key(stack, "LogKey")
    job = SparkJob(
        stack,
        "Etl",
        application=application(stack),
        entry_point=Code.from_uri("s3://code/etl.py"),
        encryption=Encryption.customer_managed(disk_key),
        monitoring=Monitoring(
            managed_logs=ManagedLogs(encryption_key=log_key), cloudwatch_logs=CloudWatchLogs(enabled=False)
        ),
    )
    JobRun(stack, "Run", job=job)
    statements = {
        name.rstrip("0123456789ABCDEF"): item["Properties"]["KeyPolicy"]["Statement"][-1]["Condition"]
        for name, item in resources(stack, "AWS::KMS::Key").items()
    }
    # What each page shows, and no more:
    # https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/disk-encryption-cmk.html
    # https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-log-encryption.html
    assert statements["DiskKey"]["StringEquals"].keys() == {"aws:SourceAccount", "kms:EncryptionContext:applicationId"}
    assert statements["DiskKey"]["ArnLike"].keys() == {"aws:SourceArn"}
    assert statements["LogKey"].keys() == {"ArnLike"}
    assert statements["LogKey"]["ArnLike"].keys() == {"aws:SourceArn"}
    via_service = {"StringEquals": {"kms:ViaService": {"Fn::Sub": "emr-serverless.${AWS::Region}.amazonaws.com"}}}
    (submitting,) = (
        statement
        for document in policies(stack)
        for statement in document["Statement"]
        if statement.get("Condition") == via_service
    )
    assert submitting["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert submitting["Resource"] == stack.resolve(disk_key.key_arn)


def test_only_this_account_can_make_the_service_use_the_execution_role() -> None:
    stack = stack_of_jobs(1, share_role=False)
    (trust,) = (
        statement
        for document in policies(stack)
        for statement in document["Statement"]
        if statement.get("Principal") == {"Service": "emr-serverless.amazonaws.com"}
        and statement["Action"] == "sts:AssumeRole"
    )
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_the_key_of_a_log_group_is_used_through_cloudwatch_logs_only() -> None:
    stack = stack_of_jobs(1, share_role=False)
    via = {"StringEquals": {"kms:ViaService": {"Fn::Sub": "logs.${AWS::Region}.amazonaws.com"}}}
    encrypting = [
        statement
        for document in policies(stack)
        for statement in document["Statement"]
        if "kms:Encrypt" in statement["Action"] and "Principal" not in statement
    ]
    assert [statement["Condition"] for statement in encrypting] == [via]


def test_s3_logs_are_encrypted_with_the_bucket_s_key_unless_told_otherwise() -> None:
    stack = new_stack()
    bucket_key = kms.Key(stack, "BucketKey")
    bucket = s3.Bucket(stack, "Logs", encryption=s3.BucketEncryption.KMS, encryption_key=bucket_key)
    job = SparkJob(
        stack,
        "Etl",
        application=application(stack),
        entry_point=Code.from_uri("s3://code/etl.py"),
        monitoring=Monitoring(s3_logs=S3Logs(bucket=bucket)),
    )
    monitoring = request_of(job)["configurationOverrides"]["monitoringConfiguration"]
    assert monitoring["s3MonitoringConfiguration"]["encryptionKeyArn"] == bucket_key.key_arn


def test_a_brought_log_group_keeps_its_key_and_the_role_may_use_it() -> None:
    stack = new_stack()
    group = logs.LogGroup(stack, "Group", encryption_key=kms.Key(stack, "GroupKey"))
    job = SparkJob(
        stack,
        "Etl",
        application=application(stack),
        entry_point=Code.from_uri("s3://code/etl.py"),
        encryption=Encryption.aws_owned(),
        monitoring=Monitoring(cloudwatch_logs=CloudWatchLogs(log_group=group)),
    )
    JobRun(stack, "Run", job=job)
    request = request_of(job)["configurationOverrides"]["monitoringConfiguration"]
    assert "encryptionKeyArn" not in request["cloudWatchLoggingConfiguration"]
    (key_id,) = resources(stack, "AWS::KMS::Key")
    Template.from_stack(stack).has_resource_properties(
        "AWS::IAM::Policy",
        {
            "PolicyDocument": {
                "Statement": Match.array_with(
                    [
                        Match.object_like(
                            {
                                "Action": Match.array_with(["kms:Encrypt"]),
                                "Resource": {"Fn::GetAtt": [key_id, "Arn"]},
                            }
                        )
                    ]
                )
            }
        },
    )
    reading = {"Action": "kms:Decrypt", "Resource": {"Fn::GetAtt": [key_id, "Arn"]}}
    statements = [statement for document in policies(stack) for statement in document["Statement"]]
    assert any(reading.items() <= statement.items() for statement in statements), "the handler reads the driver's log"


def test_what_an_immutable_role_and_an_imported_key_lack_is_a_warning_with_the_statements() -> None:
    stack = new_stack()
    job = SparkJob(
        stack,
        "Etl",
        application=application(stack),
        entry_point=Code.from_uri("s3://code/etl.py"),
        encryption=encryption(stack, "imported"),
        execution_role=iam.Role.from_role_arn(stack, "Role", ROLE_ARN, mutable=False),
    )
    JobRun(stack, "Run", job=job)
    warnings = [str(found.entry.data) for found in Annotations.from_stack(stack).find_warning("*", Match.any_value())]
    text = "\n".join(warnings)
    for action in ("logs:PutLogEvents", "logs:AssociateKmsKey", "kms:GenerateDataKey"):
        assert action in text
    assert "emr-serverless.amazonaws.com" in text
    assert all(
        "Lake/Etl: an imported role, key or repository can't be changed from here" in warning for warning in warnings
    )


@pytest.mark.parametrize("keys", ["default", "created"])
def test_an_application_with_monitoring_and_a_job_may_have_the_same_key(keys: str) -> None:
    stack = new_stack()
    shared = encryption(stack, keys)
    spark = Application(
        stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0, monitoring=Monitoring(), encryption=shared
    )
    job = SparkJob(stack, "Etl", application=spark, entry_point=Code.from_uri("s3://code/etl.py"), encryption=shared)
    JobRun(stack, "Run", job=job)
    Template.from_stack(stack)  # refuses cycles


def test_a_job_may_use_the_bucket_and_key_of_s3_logs_that_it_inherits() -> None:
    stack = new_stack()
    key = kms.Key(stack, "LogKey")
    spark = Application(
        stack,
        "Spark",
        release_label=ReleaseLabel.EMR_7_14_0,
        monitoring=Monitoring(s3_logs=S3Logs(bucket=s3.Bucket(stack, "Logs"), encryption_key=key)),
    )
    job = SparkJob(
        stack,
        "Etl",
        application=spark,
        entry_point=Code.from_uri("s3://code/etl.py"),
        encryption=Encryption.aws_owned(),
    )
    JobRun(stack, "Run", job=job)
    key_arn = stack.resolve(key.key_arn)
    using = [document for document in policies(stack) if json.dumps(key_arn) in json.dumps(document)]
    assert len(using) == 2, "the execution role's and the handler's"


def test_a_run_waits_for_the_policies_of_the_buckets_that_it_needs() -> None:
    stack = new_stack()
    code = s3.Bucket(stack, "Code", enforce_ssl=True)
    logs_bucket = s3.Bucket(stack, "Logs", enforce_ssl=True)
    job = SparkJob(
        stack,
        "Etl",
        application=application(stack),
        entry_point=Code.from_bucket(code, "etl.py"),
        monitoring=Monitoring(s3_logs=S3Logs(bucket=logs_bucket)),
    )
    JobRun(stack, "Run", job=job)
    (run_id,) = resources(stack, contract.JOB_RUN_TYPE)
    assert resources(stack, "AWS::S3::BucketPolicy").keys() <= dependencies(resources(stack), run_id)


def roles_and_policies_they_name(stack: Stack) -> list[dict[str, Any]]:
    """What is there for as long as the roles are."""
    template = resources(stack)
    roles = [item["Properties"] for item in template.values() if item["Type"] == "AWS::IAM::Role"]
    inline = [policy for role in roles for policy in role.get("Policies", [])]
    named = [template[arn["Ref"]]["Properties"] for role in roles for arn in role.get("ManagedPolicyArns", [])]
    assert not any("Roles" in policy for policy in named)
    return inline + named


def test_what_every_stack_needs_is_deleted_after_the_custom_resources() -> None:
    stack = stack_of_jobs(2, share_role=False)
    template = resources(stack)
    (policy,) = resources(stack, "AWS::IAM::ManagedPolicy")
    custom = [name for name, item in template.items() if item["Type"].startswith("Custom::EMRServerless")]
    assert len(custom) == 4
    for name in custom:
        assert policy in dependencies(template, name)


def test_the_functions_may_end_what_the_stack_started_whatever_its_template_says_by_then() -> None:
    statements = [
        {
            statement["Sid"]: statement
            for named in roles_and_policies_they_name(stack)
            for statement in named["PolicyDocument"]["Statement"]
            if statement.get("Sid") in {"SeeApplications", "SeeJobRuns", "StopApplications", "CancelJobRuns"}
        }
        for stack in (stack_of_jobs(0, share_role=False), stack_of_jobs(2, share_role=False))
    ]
    assert statements[0] == statements[1]
    assert len(statements[0]) == 4
    for name in ("StopApplications", "CancelJobRuns"):
        condition = {"StringEquals": {"aws:ResourceTag/constructs-emrs:stack-id": {"Ref": "AWS::StackId"}}}
        assert statements[0][name]["Condition"] == condition


OTHER = "999999999999"


def place() -> Environment:
    return Environment(account=ACCOUNT, region=REGION)


def other_bucket(stack: Stack) -> s3.IBucket:
    return s3.Bucket.from_bucket_attributes(stack, "Logs", bucket_name="logs", account=OTHER, region="eu-west-1")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (
            lambda stack: {"execution_role": iam.Role.from_role_arn(stack, "Role", f"arn:aws:iam::{OTHER}:role/Etl")},
            f"execution_role=<Lake/Role>: it is in account {OTHER}; use one in account {ACCOUNT}, the stack's",
        ),
        (
            lambda stack: {"monitoring": Monitoring(s3_logs=S3Logs(bucket=other_bucket(stack)))},
            f"it is in Region eu-west-1; use one in Region {REGION}, the stack's",
        ),
        (
            lambda stack: {
                "encryption": Encryption.customer_managed(
                    kms.Key.from_key_arn(stack, "Key", f"arn:aws:kms:eu-west-1:{OTHER}:key/1")
                )
            },
            f"it is in Region eu-west-1; use one in Region {REGION}, the stack's",
        ),
        (
            lambda stack: {
                "monitoring": Monitoring(
                    cloudwatch_logs=CloudWatchLogs(
                        log_group=logs.LogGroup.from_log_group_arn(
                            stack, "Group", f"arn:aws:logs:{REGION}:{OTHER}:log-group:etl"
                        )
                    )
                )
            },
            f"it is in account {OTHER}; use one in account {ACCOUNT}, the stack's",
        ),
        (
            lambda stack: {
                "encryption": Encryption.customer_managed(
                    kms.Key(stack, "Key", key_spec=kms.KeySpec.RSA_2048, key_usage=kms.KeyUsage.ENCRYPT_DECRYPT)
                )
            },
            "encryption.key=<Key Lake/Key>: the service encrypts with symmetric keys only; use a symmetric key",
        ),
    ],
    ids=["role of another account", "bucket", "key of another Region", "log group", "asymmetric key"],
)
def test_what_is_brought_and_cannot_work_is_refused(arguments: Callable[[Stack], dict[str, Any]], problem: str) -> None:
    stack = new_stack(env=place())
    spark = application(stack)
    with pytest.raises(ValueError, match=re.escape(problem)):
        SparkJob(stack, "Etl", application=spark, entry_point=Code.from_uri("s3://code/etl.py"), **arguments(stack))


def test_a_key_of_another_account_may_be_brought() -> None:
    stack = new_stack(env=place())
    key = kms.Key.from_key_arn(stack, "Key", f"arn:aws:kms:{REGION}:{OTHER}:key/1")
    SparkJob(
        stack,
        "Etl",
        application=application(stack),
        entry_point=Code.from_uri("s3://code/etl.py"),
        encryption=Encryption.customer_managed(key),
    )
    Template.from_stack(stack)


def jobs_with_a_role_that_trusts(stack: Stack, service: str) -> iam.Role:
    mine = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal(service))
    spark = application(stack)
    for name in ("Etl", "Report"):
        SparkJob(stack, name, application=spark, entry_point=Code.from_uri("s3://code/etl.py"), execution_role=mine)
    return mine


def errors_of(stack: Stack) -> list[str]:
    return [str(found.entry.data) for found in Annotations.from_stack(stack).find_error("*", Match.any_value())]


def test_a_brought_role_that_the_service_cannot_assume_is_an_error_once() -> None:
    stack = new_stack()
    jobs_with_a_role_that_trusts(stack, "glue.amazonaws.com")
    assert errors_of(stack) == [
        "Lake/Etl: execution_role=<Role Lake/Role>: EMR Serverless is not allowed to assume it; "
        'use assumed_by=iam.ServicePrincipal("emr-serverless.amazonaws.com")'
    ]


def test_a_brought_role_that_is_not_to_be_changed_is_checked_too() -> None:
    stack = new_stack()
    mine = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("glue.amazonaws.com")).without_policy_updates()
    source = Code.from_uri("s3://code/etl.py")
    SparkJob(stack, "Etl", application=application(stack), entry_point=source, execution_role=mine)
    (error,) = errors_of(stack)
    assert "EMR Serverless is not allowed to assume it" in error


def test_a_brought_role_that_everybody_may_assume_is_not_said_to_trust_somebody_else() -> None:
    stack = new_stack()
    mine = iam.Role(stack, "Role", assumed_by=iam.AnyPrincipal())
    source = Code.from_uri("s3://code/etl.py")
    SparkJob(stack, "Etl", application=application(stack), entry_point=source, execution_role=mine)
    assert errors_of(stack) == []


def test_a_brought_role_may_trust_the_service_later_and_among_others() -> None:
    stack = new_stack()
    mine = jobs_with_a_role_that_trusts(stack, "glue.amazonaws.com")
    assert mine.assume_role_policy is not None
    mine.assume_role_policy.add_statements(
        iam.PolicyStatement(
            actions=["sts:AssumeRole"], principals=[iam.ServicePrincipal("emr-serverless.amazonaws.com")]
        )
    )
    assert errors_of(stack) == []


def warnings_of(stack: Stack) -> list[str]:
    return [str(found.entry.data) for found in Annotations.from_stack(stack).find_warning("*", Match.any_value())]


def test_an_imported_repository_whose_policy_cannot_be_changed_is_a_warning_with_the_statement() -> None:
    stack = new_stack()
    images = ecr.Repository.from_repository_name(stack, "Images", "spark")
    for name in ("Spark", "Stream"):
        Application(stack, name, release_label=ReleaseLabel.EMR_7_14_0, image=Image(repository=images, tag="1.0"))
    (warning,) = warnings_of(stack)
    assert "Lake/Spark: an imported role, key or repository can't be changed" in warning
    assert "the policy of Lake/Images has to have" in warning
    for action in ("ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer"):
        assert action in warning


def test_a_warning_is_said_once_for_all_jobs_that_share_what_is_imported() -> None:
    stack = new_stack()
    spark, shared = application(stack), encryption(stack, "imported")
    for name in ("Etl", "Report"):
        SparkJob(stack, name, application=spark, entry_point=Code.from_uri("s3://code/etl.py"), encryption=shared)
    warnings = warnings_of(stack)
    assert warnings
    assert len({warning.partition("has to have")[2].partition("[ack")[0] for warning in warnings}) == len(warnings)
