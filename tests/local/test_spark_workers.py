"""The workers that a job asks for: AWS's pages on Spark and Hive configurations have the defaults."""

from typing import Any

import pytest

from emrs_local.driver import Worker
from emrs_local.spark.workers import workers_of

DRIVER = Worker(kind="SPARK_DRIVER", count=1, vcpus=4, memory_gb=16, storage_gb=20)


def executors(parameters: str = "", **properties: str) -> Worker:
    job_driver: dict[str, Any] = {"sparkSubmit": {"entryPoint": "a.py", "sparkSubmitParameters": parameters}}
    named = {name.replace("_", "."): value for name, value in properties.items()}
    driver, found = workers_of(job_driver, [{"classification": "spark-defaults", "properties": named}])
    assert driver == DRIVER
    return found


def test_the_defaults_are_a_driver_and_three_executors() -> None:
    assert executors() == Worker(kind="SPARK_EXECUTOR", count=3, vcpus=4, memory_gb=16, storage_gb=20)


@pytest.mark.parametrize(
    ("parameters", "count"),
    [
        ("--conf spark.executor.instances=5", 5),
        ("--num-executors 5", 5),
        ("--conf spark.executor.instances=1", 3),
        ("--conf spark.executor.instances=1 --conf spark.dynamicAllocation.enabled=false", 1),
        ("--conf spark.dynamicAllocation.minExecutors=7", 7),
        ("--conf spark.dynamicAllocation.initialExecutors=1 --conf spark.executor.instances=0", 1),
    ],
)
def test_a_job_starts_with_as_many_executors_as_spark_would(parameters: str, count: int) -> None:
    assert executors(parameters).count == count


@pytest.mark.parametrize(
    ("parameters", "memory"),
    [
        ("--conf spark.executor.memory=1g", 2),
        ("--executor-memory 20g", 22),
        ("--conf spark.executor.memoryOverhead=6g", 20),
        ("--conf spark.executor.memoryOverheadFactor=0.5", 21),
        ("--conf spark.emr-serverless.memoryOverheadFactor=0.5", 21),
    ],
)
def test_a_worker_has_room_for_the_overhead(parameters: str, memory: int) -> None:
    # The driver's memory is the default's, unless a factor is for all workers.
    job_driver = {"sparkSubmit": {"entryPoint": "a.py", "sparkSubmitParameters": parameters}}
    assert workers_of(job_driver, [])[1].memory_gb == memory


def test_what_is_submitted_wins_over_the_classification() -> None:
    assert executors("--conf spark.executor.cores=2", spark_executor_cores="16").vcpus == 2


def test_a_hive_query_has_a_driver() -> None:
    hive = {"hive": {"query": "s3://b/q.sql", "parameters": "--hiveconf hive.driver.memory=8g"}}
    assert workers_of(hive, []) == [Worker(kind="HIVE_DRIVER", count=1, vcpus=2, memory_gb=8, storage_gb=20)]
