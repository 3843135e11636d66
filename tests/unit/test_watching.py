"""Alarms and dashboards: what they look at is what the service sends."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aws_cdk import App, Environment, Size, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk.assertions import Annotations, Match
from constructs import Construct

from constructs_emrs import (
    Application,
    ApplicationAlarms,
    ApplicationDashboard,
    Code,
    IApplication,
    InitialCapacity,
    JobMode,
    MaximumCapacity,
    ReleaseLabel,
    SparkJob,
    WorkerResources,
    WorkerType,
)
from scripts import draw_dashboard
from tests.templates import new_stack, resources

Json = dict[str, Any]

_METRICS_PAGE = "https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/app-job-metrics.html"
_USAGE_PAGE = "https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/monitoring-usage.html"
# From emr-7.10.0; before, those without names.
_APPLICATION = {"ApplicationId", "ApplicationName"}
_WORKERS = _APPLICATION | {"WorkerType", "CapacityAllocationType"}
_JOBS = _WORKERS | {"JobId", "JobName"}
DOCUMENTED: dict[tuple[str, str], tuple[set[str], str]] = {
    **{
        ("AWS/EMRServerless", name): (dimensions, _METRICS_PAGE)
        for dimensions, names in (
            (_APPLICATION, "MaxCPUAllowed MaxMemoryAllowed MaxStorageAllowed"),
            (_APPLICATION, "SubmittedJobs PendingJobs ScheduledJobs RunningJobs SuccessJobs FailedJobs CancellingJobs"),
            (_APPLICATION, "CancelledJobs"),
            (_WORKERS, "CPUAllocated MemoryAllocated StorageAllocated"),
            (_WORKERS, "IdleWorkerCount PendingCreationWorkerCount RunningWorkerCount TotalWorkerCount"),
            (_JOBS, "WorkerCpuAllocated WorkerCpuUsed WorkerMemoryAllocated WorkerMemoryUsed"),
            (_JOBS, "WorkerEphemeralStorageAllocated WorkerEphemeralStorageUsed"),
            (_JOBS, "WorkerStorageReadBytes WorkerStorageWriteBytes"),
        )
        for name in names.split()
    },
    ("AWS/Usage", "ResourceCount"): ({"Service", "Type", "Resource", "Class"}, _USAGE_PAGE),
}
_NAMES = {"ApplicationName", "JobName"}
_QUERY = re.compile(r'SELECT SUM\((?P<name>\w+)\) FROM "(?P<namespace>[^"]+)" WHERE (?P<where>.+)')
_SEARCH = re.compile(r"SEARCH\('\{(?P<schema>[^}]+)\} (?P<terms>[^']+)', '\w+', \d+\)")


class Asked(NamedTuple):
    """A metric that is asked for."""

    namespace: str
    name: str
    dimensions: frozenset[str]
    is_exact: bool
    """Whether the metric is to have these dimensions and no others."""


def asked_in(expression: str) -> Iterator[Asked]:
    for match in _QUERY.finditer(expression):
        dimensions = re.findall(r"(\w+) = '", match["where"])
        yield Asked(match["namespace"], match["name"], frozenset(dimensions), is_exact=False)
    for match in _SEARCH.finditer(expression):
        namespace, *dimensions = match["schema"].split(",")
        terms = dict(re.findall(r'(\w+)="([^"]*)"', match["terms"]))
        name = terms.pop("MetricName")
        assert set(terms) <= set(dimensions)
        yield Asked(namespace, name, frozenset(dimensions), is_exact=True)


def asked_by_alarm(properties: Json) -> Iterator[Asked]:
    for item in [properties, *properties.get("Metrics", ())]:
        metric = item.get("MetricStat", {}).get("Metric", item)
        if "MetricName" in metric:
            dimensions = {dimension["Name"] for dimension in metric["Dimensions"]}
            yield Asked(metric["Namespace"], metric["MetricName"], frozenset(dimensions), is_exact=True)
        yield from asked_in(text_of(item.get("Expression", "")))


def text_of(value: Any) -> str:
    """A text with something in place of what is known at deployment."""
    if isinstance(value, dict) and "Fn::Join" in value:
        return "".join(map(text_of, value["Fn::Join"][1]))
    return value if isinstance(value, str) else "00f1982r1uukb925"


def application_of(stack: Stack, release: ReleaseLabel = ReleaseLabel.EMR_7_14_0, **options: Any) -> Application:
    return Application(stack, "Spark", release_label=release, **options)


def with_capacity(stack: Stack, release: ReleaseLabel = ReleaseLabel.EMR_7_14_0) -> Application:
    worker = WorkerResources(cpu=4, memory=Size.gibibytes(16))
    return application_of(
        stack,
        release,
        initial_capacity={WorkerType.SPARK_DRIVER: InitialCapacity(worker_count=1, resources=worker)},
        maximum_capacity=MaximumCapacity(cpu=40, memory=Size.gibibytes(160)),
    )


def stream_on(application: Application, script: Path, **options: Any) -> SparkJob:
    return SparkJob(
        application.stack,
        "Clicks",
        application=application,
        entry_point=Code.from_asset(script),
        mode=JobMode.STREAMING,
        **options,
    )


def alarms_of(stack: Stack) -> dict[str, Json]:
    """The alarms by the construct's id."""
    found = resources(stack, "AWS::CloudWatch::Alarm")
    return {re.sub(r"^Alarms|[0-9A-F]{8}$", "", name): item["Properties"] for name, item in found.items()}


