"""Job runs as the handler sees them: identity, states, and ending them."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from . import contract, tags

if TYPE_CHECKING:
    from types_boto3_emr_serverless.client import EMRServerlessClient
    from types_boto3_emr_serverless.literals import JobRunStateType
    from types_boto3_emr_serverless.type_defs import JobRunTypeDef

_log = logging.getLogger(__name__)

# https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/job-states.html
ENDED: frozenset[JobRunStateType] = frozenset({"SUCCESS", "FAILED", "CANCELLED"})
ACTIVE: tuple[JobRunStateType, ...] = ("SUBMITTED", "PENDING", "SCHEDULED", "QUEUED", "RUNNING", "CANCELLING")

# "maxResults": 50 at most.
_PAGE_SIZE = 50

_ARN = re.compile(r"arn:[^:]+:emr-serverless:[^:]+:\d{12}:/applications/(?P<application>[^/]+)/jobruns/(?P<run>[^/]+)")


class RunId(NamedTuple):
    """What identifies a job run in the API."""

    application_id: str
    job_run_id: str

    @classmethod
    def from_arn(cls, arn: str) -> RunId | None:
        """The run that a job run's ARN names, or None when `arn` is something else."""
        match = _ARN.fullmatch(arn)
        return cls(match["application"], match["run"]) if match else None


def get(client: EMRServerlessClient, run: RunId) -> JobRunTypeDef | None:
    """The job run, or None when it or its application is gone."""
    try:
        return client.get_job_run(applicationId=run.application_id, jobRunId=run.job_run_id)["jobRun"]
    except client.exceptions.ResourceNotFoundException:
        return None


class Summary(NamedTuple):
    """What a list of runs says of each."""

    run: RunId
    state: JobRunStateType
    name: str
    mode: str
    role: str


class Page(NamedTuple):
    """A part of a list of runs."""

    summaries: list[Summary]
    token: str
    """What the next part is asked for with; empty after the last."""


def active(client: EMRServerlessClient, application_id: str) -> Iterator[Summary]:
    """All runs of the application that have not ended; none when the application is gone, or can't be one."""
    token = ""
    while True:
        page = active_page(client, application_id, token=token)
        if page is None:
            return
        yield from page.summaries
        token = page.token
        if not token:
            return


def active_page(
    client: EMRServerlessClient, application_id: str, *, token: str = "", created_after: float = 0
) -> Page | None:
    """Some of the runs that have not ended; None when the application is gone, or can't be one.

    Args:
        client: The client of the service.
        application_id: The application.
        token: What the last page gave.
        created_after: Seconds since the epoch: older runs are left out.
    """
    options: dict[str, Any] = {"nextToken": token} if token else {}
    if created_after:
        options["createdAtAfter"] = datetime.fromtimestamp(created_after, UTC)
    try:
        answer = client.list_job_runs(
            applicationId=application_id, states=list(ACTIVE), maxResults=_PAGE_SIZE, **options
        )
    except client.exceptions.ResourceNotFoundException:
        return None
    except client.exceptions.ValidationException:
        # A token that is too old is none either: the list begins anew.
        return active_page(client, application_id, created_after=created_after) if token else None
    summaries = [
        Summary(
            RunId(application_id, summary["id"]),
            summary["state"],
            summary.get("name", ""),
            summary.get("mode", ""),
            summary.get("executionRole", ""),
        )
        for summary in answer["jobRuns"]
    ]
    return Page(summaries, answer.get("nextToken", ""))


def cancel(client: EMRServerlessClient, run: RunId) -> None:
    """Ask for the run's cancellation; a run that ended, is being cancelled or is gone is left alone.

    A streaming run gets the service's grace period of two minutes.
    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/job-cancellation-grace-period.html
    """
    try:
        client.cancel_job_run(applicationId=run.application_id, jobRunId=run.job_run_id)
        _log.info("cancelling job run %s of application %s", run.job_run_id, run.application_id)
    except client.exceptions.ResourceNotFoundException:
        _log.info("job run %s is gone", run.job_run_id)
    except client.exceptions.ValidationException:
        # Not in a cancellable state: it ended, or somebody else is cancelling it, since its state was read.
        _log.info("job run %s can't be cancelled any more", run.job_run_id)


@dataclass(frozen=True)
class Successor:
    """The run that took another one's place, as the tag of that other one tells.

    CloudFormation names the run that a resource had before an update; its tag names the run that the update starts. So
    what an update has started is found whatever became of it, and costs one GetJobRun. The tag is written before the
    run is started, without the run's id, and once more when that is known.
    """

    request_id: str
    """Which request takes or took its place."""
    at: float
    """When that was asked for: seconds since the epoch."""
    run: RunId | None = None
    """Its run; None if it is not known whether there is one."""

    @property
    def tag(self) -> str:
        """The value of the tag; a tag has letters, digits and ` _.:/=+-@`."""
        return f"{self.request_id} {self.at:.0f} {'/'.join(self.run) if self.run else ''}".strip()

    @classmethod
    def of(cls, job_run: JobRunTypeDef) -> Successor | None:
        """What took the run's place, None if nothing did."""
        parts = job_run.get("tags", {}).get(contract.SUCCESSOR_TAG, "").split(" ")
        if len(parts) < _LEAST_PARTS or not parts[1].isdigit():
            return None
        run = RunId(*parts[2].split("/")) if len(parts) > _LEAST_PARTS else None
        return cls(parts[0], float(parts[1]), run)


_LEAST_PARTS = 2


def succeed(client: EMRServerlessClient, arn: str, successor: Successor) -> None:
    """Write down what takes the place of the run with that ARN, unless it is gone."""
    tags.change(client, arn, {contract.SUCCESSOR_TAG: successor.tag})
