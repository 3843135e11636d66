"""What a job gets when the user brings nothing."""

import json
from pathlib import Path

from aws_cdk import Tags
from aws_cdk import aws_logs as logs
from aws_cdk.assertions import Match, Template

from constructs_emrs import Application, CloudWatchLogs, Configuration, JobRun, Monitoring, ReleaseLabel, SparkJob
from constructs_emrs.handler import contract
from tests.templates import new_stack, only, request_of, resolved, resources
from tests.unit.conftest import Lake

SERVICE_PRINCIPAL = {"Service": "emr-serverless.amazonaws.com"}


def test_the_execution_role_is_assumed_by_the_service_for_this_account_only(lake: Lake) -> None:
    Template.from_stack(lake.stack).has_resource_properties(
        "AWS::IAM::Role",
        {
            "AssumeRolePolicyDocument": {
                "Statement": [
                    {
                        "Action": "sts:AssumeRole",
                        "Effect": "Allow",
                        "Principal": SERVICE_PRINCIPAL,
                        "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
                    }
                ]
            }
        },
    )


def test_the_key_rotates_and_the_log_group_is_encrypted_with_it(lake: Lake) -> None:
    (key_id,) = resources(lake.stack, "AWS::KMS::Key")
    assert only(lake.stack, "AWS::KMS::Key")["EnableKeyRotation"] is True
    Template.from_stack(lake.stack).has_resource_properties(
        "AWS::Logs::LogGroup", {"KmsKeyId": {"Fn::GetAtt": [key_id, "Arn"]}, "RetentionInDays": 30}
    )


def test_cloudwatch_managed_logs_and_disks_use_the_key(lake: Lake) -> None:
    (key_id,) = resources(lake.stack, "AWS::KMS::Key")
    key_arn = {"Fn::GetAtt": [key_id, "Arn"]}
    (log_group_id,) = (name for name in resources(lake.stack, "AWS::Logs::LogGroup") if name.startswith("Etl"))
    request = only(lake.stack, contract.JOB_RUN_TYPE)[contract.REQUEST]
    assert request["configurationOverrides"] == {
        "monitoringConfiguration": {
            "cloudWatchLoggingConfiguration": {
                "enabled": True,
                "logGroupName": {"Ref": log_group_id},
                "encryptionKeyArn": key_arn,
            },
            "managedPersistenceMonitoringConfiguration": {"enabled": True, "encryptionKeyArn": key_arn},
        },
        "diskEncryptionConfiguration": {"encryptionKeyArn": key_arn},
    }


def test_the_key_lets_the_service_use_it_for_the_application_and_the_logs_service_for_the_stack_s_groups(
    lake: Lake,
) -> None:
    statements = only(lake.stack, "AWS::KMS::Key")["KeyPolicy"]["Statement"]
    by_principal = {json.dumps(statement["Principal"]): statement for statement in statements}
    service = by_principal[json.dumps(SERVICE_PRINCIPAL)]
    assert service["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert service["Condition"].keys() == {"ArnLike"}
    assert "/applications/" in json.dumps(service["Condition"]["ArnLike"]["aws:SourceArn"])
    (logs,) = (statement for principal, statement in by_principal.items() if "logs." in principal)
    groups = logs["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    assert [resolved(group, {}).rpartition(":")[2] for group in groups] == ["Lake-*", "/Lake-*"]


def test_the_role_may_use_its_own_log_group_only(lake: Lake) -> None:
    (log_group_id,) = (name for name in resources(lake.stack, "AWS::Logs::LogGroup") if name.startswith("Etl"))
    Template.from_stack(lake.stack).has_resource_properties(
        "AWS::IAM::Policy",
        {
            "PolicyDocument": {
                "Statement": Match.array_with(
                    [
                        Match.object_like(
                            {
                                "Action": Match.array_with(["logs:CreateLogStream", "logs:PutLogEvents"]),
                                "Resource": {"Fn::GetAtt": [log_group_id, "Arn"]},
                            }
                        )
                    ]
                )
            }
        },
    )


def test_tags_of_the_stack_reach_the_job_run(lake: Lake) -> None:
    Tags.of(lake.stack).add("team", "lake")
    assert only(lake.stack, contract.JOB_RUN_TYPE)[contract.REQUEST]["tags"] == {"team": "lake"}


def test_the_request_is_readable_and_changing_the_copy_changes_nothing(lake: Lake) -> None:
    request = request_of(lake.job)
    assert request["name"] == "Etl"
    assert request["jobDriver"]["sparkSubmit"]["entryPointArguments"] == ["--day", "1"]
    request["jobDriver"]["sparkSubmit"]["entryPointArguments"].append("x")
    assert request_of(lake.job)["jobDriver"]["sparkSubmit"]["entryPointArguments"] == ["--day", "1"]


def test_the_log_group_keeps_logs_for_as_long_as_is_asked(script: Path) -> None:
    stack = new_stack()
    SparkJob(
        stack,
        "Etl",
        application=Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0),
        entry_point=script,
        monitoring=Monitoring(cloudwatch_logs=CloudWatchLogs(log_retention=logs.RetentionDays.ONE_WEEK)),
    )
    groups = resources(stack, "AWS::Logs::LogGroup")
    (days,) = (group["Properties"]["RetentionInDays"] for name, group in groups.items() if name.startswith("Etl"))
    assert days == 7


def test_a_classification_may_be_emptied(script: Path) -> None:
    stack = new_stack()
    job = SparkJob(
        stack,
        "Etl",
        application=Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0),
        entry_point=script,
        application_configuration=[
            Configuration(classification="spark-defaults", properties={}),
            Configuration(classification="spark-env"),
        ],
    )
    JobRun(stack, "Run", job=job)
    request = only(stack, contract.JOB_RUN_TYPE)[contract.REQUEST]
    assert request["configurationOverrides"]["applicationConfiguration"] == [
        {"classification": "spark-defaults", "properties": {}},
        {"classification": "spark-env"},
    ]
