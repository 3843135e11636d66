"""Calling what a schedule invokes, with a session of its role.

EventBridge Scheduler User Guide, "Using templated targets", "Using universal targets", "Adding context attributes",
"Confused deputy prevention in EventBridge Scheduler".
"""

from __future__ import annotations

import contextlib
import datetime
import json
import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from emrs_local.endpoint import Endpoint
from emrs_local.ministack.iam import assumed_role, role_trust_policy, service_may_use
from emrs_local.ministack.scheduler.schedules import Schedule, group_arn
from emrs_local.ministack.scope import Scope

UNIVERSAL = "arn:aws:scheduler:::aws-sdk:"
SERVICE = "scheduler.amazonaws.com"
NOT_TRUSTED = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."

# The services whose SDK identifier is not the name that boto3 has for them.
_CLIENTS = {
    "emrserverless": "emr-serverless",
    "sfn": "stepfunctions",
    "eventbridge": "events",
    "cloudwatchlogs": "logs",
}
_INTERNAL_ERROR = ("AWS.Scheduler.InternalServerError", "Unexpected error occurred while processing the request")
_TOO_MANY_REQUESTS = 429

Json = Mapping[str, Any]


class TargetError(Exception):
    """The target was not invoked.

    Attributes:
        code: The error code of the target's API.
        message: Its message.
        is_permanent: Whether trying again is of no use.
    """

    def __init__(self, code: str, message: str, *, is_permanent: bool) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.is_permanent = is_permanent


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """One attempt to invoke the target of a schedule for an occurrence."""

    schedule: Schedule
    scheduled_time: datetime.datetime
    number: int
    execution_id: str

    @property
    def input(self) -> str:
        """What is sent: the input with its context attributes filled in, or the default notification."""
        text = self.schedule.target.get("Input")
        if text is None:
            return self._notification()
        values = {
            "schedule-arn": self.schedule.arn,
            "scheduled-time": written(self.scheduled_time),
            "execution-id": self.execution_id,
            "attempt-number": str(self.number),
        }
        for name, value in values.items():
            text = text.replace(f"<aws.scheduler.{name}>", value)
        return str(text)

    def _notification(self) -> str:
        scope = self.schedule.scope
        return json.dumps(
            {
                "version": "0",
                "id": str(uuid.uuid4()),
                "detail-type": "Scheduled Event",
                "source": "aws.scheduler",
                "account": scope.account_id,
                "time": written(self.scheduled_time),
                "region": scope.region,
                "resources": [self.schedule.arn],
                "detail": "{}",
            }
        )


def new_execution_id() -> str:
    """An id like the service's own, for each attempt another."""
    return secrets.token_hex(8)


def written(moment: datetime.datetime) -> str:
    """A time as the service writes it."""
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def role_is_trusting(role_arn: str, *, group: str, scope: Scope) -> bool:
    """Whether the role lets EventBridge Scheduler assume it for the schedules of a group."""
    policy = role_trust_policy(role_arn)
    context = {"aws:SourceArn": group_arn(scope, group), "aws:SourceAccount": scope.account_id}
    return policy is not None and service_may_use(
        policy, service=SERVICE, action="sts:AssumeRole", resource=role_arn, scope=scope, context=context
    )


def invoke(endpoint: Endpoint, invocation: Invocation) -> dict[str, Any]:
    """Call the target's API; returns what it answers.

    Raises:
        TargetError: It refused, or could not be called.
    """
    target = invocation.schedule.target
    arn = target["Arn"]
    if arn.startswith(UNIVERSAL):
        service, action = universal(arn)
        name, parameters = action[:1].upper() + action[1:], universal_parameters(service, action, invocation.input)
    else:
        service = arn.split(":")[2] if arn.count(":") >= 5 else ""
        if service not in _TEMPLATED:
            raise TargetError("Unsupported", f"the local AWS has no templated target {arn}", is_permanent=True)
        service, name, parameters_of = _TEMPLATED[service]
        parameters = parameters_of(invocation)
    answer = _call(endpoint, invocation.schedule, service, name, parameters)
    if answer.get("FailedEntryCount"):
        (entry,) = answer["Entries"]
        raise TargetError(entry["ErrorCode"], entry["ErrorMessage"], is_permanent=True)
    return answer


def send_to_dead_letter_queue(
    endpoint: Endpoint, invocation: Invocation, *, error: TargetError, exhausted: str
) -> None:
    """Put what could not be invoked into the schedule's dead-letter queue, with the schedule's role.

    "Configuring a schedule's dead-letter queue": the queue's permission is the role's too.

    Raises:
        TargetError: The queue is not there, or the role may not.
    """
    schedule = invocation.schedule
    attributes = {
        "ERROR_CODE": error.code,
        "ERROR_MESSAGE": error.message,
        "EXECUTION_ID": invocation.execution_id,
        "IS_PAYLOAD_TRUNCATED": "false",
        "RETRY_ATTEMPTS": str(invocation.number - 1),
        "SCHEDULED_TIME": written(invocation.scheduled_time),
        "SCHEDULE_ARN": schedule.arn,
        "TARGET_ARN": _as_universal(schedule.target["Arn"]),
    }
    if exhausted:
        attributes["EXHAUSTED_RETRY_CONDITION"] = exhausted
    queue = schedule.target["DeadLetterConfig"]["Arn"]
    parameters = {
        "QueueUrl": _queue_url(queue),
        "MessageBody": invocation.input,
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items() if value
        },
    }
    _call(endpoint, schedule, "sqs", "SendMessage", parameters)


