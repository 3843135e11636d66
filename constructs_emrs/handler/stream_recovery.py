"""Streams that are cancelled so that their application can be updated, and come back when the update fails.

A rollback calls the resources that the update has called, and no others. When the update of an application fails, its
streams have been cancelled, but the turn of their own resources never comes. So what stops an application for an update
marks the streams of its stack, and goes on after its answer, forward and back: when the stack has come to rest, each
marked run is started again that a resource of the stack still stands for. After an update that went well there is none.

The mark is a tag of the run. What an execution knows would not do: between an update that failed and its rollback there
may be days, and several requests may look after the same stream.
"""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING, Any

from . import contract, delays, errors, job_runs
from .request import Again

if TYPE_CHECKING:
    from types_boto3_emr_serverless.client import EMRServerlessClient
    from types_boto3_emr_serverless.type_defs import JobRunTypeDef

    from .request import Outcome, Request
    from .services import Services
    from .stack import Stack

_log = logging.getLogger(__name__)

_STREAMING = "STREAMING"
# In which nothing is changed any more that a stream could be in the way of, and no request is on its way that would
# start or end one. What a rollback has replaced may still be deleted.
_AT_REST = frozenset({"UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_COMPLETE"})
# A rollback that fails can be continued when somebody has found out why.
_LONGEST_SECONDS = 24 * 3600
_LONGEST_PAUSE_SECONDS = 60
_AGE_SHARE = 1 / 30
# How many runs one step asks for: GetJobRun is allowed ten times a second, and half of that is left to others.
_MOST_QUESTIONS = 25
_PAUSE_SECONDS = 5.0
_LONGEST_REFUSAL_SECONDS = 600

# Keys of the request's progress: the runs that are still to be looked at, and since when the first of them is refused.
_TO_LOOK_AT = "ToLookAt"
_REFUSED_SINCE = "RefusedSince"


def mark(client: EMRServerlessClient, summary: job_runs.Summary, request: Request) -> None:
    """Mark a run that the request is about to cancel, if it is a stream of the request's stack."""
    if summary.mode != _STREAMING:
        return
    job_run = job_runs.get(client, summary.run)
    tags = job_run.get("tags", {}) if job_run else {}
    if job_run and tags.get(contract.STACK_TAG) == request.stack_id and contract.STOPPED_TAG not in tags:
        client.tag_resource(resourceArn=job_run["arn"], tags={contract.STOPPED_TAG: request.request_id})


def continuing(client: EMRServerlessClient, run: job_runs.RunId) -> JobRunTypeDef | None:
    """The run, or the one that goes on with its work since it was stopped; None when it is gone."""
    while True:
        job_run = job_runs.get(client, run)
        successor = job_runs.Successor.of(job_run) if job_run else None
        if job_run is None or successor is None or successor.run is None or not is_stopped_by(job_run, successor):
            return job_run
        run = successor.run


class _Disturbed(Exception):
    """The stack does something else, or has done, while streams were brought back."""


