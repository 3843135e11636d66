"""The size of a worker."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from aws_cdk import Size, Token

from ..jobs._rules.service import require_release
from ..jobs._spark_properties import Overhead, Properties, overhead_names
from ..validation.argument_names import explained
from ..validation.problems import Problems
from ..validation.tokens import is_token
from .release_label import ReleaseLabel

_GIB = 1024**3
# MiB. https://github.com/apache/spark/blob/v3.5.6/core/src/main/scala/org/apache/spark/memory/UnifiedMemoryManager.scala
_LEAST_HEAP = 450

# vCPUs: the memory sizes in GB that go with them.
# https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/app-behavior.html#worker-configs
MEMORY_GIB: dict[int, range | tuple[int, ...]] = {
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


DISK_GIB = {DiskType.STANDARD: 200, DiskType.SHUFFLE_OPTIMIZED: 2000}


@explained
@dataclass(frozen=True, kw_only=True)
class WorkerResources:
    """What one worker has.

    Args:
        cpu: vCPUs: 1, 2, 4, 8, 16 or 32.
        memory: Memory of the worker, in whole GiB, as the service allows it for the vCPUs. Spark's overhead is part of
            it: the heap is what is left of it.
        disk: Local disk, in whole GiB. Default: the service's, 20 GB.
        disk_type: The kind of the disk. Default: standard.

    Source: https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/app-behavior.html#worker-configs
    """

    cpu: int
    memory: Size
    disk: Size | None = None
    disk_type: DiskType | None = None

    def check(self, problems: Problems, argument: str, release: ReleaseLabel | None) -> None:
        """Note what the service or the release does not have. What is known at deployment only is left alone."""
        memory, disk = (whole_gib(problems, f"{argument}.{name}", getattr(self, name)) for name in ("memory", "disk"))
        largest = DISK_GIB[self.disk_type or DiskType.STANDARD]
        if disk is not None and not 20 <= disk <= largest:
            remedy = f"use 20 to {largest:,} whole GiB"
            problems.add(f"{argument}.disk", f"{disk} GiB", "disks do not have that size", remedy)
        if self.disk_type is DiskType.SHUFFLE_OPTIMIZED:
            require_release(problems, release, (7, 1), f"{argument}.disk_type", self.disk_type)
        if is_token(self.cpu):
            return
        if self.cpu not in MEMORY_GIB:
            problems.add(f"{argument}.cpu", self.cpu, "there are no such workers", "use 1, 2, 4, 8, 16 or 32 vCPUs")
        elif memory is not None and memory not in MEMORY_GIB[self.cpu]:
            problem = f"workers of {self.cpu} vCPUs do not have that much memory"
            problems.add(f"{argument}.memory", f"{memory} GiB", problem, f"use {_listed(MEMORY_GIB[self.cpu])} GiB")

    def check_for_spark(
        self, problems: Problems, argument: str, release: ReleaseLabel | None, properties: Properties
    ) -> None:
        """Note what the service or the release does not have, and memory that can't be divided at synth."""
        self.check(problems, argument, release)
        overhead = properties.overhead(argument)
        if self.memory.is_unresolved():
            problem = "Spark's part of it can't be computed at deployment"
            problems.add(f"{argument}.memory", self.memory, problem, "use a Size with a number")
        elif overhead is None:
            name = next(name for name, _, _ in properties if name in overhead_names(argument))
            problem = f"it can't be subtracted from {argument}.memory, of which it is a part"
            problems.add(properties.place(name), properties.get(name), problem, "use a size such as '2g', or a number")
        elif overhead.set_by is not None and self._heap_mib(overhead) < _LEAST_HEAP:
            problem = f"it leaves less than {_LEAST_HEAP} MiB of {argument}.memory for the heap, which Spark needs"
            place, value = properties.place(overhead.set_by), properties.get(overhead.set_by)
            problems.add(place, value, problem, f"lower {overhead.set_by}, or raise {argument}.memory")

    def spark_conf(self, worker: str, overhead: Overhead | None = None) -> Iterator[tuple[str, str]]:
        """The Spark properties of a `driver` or `executor` of this size, which has been checked.

        Args:
            worker: `driver` or `executor`.
            overhead: The part of the memory that is not the heap. Default: Spark's default.
        """
        yield f"spark.{worker}.cores", in_text(self.cpu)
        if not self.memory.is_unresolved():
            yield f"spark.{worker}.memory", f"{self._heap_mib(overhead or Overhead())}m"
        if self.disk is not None:
            yield f"spark.emr-serverless.{worker}.disk", f"{gib(self.disk)}g"
        if self.disk_type is not None:
            yield f"spark.emr-serverless.{worker}.disk.type", self.disk_type.value.lower()

    def _heap_mib(self, overhead: Overhead) -> int:
        return overhead.heap_mebibytes(int(self.memory.to_bytes()) // 1024**2)


def whole_gib(problems: Problems, argument: str, size: Size | None) -> int | None:
    """The size in GiB, None if it is not known yet; notes one that is not whole."""
    if size is None:
        return None
    number = _gib(size)
    if number is None:
        problem, remedy = "what is known at deployment only can't be converted", "use Size.gibibytes"
        problems.add(argument, size, problem, remedy)
    elif is_token(number):
        return None
    elif number % 1:
        problems.add(argument, f"{number:g} GiB", "it is not in whole GiB", "round it")
    else:
        return int(number)
    return None


def gib(size: Size) -> str:
    """The number of GiB of a size that has been checked, as it can be part of a text."""
    return in_text(_gib(size) or 0)


def in_text(number: float) -> str:
    """The whole number as it can be part of a text, whether it is known or not."""
    return Token.as_string(number) if is_token(number) else str(int(number))


def _gib(size: Size) -> float | None:
    if not size.is_unresolved():
        return size.to_bytes() / _GIB
    try:
        return size.to_gibibytes()
    except RuntimeError:
        # The CDK converts no tokens, and does not tell their unit.
        return None


def _listed(sizes: range | tuple[int, ...]) -> str:
    if isinstance(sizes, range):
        step = f" in steps of {sizes.step}" if sizes.step > 1 else ""
        return f"{sizes[0]} to {sizes[-1]}{step}"
    return ", ".join(map(str, sizes[:-1])) + f" or {sizes[-1]}"
