"""What Step Functions does that ministack does not."""

from __future__ import annotations

import contextvars
import json
import random
import re
from typing import Any

from emrs_local.ministack.executions import end_executions_once
from emrs_local.ministack.iam import role_may

MOST_DATA_BYTES = 262_144
_TOO_LONG = f"Member must have length less than or equal to {MOST_DATA_BYTES}"
_LONGEST_DELAY_SECONDS = 60  # ministack's own limit
_DEFAULT_INTERVAL_SECONDS = 1
_DEFAULT_BACKOFF_RATE = 2.0
_RESERVED = re.compile(r"\\(['{}\\])")

# The service of the task that is being done, as its resource names it.
_called: contextvars.ContextVar[str] = contextvars.ContextVar("called_service", default="")
_execution: contextvars.ContextVar[dict[str, Any] | None] = contextvars.ContextVar("execution", default=None)
_role_arn: contextvars.ContextVar[str] = contextvars.ContextVar("state_machine_role", default="")


def correct_state_machines() -> None:
    """Correct ministack's Step Functions."""
    _answer_a_repeated_start()
    _limit_data()
    _invoke_with_the_role()
    _call_services_with_the_role()
    _delay_retries_as_told()
    _refuse_to_wait_for_what_is_no_number()
    end_executions_once()
    _end_tries_with_the_execution()
    _complete_the_context()
    _read_reserved_characters()


def _answer_a_repeated_start() -> None:
    """Let StartExecution be repeated while the execution of that name and input runs (StartExecution is idempotent).

    ministack 1.5.33 refuses it always; after the execution has ended, or with another input, Step Functions does too.
    """
    from ministack.core.responses import get_account_id, get_region, json_response
    from ministack.services import stepfunctions

    original = stepfunctions._start_execution

    def start(request: dict[str, Any]) -> Any:
        machine = stepfunctions._state_machines.get(request.get("stateMachineArn", ""))
        if machine and request.get("name"):
            arn = f"arn:aws:states:{get_region()}:{get_account_id()}:execution:{machine['name']}:{request['name']}"
            running = stepfunctions._executions.get(arn)
            if running and running["status"] == "RUNNING" and running["input"] == request.get("input", "{}"):
                return json_response({"executionArn": arn, "startDate": running["startDate"]})
        return original(request)

    stepfunctions._start_execution = start


def _limit_data() -> None:
    """Refuse input, and fail an execution on output, that is larger than Step Functions takes.

    https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html; ministack 1.5.33 takes any size.
    """
    from ministack.core.responses import error_response_json
    from ministack.services import stepfunctions

    original_start, original_call = stepfunctions._start_execution, stepfunctions._call_lambda

    def start(request: dict[str, Any]) -> Any:
        if len(request.get("input", "").encode()) > MOST_DATA_BYTES:
            message = f"1 validation error detected: Value at 'input' failed to satisfy constraint: {_TOO_LONG}"
            return error_response_json("ValidationException", message, 400)
        return original_start(request)

    def call(function: str, event: Any) -> Any:
        output = original_call(function, event)
        if len(json.dumps(output, ensure_ascii=False).encode()) > MOST_DATA_BYTES:
            cause = f"The state/task '{function}' returned a result with a size exceeding the maximum number of bytes"
            raise stepfunctions._ExecutionError("States.DataLimitExceeded", cause)
        return output

    original_matches = stepfunctions._error_matches

    def matches(names: list[str], error: str) -> bool:
        # "States.ALL … can't catch the States.DataLimitExceeded terminal error."
        return (error != "States.DataLimitExceeded" or error in names) and bool(original_matches(names, error))

    stepfunctions._start_execution, stepfunctions._call_lambda = start, call
    stepfunctions._error_matches = matches


