"""What a run may use and cost at most is known at synth, or it is said why not."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import CfnParameter, Duration, Size, Stack, Token

from constructs_emrs import (
    Application,
    ApplicationType,
    Configuration,
    HiveJob,
    JobMode,
    MaximumCapacity,
    ReleaseLabel,
    RetryPolicy,
    SparkJob,
    WorkerResources,
)
from tests.templates import new_stack

BIG = WorkerResources(cpu=8, memory=Size.gibibytes(32), disk=Size.gibibytes(120))
SMALL = WorkerResources(cpu=2, memory=Size.gibibytes(8))
FIVE = {"spark.dynamicAllocation.maxExecutors": "5"}
HOURS_2 = Duration.hours(2)
LATER = Token.as_string({"Ref": "IsDynamic"})


def job_on(stack: Stack, script: Path, application: dict[str, Any] | None = None, **options: Any) -> SparkJob:
    label = {"release_label": ReleaseLabel.EMR_7_14_0, **(application or {})}
    return SparkJob(stack, "Etl", application=Application(stack, "Spark", **label), entry_point=str(script), **options)


def test_driver_and_executors_for_the_whole_timeout(script: Path) -> None:
    job = job_on(new_stack(), script, conf=FIVE, driver=SMALL, executor=BIG, execution_timeout=HOURS_2)
    worst = job.worst_case
    assert (worst.hours, worst.vcpus, worst.unknown) == (2, 2 + 5 * 8, ())
    assert worst.vcpu_hours == 84
    assert worst.memory_gb_hours == 2 * (8 + 5 * 32)
    assert worst.storage_gb_hours == 2 * 5 * 100
    expected = 84 * 0.05 + 336 * 0.006 + 1000 * 0.0001
    price = worst.price(vcpu_hour=0.05, memory_gb_hour=0.006, storage_gb_hour=0.0001)
    assert price == pytest.approx(expected, abs=0.01)
    assert worst.price(vcpu_hour=0.05, memory_gb_hour=0.006) == pytest.approx(expected - 0.1, abs=0.01)


def test_the_defaults_of_the_service(script: Path) -> None:
    worst = job_on(new_stack(), script, conf=FIVE).worst_case
    assert (worst.hours, worst.vcpus, worst.storage_gb) == (12, 4 + 5 * 4, 0)
    # 14 GB and 10 percent of overhead.
    assert worst.memory_gb == 6 * 16


def test_a_worker_has_a_size_that_there_is(script: Path) -> None:
    sizes = {"spark.driver.cores": "8", "spark.driver.memory": "30g", "spark.executor.cores": "16"}
    worst = job_on(new_stack(), script, conf=FIVE | sizes).worst_case
    assert (worst.vcpus, worst.memory_gb) == (8 + 5 * 16, 36 + 5 * 32)


def test_all_workers_have_no_more_memory_than_the_application(script: Path) -> None:
    maximum = MaximumCapacity(cpu=400, memory=Size.gibibytes(400))
    worst = job_on(new_stack(), script, {"maximum_capacity": maximum}).worst_case
    assert worst.memory_gb == 400


def test_each_attempt_may_take_the_whole_time(script: Path) -> None:
    job = job_on(new_stack(), script, conf=FIVE, execution_timeout=HOURS_2, retry_policy=RetryPolicy.attempts(3))
    assert job.worst_case.hours == 6


@pytest.mark.parametrize(
    ("conf", "release", "executors"),
    [
        ({"spark.dynamicAllocation.enabled": "false"}, ReleaseLabel.EMR_7_14_0, 3),
        ({"spark.dynamicAllocation.enabled": "false", "spark.executor.instances": "7"}, ReleaseLabel.EMR_7_14_0, 7),
        ({}, ReleaseLabel.EMR_6_9_0, 100),
        (
            FIVE | {"spark.dynamicAllocation.enabled": LATER, "spark.executor.instances": "7"},
            ReleaseLabel.EMR_7_14_0,
            7,
        ),
        (FIVE | {"spark.dynamicAllocation.enabled": LATER}, ReleaseLabel.EMR_7_14_0, 5),
    ],
)
def test_how_many_executors_there_are(
    conf: dict[str, str], release: ReleaseLabel, executors: int, script: Path
) -> None:
    job = job_on(new_stack(), script, {"release_label": release}, conf=conf)
    assert job.worst_case.vcpus == 4 + executors * 4


def test_the_application_s_maximum_and_its_configuration_count(script: Path) -> None:
    maximum = MaximumCapacity(cpu=40, memory=Size.gibibytes(1000))
    job = job_on(new_stack(), script, {"maximum_capacity": maximum}, driver=SMALL, executor=BIG)
    assert job.worst_case.vcpus == 2 + 4 * 8
    defaults = Configuration(classification="spark-defaults", properties=FIVE)
    job = job_on(new_stack(), script, {"runtime_configuration": [defaults]})
    assert job.worst_case.vcpus == 4 + 5 * 4


def test_overrides_count(script: Path) -> None:
    job = job_on(new_stack(), script, conf=FIVE)
    job.add_override("executionTimeoutMinutes", 30)
    assert job.worst_case.hours == 0.5


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({}, "nothing bounds the number of executors; set spark.dynamicAllocation.maxExecutors in conf"),
        ({"mode": JobMode.STREAMING, "conf": FIVE}, "a stream runs until it is cancelled"),
        ({"conf": FIVE | {"spark.executor.memory": Token.as_string({"Ref": "Memory"})}}, "the size of a worker is not"),
    ],
)
def test_what_is_not_known_is_said(options: dict[str, Any], why: str, script: Path) -> None:
    worst = job_on(new_stack(), script, **options).worst_case
    assert worst.vcpu_hours is None
    assert [text for text in worst.unknown if text.startswith(why)]
    with pytest.raises(ValueError, match=re.escape(f"the worst case is not known: {why}")):
        worst.price(vcpu_hour=0.05, memory_gb_hour=0.006)


def test_what_a_stream_uses_in_an_hour_is_known(script: Path) -> None:
    worst = job_on(new_stack(), script, mode=JobMode.STREAMING, conf=FIVE).worst_case
    assert (worst.hours, worst.vcpus) == (None, 24)


def test_a_time_that_is_known_at_deployment_only_is_not_known(script: Path) -> None:
    stack = new_stack()
    minutes = CfnParameter(stack, "Minutes", type="Number").value_as_number
    worst = job_on(stack, script, conf=FIVE, execution_timeout=Duration.minutes(minutes)).worst_case
    assert worst.unknown == ("execution_timeout or retry_policy is known only at deployment; give a number",)


def test_a_run_without_limit_of_time_is_not_known(script: Path) -> None:
    release = {"release_label": ReleaseLabel.EMR_7_9_0}
    worst = job_on(new_stack(), script, release, conf=FIVE, execution_timeout=Duration.minutes(0)).worst_case
    assert worst.unknown == ("nothing ends the run; give an execution_timeout",)


def test_of_an_imported_application_and_of_hive_it_is_not_known(script: Path) -> None:
    stack = new_stack()
    application = Application.from_application_id(stack, "Theirs", "00f1982r1uukb925")
    job = SparkJob(stack, "Etl", application=application, entry_point=str(script), conf=FIVE)
    assert job.worst_case.unknown == ("the configuration of an application that is imported is not known",)
    hive = Application(stack, "Hive", release_label=ReleaseLabel.EMR_7_14_0, application_type=ApplicationType.HIVE)
    conf = {"hive.exec.scratchdir": "s3://lake/scratch", "hive.metastore.warehouse.dir": "s3://lake/warehouse"}
    query = HiveJob(stack, "Query", application=hive, query=str(script), hive_conf=conf)
    assert query.worst_case.unknown == (
        "how many tasks a Hive query has is not known; give the application a maximum_capacity",
    )


def test_no_run_uses_more_than_the_whole_application(script: Path) -> None:
    stack = new_stack()
    maximum = MaximumCapacity(cpu=100, memory=Size.gibibytes(400), disk=Size.gibibytes(2000))
    conf = {"hive.exec.scratchdir": "s3://lake/scratch", "hive.metastore.warehouse.dir": "s3://lake/warehouse"}
    hive = Application(
        stack,
        "Hive",
        release_label=ReleaseLabel.EMR_7_14_0,
        application_type=ApplicationType.HIVE,
        maximum_capacity=maximum,
    )
    query = HiveJob(stack, "Query", application=hive, query=str(script), hive_conf=conf, execution_timeout=HOURS_2)
    worst = query.worst_case
    assert (worst.vcpu_hours, worst.memory_gb_hours, worst.storage_gb_hours) == (200, 800, 4000)
    assert worst.unknown == ()
    without_disk = {"maximum_capacity": MaximumCapacity(cpu=100, memory=Size.gibibytes(400))}
    memory = {"spark.executor.memory": Token.as_string({"Ref": "Memory"})}
    worst = job_on(stack, script, without_disk, conf=memory, execution_timeout=HOURS_2).worst_case
    assert (worst.vcpu_hours, worst.memory_gb_hours, worst.storage_gb_hours) == (200, 800, None)
    assert worst.unknown == ("nothing bounds the disks; give the application's maximum_capacity a disk",)
    assert worst.price(vcpu_hour=1, memory_gb_hour=0) == 200
    with pytest.raises(ValueError, match="nothing bounds the disks"):
        worst.price(vcpu_hour=1, memory_gb_hour=0, storage_gb_hour=1)


@pytest.mark.parametrize(
    ("prices", "text"),
    [
        ({"vcpu_hour": "0.05 USD"}, "vcpu_hour='0.05 USD': a number is expected, this is of type str; use 0.05"),
        ({"vcpu_hour": None}, "vcpu_hour=None: a number is expected, this is of type NoneType; use a number"),
        ({"vcpu_hour": True}, "vcpu_hour=True: a number is expected, this is of type bool; use a number"),
        ({"vcpu_hour": -1}, "vcpu_hour=-1: it is no price; use a number that is not negative"),
        ({"storage_gb_hour": math.nan}, "storage_gb_hour=nan: it is no price; use a number that is not negative"),
        ({"memory_gb_hour": math.inf}, "memory_gb_hour=inf: it is no price; use a number that is not negative"),
    ],
)
def test_what_is_no_price_is_refused(prices: dict[str, Any], text: str, script: Path) -> None:
    worst = job_on(new_stack(), script, conf=FIVE).worst_case
    with pytest.raises(ValueError, match=re.escape(text)) as caught:
        worst.price(**{"vcpu_hour": 1, "memory_gb_hour": 1, **prices})
    assert str(caught.value) == text


def test_a_price_that_is_known_at_deployment_only_is_refused(script: Path) -> None:
    stack = new_stack()
    worst = job_on(stack, script, conf=FIVE).worst_case
    later = CfnParameter(stack, "Price", type="Number").value_as_number
    with pytest.raises(ValueError, match="it is known only at deployment; use the number"):
        worst.price(vcpu_hour=later, memory_gb_hour=1)
