"""Metrics of job runs are in CloudWatch, and alarms on them go off."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from emrs_local.ministack.metric_math import NotUnderstoodError, evaluate, query_of
from emrs_local.ministack.metrics import MetricStore
from tests.local.cloudformation_support import wait_for_stack
from tests.local.emr_serverless_support import Service, allow, wait_until
from tests.local.test_emr_serverless_applications import create

NAMESPACE = "AWS/EMRServerless"
CRASH = "raise ValueError('it is broken')"
PERIOD = 3600  # none of which ends during a test
Json = dict[str, Any]


class Alarms:
    """Alarms, and the queue behind the topic that they tell."""

    def __init__(self, service: Service, name: str) -> None:
        self.service = service
        self.name = name
        self.cloudwatch = service.aws.client("cloudwatch")
        self.sns, self.sqs = service.aws.client("sns"), service.aws.client("sqs")
        self.topic = self.sns.create_topic(Name=name)["TopicArn"]

    def put(self, **alarm: Any) -> None:
        self.cloudwatch.put_metric_alarm(AlarmName=self.name, AlarmActions=[self.topic], **alarm)

    def on_runs(self, metric: str, dimensions: Json, **alarm: Any) -> None:
        """An alarm for one or more in five minutes."""
        named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
        defaults = {"Statistic": "Sum", "Period": 300, "EvaluationPeriods": 1, "Threshold": 1}
        comparison = {"ComparisonOperator": "GreaterThanOrEqualToThreshold", "TreatMissingData": "notBreaching"}
        self.put(Namespace=NAMESPACE, MetricName=metric, Dimensions=named, **{**defaults, **comparison, **alarm})

    def state(self) -> str:
        (alarm,) = self.cloudwatch.describe_alarms(AlarmNames=[self.name])["MetricAlarms"]
        return str(alarm["StateValue"])

    def becomes(self, state: str) -> None:
        wait_until(lambda: self.state() == state, shown=self.state)

    def queue(self) -> str:
        """The URL of a queue that gets what the topic gets."""
        url = self.sqs.create_queue(QueueName=self.name)["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        statement = {**allow("sqs:SendMessage", arn), "Principal": {"Service": "sns.amazonaws.com"}}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        self.sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn)
        return str(url)

    def received(self, url: str) -> Json:
        deadline = time.monotonic() + 300
        while not (found := self.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages")):
            assert time.monotonic() < deadline
        return dict(json.loads(json.loads(found[0]["Body"])["Message"]))


def fail(service: Service, application_id: str) -> None:
    run = service.start(service.script("crash", CRASH), application_id=application_id)
    service.wait(run, "FAILED", application_id=application_id)


def test_an_error_in_one_minute_is_none_of_the_next() -> None:
    async def two_minutes() -> None:
        second = asyncio.Event()
        minutes = iter([lambda: None, second.set])

        def each_minute() -> None:
            next(minutes, second.set)()
            raise ValueError("no metrics")

        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        MetricStore(seconds_per_minute=0).open(each_minute=each_minute)
        await second.wait()

    asyncio.run(two_minutes())


def test_a_failed_run_sets_off_an_alarm_of_its_application_alone(service: Service) -> None:
    failing, other = create(service), create(service)
    alarms, others = Alarms(service, "failing"), Alarms(service, "other")
    url = alarms.queue()
    alarms.on_runs("FailedJobs", {"ApplicationId": failing})
    others.on_runs("FailedJobs", {"ApplicationId": other})
    assert (alarms.state(), others.state()) == ("OK", "OK")
    fail(service, failing)
    message = alarms.received(url)
    assert (message["AlarmName"], message["NewStateValue"]) == ("failing", "ALARM")
    assert "1 of 1 datapoints [1]" in message["NewStateReason"]
    assert others.state() == "OK"
    line = service.told(lambda line: "alarm failing  OK → ALARM" in line)
    assert line.endswith(message["NewStateReason"])


@pytest.mark.parametrize(
    ("release", "named", "dimensions"),
    [
        ("emr-7.9.0", {"name": "metrics"}, {}),
        ("emr-7.10.0", {"name": "metrics"}, {"ApplicationName": "metrics"}),
        ("emr-7.10.0", {}, {"ApplicationName": "[Unspecified]"}),
    ],
)
def test_the_metrics_have_the_dimensions_of_the_release(
    service: Service, release: str, named: Json, dimensions: Json
) -> None:
    application_id = create(service, releaseLabel=release, **named)
    fail(service, application_id)
    expected = {"ApplicationId": application_id, **dimensions}
    cloudwatch = service.aws.client("cloudwatch")

    def found() -> dict[str, Json]:
        pages = cloudwatch.get_paginator("list_metrics").paginate(Namespace=NAMESPACE)
        listed = [
            (metric["MetricName"], {item["Name"]: item["Value"] for item in metric["Dimensions"]})
            for page in pages
            for metric in page["Metrics"]
        ]
        of_runs = [(metric, named) for metric, named in listed if metric.endswith("Jobs")]
        return {metric: named for metric, named in of_runs if named["ApplicationId"] == application_id}

    wait_until(lambda: "FailedJobs" in found(), shown=found)
    active = {"SubmittedJobs", "PendingJobs", "ScheduledJobs", "RunningJobs", "CancellingJobs", "FailedJobs"}
    assert found().keys() >= active
    assert all(named == expected for named in found().values())


def test_a_run_that_goes_on_running_is_counted_each_minute(service: Service) -> None:
    application_id = create(service)
    alarms = Alarms(service, "runs")
    alarms.on_runs("RunningJobs", {"ApplicationId": application_id}, Statistic="Minimum", Period=1)
    entry_point = service.script("wait", "import time\nwhile True: time.sleep(0.1)")
    run = service.start(entry_point, application_id=application_id)
    alarms.becomes("ALARM")
    service.emr.cancel_job_run(applicationId=application_id, jobRunId=run)
    alarms.becomes("OK")


def test_a_stream_has_workers_as_long_as_it_runs(service: Service) -> None:
    application_id = create(service, releaseLabel="emr-7.10.0")
    alarms = Alarms(service, "stream")
    of_stream = f"ApplicationId = '{application_id}' AND JobName = 'events'"
    query = " ".join(['SELECT SUM(WorkerCpuAllocated) FROM "AWS/EMRServerless" WHERE', of_stream])
    alarms.put(
        Metrics=[{"Id": "workers", "Expression": query, "Period": 10}],
        EvaluationPeriods=1,
        Threshold=16,
        ComparisonOperator="LessThanThreshold",
        TreatMissingData="breaching",
    )
    assert alarms.state() == "ALARM"
    entry_point = service.script("wait", "import time\nwhile True: time.sleep(0.1)")
    run = service.start(entry_point, application_id=application_id, name="events")
    alarms.becomes("OK")
    service.emr.cancel_job_run(applicationId=application_id, jobRunId=run)
    alarms.becomes("ALARM")


def test_an_alarm_is_told_how_much_is_used_of_the_account_s_vcpus(service: Service) -> None:
    application_id = create(service)
    alarms = Alarms(service, "quota")
    dimensions = {"Service": "EMR Serverless", "Type": "Resource", "Resource": "vCPU", "Class": "None"}
    usage = {
        "Namespace": "AWS/Usage",
        "MetricName": "ResourceCount",
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
    }
    alarms.put(
        Metrics=[
            {"Id": "usage", "ReturnData": False, "MetricStat": {"Metric": usage, "Period": 1, "Stat": "Maximum"}},
            {"Id": "percent", "Expression": "usage / SERVICE_QUOTA(usage) * 100"},
        ],
        EvaluationPeriods=1,
        Threshold=90,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
    )
    # A driver and three executors of four vCPUs are all of the sixteen that an account has.
    entry_point = service.script("wait", "import time\nwhile True: time.sleep(0.1)")
    run = service.start(entry_point, application_id=application_id)
    alarms.becomes("ALARM")
    service.emr.cancel_job_run(applicationId=application_id, jobRunId=run)
    alarms.becomes("OK")


def test_a_topic_that_does_not_allow_it_gets_nothing(service: Service) -> None:
    application_id = create(service)
    alarms = Alarms(service, "refused")
    statement = {**allow("sns:Publish", alarms.topic), "Principal": {"Service": "events.amazonaws.com"}}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    alarms.sns.set_topic_attributes(TopicArn=alarms.topic, AttributeName="Policy", AttributeValue=policy)
    alarms.on_runs("FailedJobs", {"ApplicationId": application_id})
    fail(service, application_id)
    alarms.becomes("ALARM")
    words = f"not delivered to {alarms.topic}: its policy does not allow sns:Publish to cloudwatch.amazonaws.com"
    service.told(lambda line: words in line)


# The values of the last three periods, the last first: "-" is none, "x" is above the threshold, "0" is not.
@pytest.mark.parametrize(
    ("values", "needed", "missing", "state"),
    [
        ("xxx", 3, "missing", "ALARM"),
        ("0xx", 3, "missing", "OK"),
        ("0xx", 2, "missing", "ALARM"),
        ("---", 3, "missing", "INSUFFICIENT_DATA"),
        ("---", 3, "breaching", "ALARM"),
        ("---", 3, "notBreaching", "OK"),
        ("---", 3, "ignore", "INSUFFICIENT_DATA"),
        ("-x-", 3, "missing", "ALARM"),
        ("-x-", 3, "notBreaching", "OK"),
        ("-0-", 2, "breaching", "ALARM"),
        ("-0-", 3, "breaching", "OK"),
    ],
)
def test_missing_values_are_treated_as_the_alarm_says(
    service: Service, values: str, needed: int, missing: str, state: str
) -> None:
    alarms = Alarms(service, f"missing-{values}-{needed}-{missing}".replace("---", "none"))
    put_values(alarms, alarms.name, values)
    alarms.put(
        Namespace="Test",
        MetricName=alarms.name,
        Statistic="Maximum",
        Period=PERIOD,
        EvaluationPeriods=3,
        DatapointsToAlarm=needed,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData=missing,
    )
    assert alarms.state() == state


def put_values(alarms: Alarms, metric: str, values: str) -> None:
    now = datetime.now(tz=UTC)
    data = [
        {
            "MetricName": metric,
            "Timestamp": now - timedelta(seconds=(age + 1 / 3) * PERIOD),
            "Value": float(value == "x"),
        }
        for age, value in enumerate(values)
        if value != "-"
    ]
    if data:
        alarms.cloudwatch.put_metric_data(Namespace="Test", MetricData=data)


@pytest.mark.parametrize(("expression", "state"), [("used / FILL(most, 2)", "OK"), ("used + most", "ALARM")])
def test_an_alarm_on_metric_math_looks_at_its_expression(service: Service, expression: str, state: str) -> None:
    alarms = Alarms(service, f"math-{state}")
    for metric in ("used", "most"):
        put_values(alarms, f"{alarms.name}-{metric}", "x")
    alarms.put(
        Metrics=[
            *(
                {"Id": name, "ReturnData": False, "MetricStat": stat(f"{alarms.name}-{name}")}
                for name in ("used", "most")
            ),
            {"Id": "share", "Expression": expression},
        ],
        EvaluationPeriods=1,
        Threshold=1.5,
        ComparisonOperator="GreaterThanThreshold",
    )
    assert alarms.state() == state


def test_a_template_may_have_alarms_on_metric_math(service: Service) -> None:
    alarms = Alarms(service, "template")
    put_values(alarms, "template", "x")
    properties = {
        "AlarmName": alarms.name,
        "Metrics": [
            {"Id": "m", "ReturnData": False, "MetricStat": stat("template")},
            {"Id": "twice", "Expression": "2 * m"},
        ],
        "EvaluationPeriods": 1,
        "Threshold": 1.5,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    template = {"Resources": {"Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}}}
    cloudformation = service.aws.client("cloudformation")
    cloudformation.create_stack(StackName="alarms", TemplateBody=json.dumps(template))
    wait_for_stack(cloudformation, "stack_create_complete", "alarms")
    assert alarms.state() == "ALARM"


def test_an_alarm_on_a_query_looks_at_all_metrics_that_fit(service: Service) -> None:
    alarms = Alarms(service, "query")
    for job, worker in (("etl", "driver"), ("etl", "executor"), ("other", "executor")):
        dimensions = [{"Name": "Job", "Value": job}, {"Name": "Worker", "Value": worker}]
        datum = {"MetricName": "workers", "Value": 2.0, "Dimensions": dimensions}
        alarms.cloudwatch.put_metric_data(Namespace="AWS/Query", MetricData=[datum])

    def state(expression: str) -> str:
        alarms.put(
            Metrics=[{"Id": "q", "Expression": expression, "Period": PERIOD}],
            EvaluationPeriods=1,
            Threshold=4,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            TreatMissingData="notBreaching",
        )
        return alarms.state()

    assert state("""SELECT SUM(workers) FROM "AWS/Query" WHERE Job = 'etl'""") == "ALARM"
    assert state("""SELECT SUM(workers) FROM "AWS/Query" WHERE Job = 'other'""") == "OK"
    assert state("""SELECT SUM(workers) FROM "AWS/Query" WHERE Job = 'none'""") == "OK"
    assert state("""SELECT MAX(workers) FROM "AWS/Query" WHERE Job = 'etl' AND Worker = 'driver'""") == "OK"


@pytest.mark.parametrize("rest", ["GROUP BY Job", "WHERE Job != 'etl'", "WHERE Job = 'etl' ORDER BY MAX() DESC"])
def test_what_is_not_understood_of_a_query_is_said(rest: str) -> None:
    with pytest.raises(NotUnderstoodError):
        query_of(" ".join(["SELECT SUM(workers) FROM AWS", rest]))


def stat(metric: str) -> Json:
    return {"Metric": {"Namespace": "Test", "MetricName": metric}, "Period": PERIOD, "Stat": "Maximum"}


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        ("100 * a / b", [50.0, None, None]),
        ("100 * a / FILL(b, 4)", [50.0, 50.0, None]),
        ("IF(a > 1, 7, 8)", [8.0, 7.0, None]),
        ("IF(a > 1, 7)", [None, 7.0, None]),
        ("-a ^ 2", [-1.0, -4.0, None]),
        ("a / (b - 2)", [None, None, None]),
        ("SUM([a, b])", [3.0, 2.0, 0.0]),
        ("MAX([a, 1.5])", [1.5, 2.0, 1.5]),
        ("a / SERVICE_QUOTA(a) * 100", [10.0, 20.0, None]),
    ],
)
def test_metric_math_is_arithmetic_on_each_period(expression: str, values: Sequence[float | None]) -> None:
    series: dict[str, list[float | None]] = {"a": [1.0, 2.0, None], "b": [2.0, None, 0.0]}
    assert evaluate(expression, series.__getitem__, 3, quota={"a": 10.0}.get) == values


@pytest.mark.parametrize(
    "expression",
    ["SUM(METRICS())", "usage / SERVICE_QUOTA(usage)", "SERVICE_QUOTA(1)", "__import__('os')", "a.b", "FILL(a)"],
)
def test_what_is_not_understood_of_metric_math_is_said(expression: str) -> None:
    with pytest.raises(NotUnderstoodError):
        evaluate(expression, lambda _: [1.0], 1)
