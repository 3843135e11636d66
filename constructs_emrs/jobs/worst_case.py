"""What one run of a job may use at most, and cost."""

import math
from dataclasses import dataclass
from typing import Any

from ..applications.capacity import MEMORY_GIB
from ..applications.interface import IApplication
from ..applications.release_label import ReleaseLabel
from ..validation.argument_names import explained
from ..validation.argument_types import check_types
from ..validation.model import member_of
from ..validation.problems import Problems
from ..validation.tokens import is_token
from ..workflows.interface import JobMode
from ._rules.capacity import Resources, most_workers, worker_resources
from ._spark_properties import DEFAULT_EXECUTORS, Properties, properties_requested

# https://docs.aws.amazon.com/emr-serverless/latest/APIReference/API_StartJobRun.html
_DEFAULT_MINUTES = 720
# https://aws.amazon.com/emr/pricing/: each worker has as much that is not billed.
_FREE_DISK_GIB = 20
# https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-spark.html#spark-defaults: without limit later.
_DEFAULT_MOST_EXECUTORS = 100
_WITHOUT_LIMIT_FROM = (6, 10)


@explained
@dataclass(frozen=True, kw_only=True)
class WorstCase:
    """What one run of a job may use at most; what is not known is None, and `unknown` says why.

    A worker has the smallest size that there is and that has what the job asks for: 15.4 GB of memory, as they are by
    default, are a worker of 16 GB. It is billed from its start to its end, which no run exceeds.

    Args:
        hours: How long all attempts of the run may take together.
        vcpus: The vCPUs of all its workers at a time.
        memory_gb: Their memory, in GB.
        storage_gb: Their disks, in GB, without the 20 GB of each worker that are not billed.
        unknown: Why something is not known, and what would change that.

    Source: https://aws.amazon.com/emr/pricing/
    """

    hours: float | None
    vcpus: float | None
    memory_gb: float | None
    storage_gb: float | None
    unknown: tuple[str, ...] = ()

    @property
    def vcpu_hours(self) -> float | None:
        """What GetJobRun tells as `billedResourceUtilization.vCPUHour`, at most."""
        return _product(self.hours, self.vcpus)

    @property
    def memory_gb_hours(self) -> float | None:
        """What GetJobRun tells as `billedResourceUtilization.memoryGBHour`, at most."""
        return _product(self.hours, self.memory_gb)

    @property
    def storage_gb_hours(self) -> float | None:
        """What GetJobRun tells as `billedResourceUtilization.storageGBHour`, at most."""
        return _product(self.hours, self.storage_gb)

    def price(self, *, vcpu_hour: float, memory_gb_hour: float, storage_gb_hour: float | None = None) -> float:
        """What the run costs at most, with the prices of your Region and architecture.

        Args:
            vcpu_hour: The price of a vCPU for an hour.
            memory_gb_hour: The price of a GB of memory for an hour.
            storage_gb_hour: The price of a GB of disk for an hour, beyond 20 GB a worker. Default: disks are left out.

        Raises:
            ValueError: It is not known, or a price is none; the text says why.
        """
        prices = {"vcpu_hour": vcpu_hour, "memory_gb_hour": memory_gb_hour}
        if storage_gb_hour is not None:
            prices["storage_gb_hour"] = storage_gb_hour
        _check_prices(prices)
        total = 0.0
        for name, price in prices.items():
            amount = getattr(self, f"{name}s")
            if amount is None:
                raise ValueError(f"the worst case is not known: {'; '.join(self.unknown)}")
            total += amount * price
        return total


def _check_prices(prices: dict[str, float]) -> None:
    check_types("", **{name: (price, float) for name, price in prices.items()})
    problems = Problems("")
    for name, price in prices.items():
        if is_token(price):
            problems.add(name, price, "it is known only at deployment", "use the number")
        elif not 0 <= price < math.inf:
            problems.add(name, price, "it is no price", "use a number that is not negative")
    problems.raise_if_any()


def worst_case(request: dict[str, Any], mode: JobMode, application: IApplication) -> WorstCase:
    """What one run of the request may use at most.

    Args:
        request: The request.
        mode: How long a run is meant to take.
        application: Where the job runs.
    """
    unknown: list[str] = []
    hours = _hours(request, mode, unknown)
    of_workers: list[str] = []
    workers = _workers(request, application, of_workers)
    vcpus, memory_gb, storage_gb = (
        (workers.cpu, workers.memory_gib, workers.disk_gib)
        if workers is not None
        else _whole_application(application, of_workers)
    )
    return WorstCase(
        hours=hours, vcpus=vcpus, memory_gb=memory_gb, storage_gb=storage_gb, unknown=(*unknown, *of_workers)
    )


