"""Rules of an engine and its release, which hold for an application and for the jobs on it."""

from collections.abc import Sequence
from typing import Any

from ..monitoring.monitoring import LogType, LogWorker
from ..validation.model import Report, known_member_of
from ..validation.problems import Problems
from ..validation.tokens import is_token
from ..validation.units import whole_gib
from .capacity import DISK_GIB, MEMORY_GIB, DiskType, WorkerResources
from .release_label import ReleaseLabel
from .settings import ApplicationType

# https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/logging.html#jobs-log-storage-cw
_LOG_TYPES: dict[ApplicationType, dict[LogWorker, Sequence[LogType]]] = {
    ApplicationType.SPARK: {
        LogWorker.SPARK_DRIVER: (LogType.STDERR, LogType.STDOUT),
        LogWorker.SPARK_EXECUTOR: (LogType.STDERR, LogType.STDOUT),
    },
    ApplicationType.HIVE: {
        LogWorker.HIVE_DRIVER: (LogType.STDERR, LogType.STDOUT, LogType.HIVE_LOG, LogType.TEZ_AM),
        LogWorker.TEZ_TASK: (LogType.STDERR, LogType.STDOUT, LogType.SYSTEM_LOGS),
    },
}


def require_release(
    report: Report, release: ReleaseLabel | None, minimum: tuple[int, int], member: str, value: object
) -> None:
    """Report that the feature needs a later release, if the release is known."""
    if release is not None and release.version is not None and release.version < minimum:
        needed = f"emr-{minimum[0]}.{minimum[1]}.0"
        report(member, value, f"the application's release {release.name} does not have it", f"use {needed} or later")


def check_monitoring_request(
    request: dict[str, Any], path: str, engine: ApplicationType, release: ReleaseLabel | None, report: Report
) -> None:
    """Log types belong to engines; Prometheus takes metrics of Spark from emr-7.1.0.

    Args:
        request: The request that the monitoring configuration is in.
        path: Where in the request it is.
        engine: The engine of the application or job.
        release: The application's release, None if it is not known.
        report: Takes the problems.
    """
    prometheus = f"{path}.prometheusMonitoringConfiguration"
    if known_member_of(request, prometheus, dict):
        url = f"{prometheus}.remoteWriteUrl"
        if engine is not ApplicationType.SPARK:
            report(prometheus, engine.value, "Prometheus gets metrics of Spark jobs", "leave it out")
        require_release(report, release, (7, 1), prometheus, known_member_of(request, url, str))
    log_types = f"{path}.cloudWatchLoggingConfiguration.logTypes"
    for worker, types in (known_member_of(request, log_types, dict) or {}).items():
        _check_log_types(engine, worker, types, report, f"{log_types}[{worker!r}]")


def _check_log_types(engine: ApplicationType, worker: str, types: Any, report: Report, path: str) -> None:
    known = {known.value: allowed for known, allowed in _LOG_TYPES[engine].items()}
    if worker not in known:
        own = " or ".join(map(str, _LOG_TYPES[engine]))
        report(path, types, f"{engine.value} has no such worker", f"use {own}")
        return
    for log_type in types if isinstance(types, list) else ():
        if log_type not in {allowed.value for allowed in known[worker]}:
            remedy = "use " + ", ".join(map(str, known[worker]))
            report(path, log_type, "the worker does not write such a log", remedy)


def check_worker(problems: Problems, argument: str, resources: WorkerResources, release: ReleaseLabel | None) -> None:
    """Note what the service or the release does not have. What is known at deployment only is left alone."""
    sizes = (("memory", resources.memory), ("disk", resources.disk))
    memory, disk = (whole_gib(problems, f"{argument}.{name}", size) for name, size in sizes)
    largest = DISK_GIB[resources.disk_type or DiskType.STANDARD]
    if disk is not None and not 20 <= disk <= largest:
        remedy = f"use 20 to {largest:,} whole GiB"
        problems.add(f"{argument}.disk", f"{disk} GiB", "a disk can't have that size", remedy)
    if resources.disk_type is DiskType.SHUFFLE_OPTIMIZED:
        require_release(problems.add, release, (7, 1), f"{argument}.disk_type", resources.disk_type)
    if is_token(resources.cpu):
        return
    if resources.cpu not in MEMORY_GIB:
        problems.add(
            f"{argument}.cpu", resources.cpu, "no worker has that number of vCPUs", "use 1, 2, 4, 8, 16 or 32 vCPUs"
        )
    elif memory is not None and memory not in MEMORY_GIB[resources.cpu]:
        problem = f"workers of {resources.cpu} vCPUs can't have that memory size"
        problems.add(f"{argument}.memory", f"{memory} GiB", problem, f"use {_listed(MEMORY_GIB[resources.cpu])} GiB")


def _listed(sizes: range | tuple[int, ...]) -> str:
    if isinstance(sizes, range):
        step = f" in steps of {sizes.step}" if sizes.step > 1 else ""
        return f"{sizes[0]} to {sizes[-1]}{step}"
    return ", ".join(map(str, sizes[:-1])) + f" or {sizes[-1]}"