@pytest.fixture
def alarms(script: Path) -> dict[str, Json]:
    stack = new_stack()
    application = with_capacity(stack)
    topic = sns.Topic(stack, "OnCall")
    ApplicationAlarms(
        stack,
        "Alarms",
        application=application,
        topic=topic,
        streams=[stream_on(application, script, job_name="clicks")],
    )
    return alarms_of(stack)


def check(found: set[Asked], *, has_names: bool = True) -> None:
    """Hold what is asked for against the documentation."""
    assert found
    for metric in found:
        dimensions, page = DOCUMENTED[metric.namespace, metric.name]
        known = dimensions if has_names else dimensions - _NAMES
        assert page.startswith("https://docs.aws.amazon.com/")
        assert metric.dimensions == known if metric.is_exact else metric.dimensions <= known, metric


@pytest.mark.parametrize("release", [ReleaseLabel.EMR_7_14_0, ReleaseLabel.EMR_7_9_0], ids=lambda label: label.name)
@pytest.mark.parametrize("make", [application_of, with_capacity])
def test_alarms_look_at_metrics_that_there_are(make: Any, release: ReleaseLabel, script: Path) -> None:
    stack = new_stack()
    application = make(stack, release)
    has_names = release is ReleaseLabel.EMR_7_14_0
    streams = [stream_on(application, script)] if has_names else []
    ApplicationAlarms(stack, "Alarms", application=application, topic=sns.Topic(stack, "OnCall"), streams=streams)
    found = {metric for alarm in alarms_of(stack).values() for metric in asked_by_alarm(alarm)}
    check(found, has_names=has_names)


def test_what_the_alarms_are(alarms: dict[str, Json]) -> None:
    stream = next(name for name in alarms if name.startswith("Stream"))
    assert {name: (alarm["Threshold"], alarm["EvaluationPeriods"]) for name, alarm in alarms.items()} == {
        "FailedRuns": (1, 1),
        "WaitingRuns": (1, 15),
        "Cpu": (36, 5),
        "Memory": (144, 5),
        "IdleWorkers": (1, 60),
        stream: (1, 10),
    }
    assert {name for name, alarm in alarms.items() if alarm["TreatMissingData"] == "breaching"} == {stream}
    assert {alarm["TreatMissingData"] for name, alarm in alarms.items() if name != stream} == {"notBreaching"}
    operators = {name: alarm["ComparisonOperator"] for name, alarm in alarms.items()}
    assert operators.pop(stream) == "LessThanThreshold"
    assert set(operators.values()) == {"GreaterThanOrEqualToThreshold"}


