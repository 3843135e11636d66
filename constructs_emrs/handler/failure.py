"""What the user reads when a job run did not do its work."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import timedelta

    from types_boto3_emr_serverless.type_defs import JobRunTypeDef

    from .driver_log import DriverLog

_log = logging.getLogger(__name__)

# CloudFormation takes answers of 4,096 bytes, and the provider framework adds about 1,000 of its own.
_MOST_BYTES = 2_900
_HEAD_BYTES = 1_000
_WHERE_BYTES = 500
_TAIL_BYTES = 1_300


class JobRunFailed(Exception):
    """The job run did not do its work; the message says why, and where its logs are."""


def job_run_failed(job_run: JobRunTypeDef, log: DriverLog, *, timed_out_after: timedelta | None) -> JobRunFailed:
    """The error of a run that ended without success.

    The error is short, as CloudFormation takes little; the long form goes to the function's log, which the CDK CLI
    prints.
    """
    tail = log.tail()
    name = f" ({job_run['name']})" if job_run.get("name") else ""
    if timed_out_after is not None:
        what = f"was cancelled: it did not get there within {timed_out_after}, the job run's wait_timeout"
    else:
        what = f"{job_run['state']}: {job_run.get('stateDetails', '')}"
    head = f"Job run {job_run['jobRunId']}{name} of application {job_run['applicationId']} {what}"
    where = "Logs: " + "; ".join(log.places)
    _log.error("%s\n%s\n%s", head, "\n".join(tail), where)
    end_of_log = _last_lines(tail, _TAIL_BYTES)
    head, where = _first_bytes(head, _HEAD_BYTES), _first_bytes(where, _WHERE_BYTES)
    parts = [head, f"The driver's log ends with:\n{end_of_log}" if end_of_log else "", where]
    return JobRunFailed("\n\n".join(part for part in parts if part))


def bounded(error: Exception) -> JobRunFailed:
    """The error, short enough for CloudFormation, which waits an hour for an answer that it can take."""
    text = str(error) if isinstance(error, JobRunFailed) else f"{type(error).__name__}: {error}"
    return JobRunFailed(_first_bytes(text, _MOST_BYTES))


def _json_bytes(text: str) -> int:
    """How much of CloudFormation's limit the text takes, escapes included."""
    return len(json.dumps(text, ensure_ascii=False).encode()) - 2


def _first_bytes(text: str, limit: int) -> str:
    kept = text[:limit]
    while _json_bytes(kept) > limit:
        kept = kept[: len(kept) * 9 // 10]
    return kept if kept == text else kept + "…"


def _last_lines(lines: list[str], limit: int) -> str:
    """As many whole lines from the end as fit into `limit` bytes; the start of the last line if even that does not."""
    kept: list[str] = []
    size = 0
    for line in reversed(lines):
        size += _json_bytes(line + "\n")
        if size > limit:
            break
        kept.insert(0, line)
    return "\n".join(kept) if kept or not lines else _first_bytes(lines[-1], limit)
