"""Rules of Spark properties: what the service does not have, and what contradicts each other.

Each reports the place that set the property, which may be an argument, a member of an override, or the application.
"""

from collections.abc import Mapping
from typing import Any

from ...applications.capacity import DISK_GIB, MEMORY_GIB, DiskType, WorkerResources
from ...applications.engine_rules import check_worker, require_release
from ...applications.release_label import ReleaseLabel
from ...validation.model import Report
from ...validation.problems import Problems
from ...workflows.interface import JobMode
from .._spark_properties import DEFAULT_CORES, DEFAULT_EXECUTORS, DEFAULT_HEAP_MIB, Properties, overhead_names

_ENVIRONMENT = "spark.emr-serverless.driverEnv."
# https://github.com/zipline-ai/chronon/pull/1749: none of them reached the driver, the one above did.
_OTHER_ENVIRONMENTS = ("spark.driverEnv.", "spark.yarn.appMasterEnv.", "spark.kubernetes.driverEnv.")

# Properties of a job that do nothing, or harm: the value that does, if it is one only; what is wrong; what to do.
_WITHOUT_EFFECT: Mapping[str, tuple[str | None, str, str]] = {
    # The parameters that the service lists have neither:
    # https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-spark.html#spark-defaults
    **dict.fromkeys(
        ("spark.master", "spark.submit.deployMode"),
        (None, "the service itself decides where the job runs", "leave it out"),
    ),
    # The defaults of Amazon EMR are long lists, which this replaces: https://github.com/apache/hudi/issues/10609
    **dict.fromkeys(
        ("spark.driver.extraClassPath", "spark.executor.extraClassPath"),
        (
            None,
            "it replaces the release's own class path, with what reads S3 and the Glue Data Catalog",
            "use jars, or begin with the release's own",
        ),
    ),
    # The service writes event logs in /var/log/spark/apps of the driver, as drivers' logs say, and makes the Spark UI
    # from them: https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/dashboards-and-logs.html
    "spark.eventLog.enabled": ("false", "the Spark UI of a run is made from its event log", "leave it out"),
    "spark.eventLog.dir": (
        None,
        "the Spark UI of a run is made from the event log that the service has Spark write elsewhere",
        "leave it out; monitoring.s3_logs has the event log in a bucket",
    ),
    # It has to be set up on each worker, and no page says that it is:
    # https://spark.apache.org/docs/latest/job-scheduling.html#configuration-and-setup
    "spark.shuffle.service.enabled": (
        "true",
        "workers are not known to have an external shuffle service",
        "leave it out; dynamic allocation works without",
    ),
}

# MiB. https://github.com/apache/spark/blob/v3.5.6/core/src/main/scala/org/apache/spark/memory/UnifiedMemoryManager.scala
_LEAST_HEAP = 450

_SERVERLESS_STORAGE = "spark.aws.serverlessStorage.enabled"
_DAY_MINUTES = 24 * 60


def check_worker_of_spark(
    problems: Problems, worker: str, resources: WorkerResources, release: ReleaseLabel | None, properties: Properties
) -> None:
    """Note what the service or the release does not have, and memory that can't be divided at synth.

    Args:
        problems: Takes what is wrong.
        worker: The argument, `driver` or `executor`.
        resources: Its value.
        release: The application's release, None if it is not known.
        properties: The Spark properties that other arguments set.
    """
    check_worker(problems, worker, resources, release)
    overhead = properties.overhead(worker)
    if resources.memory.is_unresolved():
        problem = "Spark's part of it can't be computed at deployment"
        problems.add(f"{worker}.memory", resources.memory, problem, "use a Size with a number")
    elif overhead is None:
        name = next(name for name, _, _ in properties if name in overhead_names(worker))
        problem = f"it can't be subtracted from {worker}.memory, of which it is a part"
        problems.add(properties.place(name), properties.get(name), problem, "use a size such as '2g', or a number")
    elif overhead.set_by is not None and overhead.heap_of(resources) < _LEAST_HEAP:
        problem = f"it leaves less than {_LEAST_HEAP} MiB of {worker}.memory for the heap, which Spark needs"
        place, value = properties.place(overhead.set_by), properties.get(overhead.set_by)
        problems.add(place, value, problem, f"lower {overhead.set_by}, or raise {worker}.memory")


def warn_of_names(properties: Properties, warn: Report) -> None:
    """Say which properties of the job, and not of its application, do nothing or harm."""
    for name, value, place in properties:
        if place.startswith("application."):
            continue
        only, problem, remedy = _WITHOUT_EFFECT.get(name, (None, "", ""))
        if problem and only in {None, value.strip().lower()}:
            warn(place, value, problem, remedy)
        for prefix in _OTHER_ENVIRONMENTS:
            if name.startswith(prefix):
                instead = name.removeprefix(prefix)
                remedy = f"use environment, or {_ENVIRONMENT}{instead} for the driver alone"
                warn(place, value, f"{name} sets nothing on EMR Serverless", remedy)
        if not name.startswith("spark."):
            # https://github.com/apache/spark/blob/v3.5.6/core/src/main/scala/org/apache/spark/deploy/SparkSubmitArguments.scala
            remedy = f"use spark.hadoop.{name} if it is a property of Hadoop or Hive"
            warn(place, value, f"Spark ignores {name!r}, which does not begin with 'spark.'", remedy)


