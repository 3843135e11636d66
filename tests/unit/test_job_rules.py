"""What a job may ask for, and what it is warned of at synth; test_bad_input has what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import Duration, Size, Stack
from aws_cdk.assertions import Annotations, Match
from hypothesis import given
from hypothesis import strategies as st

from constructs_emrs import (
    Application,
    ApplicationType,
    Code,
    Configuration,
    HiveJob,
    IApplication,
    JobMode,
    ReleaseLabel,
    SparkJob,
    WorkerResources,
)
from constructs_emrs.jobs._parameters import split
from constructs_emrs.jobs._rules.parameters import check_hive_parameters, check_spark_parameters
from emrs_local.spark.spark_arguments import split_parameters
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


def parameters_of(job: SparkJob) -> str:
    """What the job sends as `sparkSubmitParameters`."""
    parameters: str = request_of(job)["jobDriver"]["sparkSubmit"]["sparkSubmitParameters"]
    return parameters


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


def warnings_of(stack: Stack) -> list[str]:
    """The warnings of a synth, without the remedies' acknowledgements."""
    found = Annotations.from_stack(stack).find_warning("*", Match.any_value())
    return [str(item.entry.data).partition(" [ack: ")[0] for item in found]


@pytest.mark.parametrize(
    ("conf", "named"),
    [
        ({"spark.driverEnv.STAGE": "prod"}, ("spark.driverEnv.STAGE", "spark.emr-serverless.driverEnv.STAGE")),
        ({"spark.yarn.appMasterEnv.A": "b"}, ("spark.yarn.appMasterEnv.A", "spark.emr-serverless.driverEnv.A")),
        ({"spark.kubernetes.driverEnv.A": "b"}, ("spark.kubernetes.driverEnv.A", "spark.emr-serverless.driverEnv.A")),
        ({"spark.master": "yarn"}, ("conf['spark.master']='yarn'", "leave it out")),
        ({"spark.submit.deployMode": "cluster"}, ("conf['spark.submit.deployMode']", "leave it out")),
        ({"spark.driver.extraClassPath": "/a/*"}, ("conf['spark.driver.extraClassPath']", "use jars")),
        ({"spark.eventLog.enabled": "false"}, ("conf['spark.eventLog.enabled']", "leave it out")),
        ({"spark.eventLog.dir": "s3://a/b"}, ("conf['spark.eventLog.dir']", "monitoring.s3_logs")),
        ({"spark.shuffle.service.enabled": "true"}, ("conf['spark.shuffle.service.enabled']", "leave it out")),
        ({"hive.exec.a": "b"}, ("conf['hive.exec.a']", "use spark.hadoop.hive.exec.a")),
        ({"spark.executor.cores": "1"}, ("conf['spark.executor.cores']", "use spark.executor.memory=7447m or less")),
    ],
)
def test_a_property_that_does_nothing_or_harm_is_named_with_what_to_do(
    conf: dict[str, str], named: tuple[str, ...]
) -> None:
    stack = new_stack()
    spark_job(stack, conf=conf)
    (warning,) = warnings_of(stack)
    assert warning.startswith("Lake/Etl: ")
    assert [part for part in named if part not in warning] == []


def test_a_property_that_goes_into_the_configuration_is_named_as_it_was_written() -> None:
    stack = new_stack()
    own = Configuration(classification="spark-log4j2", properties={"rootLogger.level": "warn"})
    spark_job(stack, conf={"spark.driverEnv.STAGE": '"prod"'}, application_configuration=[own])
    (warning,) = warnings_of(stack)
    assert warning.startswith("Lake/Etl: conf['spark.driverEnv.STAGE']=")


def test_what_is_copied_from_the_application_is_no_property_of_the_job() -> None:
    stack = new_stack()
    defaults = Configuration(classification="spark-defaults", properties={"spark.driverEnv.STAGE": "prod"})
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0, runtime_configuration=[defaults])
    SparkJob(stack, "Etl", application=application, entry_point=CODE, conf={"spark.a": '"b"'})
    assert warnings_of(stack) == []


def test_an_override_does_not_repeat_the_warnings_of_arguments() -> None:
    stack = new_stack()
    job = spark_job(stack, conf={"spark.driverEnv.STAGE": "prod"})
    job.add_override("name", "nightly")
    (warning,) = warnings_of(stack)
    assert warning.startswith("Lake/Etl: conf['spark.driverEnv.STAGE']=")


@pytest.mark.parametrize(
    "conf",
    [
        {"spark.emr-serverless.driverEnv.STAGE": "prod", "spark.executorEnv.STAGE": "prod"},
        {"spark.eventLog.enabled": "true", "spark.shuffle.service.enabled": "false"},
        {"spark.driver.cores": "8", "spark.driver.memory": "54g", "spark.executor.memory": "27g"},
        {"spark.executor.cores": "32", "spark.driver.cores": "16", "spark.driver.memory": "108g"},
        {"spark.dynamicAllocation.enabled": "false", "spark.dynamicAllocation.maxExecutors": "1"},
        {"spark.dynamicAllocation.initialExecutors": "1", "spark.dynamicAllocation.maxExecutors": "1"},
        {"spark.dynamicAllocation.minExecutors": "3", "spark.dynamicAllocation.maxExecutors": "3"},
        {"spark.emr-serverless.driver.disk": "500g", "spark.emr-serverless.driver.disk.type": "shuffle_optimized"},
        {"spark.aws.serverlessStorage.enabled": "true"},
    ],
)
def test_properties_that_work_are_not_warned_of(conf: dict[str, str]) -> None:
    stack = new_stack()
    spark_job(stack, conf=conf)
    assert warnings_of(stack) == []