def test_a_stream_is_found_by_its_name(alarms: dict[str, Json]) -> None:
    (alarm,) = (alarm for name, alarm in alarms.items() if name.startswith("Stream"))
    (query,) = alarm["Metrics"]
    assert text_of(query["Expression"]) == (
        'SELECT SUM(WorkerCpuAllocated) FROM "AWS/EMRServerless" '
        "WHERE ApplicationId = '00f1982r1uukb925' AND JobName = 'clicks'"
    )


def test_each_alarm_says_what_to_do_and_tells_the_topic(alarms: dict[str, Json]) -> None:
    for alarm in alarms.values():
        text = text_of(alarm["AlarmDescription"])
        assert len(text) <= 1024
        assert re.search(r"aws emr-serverless|Give it|Ask for", text)
        assert len(alarm["AlarmActions"]) == 1


def test_an_alarm_may_publish_to_a_topic_that_a_rule_publishes_to() -> None:
    stack = new_stack()
    ApplicationAlarms(stack, "Alarms", application=application_of(stack), topic=sns.Topic(stack, "OnCall"))
    (policy,) = resources(stack, "AWS::SNS::TopicPolicy").values()
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert statement["Action"] == "sns:Publish"
    assert set(statement["Condition"]) == {"ArnLike", "StringEquals"}


def test_an_application_without_a_maximum_is_held_against_the_quota() -> None:
    stack = new_stack()
    ApplicationAlarms(stack, "Alarms", application=application_of(stack), topic=sns.Topic(stack, "OnCall"))
    alarms = alarms_of(stack)
    assert set(alarms) == {"FailedRuns", "WaitingRuns", "Cpu"}
    assert "usage / SERVICE_QUOTA(usage) * 100" in json.dumps(alarms["Cpu"])


@pytest.mark.parametrize(
    ("known", "dimensions"),
    [
        ({"application_name": "spark", "release_label": ReleaseLabel.EMR_7_14_0}, _APPLICATION),
        ({"release_label": ReleaseLabel.EMR_7_9_0}, {"ApplicationId"}),
    ],
)
def test_an_imported_application_is_watched_by_its_name_and_release(known: Json, dimensions: set[str]) -> None:
    stack = new_stack()
    application = imported(stack, **known)
    ApplicationAlarms(stack, "Alarms", application=application, topic=sns.Topic(stack, "OnCall"))
    alarms = alarms_of(stack)
    assert set(alarms) == {"FailedRuns", "WaitingRuns", "Cpu", "IdleWorkers"}
    assert {item["Name"] for item in alarms["FailedRuns"]["Dimensions"]} == dimensions


@pytest.mark.parametrize("known", [{}, {"application_name": "spark"}, {"release_label": ReleaseLabel.EMR_7_14_0}])
def test_an_imported_application_whose_metrics_are_not_known_is_refused(known: Json) -> None:
    stack = new_stack()
    application, topic = imported(stack, **known), sns.Topic(stack, "OnCall")
    line = (
        "application=<ImportedApplication Lake/Spark>: its metrics depend on its release and, from emr-7.10.0, on its "
        "name, and not both are known; import it with Application.from_application_attributes(…, application_name=…, "
        "release_label=…)"
    )
    with pytest.raises(ValueError, match="its metrics depend") as of_alarms:
        ApplicationAlarms(stack, "Alarms", application=application, topic=topic)
    with pytest.raises(ValueError, match="its metrics depend") as of_dashboard:
        ApplicationDashboard(stack, "Dashboard", application=application)
    assert str(of_alarms.value) == f"Lake/Alarms: {line}"
    assert str(of_dashboard.value) == f"Lake/Dashboard: {line}"


def imported(stack: Stack, **known: Any) -> IApplication:
    return Application.from_application_attributes(stack, "Spark", application_id="00f1982r1uukb925", **known)


