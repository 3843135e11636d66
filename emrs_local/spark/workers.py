"""The workers that a job asks the service for: what its properties say, and the service's defaults.

User Guide, "Using Spark configurations when you run EMR Serverless jobs" and "Using Hive configurations when you run
EMR Serverless jobs".
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from emrs_local.driver import Worker
from emrs_local.spark.spark_arguments import (
    hive_properties,
    memory_mebibytes,
    split_parameters,
    submitted_properties,
)

_DEFAULTS: Final[Mapping[str, str]] = {
    "spark.driver.cores": "4",
    "spark.driver.memory": "14g",
    "spark.emr-serverless.driver.disk": "20g",
    "spark.executor.cores": "4",
    "spark.executor.memory": "14g",
    "spark.emr-serverless.executor.disk": "20g",
    "spark.executor.instances": "3",
    "spark.dynamicAllocation.enabled": "true",
    "spark.dynamicAllocation.initialExecutors": "3",
    "spark.dynamicAllocation.minExecutors": "0",
    "hive.driver.cores": "2",
    "hive.driver.memory": "4g",
    "hive.driver.disk": "20g",
}
_OVERHEAD: Final = "0.1"
_LEAST_OVERHEAD_MEBIBYTES: Final = 384


def workers_of(job_driver: Mapping[str, Any], application_configuration: Sequence[Mapping[str, Any]]) -> list[Worker]:
    """The driver, and the executors that a Spark job starts with.

    How many there are later depends on the work, and is not looked at; nor are the tasks of a Hive query, whose number
    does.

    Args:
        job_driver: StartJobRun's `jobDriver`.
        application_configuration: The merged `applicationConfiguration`.

    Raises:
        ValueError: If it is not known how the service reads the job driver's parameters.
    """
    given = {
        name: value
        for entry in application_configuration
        if entry["classification"] in {"spark-defaults", "hive-site"}
        for name, value in entry.get("properties", {}).items()
    }
    if hive := job_driver.get("hive"):
        properties = {**_DEFAULTS, **given, **hive_properties(split_parameters(hive.get("parameters", "")))}
        return [
            Worker(
                kind="HIVE_DRIVER",
                count=1,
                vcpus=_number(properties["hive.driver.cores"]),
                memory_gb=math.ceil(_gigabytes(properties["hive.driver.memory"])),
                storage_gb=_gigabytes(properties["hive.driver.disk"]),
            )
        ]
    parameters = split_parameters(job_driver["sparkSubmit"].get("sparkSubmitParameters", ""))
    properties = {**_DEFAULTS, **given, **submitted_properties(parameters)}
    executors = _spark_worker(properties, "executor", count=_executors(properties))
    return [_spark_worker(properties, "driver", count=1), executors]


def _spark_worker(properties: Mapping[str, str], kind: str, *, count: int) -> Worker:
    mebibytes = memory_mebibytes(properties[f"spark.{kind}.memory"]) or 0
    factor = _number(
        properties.get(
            f"spark.{kind}.memoryOverheadFactor",
            properties.get("spark.emr-serverless.memoryOverheadFactor", _OVERHEAD),
        )
    )
    given = properties.get(f"spark.{kind}.memoryOverhead", "")
    overhead = memory_mebibytes(given) or max(mebibytes * factor, _LEAST_OVERHEAD_MEBIBYTES)
    return Worker(
        kind=f"SPARK_{kind.upper()}",
        count=count,
        vcpus=_number(properties[f"spark.{kind}.cores"]),
        memory_gb=math.ceil((mebibytes + overhead) / 1024),
        storage_gb=_gigabytes(properties[f"spark.emr-serverless.{kind}.disk"]),
    )


def _executors(properties: Mapping[str, str]) -> int:
    numbers = ["spark.executor.instances"]
    if properties["spark.dynamicAllocation.enabled"].strip().lower() == "true":
        # Utils.getDynamicAllocationInitialExecutors of Spark takes the largest.
        numbers += ["spark.dynamicAllocation.initialExecutors", "spark.dynamicAllocation.minExecutors"]
    return int(max(_number(properties[name]) for name in numbers))


def _number(text: str) -> float:
    """A number, and 0 where there is something else: the job fails for itself then."""
    try:
        return float(text)
    except ValueError:
        return 0


def _gigabytes(size: str) -> float:
    return (memory_mebibytes(size) or 0) / 1024
