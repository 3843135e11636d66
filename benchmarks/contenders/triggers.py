"""This library: one job, and as many triggers."""

from aws_cdk import Stack
from aws_cdk import aws_events as events

from benchmarks.contenders.one_job import one_job
from constructs_emrs import JobTrigger


def build(stack: Stack, jobs: int, *, shared: bool) -> None:
    """Add triggers."""
    del shared
    job = one_job(stack)
    for number in range(jobs):
        pattern = events.EventPattern(source=["aws.s3"], detail_type=[f"Kind {number}"])
        JobTrigger(stack, f"Trigger{number}", job=job, event_pattern=pattern)
