"""Where job runs run: the L2 construct of AWS::EMRServerless::Application."""

import functools
import hashlib
import json
import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Unpack, cast

import jsii
from aws_cdk import Annotations, ArnFormat, CustomResource, Duration, IResource, Names, RemovalPolicy, Resource, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_emrserverless as emrserverless
from aws_cdk import aws_iam as iam
from constructs import Construct, IDependable

from ..custom_resources.provider import JobRunProvider
from ..handler import contract
from ..jobs._rules.service import check_encryption, check_monitoring, check_monitoring_request, whole_minutes
from ..jobs.members import argument_of
from ..monitoring.brought import check_brought
from ..monitoring.encryption import Encryption
from ..monitoring.metric_options import MetricOptions
from ..monitoring.monitoring import Monitoring
from ..monitoring.wiring import wire_monitoring
from ..permissions.execution_role import LoggingPermissions, allow_pulling, application_arn, grant, role_arn, starting
from ..validation.argument_names import explained
from ..validation.argument_types import check_types, checked
from ..validation.cdk_cache import stack_of
from ..validation.model_rules import check_against_model
from ..validation.problems import Problems
from ..validation.service_model import operation_shape
from ..validation.tokens import is_looked_up_later
from . import _rules as rules
from ._network_rules import ClosedToTheWorld
from ._tags import ApplicationTags, at_synth
from .application_type import ApplicationType, Architecture
from .capacity import (
    InitialCapacity,
    MaximumCapacity,
    WorkerType,
    check_capacity,
    gigabytes,
)
from .configuration import Configuration
from .release_label import ReleaseLabel
from .request import present
from .settings import IdentityCenter, Image, Interactive, Scheduler
from .worker import WorkerResources, in_text

