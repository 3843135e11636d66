"""The application construct."""

import pytest
from aws_cdk import Duration
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk.assertions import Annotations, Match

from constructs_emrs import Application, ApplicationType, Architecture, Code, Image, JobRun, ReleaseLabel, SparkJob
from constructs_emrs.handler import contract
from tests.templates import ACCOUNT, REGION, dependencies, new_stack, only, resolved, resources


def test_an_application_is_spark_on_x86_and_stops_after_15_minutes() -> None:
    stack = new_stack()
    Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    properties = only(stack, "AWS::EMRServerless::Application")
    assert properties == {
        "ReleaseLabel": "emr-7.14.0",
        "Type": "Spark",
        "Name": "Lake-Spark-4AC19C7B",
        "Architecture": "X86_64",
        "AutoStartConfiguration": {"Enabled": True},
        "AutoStopConfiguration": {"Enabled": True, "IdleTimeoutMinutes": 15},
        "Tags": [{"Key": "constructs-emrs:stack-id", "Value": {"Ref": "AWS::StackId"}}],
    }


def test_everything_can_be_chosen() -> None:
    stack = new_stack()
    Application(
        stack,
        "Hive",
        release_label=ReleaseLabel.of("emr-7.99.0"),
        application_type=ApplicationType.HIVE,
        application_name="hive",
        architecture=Architecture.ARM64,
        auto_start=False,
        auto_stop_after=Duration.hours(1),
    )
    properties = only(stack, "AWS::EMRServerless::Application")
    assert properties["ReleaseLabel"] == "emr-7.99.0"
    assert properties["Type"] == "Hive"
    assert properties["Name"] == "hive"
    assert properties["Architecture"] == "ARM64"
    assert properties["AutoStartConfiguration"] == {"Enabled": False}
    assert properties["AutoStopConfiguration"]["IdleTimeoutMinutes"] == 60


@pytest.mark.parametrize(
    ("label", "name", "version"),
    [
        (ReleaseLabel.EMR_6_15_0, "emr-6.15.0", (6, 15)),
        (ReleaseLabel.EMR_7_14_0, "emr-7.14.0", (7, 14)),
        (ReleaseLabel.EMR_SPARK_8_0_0, "emr-spark-8.0.0", (8, 0)),
        (ReleaseLabel.of("my-own"), "my-own", None),
    ],
)
def test_release_labels_are_the_service_s_names(
    label: ReleaseLabel, name: str, version: tuple[int, int] | None
) -> None:
    assert label.name == name
    assert label.version == version


def test_a_run_in_a_new_vpc_waits_for_its_way_out_which_is_there_until_the_run_ended() -> None:
    stack = new_stack()
    vpc = ec2.Vpc(stack, "Vpc", max_azs=1)
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0, vpc=vpc)
    job = SparkJob(stack, "Etl", application=application, entry_point=Code.from_uri("s3://code/etl.py"))
    JobRun(stack, "Run", job=job)
    template = resources(stack)
    (run_id,) = resources(stack, contract.JOB_RUN_TYPE)
    waits_for = [name for name in dependencies(template, run_id) if "PrivateSubnet" in name or "NAT" in name]
    assert {template[name]["Type"] for name in waits_for} == {
        "AWS::EC2::NatGateway",
        "AWS::EC2::Route",
        "AWS::EC2::RouteTable",
        "AWS::EC2::Subnet",
        "AWS::EC2::SubnetRouteTableAssociation",
    }


def test_an_image_is_told_by_tag_or_digest() -> None:
    uris = []
    images: list[dict[str, str]] = [{}, {"tag": "7"}, {"digest": f"sha256:{0:064x}"}]
    for image in images:
        stack = new_stack()
        repository = ecr.Repository.from_repository_arn(
            stack, "Images", f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/etl"
        )
        Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0, image=Image(repository=repository, **image))
        uri = only(stack, "AWS::EMRServerless::Application")["ImageConfiguration"]["ImageUri"]
        uris.append(resolved(uri, {"AWS::URLSuffix": "amazonaws.com"}).partition("/")[2])
    assert uris == ["etl:latest", "etl:7", f"etl@sha256:{0:064x}"]


