"""What is known of an application, whether it was created here or imported."""

import functools
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Protocol, Unpack

from aws_cdk import IResource, Resource
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct, IConstruct

from ..custom_resources.provider import Provider
from ..monitoring.metric_options import MetricOptions
from ..monitoring.monitoring import Monitoring
from ..permissions.arns import application_arn, job_run_arn_pattern, role_arn
from ..permissions.submitter import grant, seeing, starting
from ..validation.argument_names import explained
from ..validation.argument_types import check_types, checked
from .capacity import InitialCapacity, MaximumCapacity, WorkerType
from .configuration import Configuration
from .job_run_state import JobRunState
from .release_label import ReleaseLabel
from .settings import ApplicationType, Architecture

# Of how many runs have come into a state within the minute, and not of how many are in it.
_COUNTS = {"SuccessJobs", "FailedJobs", "CancelledJobs"}


class IApplication(IResource, Protocol):
    """An EMR Serverless application, created here or elsewhere."""

    @property
    def application_id(self) -> str:
        """The application's id, such as `00f1982r1uukb925`."""
        ...

    @property
    def application_arn(self) -> str:
        """The application's ARN."""
        ...

    @property
    def job_run_arn_pattern(self) -> str:
        """The pattern that matches the ARNs of all the application's job runs."""
        ...

    @property
    def application_type(self) -> ApplicationType | None:
        """Its engine, None if it is not known."""
        ...

    @property
    def release_label(self) -> ReleaseLabel | None:
        """Its release, None if it is not known."""
        ...

    @property
    def architecture(self) -> Architecture | None:
        """The CPU architecture of its workers, None if it is not known."""
        ...

    @property
    def initial_capacity(self) -> Mapping[WorkerType, InitialCapacity] | None:
        """The workers that are kept ready, None if it is not known."""
        ...

    @property
    def maximum_capacity(self) -> MaximumCapacity | None:
        """What all workers may have together, None if it is not known or not limited."""
        ...

    @property
    def runtime_configuration(self) -> Sequence[Configuration] | None:
        """The configuration that jobs have which do not replace it, None if it is not known."""
        ...

    @property
    def monitoring(self) -> Monitoring | None:
        """What jobs inherit that do not say it themselves, None if it is not known or there is none."""
        ...

    @property
    def s3_logs_key(self) -> kms.IKey | None:
        """The key of the S3 logs that jobs inherit, None if there is none."""
        ...

    @property
    def auto_start(self) -> bool | None:
        """Whether a job run starts the application, None if it is not known."""
        ...

    @property
    def outlives_its_stack(self) -> bool:
        """Whether the application stays when the stack that it is written in is deleted."""
        ...

    def definition_for(self, scope: IConstruct) -> str | None:
        """A string that changes with each update that stops the application, None if nothing stops it.

        Args:
            scope: Where the string is used.
        """
        ...

    def ready_for(self, run: IConstruct) -> Sequence[IConstruct]:
        """What a run of a deployment waits for, and is waited for by: the application, and what the run is made by.

        Args:
            run: The run, whose functions are those of its stack.
        """
        ...

    def grant_start_job_run(self, grantee: iam.IGrantable, execution_role: iam.IRole) -> iam.Grant:
        """Allow a principal to start job runs with the execution role."""
        ...

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow a principal to see the application and its job runs."""
        ...

    def on_job_run_state_change(
        self,
        construct_id: str,
        *,
        states: Sequence[JobRunState] = (),
        target: events.IRuleTarget | None = None,
        description: str | None = None,
        rule_name: str | None = None,
        event_pattern: events.EventPattern | None = None,
        cross_stack_scope: Construct | None = None,
    ) -> events.Rule:
        """A rule on the states of the application's job runs."""
        ...

    @property
    def application_name(self) -> str | None:
        """The application's name, None if it is not known."""
        ...

    def metric(self, metric_name: str, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """A metric of the application."""
        ...

    def metric_submitted_jobs(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Job runs in the state SUBMITTED."""
        ...

    def metric_running_jobs(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Job runs in the state RUNNING."""
        ...

    def metric_success_jobs(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Job runs that succeeded."""
        ...

    def metric_failed_jobs(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Job runs that failed."""
        ...

    def metric_cancelled_jobs(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Job runs that were cancelled."""
        ...


@explained
class ApplicationBase(Resource):
    """What an application has whether it was created here or imported; of one that was imported little is known."""

    application_type: ApplicationType | None = None
    """Its engine, None if it is not known."""
    release_label: ReleaseLabel | None = None
    """Its release, None if it is not known."""
    architecture: Architecture | None = None
    """The CPU architecture of its workers, None if it is not known."""
    initial_capacity: Mapping[WorkerType, InitialCapacity] | None = None
    """The workers that are kept ready, None if it is not known."""
    maximum_capacity: MaximumCapacity | None = None
    """What all workers may have together, None if it is not known or not limited."""
    runtime_configuration: Sequence[Configuration] | None = None
    """The configuration that jobs have which do not replace it, None if it is not known."""
    monitoring: Monitoring | None = None
    """What jobs inherit that do not say it themselves, None if it is not known or there is none."""
    s3_logs_key: kms.IKey | None = None
    """The key of the S3 logs that jobs inherit, None if there is none."""
    auto_start: bool | None = None
    """Whether a job run starts the application, None if it is not known."""
    outlives_its_stack: bool = True
    """Whether the application stays when the stack that it is written in is deleted."""

    @property
    @abstractmethod
    def application_id(self) -> str:
        """The application's id, such as `00f1982r1uukb925`."""

    @property
    @abstractmethod
    def application_name(self) -> str | None:
        """The application's name, None if it is not known."""

    @functools.cached_property
    def _application_arn(self) -> str:
        return application_arn(self, self.application_id)

    @property
    def application_arn(self) -> str:
        """The application's ARN."""
        return self._application_arn

    @property
    def job_run_arn_pattern(self) -> str:
        """The pattern that matches the ARNs of all the application's job runs."""
        return job_run_arn_pattern(self._application_arn)

    def definition_for(self, scope: IConstruct) -> str | None:
        """A string that changes with each update that stops the application, None if nothing stops it.

        Args:
            scope: Where the string is used.
        """
        del scope
        return None

    def ready_for(self, run: IConstruct) -> Sequence[IConstruct]:
        """What a run of a deployment waits for, and is waited for by: the application, and what the run is made by.

        Args:
            run: The run, whose functions are those of its stack.
        """
        return [Provider.of(run).role]

    def grant_start_job_run(self, grantee: iam.IGrantable, execution_role: iam.IRole) -> iam.Grant:
        """Allow a principal to start job runs on this application, with that execution role.

        Runs whose logs or disks are encrypted with a key need permissions for the key too: see `Job.grant_start`.

        Args:
            grantee: The principal.
            execution_role: The role that the runs may have.

        Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_emr-serverless.html
        """
        types = {"grantee": (grantee, iam.IGrantable), "execution_role": (execution_role, iam.IRole)}
        check_types(self.node.path, **types)
        return grant(grantee, starting(self.application_arn, role_arn(execution_role)))

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow a principal to see the application and its job runs.

        Args:
            grantee: The principal.

        Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_emr-serverless.html
        """
        check_types(self.node.path, grantee=(grantee, iam.IGrantable))
        return grant(grantee, seeing(self.application_arn))

    @checked
    def on_job_run_state_change(
        self,
        construct_id: str,
        *,
        states: Sequence[JobRunState] = (),
        target: events.IRuleTarget | None = None,
        description: str | None = None,
        rule_name: str | None = None,
        event_pattern: events.EventPattern | None = None,
        cross_stack_scope: Construct | None = None,
    ) -> events.Rule:
        """A rule of Amazon EventBridge on the states of the application's job runs, whoever started them.

        The event has the run's id, state and previous state, and neither the job's name nor why it failed. What is told
        a person is better a message of `on_failure` of a `JobRun`, `JobSchedule` or `JobTrigger`.

        Args:
            construct_id: The id of the rule.
            states: Which states. Default: all.
            target: What is told. Default: nothing, until the rule's `add_target` says it.
            description: A description of the rule. Default: none.
            rule_name: The rule's name. Default: made by CloudFormation.
            event_pattern: What else has to be true of the event. Default: nothing.
            cross_stack_scope: What the rule is part of, when the target is in another stack. Default: the application.

        Source: https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/using-eventbridge.html
        """
        rule = events.Rule(
            cross_stack_scope or self,
            construct_id,
            description=description,
            rule_name=rule_name,
            event_pattern=job_run_state_changes(self.application_id, states),
        )
        if event_pattern is not None:
            rule.add_event_pattern(**event_pattern._values)
        if target is not None:
            rule.add_target(target)
        return rule

    def metric(self, metric_name: str, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """A metric of the application, of 5 minutes unless `options` say otherwise.

        Runs that have ended are added up. Of all else the service tells each minute how much there is: that is the
        maximum.

        From emr-7.10.0 the application's name is one of the metric's dimensions: an imported application needs its
        name, and its release if that is older.

        Args:
            metric_name: The name, such as `RunningJobs`.
            **options: What `aws_cloudwatch.Metric` takes, such as `statistic` or `period`.

        Source: https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/app-job-metrics.html
        """
        dimensions = {"ApplicationId": self.application_id}
        if self.application_name is not None and metrics_have_names(self.release_label):
            dimensions["ApplicationName"] = self.application_name
        statistic = "Sum" if metric_name in _COUNTS else "Maximum"
        all_options: MetricOptions = {"statistic": statistic, "dimensions_map": dimensions, **options}
        metric = cloudwatch.Metric(namespace="AWS/EMRServerless", metric_name=metric_name, **all_options)
        # It is where the application is, unless somebody else sends it elsewhere.
        return metric if {"region", "account"} & options.keys() else metric.attach_to(self)

    def metric_submitted_jobs(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Job runs in the state SUBMITTED, the most at a time."""
        return self.metric("SubmittedJobs", **options)

    def metric_running_jobs(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Job runs in the state RUNNING, the most at a time."""
        return self.metric("RunningJobs", **options)

    def metric_success_jobs(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Job runs that succeeded."""
        return self.metric("SuccessJobs", **options)

    def metric_failed_jobs(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Job runs that failed."""
        return self.metric("FailedJobs", **options)

    def metric_cancelled_jobs(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Job runs that were cancelled."""
        return self.metric("CancelledJobs", **options)


def metrics_have_names(release: ReleaseLabel | None) -> bool:
    """Whether the metrics of a release have the names of applications and jobs as dimensions.

    From emr-7.10.0; https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/app-job-metrics.html
    """
    return release is None or (release.version or (8, 0)) >= (7, 10)


def job_run_state_changes(application_id: str, states: Sequence[JobRunState]) -> events.EventPattern:
    """The events of job runs of the application that have come into one of the states, or into any.

    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/using-eventbridge.html
    """
    of_states = {"state": [state.value for state in states]} if states else {}
    return events.EventPattern(
        source=["aws.emr-serverless"],
        detail_type=["EMR Serverless Job Run State Change"],
        detail={"applicationId": [application_id], **of_states},
    )


class ImportedApplication(ApplicationBase):
    """An application that exists already."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        application_id: str,
        application_name: str | None,
        application_type: ApplicationType | None,
        release_label: ReleaseLabel | None,
        architecture: Architecture | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._application_id = application_id
        self._application_name = application_name
        self.application_type = application_type
        self.release_label = release_label
        self.architecture = architecture

    @property
    def application_id(self) -> str:
        """The application's id, such as `00f1982r1uukb925`."""
        return self._application_id

    @property
    def application_name(self) -> str | None:
        """The application's name, None if it is not known."""
        return self._application_name
