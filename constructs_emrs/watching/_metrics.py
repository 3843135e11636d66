"""How the metrics of an application and its jobs are asked for where their dimensions are not known one by one.

There are two ways. Metrics Insights queries look at 10,000 metrics. A graph takes one query, and so does an alarm, of
the last three hours:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-limits.html,
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Create_Metrics_Insights_Alarm.html. SEARCH expressions
find 500 metrics at most. A graph takes several, and an alarm none: "You can't create an alarm based on the SEARCH
expression", https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-search-expressions.html.

Workers of job runs have metrics of their own for each run, which is soon more than 500: they are queried, as by AWS's
sample dashboard. Those of an application are few, and are searched for where a graph shows several.

Neither names the values of WorkerType: AWS's page has `SPARK_DRIVER`, its sample dashboard `Spark_Driver`.
"""

import re
from collections.abc import Mapping, Sequence

from aws_cdk import Annotations, Duration, IResource
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from ..applications.interface import IApplication, metrics_have_names
from ..custom_resources.late_values import text_at_synth
from ..validation.cdk_cache import path_of, stack_of
from ..validation.late_checks import check_late
from ..validation.problems import Problems, shown
from ..validation.tokens import is_token
from ..workflows.interface import IJob

NAMESPACE = "AWS/EMRServerless"
PERIOD_SECONDS = 60
"""The service sends each metric once a minute."""

_APPLICATION = ("ApplicationId", "ApplicationName")
_OF_WORKERS = (*_APPLICATION, "CapacityAllocationType", "WorkerType")
# What is text in both languages; of other names the service says "[Unspecified]" anyway when they are not ASCII.
_QUOTABLE = re.compile(r"[ -~]+")
_QUOTES = re.compile(r"['\"\\]")


def sum_of(metric_name: str, where: Mapping[str, str], **options: str) -> cloudwatch.MathExpression:
    """The sum of a metric over all that have those dimensions, whatever others they have; one for a graph or alarm."""
    conditions = " AND ".join(f"{dimension} = '{value}'" for dimension, value in where.items())
    query = f'SELECT SUM({metric_name}) FROM "{NAMESPACE}" WHERE {conditions}'  # noqa: S608 - of CloudWatch, and checked
    return _expression(query, **{"label": metric_name, **options})


def workers(application: IApplication, metric_name: str, **options: str) -> cloudwatch.MathExpression:
    """For a graph: the metrics of an application's workers, one for each type and kind of capacity."""
    return _expression(_search(application, metric_name, {}), **options)


def sum_of_workers(
    application: IApplication, metric_name: str, where: Mapping[str, str], **options: str
) -> cloudwatch.MathExpression:
    """For a graph: the sum of the metrics of an application's workers that have these dimensions."""
    return _expression(f"SUM({_search(application, metric_name, where)})", **options)


def _search(application: IApplication, metric_name: str, where: Mapping[str, str]) -> str:
    has_names = metrics_have_names(application.release_label)
    has = [name for name in _OF_WORKERS if name != "ApplicationName" or has_names]
    schema = ",".join([NAMESPACE, *sorted(has)])
    wanted = {"MetricName": metric_name, "ApplicationId": application.application_id, **where}
    terms = " ".join(f'{name}="{value}"' for name, value in wanted.items())
    return f"SEARCH('{{{schema}}} {terms}', 'Sum', {PERIOD_SECONDS})"


def _expression(expression: str, **options: str) -> cloudwatch.MathExpression:
    every_minute = Duration.seconds(PERIOD_SECONDS)
    return cloudwatch.MathExpression(expression=expression, period=every_minute, **options)  # type: ignore[arg-type]  # all of them are texts


def name_of(job: IJob) -> str:
    """The name that the job's runs have, as far as it is known now."""
    return str(job.definition.request.get("name", ""))


def final_name_of(job: IJob) -> str:
    """The name that the job's runs have when the app is synthesised: an override may change it until then."""
    return text_at_synth(lambda: name_of(job))


def differences(construct: Construct, thing: IResource) -> Mapping[str, str]:
    """The `region` and `account` of a thing, if it is known that the construct has another."""
    here, there = stack_of(construct), thing.env
    places = {"region": (here.region, there.region), "account": (here.account, there.account)}
    return {name: its for name, (own, its) in places.items() if own != its and not is_token(own) and not is_token(its)}


def check_application(problems: Problems, application: IApplication) -> None:
    """Note that it is not known which metrics are the application's: an alarm on others would never go off."""
    release = application.release_label
    if release is None or (metrics_have_names(release) and application.application_name is None):
        problem = "its metrics depend on its release and, from emr-7.10.0, on its name, and not both are known"
        remedy = "import it with Application.from_application_attributes(…, application_name=…, release_label=…)"
        problems.add("application", application, problem, remedy)


def check_jobs(
    problems: Problems, construct: Construct, argument: str, application: IApplication, jobs: Sequence[IJob]
) -> None:
    """Note which jobs can't be told apart by their names in the application's metrics, now and at synth."""
    _check_jobs(problems, argument, application, jobs)
    if jobs:
        check_late(construct, lambda: _check_jobs_again(construct, argument, application, jobs))


def _check_jobs_again(construct: Construct, argument: str, application: IApplication, jobs: Sequence[IJob]) -> None:
    """Overrides may have changed the names."""
    problems = Problems(path_of(construct))
    _check_jobs(problems, argument, application, jobs)
    if str(problems):
        Annotations.of(construct).add_error(str(problems))


def _check_jobs(problems: Problems, argument: str, application: IApplication, jobs: Sequence[IJob]) -> None:
    named: dict[str, IJob] = {}
    for position, job in enumerate(jobs):
        name = name_of(job)
        other = named.setdefault(name, job)
        if job.application.application_id != application.application_id:
            problem, remedy = "it runs on another application", "give that one alarms and a dashboard of its own"
        elif not metrics_have_names(release := application.release_label):
            problem = f"the metrics of {release.name if release else 'the release'} have no names of jobs"
            remedy = "use emr-7.10.0 or later, or leave it out"
        elif not is_token(name) and (not _QUOTABLE.fullmatch(name) or _QUOTES.search(name)):
            problem = f"its runs are named {shown(name)}, which can't be looked for in metrics"
            remedy = "give it a job_name of ASCII characters without quotes and backslashes"
        elif job in jobs[:position]:
            problem, remedy = "it is given twice", "give it once"
        elif other is not job:
            problem = (
                f"its runs are named {shown(name)}, as those of {path_of(other)}, and metrics tell jobs by their names"
            )
            remedy = "give one of them another job_name"
        else:
            continue
        problems.add(f"{argument}[{position}]", job, problem, remedy)