@pytest.mark.parametrize("minor", range(6, 16))
def test_the_releases_of_emr_6_have_constants(minor: int) -> None:
    assert getattr(ReleaseLabel, f"EMR_6_{minor}_0") == ReleaseLabel.of(f"emr-6.{minor}.0")


def test_a_job_run_on_an_application_that_nobody_starts_is_warned_of_once() -> None:
    for auto_start in (True, False):
        stack = new_stack()
        application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0, auto_start=auto_start)
        job = SparkJob(stack, "Etl", application=application, entry_point=Code.from_uri("s3://code/etl.py"))
        found = Annotations.from_stack(stack).find_warning("/Lake/Spark", Match.any_value())
        assert found == []
        JobRun(stack, "First", job=job)
        JobRun(stack, "Second", job=job)
        found = Annotations.from_stack(stack).find_warning("/Lake/Spark", Match.any_value())
        assert len(found) == (0 if auto_start else 1)
        for warning in found:
            text = str(warning.entry.data)
            assert "Lake/Spark: auto_start=False: a job run fails on an application that is not started" in text
            assert "leave auto_start out, or start the application" in text


def test_metrics_have_the_dimensions_that_the_release_reports() -> None:
    """From emr-7.10.0 the name is one; without it, or with it before that, there is nothing to see."""
    stack = new_stack()
    expected = {"emr-7.9.0": False, "emr-7.10.0": True, "emr-6.15.0": False, "emr-spark-8.0.0": True}
    for number, (label, has_name) in enumerate(expected.items()):
        application = Application(stack, f"Spark{number}", release_label=ReleaseLabel.of(label))
        dimensions = application.metric_failed_jobs().dimensions
        names = {"ApplicationId", "ApplicationName"} if has_name else {"ApplicationId"}
        assert dimensions is not None
        assert dimensions.keys() == names, label
    for name, release, has_name in (
        (None, None, False),
        ("etl", None, True),
        ("etl", ReleaseLabel.of("emr-7.9.0"), False),
        ("etl", ReleaseLabel.of("emr-7.10.0"), True),
    ):
        imported = Application.from_application_attributes(
            new_stack(), "Imported", application_id="00f1982r1uukb925", application_name=name, release_label=release
        )
        dimensions = imported.metric_failed_jobs().dimensions
        assert dimensions is not None
        assert ("ApplicationName" in dimensions) is has_name


def test_runs_of_others_can_be_cancelled_as_long_as_the_application_may_have_to_be_stopped() -> None:
    stack = new_stack()
    Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    template = resources(stack)
    (stop,) = resources(stack, contract.APPLICATION_STOP_TYPE)
    granted = [
        name
        for name, item in resources(stack, "AWS::IAM::Policy").items()
        if "emr-serverless:CancelJobRun" in str(item["Properties"])
    ]
    assert granted
    assert set(granted) <= dependencies(template, stop), "it is deleted before the policy is"


def test_costs_are_allocated_to_job_runs_by_the_resource_behind_the_application() -> None:
    stack = new_stack()
    Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0, job_level_cost_allocation=True)
    assert only(stack, contract.APPLICATION_STOP_TYPE)[contract.JOB_LEVEL_COST_ALLOCATION] == "true"
    assert "JobLevelCostAllocationConfiguration" not in only(stack, "AWS::EMRServerless::Application")
    # The application is stopped when it changes.
    before = only(stack, contract.APPLICATION_UPDATE_TYPE)[contract.APPLICATION_PROPERTIES]
    assert before["jobLevelCostAllocation"] is True


def test_nothing_is_said_of_costs_by_default() -> None:
    stack = new_stack()
    Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    assert contract.JOB_LEVEL_COST_ALLOCATION not in only(stack, contract.APPLICATION_STOP_TYPE)
    before = only(stack, contract.APPLICATION_UPDATE_TYPE)[contract.APPLICATION_PROPERTIES]
    assert "jobLevelCostAllocation" not in before
