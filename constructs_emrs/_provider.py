"""The custom resource provider that all job runs and applications of a stack share."""

from typing import TYPE_CHECKING, cast

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk.custom_resources import Provider
from constructs import Construct, IConstruct

from ._asset import handler_asset
from .handler import contract

if TYPE_CHECKING:
    from .application import IApplication
    from .job import Job

_ID = "EMRServerlessJobRunProvider"
_QUERY_INTERVAL = 5
_TOTAL_TIMEOUT = 3600


class JobRunProvider(Construct):
    """Two Python functions behind the CDK's provider framework, and the role that they share."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        log_group = logs.LogGroup(
            self, "LogGroup", retention=logs.RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY
        )
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(self.role)
        on_event, is_complete = (
            lambda_.Function(
                self,
                name,
                code=lambda_.Code.from_asset(handler_asset()),
                handler=handler,
                runtime=lambda_.Runtime.PYTHON_3_13,
                architecture=lambda_.Architecture.ARM_64,
                memory_size=256,
                timeout=Duration.minutes(14),
                role=self.role,
                log_group=log_group,
                description=description,
            )
            for name, handler, description in (
                ("OnEvent", contract.ON_EVENT, "Starts and cancels EMR Serverless job runs for CloudFormation"),
                ("IsComplete", contract.IS_COMPLETE, "Waits for EMR Serverless job runs for CloudFormation"),
            )
        )
        self._provider = Provider(
            self,
            "Provider",
            on_event_handler=on_event,
            is_complete_handler=is_complete,
            query_interval=Duration.seconds(_QUERY_INTERVAL),
            total_timeout=Duration.seconds(_TOTAL_TIMEOUT),
            log_group=log_group,
            disable_waiter_state_machine_logging=True,
        )

    @staticmethod
    def of(scope: IConstruct) -> "JobRunProvider":
        """The provider of the stack that `scope` is in, made when it is first asked for."""
        stack = Stack.of(scope)
        existing = stack.node.try_find_child(_ID)
        return cast("JobRunProvider", existing) if existing else JobRunProvider(stack, _ID)

    @property
    def service_token(self) -> str:
        """What the custom resources name as their provider."""
        return self._provider.service_token

    def allow_stopping(self, application: "IApplication") -> None:
        """Let the functions cancel the application's runs and stop it."""
        self._allow(["emr-serverless:GetApplication", "emr-serverless:StopApplication"], application.application_arn)
        self._allow(["emr-serverless:ListJobRuns"], application.application_arn)
        self._allow(["emr-serverless:CancelJobRun"], application.job_run_arns)

    def allow_running(self, job: "Job") -> None:
        """Let the functions start, wait for and cancel runs of the job, and read the driver's log of a failed one."""
        job.grant_start(self.role)
        application = job.application
        self._allow(["emr-serverless:ListJobRuns"], application.application_arn)
        self._allow(["emr-serverless:GetJobRun", "emr-serverless:CancelJobRun"], application.job_run_arns)
        self._allow(["emr-serverless:UntagResource"], application.job_run_arns)
        job._allow_reading_logs(self.role)

    def _allow(self, actions: list[str], resource: str) -> None:
        self.role.add_to_principal_policy(iam.PolicyStatement(actions=actions, resources=[resource]))
