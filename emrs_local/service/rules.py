"""The rules that the service has beyond its model, as far as they decide whether a request is accepted.

Sources: User Guide, "Release versions", "Job resiliency", "Cancelling a job run", "Streaming jobs"; API Reference,
StartJobRun.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from emrs_local.service.applications import Application
from emrs_local.service.errors import ValidationException

# emr-6.6.0 is the first release of EMR Serverless; newer ones appear every few months, so the shape is what is checked.
_RELEASE_LABEL = re.compile(r"emr-(?P<version>[67]\.\d+\.\d+)|emr-spark-\d+\.\d+(\.\d+|-preview)")
_RELEASE_WITH_RETRIES = (7, 1, 0)
_RELEASE_WITH_GRACE_PERIODS = (7, 9, 0)
_RELEASE_WITHOUT_ENDLESS_BATCH = (7, 11, 0)
_NEWER = (8, 0, 0)


def require_valid_application(members: Mapping[str, Any]) -> None:
    """Refuse an application with a release label that no release of EMR has.

    Raises:
        ValidationException: naming the label.
    """
    label = members["releaseLabel"]
    if not _RELEASE_LABEL.fullmatch(label) or _version(label) < (6, 6, 0):
        raise ValidationException(f"Release label {label} is not supported")


def require_valid_job_run(request: Mapping[str, Any], *, application: Application) -> None:
    """Refuse a run whose members contradict each other, or the release of the application.

    Raises:
        ValidationException: naming the members.
    """
    mode = request.get("mode", "BATCH")
    retry = request.get("retryPolicy", {})
    version = _version(application.release_label)
    if "jobDriver" not in request:
        raise ValidationException("jobDriver is required")
    if mode == "STREAMING" and "maxAttempts" in retry:
        raise ValidationException("maxAttempts is not supported for STREAMING job runs")
    if mode == "BATCH" and "maxFailedAttemptsPerHour" in retry:
        raise ValidationException("maxFailedAttemptsPerHour is not supported for BATCH job runs")
    if (mode == "STREAMING" or retry) and version < _RELEASE_WITH_RETRIES:
        raise ValidationException("Streaming job runs and retry policies need release emr-7.1.0 or higher")
    if any(not 1 <= number <= 10 for number in retry.values()):
        raise ValidationException("maxAttempts and maxFailedAttemptsPerHour must be between 1 and 10")
    if mode == "STREAMING" and "hive" in request["jobDriver"]:
        raise ValidationException("Streaming job runs need a sparkSubmit job driver")
    if mode == "BATCH" and request.get("executionTimeoutMinutes") == 0 and version >= _RELEASE_WITHOUT_ENDLESS_BATCH:
        raise ValidationException("executionTimeoutMinutes of a BATCH job run must be between 1 and 10080")
    expected = "hive" if application.engine.upper() == "HIVE" else "sparkSubmit"
    if expected not in request["jobDriver"]:
        raise ValidationException(f"An application of type {application.engine} needs a {expected} job driver")


def require_valid_grace_period(seconds: int | None) -> None:
    """Refuse a shutdown grace period that is neither 0 nor between 15 and 1800 seconds.

    Raises:
        ValidationException: naming the limits.
    """
    if seconds is not None and seconds != 0 and not 15 <= seconds <= 1800:
        raise ValidationException("shutdownGracePeriodInSeconds must be 0 or between 15 and 1800")


def supports_grace_period(release_label: str) -> bool:
    """Whether a driver gets time to end when its run is cancelled; older releases end it at once."""
    return _version(release_label) >= _RELEASE_WITH_GRACE_PERIODS


def _version(release_label: str) -> tuple[int, ...]:
    found = _RELEASE_LABEL.fullmatch(release_label)
    if not found or not found["version"]:
        return _NEWER
    return tuple(int(part) for part in found["version"].split("."))
