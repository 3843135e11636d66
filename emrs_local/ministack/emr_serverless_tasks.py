"""Tasks of state machines that call EMR Serverless, with the permissions of the state machine's role.

`emr-serverless:startJobRun` and the other operations of Step Functions' own integration, with `.sync` or without it,
and `aws-sdk:emrserverless:…` for every operation of the service. ministack 1.5.33 has none of them.

Sources: Step Functions Developer Guide, "Create and manage Amazon EMR Serverless applications with Step Functions",
"Discover service integration patterns", "Learning to use AWS service SDK integrations".
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from emrs_local.endpoint import Endpoint
from emrs_local.ministack.iam import assumed_role, role_may

_SERVICE = "emr-serverless"
_OPTIMIZED = "arn:aws:states:::emr-serverless:"
_SDK = "arn:aws:states:::aws-sdk:emrserverless:"
_SYNC = ".sync"
_MACHINE = "AWS::StepFunctions::StateMachine"

# What is looked at until it is in the state, or in one from which it does not get there.
_WAITED_FOR = {
    "startJobRun": ("getJobRun", "JobRun", "SUCCESS", ("FAILED", "CANCELLED")),
    "cancelJobRun": ("getJobRun", "JobRun", "CANCELLED", ("FAILED", "SUCCESS")),
    "createApplication": ("getApplication", "Application", "CREATED", ("TERMINATED",)),
    "startApplication": ("getApplication", "Application", "STARTED", ("STOPPED", "TERMINATED")),
    "stopApplication": ("getApplication", "Application", "STOPPED", ("TERMINATED",)),
    "deleteApplication": ("getApplication", "Application", "TERMINATED", ()),
}
# With .sync the service's events tell Step Functions how it went, by rules that it makes with the role's permissions.
_RULES = {
    action: f"StepFunctionsGetEventsForEMRServerless{'Job' if 'JobRun' in action else 'Application'}Rule"
    for action in _WAITED_FOR
}
_RULE_ACTIONS = ("events:PutTargets", "events:PutRule", "events:DescribeRule")
_POLL_SECONDS = 0.2
_SESSION_NAME = 64  # characters, at most

_execution: contextvars.ContextVar[Mapping[str, Any]] = contextvars.ContextVar("execution")


def register_emr_serverless_tasks(endpoint: Endpoint, announce: Callable[[str], None]) -> None:
    """Let state machines call EMR Serverless at the endpoint, as their role.

    Args:
        endpoint: Where they call it.
        announce: Is told of a run that goes on as its execution, which was stopped, could not cancel it.
    """
    from ministack.services import stepfunctions

    original_run, original_sdk = stepfunctions._run_execution, stepfunctions._invoke_aws_sdk_integration

    def run(execution_arn: str) -> None:
        _execution.set(stepfunctions._executions.get(execution_arn) or {})
        original_run(execution_arn)

    def optimized(resource: str, parameters: Mapping[str, Any]) -> Any:
        action = resource.removeprefix(_OPTIMIZED).removesuffix(_SYNC)
        if action not in _WAITED_FOR:
            raise stepfunctions._ExecutionError("States.Runtime", f"Step Functions has no task {resource}")
        with _as_the_role(endpoint) as call:
            answer = call("EMRServerless", action, parameters)
            return _wait(call, announce, action, {**parameters, **answer}) if resource.endswith(_SYNC) else answer

    def sdk(resource: str, parameters: Mapping[str, Any]) -> Any:
        if not resource.startswith(_SDK):
            return original_sdk(resource, parameters)
        with _as_the_role(endpoint) as call:
            return call("EmrServerless", resource.removeprefix(_SDK).removesuffix(".waitForTaskToken"), parameters)

    stepfunctions._run_execution, stepfunctions._invoke_aws_sdk_integration = run, sdk
    stepfunctions._SERVICE_DISPATCH[_OPTIMIZED] = optimized
    _refuse_machines_that_can_not_run()


Call = Callable[[str, str, Mapping[str, Any]], dict[str, Any]]


@contextlib.contextmanager
def _as_the_role(endpoint: Endpoint) -> Iterator[Call]:
    """Calls of the service with a session of the state machine's role; members are spelt as Step Functions does."""
    from ministack.core.responses import get_region
    from ministack.services import stepfunctions

    execution = _execution.get()
    machine = stepfunctions._state_machines[execution["stateMachineArn"]]
    with (
        assumed_role(machine["roleArn"], session_name=execution["name"][:_SESSION_NAME]) as session,
        contextlib.closing(endpoint.client(_SERVICE, region=get_region(), credentials=session.credentials)) as client,
    ):
        yield functools.partial(_call, client)


