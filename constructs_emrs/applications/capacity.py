"""Workers: what one has, how many an application keeps ready, and what all may have together."""

from dataclasses import dataclass
from enum import Enum

from aws_cdk import Size

from ..validation.argument_names import explained
from .settings import ApplicationType

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


class WorkerType(Enum):
    """A kind of worker of an application."""

    SPARK_DRIVER = "Driver"
    """The driver of a Spark job."""
    SPARK_EXECUTOR = "Executor"
    """An executor of a Spark job."""
    HIVE_DRIVER = "HiveDriver"
    """The driver of a Hive job."""
    TEZ_TASK = "TezTask"
    """A Tez task of a Hive job."""

    @property
    def application_type(self) -> ApplicationType:
        """The applications that have such workers."""
        spark = {WorkerType.SPARK_DRIVER, WorkerType.SPARK_EXECUTOR}
        return ApplicationType.SPARK if self in spark else ApplicationType.HIVE

    @property
    def capacity_key(self) -> str:
        """The name of the worker in an initial capacity, which spells it differently from worker types."""
        keys = {WorkerType.SPARK_DRIVER: "DRIVER", WorkerType.HIVE_DRIVER: "DRIVER", WorkerType.TEZ_TASK: "TEZ_TASK"}
        return keys.get(self, "EXECUTOR")


@explained
@dataclass(frozen=True, kw_only=True)
class InitialCapacity:
    """Workers that are kept ready, and paid for, while the application is started.

    Args:
        worker_count: How many, from 1.
        resources: The size of each.

    Source: https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/pre-init-capacity.html
    """

    worker_count: int
    resources: WorkerResources


@explained
@dataclass(frozen=True, kw_only=True)
class MaximumCapacity:
    """What all workers of the application may have together.

    Args:
        cpu: vCPUs.
        memory: Memory, in whole GiB.
        disk: Local disk, in whole GiB. Default: no limit.

    Source: https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/app-behavior.html#max-capacity
    """

    cpu: int
    memory: Size
    disk: Size | None = None