@pytest.mark.parametrize(
    ("conf", "memory"),
    [
        ({}, "13032m"),
        ({"spark.executor.memoryOverhead": "6g"}, "8192m"),
        ({"spark.executor.memoryOverhead": "1024"}, "13312m"),
        ({"spark.emr-serverless.memoryOverheadFactor": "0.4"}, "10240m"),
        ({"spark.emr-serverless.memoryOverheadFactor": "0.4", "spark.executor.memoryOverheadFactor": "0.75"}, "8192m"),
        ({"spark.driver.memoryOverhead": "6g"}, "13032m"),
    ],
)
def test_heap_and_overhead_are_a_worker_s_memory_together(conf: dict[str, str], memory: str) -> None:
    executor = WorkerResources(cpu=2, memory=Size.gibibytes(14))
    job = spark_job(new_stack(), executor=executor, conf=conf)
    assert f"spark.executor.memory={memory}" in parameters_of(job)


def test_an_overhead_counts_wherever_it_is_set() -> None:
    overhead = Configuration(classification="spark-defaults", properties={"spark.executor.memoryOverhead": "6g"})
    other = Configuration(classification="spark-defaults", properties={"spark.a": "b"})
    executor = WorkerResources(cpu=2, memory=Size.gibibytes(14))

    def memory(release: ReleaseLabel, **arguments: Any) -> str:
        stack = new_stack()
        spark = Application(stack, "Spark", release_label=release, runtime_configuration=[overhead])
        job = SparkJob(stack, "Etl", application=spark, entry_point=CODE, executor=executor, **arguments)
        return next(word for word in parameters_of(job).split() if word.startswith("spark.executor.memory="))

    assert memory(ReleaseLabel.EMR_7_14_0) == "spark.executor.memory=8192m"
    assert memory(ReleaseLabel.EMR_7_14_0, application_configuration=[other]) == "spark.executor.memory=13032m"
    assert memory(ReleaseLabel.EMR_SPARK_8_1_0, application_configuration=[other]) == "spark.executor.memory=8192m"


@pytest.mark.parametrize(
    ("parameters", "shown"),
    [
        ("--conf 'spark.a=b c'", "it is not known how the service reads the single quote"),
        ('--conf spark.a={"b":1}', "reads spark.a={b:1}"),
        ('--conf spark.a="b"c', "reads spark.a=bc"),
        (r'--conf spark.a="say \"hi\""', r"leaves the backslashes and reads spark.a=say \"hi\""),
        ("--conf spark.a=b, --class X", "reads one property with its value, spark.a=b,"),
        ("--conf spark.a=b,spark.c=d", "write a --conf for each property"),
        ("--jars s3://b/a.jar,,s3://b/c.jar", "a list with an empty item"),
        ("--jars s3://b/a.jar, --class X", "a list with an empty item"),
        ("--master yarn", "leave --master out"),
        ("--conf spark.driverEnv.A=b", "spark.emr-serverless.driverEnv.A"),
    ],
)
def test_what_the_service_reads_from_parameters_written_by_hand_is_shown(parameters: str, shown: str) -> None:
    stack = new_stack()
    job = spark_job(stack)
    job.add_override("jobDriver.sparkSubmit.sparkSubmitParameters", parameters)
    (warning,) = warnings_of(stack)
    assert warning.startswith("Lake/Etl: jobDriver.sparkSubmit.sparkSubmitParameters")
    assert shown in warning


@pytest.mark.parametrize(
    "parameters",
    [
        '--class org.example.Main --conf spark.a="b c" -c spark.d=e --verbose --jars s3://b/a.jar,s3://b/c.jar',
        '--conf "spark.a=b c" --executor-memory=8g --driver-java-options "-Da=1 -Db=2"',
        r'--conf spark.a="C:\temp it' + "'s" + '"',
        "",
    ],
)
def test_parameters_written_by_hand_that_can_be_read_are_not_warned_of(parameters: str) -> None:
    stack = new_stack()
    job = spark_job(stack)
    job.add_override("jobDriver.sparkSubmit.sparkSubmitParameters", parameters or None)
    assert warnings_of(stack) == []


def test_properties_of_no_effect_on_hive_are_named_with_what_to_do() -> None:
    stack = new_stack()
    hive = Application(stack, "Hive", release_label=ReleaseLabel.EMR_7_14_0, application_type=ApplicationType.HIVE)
    conf = {"hive.exec.scratchdir": "s3://a/b", "hive.metastore.warehouse.dir": "s3://a/c", "hive.client.cores": "2"}
    HiveJob(stack, "Query", application=hive, query=CODE, hive_conf=conf)
    (warning,) = warnings_of(stack)
    assert "hive_conf['hive.client.cores']='2'" in warning
    assert "use hive.driver.cores" in warning


@given(st.text(st.sampled_from(" \n\"'\\\\a=-,"), max_size=30))
def test_parameters_are_read_here_as_the_local_aws_reads_them(parameters: str) -> None:
    try:
        expected = split_parameters(parameters)
    except ValueError:
        with pytest.raises(ValueError, match="quote"):
            split(parameters)
    else:
        assert split(parameters) == expected
    noted: list[str] = []
    for check in (check_spark_parameters, check_hive_parameters):
        check(parameters, "parameters", lambda *_: noted.append("error"), lambda *_: noted.append("warning"))
    assert noted or not parameters.strip()
