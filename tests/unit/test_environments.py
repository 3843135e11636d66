"""Partitions, boundaries, nested stacks, stages, and stacks of many jobs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk import Environment, NestedStack, PermissionsBoundary, Stack, Stage
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk.assertions import Template

from constructs_emrs import (
    Application,
    CloudWatchLogs,
    Code,
    Encryption,
    Image,
    JobRun,
    Monitoring,
    Prometheus,
    ReleaseLabel,
    SparkJob,
    WorkerType,
)
from constructs_emrs.handler import contract
from tests.templates import ACCOUNT, new_app, new_stack, resolved, resources


def add_job(stack: Stack, **arguments: Any) -> SparkJob:
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    job = SparkJob(stack, "Etl", application=application, entry_point=Code.from_uri("s3://code/etl.py"), **arguments)
    JobRun(stack, "Run", job=job)
    return job


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1", "us-east-1"])
def test_no_arn_names_a_partition_and_no_endpoint_a_domain(region: str) -> None:
    stack = new_stack(env=Environment(account=ACCOUNT, region=region))
    add_job(stack)
    text = json.dumps(resources(stack))
    assert "arn:aws:" not in text.replace("arn:aws:iam::aws:policy", "")
    partition = {"cn-north-1": "aws-cn"}.get(region, "aws")
    prometheus = Prometheus.from_workspace_arn(f"arn:{partition}:aps:{region}:{ACCOUNT}:workspace/ws-1")
    domain = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    url = f"https://aps-workspaces.{region}.{domain}/workspaces/ws-1/api/v1/remote_write"
    assert prometheus.remote_write_url == url


@pytest.mark.parametrize(
    ("region", "suffix"),
    [("cn-north-1", "amazonaws.com.cn"), ("us-gov-west-1", "amazonaws.com"), ("us-east-1", "amazonaws.com")],
)
def test_the_principals_of_services_are_those_of_the_partition(region: str, suffix: str) -> None:
    stack = new_stack(env=Environment(account=ACCOUNT, region=region))
    add_job(stack)
    known = {"AWS::Region": region, "AWS::URLSuffix": suffix}
    principals = {
        resolved(statement["Principal"]["Service"], known)
        for item in resources(stack).values()
        for name in ("KeyPolicy", "AssumeRolePolicyDocument")
        for statement in item.get("Properties", {}).get(name, {"Statement": []})["Statement"]
        if "Service" in statement["Principal"]
    }
    # Which of them have a Region and a domain: aws-cdk-lib/region-info, Default.servicePrincipal.
    assert principals == {
        f"logs.{region}.{suffix}",
        "emr-serverless.amazonaws.com",
        "lambda.amazonaws.com",
        "states.amazonaws.com",
    }


def test_a_permissions_boundary_reaches_every_role() -> None:
    stack = new_stack()
    boundary = iam.ManagedPolicy.from_managed_policy_name(stack, "Boundary", "boundary")
    add_job(stack)
    iam.PermissionsBoundary.of(stack).apply(boundary)
    roles = resources(stack, "AWS::IAM::Role").values()
    assert roles
    assert all("PermissionsBoundary" in role["Properties"] for role in roles)


def test_a_permissions_boundary_of_the_app_reaches_every_role() -> None:
    stack = new_stack(permissions_boundary=PermissionsBoundary.from_name("boundary"))
    add_job(stack)
    assert all("PermissionsBoundary" in role["Properties"] for role in resources(stack, "AWS::IAM::Role").values())


def test_a_nested_stack_has_a_provider_and_a_key_of_its_own() -> None:
    parent = new_stack()
    nested = NestedStack(parent, "Nested")
    add_job(nested)
    template = Template.from_stack(nested)
    template.resource_count_is(contract.JOB_RUN_TYPE, 1)
    template.resource_count_is("AWS::KMS::Key", 1)
    Template.from_stack(parent).resource_count_is(contract.JOB_RUN_TYPE, 0)


def test_two_stages_have_the_same_stack() -> None:
    app = new_app()
    templates = []
    for name in ("Test", "Production"):
        stage = Stage(app, name)
        stack = Stack(stage, "Lake")
        add_job(stack)
        templates.append(stage.synth().get_stack_by_name(stack.stack_name).template["Resources"])
    assert templates[0].keys() == templates[1].keys()


def test_application_role_key_and_log_group_may_be_shared_over_stacks() -> None:
    app = new_app()
    platform, lake = Stack(app, "Platform"), Stack(app, "Lake")
    application = Application(platform, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    role = iam.Role(platform, "Role", assumed_by=iam.ServicePrincipal("emr-serverless.amazonaws.com"))
    key = kms.Key(platform, "Key")
    group = logs.LogGroup(platform, "Group")
    job = SparkJob(
        lake,
        "Etl",
        application=application,
        entry_point=Code.from_uri("s3://code/etl.py"),
        execution_role=role,
        encryption=Encryption.customer_managed(key),
        monitoring=Monitoring(cloudwatch_logs=CloudWatchLogs(log_group=group)),
    )
    JobRun(lake, "Run", job=job)
    Template.from_stack(lake).resource_count_is(contract.JOB_RUN_TYPE, 1)
    Template.from_stack(lake).resource_count_is("AWS::KMS::Key", 0)


def test_an_image_is_of_the_region_of_its_application() -> None:
    stack = new_stack(env=Environment(account=ACCOUNT, region="eu-west-1"))
    arn = "arn:aws:ecr:{}:210987654321:repository/spark"
    near = ecr.Repository.from_repository_arn(stack, "Near", arn.format("eu-west-1"))
    far = ecr.Repository.from_repository_arn(stack, "Far", arn.format("us-east-1"))
    Application(stack, "Good", release_label=ReleaseLabel.EMR_7_14_0, image=Image(repository=near))
    problem = (
        r"Lake/Bad: image.repository=<Lake/Far>: it is in Region us-east-1; use one in Region eu-west-1, the stack's"
    )
    with pytest.raises(ValueError, match=problem):
        Application(stack, "Bad", release_label=ReleaseLabel.EMR_7_14_0, image=Image(repository=far))
    with pytest.raises(ValueError, match=r"Lake/Worse: worker_images\[WorkerType.SPARK_DRIVER\].repository=<Lake/Far>"):
        Application(
            stack,
            "Worse",
            release_label=ReleaseLabel.EMR_7_14_0,
            worker_images={WorkerType.SPARK_DRIVER: Image(repository=far)},
        )