def check_properties(
    request: Mapping[str, Any],
    properties: Properties,
    release: ReleaseLabel | None,
    *,
    report: Report,
    warn: Report,
) -> None:
    """Report numbers that the service, or Spark, refuses, and warn where only a default is at fault."""
    for worker in ("driver", "executor"):
        _check_size(properties, worker, report, warn)
        _check_disk(properties, worker, report)
    _check_executors(properties, report)
    _check_serverless_storage(request, properties, release, report)


def _check_size(properties: Properties, worker: str, report: Report, warn: Report) -> None:
    """Workers have certain sizes, and the overhead is part of their memory.

    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/app-behavior.html#worker-configs; the defaults are
    on https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-spark.html.
    """
    cores_name, memory_name = f"spark.{worker}.cores", f"spark.{worker}.memory"
    cores = properties.number(cores_name) if cores_name in properties else DEFAULT_CORES
    if cores is not None and cores not in MEMORY_GIB:
        report(
            properties.place(cores_name), cores, "no worker has that number of vCPUs", "use 1, 2, 4, 8, 16 or 32 vCPUs"
        )
    if cores not in MEMORY_GIB:
        return
    default = DEFAULT_HEAP_MIB.get(cores, DEFAULT_HEAP_MIB[DEFAULT_CORES])
    heap = properties.mebibytes(memory_name) if memory_name in properties else default
    overhead, most = properties.overhead(worker), max(MEMORY_GIB[cores])
    if heap is None or overhead is None or (total := overhead.total_mebibytes(heap)) <= most * 1024:
        return
    to_blame = next((name for name in (memory_name, overhead.set_by, cores_name) if name in properties), None)
    if to_blame is not None:
        tell = report if memory_name in properties else warn
        problem = (
            f"{memory_name} of {heap / 1024:.4g} GiB and its overhead are {total / 1024:.4g} GiB, and a worker of "
            f"{cores} vCPUs has {most} at most"
        )
        remedy = f"use {memory_name}={overhead.heap_mebibytes(most * 1024)}m or less, or more vCPUs"
        tell(properties.place(to_blame), properties.get(to_blame), problem, remedy)


def _check_disk(properties: Properties, worker: str, report: Report) -> None:
    name = f"spark.emr-serverless.{worker}.disk"
    size = properties.mebibytes(name, unit="g")
    is_shuffle = (properties.get(f"{name}.type") or "").lower() == "shuffle_optimized"
    largest = DISK_GIB[DiskType.SHUFFLE_OPTIMIZED if is_shuffle else DiskType.STANDARD]
    if size is not None and not 20 <= size / 1024 <= largest:
        report(properties.place(name), properties.get(name), "a disk can't have that size", f"use 20g to {largest}g")


def _check_executors(properties: Properties, report: Report) -> None:
    """Dynamic allocation starts with a number of executors between the least and the most.

    The service starts with 3 by default and ends a job with fewer as its most:
    https://github.com/aws-samples/aws-emr-utilities/pull/175.
    """
    if not properties.is_on("spark.dynamicAllocation.enabled", default=True):
        return
    least, initial, most = (
        f"spark.dynamicAllocation.{name}" for name in ("minExecutors", "initialExecutors", "maxExecutors")
    )
    numbers = {name: number for name in (least, initial, most) if (number := properties.number(name)) is not None}
    for lower, upper in ((least, initial), (initial, most), (least, most)):
        if lower in numbers and upper in numbers and numbers[lower] > numbers[upper]:
            problem = f"it is less than {lower}, which is {numbers[lower]}"
            report(properties.place(upper), str(numbers[upper]), problem, "raise it, or lower the other")
            return
    if most in numbers and initial not in numbers and numbers[most] < DEFAULT_EXECUTORS:
        count = numbers[most]
        problem = f"a job starts with {DEFAULT_EXECUTORS} executors by default, which is more"
        report(properties.place(most), str(count), problem, f"set {initial} to {count} or less, too")


def _check_serverless_storage(
    request: Mapping[str, Any], properties: Properties, release: ReleaseLabel | None, report: Report
) -> None:
    """Serverless storage is for batch jobs of a day at most, on workers of 4 vCPUs at least, from emr-7.12.0.

    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-serverless-storage.html
    """
    if not properties.is_on(_SERVERLESS_STORAGE):
        return
    place, value = properties.place(_SERVERLESS_STORAGE), properties.get(_SERVERLESS_STORAGE)
    require_release(report, release, (7, 12), place, value)
    if request.get("mode") == JobMode.STREAMING.value:
        off = (
            "leave it out" if not place.startswith("application.") else f"set conf[{_SERVERLESS_STORAGE!r}] to 'false'"
        )
        report(place, value, "streaming jobs do not have serverless storage", off)
    minutes = request.get("executionTimeoutMinutes")
    if isinstance(minutes, int) and minutes > _DAY_MINUTES:
        problem = "jobs with serverless storage run for a day at most"
        report("executionTimeoutMinutes", f"{minutes} minutes", problem, f"use {_DAY_MINUTES:,} minutes or less")
    for worker in ("driver", "executor"):
        name = f"spark.{worker}.cores"
        cores = properties.number(name)
        if cores is not None and cores < 4:
            problem = "such workers do not have serverless storage"
            report(properties.place(name), cores, problem, "use 4 vCPUs or more")
