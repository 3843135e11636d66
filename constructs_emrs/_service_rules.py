"""Rules of the service that its model does not have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from aws_cdk import Duration

from ._problems import Problems
from .application_type import ApplicationType
from .job_mode import JobMode
from .monitoring import LogType, LogWorker, Monitoring
from .release_label import ReleaseLabel
from .retry_policy import RetryPolicy

if TYPE_CHECKING:
    from .application import IApplication

_DAYS_7 = 7 * 24 * 60
_LONGEST_TIMEOUT = 1_000_000

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
    problems: Problems, release: ReleaseLabel | None, minimum: tuple[int, int], argument: str, value: object
) -> None:
    """Note that the feature needs a later release, if the release is known."""
    if release is not None and release.version is not None and release.version < minimum:
        needed = f"emr-{minimum[0]}.{minimum[1]}.0"
        problems.add(
            argument, value, f"the application's release {release.name} does not have it", f"use {needed} or later"
        )


def whole_minutes(problems: Problems, argument: str, duration: Duration | None) -> int | None:
    """The duration in minutes; notes one that is not whole."""
    if duration is None:
        return None
    minutes, rest = divmod(int(duration.to_milliseconds()), 60_000)
    if rest:
        problems.add(argument, str(duration.to_human_string()), "it is not a whole number of minutes", "round it")
        return None
    return minutes


def check_engine(problems: Problems, application: IApplication, engine: ApplicationType) -> None:
    """Jobs run on applications of their own engine."""
    actual = getattr(application, "application_type", None)
    if actual is not None and actual is not engine:
        job = "SparkJob" if actual is ApplicationType.SPARK else "HiveJob"
        problems.add("application", application.node.path, f"it is a {actual.value} application", f"use a {job}")


def check_mode(problems: Problems, mode: JobMode, engine: ApplicationType, release: ReleaseLabel | None) -> None:
    """Streaming is for Spark, from emr-7.1.0.

    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-streaming.html
    """
    if mode is JobMode.STREAMING:
        if engine is not ApplicationType.SPARK:
            problems.add("mode", mode, "streaming jobs are Spark jobs", "use a SparkJob")
        require_release(problems, release, (7, 1), "mode", mode)


def check_timeout(problems: Problems, minutes: int | None, mode: JobMode, release: ReleaseLabel | None) -> None:
    """A batch job has a limit, of 7 days since emr-7.11.0; a streaming job has none.

    https://docs.aws.amazon.com/emr-serverless/latest/APIReference/API_StartJobRun.html
    """
    if minutes is None:
        return
    value = f"{minutes} minutes"
    if mode is JobMode.STREAMING:
        problems.add("execution_timeout", value, "a streaming job has no time limit", "leave it out")
        return
    limited = release is not None and release.version is not None and release.version >= (7, 11)
    longest = _DAYS_7 if limited else _LONGEST_TIMEOUT
    if not 1 <= minutes <= longest:
        problems.add("execution_timeout", value, "batch jobs do not have that limit", f"use 1 to {longest:,} minutes")


def check_retry_policy(
    problems: Problems, policy: RetryPolicy | None, mode: JobMode, release: ReleaseLabel | None
) -> None:
    """Batch jobs are tried so many times, streaming jobs fail so many times an hour; both from emr-7.1.0.

    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-resiliency.html
    """
    if policy is None:
        return
    require_release(problems, release, (7, 1), "retry_policy", policy)
    attempts, failures = policy.max_attempts, policy.max_failed_attempts_per_hour
    if (attempts is None) is (failures is None):
        problems.add("retry_policy", policy, "it has to say one thing", "use attempts(…) or failures_per_hour(…)")
    elif mode is JobMode.STREAMING and attempts is not None:
        problems.add("retry_policy", policy, "streaming jobs are always restarted", "use failures_per_hour(…)")
    elif mode is JobMode.BATCH and failures is not None:
        problems.add("retry_policy", policy, "failures an hour are for streaming jobs", "use attempts(…)")
    for name, count in (("max_attempts", attempts), ("max_failed_attempts_per_hour", failures)):
        if count is not None and not 1 <= count <= 10:
            problems.add(f"retry_policy.{name}", count, "it is out of range", "use 1 to 10")


def check_flex_execution(problems: Problems, mode: JobMode, *, flex_execution: bool | None) -> None:
    """Flex runs Spark batch jobs.

    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-flex-execution.html
    """
    if flex_execution and mode is JobMode.STREAMING:
        problems.add("flex_execution", flex_execution, "Flex runs batch jobs", "leave it out")


def check_monitoring(
    problems: Problems, monitoring: Monitoring, engine: ApplicationType, release: ReleaseLabel | None
) -> None:
    """Log types belong to engines; Prometheus takes metrics of Spark from emr-7.1.0."""
    if monitoring.prometheus is not None:
        if engine is not ApplicationType.SPARK:
            problems.add("monitoring.prometheus", engine.value, "Prometheus gets metrics of Spark jobs", "leave it out")
        require_release(problems, release, (7, 1), "monitoring.prometheus", monitoring.prometheus.workspace_arn)
    log_types = monitoring.cloudwatch_logs.log_types
    if log_types is not None:
        _check_log_types(problems, log_types, engine)
    if not monitoring.cloudwatch_logs.enabled:
        unused = ("log_group", "log_stream_name_prefix", "encryption_key", "log_types")
        for name in (name for name in unused if getattr(monitoring.cloudwatch_logs, name) is not None):
            value = getattr(monitoring.cloudwatch_logs, name)
            problems.add(
                f"monitoring.cloudwatch_logs.{name}", value, "the logs are disabled", "leave it out, or enable them"
            )


def _check_log_types(
    problems: Problems, log_types: Mapping[LogWorker, Sequence[LogType]], engine: ApplicationType
) -> None:
    known = _LOG_TYPES[engine]
    for worker, types in log_types.items():
        argument = f"monitoring.cloudwatch_logs.log_types[{worker}]"
        if worker not in known:
            problems.add(argument, types, f"{engine.value} has no such worker", "use " + " or ".join(map(str, known)))
            continue
        for log_type in types:
            if log_type not in known[worker]:
                allowed = ", ".join(map(str, known[worker]))
                problems.add(argument, log_type, "the worker does not write such a log", f"use {allowed}")
