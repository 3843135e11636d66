"""Rules of what a job needs and its application may have."""

from collections.abc import Iterator
from dataclasses import dataclass

from ...applications.capacity import MaximumCapacity
from ...validation.model import Report
from ...validation.tokens import is_token
from .._spark_properties import DEFAULT_CORES, DEFAULT_DISK_MIB, DEFAULT_EXECUTORS, DEFAULT_HEAP_MIB, Properties

_MEMBER = "applicationId.maximum_capacity"


@dataclass(frozen=True)
class Resources:
    """What a worker has, or several together."""

    cpu: float
    memory_gib: float
    disk_gib: float

    def __add__(self, other: "Resources") -> "Resources":
        return Resources(self.cpu + other.cpu, self.memory_gib + other.memory_gib, self.disk_gib + other.disk_gib)

    def __mul__(self, count: int) -> "Resources":
        return Resources(self.cpu * count, self.memory_gib * count, self.disk_gib * count)


def check_capacity(properties: Properties, maximum: MaximumCapacity, report: Report, warn: Report) -> None:
    """Report a driver and executor that the application can't have, and warn of executors that it can't all have.

    Nothing grows an application beyond its maximum: a job whose workers do not fit waits until it is cancelled.
    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/app-behavior.html#max-capacity

    Args:
        properties: The Spark properties in effect.
        maximum: What all workers of the application may have together.
        report: Takes what can't work.
        warn: Takes what may be wrong.
    """
    driver, executor = worker_resources(properties, "driver"), worker_resources(properties, "executor")
    if driver is None or executor is None:
        return
    if excess := _excess(driver + executor, maximum):
        limit, amount = excess
        report(
            _MEMBER, limit, f"a driver and one executor of the job have {amount}", "raise it, or use smaller workers"
        )
        return
    if not properties.is_on("spark.dynamicAllocation.enabled", default=True):
        return
    count = _initial_executors(properties)
    if excess := _excess(driver + executor * count, maximum):
        limit, amount = excess
        problem = f"a driver and the {count} executors that the job starts with have {amount}"
        remedy = "raise it, use smaller workers, or set spark.dynamicAllocation.initialExecutors in conf"
        warn(_MEMBER, limit, problem, remedy)


def worker_resources(properties: Properties, worker: str) -> Resources | None:
    """What a worker has, None if that is not known."""
    names = (f"spark.{worker}.cores", f"spark.{worker}.memory", f"spark.emr-serverless.{worker}.disk")
    cores = properties.number(names[0]) if names[0] in properties else DEFAULT_CORES
    heap = properties.mebibytes(names[1]) if names[1] in properties else DEFAULT_HEAP_MIB.get(cores or 0)
    disk = properties.mebibytes(names[2], unit="g") if names[2] in properties else DEFAULT_DISK_MIB
    overhead = properties.overhead(worker)
    if cores is None or heap is None or disk is None or overhead is None:
        return None
    return Resources(cores, overhead.total_mebibytes(heap) / 1024, disk / 1024)


def most_workers(worker: Resources, maximum: MaximumCapacity, *, beside: Resources) -> int | None:
    """How many workers of one size the application can have beside another worker, None if that is not known."""
    counts = [
        int((limit - used) // amount)
        for (limit, amount, _), (_, used, _) in zip(_limits(worker, maximum), _limits(beside, maximum), strict=True)
    ]
    return max(min(counts), 0) if counts else None


def _initial_executors(properties: Properties) -> int:
    initial = "spark.dynamicAllocation.initialExecutors"
    numbers = [properties.number(name) or 0 for name in ("spark.dynamicAllocation.minExecutors", initial)]
    return max(*numbers, 0 if initial in properties else DEFAULT_EXECUTORS)


def _excess(needed: Resources, maximum: MaximumCapacity) -> tuple[str, str] | None:
    """What there is and what is needed, of the first that there is too little of."""
    for limit, amount, unit in _limits(needed, maximum):
        if amount > limit:
            return f"{limit:g} {unit}", f"{amount:.4g}"
    return None


def _limits(needed: Resources, maximum: MaximumCapacity) -> Iterator[tuple[float, float, str]]:
    if not is_token(maximum.cpu):
        yield maximum.cpu, needed.cpu, "vCPUs"
    if not maximum.memory.is_unresolved():
        yield maximum.memory.to_gibibytes(), needed.memory_gib, "GiB of memory"
    if maximum.disk is not None and not maximum.disk.is_unresolved():
        yield maximum.disk.to_gibibytes(), needed.disk_gib, "GiB of disk"
