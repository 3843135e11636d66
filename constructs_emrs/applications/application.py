"""Where job runs run: the L2 construct of AWS::EMRServerless::Application."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import jsii
from aws_cdk import ArnFormat, CustomResource, Duration, Names, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_emrserverless as emrserverless
from constructs import Construct, IConstruct, IDependable

from ..custom_resources.late_values import at_synth
from ..custom_resources.provider import Provider
from ..handler import contract
from ..monitoring.brought import check_brought
from ..monitoring.encryption import Encryption
from ..monitoring.monitoring import Monitoring
from ..monitoring.rules import check_encryption, check_monitoring
from ..monitoring.wiring import Wirer
from ..permissions.arns import application_arn
from ..permissions.execution_role import LoggingPermissions
from ..permissions.resource_policies import allow_pulling
from ..permissions.submitter import cancelling
from ..validation.argument_names import explained
from ..validation.argument_types import checked
from ..validation.cdk_cache import know_place, path_of, stack_of
from ..validation.json_types import without_none
from ..validation.late_checks import check_tags
from ..validation.method_names import ConstructNamesMethods
from ..validation.model import check_against_model
from ..validation.problems import Problems
from ..validation.shapes import operation_shape
from ..validation.tokens import is_looked_up_later
from ..validation.units import whole_minutes
from . import _rules as rules
from ._network_rules import ClosedToTheWorld
from ._tags import ApplicationTags
from .capacity import InitialCapacity, MaximumCapacity, WorkerType
from .configuration import Configuration
from .engine_rules import check_monitoring_request
from .interface import ApplicationBase, IApplication, ImportedApplication
from .release_label import ReleaseLabel
from .request import (
    argument_of_member,
    configurations,
    image_configuration,
    l1_properties,
    maximum_capacity_configuration,
    worker_configuration,
)
from .settings import ApplicationType, Architecture, IdentityCenter, Image, Interactive, Scheduler

_DEFAULT_IDLE_MINUTES = 15


@explained
@jsii.implements(ec2.IConnectable)
class Application(ApplicationBase, metaclass=ConstructNamesMethods):
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
        job_level_cost_allocation: bool | None = None,
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
            job_level_cost_allocation: Whether Cost Explorer and cost and usage reports show what each job run costs, by
                its tags. CloudFormation has no property for it: a custom resource sets it, and takes back what it has
                set. The application is stopped when it changes. Default: as it is; that is not, until somebody sets it.
            removal_policy: What happens to the application when it leaves the stack. Default: it is deleted.

        Raises:
            ValueError: Arguments are not valid; the text lists all that is wrong.
        """
        super().__init__(scope, construct_id)
        know_place(self, scope, construct_id)
        problems = Problems(path_of(self))
        name = _unique_name(self) if application_name is None else application_name
        idle_minutes = whole_minutes(problems, "auto_stop_after", auto_stop_after)
        rules.check_release(problems, release_label, application_type)
        rules.check_runtime_configuration(problems, runtime_configuration)
        rules.check_removal_policy(problems, removal_policy)
        rules.check_auto_stop(problems, idle_minutes, auto_stop=auto_stop)
        images: list[tuple[WorkerType | None, Image | None]] = [(None, image), *(worker_images or {}).items()]
        rules.check_images(problems, stack_of(self), release_label, application_type, images)
        rules.check_interactive(problems, release_label, application_type, interactive)
        rules.check_identity_center(problems, release_label, identity_center)
        rules.check_capacity(problems, initial_capacity, maximum_capacity, application_type, release_label)
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
                    "workerConfiguration": worker_configuration(initial.resources),
                }
                for worker, initial in (initial_capacity or {}).items()
            },
            "maximumCapacity": maximum_capacity_configuration(maximum_capacity),
            "networkConfiguration": self._network(problems, vpc, vpc_subnets),
            "imageConfiguration": image_configuration(image),
            "workerTypeSpecifications": {
                worker.value: {"imageConfiguration": image_configuration(own)}
                for worker, own in (worker_images or {}).items()
            },
            "schedulerConfiguration": without_none(
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
            "runtimeConfiguration": configurations(runtime_configuration),
            "monitoringConfiguration": monitoring
            and self._wire(monitoring, encryption or Encryption.customer_managed()),
        }
        request = {member: value for member, value in request.items() if value or value == ""}

        def report(member: str, value: Any, problem: str, remedy: str) -> None:
            # What a rule has noted, it has noted in the user's own words.
            if not problems.mentions(argument := argument_of_member(member)):
                problems.add(argument, value, problem, remedy)

        check_against_model(request, operation_shape("CreateApplication"), report)
        check_monitoring_request(request, "monitoringConfiguration", application_type, release_label, report)
        problems.raise_if_any()

        self._name: str = name
        self.release_label: ReleaseLabel = release_label
        self.architecture: Architecture = architecture
        self.application_type: ApplicationType = application_type
        self.initial_capacity, self.maximum_capacity = dict(initial_capacity or {}), maximum_capacity
        self.runtime_configuration: Sequence[Configuration] = tuple(runtime_configuration)
        self.monitoring = monitoring
        self.auto_start: bool = auto_start
        self._resource = emrserverless.CfnApplication(self, "Resource", **l1_properties(request))
        if self._way_out is not None:
            # Routes and NAT gateways are there before a run starts, and until the last one ended.
            self._resource.node.add_dependency(self._way_out)
        self._application_id = self._resource.attr_application_id
        self._tags = ApplicationTags(self._resource)
        if removal_policy is not None:
            self._resource.apply_removal_policy(removal_policy)
        for _, own in images:
            if own is not None:
                allow_pulling(self, own.repository, application_arn(self, "*"))
        # Without tags, which are known later.
        self._definition = without_none({**request, "jobLevelCostAllocation": job_level_cost_allocation})
        self._before_update, self._stop = self._stop_when_it_has_to_be(removal_policy, costs=job_level_cost_allocation)
        self.outlives_its_stack = removal_policy in (RemovalPolicy.RETAIN, RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)

    @property
    def application_id(self) -> str:
        """The application's id, such as `00f1982r1uukb925`."""
        return self._application_id

    def definition_for(self, scope: IConstruct) -> str:
        """A string that changes with each update that stops the application.

        In the application's own stack it comes from the resource that stops it. Other stacks can't refer to what
        changes: CloudFormation does not let an export change that is in use.
        """
        if stack_of(scope) is stack_of(self):
            return self._before_update.get_att_string(contract.STOPPED_BY)
        return cast("str", at_synth(self._hash))

    def ready_for(self, run: IConstruct) -> Sequence[IConstruct]:
        """What a run of a deployment waits for, and is waited for by: the application, and what the run is made by.

        Args:
            run: The run, whose functions are those of its stack.
        """
        # The resource that stops the application waits for all of that.
        return [self._stop] if stack_of(run) is stack_of(self) else [self._stop, *super().ready_for(run)]

    def _hash(self) -> str:
        definition = stack_of(self).resolve([self._definition, self._tags.of_stack()])
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

        It is not stopped when the stack is deleted: it is not part of the stack.
        """
        return Application.from_application_attributes(scope, construct_id, application_id=application_id)

    @staticmethod
    @checked
    def from_application_arn(scope: Construct, construct_id: str, application_arn: str) -> IApplication:
        """An application that exists already, by its ARN.

        It is not stopped when the stack is deleted: it is not part of the stack.
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
        architecture: Architecture | None = None,
    ) -> IApplication:
        """An application that exists already, and what is known about it.

        Args:
            scope: The construct that the import is part of.
            construct_id: The id of the import in its scope.
            application_id: The application's id.
            application_name: Its name. Default: not known; metrics are then without this dimension.
            application_type: Its engine. Default: not known; jobs are then not checked against it.
            release_label: Its release. Default: not known; jobs are then not checked against it.
            architecture: The CPU architecture of its workers. Default: not known; `PythonDependencies` need it.
        """
        problems = Problems(f"{scope.node.path}/{construct_id}")
        shape = operation_shape("StartJobRun").members["applicationId"]
        check_against_model(application_id, shape, problems.add, "application_id")
        problems.raise_if_any()
        return ImportedApplication(
            scope,
            construct_id,
            application_id=application_id,
            application_name=application_name,
            application_type=application_type,
            release_label=release_label,
            architecture=architecture,
        )

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

    def _stop_when_it_has_to_be(
        self, removal_policy: RemovalPolicy | None, *, costs: bool | None
    ) -> tuple[CustomResource, CustomResource]:
        """Have the application stopped before it is updated or deleted: the service refuses both while it is started.

        One resource stands before the application and stops it when CloudFormation is going to change it, one stands
        behind it, tags it, sets what CloudFormation has no property for, and stops it when it is deleted.
        """
        provider = Provider.of(self)
        provider.allow(self, cancelling(self.application_arn))
        check_tags(self, lambda: {**self._tags.all(), contract.STACK_TAG: ""})
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
        costs_set = {} if costs is None else {contract.JOB_LEVEL_COST_ALLOCATION: str(costs).lower()}
        stop = CustomResource(
            self,
            "Stop",
            resource_type=contract.APPLICATION_STOP_TYPE,
            service_token=provider.service_token,
            properties={
                contract.APPLICATION_ID: self.application_id,
                contract.APPLICATION_TAGS: at_synth(self._tags.all),
                contract.STOPPED_BY: before_update.get_att_string(contract.STOPPED_BY),
                **costs_set,
            },
            removal_policy=removal_policy,
        )
        # The rules of security groups are resources of their own.
        groups = self._connections.security_groups if self._connections is not None else []
        stop.node.add_dependency(provider.role, *groups)
        return before_update, stop

    def _wire(self, monitoring: Monitoring, encryption: Encryption) -> dict[str, Any]:
        # The application names the keys, so their policies can't name the application.
        permissions = LoggingPermissions(role=None, source_arn=application_arn(self, "*"), application_id=None)
        wiring = Wirer(self, encryption, permissions, has_own_role=False).wire(monitoring)
        self.s3_logs_key = wiring.s3_logs_key
        return wiring.monitoring_configuration


def _unique_name(application: Construct) -> str:
    return Names.unique_resource_name(application, max_length=64, separator="-")


def _first_line(error: RuntimeError) -> str:
    """What an error of the CDK says, without its name and the stack of Node.js."""
    return re.sub(r"^\w+: ", "", str(error).splitlines()[0])
