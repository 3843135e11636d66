"""Waits for a job run to do what is waited for."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from . import contract, deadlines, delays, errors, failure, job_runs
from .driver_log import DriverLog
from .request import Again, Done, Outcome

if TYPE_CHECKING:
    from types_boto3_emr_serverless.client import EMRServerlessClient
    from types_boto3_emr_serverless.type_defs import JobRunTypeDef

    from .request import Request
    from .services import Services

_log = logging.getLogger(__name__)

SUBMITTED = "SUBMITTED"
_RUNNING = "RUNNING"

# What was logged before is no longer what the CDK CLI prints when CloudFormation tells it of the failure.
_LOGGED_FOR_SECONDS = 60

# Keys of the request's progress: why it fails, and for which run.
_FAILURE = "Failure"
_FAILED_RUNS = "FailedRuns"
_FAILED_AT = "FailedAt"
_TOOK_TOO_LONG = "TookTooLong"
# Which attempt was first seen RUNNING, and when.
_RUNNING_SINCE = "RunningSince"


def look(request: Request, services: Services, run: job_runs.RunId, job_run: JobRunTypeDef | None) -> Outcome | None:
    """See how far the run has got: None when it is where it is waited for, or another resource waits on.

    Args:
        request: What to wait for, and how long.
        services: What the log of a run that failed is read with.
        run: The run.
        job_run: What the service says of it; None if it is gone.

    Raises:
        RequestFailed: The run failed, was cancelled, or did not get there in time.
    """
    if job_run is None:
        raise failure.RequestFailed(
            f"Job run {run.job_run_id} is gone: it or its application {run.application_id} was deleted while the "
            "deployment waited for it. Deploy again."
        )
    state, wait_for = job_run["state"], request.properties.get(contract.WAIT_FOR, contract.DEFAULT_WAIT_FOR)
    if state == "SUCCESS" or (wait_for == _RUNNING and _is_stable(request, job_run)):
        return None
    names = request.properties.get(contract.FILE_NAMES, {})
    log = DriverLog(job_run, logs=services.logs, s3=services.s3, sleep=services.sleep)
    if state in job_runs.ENDED:
        raise failure.job_run_failed(job_run, log, timed_out_after=None, file_names=names)
    hands_over = contract.HAND_OVER_SECONDS in request.properties
    if hands_over and request.age > int(request.properties[contract.HAND_OVER_SECONDS]):
        return None
    seconds = request.properties.get(contract.WAIT_TIMEOUT_SECONDS, contract.DEFAULT_WAIT_TIMEOUT_SECONDS)
    timeout = timedelta(seconds=int(seconds))
    waited = request.now - job_run["createdAt"].timestamp()
    if waited > timeout.total_seconds() or (not hands_over and request.age > deadlines.WAIT):
        raise failure.job_run_failed(job_run, log, timed_out_after=timeout, file_names=names)
    return Again(delays.poll(waited))


def _is_stable(request: Request, job_run: Any) -> bool:
    """Whether the run is RUNNING, and has been in one attempt for as long as is asked.

    The time is taken from when this request first saw it: no member of the service's answer is documented to tell.
    """
    if job_run["state"] != _RUNNING:
        request.progress.pop(_RUNNING_SINCE, None)
        return False
    seconds = int(request.properties.get(contract.STABLE_SECONDS, 0))
    attempt, since = request.progress.get(_RUNNING_SINCE, (None, request.now))
    if attempt is None or attempt != job_run.get("attempt", 0):
        attempt, since = job_run.get("attempt", 0), request.now
        request.progress[_RUNNING_SINCE] = [attempt, since]
    return bool(request.now - since >= seconds)


def note_kind(request: Request, error: Exception) -> None:
    """Write down whether a request fails as its run has not done yet what it may still do."""
    request.progress[_TOOK_TOO_LONG] = isinstance(error, failure.TookTooLong)


def succeeded_after_all(request: Request, services: Services, run: job_runs.RunId | None) -> bool:
    """Whether the run that took too long, and has ended, has done its work before its cancellation came."""
    if run is None or not request.progress.get(_TOOK_TOO_LONG):
        return False
    job_run = job_runs.get(services.emr_serverless(), run)
    return job_run is not None and job_run["state"] == "SUCCESS"


def give_up(request: Request, error: failure.RequestFailed, run_ids: list[job_runs.RunId]) -> Outcome:
    """Write down why the request fails; its runs are ended before CloudFormation is told."""
    note_kind(request, error)
    request.progress[_FAILURE] = str(error)
    request.progress[_FAILED_RUNS] = [list(run) for run in run_ids]
    request.progress[_FAILED_AT] = request.now
    return Again(0)


def is_giving_up(request: Request) -> bool:
    """Whether it is known that the request fails."""
    return _FAILURE in request.progress


def end_failed_runs(request: Request, services: Services) -> Outcome | None:
    """End what the request has started, then fail; None if that has succeeded after all.

    Raises:
        RequestFailed: It ended, or there is no more time.
    """
    remaining = _end(services.emr_serverless(), [job_runs.RunId(*run) for run in request.progress[_FAILED_RUNS]])
    if remaining and request.age < deadlines.ANSWER:
        request.progress[_FAILED_RUNS] = [list(run) for run in remaining]
        return Again(delays.poll(0))
    run = job_runs.RunId.from_arn(request.properties[contract.JOB_RUN_ARN])
    if succeeded_after_all(request, services, run):
        return None
    raise failed(request, services, request.progress[_FAILURE], run=run, since=request.progress[_FAILED_AT])


def failed(
    request: Request, services: Services, reason: str, *, run: job_runs.RunId | None, since: float
) -> failure.RequestFailed:
    """The error of a request whose runs have ended, which is logged again when that took long.

    Args:
        request: The request.
        services: What the log of the run is read with.
        reason: Why it fails.
        run: The run that it started, if it is known.
        since: When it failed.
    """
    if run is not None and request.now - since > _LOGGED_FOR_SECONDS:
        try:
            job_run = job_runs.get(services.emr_serverless(), run)
            if job_run is not None:
                log = DriverLog(job_run, logs=services.logs, s3=services.s3, sleep=services.sleep)
                failure.log_again(reason, log, file_names=request.properties.get(contract.FILE_NAMES, {}))
        except Exception as error:  # noqa: BLE001 - it was logged, and is about to be told
            _log.warning("%s", errors.sentence(error))
    return failure.RequestFailed(reason)


def _end(client: EMRServerlessClient, to_end: list[job_runs.RunId]) -> list[job_runs.RunId]:
    """Those of the runs that have not ended yet; what is not being cancelled is cancelled."""
    remaining = []
    for run in to_end:
        job_run = job_runs.get(client, run)
        if job_run is None or job_run["state"] in job_runs.ENDED:
            continue
        if job_run["state"] != "CANCELLING":
            job_runs.cancel(client, run)
        remaining.append(run)
    return remaining


def found(run: job_runs.RunId, arn: str, physical_id: str) -> Done:
    """The answer that names the run."""
    return Done(
        physical_id,
        {
            contract.JOB_RUN_ID: run.job_run_id,
            contract.JOB_RUN_ARN: arn,
            contract.APPLICATION_ID: run.application_id,
        },
    )
