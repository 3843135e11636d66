"""How the metrics of an application and its jobs are asked for where their dimensions are not known one by one.

There are two ways. A graph of a dashboard takes SEARCH expressions, and an alarm does not: "You can't create an alarm
based on the SEARCH expression", https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-search-expressions.html.
An alarm takes Metrics Insights queries, of the last three hours:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Create_Metrics_Insights_Alarm.html,
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-limits.html.

Neither names the values of WorkerType: AWS's page has `SPARK_DRIVER`, its sample dashboard `Spark_Driver`.
"""

import re
from collections.abc import Mapping, Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from ..applications.interface import IApplication, metrics_have_names
from ..validation.problems import Problems
from ..validation.tokens import is_token
from ..workflows.interface import IJob

NAMESPACE = "AWS/EMRServerless"
PERIOD_SECONDS = 60
"""The service sends each metric once a minute."""

_APPLICATION = ("ApplicationId", "ApplicationName")
OF_WORKERS = (*_APPLICATION, "CapacityAllocationType", "WorkerType")
"""The dimensions of an application's workers."""
OF_JOBS = (*OF_WORKERS, "JobId", "JobName")
"""The dimensions of a job run's workers."""
_NAMES = {"ApplicationName", "JobName"}
# What is text in both languages; of other names the service says "[Unspecified]" anyway when they are not ASCII.
_QUOTABLE = re.compile(r"[ -~]+")
_QUOTES = re.compile(r"['\"\\]")


def sum_of(metric_name: str, **where: str) -> cloudwatch.MathExpression:
    """For an alarm: the sum of a metric over all that have those dimensions, whatever others they have."""
    conditions = " AND ".join(f"{dimension} = '{value}'" for dimension, value in where.items())
    query = f'SELECT SUM({metric_name}) FROM "{NAMESPACE}" WHERE {conditions}'  # noqa: S608 - of CloudWatch, and checked
    return cloudwatch.MathExpression(expression=query, label=metric_name, period=Duration.seconds(PERIOD_SECONDS))


def search(application: IApplication, metric_name: str, dimensions: tuple[str, ...], where: Mapping[str, str]) -> str:
    """For a graph: the metrics that have these dimensions, with one value of each minute."""
    has_names = metrics_have_names(application.release_label)
    has = [name for name in dimensions if name not in _NAMES or has_names]
    schema = ",".join([NAMESPACE, *sorted(has)])
    wanted = {"MetricName": metric_name, "ApplicationId": application.application_id, **where}
    terms = " ".join(f'{name}="{value}"' for name, value in wanted.items())
    return f"SEARCH('{{{schema}}} {terms}', 'Sum', {PERIOD_SECONDS})"


def name_of(job: IJob) -> str:
    """The name that the job's runs have."""
    return str(job.definition.request.get("name", ""))


def check_jobs(problems: Problems, argument: str, application: IApplication, jobs: Sequence[IJob]) -> None:
    """Note which jobs can't be told apart by their names in the application's metrics."""
    for position, job in enumerate(jobs):
        name = name_of(job)
        if job.application.application_id != application.application_id:
            problem, remedy = "it runs on another application", "give that one alarms and a dashboard of its own"
            problems.add(f"{argument}[{position}]", job, problem, remedy)
        elif not metrics_have_names(release := application.release_label):
            problem = f"the metrics of {release.name if release else 'the release'} have no names of jobs"
            problems.add(f"{argument}[{position}]", job, problem, "use emr-7.10.0 or later, or leave it out")
        elif not is_token(name) and (not _QUOTABLE.fullmatch(name) or _QUOTES.search(name)):
            problem = f"its runs are named {name!r}, which can't be looked for in metrics"
            remedy = "give it a job_name of ASCII characters without quotes and backslashes"
            problems.add(f"{argument}[{position}]", job, problem, remedy)