def test_alarms_are_where_their_application_and_their_topic_are() -> None:
    app = App()
    here, there = (
        Stack(app, name, env=Environment(account="123456789012", region=region))
        for name, region in (("Here", "eu-central-1"), ("There", "us-east-1"))
    )
    application, topic = application_of(here, application_name="spark"), sns.Topic(there, "OnCall")
    remedy = "put application, topic and alarms into stacks of one account and Region"
    with pytest.raises(ValueError, match="put application") as caught:
        ApplicationAlarms(here, "Alarms", application=application, topic=topic)
    assert str(caught.value) == (
        f"Here/Alarms: topic=<Topic There/OnCall>: its region is us-east-1, and that of the alarms is another; {remedy}"
    )
    with pytest.raises(ValueError, match="put application") as caught:
        ApplicationAlarms(there, "Alarms", application=application, topic=topic)
    assert str(caught.value) == (
        "There/Alarms: application=<Application Here/Spark>: its region is eu-central-1, and that of the alarms is "
        f"another; {remedy}"
    )


def test_a_dashboard_may_show_an_application_of_elsewhere() -> None:
    app = App()
    here, there = (
        Stack(app, name, env=Environment(account="123456789012", region=region))
        for name, region in (("Here", "eu-central-1"), ("There", "us-east-1"))
    )
    application = imported(here, application_name="spark", release_label=ReleaseLabel.EMR_7_14_0)
    ApplicationDashboard(there, "Dashboard", application=application)
    rows = [row for widget in widgets_of(there) for row in widget["properties"].get("metrics", ())]
    assert len(rows) > 20
    assert {row[-1].get("region") for row in rows} == {"eu-central-1"}


def test_the_disks_are_watched_where_they_have_a_maximum() -> None:
    stack = new_stack()
    maximum = MaximumCapacity(cpu=40, memory=Size.gibibytes(160), disk=Size.gibibytes(2000))
    application = application_of(stack, maximum_capacity=maximum)
    ApplicationAlarms(stack, "Alarms", application=application, topic=sns.Topic(stack, "OnCall"))
    alarms = alarms_of(stack)
    assert set(alarms) == {"FailedRuns", "WaitingRuns", "Cpu", "Memory", "Disk"}
    assert alarms["Disk"]["Threshold"] == 1800
    check({metric for alarm in alarms.values() for metric in asked_by_alarm(alarm)})


def test_an_alarm_may_use_the_key_of_an_encrypted_topic() -> None:
    stack = new_stack()
    key = kms.Key(stack, "Key")
    topic = sns.Topic(stack, "OnCall", master_key=key)
    ApplicationAlarms(stack, "Alarms", application=application_of(stack), topic=topic)
    (policy,) = (
        item["Properties"]["KeyPolicy"]["Statement"]
        for name, item in resources(stack, "AWS::KMS::Key").items()
        if name.startswith("Key")
    )
    assert {
        "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
        "Effect": "Allow",
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Resource": "*",
    } in policy


def test_a_name_is_looked_for_that_an_override_has_changed_later(script: Path) -> None:
    stack = new_stack()
    application = application_of(stack)
    job = stream_on(application, script, job_name="clicks")
    ApplicationAlarms(stack, "Alarms", application=application, topic=sns.Topic(stack, "OnCall"), streams=[job])
    ApplicationDashboard(stack, "Dashboard", application=application, jobs=[job])
    job.add_override("name", "views")
    (alarm,) = (alarm for name, alarm in alarms_of(stack).items() if name.startswith("Stream"))
    assert text_of(alarm["Metrics"][0]["Expression"]).endswith("JobName = 'views'")
    texts = json.dumps(widgets_of(stack))
    assert "## views" in texts
    assert "clicks" not in texts


def test_a_name_that_an_override_has_spoilt_later_is_an_error_of_the_app(script: Path) -> None:
    stack = new_stack()
    application = application_of(stack)
    job = stream_on(application, script)
    ApplicationAlarms(stack, "Alarms", application=application, topic=sns.Topic(stack, "OnCall"), streams=[job])
    job.add_override("name", "it's")
    resources(stack, "AWS::CloudWatch::Alarm")
    (error,) = Annotations.from_stack(stack).find_error("/Lake/Alarms", Match.any_value())
    assert str(error.entry.data).startswith("Lake/Alarms: streams[0]=<SparkJob Lake/Clicks>: its runs are named")