_DEFAULT_IDLE_MINUTES = 15


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
    def job_run_arns(self) -> str:
        """The pattern that matches the ARNs of all the application's job runs."""
        ...

    def grant_start_job_run(self, grantee: iam.IGrantable, execution_role: iam.IRole) -> iam.Grant:
        """Let somebody start job runs with the execution role."""
        ...

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let somebody see the application and its job runs."""
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
class _ApplicationBase(Resource):
    """What an application has whether it was created here or imported."""

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
    def job_run_arns(self) -> str:
        """The pattern that matches the ARNs of all the application's job runs."""
        return f"{self._application_arn}/jobruns/*"

    def grant_start_job_run(self, grantee: iam.IGrantable, execution_role: iam.IRole) -> iam.Grant:
        """Let somebody start job runs on this application, with that execution role.

        Runs whose logs or disks are encrypted with a key need permissions for the key too: see `Job.grant_start`.

        Args:
            grantee: Who may.
            execution_role: The role that the runs may have.

        Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_emr-serverless.html
        """
        types = {"grantee": (grantee, iam.IGrantable), "execution_role": (execution_role, iam.IRole)}
        check_types(self.node.path, **types)
        return grant(grantee, starting(cast("IApplication", self), role_arn(execution_role)))

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let somebody see the application and its job runs.

        Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_emr-serverless.html
        """
        check_types(self.node.path, grantee=(grantee, iam.IGrantable))
        of_application = iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["emr-serverless:GetApplication", "emr-serverless:ListJobRuns"],
            resource_arns=[self.application_arn],
        )
        of_runs = iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["emr-serverless:GetJobRun", "emr-serverless:ListJobRunAttempts"],
            resource_arns=[self.job_run_arns],
        )
        return of_application.combine(of_runs)

    def metric(self, metric_name: str, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """A metric of the application, the sum over 5 minutes unless `options` say otherwise.

        From emr-7.10.0 the application's name is one of the metric's dimensions: an imported application needs its
        name, and its release if that is older.

        Args:
            metric_name: The name, such as `RunningJobs`.
            **options: What `aws_cloudwatch.Metric` takes, such as `statistic` or `period`.

        Source: https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/app-job-metrics.html
        """
        dimensions = {"ApplicationId": self.application_id}
        release: ReleaseLabel | None = getattr(self, "release_label", None)
        if self.application_name is not None and (release is None or (release.version or (8, 0)) >= (7, 10)):
            dimensions["ApplicationName"] = self.application_name
        all_options: MetricOptions = {"statistic": "Sum", "dimensions_map": dimensions, **options}
        return cloudwatch.Metric(namespace="AWS/EMRServerless", metric_name=metric_name, **all_options)

    def metric_submitted_jobs(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Job runs in the state SUBMITTED."""
        return self.metric("SubmittedJobs", **options)

    def metric_running_jobs(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Job runs in the state RUNNING."""
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


@explained
@jsii.implements(ec2.IConnectable)
class Application(_ApplicationBase):
    """An EMR Serverless application: workers of one release, started when a job run needs them.

    When the stack is deleted, the application's active job runs are cancelled and the application is stopped first:
    the service refuses to delete it otherwise.

    Example:
        >>> spark = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-emrserverless-application.html
    """

    @checked
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        release_label: ReleaseLabel,
        application_type: ApplicationType = ApplicationType.SPARK,
        application_name: str | None = None,
        architecture: Architecture = Architecture.X86_64,
        initial_capacity: Mapping[WorkerType, InitialCapacity] | None = None,
        maximum_capacity: MaximumCapacity | None = None,
        auto_start: bool = True,
        auto_stop: bool = True,
        auto_stop_after: Duration | None = None,
        vpc: ec2.IVpc | None = None,
        vpc_subnets: ec2.SubnetSelection | None = None,
        security_groups: Sequence[ec2.ISecurityGroup] | None = None,
        image: Image | None = None,
        worker_images: Mapping[WorkerType, Image] | None = None,
        scheduler: Scheduler | None = None,
        interactive: Interactive | None = None,
        identity_center: IdentityCenter | None = None,
        runtime_configuration: Sequence[Configuration] = (),
        monitoring: Monitoring | None = None,
        encryption: Encryption | None = None,
        removal_policy: RemovalPolicy | None = None,
    ) -> None:
        """Create the application.

        Args:
            scope: The construct that the application is part of.
            construct_id: The id of the application in its scope.
            release_label: The release of Amazon EMR.
            application_type: The engine. Changing it replaces the application.
            application_name: The name, 1 to 64 characters. Default: made from the construct's path. Changing it
                replaces the application.
            architecture: The CPU architecture of the workers.
            initial_capacity: Workers that are kept ready while the application is started. Default: none.
            maximum_capacity: What all workers may have together. Default: the account's quota.
            auto_start: Whether a job run starts the application.
            auto_stop: Whether the application stops when it has no work.
            auto_stop_after: How long it stays started without work, 1 minute to a week. Default: 15 minutes.
            vpc: The network of the workers. Default: one of the service's, with a way to some AWS services of the
                Region and none to the internet.
            vpc_subnets: The subnets in the VPC. Default: private subnets.
            security_groups: The security groups of the workers in the VPC, which may not be open to the world. Default:
                one that allows no traffic in and all traffic out.
            image: A custom image for all workers. Default: the release's.
            worker_images: Custom images by worker. Default: `image`.
            scheduler: How many job runs run at a time. Default: the service's limits.
            interactive: Which interactive endpoints there are. Default: none.
            identity_center: The IAM Identity Center instance whose users' identities jobs carry on. Default: none.
            runtime_configuration: Configuration by classification, for all jobs that do not replace it. Default: none.
            monitoring: Where logs and metrics of job runs go that do not say it themselves; the jobs of this library
                do. Default: the service's, managed logs.
            encryption: Which keys encrypt the logs of `monitoring`. Default: one key that is created for the stack.
            removal_policy: What happens to the application when it leaves the stack. Default: it is deleted.

        Raises:
            ValueError: Arguments that the service would refuse; the text lists all of them.
        """
        super().__init__(scope, construct_id)
        problems = Problems(self.node.path)
        name = application_name
        if name is None:
            name = Names.unique_resource_name(self, max_length=64, separator="-")
        idle_minutes = whole_minutes(problems, "auto_stop_after", auto_stop_after)
        rules.check_release(problems, release_label, application_type)
        rules.check_runtime_configuration(problems, runtime_configuration)
        rules.check_removal_policy(problems, removal_policy)
        rules.check_auto_stop(problems, idle_minutes, auto_stop=auto_stop)
        rules.check_images(problems, release_label, application_type, image, worker_images or {})
        rules.check_interactive(problems, release_label, application_type, interactive)
        rules.check_identity_center(problems, release_label, identity_center)
        check_capacity(problems, initial_capacity, maximum_capacity, application_type, release_label)
        check_encryption(problems, encryption)
        if monitoring is not None:
            check_monitoring(problems, monitoring)
            brought = encryption or Encryption.customer_managed()
            check_brought(problems, stack_of(self), monitoring=monitoring, encryption=brought)
        self._connections = self._new_connections(problems, vpc, vpc_subnets, security_groups)
        self._way_out: IDependable | None = None
        request: dict[str, Any] = {
            "releaseLabel": release_label.name,
            "type": application_type.value,
            "name": name,
            "architecture": architecture.value,
            "autoStartConfiguration": {"enabled": auto_start},
            "autoStopConfiguration": {"enabled": auto_stop}
            | ({"idleTimeoutMinutes": idle_minutes or _DEFAULT_IDLE_MINUTES} if auto_stop else {}),
            "initialCapacity": {
                worker.capacity_key: {
                    "workerCount": initial.worker_count,
                    "workerConfiguration": _worker_configuration(initial.resources),
                }
                for worker, initial in (initial_capacity or {}).items()
            },
            "maximumCapacity": _maximum_capacity(maximum_capacity),
            "networkConfiguration": self._network(problems, vpc, vpc_subnets),
            "imageConfiguration": _image(image),
            "workerTypeSpecifications": {
                worker.value: {"imageConfiguration": _image(own)} for worker, own in (worker_images or {}).items()
            },
            "schedulerConfiguration": present(
                {
                    "maxConcurrentRuns": scheduler and scheduler.max_concurrent_runs,
                    "queueTimeoutMinutes": rules.queue_minutes(problems, release_label, scheduler),
                }
            ),
            "interactiveConfiguration": interactive
            and {
                "livyEndpointEnabled": interactive.livy_endpoint,
                "studioEnabled": interactive.studio,
                "sessionEnabled": interactive.sessions,
            },
            "identityCenterConfiguration": identity_center
            and {"identityCenterInstanceArn": identity_center.instance_arn},
            "runtimeConfiguration": [configuration.render() for configuration in runtime_configuration],
            "monitoringConfiguration": monitoring
            and self._wire(monitoring, encryption or Encryption.customer_managed()),
        }
        request = {member: value for member, value in request.items() if value or value == ""}

        def report(member: str, value: Any, problem: str, remedy: str) -> None:
            # What a rule has noted, it has noted in the user's own words.
            if not problems.mentions(argument := _argument_of(member)):
                problems.add(argument, value, problem, remedy)

        check_against_model(request, operation_shape("CreateApplication"), report)
        check_monitoring_request(request, "monitoringConfiguration", application_type, release_label, report)
        problems.raise_if_any()

        self._name: str = name
        self.release_label = release_label
        self.application_type = application_type
        self.maximum_capacity = maximum_capacity
        self.runtime_configuration: Sequence[Configuration] = tuple(runtime_configuration)
        self.monitoring = monitoring
        """What jobs inherit that do not say it themselves."""
        self._resource = emrserverless.CfnApplication(self, "Resource", **_l1_properties(request))
        if self._way_out is not None:
            # Routes and NAT gateways are there before a run starts, and until the last one ended.
            self._resource.node.add_dependency(self._way_out)
        self._application_id = self._resource.attr_application_id
        self._tags = ApplicationTags(self._resource)
        if removal_policy is not None:
            self._resource.apply_removal_policy(removal_policy)
        for own in [image, *(worker_images or {}).values()]:
            if own is not None:
                allow_pulling(self, own.repository, application_arn(self, "*"))
        # Without tags, which are known later.
        self._definition = request
        self._before_update = self._stop_when_it_has_to_be(removal_policy)
        self.outlives_its_stack = removal_policy in (RemovalPolicy.RETAIN, RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
        """Whether the application stays when its stack is deleted."""

    @property
    def application_id(self) -> str:
        """The application's id, such as `00f1982r1uukb925`."""
        return self._application_id

    def _expect_a_job_run(self) -> None:
        """Say that a job run fails on an application that nobody has started; the CDK says it once."""
        auto_start: bool = self._definition["autoStartConfiguration"]["enabled"]
        if auto_start:
            return
        problems = Problems(self.node.path)
        problems.add(
            "auto_start",
            auto_start,
            "a job run fails on an application that is not started, and no deployment starts it",
            "leave auto_start out, or start the application before each deployment that runs a job on it",
        )
        Annotations.of(self).add_warning_v2("constructs-emrs:auto_start", str(problems))

    def _definition_for(self, scope: Construct) -> str:
        """A string that is another one when the application is stopped because what CloudFormation makes of it changed.

        In the application's own stack it comes from the resource that stops it. Other stacks can't refer to what
        changes: CloudFormation does not let an export change that is in use.
        """
        if Stack.of(scope) is Stack.of(self):
            return self._before_update.get_att_string(contract.STOPPED_BY)
        return cast("str", at_synth(self._hash))

    def _hash(self) -> str:
        definition = [Stack.of(self).resolve(self._definition), self._tags.of_stack()]
        return hashlib.sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest()

    @property
    def application_name(self) -> str:
        """The application's name."""
        return self._name

    @property
    def connections(self) -> ec2.Connections:
        """The network connections of the workers.

        Raises:
            ValueError: The application is not in a VPC.
        """
        if self._connections is None:
            raise ValueError(
                f"{self.node.path}: there are no connections, as the application is in no VPC; give it a vpc"
            )
        return self._connections

    @staticmethod
    @checked
    def from_application_id(scope: Construct, construct_id: str, application_id: str) -> IApplication:
        """An application that exists already, in the account and Region of the stack.

        Nothing stops it when the stack is deleted: it belongs to somebody else.
        """
        return Application.from_application_attributes(scope, construct_id, application_id=application_id)

    @staticmethod
    @checked
    def from_application_arn(scope: Construct, construct_id: str, application_arn: str) -> IApplication:
        """An application that exists already, by its ARN.

        Nothing stops it when the stack is deleted: it belongs to somebody else.
        """
        problems = Problems(f"{scope.node.path}/{construct_id}")
        rules.check_application_arn(problems, scope, application_arn)
        problems.raise_if_any()
        if is_looked_up_later(application_arn):
            return Application.from_application_attributes(scope, construct_id, application_id=application_arn)
        application_id = Stack.of(scope).split_arn(application_arn, ArnFormat.SLASH_RESOURCE_SLASH_RESOURCE_NAME)
        return Application.from_application_attributes(
            scope, construct_id, application_id=cast("str", application_id.resource_name)
        )

    @staticmethod
    @checked
    def from_application_attributes(
        scope: Construct,
        construct_id: str,
        *,
        application_id: str,
        application_name: str | None = None,
        application_type: ApplicationType | None = None,
        release_label: ReleaseLabel | None = None,
    ) -> IApplication:
        """An application that exists already, and what is known about it.

        Args:
            scope: The construct that the import is part of.
            construct_id: The id of the import in its scope.
            application_id: The application's id.
            application_name: Its name. Default: not known; metrics are then without this dimension.
            application_type: Its engine. Default: not known; jobs are then not checked against it.
            release_label: Its release. Default: not known; jobs are then not checked against it.
        """
        problems = Problems(f"{scope.node.path}/{construct_id}")
        shape = operation_shape("StartJobRun").members["applicationId"]
        check_against_model(application_id, shape, problems.add, "application_id")
        problems.raise_if_any()
        imported = _ImportedApplication(
            scope,
            construct_id,
            application_id=application_id,
            application_name=application_name,
            application_type=application_type,
            release_label=release_label,
        )
        return cast("IApplication", imported)

    def _new_connections(
        self,
        problems: Problems,
        vpc: ec2.IVpc | None,
        vpc_subnets: ec2.SubnetSelection | None,
        security_groups: Sequence[ec2.ISecurityGroup] | None,
    ) -> ec2.Connections | None:
        if vpc is None:
            for argument, value in (("vpc_subnets", vpc_subnets), ("security_groups", security_groups)):
                if value is not None:
                    problems.add(argument, value, "it belongs to a VPC", "give vpc too, or leave it out")
            return None
        groups = security_groups or [ec2.SecurityGroup(self, "SecurityGroup", vpc=vpc, allow_all_outbound=True)]
        connections = ec2.Connections(security_groups=list(groups))
        self.node.add_validation(ClosedToTheWorld(self, connections))
        return connections

    def _network(
        self, problems: Problems, vpc: ec2.IVpc | None, vpc_subnets: ec2.SubnetSelection | None
    ) -> dict[str, list[str]] | None:
        if vpc is None or self._connections is None:
            return None
        selection = vpc_subnets or ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS)
        try:
            subnets = vpc.select_subnets(**selection._values)
        except RuntimeError as error:
            # Only the CDK knows what the VPC has.
            problems.add("vpc_subnets", vpc_subnets, _first_line(error), "select subnets that the VPC has")
            return None
        self._way_out = subnets.internet_connectivity_established
        return {
            "subnetIds": list(subnets.subnet_ids),
            "securityGroupIds": [group.security_group_id for group in self._connections.security_groups],
        }

    def _stop_when_it_has_to_be(self, removal_policy: RemovalPolicy | None) -> CustomResource:
        """Have the application stopped before it is updated or deleted: the service refuses both while it is started.

        One resource stands before the application and stops it when CloudFormation is going to change it, one stands
        behind it, tags it, and stops it when it is deleted.
        """
        provider = JobRunProvider.of(self)
        provider.allow_stopping(cast("IApplication", self))
        provider.check_tags(self, lambda: {**self._tags.all(), contract.STACK_TAG: ""})
        before_update = CustomResource(
            self,
            "BeforeUpdate",
            resource_type=contract.APPLICATION_UPDATE_TYPE,
            service_token=provider.service_token,
            properties={
                contract.APPLICATION_LOGICAL_ID: self._resource.logical_id,
                contract.APPLICATION_PROPERTIES: self._definition,
                contract.STACK_TAGS: at_synth(self._tags.of_stack),
            },
        )
        self._resource.node.add_dependency(before_update)
        stop = CustomResource(
            self,
            "Stop",
            resource_type=contract.APPLICATION_STOP_TYPE,
            service_token=provider.service_token,
            properties={
                contract.APPLICATION_ID: self.application_id,
                contract.APPLICATION_TAGS: at_synth(self._tags.all),
                contract.STOPPED_BY: before_update.get_att_string(contract.STOPPED_BY),
            },
            removal_policy=removal_policy,
        )
        stop.node.add_dependency(provider.role)
        return before_update

    def _wire(self, monitoring: Monitoring, encryption: Encryption) -> dict[str, Any]:
        # The application names the keys, so their policies can't name the application.
        permissions = LoggingPermissions(role=None, source_arn=application_arn(self, "*"), application_id=None)
        wiring = wire_monitoring(
            self,
            stack_of(self),
            monitoring=monitoring,
            encryption=encryption,
            permissions=permissions,
            has_own_role=False,
        )
        self._s3_log_key = wiring.s3_log_key
        return wiring.monitoring_configuration


