"""The rules that the service has beyond its model, as far as they decide whether a request is accepted.

Sources: User Guide, "Release versions", "Job resiliency", "Cancelling a job run", "Streaming jobs", "Flex execution",
"Job concurrency and queuing", "Storing logs", "Using an execution IAM policy"; API Reference, CreateApplication,
StartJobRun and SchedulerConfiguration. Where other people recorded the service's own sentence, it is used: moto's tests
for engines, roles and timeouts, hashicorp/terraform-provider-aws#49109 for updates.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emrs_local.emr_serverless import releases
from emrs_local.emr_serverless.applications import ENGINES, Application
from emrs_local.emr_serverless.errors import AccessDeniedException, ValidationException
from emrs_local.emr_serverless.worker_rules import require_valid_workers

_DEFAULT_CONCURRENT_RUNS = 15
_DEFAULT_QUEUE_TIMEOUT_MINUTES = 360
_SCHEDULER_LIMITS = {"maxConcurrentRuns": (1, 1000), "queueTimeoutMinutes": (15, 720)}
_SHORTEST_TIMEOUT_MINUTES = 5
_LONGEST_BATCH_MINUTES = 7 * 24 * 60
_MOST_TAGS = 200
_LOG_TYPES: dict[str, dict[str, tuple[str, ...]]] = {
    "Spark": {"SPARK_DRIVER": ("STDERR", "STDOUT"), "SPARK_EXECUTOR": ("STDERR", "STDOUT")},
    "Hive": {
        "HIVE_DRIVER": ("STDERR", "STDOUT", "HIVE_LOG", "TEZ_AM"),
        "TEZ_TASK": ("STDERR", "STDOUT", "SYSTEM_LOGS"),
    },
}
_LOG_URI = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Queue:
    """How many runs of an application run at a time, and how long others wait for their turn."""

    concurrent_runs: int
    timeout_minutes: int


def require_valid_application(members: Mapping[str, Any]) -> None:
    """Refuse an application that no release of EMR has, or whose members contradict its release or each other.

    Args:
        members: The members of a CreateApplication request; for an update, those that the application then has.

    Raises:
        ValidationException: Naming the member.
    """
    label, engine = members["releaseLabel"], members["type"].capitalize()
    if engine not in ENGINES:
        raise ValidationException(f"Unsupported engine {members['type']}")
    if not releases.is_release(label):
        raise ValidationException(f"Release label {label} is not supported")
    if releases.is_for_spark_only(label) and engine != "Spark":
        raise ValidationException(
            f"Type '{members['type']}' is not supported for release label '{label}' or release label does not exist"
        )
    interactive = members.get("interactiveConfiguration", {})
    images = (members.get("imageConfiguration"), members.get("workerTypeSpecifications"))
    for used, feature, member in (
        (any(images), releases.CUSTOM_IMAGES, "imageConfiguration"),
        (interactive.get("livyEndpointEnabled"), releases.INTERACTIVE_ENDPOINTS, "livyEndpointEnabled"),
        (interactive.get("studioEnabled"), releases.INTERACTIVE_ENDPOINTS, "studioEnabled"),
        (interactive.get("sessionEnabled"), releases.SESSIONS, "sessionEnabled"),
        (members.get("schedulerConfiguration"), releases.SCHEDULER, "schedulerConfiguration"),
        (members.get("identityCenterConfiguration"), releases.IDENTITY_CENTER, "identityCenterConfiguration"),
    ):
        if used:
            _require_release(label, feature, member)
    for name, value in members.get("schedulerConfiguration", {}).items():
        lowest, highest = _SCHEDULER_LIMITS[name]
        if not lowest <= value <= highest:
            raise ValidationException(f"{name} must be between {lowest} and {highest}")
    require_valid_workers(members, engine=engine)
    _require_valid_monitoring(members.get("monitoringConfiguration", {}), engine=engine, label=label)


def require_valid_job_run(request: Mapping[str, Any], *, application: Application) -> None:
    """Refuse a run whose members contradict each other, or the release or engine of the application.

    Raises:
        AccessDeniedException: The role is of another account.
        ValidationException: Naming the members.
    """
    mode = request.get("mode", "BATCH")
    retry = request.get("retryPolicy", {})
    label = application.release_label
    if request["executionRoleArn"].split(":")[4] != application.scope.account_id:
        raise AccessDeniedException("Cross-account pass role is not allowed.")
    if "jobDriver" not in request:
        raise ValidationException("jobDriver is required")
    if mode == "STREAMING" and "maxAttempts" in retry:
        raise ValidationException("maxAttempts is not supported for STREAMING job runs")
    if mode == "BATCH" and "maxFailedAttemptsPerHour" in retry:
        raise ValidationException("maxFailedAttemptsPerHour is not supported for BATCH job runs")
    if mode == "STREAMING" or retry:
        _require_release(label, releases.STREAMING_AND_RETRIES, "Streaming job runs and retry policies")
    if any(not 1 <= number <= 10 for number in retry.values()):
        raise ValidationException("maxAttempts and maxFailedAttemptsPerHour must be between 1 and 10")
    if request.get("flexExecution", {}).get("enabled") and (mode == "STREAMING" or "hive" in request["jobDriver"]):
        raise ValidationException("flexExecution is supported for BATCH job runs of Spark only")
    if mode == "STREAMING" and "hive" in request["jobDriver"]:
        raise ValidationException("Streaming job runs need a sparkSubmit job driver")
    expected = "hive" if application.engine == "Hive" else "sparkSubmit"
    if expected not in request["jobDriver"]:
        raise ValidationException(f"An application of type {application.engine} needs a {expected} job driver")
    _require_valid_timeout(request.get("executionTimeoutMinutes"), mode=mode, label=label)
    _require_valid_policy(request.get("executionIamPolicy", {}).get("policy"))
    monitoring = request.get("configurationOverrides", {}).get("monitoringConfiguration", {})
    _require_valid_monitoring(monitoring, engine=application.engine, label=label)


def require_valid_grace_period(seconds: int | None) -> None:
    """Refuse a shutdown grace period that is neither 0 nor between 15 and 1800 seconds.

    Raises:
        ValidationException: Naming the limits.
    """
    if seconds is not None and seconds != 0 and not 15 <= seconds <= 1800:
        raise ValidationException("shutdownGracePeriodInSeconds must be 0 or between 15 and 1800")


def require_valid_tags(tags: Mapping[str, str]) -> None:
    """Refuse more tags than a resource may have; `tags` are all that it then has.

    Raises:
        ValidationException: Naming the limit.
    """
    if len(tags) > _MOST_TAGS:
        raise ValidationException(f"A resource can have at most {_MOST_TAGS} tags")


def supports_grace_period(release_label: str) -> bool:
    """Whether a driver gets time to end when its run is cancelled; older releases end it at once."""
    return releases.has(release_label, releases.GRACE_PERIODS)


def queue_of(application: Application) -> Queue | None:
    """The queue of an application; None if all its runs run at once.

    It came with emr-7.0.0 for those that configure it, and is on by default from emr-7.3.0 on.
    """
    scheduler = application.members.get("schedulerConfiguration")
    if not scheduler and not releases.has(application.release_label, releases.SCHEDULER_BY_DEFAULT):
        return None
    scheduler = scheduler or {}
    return Queue(
        concurrent_runs=scheduler.get("maxConcurrentRuns", _DEFAULT_CONCURRENT_RUNS),
        timeout_minutes=scheduler.get("queueTimeoutMinutes", _DEFAULT_QUEUE_TIMEOUT_MINUTES),
    )


def _require_release(label: str, feature: tuple[int, int, int], what: str) -> None:
    if not releases.has(label, feature):
        raise ValidationException(f"{what}: needs release {releases.named(feature)} or higher, not {label}")


def _require_valid_timeout(minutes: int | None, *, mode: str, label: str) -> None:
    if minutes is None:
        return
    if 0 < minutes < _SHORTEST_TIMEOUT_MINUTES:
        raise ValidationException(f"RunTimeout must be at least {_SHORTEST_TIMEOUT_MINUTES} minutes.")
    is_limited = mode == "BATCH" and releases.has(label, releases.NO_ENDLESS_BATCH)
    if is_limited and not _SHORTEST_TIMEOUT_MINUTES <= minutes <= _LONGEST_BATCH_MINUTES:
        raise ValidationException(
            f"executionTimeoutMinutes of a BATCH job run must be between {_SHORTEST_TIMEOUT_MINUTES} and "
            f"{_LONGEST_BATCH_MINUTES}"
        )


def _require_valid_policy(policy: str | None) -> None:
    if policy is None:
        return
    try:
        document = json.loads(policy)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or "Statement" not in document:
        raise ValidationException("executionIamPolicy.policy is not a valid IAM policy")


def _require_valid_monitoring(monitoring: Mapping[str, Any], *, engine: str, label: str) -> None:
    known = _LOG_TYPES[engine]
    log_types = monitoring.get("cloudWatchLoggingConfiguration", {}).get("logTypes", {})
    for worker, types in log_types.items():
        if worker.upper() not in known:
            raise ValidationException(f"Log types of {worker} are not supported for {engine}: use {', '.join(known)}")
        for name in types:
            if name.upper() not in known[worker.upper()]:
                raise ValidationException(f"Log type {name} is not supported for {worker}")
    log_uri = monitoring.get("s3MonitoringConfiguration", {}).get("logUri")
    if log_uri and not _LOG_URI.fullmatch(log_uri):
        raise ValidationException(f"logUri {log_uri} is not a valid S3 URI")
    if monitoring.get("prometheusMonitoringConfiguration", {}).get("remoteWriteUrl"):
        _require_release(label, releases.PROMETHEUS, "prometheusMonitoringConfiguration")