def test_a_description_is_short_enough_whatever_the_names_are(script: Path) -> None:
    stack = new_stack()
    scope = Construct(Construct(stack, "outer" * 40), "inner" * 40)
    application = application_of(stack, application_name="a" * 64)
    job = SparkJob(
        scope,
        "Clicks",
        application=application,
        entry_point=str(script),
        mode=JobMode.STREAMING,
        job_name="c" * 256,
    )
    ApplicationAlarms(stack, "Alarms", application=application, topic=sns.Topic(stack, "OnCall"), streams=[job])
    texts = [text_of(alarm["AlarmDescription"]) for alarm in alarms_of(stack).values()]
    assert max(map(len, texts)) <= 1024
    assert any("inner/Clicks" in text for text in texts)


def test_each_alarm_can_be_left_out(script: Path) -> None:
    stack = new_stack()
    application = with_capacity(stack)
    watched = ApplicationAlarms(
        stack,
        "Alarms",
        application=application,
        topic=sns.Topic(stack, "OnCall"),
        failed_runs=None,
        waiting_minutes=None,
        capacity_percent=None,
        idle_minutes=None,
        streams=[stream_on(application, script)],
        stream_minutes=None,
    )
    assert watched.alarms == ()
    assert alarms_of(stack) == {}


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"failed_runs": 0}, "failed_runs=0: it is out of range; use 1 to 1,000,000, or None for no such alarm"),
        (
            {"waiting_minutes": 1441},
            "waiting_minutes=1441: it is out of range; use 1 to 1,440, or None for no such alarm",
        ),
        (
            {"capacity_percent": 101},
            "capacity_percent=101: it is out of range; use 1 to 100, or None for no such alarm",
        ),
        ({"idle_minutes": 181}, "idle_minutes=181: it is out of range; use 1 to 180, or None for no such alarm"),
        ({"stream_minutes": 0}, "stream_minutes=0: it is out of range; use 1 to 180, or None for no such alarm"),
    ],
)
def test_a_threshold_out_of_range_is_refused(options: Json, line: str) -> None:
    stack = new_stack()
    application, topic = application_of(stack), sns.Topic(stack, "OnCall")
    with pytest.raises(ValueError, match="out of range") as caught:
        ApplicationAlarms(stack, "Alarms", application=application, topic=topic, **options)
    assert str(caught.value) == f"Lake/Alarms: {line}"


@pytest.mark.parametrize(
    ("release", "mode", "name", "problem"),
    [
        (
            ReleaseLabel.EMR_7_9_0,
            JobMode.STREAMING,
            "x",
            "the metrics of emr-7.9.0 have no names of jobs; use emr-7.10.0",
        ),
        (ReleaseLabel.EMR_7_14_0, JobMode.BATCH, "x", "it is a batch job, which ends by itself; give streaming jobs"),
        (ReleaseLabel.EMR_7_14_0, JobMode.STREAMING, "it's", "its runs are named \"it's\", which can't be looked for"),
        (ReleaseLabel.EMR_7_14_0, JobMode.STREAMING, "für", "its runs are named 'für', which can't be looked for"),
    ],
)
def test_what_is_no_stream_that_metrics_show_is_refused(
    release: ReleaseLabel, mode: JobMode, name: str, problem: str, script: Path
) -> None:
    stack = new_stack()
    application, topic = application_of(stack, release), sns.Topic(stack, "OnCall")
    job = SparkJob(stack, "Job", application=application, entry_point=str(script), mode=mode, job_name=name)
    with pytest.raises(ValueError, match=re.escape(problem)) as caught:
        ApplicationAlarms(stack, "Alarms", application=application, topic=topic, streams=[job])
    assert str(caught.value).startswith("Lake/Alarms: streams[0]=<SparkJob Lake/Job>: ")


