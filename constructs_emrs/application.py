"""Where job runs run: the L2 construct of AWS::EMRServerless::Application."""

from abc import abstractmethod
from enum import Enum
from typing import Protocol, cast

from aws_cdk import ArnFormat, CustomResource, Duration, IResource, Names, Resource, Stack
from aws_cdk import aws_emrserverless as emrserverless
from constructs import Construct

from ._provider import JobRunProvider
from .handler import contract
from .release_label import ReleaseLabel


class ApplicationType(Enum):
    """The engine of an application."""

    SPARK = "Spark"
    """Apache Spark."""
    HIVE = "Hive"
    """Apache Hive on Tez."""


class Architecture(Enum):
    """The CPU architecture of an application's workers."""

    X86_64 = "X86_64"
    """x86, the default of the service."""
    ARM64 = "ARM64"
    """AWS Graviton."""


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


class _ApplicationBase(Resource):
    """What an application has whether it was created here or imported."""

    @property
    @abstractmethod
    def application_id(self) -> str:
        """The application's id, such as `00f1982r1uukb925`."""

    @property
    def application_arn(self) -> str:
        """The application's ARN."""
        return Stack.of(self).format_arn(
            service=contract.SERVICE,
            resource="",
            resource_name=f"applications/{self.application_id}",
            arn_format=ArnFormat.SLASH_RESOURCE_NAME,
        )

    @property
    def job_run_arns(self) -> str:
        """The pattern that matches the ARNs of all the application's job runs."""
        return f"{self.application_arn}/jobruns/*"


class Application(_ApplicationBase):
    """An EMR Serverless application: workers of one release, started when a job run needs them.

    When the stack is deleted, the application's active job runs are cancelled and the application is stopped first:
    the service refuses to delete it otherwise.

    Example:
        >>> spark = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-emrserverless-application.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        release_label: ReleaseLabel,
        application_type: ApplicationType = ApplicationType.SPARK,
        application_name: str | None = None,
        architecture: Architecture = Architecture.X86_64,
        auto_start: bool = True,
        auto_stop_after: Duration | None = None,
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
            auto_start: Whether a job run starts the application.
            auto_stop_after: How long the application stays started without work, in whole minutes. Default: 15
                minutes.
        """
        super().__init__(scope, construct_id)
        name = application_name or Names.unique_resource_name(self, max_length=64, separator="-")
        idle_minutes = (auto_stop_after or Duration.minutes(15)).to_minutes()
        self._resource = emrserverless.CfnApplication(
            self,
            "Resource",
            release_label=release_label.name,
            type=application_type.value,
            name=name,
            architecture=architecture.value,
            auto_start_configuration=emrserverless.CfnApplication.AutoStartConfigurationProperty(enabled=auto_start),
            auto_stop_configuration=emrserverless.CfnApplication.AutoStopConfigurationProperty(
                enabled=True, idle_timeout_minutes=idle_minutes
            ),
        )
        self.application_name: str = name
        self.release_label = release_label
        self.application_type = application_type
        provider = JobRunProvider.of(self)
        provider.allow_stopping(self)
        CustomResource(
            self,
            "Stop",
            resource_type=contract.APPLICATION_STOP_TYPE,
            service_token=provider.service_token,
            properties={contract.APPLICATION_ID: self.application_id},
        )

    @property
    def application_id(self) -> str:
        """The application's id, such as `00f1982r1uukb925`."""
        return self._resource.attr_application_id

    @classmethod
    def from_application_id(cls, scope: Construct, construct_id: str, application_id: str) -> IApplication:
        """An application that exists already, in the account and Region of the stack.

        Nothing stops it when the stack is deleted: it belongs to somebody else.
        """
        return cast("IApplication", _ImportedApplication(scope, construct_id, application_id))


class _ImportedApplication(_ApplicationBase):
    def __init__(self, scope: Construct, construct_id: str, application_id: str) -> None:
        super().__init__(scope, construct_id)
        self._application_id = application_id

    @property
    def application_id(self) -> str:
        return self._application_id
