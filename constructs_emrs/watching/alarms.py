"""Alarms on an application: what a person should look at, and what to do then."""

from collections.abc import Sequence

from aws_cdk import ArnFormat, Duration, IResource
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from ..applications.interface import IApplication
from ..validation.argument_names import explained
from ..validation.argument_types import checked
from ..validation.cdk_cache import child_path, path_of, stack_of
from ..validation.problems import Problems
from ..validation.tokens import is_token
from ..validation.units import gib
from ..workflows.interface import IJob, JobMode
from ._metrics import PERIOD_SECONDS, check_application, check_jobs, differences, final_name_of, sum_of

# "You can query the most recent three hours of data for alarm condition evaluations."
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-limits.html
_MINUTES_OF_A_QUERY = range(1, 3 * 60 + 1)
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html, EvaluationPeriods
_MINUTES_OF_METRICS = range(1, 24 * 60 + 1)
_RUNS = range(1, 1_000_000 + 1)
_PERCENT = range(1, 100 + 1)
_MINUTES = 5
_LONGEST_PATH = 200
_MISSING = cloudwatch.TreatMissingData
_AT_LEAST = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
_BELOW = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD


@explained
class ApplicationAlarms(Construct):
    """Alarms on an application, each of which is told to a topic, with a description that says what to do.

    An application that is stopped sends no metrics: only the alarms of streams go off then.

    Example:
        >>> topic = sns.Topic(stack, "OnCall")
        >>> alarms = ApplicationAlarms(stack, "Alarms", application=spark, topic=topic, streams=[stream])

    Source: https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/app-job-metrics.html
    """

    @checked
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        application: IApplication,
        topic: sns.ITopic,
        failed_runs: int | None = 1,
        waiting_minutes: int | None = 15,
        capacity_percent: int | None = 90,
        idle_minutes: int | None = 60,
        streams: Sequence[IJob] = (),
        stream_minutes: int | None = 10,
    ) -> None:
        """Create the alarms.

        Args:
            scope: The construct that the alarms are part of.
            construct_id: The id of the alarms in their scope.
            application: What is watched. Of one that is imported, name and release have to be known.
            topic: Who is told, in the Region of the application and the alarms. The topic's policy lets this account's
                alarms publish to it, and that of its key lets CloudWatch use the key.
            failed_runs: From how many failed runs within 5 minutes; None for no such alarm.
            waiting_minutes: For how many minutes there have to be runs that are pending or scheduled, 1 to 1,440; None
                for no such alarm. Runs in the queue of `Scheduler.max_concurrent_runs` have no metric.
            capacity_percent: From how many percent of the application's maximum capacity its workers' vCPUs, memory
                or disks are nearly all; of the account's quota of vCPUs where the application has no maximum, or it is
                not known. 1 to 100, for 5 minutes; None for no such alarm.
            idle_minutes: For how many minutes there have to be pre-initialised workers without work, which are paid
                for, 1 to 180; None for no such alarm. An application without initial capacity has none.
            streams: Streaming jobs that are to run always. From emr-7.10.0, as metrics have no names before. Default:
                none.
            stream_minutes: For how many minutes a stream has no worker, 1 to 180; None for no such alarms.

        Raises:
            ValueError: Arguments that can't be; the text lists all of them.
        """
        super().__init__(scope, construct_id)
        problems = Problems(child_path(scope, construct_id))
        for argument, value, possible in (
            ("failed_runs", failed_runs, _RUNS),
            ("waiting_minutes", waiting_minutes, _MINUTES_OF_METRICS),
            ("capacity_percent", capacity_percent, _PERCENT),
            ("idle_minutes", idle_minutes, _MINUTES_OF_A_QUERY),
            ("stream_minutes", stream_minutes, _MINUTES_OF_A_QUERY),
        ):
            if value is not None and not is_token(value) and value not in possible:
                remedy = f"use {possible[0]:,} to {possible[-1]:,}, or None for no such alarm"
                problems.add(argument, value, "it is out of range", remedy)
        check_application(problems, application)
        _check_places(problems, self, application, topic)
        _check_streams(problems, self, application, streams)
        problems.raise_if_any()
        self._application = application
        self._topic = topic
        self._what = f"EMR Serverless application {application.application_name or application.application_id}"
        self._alarms: list[cloudwatch.Alarm] = []
        self._allow_publishing()
        if failed_runs is not None:
            self._tell_failed_runs(failed_runs)
        if waiting_minutes is not None:
            self._tell_waiting_runs(waiting_minutes)
        if capacity_percent is not None:
            self._tell_capacity(capacity_percent)
        if idle_minutes is not None and application.initial_capacity != {}:
            self._tell_idle_workers(idle_minutes)
        if stream_minutes is not None:
            for stream in streams:
                self._tell_missing_stream(stream, stream_minutes)

    @property
    def alarms(self) -> Sequence[cloudwatch.Alarm]:
        """All of them; their ids are `FailedRuns`, `WaitingRuns`, `Cpu`, `Memory`, `Disk`, `IdleWorkers`, `Stream…`."""
        return tuple(self._alarms)

    def _tell_failed_runs(self, count: int) -> None:
        self._add(
            "FailedRuns",
            self._application.metric_failed_jobs(period=Duration.minutes(_MINUTES)),
            threshold=count,
            description=(
                f"Job runs of {self._what} failed. Which: {self._command('list-job-runs', '--states FAILED')}. "
                f"Why: {self._command('get-job-run', '--job-run-id')} with its id says it in stateDetails."
            ),
        )

    def _tell_waiting_runs(self, minutes: int) -> None:
        application, period = self._application, Duration.seconds(PERIOD_SECONDS)
        pending, scheduled = (application.metric(name, period=period) for name in ("PendingJobs", "ScheduledJobs"))
        self._add(
            "WaitingRuns",
            cloudwatch.MathExpression(
                expression="SUM([pending, scheduled])",
                using_metrics={"pending": pending, "scheduled": scheduled},
                label="Runs that wait",
                period=period,
            ),
            threshold=1,
            minutes=minutes,
            description=(
                f"For {minutes} minutes there have been job runs of {self._what} that wait for workers. Which: "
                f"{self._command('list-job-runs', '--states PENDING SCHEDULED')}. Give the application more maximum "
                "capacity, ask for a higher quota of vCPUs, look whether its subnets have free addresses, or cancel "
                "runs that are not needed."
            ),
        )

    def _tell_capacity(self, percent: int) -> None:
        maximum = self._application.maximum_capacity
        if maximum is None or is_token(maximum.cpu) or is_token(gib(maximum.memory)):
            self._tell_quota(percent)
            return
        limits = [
            ("Cpu", "CPUAllocated", float(maximum.cpu), "vCPUs"),
            ("Memory", "MemoryAllocated", float(gib(maximum.memory)), "GB of memory"),
        ]
        if maximum.disk is not None and not is_token(gib(maximum.disk)):
            limits.append(("Disk", "StorageAllocated", float(gib(maximum.disk)), "GB of disk"))
        for construct_id, metric_name, limit, unit in limits:
            self._add(
                construct_id,
                sum_of(metric_name, {"ApplicationId": self._application.application_id}),
                threshold=limit * percent / 100,
                minutes=_MINUTES,
                description=(
                    f"The workers of {self._what} have {percent} percent or more of the {limit:g} {unit} of its "
                    "maximum capacity: further runs wait or have fewer executors. Give it more maximum_capacity, or "
                    "its jobs fewer executors (spark.dynamicAllocation.maxExecutors)."
                ),
            )

    def _tell_quota(self, percent: int) -> None:
        # https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/monitoring-usage.html and
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Quotas-Visualize-Alarms.html
        usage = cloudwatch.Metric(
            namespace="AWS/Usage",
            metric_name="ResourceCount",
            dimensions_map={"Service": "EMR Serverless", "Type": "Resource", "Resource": "vCPU", "Class": "None"},
            statistic="Maximum",
            period=Duration.seconds(PERIOD_SECONDS),
        )
        self._add(
            "Cpu",
            cloudwatch.MathExpression(
                expression="usage / SERVICE_QUOTA(usage) * 100",
                using_metrics={"usage": usage},
                label="Percent of the quota",
                period=Duration.seconds(PERIOD_SECONDS),
            ),
            threshold=percent,
            minutes=_MINUTES,
            description=(
                f"EMR Serverless has {percent} percent or more of the account's vCPUs, which {self._what} takes from: "
                "further runs wait or have fewer executors. Ask for a higher quota (Service Quotas, EMR Serverless, "
                "max concurrent vCPUs per account), or cancel runs that are not needed."
            ),
        )

    def _tell_idle_workers(self, minutes: int) -> None:
        # A query, as AWS's page gives this metric the dimensions of workers, and its sample dashboard none of them.
        self._add(
            "IdleWorkers",
            sum_of("IdleWorkerCount", {"ApplicationId": self._application.application_id}),
            threshold=1,
            minutes=minutes,
            description=(
                f"For {minutes} minutes pre-initialised workers of {self._what} have had no work and have been paid "
                "for. Give it less initial_capacity, or a shorter auto_stop_after, or look why it is not stopped: "
                f"{self._command('get-application')}."
            ),
        )

    def _tell_missing_stream(self, stream: IJob, minutes: int) -> None:
        self._add(
            f"Stream{stream.node.addr}",
            sum_of(
                "WorkerCpuAllocated",
                {"ApplicationId": self._application.application_id, "JobName": final_name_of(stream)},
            ),
            threshold=1,
            minutes=minutes,
            comparison=_BELOW,
            missing=_MISSING.BREACHING,
            description=(
                f"For {minutes} minutes the stream {_short(path_of(stream))} on {self._what} has had no worker: it "
                f"does not run. Why: {self._command('list-job-runs')}, then "
                f"{self._command('get-job-run', '--job-run-id')} with the id of its last run says it in "
                "stateDetails. To start it again, change something of it, or a trigger of its JobRun, and deploy."
            ),
        )

    def _add(
        self,
        construct_id: str,
        metric: cloudwatch.IMetric,
        *,
        threshold: float,
        description: str,
        minutes: int = 1,
        comparison: cloudwatch.ComparisonOperator = _AT_LEAST,
        missing: cloudwatch.TreatMissingData = _MISSING.NOT_BREACHING,
    ) -> None:
        alarm = cloudwatch.Alarm(
            self,
            construct_id,
            metric=metric,
            threshold=threshold,
            evaluation_periods=minutes,
            comparison_operator=comparison,
            treat_missing_data=missing,
            alarm_description=description,
        )
        alarm.add_alarm_action(actions.SnsAction(self._topic))
        self._alarms.append(alarm)

    def _command(self, command: str, options: str = "") -> str:
        """What a person types to see more."""
        of_what = f"--region {stack_of(self).region} --application-id {self._application.application_id}"
        return " ".join(filter(None, ["aws emr-serverless", command, of_what, options]))

    def _allow_publishing(self) -> None:
        """Let the account's alarms publish to the topic.

        A topic without a policy lets its account do that; the policy that a rule's target gives it takes the place of
        that. https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html
        """
        stack = stack_of(self)
        alarms = stack.format_arn(
            service="cloudwatch", resource="alarm", resource_name="*", arn_format=ArnFormat.COLON_RESOURCE_NAME
        )
        self._topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self._topic.topic_arn],
                conditions={"ArnLike": {"aws:SourceArn": alarms}, "StringEquals": {"aws:SourceAccount": stack.account}},
            )
        )
        # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services
        if self._topic.master_key is not None:
            cloudwatch_itself = iam.ServicePrincipal("cloudwatch.amazonaws.com")
            self._topic.master_key.grant(cloudwatch_itself, "kms:Decrypt", "kms:GenerateDataKey*")