def _invoke_with_the_role() -> None:
    """Invoke functions with the permissions of the state machine's role; ministack 1.5.33 asks for none."""
    from ministack.services import lambda_svc, stepfunctions

    original_run, original_call = stepfunctions._run_execution, stepfunctions._call_lambda

    def run(execution_arn: str) -> None:
        execution = stepfunctions._executions.get(execution_arn) or {}
        machine = stepfunctions._state_machines.get(execution.get("stateMachineArn", "")) or {}
        _role_arn.set(machine.get("roleArn", ""))
        original_run(execution_arn)

    def call(function: str, event: Any) -> Any:
        role_arn = _role_arn.get()
        _, configuration, _ = lambda_svc._get_func_record_for_ref(function)
        resource = function if function.startswith("arn:") else (configuration or {}).get("FunctionArn", function)
        if role_arn and not role_may(role_arn, "lambda:InvokeFunction", resource):
            role = role_arn.rsplit("/", 1)[-1]
            raise stepfunctions._ExecutionError(
                "Lambda.AWSLambdaException",
                f"User: arn:aws:sts::{role_arn.split(':')[4]}:assumed-role/{role} is not authorized to perform: "
                f"lambda:InvokeFunction on resource: {resource} because no identity-based policy allows the "
                "lambda:InvokeFunction action (Service: AWSLambda; Status Code: 403; "
                "Error Code: AccessDeniedException)",
            )
        return original_call(function, event)

    stepfunctions._run_execution, stepfunctions._call_lambda = run, call


def _call_services_with_the_role() -> None:
    """Call what `aws-sdk:…` names with the permissions of the state machine's role; ministack 1.5.33 asks for none.

    EMR Serverless is called with a session of the role, and asks by itself. Where ministack can't say which resource is
    meant, nothing is refused.
    """
    from ministack import app
    from ministack.core import iam_actions
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import stepfunctions

    original_sdk, original_call = stepfunctions._invoke_aws_sdk_integration, app.call_service_handler_sync

    def sdk(resource: str, parameters: Any) -> Any:
        called = _called.set(resource.split(":")[6])
        try:
            return original_sdk(resource, parameters)
        finally:
            _called.reset(called)

    def call(  # noqa: PLR0917 - the signature is ministack's
        handler: Any, method: str, path: str, headers: Any, body: Any, query: Any, timeout: float | None = None
    ) -> Any:
        role_arn, service = _role_arn.get(), _called.get()
        if role_arn and service:
            (key,) = {key for key, known in app.SERVICE_HANDLERS.items() if known is handler} or {service}
            sent = body.encode() if isinstance(body, str) else body
            request = (key, method, path, headers, sent, app._routing_params(method, path, headers, sent, query))
            action = iam_actions.extract_iam_action(*request)
            on = iam_actions.extract_resource_arn(*request, get_region(), get_account_id())
            if action and on != "*" and not role_may(role_arn, action, on):
                role = role_arn.rsplit("/", 1)[-1]
                raise stepfunctions._ExecutionError(
                    stepfunctions._prefix_sdk_error(service, "AccessDeniedException"),
                    f"User: arn:aws:sts::{role_arn.split(':')[4]}:assumed-role/{role} is not authorized to perform: "
                    f"{action} on resource: {on}",
                )
        return original_call(handler, method, path, headers, body, query, timeout)

    stepfunctions._invoke_aws_sdk_integration, app.call_service_handler_sync = sdk, call


def _delay_retries_as_told() -> None:
    """Heed MaxDelaySeconds and JitterStrategy, and delays of more than a minute; ministack 1.5.33 knows none of them.

    It computes the delay from the retrier that this finds, with IntervalSeconds and BackoffRate.
    """
    from ministack.services import stepfunctions

    original = stepfunctions._find_matching_retrier

    def find(retriers: list[dict[str, Any]], error: str, counts: dict[int, int]) -> Any:
        retrier, index = original(retriers, error, counts)
        if retrier is None:
            return retrier, index
        seconds = retry_delay(retrier, counts.get(index, 0))
        if seconds > _LONGEST_DELAY_SECONDS:
            stepfunctions._scaled_sleep(seconds - _LONGEST_DELAY_SECONDS)
            seconds = _LONGEST_DELAY_SECONDS
        return {**retrier, "IntervalSeconds": seconds, "BackoffRate": 1}, index

    stepfunctions._find_matching_retrier = find


