"""When to run a job: as a state of the user's own state machine."""

from collections.abc import Mapping, Sequence
from typing import Any

import jsii
from aws_cdk import Duration, Stack, Token
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct, IValidation

from ..custom_resources.late_values import at_synth
from ..permissions.arns import managed_rule_arn
from ..permissions.policies import Permission
from ..permissions.submitter import waiting
from ..validation.argument_names import explained
from ..validation.argument_types import checked
from ..validation.cdk_cache import child_path
from ..validation.problems import Problems, refuse
from ..validation.shapes import operation_shape
from . import _task_parameters as parameters
from .interface import IJob, JobMode

_JSON_PATH = sfn.QueryLanguage.JSON_PATH
_OPTIMIZED = "emr-serverless:startJobRun"
_RESOURCES = {
    sfn.IntegrationPattern.RUN_JOB: f"{_OPTIMIZED}.sync",
    sfn.IntegrationPattern.REQUEST_RESPONSE: _OPTIMIZED,
    sfn.IntegrationPattern.WAIT_FOR_TASK_TOKEN: "aws-sdk:emrserverless:startJobRun.waitForTaskToken",
}
# Only for `aws-sdk` it is documented how the names of the service's errors begin.
# https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
_TRY_AGAIN = [
    f"{prefix}.{name}"
    for prefix in ("EMRServerless", "EmrServerless")
    for name in ("ThrottlingException", "InternalServerException", "SdkClientException")
]
# After these a run has failed, or may go on: what is tried again is another run.
_OF_A_RUN = {"States.ALL", "States.TaskFailed", "States.Timeout", "States.HeartbeatTimeout"}


