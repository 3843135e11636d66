"""The custom resource provider that all job runs and applications of a stack share."""

from typing import TYPE_CHECKING, cast

from aws_cdk import Aws, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk.custom_resources import Provider
from constructs import Construct, IConstruct

from ._asset import handler_asset
from ._permissions import application_arn
from ._suppressions import suppress_provider_findings, suppress_runtime_finding
from .handler import contract

if TYPE_CHECKING:
    from .application import IApplication
    from .job import Job

_ID = "EMRServerlessJobRunProvider"
_QUERY_INTERVAL = 5
_TOTAL_TIMEOUT = 3600


class JobRunProvider(Construct):
    """Two Python functions with a role that they share, behind the CDK's provider framework."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        log_group = logs.LogGroup(
            self, "LogGroup", retention=logs.RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY
        )
        self.role = self._new_role("Role", log_group)
        self._allow_cleaning_up()
        on_event, is_complete = (
            lambda_.Function(
                self,
                name,
                code=lambda_.Code.from_asset(handler_asset()),
                handler=handler,
                # Not the newest that the installed CDK knows: an update of the CDK would change the template, to a
                # runtime that is not in every Region yet.
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
            # Two, as the function that starts the state machine can't have the role of those that it calls: its policy
            # names the state machine, which names them, and they wait for the policy of their role.
            framework_on_event_role=self._new_role("OnEventRole", log_group),
            framework_complete_and_timeout_role=self._new_role("WaitRole", log_group),
            # Logged, the state machine's input would keep the request and the URL that answers CloudFormation.
            disable_waiter_state_machine_logging=True,
        )
        for function in (on_event, is_complete):
            suppress_runtime_finding(function)
        suppress_provider_findings(self, self.role)

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

    def _allow_cleaning_up(self) -> None:
        """Let the functions end what this stack started, whatever its template says by then.

        CloudFormation changes the role's policy before it deletes what left the template: permissions that came and
        went with an application or a job would be gone when they are needed. So these do not name any; the tags of
        runs and applications say which are the stack's.
        """
        applications = application_arn(self, "*")
        of_this_stack = {"StringEquals": {f"aws:ResourceTag/{contract.STACK_TAG}": Aws.STACK_ID}}
        for sid, actions, resource, conditions in (
            ("SeeApplications", ["GetApplication", "ListJobRuns"], applications, None),
            ("SeeJobRuns", ["GetJobRun"], f"{applications}/jobruns/*", None),
            ("StopApplications", ["StopApplication"], applications, of_this_stack),
            ("CancelJobRuns", ["CancelJobRun"], f"{applications}/jobruns/*", of_this_stack),
        ):
            self.role.add_to_policy(
                iam.PolicyStatement(
                    sid=sid,
                    actions=[f"{contract.SERVICE}:{action}" for action in actions],
                    resources=[resource],
                    conditions=conditions,
                )
            )

    def allow_stopping(self, application: "IApplication") -> None:
        """Let the functions cancel the application's runs, whoever started them."""
        self._allow(["emr-serverless:CancelJobRun"], application.job_run_arns)

    def allow_running(self, job: "Job") -> None:
        """Let the functions start, wait for and cancel runs of the job, and read the driver's log of a failed one."""
        job.grant_start(self.role)
        self._allow(["emr-serverless:UntagResource"], job.application.job_run_arns)
        job._allow_reading_logs(self.role)

    def _new_role(self, construct_id: str, log_group: logs.ILogGroup) -> iam.Role:
        """A role for functions that may write to the provider's log group and nowhere else."""
        role = iam.Role(self, construct_id, assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        actions = ["logs:CreateLogStream", "logs:PutLogEvents"]
        role.add_to_policy(iam.PolicyStatement(sid="WriteLogs", actions=actions, resources=[log_group.log_group_arn]))
        return role

    def _allow(self, actions: list[str], resource: str) -> None:
        self.role.add_to_principal_policy(iam.PolicyStatement(actions=actions, resources=[resource]))
