"""The custom resource that a JobRun makes, and the provider behind it."""

import json
from pathlib import Path

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from constructs_emrs import Application, Code, JobMode, JobRun, JobRunState, ReleaseLabel, SparkJob
from constructs_emrs.handler import contract
from tests.templates import dependencies, new_stack, only, resources
from tests.unit.conftest import Lake


def test_a_batch_job_is_waited_for_until_it_succeeded(lake: Lake) -> None:
    properties = only(lake.stack, contract.JOB_RUN_TYPE)
    assert properties[contract.WAIT_FOR] == "SUCCESS"
    assert properties[contract.WAIT_TIMEOUT_SECONDS] == 55 * 60


def test_a_streaming_job_is_waited_for_until_it_runs() -> None:
    stack = new_stack()
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    job = SparkJob(
        stack, "Etl", application=application, entry_point=Code.from_uri("s3://code/x.py"), mode=JobMode.STREAMING
    )
    JobRun(stack, "Run", job=job)
    properties = only(stack, contract.JOB_RUN_TYPE)
    assert properties[contract.WAIT_FOR] == "RUNNING"
    assert properties[contract.REQUEST]["mode"] == "STREAMING"


def test_what_is_waited_for_the_arguments_and_the_triggers_can_be_given() -> None:
    stack = new_stack()
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    job = SparkJob(stack, "Etl", application=application, entry_point=Code.from_uri("s3://code/x.py"))
    JobRun(
        stack,
        "Run",
        job=job,
        wait_for=JobRunState.SUBMITTED,
        wait_timeout=Duration.minutes(5),
        arguments=["--day", "2"],
        triggers={"version": "7"},
    )
    properties = only(stack, contract.JOB_RUN_TYPE)
    assert properties[contract.WAIT_FOR] == "SUBMITTED"
    assert properties[contract.WAIT_TIMEOUT_SECONDS] == 300
    assert properties[contract.TRIGGERS] == {"version": "7"}
    assert properties[contract.REQUEST]["jobDriver"]["sparkSubmit"]["entryPointArguments"] == ["--day", "2"]


def test_nothing_starts_before_its_permissions_exist_nor_is_deleted_before_the_run_ended(lake: Lake) -> None:
    bucket = s3.Bucket(lake.stack, "Data")
    bucket.grant_read(lake.job)
    template = resources(lake.stack)
    (run_id,) = (name for name in template if name.startswith("EtlOnDeploy"))
    needed = {
        name
        for name, resource in template.items()
        if resource["Type"] in {"AWS::IAM::Policy", "AWS::KMS::Key", "AWS::EMRServerless::Application"}
        or resource["Type"] == contract.APPLICATION_STOP_TYPE
        or (resource["Type"] == "AWS::Logs::LogGroup" and name.startswith("Etl"))
    }
    assert needed
    assert needed <= dependencies(template, run_id)


def test_the_application_is_stopped_while_the_permissions_to_stop_it_still_exist(lake: Lake) -> None:
    template = resources(lake.stack)
    (stop_id,) = resources(lake.stack, contract.APPLICATION_STOP_TYPE)
    needed = json.dumps([template[name] for name in dependencies(template, stop_id)])
    assert "emr-serverless:StopApplication" in needed
    assert "emr-serverless:CancelJobRun" in needed


def test_all_runs_of_a_stack_share_one_provider(lake: Lake) -> None:
    JobRun(lake.stack, "Again", job=lake.job)
    handlers = [item["Properties"]["Handler"] for item in resources(lake.stack, "AWS::Lambda::Function").values()]
    assert handlers.count(contract.START) == handlers.count(contract.STEP) == 1
    tokens = {
        json.dumps(resource["Properties"]["ServiceToken"])
        for resource in resources(lake.stack).values()
        if "ServiceToken" in resource["Properties"]
    }
    assert len(tokens) == 1


def test_an_imported_application_is_used_and_not_stopped(script: Path) -> None:
    stack = new_stack()
    application = Application.from_application_id(stack, "Spark", "00f1982r1uukb925")
    job = SparkJob(stack, "Etl", application=application, entry_point=Code.from_asset(script))
    JobRun(stack, "Run", job=job)
    assert only(stack, contract.JOB_RUN_TYPE)[contract.REQUEST]["applicationId"] == "00f1982r1uukb925"
    assert resources(stack, contract.APPLICATION_STOP_TYPE) == {}
    assert resources(stack, "AWS::EMRServerless::Application") == {}


def test_a_brought_role_is_passed_and_given_what_the_job_needs(script: Path) -> None:
    stack = new_stack()
    role = iam.Role(stack, "Mine", assumed_by=iam.ServicePrincipal("emr-serverless.amazonaws.com"))
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    job = SparkJob(stack, "Etl", application=application, entry_point=Code.from_asset(script), execution_role=role)
    JobRun(stack, "Run", job=job)
    (role_id,) = (name for name in resources(stack, "AWS::IAM::Role") if name.startswith("Mine"))
    assert only(stack, contract.JOB_RUN_TYPE)[contract.REQUEST]["executionRoleArn"] == {"Fn::GetAtt": [role_id, "Arn"]}
    (policy,) = (
        resource["Properties"]
        for resource in resources(stack, "AWS::IAM::Policy").values()
        if {"Ref": role_id} in resource["Properties"]["Roles"]
    )
    assert "logs:PutLogEvents" in json.dumps(policy)


def test_application_and_job_may_be_in_another_stack_than_the_run(lake: Lake) -> None:
    other = Stack(lake.stack.node.root, "Runs")  # type: ignore[arg-type]  # the root is the app
    JobRun(other, "Run", job=lake.job)
    assert only(other, contract.JOB_RUN_TYPE)[contract.WAIT_FOR] == "SUCCESS"
