"""A dashboard of an application and its jobs."""

import re
from collections.abc import Iterator, Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from ..applications.interface import IApplication
from ..validation.argument_names import explained
from ..validation.argument_types import checked
from ..validation.cdk_cache import child_path, path_of
from ..validation.problems import Problems
from ..validation.tokens import is_token
from ..workflows.interface import IJob
from ._metrics import (
    PERIOD_SECONDS,
    check_application,
    check_jobs,
    differences,
    final_name_of,
    sum_of,
    sum_of_workers,
    workers,
)

_WIDTH = 24
_HEIGHT = 6
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html: 500 widgets, nine for a job.
_MOST_JOBS = 53
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutDashboard.html
_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
_ALLOCATION_TYPES = (("PreInitCapacity", "Pre-initialised"), ("OnDemandCapacity", "On demand"))
# What is allocated to an application, and how much that may be.
_CAPACITY = (
    ("vCPUs allocated", "CPUAllocated", "MaxCPUAllowed"),
    ("Memory allocated, GB", "MemoryAllocated", "MaxMemoryAllowed"),
    ("Storage allocated, GB", "StorageAllocated", "MaxStorageAllowed"),
)
# What the workers of job runs have, and use: one metric a graph.
_OF_JOBS = (
    (
        ("vCPUs allocated", "WorkerCpuAllocated"),
        ("Memory allocated", "WorkerMemoryAllocated"),
        ("Local disk allocated", "WorkerEphemeralStorageAllocated"),
        ("Bytes read, with shuffle", "WorkerStorageReadBytes"),
    ),
    (
        ("vCPUs used", "WorkerCpuUsed"),
        ("Memory used", "WorkerMemoryUsed"),
        ("Local disk used", "WorkerEphemeralStorageUsed"),
        ("Bytes written, with shuffle", "WorkerStorageWriteBytes"),
    ),
)