class _ImportedApplication(_ApplicationBase):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        application_id: str,
        application_name: str | None,
        application_type: ApplicationType | None,
        release_label: ReleaseLabel | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._application_id = application_id
        self._application_name = application_name
        self.application_type = application_type
        self.release_label = release_label

    @property
    def application_id(self) -> str:
        return self._application_id

    @property
    def application_name(self) -> str | None:
        return self._application_name


def _worker_configuration(resources: WorkerResources) -> dict[str, str]:
    return present(
        {
            "cpu": f"{in_text(resources.cpu)} vCPU",
            "memory": gigabytes(resources.memory),
            "disk": resources.disk and gigabytes(resources.disk),
            "diskType": resources.disk_type and resources.disk_type.value,
        }
    )


def _maximum_capacity(capacity: MaximumCapacity | None) -> dict[str, str] | None:
    if capacity is None:
        return None
    return present(
        {
            "cpu": f"{in_text(capacity.cpu)} vCPU",
            "memory": gigabytes(capacity.memory),
            "disk": capacity.disk and gigabytes(capacity.disk),
        }
    )


def _image(image: Image | None) -> dict[str, str] | None:
    if image is None:
        return None
    if image.digest is not None:
        return {"imageUri": image.repository.repository_uri_for_digest(image.digest)}
    return {"imageUri": image.repository.repository_uri_for_tag(image.tag or "latest")}


