"""The application construct."""

import pytest
from aws_cdk import Duration

from constructs_emrs import Application, ApplicationType, Architecture, ReleaseLabel
from tests.templates import new_stack, only


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