class Return:
    """The return of a stack's streams, after the request that has stopped their application is answered."""

    def __init__(self, request: Request, services: Services, stack: Stack, application: str) -> None:
        """Prepare the return.

        Args:
            request: The request.
            services: What is talked to.
            stack: The request's stack.
            application: The logical id of the application.
        """
        self._request = request
        self._application = application
        self._client = services.emr_serverless()
        self._stack = stack

    def go_on(self) -> Outcome | None:
        """Start what is to be started, None when there is nothing left to do."""
        request, status = self._request, self._stack.status()
        if status.startswith("DELETE_") or request.age > _LONGEST_SECONDS:
            return None
        if status not in _AT_REST:
            # Whatever is going on may bring a stream back itself, or delete it.
            request.progress.pop(_TO_LOOK_AT, None)
            return Again(delays.jittered(min(10 + request.age * _AGE_SHARE, _LONGEST_PAUSE_SECONDS)))
        last = self._stack.last_event()
        try:
            if last is None or last.status not in _AT_REST:
                raise _Disturbed
            to_look_at = self._look_at_some(at_rest_since=last.at)
        except _Disturbed:
            # Which runs the resources stand for may be others by then.
            request.progress.pop(_TO_LOOK_AT, None)
            return Again(delays.jittered(_PAUSE_SECONDS))
        return Again(delays.jittered(_PAUSE_SECONDS)) if to_look_at else None

    def _look_at_some(self, *, at_rest_since: float) -> list[str]:
        """Bring back some of the runs, and return those that are left.

        Raises:
            _Disturbed: The stack is not at rest any more, or was not in the meantime.
        """
        progress = self._request.progress
        if _TO_LOOK_AT not in progress:
            progress[_TO_LOOK_AT] = self._job_runs()
        to_look_at: list[str] = progress[_TO_LOOK_AT]
        for _ in range(min(_MOST_QUESTIONS, len(to_look_at))):
            run = job_runs.RunId.from_arn(to_look_at[0])
            is_done = run is None or self._bring_back(run, at_rest_since=at_rest_since)
            arn = to_look_at.pop(0)
            progress.pop(_REFUSED_SINCE, None)
            if not is_done:
                to_look_at.append(arn)
        return to_look_at

    def _job_runs(self) -> list[str]:
        """The runs on the application that the stack's resources stand for."""
        application_id = self._stack.physical_id(self._application)
        named = ((arn, job_runs.RunId.from_arn(arn)) for arn in self._stack.physical_ids(contract.JOB_RUN_TYPE))
        return [arn for arn, run in named if run is not None and run.application_id == application_id]

    def _bring_back(self, run: job_runs.RunId, *, at_rest_since: float) -> bool:
        """Start the run again if it was stopped; False if it is too early for that.

        Raises:
            _Disturbed: Somebody has begun with something else, which the run may be in the way of: it was cancelled.
        """
        job_run = continuing(self._client, run)
        if job_run is None or contract.STOPPED_TAG not in job_run.get("tags", {}):
            return True
        successor = job_runs.Successor.of(job_run)
        if successor is not None and not is_stopped_by(job_run, successor):
            # Its own resource has taken care of it.
            return True
        if job_run["state"] not in job_runs.ENDED:
            return False
        try:
            again = self._start_again(job_run)
        except Exception as error:
            since = self._request.progress.setdefault(_REFUSED_SINCE, self._request.now)
            if errors.passes(error) or self._request.now - since < _LONGEST_REFUSAL_SECONDS:
                raise
            _log.error("Job run %s was not started again: %s", job_run["jobRunId"], errors.sentence(error))
            return True
        if self._is_at_rest(at_rest_since):
            return True
        # It comes back after that, unless its resource has another run then.
        self._client.tag_resource(resourceArn=again, tags={contract.STOPPED_TAG: self._request.request_id})
        stopped = job_runs.RunId.from_arn(again)
        if stopped is not None:
            job_runs.cancel(self._client, stopped)
        raise _Disturbed

    def _is_at_rest(self, since: float) -> bool:
        """Whether nothing has begun since: a call may take as long as a whole deployment."""
        if self._stack.status() not in _AT_REST:
            return False
        return all(event.status in _AT_REST for event in self._stack.events(since=since) if event.at > since)

    def _start_again(self, job_run: JobRunTypeDef) -> str:
        """Start the run again, once however often it is tried, and return the ARN of the new one."""
        shape: Any = self._client.meta.service_model.operation_model("StartJobRun").input_shape
        stopped_by = job_run["tags"][contract.STOPPED_TAG]
        # The service tells of a run all that was asked for when it was started.
        members: dict[str, Any] = {name: value for name, value in job_run.items() if name in shape.members}
        members["executionRoleArn"] = job_run["executionRole"]
        marks = (contract.STOPPED_TAG, contract.SUCCESSOR_TAG)
        tags = {key: value for key, value in job_run["tags"].items() if key not in marks}
        members["tags"] = {**tags, contract.REQUEST_ID_TAG: stopped_by}
        members["clientToken"] = hashlib.sha256(f"{job_run['arn']} again".encode()).hexdigest()
        job_runs.succeed(self._client, job_run["arn"], job_runs.Successor(stopped_by, self._request.now))
        answer = self._client.start_job_run(**members)
        run = job_runs.RunId(answer["applicationId"], answer["jobRunId"])
        job_runs.succeed(self._client, job_run["arn"], job_runs.Successor(stopped_by, self._request.now, run))
        _log.info("started job run %s again as %s", job_run["jobRunId"], run.job_run_id)
        return answer["arn"]


def is_stopped_by(job_run: JobRunTypeDef, successor: job_runs.Successor) -> bool:
    """Whether the successor goes on with the run's work because the run was stopped."""
    return job_run["tags"].get(contract.STOPPED_TAG) == successor.request_id