def _short(path: str) -> str:
    """The end of a path, so that a description keeps within the 1,024 characters that it may have."""
    return path if len(path) <= _LONGEST_PATH else f"…{path[1 - _LONGEST_PATH :]}"


def _check_places(problems: Problems, construct: Construct, application: IApplication, topic: sns.ITopic) -> None:
    """Note what an alarm does not see, and what it can't tell.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    """
    things: tuple[tuple[str, IResource, tuple[str, ...]], ...] = (
        ("application", application, ("region", "account")),
        ("topic", topic, ("region",)),
    )
    for argument, thing, names in things:
        elsewhere = differences(construct, thing)
        for name in names:
            if name in elsewhere:
                problem = f"its {name} is {elsewhere[name]}, and that of the alarms is another"
                remedy = "put application, topic and alarms into stacks of one account and Region"
                problems.add(argument, thing, problem, remedy)


def _check_streams(
    problems: Problems, construct: Construct, application: IApplication, streams: Sequence[IJob]
) -> None:
    check_jobs(problems, construct, "streams", application, streams)
    for position, job in enumerate(streams):
        if job.mode is not JobMode.STREAMING:
            remedy = "give streaming jobs; for batch jobs, on_failure of what starts them"
            problems.add(f"streams[{position}]", job, "it is a batch job, which ends by itself", remedy)
