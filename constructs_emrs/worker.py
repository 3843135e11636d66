"""The size of a worker."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from aws_cdk import Size

from ._problems import Problems

_GIB = 1024**3

# vCPUs: the memory sizes in GB that go with them.
# https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/app-behavior.html#worker-configs
_MEMORY: dict[int, range | tuple[int, ...]] = {
    1: range(2, 8 + 1),
    2: range(4, 16 + 1),
    4: range(8, 30 + 1),
    8: range(16, 60 + 1, 4),
    16: range(32, 120 + 1, 8),
    32: (60, 120, 244),
}


class DiskType(Enum):
    """The kind of a worker's local disk."""

    STANDARD = "STANDARD"
    """20 to 200 GB; the default of the service."""
    SHUFFLE_OPTIMIZED = "SHUFFLE_OPTIMIZED"
    """20 GB to 2 TB, with more throughput; from emr-7.1.0."""


_DISK = {None: 200, DiskType.STANDARD: 200, DiskType.SHUFFLE_OPTIMIZED: 2000}


@dataclass(frozen=True, kw_only=True)
class WorkerResources:
    """What one worker has.

    Args:
        cpu: vCPUs: 1, 2, 4, 8, 16 or 32.
        memory: Memory of the worker, in whole GiB, as the service allows it for the vCPUs; Spark's overhead is part of
            it.
        disk: Local disk, in whole GiB. Default: the service's, 20 GB.
        disk_type: The kind of the disk. Default: standard.

    Source: https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/app-behavior.html#worker-configs
    """

    cpu: int
    memory: Size
    disk: Size | None = None
    disk_type: DiskType | None = None

    @property
    def memory_gib(self) -> float:
        """The memory in GiB."""
        return self.memory.to_bytes() / _GIB

    @property
    def disk_gib(self) -> float | None:
        """The disk in GiB, None for the service's default."""
        return None if self.disk is None else self.disk.to_bytes() / _GIB

    def check(self, problems: Problems, argument: str) -> None:
        """Note sizes that the service does not have."""
        if self.cpu not in _MEMORY:
            problems.add(f"{argument}.cpu", self.cpu, "there are no such workers", "use 1, 2, 4, 8, 16 or 32 vCPUs")
            return
        sizes = _MEMORY[self.cpu]
        if self.memory_gib not in sizes:
            problems.add(
                f"{argument}.memory",
                f"{self.memory_gib:g} GiB",
                f"workers of {self.cpu} vCPUs do not have that much memory",
                f"use {_listed(sizes)} GiB",
            )
        largest = _DISK[self.disk_type]
        if self.disk_gib is not None and not (20 <= self.disk_gib <= largest and self.disk_gib.is_integer()):
            problems.add(
                f"{argument}.disk",
                f"{self.disk_gib:g} GiB",
                "disks do not have that size",
                f"use 20 to {largest} whole GiB",
            )

    def spark_conf(self, worker: str) -> Iterator[tuple[str, str]]:
        """The Spark properties of a `driver` or `executor` of this size."""
        yield f"spark.{worker}.cores", str(self.cpu)
        yield f"spark.{worker}.memory", f"{self._heap_mib()}m"
        if self.disk_gib is not None:
            yield f"spark.emr-serverless.{worker}.disk", f"{self.disk_gib:g}g"
        if self.disk_type is not None:
            yield f"spark.emr-serverless.{worker}.disk.type", self.disk_type.value.lower()

    def _heap_mib(self) -> int:
        """The memory without Spark's overhead, which is 10 % of the heap and at least 384 MiB."""
        total = int(self.memory_gib * 1024)
        return min(int(total / 1.1), total - 384)


def _listed(sizes: range | tuple[int, ...]) -> str:
    if isinstance(sizes, range):
        step = f" in steps of {sizes.step}" if sizes.step > 1 else ""
        return f"{sizes[0]} to {sizes[-1]}{step}"
    return ", ".join(map(str, sizes[:-1])) + f" or {sizes[-1]}"
