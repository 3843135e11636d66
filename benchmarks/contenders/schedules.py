"""This library: one job, and as many schedules."""

from aws_cdk import Duration, Stack
from aws_cdk import aws_scheduler as scheduler

from benchmarks.contenders.one_job import one_job
from constructs_emrs import JobSchedule


def build(stack: Stack, jobs: int, *, shared: bool) -> None:
    """Add schedules."""
    del shared
    job = one_job(stack)
    for number in range(jobs):
        daily = scheduler.ScheduleExpression.rate(Duration.days(1))
        JobSchedule(stack, f"Schedule{number}", job=job, schedule=daily)
