"""What a job needs has to fit into the maximum capacity of its application."""

from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import CfnParameter, Size, Stack
from aws_cdk.assertions import Annotations, Match

from constructs_emrs import Application, Code, Configuration, MaximumCapacity, ReleaseLabel, SparkJob, WorkerResources
from tests.templates import new_stack

LARGE = WorkerResources(cpu=16, memory=Size.gibibytes(64))
SMALL = WorkerResources(cpu=1, memory=Size.gibibytes(2))
DEFAULTS = "spark-defaults"


def job(stack: Stack, maximum: MaximumCapacity, defaults: dict[str, str] | None = None, **arguments: Any) -> SparkJob:
    application = Application(
        stack,
        "Spark",
        release_label=ReleaseLabel.EMR_7_14_0,
        maximum_capacity=maximum,
        runtime_configuration=[Configuration(classification=DEFAULTS, properties=defaults)] if defaults else [],
    )
    return SparkJob(stack, "Etl", application=application, entry_point=Code.from_uri("s3://code/etl.py"), **arguments)


def limit(cpu: int = 1000, memory: int = 10_000, disk: int | None = None) -> MaximumCapacity:
    return MaximumCapacity(cpu=cpu, memory=Size.gibibytes(memory), disk=Size.gibibytes(disk) if disk else None)


def warnings_of(stack: Stack) -> list[str]:
    return [str(entry.entry.data) for entry in Annotations.from_stack(stack).find_warning("*", Match.any_value())]


@pytest.mark.parametrize(
    ("maximum", "arguments", "message"),
    [
        (limit(cpu=4), {}, "='4 vCPUs': a driver and one executor of the job have 8; raise it, or use smaller workers"),
        (limit(memory=24), {}, "='24 GiB of memory': a driver and one executor of the job have 30.8"),
        (limit(disk=30), {}, "='30 GiB of disk': a driver and one executor of the job have 40"),
        (limit(cpu=16), {"driver": LARGE}, "='16 vCPUs': a driver and one executor of the job have 20"),
        (limit(cpu=16), {"conf": {"spark.executor.cores": "16"}}, "='16 vCPUs': a driver and one executor of the job"),
        (limit(cpu=16), {"defaults": {"spark.executor.cores": "16"}}, "a driver and one executor of the job have 20"),
        (
            limit(memory=21),
            {"conf": {"spark.executor.memory": "12g", "spark.driver.memory": "8g"}},
            "a driver and one executor of the job have 22",
        ),
    ],
)
def test_a_driver_and_an_executor_that_do_not_fit_are_an_error(
    maximum: MaximumCapacity, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=r"^Lake/Etl: application\.maximum_capacity=") as error:
        job(new_stack(), maximum, **arguments)
    assert message in str(error.value)


def test_an_override_is_checked_too() -> None:
    etl = job(new_stack(), limit(cpu=32))
    with pytest.raises(ValueError, match="a driver and one executor of the job have 36"):
        etl.add_override("jobDriver.sparkSubmit.sparkSubmitParameters", "--conf spark.executor.cores=32")


@pytest.mark.parametrize(
    ("maximum", "arguments", "counted"),
    [
        (limit(cpu=12), {}, "the 3 executors that the job starts with have 16"),
        (limit(cpu=12), {"conf": {"spark.dynamicAllocation.minExecutors": "5"}}, "the 5 executors"),
        (limit(cpu=8), {"conf": {"spark.dynamicAllocation.initialExecutors": "2"}}, "the 2 executors"),
        (limit(cpu=12), {"defaults": {"spark.dynamicAllocation.initialExecutors": "4"}}, "the 4 executors"),
    ],
)
def test_executors_to_start_with_that_do_not_fit_are_a_warning(
    maximum: MaximumCapacity, arguments: dict[str, Any], counted: str
) -> None:
    stack = new_stack()
    job(stack, maximum, **arguments)
    (warning,) = warnings_of(stack)
    assert warning.startswith("Lake/Etl: application.maximum_capacity=")
    assert counted in warning


@pytest.mark.parametrize(
    ("maximum", "arguments"),
    [
        (limit(cpu=16, memory=64, disk=80), {}),
        (limit(cpu=8), {"conf": {"spark.dynamicAllocation.initialExecutors": "1"}}),
        (limit(cpu=8), {"conf": {"spark.dynamicAllocation.enabled": "false"}}),
        (limit(cpu=8), {"defaults": {"spark.dynamicAllocation.enabled": "false"}}),
        (limit(cpu=4, memory=8), {"driver": SMALL, "executor": SMALL}),
        (limit(memory=70), {"conf": {"spark.executor.memory": f"{8 * 1024**3}b"}}),
    ],
)
def test_a_job_that_fits_is_not_talked_about(maximum: MaximumCapacity, arguments: dict[str, Any]) -> None:
    stack = new_stack()
    job(stack, maximum, **arguments)
    assert warnings_of(stack) == []


def test_a_capacity_that_is_known_at_deployment_only_is_not_compared() -> None:
    stack = new_stack()
    number: Any = CfnParameter(stack, "Number", type="Number").value_as_number
    job(stack, MaximumCapacity(cpu=number, memory=Size.gibibytes(number)))
    assert warnings_of(stack) == []
