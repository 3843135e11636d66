"""The custom resource provider of a stack, which all of its job runs and applications share."""

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from aws_cdk import CfnResource, FileAssetPackaging, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct, IConstruct

from ..handler import contract
from ..permissions.acknowledgements import acknowledge_provider
from ..permissions.arns import application_arn, service_principal, stack_id
from ..permissions.policies import Conditions, Permission, Policies
from ..validation.cdk_cache import asked_once, know_place, node_of, path_of, stack_of
from ..validation.made_files import add_file_asset, assets_of
from .asset import handler_asset
from .late_values import text_at_synth
from .state_machine import definition

_ID = "EMRServerlessProvider"
_TIMEOUT_SECONDS = 300

_Statement = Mapping[str, object]


class Provider(Construct):
    """Two Python functions with a state machine between them.

    `Start` takes CloudFormation's request and starts an execution of the state machine, which calls `Step` until the
    request is answered. The CDK's own provider framework would lose what a step knows before the next one, give up when
    a function is killed, and drop the delete that follows a failed create.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        know_place(self, scope, construct_id)
        self._job_runs = 0
        group = logs.LogGroup(
            self, "LogGroup", retention=logs.RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY
        )
        # Each question to the CDK is a round trip to Node.js: what both functions have is asked for once.
        self._code = self._new_code()
        self._logging = lambda_.CfnFunction.LoggingConfigProperty(log_group=group.log_group_name)
        write_logs = _statement("WriteLogs", ["logs:CreateLogStream", "logs:PutLogEvents"], group.log_group_arn)
        # What the functions may do whatever the stack has is in policies that their roles name, so that it is there for
        # as long as the functions are. What jobs and applications add is in policies that name the role, as they name
        # what waits for the functions: an application waits for the one that stops it before it changes.
        clean_up = iam.ManagedPolicy(
            self,
            "RolePolicy",
            description="What the custom resources of EMR Serverless job runs need in every stack",
            document=_document([write_logs, *self._clean_up()]),
        )
        self.role = iam.Role(
            self, "Role", assumed_by=service_principal("lambda.amazonaws.com"), managed_policies=[clean_up]
        )
        self._policies = Policies(self.role, "Policies", is_shared=False, attached=1)
        step = self._new_function(
            "Step",
            contract.STEP,
            "Starts, waits for and cancels EMR Serverless job runs",
            role=self.role,
            environment={contract.JOB_RUN_COUNT: text_at_synth(lambda: str(self._job_runs))},
        )
        state_machine_arn = self._new_state_machine(step.attr_arn).attr_arn
        start_executions = _statement("StartExecutions", ["states:StartExecution"], state_machine_arn)
        self._start = self._new_function(
            "Start",
            contract.START,
            "Takes CloudFormation's requests for EMR Serverless job runs",
            role=_new_role(self, "StartRole", "lambda", [write_logs, start_executions]),
            environment={contract.STATE_MACHINE_ARN: state_machine_arn},
        )
        acknowledge_provider(self)

    @staticmethod
    def of(scope: IConstruct) -> "Provider":
        """The provider of the stack that `scope` is in, made when it is first asked for."""
        return _provider_of(stack_of(scope))

    @functools.cached_property
    def service_token(self) -> str:
        """What the custom resources name as their provider.

        A resource that names it waits for the functions, and through them for the state machine and the roles. What
        needs permissions on jobs and applications waits for `role` too.
        """
        return self._start.attr_arn

    def custom_resource(
        self, scope: Construct, construct_id: str, resource_type: str, properties: Mapping[str, Any]
    ) -> CfnResource:
        """A custom resource of the functions."""
        named = {"ServiceToken": self.service_token, **properties}
        return CfnResource(scope, construct_id, type=resource_type, properties=named)

    def add_job_run(self) -> None:
        """Count one more job run, as all of them share the service's limits of requests."""
        self._job_runs += 1

    def allow(self, asking: IConstruct, permissions: Iterable[Permission]) -> None:
        """Let the functions do what the custom resources of a construct need.

        Args:
            asking: The construct.
            permissions: What they need.

        Raises:
            ValueError: IAM would not let the functions' role have that much.
        """
        try:
            self._policies.allow(permissions)
        except ValueError as error:
            problem = f"the role of the stack's functions would have {error}; put it into another stack"
            raise ValueError(f"{path_of(asking)}: {problem}") from None

    def _new_code(self) -> lambda_.CfnFunction.CodeProperty:
        """The functions' code, as an asset of the stack.

        It is made here, so that the CDK need not copy it; and an `Asset` would make it load all it has for buckets and
        Regions.
        """
        stack = stack_of(self)
        folder = handler_asset(assets_of(stack))
        location = add_file_asset(
            stack,
            folder,
            source_hash=folder.name.removeprefix("asset."),
            packaging=FileAssetPackaging.ZIP_DIRECTORY,
            display_name=f"{_ID}/Code",
        )
        return lambda_.CfnFunction.CodeProperty(s3_bucket=location.bucket_name, s3_key=location.object_key)

    def _clean_up(self) -> list[_Statement]:
        """Let the functions end and tag what this stack started, whatever its template says by then.

        CloudFormation changes the role's policy before it deletes what left the template: permissions that came and
        went with an application or a job would be gone when they are needed. So these do not name any; the tags of
        runs and applications say which are the stack's.
        """
        applications = application_arn(self, "*")
        of_this_stack = {"StringEquals": {f"aws:ResourceTag/{contract.STACK_TAG}": stack_id()}}
        seeing = ("DescribeStackEvents", "DescribeStackResource", "DescribeStacks", "ListStackResources")
        return [
            _statement("SeeThisStack", [f"cloudformation:{action}" for action in seeing], stack_id()),
            *(
                _statement(sid, [f"{contract.SERVICE}:{action}" for action in actions], resource, conditions)
                for sid, actions, resource, conditions in (
                    ("SeeApplications", ["GetApplication", "ListJobRuns"], applications, None),
                    ("SeeJobRuns", ["GetJobRun"], f"{applications}/jobruns/*", None),
                    ("StopApplications", ["StopApplication", "UpdateApplication"], applications, of_this_stack),
                    # `*` stands for what comes after a slash too: these are the tags of job runs as well.
                    ("ChangeTags", ["TagResource", "UntagResource"], applications, of_this_stack),
                    ("CancelJobRuns", ["CancelJobRun"], f"{applications}/jobruns/*", of_this_stack),
                )
            ),
        ]

    def _new_state_machine(self, step_arn: str) -> stepfunctions.CfnStateMachine:
        role = _new_role(
            self, "StateMachineRole", "states", [_statement("CallStep", ["lambda:InvokeFunction"], step_arn)]
        )
        # Its executions are not logged: their input has the job's request and the URL that answers CloudFormation.
        return stepfunctions.CfnStateMachine(
            self,
            "StateMachine",
            role_arn=role.role_arn,
            definition_string=stack_of(self).to_json_string(definition(step_arn)),
        )

    def _new_function(
        self,
        construct_id: str,
        handler: str,
        description: str,
        *,
        role: iam.Role,
        environment: dict[str, str],
    ) -> lambda_.CfnFunction:
        """A function that waits for its role, and not, as the CDK's would, for what is granted to the role later."""
        return lambda_.CfnFunction(
            self,
            construct_id,
            code=self._code,
            handler=handler,
            # Not the newest that the installed CDK knows: an update of the CDK would change the template, to a
            # runtime that is not in every Region yet.
            runtime="python3.13",
            architectures=["arm64"],
            memory_size=256,
            timeout=_TIMEOUT_SECONDS,
            role=role.role_arn,
            logging_config=self._logging,
            description=description,
            environment=lambda_.CfnFunction.EnvironmentProperty(variables=environment),
        )


@asked_once
def _provider_of(stack: Stack) -> Provider:
    existing = node_of(stack).try_find_child(_ID)
    return cast("Provider", existing) if existing else Provider(stack, _ID)


def _statement(
    sid: str, actions: Sequence[str], resource: str, conditions: Conditions | None = None
) -> dict[str, object]:
    condition = {} if conditions is None else {"Condition": conditions}
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource, **condition}


def _document(statements: Sequence[_Statement]) -> iam.PolicyDocument:
    """Handed to the CDK as a whole, as each statement would be a round trip to Node.js."""
    return iam.PolicyDocument.from_json({"Statement": statements})


def _new_role(scope: Construct, construct_id: str, service: str, statements: Sequence[_Statement]) -> iam.Role:
    return iam.Role(
        scope,
        construct_id,
        assumed_by=service_principal(f"{service}.amazonaws.com"),
        inline_policies={"Policy": _document(statements)},
    )