def test_jobs_that_metrics_do_not_tell_apart_are_refused(script: Path) -> None:
    stack = new_stack()
    application, topic = application_of(stack), sns.Topic(stack, "OnCall")
    job = stream_on(application, script)
    other = SparkJob(
        Construct(stack, "Other"), "Clicks", application=application, entry_point=str(script), mode=JobMode.STREAMING
    )
    for argument, watch in (
        ("streams", lambda jobs: ApplicationAlarms(stack, "Bad", application=application, topic=topic, streams=jobs)),
        ("jobs", lambda jobs: ApplicationDashboard(stack, "Bad", application=application, jobs=jobs)),
    ):
        with pytest.raises(ValueError, match="given twice") as twice:
            watch([job, job])
        assert str(twice.value) == f"Lake/Bad: {argument}[1]=<SparkJob Lake/Clicks>: it is given twice; give it once"
        stack.node.try_remove_child("Bad")
        with pytest.raises(ValueError, match="as those of") as same_name:
            watch([job, other])
        assert str(same_name.value) == (
            f"Lake/Bad: {argument}[1]=<SparkJob Lake/Other/Clicks>: its runs are named 'Clicks', as those of "
            "Lake/Clicks, and metrics tell jobs by their names; give one of them another job_name"
        )
        stack.node.try_remove_child("Bad")


@pytest.mark.parametrize("name", ["", "my dashboard", "für", "x" * 256])
def test_a_dashboard_has_a_name_that_there_can_be(name: str) -> None:
    stack = new_stack()
    application = application_of(stack)
    with pytest.raises(ValueError, match="use 1 to 255 letters, digits, hyphens and underscores") as caught:
        ApplicationDashboard(stack, "Bad", application=application, dashboard_name=name)
    assert str(caught.value).startswith("Lake/Bad: dashboard_name='")


def widgets_of(stack: Stack) -> list[Json]:
    (dashboard,) = resources(stack, "AWS::CloudWatch::Dashboard").values()
    return list(json.loads(text_of(dashboard["Properties"]["DashboardBody"]))["widgets"])


def asked_by_widget(widget: Json) -> Iterator[Asked]:
    for row in widget["properties"].get("metrics", ()):
        match row:
            case [{"expression": expression}]:
                yield from asked_in(expression)
            case [namespace, name, *dimensions]:
                texts = [item for item in dimensions if isinstance(item, str)]
                yield Asked(namespace, name, frozenset(texts[::2]), is_exact=True)


# AWS's sample dashboard has it so, its page has the dimensions of workers: a graph has both.
IDLE_OF_THE_SAMPLE = Asked("AWS/EMRServerless", "IdleWorkerCount", frozenset(_APPLICATION), is_exact=True)


@pytest.mark.parametrize("release", [ReleaseLabel.EMR_7_14_0, ReleaseLabel.EMR_7_9_0], ids=lambda label: label.name)
def test_a_dashboard_shows_metrics_that_there_are(release: ReleaseLabel, script: Path) -> None:
    stack = new_stack()
    application = application_of(stack, release)
    has_names = release is ReleaseLabel.EMR_7_14_0
    jobs = [stream_on(application, script, job_name="clicks")] if has_names else []
    ApplicationDashboard(stack, "Dashboard", application=application, jobs=jobs)
    found = {metric for widget in widgets_of(stack) for metric in asked_by_widget(widget)}
    of_the_sample = IDLE_OF_THE_SAMPLE._replace(
        dimensions=frozenset(_APPLICATION if has_names else _APPLICATION - _NAMES)
    )
    assert of_the_sample in found
    check(found - {of_the_sample}, has_names=has_names)
    # All that the service sends of its applications and jobs is shown.
    assert {(metric.namespace, metric.name) for metric in found} == DOCUMENTED.keys() - {("AWS/Usage", "ResourceCount")}


def test_a_graph_has_one_query_of_metrics_insights(script: Path) -> None:
    stack = new_stack()
    application = application_of(stack)
    jobs = [SparkJob(stack, name, application=application, entry_point=str(script)) for name in ("Etl", "Report")]
    ApplicationDashboard(stack, "Dashboard", application=application, jobs=jobs)
    queries = [
        [row for row in widget["properties"].get("metrics", ()) if "SELECT" in json.dumps(row)]
        for widget in widgets_of(stack)
    ]
    # "Each GetMetricData operation can have only one query."
    assert max(map(len, queries)) == 1
    assert sum(map(len, queries)) == 16


