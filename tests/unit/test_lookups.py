"""What the CDK looks up at synth is not known at the first synth, which has to succeed: the CLI looks up after it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from aws_cdk import Environment, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_ssm as ssm

from constructs_emrs import (
    Application,
    CloudWatchLogs,
    Code,
    Encryption,
    IdentityCenter,
    Image,
    JobRun,
    Monitoring,
    Prometheus,
    ReleaseLabel,
    S3Logs,
    SparkJob,
)
from tests.templates import ACCOUNT, REGION, new_app

RELEASE = ReleaseLabel.EMR_7_14_0
CODE = Code.from_uri("s3://code/etl.py")


def looked_up(stack: Stack, name: str = "/lake/value") -> str:
    """A parameter of SSM that is read at synth."""
    return ssm.StringParameter.value_from_lookup(stack, name)


def run(stack: Stack, **arguments: object) -> JobRun:
    own: dict[str, object] = {"entry_point": CODE, **arguments}
    own.setdefault("application", Application(stack, "Spark", release_label=RELEASE))
    return JobRun(stack, "Run", job=SparkJob(stack, "Job", **own))  # type: ignore[arg-type]


def application(stack: Stack, **arguments: object) -> Application:
    own: dict[str, object] = {"release_label": RELEASE, **arguments}
    return Application(stack, "App", **own)  # type: ignore[arg-type]


def vpc(stack: Stack) -> ec2.IVpc:
    return ec2.Vpc.from_lookup(stack, "Vpc", vpc_id="vpc-1")


def in_vpc(stack: Stack, **selection: object) -> Application:
    return application(stack, vpc=vpc(stack), vpc_subnets=ec2.SubnetSelection(**selection))  # type: ignore[arg-type]


LOOKUPS: dict[str, Callable[[Stack], object]] = {
    "an application's id": lambda s: run(
        s, application=Application.from_application_id(s, "A", looked_up(s, "/emr/app-id"))
    ),
    "an application's ARN": lambda s: run(s, application=Application.from_application_arn(s, "A", looked_up(s))),
    "a release label": lambda s: application(s, release_label=ReleaseLabel.of(looked_up(s))),
    "an application's name": lambda s: application(s, application_name=looked_up(s)),
    "an image's tag": lambda s: application(
        s, image=Image(repository=ecr.Repository.from_repository_name(s, "R", "etl"), tag=looked_up(s))
    ),
    "an image's digest": lambda s: application(
        s, image=Image(repository=ecr.Repository.from_repository_name(s, "R", "etl"), digest=looked_up(s))
    ),
    "a repository": lambda s: application(
        s, image=Image(repository=ecr.Repository.from_lookup(s, "R", repository_name="etl"))
    ),
    "a repository's name": lambda s: application(
        s, image=Image(repository=ecr.Repository.from_repository_name(s, "R", looked_up(s)))
    ),
    "an identity center": lambda s: application(s, identity_center=IdentityCenter(instance_arn=looked_up(s))),
    "a vpc": lambda s: application(s, vpc=vpc(s)),
    "isolated subnets": lambda s: in_vpc(s, subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
    "public subnets": lambda s: in_vpc(s, subnet_type=ec2.SubnetType.PUBLIC),
    "subnets of a zone": lambda s: in_vpc(s, availability_zones=["us-east-1a"]),
    "subnets of a group": lambda s: in_vpc(s, subnet_group_name="Workers"),
    "a security group": lambda s: application(
        s, vpc=vpc(s), security_groups=[ec2.SecurityGroup.from_lookup_by_id(s, "G", looked_up(s))]
    ),
    "a URI": lambda s: run(s, entry_point=Code.from_uri(looked_up(s))),
    "a URI in part": lambda s: run(s, entry_point=Code.from_uri(f"s3://{looked_up(s)}/etl.py")),
    "a key of an object": lambda s: run(s, entry_point=Code.from_bucket(s3.Bucket(s, "B"), looked_up(s))),
    "an argument": lambda s: run(s, arguments=[looked_up(s)]),
    "a property": lambda s: run(s, conf={"spark.a": looked_up(s)}),
    "a variable": lambda s: run(s, environment={"STAGE": looked_up(s)}),
    "a class": lambda s: run(s, main_class=looked_up(s)),
    "a package": lambda s: run(s, packages=[looked_up(s)]),
    "a run's name": lambda s: run(s, job_name=looked_up(s)),
    "a role": lambda s: run(s, execution_role=iam.Role.from_lookup(s, "R", role_name="etl")),
    "a role's name": lambda s: run(s, execution_role=iam.Role.from_role_name(s, "R", looked_up(s))),
    "a key": lambda s: run(
        s, encryption=Encryption.customer_managed(kms.Key.from_lookup(s, "K", alias_name="alias/lake"))
    ),
    "a log group": lambda s: run(
        s,
        monitoring=Monitoring(
            cloudwatch_logs=CloudWatchLogs(log_group=logs.LogGroup.from_log_group_name(s, "G", looked_up(s)))
        ),
    ),
    "a stream's prefix": lambda s: run(
        s, monitoring=Monitoring(cloudwatch_logs=CloudWatchLogs(log_stream_name_prefix=looked_up(s)))
    ),
    "an S3 prefix": lambda s: run(
        s, monitoring=Monitoring(s3_logs=S3Logs(bucket=s3.Bucket(s, "B"), prefix=looked_up(s)))
    ),
    "a workspace's ARN": lambda s: run(
        s, monitoring=Monitoring(prometheus=Prometheus.from_workspace_arn(looked_up(s)))
    ),
    "a workspace": lambda s: run(
        s, monitoring=Monitoring(prometheus=Prometheus(remote_write_url=looked_up(s), workspace_arn=looked_up(s)))
    ),
}


@pytest.mark.parametrize("use", LOOKUPS.values(), ids=LOOKUPS)
def test_the_first_synth_succeeds_and_asks_for_what_is_missing(use: Callable[[Stack], object]) -> None:
    app = new_app()
    use(Stack(app, "Lake", env=Environment(account=ACCOUNT, region=REGION)))
    manifest = Path(app.synth().directory, "manifest.json").read_text()
    assert json.loads(manifest)["missing"]