# Where the argument's name is not the member's in snake case.
_ARGUMENTS = {
    "name": "application_name",
    "type": "application_type",
    "autoStopConfiguration.idleTimeoutMinutes": "auto_stop_after",
    "releaseLabel": "release_label",
    "initialCapacity": "initial_capacity",
    "maximumCapacity": "maximum_capacity",
    "imageConfiguration": "image",
    "workerTypeSpecifications": "worker_images",
    "networkConfiguration.subnetIds": "vpc_subnets",
    "networkConfiguration.securityGroupIds": "security_groups",
    "identityCenterConfiguration.identityCenterInstanceArn": "identity_center.instance_arn",
    "runtimeConfiguration": "runtime_configuration",
}


def _first_line(error: RuntimeError) -> str:
    """What an error of the CDK says, without its name and the stack of Node.js."""
    return re.sub(r"^\w+: ", "", str(error).splitlines()[0])


def _argument_of(member: str) -> str:
    if member.startswith("monitoringConfiguration"):
        return argument_of(f"configurationOverrides.{member}")
    for known in sorted(_ARGUMENTS, key=len, reverse=True):
        if member.startswith(known):
            return _ARGUMENTS[known] + member[len(known) :]
    return member


def _l1_properties(request: dict[str, Any]) -> dict[str, Any]:
    """The properties of the L1 construct, which has lists of keys and values where the API has some maps."""
    properties = {_snake_case(member): value for member, value in request.items()}
    if "initial_capacity" in properties:
        properties["initial_capacity"] = _entries(properties["initial_capacity"])
    cloudwatch_logs = properties.get("monitoring_configuration", {}).get("cloudWatchLoggingConfiguration", {})
    if "logTypes" in cloudwatch_logs:
        cloudwatch_logs["logTypeMap"] = _entries(cloudwatch_logs.pop("logTypes"))
    return properties


def _entries(mapping: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": value} for key, value in mapping.items()]


def _snake_case(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