def test_what_there_is_at_a_time_is_not_added_up() -> None:
    application = application_of(new_stack())
    ended = [application.metric_success_jobs(), application.metric_failed_jobs(), application.metric_cancelled_jobs()]
    assert {metric.statistic for metric in ended} == {"Sum"}
    now = [application.metric_running_jobs(), application.metric_submitted_jobs(), application.metric("MaxCPUAllowed")]
    assert {metric.statistic for metric in now} == {"Maximum"}
    assert application.metric_running_jobs(statistic="Minimum").statistic == "Minimum"


def test_each_job_is_found_by_its_name(script: Path) -> None:
    stack = new_stack()
    application = application_of(stack, application_name="lake")
    jobs = [SparkJob(stack, name, application=application, entry_point=str(script)) for name in ("Etl", "Report")]
    ApplicationDashboard(stack, "Dashboard", application=application, jobs=jobs, dashboard_name="spark")
    texts = [
        row[0]["expression"]
        for widget in widgets_of(stack)
        for row in widget["properties"].get("metrics", ())
        if isinstance(row[0], dict)
    ]
    for name in ("Etl", "Report"):
        assert len([text for text in texts if text.endswith(f"JobName = '{name}'")]) == 8
    titles = [widget["properties"]["markdown"] for widget in widgets_of(stack) if widget["type"] == "text"]
    assert titles == ["# lake", "## Etl\nLake/Etl", "## Report\nLake/Report"]


def test_widgets_stand_side_by_side_and_do_not_overlap(script: Path) -> None:
    stack = new_stack()
    application = application_of(stack)
    job = SparkJob(stack, "Etl", application=application, entry_point=str(script))
    ApplicationDashboard(stack, "Dashboard", application=application, jobs=[job])
    taken: set[tuple[int, int]] = set()
    for widget in widgets_of(stack):
        cells = {
            (widget["x"] + right, widget["y"] + down)
            for right in range(widget["width"])
            for down in range(widget["height"])
        }
        assert not cells & taken
        taken |= cells
    assert max(x for x, _ in taken) == 23
    assert len(taken) == 24 * (max(y for _, y in taken) + 1)


def test_more_can_be_added_to_a_dashboard() -> None:
    stack = new_stack()
    shown = ApplicationDashboard(stack, "Dashboard", application=application_of(stack))
    before = len(widgets_of(stack))
    stack = new_stack()
    shown = ApplicationDashboard(stack, "Dashboard", application=application_of(stack))
    shown.dashboard.add_widgets(cloudwatch.TextWidget(markdown="ours"))
    assert len(widgets_of(stack)) == before + 1


def test_jobs_that_a_dashboard_can_not_show_are_refused(script: Path) -> None:
    stack = new_stack()
    application = application_of(stack)
    other = Application(stack, "Other", release_label=ReleaseLabel.EMR_7_14_0)
    job = SparkJob(stack, "Job", application=other, entry_point=str(script))
    with pytest.raises(ValueError, match="it runs on another application; give that one alarms and a dashboard"):
        ApplicationDashboard(stack, "Dashboard", application=application, jobs=[job])
    many = [stream_on(application, script)] * 54
    with pytest.raises(ValueError, match="jobs=<54 jobs>: a dashboard has no more than 500 widgets; give 53 at most"):
        ApplicationDashboard(stack, "Many", application=application, jobs=many)


def test_the_picture_of_the_dashboard_is_up_to_date() -> None:
    assert draw_dashboard.PICTURE.read_text(encoding="utf-8") == draw_dashboard.picture()


def test_the_page_has_the_alarms_and_their_defaults() -> None:
    page = (Path(__file__).parents[2] / "docs" / "constructs" / "watching.md").read_text(encoding="utf-8")
    named = dict(re.findall(r"^\| `.*\| `(\w+)=(\d+)` \| (?:fine|goes off) \|$", page, flags=re.MULTILINE))
    parameters = inspect.signature(ApplicationAlarms.__init__).parameters
    thresholds = {name: str(item.default) for name, item in parameters.items() if isinstance(item.default, int)}
    assert named == thresholds