def _call(client: Any, prefix: str, action: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of the service.

    Raises:
        _ExecutionError: of ministack; it has a name that begins with the prefix.
    """
    from botocore import xform_name
    from botocore.exceptions import ClientError, ParamValidationError
    from ministack.services import stepfunctions

    name = action[:1].upper() + action[1:]
    model = client.meta.service_model
    if name not in model.operation_names:
        raise stepfunctions._ExecutionError("States.Runtime", f"EMR Serverless has no operation {action}")
    operation = model.operation_model(name)
    try:
        arguments = stepfunctions._sdk_json_param_value(dict(parameters), operation.input_shape)
        answer = getattr(client, xform_name(name))(**arguments)
    except ParamValidationError as error:
        raise stepfunctions._ExecutionError("States.Runtime", str(error)) from None
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        cause = f"{message} (Service: EmrServerless, Status Code: {status})"
        raise stepfunctions._ExecutionError(f"{prefix}.{code}", cause) from None
    answer.pop("ResponseMetadata")
    plain = json.loads(json.dumps(answer, default=datetime.timestamp))
    return dict(stepfunctions._sdk_json_value(plain, operation.output_shape))


def _wait(call: Call, announce: Callable[[str], None], action: str, started: Mapping[str, Any]) -> dict[str, Any]:
    """What the task is about, once it is where it is waited for.

    The page names what has a task aborted, and with it the job run cancelled: that the execution is stopped is one, a
    timeout of the task is none.

    Raises:
        _ExecutionError: of ministack; it is where it can't get there any more.
    """
    from ministack.services import stepfunctions

    describe, member, wanted, final = _WAITED_FOR[action]
    ids = {name: started[name] for name in ("ApplicationId", "JobRunId") if name in started}
    while True:
        found: dict[str, Any] = call("EMRServerless", describe, ids)[member]
        if found["State"] == wanted:
            return found
        if found["State"] in final:
            raise stepfunctions._ExecutionError("States.TaskFailed", json.dumps(found))
        status = _execution.get()["status"]
        if status == "ABORTED" and action == "startJobRun":
            try:
                call("EMRServerless", "cancelJobRun", ids)
            except stepfunctions._ExecutionError as error:
                # The history of the execution has ended with the execution.
                name = _execution.get()["name"]
                announce(f"execution {name}  was stopped, and its job run {ids['JobRunId']} goes on: {error.cause}")
        if status != "RUNNING":
            raise stepfunctions._ExecutionError("States.Runtime", f"the execution is {status}")
        time.sleep(_POLL_SECONDS)


def _refuse_machines_that_can_not_run() -> None:
    """Refuse, when a state machine is made, changed or validated, what Step Functions refuses then."""
    from ministack.core.responses import error_response_json, json_response
    from ministack.services import stepfunctions
    from ministack.services.cloudformation import provisioners

    create, update = stepfunctions._create_state_machine, stepfunctions._update_state_machine
    provision = provisioners._RESOURCE_HANDLERS[_MACHINE]["create"]

    def create_checked(request: dict[str, Any]) -> Any:
        refused = _refusal(request)
        return error_response_json(*refused, 400) if refused else create(request)

    def update_checked(request: dict[str, Any]) -> Any:
        there = stepfunctions._state_machines.get(request.get("stateMachineArn", "")) or {}
        refused = _refusal({**there, **request})
        return error_response_json(*refused, 400) if refused else update(request)

    def validate(request: dict[str, Any]) -> Any:
        refused = _refusal(request)
        code, message = refused or ("", "")
        diagnostics = [{"severity": "ERROR", "code": code, "message": message}] if refused else []
        return json_response({"result": "FAIL" if refused else "OK", "diagnostics": diagnostics})

    def provision_checked(logical_id: str, properties: dict[str, Any], stack_name: str) -> Any:
        definition = provisioners._sfn_definition(properties)
        kind = properties.get("StateMachineType", "STANDARD")
        refused = _refusal({"definition": definition, "roleArn": properties.get("RoleArn", ""), "type": kind})
        if refused:
            code, message = refused
            cause = f"(Service: Sfn, Status Code: 400) (HandlerErrorCode: {code})"
            raise ValueError(f'Resource handler returned message: "{message} {cause}"')
        return provision(logical_id, properties, stack_name)

    stepfunctions._create_state_machine, stepfunctions._update_state_machine = create_checked, update_checked
    stepfunctions._validate_state_machine_definition = validate
    provisioners._RESOURCE_HANDLERS[_MACHINE]["create"] = provision_checked


def _refusal(machine: Mapping[str, Any]) -> tuple[str, str] | None:
    """Why Step Functions does not take the state machine, a code and a message; None if it does."""
    from ministack.core.responses import get_account_id, get_region

    try:
        definition = json.loads(machine.get("definition") or "{}")
    except ValueError:
        return None
    for path, state in _tasks(definition, ""):
        resource = state.get("Resource", "")
        action = resource.removeprefix(_OPTIMIZED).removesuffix(_SYNC)
        if resource.startswith(_OPTIMIZED) and resource.endswith(_SYNC):
            if machine.get("type") == "EXPRESS":
                return _invalid(f"Express state machine does not support '{_SYNC}' service integration", path)
            rule = f"arn:aws:events:{get_region()}:{get_account_id()}:rule/{_RULES.get(action, '')}"
            role = machine.get("roleArn")  # whoever has a definition validated names none
            if role is not None and not all(role_may(role, needed, rule) for needed in _RULE_ACTIONS):
                return "AccessDeniedException", f"'{role}' is not authorized to create managed-rule."
        elif resource.startswith(_SDK):
            given = {name.removesuffix(".$") for name in state.get("Parameters", state.get("Arguments")) or {}}
            for member in _required(resource.removeprefix(_SDK).removesuffix(".waitForTaskToken")):
                if member not in given:
                    return _invalid(f"The field '{member}' is required but was missing", f"{path}/Parameters")
    return None


def _invalid(problem: str, path: str) -> tuple[str, str]:
    return "InvalidDefinition", f"Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: {problem} at {path}'"


def _tasks(machine: Mapping[str, Any], outer: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The tasks of a definition, with their paths."""
    for name, state in machine.get("States", {}).items():
        path = f"{outer}/States/{name}"
        if state.get("Type") == "Task":
            yield path, state
        for number, branch in enumerate(state.get("Branches", ())):
            yield from _tasks(branch, f"{path}/Branches[{number}]")
        for inner in ("ItemProcessor", "Iterator"):
            yield from _tasks(state.get(inner, {}), f"{path}/{inner}")


def _required(action: str) -> list[str]:
    """The members that an operation needs, as Step Functions spells them."""
    from ministack.services import stepfunctions

    model, name = stepfunctions._service_model(_SERVICE), action[:1].upper() + action[1:]
    if name not in model.operation_names:
        return []
    return [
        stepfunctions._api_name_to_sfn_key(item) for item in model.operation_model(name).input_shape.required_members
    ]
