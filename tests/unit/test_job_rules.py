"""What a job may ask for, and what it is warned of at synth; test_bad_input has what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import Duration, Stack

from constructs_emrs import Application, Code, IApplication, JobMode, ReleaseLabel, SparkJob
from tests.templates import new_stack, request_of

CODE = Code.from_uri("s3://code/etl.py")


def spark_job(stack: Stack, release: ReleaseLabel | None = ReleaseLabel.EMR_7_14_0, **arguments: Any) -> SparkJob:
    """A job of an application of that release, or of one whose release is not known."""
    application: IApplication
    if release is None:
        application = Application.from_application_attributes(stack, "Spark", application_id="00f1982r1uukb925")
    else:
        application = Application(stack, "Spark", release_label=release)
    return SparkJob(stack, "Etl", application=application, entry_point=CODE, **arguments)


@pytest.mark.parametrize(
    ("release", "mode", "minutes"),
    [
        (ReleaseLabel.EMR_7_10_0, JobMode.BATCH, 0),
        (None, JobMode.BATCH, 0),
        (None, JobMode.STREAMING, 0),
        (ReleaseLabel.EMR_7_14_0, JobMode.STREAMING, 0),
        (ReleaseLabel.EMR_7_14_0, JobMode.BATCH, 5),
    ],
)
def test_zero_is_no_time_limit_where_there_may_be_none(
    release: ReleaseLabel | None, mode: JobMode, minutes: int
) -> None:
    job = spark_job(new_stack(), release, mode=mode, execution_timeout=Duration.minutes(minutes))
    assert request_of(job)["executionTimeoutMinutes"] == minutes