def _hours(request: dict[str, Any], mode: JobMode, unknown: list[str]) -> float | None:
    if mode is JobMode.STREAMING:
        unknown.append("a stream runs until it is cancelled")
        return None
    minutes = request.get("executionTimeoutMinutes", _DEFAULT_MINUTES)
    attempts = member_of(request, "retryPolicy.maxAttempts", int) or 1
    if is_token(minutes) or is_token(attempts):
        unknown.append("execution_timeout or retry_policy is known only at deployment; give a number")
    elif minutes == 0:
        unknown.append("nothing ends the run; give an execution_timeout")
    else:
        # Whether an attempt has the time to itself is not documented.
        return float(minutes * attempts / 60)
    return None


def _whole_application(
    application: IApplication, unknown: list[str]
) -> tuple[float | None, float | None, float | None]:
    """The vCPUs, memory and disk of the application, which no run of it exceeds, whatever its workers are."""
    maximum = application.maximum_capacity
    if maximum is None or is_token(maximum.cpu) or maximum.memory.is_unresolved():
        return None, None, None
    unknown.clear()
    disk_gb = None
    if maximum.disk is None or maximum.disk.is_unresolved():
        unknown.append("nothing bounds the disks; give the application's maximum_capacity a disk")
    else:
        disk_gb = float(maximum.disk.to_gibibytes())
    return float(maximum.cpu), float(maximum.memory.to_gibibytes()), disk_gb


def _workers(request: dict[str, Any], application: IApplication, unknown: list[str]) -> Resources | None:
    """What all workers of a run have together at most, None if that is not known."""
    maximum = application.maximum_capacity
    if "sparkSubmit" not in request["jobDriver"]:
        unknown.append("how many tasks a Hive query has is not known; give the application a maximum_capacity")
        return None
    if application.runtime_configuration is None:
        unknown.append("the configuration of an application that is imported is not known")
        return None
    properties = properties_requested(request, application)
    driver, executor = worker_resources(properties, "driver"), worker_resources(properties, "executor")
    if driver is None or executor is None:
        unknown.append("the size of a worker is not known; give driver and executor")
        return None
    counts = [_most_executors(properties, application.release_label)]
    if maximum is not None:
        counts.append(most_workers(executor, maximum, beside=driver))
    known = [count for count in counts if count is not None]
    if not known:
        unknown.append(
            "nothing bounds the number of executors; set spark.dynamicAllocation.maxExecutors in conf, or give the "
            "application a maximum_capacity"
        )
        return None
    workers = _billed(driver) + _billed(executor) * min(known)
    if maximum is None or maximum.memory.is_unresolved():
        return workers
    # Executors are counted by what they ask for, which is less than what they have.
    memory_gib = min(workers.memory_gib, maximum.memory.to_gibibytes())
    return Resources(workers.cpu, memory_gib, workers.disk_gib)


def _most_executors(properties: Properties, release: ReleaseLabel | None) -> int | None:
    name, instances = "spark.dynamicAllocation.enabled", "spark.executor.instances"
    is_dynamic = properties.is_on(name, default=True)
    is_known = name not in properties or properties.get(name) is not None
    dynamic = _most_dynamic_executors(properties, release)
    fixed = properties.number(instances) if instances in properties else DEFAULT_EXECUTORS
    if is_known:
        return dynamic if is_dynamic else fixed
    return None if dynamic is None or fixed is None else max(dynamic, fixed)


def _most_dynamic_executors(properties: Properties, release: ReleaseLabel | None) -> int | None:
    name = "spark.dynamicAllocation.maxExecutors"
    if name in properties:
        return properties.number(name)
    version = release.version if release is not None else None
    return _DEFAULT_MOST_EXECUTORS if version is not None and version < _WITHOUT_LIMIT_FROM else None


def _billed(worker: Resources) -> Resources:
    sizes = MEMORY_GIB.get(int(worker.cpu), ())
    memory_gib = next((size for size in sizes if size >= worker.memory_gib), math.ceil(worker.memory_gib))
    return Resources(worker.cpu, memory_gib, max(worker.disk_gib - _FREE_DISK_GIB, 0))


def _product(hours: float | None, amount: float | None) -> float | None:
    return None if hours is None or amount is None else hours * amount
