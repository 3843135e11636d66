"""Starts, waits for and cancels the job run of one `Custom::EMRServerlessJobRun` resource."""

from __future__ import annotations

import hashlib
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from . import contract, failure, runs
from .driver_log import DriverLog
from .shapes import restore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from types_boto3_emr_serverless.client import EMRServerlessClient
    from types_boto3_emr_serverless.type_defs import JobRunTypeDef
    from types_boto3_logs.client import CloudWatchLogsClient
    from types_boto3_s3.client import S3Client

_log = logging.getLogger(__name__)

_SUBMITTED = "SUBMITTED"
_RUNNING = "RUNNING"

# Extra key of on_event's answer, which the provider framework hands on to is_complete: the update needed no new run.
_KEPT = "KeptJobRun"

# The same: when CloudFormation's request arrived, whose hour has begun then.
_ASKED_AT = "AskedAt"

# A function may run for 15 minutes; what is not cancelled by then fails the update, and the rollback cancels again.
_CANCEL_LIMIT = timedelta(minutes=13)
_CANCEL_POLL_SECONDS = 3


class JobRunResource:
    """One event of a `Custom::EMRServerlessJobRun` resource."""

    def __init__(
        self,
        event: dict[str, Any],
        *,
        emr_serverless: EMRServerlessClient,
        logs: Callable[[], CloudWatchLogsClient],
        s3: Callable[[], S3Client],
        sleep: Callable[[float], None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._event = event
        self._properties: dict[str, Any] = event["ResourceProperties"]
        self._client = emr_serverless
        self._logs = logs
        self._s3 = s3
        self._sleep = sleep
        self._now = now

    def on_event(self) -> dict[str, Any]:
        """Create and a changed Update start the run; Delete cancels what this resource started."""
        asked_at = {_ASKED_AT: self._now().timestamp()}
        match self._event["RequestType"]:
            case "Create":
                return self._start() | asked_at
            case "Update":
                return self._update() | asked_at
            case "Delete":
                for run in self._runs_to_end():
                    runs.cancel(self._client, run)
                return {"PhysicalResourceId": self._event["PhysicalResourceId"]}
            case unknown:
                raise ValueError(f"unknown request type {unknown!r}")

    def is_complete(self) -> dict[str, Any]:
        """Whether the run reached what is waited for; on Delete, whether it ended.

        Raises:
            JobRunFailed: The run failed, was cancelled, or did not get there in time.
        """
        if self._event["RequestType"] == "Delete":
            return {"IsComplete": not any(True for _ in self._runs_to_end())}
        if self._event.get(_KEPT) or self._properties[contract.WAIT_FOR] == _SUBMITTED:
            return {"IsComplete": True}
        run = runs.RunId.from_arn(self._event["PhysicalResourceId"])
        job_run = runs.get(self._client, run) if run else None
        if job_run is None:
            raise failure.JobRunFailed(f"Job run {self._event['PhysicalResourceId']} is gone: it was deleted.")
        return {"IsComplete": self._arrived(job_run)}

    def _arrived(self, job_run: JobRunTypeDef) -> bool:
        state = job_run["state"]
        if state == "SUCCESS" or (state == _RUNNING and self._properties[contract.WAIT_FOR] == _RUNNING):
            return True
        timeout = timedelta(seconds=int(self._properties[contract.WAIT_TIMEOUT_SECONDS]))
        timed_out = self._now().timestamp() - self._event[_ASKED_AT] > timeout.total_seconds()
        if state in runs.ENDED:
            log = DriverLog(job_run, logs=self._logs, s3=self._s3, sleep=self._sleep)
            raise failure.job_run_failed(
                job_run, log, timed_out_after=timeout if timed_out and state == "CANCELLED" else None
            )
        if timed_out and state != "CANCELLING":
            runs.cancel(self._client, runs.RunId(job_run["applicationId"], job_run["jobRunId"]))
        return False

    def _update(self) -> dict[str, Any]:
        old = self._event["OldResourceProperties"]
        new = self._properties
        current = runs.RunId.from_arn(self._event["PhysicalResourceId"])
        unchanged = _work(old) == _work(new)
        if unchanged and current is not None:
            self._retag(old)
            return self._answer(self._event["PhysicalResourceId"], current) | {_KEPT: True}
        self._end_earlier_runs()
        return self._start()

    def _retag(self, old: dict[str, Any]) -> None:
        """Give the kept run the tags of the new template: a stack-wide tag must not run a job again."""
        before, after = (_tags(properties) for properties in (old, self._properties))
        arn = self._event["PhysicalResourceId"]
        removed = sorted(before.keys() - after.keys())
        added = {key: value for key, value in after.items() if before.get(key) != value}
        try:
            if removed:
                self._client.untag_resource(resourceArn=arn, tagKeys=removed)
            if added:
                self._client.tag_resource(resourceArn=arn, tags=added)
        except self._client.exceptions.ResourceNotFoundException:
            _log.info("job run %s is gone and can't be tagged", arn)

    def _start(self) -> dict[str, Any]:
        shape = self._client.meta.service_model.operation_model("StartJobRun").input_shape
        request: dict[str, Any] = restore(self._properties[contract.REQUEST], shape)
        request["tags"] = {**request.get("tags", {}), **self._own_tags(), **self._request_tag()}
        request["clientToken"] = self._client_token()
        response = self._client.start_job_run(**request)
        run = runs.RunId(response["applicationId"], response["jobRunId"])
        _log.info("started job run %s of application %s", run.job_run_id, run.application_id)
        return self._answer(response["arn"], run)

    def _client_token(self) -> str:
        """The same for each delivery of one CloudFormation request, so that it can't start a second run."""
        request = "/".join(self._event[key] for key in ("StackId", "LogicalResourceId", "RequestId"))
        return hashlib.sha256(request.encode()).hexdigest()

    def _own_tags(self) -> dict[str, str]:
        return {
            contract.STACK_TAG: self._event["StackId"],
            contract.LOGICAL_ID_TAG: self._event["LogicalResourceId"],
        }

    def _request_tag(self) -> dict[str, str]:
        """Tells the run of this CloudFormation request from the runs of earlier ones."""
        return {contract.REQUEST_ID_TAG: self._event["RequestId"]}

    def _runs_to_end(self) -> Iterator[runs.RunId]:
        """The active runs that the event's physical id stands for.

        CloudFormation deletes with an id that was never ours when a Create failed or was interrupted: then the
        tags tell which runs are this resource's.
        """
        run = runs.RunId.from_arn(self._event["PhysicalResourceId"])
        if run is None:
            for tagged in self._tagged_active_runs(self._properties[contract.REQUEST]["applicationId"]):
                yield runs.RunId(tagged["applicationId"], tagged["jobRunId"])
            return
        job_run = runs.get(self._client, run)
        if job_run is not None and job_run["state"] not in runs.ENDED:
            yield run

    def _tagged_active_runs(self, application_id: str) -> Iterator[JobRunTypeDef]:
        own = self._own_tags().items()
        for run in runs.active(self._client, application_id):
            job_run = runs.get(self._client, run)
            if job_run is not None and own <= job_run.get("tags", {}).items():
                yield job_run

    def _end_earlier_runs(self) -> None:
        """Cancel this resource's earlier runs, in the old application and the new, and wait until they ended.

        Raises:
            JobRunFailed: A run is still active when the function's time is nearly used up.
        """
        definitions = (self._event["OldResourceProperties"], self._properties)
        applications = {properties[contract.REQUEST]["applicationId"] for properties in definitions}
        deadline = self._now() + _CANCEL_LIMIT
        while True:
            active = [
                runs.RunId(application_id, job_run["jobRunId"])
                for application_id in applications
                for job_run in self._tagged_active_runs(application_id)
                # This request was delivered before: its own run is what StartJobRun will answer with.
                if not self._request_tag().items() <= job_run.get("tags", {}).items()
            ]
            if not active:
                return
            if self._now() > deadline:
                raise failure.JobRunFailed(f"Job run {active[0].job_run_id} is still being cancelled; deploy again.")
            for run in active:
                runs.cancel(self._client, run)
            self._sleep(_CANCEL_POLL_SECONDS)

    @staticmethod
    def _answer(arn: str, run: runs.RunId) -> dict[str, Any]:
        return {
            "PhysicalResourceId": arn,
            "Data": {
                contract.JOB_RUN_ID: run.job_run_id,
                contract.JOB_RUN_ARN: arn,
                contract.APPLICATION_ID: run.application_id,
            },
        }


def _work(properties: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What makes a run a different run: everything requested but its tags, and the triggers."""
    request = {name: value for name, value in properties[contract.REQUEST].items() if name != "tags"}
    return request, properties.get(contract.TRIGGERS, {})


def _tags(properties: dict[str, Any]) -> dict[str, str]:
    tags: dict[str, str] = properties[contract.REQUEST].get("tags", {})
    return tags
