"""What the user reads when a job run did not do its work."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from .file_names import as_written
from .truncation import first_bytes, last_lines

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from types_boto3_emr_serverless.type_defs import JobRunTypeDef

    from .driver_log import DriverLog

_log = logging.getLogger(__name__)

# CloudFormation takes answers of 4,096 bytes; ids take some hundred of them.
_HEAD_BYTES = 1_000
_WHERE_BYTES = 500
_REMEDY_BYTES = 300
_TAIL_BYTES = 1_500
# The reason is read when the rollback is over.
_KEPT = "A rollback deletes a log group or key that this deploy has created: cdk deploy --no-rollback keeps them."

# What the state details or the log say, and what to do about it; the first that is found.
_REMEDIES: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("could not assume execution role",),
        "Check that the execution role exists and trusts emr-serverless.amazonaws.com for this account.",
    ),
    (
        ("maximum capacity", "maximumcapacity", "vcpu", "insufficient capacity", "capacity limit"),
        "Give the application more maximum_capacity or the job smaller or fewer workers, or have the account's vCPU "
        "quota raised.",
    ),
    (
        ("outofmemoryerror", "java heap space", "gc overhead limit exceeded", "exit code 137", "exit status 137"),
        "Give the workers more memory: driver or executor=WorkerResources(…), or let a worker do less at a time.",
    ),
    (
        ("modulenotfounderror", "no module named"),
        "Bring the package with the job: python_dependencies=PythonDependencies.from_packages([…], python=…), or "
        "py_files for code of your own.",
    ),
    (
        ("kms:", "kmsexception"),
        "Let the execution role use the key, and check the key's policy: Encryption.customer_managed() grants both.",
    ),
    (
        ("accessdenied", "access denied", "accesscontrolexception", "not authorized", "status code: 403"),
        "Grant the job what it uses: bucket.grant_read_write(job) for its data. S3 says the same of an object that is "
        "not there, also of entry_point.",
    ),
    (
        ("nosuchkey", "no such file", "filenotfoundexception", "does not exist"),
        "Check entry_point and the paths in the job's arguments.",
    ),
    (
        ("parseexception", "analysisexception", "semanticexception", "_not_found]", "parse_syntax_error"),
        "Correct the query.",
    ),
    (("executiontimeout", "execution timeout", "timed out"), "Give the job more execution_timeout, or less to do."),
)


class RequestFailed(Exception):
    """What was asked for was not done; the message says why, and what to do about it."""


class TookTooLong(RequestFailed):
    """A run is not where it is waited for, though it may get there before it is cancelled."""


def job_run_failed(
    job_run: JobRunTypeDef, log: DriverLog, *, timed_out_after: timedelta | None, file_names: Mapping[str, str]
) -> RequestFailed:
    """The error of a run that ended without success, or that is cancelled as it took too long.

    The error is short, as CloudFormation takes little; the long form goes to the function's log, which the CDK CLI
    prints.
    """
    tail = [as_written(line, file_names) for line in log.tail()]
    end_of_log = last_lines(tail, _TAIL_BYTES)
    name = f" ({job_run['name']})" if job_run.get("name") else ""
    details = as_written(job_run.get("stateDetails", ""), file_names)
    if timed_out_after is not None:
        limit = f"{timed_out_after}, the job run's wait_timeout"
        what = f"was cancelled: it did not reach the state of wait_for within {limit}"
        remedy = "Wait longer with wait_timeout, up to 12 hours, or do not wait: wait_for=JobRunState.SUBMITTED."
    elif job_run["state"] == "CANCELLED":
        what = f"CANCELLED: {details or 'another user or program cancelled it'}"
        remedy = _remedy(details, "") or "Deploy again to run it again, when what cancelled it is known."
    else:
        what = f"{job_run['state']}: {details}"
        remedy = _remedy(details, end_of_log)
    head = f"Job run {job_run['jobRunId']}{name} of application {job_run['applicationId']} {what}"
    where = "Logs: " + "; ".join(log.places)
    _log.error("%s\n%s\n%s\n%s", head, "\n".join(tail), remedy, where)
    parts = [
        first_bytes(head, _HEAD_BYTES),
        f"The driver's log ends with:\n{end_of_log}" if end_of_log else "",
        first_bytes(remedy, _REMEDY_BYTES),
        f"{first_bytes(where, _WHERE_BYTES)}\n{_KEPT}",
    ]
    kind = RequestFailed if timed_out_after is None else TookTooLong
    return kind("\n\n".join(part for part in parts if part))


def log_again(reason: str, log: DriverLog, *, file_names: Mapping[str, str]) -> None:
    """Log why a run failed once more, with what its driver has said meanwhile."""
    _log.error("%s\n%s", reason, "\n".join(as_written(line, file_names) for line in log.tail()))


def _remedy(details: str, end_of_log: str) -> str:
    """What to do about it, empty if nothing better is known than to read the log."""
    # What the error shows, and not what comes before it in the log, where much passes that did no harm.
    for text in (details.lower(), end_of_log.lower()):
        for signs, remedy in _REMEDIES:
            if any(sign in text for sign in signs):
                return remedy
    return ""