@explained
class EmrServerlessStartJobRun(tasks.CallAwsService):
    """A state that runs a job on EMR Serverless, and waits for it unless `integration_pattern` says otherwise.

    The state machine's role may do what the job's `grant_start` allows and, to wait, what AWS's page lists. A run that
    is waited for is cancelled when the execution is stopped. The state's result is the job run as GetJobRun describes
    it, with member names that begin with capitals, such as `$.JobRunId`; without waiting, the answer of StartJobRun.

    One entry into the state starts one run, however often it is tried: the client token is made from the execution, the
    state and the time of its entry, and the arguments. So a retry of `EMRServerless.ThrottlingException` and of errors
    of the service, which is there by default, can't start a second run. A retry of `States.ALL`, `States.TaskFailed` or
    `States.Timeout` starts a new run each time; should the answer of StartJobRun be lost, one attempt may then have
    two. To try a job again when it fails, the job's own `retry_policy` is the better way.

    The iterations of a Map state that enter the state in one millisecond with the same arguments start one run: give
    such a state a `client_token` with `$$.Map.Item.Index` in it.

    Example:
        >>> state = EmrServerlessStartJobRun(stack, "Run", job=etl,
        ...                                  arguments=["--day", sfn.JsonPath.string_at("$.day")])
        >>> machine = sfn.StateMachine(stack, "Daily", definition_body=sfn.DefinitionBody.from_chainable(state))

    Source: https://docs.aws.amazon.com/step-functions/latest/dg/connect-emr-serverless.html
    """

    @checked
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        job: IJob,
        arguments: Sequence[str] | str | None = None,
        job_run_name: str | None = None,
        client_token: str | None = None,
        integration_pattern: sfn.IntegrationPattern = sfn.IntegrationPattern.RUN_JOB,
        retry_on_service_exceptions: bool = True,
        query_language: sfn.QueryLanguage | None = None,
        task_timeout: sfn.Timeout | None = None,
        heartbeat_timeout: sfn.Timeout | None = None,
        credentials: sfn.Credentials | None = None,
        comment: str | None = None,
        state_name: str | None = None,
        input_path: str | None = None,
        result_selector: Mapping[str, object] | None = None,
        result_path: str | None = None,
        output_path: str | None = None,
        outputs: object = None,
        assign: Mapping[str, object] | None = None,
    ) -> None:
        """Create the state.

        Args:
            scope: The construct that the state is part of.
            construct_id: The id of the state in its scope, and its name unless there is a `state_name`.
            job: What to run.
            arguments: The arguments of a Spark job's entry point instead of the job's own: a list of texts, each of
                which may be `JsonPath.string_at(…)` as a whole, or a list of the state's input,
                `JsonPath.list_at(…)`. With JSONata, texts may be expressions, `{% … %}`, and so may the whole.
                `JsonPath.task_token` is one of them where the state waits for the token.
            job_run_name: The name of the runs, 1 to 256 characters; it may be a `JsonPath` or an expression, such as
                `JsonPath.format("etl-{}", JsonPath.execution_name)`. Default: the job's.
            client_token: What makes StartJobRun's calls one run, 1 to 64 letters, digits, `.`, `_` and `-`; it may be a
                `JsonPath` or an expression. Default: made as above.
            integration_pattern: RUN_JOB waits for the end of the run, and fails the state when the run does not
                succeed; REQUEST_RESPONSE goes on when the run is started; WAIT_FOR_TASK_TOKEN waits until the job
                calls SendTaskSuccess or SendTaskFailure with the token among its arguments, for which it needs
                permission on the state machine.
            retry_on_service_exceptions: Whether throttling and errors of the service are tried again.
            query_language: How expressions are written. Default: the state machine's, JSONPath by default.
            task_timeout: How long the state may take. AWS does not promise that the run is cancelled then: give the
                job an `execution_timeout` too. Default: until the run ends.
            heartbeat_timeout: The time between heartbeats of a job that has the token. Default: none.
            credentials: A role that the state's calls are made with, in place of the state machine's. Default: none.
            comment: A description. Default: none.
            state_name: The state's name. Default: the construct id.
            input_path: Which part of the input the state gets. JSONPath only. Default: all.
            result_selector: What of the result is kept. JSONPath only. Default: all.
            result_path: Where the result goes in the state's output. JSONPath only. Default: it is the output.
            output_path: Which part of the output goes on. JSONPath only. Default: all.
            outputs: The output, with expressions. JSONata only. Default: the result.
            assign: Variables to be set. Default: none.

        Raises:
            ValueError: Arguments are not valid; the text lists all that is wrong.
        """
        problems = Problems(child_path(scope, construct_id))
        definition = job.definition
        parameters.check_arguments(problems, definition.request, arguments)
        members = operation_shape("StartJobRun").members
        for argument, value, member in (
            ("job_run_name", job_run_name, "name"),
            ("client_token", client_token, "clientToken"),
        ):
            if value is not None:
                parameters.check_text(problems, argument, value, members[member])
        is_callback = integration_pattern is sfn.IntegrationPattern.WAIT_FOR_TASK_TOKEN
        if is_callback and not parameters.has_task_token(arguments):
            problems.add(
                "arguments",
                arguments,
                "nothing tells the job the token that the state waits for",
                "put sfn.JsonPath.task_token, or {% $states.context.Task.Token %}, among them",
            )
        if heartbeat_timeout is not None and not is_callback:
            remedy = "use sfn.IntegrationPattern.WAIT_FOR_TASK_TOKEN, or leave it out"
            problems.add("heartbeat_timeout", heartbeat_timeout, "nothing sends heartbeats to this state", remedy)
        problems.raise_if_any()
        permissions = list(definition.starting)
        if integration_pattern is sfn.IntegrationPattern.RUN_JOB:
            rule = managed_rule_arn(scope, "StepFunctionsGetEventsForEMRServerlessJobRule")
            permissions += waiting(job.application.application_arn, rule)
        first, *others = map(_statement, permissions)
        super().__init__(
            scope,
            construct_id,
            service="emrserverless",
            action="startJobRun",
            iam_action=first.actions[0],
            iam_resources=first.resources,
            additional_iam_statements=others,
            # The CDK looks for the token here; what is sent is known when the app is synthesised.
            parameters={"Token": parameters.task_token(query_language or _JSON_PATH)} if is_callback else None,
            integration_pattern=integration_pattern if is_callback else sfn.IntegrationPattern.REQUEST_RESPONSE,
            query_language=query_language,
            task_timeout=task_timeout,
            heartbeat_timeout=heartbeat_timeout,
            credentials=credentials,
            comment=comment,
            state_name=state_name,
            input_path=input_path,
            result_selector=result_selector,
            result_path=result_path,
            output_path=output_path,
            outputs=outputs,
            assign=assign,
        )
        self._job = job
        self._entry_point_arguments = arguments
        self._job_run_name = job_run_name
        self._client_token = client_token
        self._pattern = integration_pattern
        self._language = query_language
        self._starts_anew = False
        if retry_on_service_exceptions:
            self.add_retry(
                errors=_TRY_AGAIN,
                interval=Duration.seconds(2),
                max_attempts=10,
                backoff_rate=2,
                max_delay=Duration.minutes(1),
                jitter_strategy=sfn.JitterType.FULL,
            )
        if integration_pattern is sfn.IntegrationPattern.RUN_JOB:
            self.node.add_validation(_NotInExpress(self, state_name or construct_id))

    def add_retry(
        self,
        *,
        backoff_rate: float | None = None,
        errors: Sequence[str] | None = None,
        interval: Duration | None = None,
        jitter_strategy: sfn.JitterType | None = None,
        max_attempts: float | None = None,
        max_delay: Duration | None = None,
    ) -> tasks.CallAwsService:
        """Try the state again when it ends with an error; see above for what that means for the job's runs.

        Args:
            backoff_rate: By how much each wait is longer than the last. Default: 2.
            errors: The errors, such as `States.TaskFailed`. Default: all.
            interval: The first wait. Default: a second.
            jitter_strategy: Whether waits are random. Default: they are not.
            max_attempts: How often at most. Default: 3.
            max_delay: The longest wait. Default: no limit.
        """
        if errors is None or _OF_A_RUN & set(errors):
            self._starts_anew = True
        super().add_retry(
            backoff_rate=backoff_rate,
            errors=errors,
            interval=interval,
            jitter_strategy=jitter_strategy,
            max_attempts=max_attempts,
            max_delay=max_delay,
        )
        return self

    def to_state_json(self, top_level_query_language: sfn.QueryLanguage | None = None) -> Mapping[str, object]:
        """The state in Amazon States Language; what it sends is known when the app is synthesised."""
        state = dict(super().to_state_json(top_level_query_language))
        state["Resource"] = f"arn:{Stack.of(self).partition}:states:::{_RESOURCES[self._pattern]}"
        language = self._language or top_level_query_language or _JSON_PATH
        made = parameters.Made(language, self._entry_point_arguments, tries=self._starts_anew)
        state.pop("Parameters", None)
        state.pop("Arguments", None)
        # The CDK writes a state machine's definition as soon as it is made: overrides may be added to the job after it.
        # As a text, as jsii does not take an object of the CDK inside of what a method of Python returns.
        late = at_synth(lambda: made.parameters(self._request(), self._client_token))
        state[made.member] = Token.as_string(late)
        return state

    def _request(self) -> dict[str, Any]:
        definition = self._job.definition
        request = {**definition.request, "tags": dict(definition.tags) or None}
        # Which members Step Functions knows is not documented; what is the default has not to be said.
        if request.get("mode") == JobMode.BATCH.value:
            del request["mode"]
        if self._job_run_name is not None:
            request["name"] = self._job_run_name
        return request


def _statement(permission: Permission) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        actions=list(permission.actions), resources=list(permission.resources), conditions=permission.conditions
    )


@jsii.implements(IValidation)
class _NotInExpress:
    """An express state machine does not wait for jobs, which the CDK lets pass."""

    def __init__(self, state: Construct, name: str) -> None:
        self._state = state
        self._name = name

    def validate(self) -> list[str]:
        """Put an error on the state, which the CDK CLI prints and stops at."""
        for construct in self._state.node.root.node.find_all():
            if isinstance(construct, sfn.CfnStateMachine) and construct.state_machine_type == "EXPRESS":
                definition = str(Stack.of(construct).resolve(construct.definition_string))
                if f'"{self._name}\\":' in definition or f'"{self._name}":' in definition:
                    refuse(
                        self._state,
                        "integration_pattern",
                        sfn.IntegrationPattern.RUN_JOB,
                        f"{construct.node.path} is an express state machine, which does not wait for jobs",
                        "use a standard state machine, or sfn.IntegrationPattern.REQUEST_RESPONSE",
                    )
        return []
