"""How many workers an application keeps ready, and how much it may use."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from aws_cdk import Size

from ..validation.argument_names import explained
from ..validation.problems import Problems
from ..validation.tokens import is_token
from .application_type import ApplicationType
from .release_label import ReleaseLabel
from .worker import WorkerResources, gib, whole_gib

_MOST_WORKERS = 1_000_000


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


def check_capacity(
    problems: Problems,
    initial: Mapping[WorkerType, InitialCapacity] | None,
    maximum: MaximumCapacity | None,
    application_type: ApplicationType,
    release: ReleaseLabel,
) -> None:
    """Note what is wrong with the initial and the maximum capacity of an application."""
    if initial is not None:
        _check_initial(problems, initial, application_type, release)
    if maximum is not None:
        _check_maximum(problems, maximum)


def _check_initial(
    problems: Problems,
    capacity: Mapping[WorkerType, InitialCapacity],
    application_type: ApplicationType,
    release: ReleaseLabel,
) -> None:
    """Note workers of the other engine, what the service or the release does not have, and counts out of range."""
    for worker, initial in capacity.items():
        argument = f"initial_capacity[{worker}]"
        check_worker_type(problems, argument, worker, application_type)
        initial.resources.check(problems, f"{argument}.resources", release)
        if not is_token(initial.worker_count) and not 1 <= initial.worker_count <= _MOST_WORKERS:
            problems.add(f"{argument}.worker_count", initial.worker_count, "it is out of range", "use 1 or more")


def check_worker_type(problems: Problems, argument: str, worker: WorkerType, application_type: ApplicationType) -> None:
    """Note a worker of the other engine."""
    if worker.application_type is not application_type:
        own = " or ".join(str(known) for known in WorkerType if known.application_type is application_type)
        problems.add(argument, worker, f"a {application_type.value} application has no such worker", f"use {own}")


def _check_maximum(problems: Problems, capacity: MaximumCapacity) -> None:
    """Note capacities that are not whole or not positive."""
    if not is_token(capacity.cpu) and capacity.cpu < 1:
        problems.add("maximum_capacity.cpu", capacity.cpu, "it is out of range", "use 1 or more")
    for name, size in (("memory", capacity.memory), ("disk", capacity.disk)):
        if whole_gib(problems, f"maximum_capacity.{name}", size) == 0:
            problems.add(f"maximum_capacity.{name}", "0 GiB", "it is out of range", "use 1 GiB or more")


def gigabytes(size: Size) -> str:
    """The size as the service writes it."""
    return f"{gib(size)} GB"