def universal(arn: str) -> tuple[str, str]:
    """The service, as boto3 names it, and the operation of a universal target.

    Raises:
        TargetError: The service is not named by its SDK identifier, which has letters and digits alone.
    """
    service, _, action = arn.removeprefix(UNIVERSAL).partition(":")
    if not service.isalnum():
        raise TargetError("ValidationException", f"{service} service is not supported.", is_permanent=True)
    return _CLIENTS.get(service, service), action


def universal_parameters(service: str, action: str, text: str) -> dict[str, Any]:
    """The request that the input of a universal target is, with members as the service's model spells them.

    Raises:
        TargetError: It is no request of that operation.
    """
    import botocore.session
    from botocore.exceptions import UnknownServiceError
    from botocore.validate import ParamValidator
    from ministack.services import stepfunctions

    def refused(problem: str) -> TargetError:
        return TargetError("ValidationException", problem, is_permanent=True)

    try:
        model = botocore.session.get_session().get_service_model(service)
    except UnknownServiceError:
        raise refused(f"{service} service is not supported.") from None
    name = action[:1].upper() + action[1:]
    if name not in model.operation_names:
        raise refused(f"{action} is not a valid API action of {service}.")
    shape: Any = model.operation_model(name).input_shape
    try:
        given = json.loads(text)
        parameters = dict(stepfunctions._sdk_json_param_value(given, shape))
    except (ValueError, TypeError, AttributeError):
        raise refused("Invalid RequestJson provided. Reason: it is not a JSON object.") from None
    report = ParamValidator().validate(parameters, shape)
    unknown = sorted(set(parameters) - set(shape.members))
    problems = [report.generate_report()] if report.has_errors() else []
    problems += [f"Unknown member {member}" for member in unknown]
    if problems:
        raise refused(f"Invalid RequestJson provided. Reason: {'; '.join(problems)}")
    return parameters


def _call(endpoint: Endpoint, schedule: Schedule, service: str, name: str, parameters: Json) -> dict[str, Any]:
    from botocore import xform_name
    from botocore.exceptions import BotoCoreError, ClientError

    role, scope = schedule.target["RoleArn"], schedule.scope
    if not role_is_trusting(role, group=schedule.record["GroupName"], scope=scope):
        raise TargetError("AccessDeniedException", NOT_TRUSTED, is_permanent=True)
    with (
        assumed_role(role, session_name=uuid.uuid4().hex) as session,
        contextlib.closing(endpoint.client(service, region=scope.region, credentials=session.credentials)) as client,
    ):
        try:
            answer: dict[str, Any] = getattr(client, xform_name(name))(**parameters)
        except ClientError as error:
            response: Any = error.response
            code, message = str(response["Error"].get("Code")), str(response["Error"].get("Message"))
            status = response["ResponseMetadata"]["HTTPStatusCode"]
            is_passing = status >= 500 or status == _TOO_MANY_REQUESTS or "Throttl" in code or "TooMany" in code
            raise TargetError(code, message, is_permanent=not is_passing) from None
        except BotoCoreError:
            raise TargetError(*_INTERNAL_ERROR, is_permanent=False) from None
    return {name: value for name, value in answer.items() if name not in ("ResponseMetadata", "Payload")}


def _queue_url(arn: str) -> str:
    # The host of a queue's URL is not looked at: every client of ours has an endpoint.
    _, _, _, region, account_id, name = arn.split(":")
    return f"https://sqs.{region}.amazonaws.com/{account_id}/{name}"


def _start_execution(invocation: Invocation) -> dict[str, Any]:
    return {"stateMachineArn": invocation.schedule.target["Arn"], "input": invocation.input}


def _invoke_function(invocation: Invocation) -> dict[str, Any]:
    return {
        "FunctionName": invocation.schedule.target["Arn"],
        "InvocationType": "Event",
        "Payload": invocation.input.encode(),
    }


def _send_message(invocation: Invocation) -> dict[str, Any]:
    target = invocation.schedule.target
    group = (target.get("SqsParameters") or {}).get("MessageGroupId")
    grouped = {"MessageGroupId": group} if group else {}
    return {"QueueUrl": _queue_url(target["Arn"]), "MessageBody": invocation.input, **grouped}


def _publish(invocation: Invocation) -> dict[str, Any]:
    return {"TopicArn": invocation.schedule.target["Arn"], "Message": invocation.input}


def _put_events(invocation: Invocation) -> dict[str, Any]:
    schedule = invocation.schedule
    parameters = schedule.target.get("EventBridgeParameters") or {}
    entry = {
        "Source": parameters.get("Source", ""),
        "DetailType": parameters.get("DetailType", ""),
        "Detail": invocation.input,
        "Resources": [schedule.arn],
        "EventBusName": schedule.target["Arn"],
    }
    return {"Entries": [entry]}


# By the service in a templated target's ARN: what it is called, the operation, and its request.
_TEMPLATED: dict[str, tuple[str, str, Callable[[Invocation], dict[str, Any]]]] = {
    "states": ("stepfunctions", "StartExecution", _start_execution),
    "lambda": ("lambda", "Invoke", _invoke_function),
    "sqs": ("sqs", "SendMessage", _send_message),
    "sns": ("sns", "Publish", _publish),
    "events": ("events", "PutEvents", _put_events),
}
_SDK_IDENTIFIERS = {"stepfunctions": "sfn", "events": "eventbridge"}


def _as_universal(arn: str) -> str:
    """The ARN of a target as dead letters have it: `arn:aws:scheduler:::aws-sdk:service:apiAction`."""
    service = arn.split(":")[2]
    if service not in _TEMPLATED:
        return arn
    name, operation, _ = _TEMPLATED[service]
    return f"{UNIVERSAL}{_SDK_IDENTIFIERS.get(name, name)}:{operation[:1].lower()}{operation[1:]}"