@explained
class ApplicationDashboard(Construct):
    """A dashboard of an application: runs by state, capacity, workers, and what its jobs have and use.

    What AWS's own sample dashboard shows, and each job by its name.

    Example:
        >>> dashboard = ApplicationDashboard(stack, "Dashboard", application=spark, jobs=[etl])

    Source: https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/app-job-metrics.html
    """

    @checked
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        application: IApplication,
        jobs: Sequence[IJob] = (),
        dashboard_name: str | None = None,
    ) -> None:
        """Create the dashboard.

        Args:
            scope: The construct that the dashboard is part of.
            construct_id: The id of the dashboard in its scope.
            application: What is shown. Of one that is imported, name and release have to be known.
            jobs: Its jobs, each of which has graphs of its own, at most 53. From emr-7.10.0, as metrics have no names
                before. Default: one set of graphs of all job runs together.
            dashboard_name: The name: up to 255 letters, digits, hyphens and underscores. Default: made by
                CloudFormation.

        Raises:
            ValueError: Arguments that can't be; the text lists all of them.
        """
        super().__init__(scope, construct_id)
        problems = Problems(child_path(scope, construct_id))
        check_application(problems, application)
        check_jobs(problems, self, "jobs", application, jobs)
        if len(jobs) > _MOST_JOBS:
            remedy = f"give {_MOST_JOBS} at most, and the others a dashboard of their own"
            problems.add_written("jobs", f"<{len(jobs)} jobs>", "a dashboard has no more than 500 widgets", remedy)
        if dashboard_name is not None and not is_token(dashboard_name) and not _NAME.fullmatch(dashboard_name):
            problem, remedy = "it is no name of a dashboard", "use 1 to 255 letters, digits, hyphens and underscores"
            problems.add("dashboard_name", dashboard_name, problem, remedy)
        problems.raise_if_any()
        self._application = application
        self._elsewhere = {f"search_{name}": value for name, value in differences(self, application).items()}
        self._dashboard = cloudwatch.Dashboard(self, "Resource", dashboard_name=dashboard_name)
        self._dashboard.add_widgets(_text(f"# {application.application_name or application.application_id}"))
        self._dashboard.add_widgets(self._states_now())
        self._dashboard.add_widgets(self._states_over_time())
        self._dashboard.add_widgets(*self._capacity())
        self._dashboard.add_widgets(*self._workers())
        for job in jobs:
            name = final_name_of(job)
            self._dashboard.add_widgets(_text(f"## {name}", path_of(job)))
            self._add_graphs_of_jobs(JobName=name)
        if not jobs:
            self._dashboard.add_widgets(_text("## All job runs"))
            self._add_graphs_of_jobs()

    @property
    def dashboard(self) -> cloudwatch.Dashboard:
        """The dashboard, to which widgets may be added."""
        return self._dashboard

    def _metric(self, name: str, **options: str) -> cloudwatch.IMetric:
        return self._application.metric(name, period=Duration.seconds(PERIOD_SECONDS), label=name, **options)  # type: ignore[arg-type]  # all of them are texts

    def _states_now(self) -> cloudwatch.IWidget:
        metrics = [self._metric(name, color=color) for name, color in _states()]
        return cloudwatch.SingleValueWidget(title="Job runs", width=_WIDTH, height=4, metrics=metrics, sparkline=True)

    def _states_over_time(self) -> cloudwatch.IWidget:
        metrics = [self._metric(name, color=color) for name, color in _states()]
        return _graph("Job runs by state", _WIDTH, metrics)

    def _capacity(self) -> Iterator[cloudwatch.IWidget]:
        for title, metric_name, maximum in _CAPACITY:
            allocated = [
                self._sum(metric_name, label, CapacityAllocationType=value) for value, label in _ALLOCATION_TYPES
            ]
            yield _graph(title, _WIDTH // 3, [*allocated, self._metric(maximum, color=cloudwatch.Color.RED)])

    def _workers(self) -> Iterator[cloudwatch.IWidget]:
        label = "${PROP('Dim.WorkerType')} ${PROP('Dim.CapacityAllocationType')}"
        each = workers(self._application, "RunningWorkerCount", label=label, **self._elsewhere)
        yield _graph("Running workers", _WIDTH // 3, [each])
        counts = (("TotalWorkerCount", "Total"), ("PendingCreationWorkerCount", "Being created"))
        yield _graph("Workers", _WIDTH // 3, [self._sum(name, label) for name, label in counts])
        running = self._sum("RunningWorkerCount", "In use", CapacityAllocationType="PreInitCapacity")
        # AWS's page gives the idle workers the dimensions of workers, and its sample dashboard none of them.
        idle: list[cloudwatch.IMetric] = [
            self._sum("IdleWorkerCount", "Idle, by worker type"),
            self._application.metric("IdleWorkerCount", period=Duration.seconds(PERIOD_SECONDS), label="Idle"),
        ]
        yield _graph("Pre-initialised workers", _WIDTH // 3, [running, *idle])

    def _add_graphs_of_jobs(self, **where: str) -> None:
        of_application = {"ApplicationId": self._application.application_id, **where}
        for row in _OF_JOBS:
            self._dashboard.add_widgets(
                *(
                    _graph(title, _WIDTH // len(row), [sum_of(name, of_application, **self._elsewhere)])
                    for title, name in row
                )
            )

    def _sum(self, metric_name: str, label: str, **where: str) -> cloudwatch.MathExpression:
        return sum_of_workers(self._application, metric_name, where, label=label, **self._elsewhere)


def _graph(title: str, width: int, metrics: Sequence[cloudwatch.IMetric]) -> cloudwatch.IWidget:
    axis = cloudwatch.YAxisProps(min=0, show_units=False)
    return cloudwatch.GraphWidget(title=title, width=width, height=_HEIGHT, left=list(metrics), left_y_axis=axis)


def _text(*lines: str) -> cloudwatch.IWidget:
    markdown, height = "\n".join(lines), len(lines)
    return cloudwatch.TextWidget(
        markdown=markdown, width=_WIDTH, height=height, background=cloudwatch.TextWidgetBackground.TRANSPARENT
    )


def _states() -> tuple[tuple[str, str], ...]:
    """What counts the runs in each state, and its colour."""
    return (
        ("SubmittedJobs", cloudwatch.Color.BROWN),
        ("PendingJobs", cloudwatch.Color.PURPLE),
        ("ScheduledJobs", cloudwatch.Color.PINK),
        ("RunningJobs", cloudwatch.Color.BLUE),
        ("SuccessJobs", cloudwatch.Color.GREEN),
        ("FailedJobs", cloudwatch.Color.RED),
        ("CancellingJobs", cloudwatch.Color.GREY),
        ("CancelledJobs", cloudwatch.Color.ORANGE),
    )
