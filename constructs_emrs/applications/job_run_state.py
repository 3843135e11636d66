"""The states of job runs."""

from enum import Enum


class JobRunState(Enum):
    """A state of a job run. A deploy can wait for SUBMITTED, RUNNING and SUCCESS.

    Source: https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/job-states.html
    """

    SUBMITTED = "SUBMITTED"
    """The service took the request: a deploy that waits for this does not wait."""
    QUEUED = "QUEUED"
    """It waits until fewer runs run than the application's scheduler lets run at a time."""
    PENDING = "PENDING"
    """It waits to be scheduled."""
    SCHEDULED = "SCHEDULED"
    """It is scheduled, and waits for its workers."""
    RUNNING = "RUNNING"
    """The driver runs: what a streaming job is waited for."""
    SUCCESS = "SUCCESS"
    """The job did its work: what a batch job is waited for."""
    FAILED = "FAILED"
    """It could not be started, or its driver failed."""
    CANCELLING = "CANCELLING"
    """Somebody cancelled it, or it took longer than its `execution_timeout`; it has not ended yet."""
    CANCELLED = "CANCELLED"
    """It has ended after that."""