def retry_delay(retrier: dict[str, Any], retries: int) -> float:
    """How long to wait before the next try."""
    interval = float(retrier.get("IntervalSeconds", _DEFAULT_INTERVAL_SECONDS))
    delay = interval * float(retrier.get("BackoffRate", _DEFAULT_BACKOFF_RATE)) ** retries
    delay = min(delay, float(retrier.get("MaxDelaySeconds", delay)))
    if retrier.get("JitterStrategy") == "FULL":
        return random.uniform(0, delay)  # noqa: S311 - a delay, not a secret
    return delay


def _refuse_to_wait_for_what_is_no_number() -> None:
    """Fail a Wait whose SecondsPath names no whole number; ministack 1.5.33 goes on without waiting."""
    from ministack.services import stepfunctions

    original = stepfunctions._execute_wait

    def wait(state: dict[str, Any], state_input: Any, context: Any = None) -> Any:
        if "SecondsPath" in state:
            seconds = stepfunctions._resolve_path(state["SecondsPath"], state_input)
            if not isinstance(seconds, int) or isinstance(seconds, bool) or seconds < 0:
                raise stepfunctions._ExecutionError(
                    "States.Runtime",
                    f"The SecondsPath parameter references an invalid value: {state['SecondsPath']} == "
                    f"{json.dumps(seconds)}",
                )
        return original(state, state_input, context)

    stepfunctions._execute_wait = wait


def _end_tries_with_the_execution() -> None:
    """Try no task again when the execution has ended; ministack 1.5.33 goes on until the task succeeds."""
    from ministack.services import stepfunctions

    original_run, original_find = stepfunctions._run_execution, stepfunctions._find_matching_retrier
    original_invoke = stepfunctions._invoke_resource

    def run(execution_arn: str) -> None:
        _execution.set(stepfunctions._executions.get(execution_arn))
        original_run(execution_arn)

    def find(retriers: list[dict[str, Any]], error: str, counts: dict[int, int]) -> Any:
        return (None, -1) if _has_ended() else original_find(retriers, error, counts)

    def invoke(resource: str, parameters: Any) -> Any:
        if _has_ended():
            raise stepfunctions._ExecutionError("States.Runtime", "the execution has ended")
        return original_invoke(resource, parameters)

    stepfunctions._run_execution, stepfunctions._find_matching_retrier = run, find
    stepfunctions._invoke_resource = invoke


def _has_ended() -> bool:
    execution = _execution.get()
    return execution is not None and execution["status"] != "RUNNING"


def _complete_the_context() -> None:
    """Let tasks see how often the execution was redriven, and its role; ministack 1.5.33 redrives none.

    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html
    """
    from ministack.services import stepfunctions

    original = stepfunctions._execute_task

    def execute(state: dict[str, Any], state_input: Any, execution: dict[str, Any], context: dict[str, Any]) -> Any:
        context["Execution"] |= {"RedriveCount": 0, "RoleArn": _role_arn.get()}
        return original(state, state_input, execution, context)

    stepfunctions._execute_task = execute


def _read_reserved_characters() -> None:
    """Take the backslash from reserved characters in the literals of all intrinsic functions.

    ministack 1.5.33 does so in the template of States.Format only.
    https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html#amazon-states-language-intrinsic-reserved-characters
    """
    from ministack.services import stepfunctions

    original = stepfunctions._exec_intrinsic

    def execute(call: tuple[str, str, list[Any]], data: Any, context: Any) -> Any:
        kind, name, arguments = call
        templates = 1 if name == "States.Format" else 0
        read = [(item[0], _RESERVED.sub(r"\1", item[1])) if item[0] == "str" else item for item in arguments]
        return original((kind, name, [*arguments[:templates], *read[templates:]]), data, context)

    stepfunctions._exec_intrinsic = execute
