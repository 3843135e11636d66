"""EventBridge: events of services on the default bus, and rules that may do what their targets' policies allow."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from emrs_local.ministack.iam import role_may, role_trust_policy, service_may_use
from emrs_local.ministack.scope import Scope, current_scope, in_scope

_SERVICE = "events.amazonaws.com"

Json = Mapping[str, Any]


class EventBus:
    """Takes events of AWS's services and delivers them, one after the other.

    On the event loop that answers requests: from another thread, ministack 1.5.33 would lose the message that it puts
    into a queue just while a request takes another out.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self) -> None:
        """Begin to deliver, on the running event loop: rules and targets are there from now on."""
        self._loop = asyncio.get_running_loop()

    def publish(self, scope: Scope, *, source: str, detail_type: str, detail: Json) -> None:
        """Put an event on the default bus of an account and region, soon; from any thread."""
        entry = {"Source": source, "DetailType": detail_type, "Detail": json.dumps(detail)}
        if self._loop:
            self._loop.call_soon_threadsafe(self._deliver, scope, entry)

    def _deliver(self, scope: Scope, entry: Mapping[str, str]) -> None:
        from ministack.services import eventbridge

        with in_scope(scope):
            eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


def deliver_where_requests_are_answered() -> None:
    """Deliver on the running event loop also what S3 and Step Functions tell from threads, for the reason above."""
    from ministack.services import eventbridge

    loop, thread = asyncio.get_running_loop(), threading.get_ident()
    original = eventbridge._dispatch_event

    def dispatch(event: Json, view: Any = None) -> None:
        if threading.get_ident() == thread:
            original(event, view)
        else:
            loop.call_soon_threadsafe(original, event, view)

    eventbridge._dispatch_event = dispatch


@dataclass(frozen=True)
class _Refusal:
    """Why a target is not invoked: a code of EventBridge's, and words."""

    code: str
    words: str


def correct_event_rules(announce: Callable[[str], None]) -> None:
    """Invoke a rule's target only with the permission that EventBridge needs; ministack 1.5.33 asks for none.

    Log groups are among the targets, which ministack 1.5.33 takes and passes over.

    What is refused goes into the target's dead-letter queue at once, without a retry, and is announced: on AWS, where
    there is no such queue, a metric is all that tells.

    "Using resource-based policies for Amazon EventBridge": queues, topics and functions allow it themselves; "Using
    identity-based policies": a state machine is started with the target's role; "Using dead-letter queues to process
    undelivered events".
    """
    from ministack.core.responses import error_response_json
    from ministack.services import eventbridge

    original_invoke, original_validate = eventbridge._invoke_target, eventbridge._validate_target_arn

    def invoke(target: Json, event: Json, rule: Json, view: Any = None) -> None:
        view = view or eventbridge._pattern_event_view(event)
        refusal = _refusal(target, rule)
        if refusal is None:
            exact = _with_exact_input(target, view.event_with_detail())
            if _service_of(target["Arn"]) == "logs":
                transformer = exact.get("InputTransformer")
                text = eventbridge._apply_input_transformer(transformer, rule, view) if transformer else exact["Input"]
                _put_into_log_group(target["Arn"], text)
            else:
                original_invoke(exact, event, rule, view)
            return
        where = _dead_letter(target, rule, json.dumps(view.event_with_detail()), refusal)
        what = f"rule {rule['Name']}  {event.get('DetailType')}  not delivered to {target['Arn']}"
        announce(f"{what}: {refusal.words}{where}")

    def validate(target: Json) -> Any:
        if ":states:" in target.get("Arn", "") and not target.get("RoleArn"):
            return error_response_json("ValidationException", f"RoleArn is required for target {target['Arn']}.", 400)
        return original_validate(target)

    eventbridge._invoke_target, eventbridge._validate_target_arn = invoke, validate
    eventbridge._dispatch_to_lambda = _invoke_asynchronously


def _with_exact_input(target: Json, event: Json) -> Json:
    """The target with what it is sent spelt as EventBridge does; ministack 1.5.33 escapes all that is not ASCII."""
    if target.get("Input") or target.get("InputTransformer") or ":event-bus/" in target["Arn"]:
        return target
    value: Any = event
    for name in filter(None, (target.get("InputPath") or "$").removeprefix("$").split(".")):
        if not isinstance(value, dict) or name not in value:
            return target
        value = value[name]
    return {**target, "Input": json.dumps(value, ensure_ascii=False, separators=(",", ":"))}


def _refusal(target: Json, rule: Json) -> _Refusal | None:
    """Why EventBridge may not invoke the target; None if it may."""
    arn = target.get("Arn", "")
    service = _service_of(arn)
    if service == "states":
        role = target.get("RoleArn") or rule.get("RoleArn")
        if not role:
            return _Refusal("NO_PERMISSIONS", "the target has no role")
        if not _may(role_trust_policy(role), "sts:AssumeRole", role, rule):
            return _Refusal("FAILED_TO_ASSUME_ROLE", f"{_SERVICE} may not assume {role}")
        if not role_may(role, "states:StartExecution", arn):
            return _Refusal("NO_PERMISSIONS", f"{role} may not states:StartExecution")
        return None if _is_state_machine(arn) else _Refusal("NO_RESOURCE", "it does not exist")
    if service == "logs":
        return _refusal_of_log_group(arn, rule)
    if service not in _POLICIES:
        return None
    action, policy_of = _POLICIES[service]
    if _may(policy_of(arn), action, arn, rule):
        return None
    return _Refusal("NO_PERMISSIONS", f"its policy does not allow {action} to {_SERVICE}")


def _service_of(arn: str) -> str:
    return arn.split(":")[2] if arn.count(":") >= 5 else ""


def _refusal_of_log_group(arn: str, rule: Json) -> _Refusal | None:
    """A resource policy of CloudWatch Logs has to allow both, and to no role."""
    from ministack.services import cloudwatch_logs

    if _log_group_name(arn) not in cloudwatch_logs._log_groups:
        return _Refusal("NO_RESOURCE", "it does not exist")
    stream = f"{arn.removesuffix(':*')}:log-stream:{uuid4()}"
    policies = [item["policyDocument"] for item in cloudwatch_logs._resource_policies.values()]
    for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
        if not any(_may(policy, action, stream, rule) for policy in policies):
            return _Refusal("NO_PERMISSIONS", f"no resource policy allows {action} to {_SERVICE}")
    return None


def _log_group_name(arn: str) -> str:
    return arn.partition(":log-group:")[2].removesuffix(":*")


def _put_into_log_group(arn: str, text: str) -> None:
    """Write down an event, or the message of an input that has a `timestamp` and a `message`, in a new stream."""
    from ministack.services import cloudwatch_logs

    seconds, message = time.time(), text
    told = json.loads(text)
    if isinstance(told, dict) and told.keys() == {"timestamp", "message"}:
        timestamp, message = told["timestamp"], told["message"]
        is_text = isinstance(timestamp, str)
        seconds = datetime.fromisoformat(timestamp).timestamp() if is_text else timestamp / 1000
    event = {"timestamp": int(seconds * 1000), "message": message if isinstance(message, str) else json.dumps(message)}
    place = {"logGroupName": _log_group_name(arn), "logStreamName": str(uuid4())}
    cloudwatch_logs._create_log_stream(place)
    cloudwatch_logs._put_log_events({**place, "logEvents": [event]})


def _may(policy: str | dict[str, Any] | None, action: str, resource: str, rule: Json) -> bool:
    scope = current_scope()
    context = {"aws:SourceArn": rule["Arn"], "aws:SourceAccount": scope.account_id}
    return bool(policy) and service_may_use(
        policy or "", service=_SERVICE, action=action, resource=resource, scope=scope, context=context
    )


def _dead_letter(target: Json, rule: Json, event: str, refusal: _Refusal) -> str:
    """Put the event into the target's dead-letter queue, if it has one that allows it; how that went, in words."""
    from ministack.services import sqs

    arn = (target.get("DeadLetterConfig") or {}).get("Arn")
    if not arn:
        return ""
    if not _may(_queue_policy(arn), "sqs:SendMessage", arn, rule):
        return f"; not in the dead-letter queue either: its policy does not allow sqs:SendMessage to {_SERVICE}"
    attributes = {
        "RULE_ARN": rule["Arn"],
        "TARGET_ARN": target["Arn"],
        "ERROR_CODE": refusal.code,
        "ERROR_MESSAGE": refusal.words,
        "RETRY_ATTEMPTS": "0",
    }
    message = {
        "MessageBody": event,
        "MessageAttributes": {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()},
    }
    sqs._act_send_message(message, sqs._queue_by_arn(arn)["url"])
    return f"; in {arn}"


def _is_state_machine(arn: str) -> bool:
    from ministack.services import stepfunctions

    return stepfunctions._resolve_state_machine_arn(arn) is not None


def _queue_policy(arn: str) -> str | None:
    from ministack.services import sqs

    found = sqs._queue_by_arn(arn)
    return found["attributes"].get("Policy") if found else None


def _topic_policy(arn: str) -> str | None:
    from ministack.services import sns

    found = sns._topic_by_arn_any_scope(arn)
    return found.get("attributes", {}).get("Policy") if found else None


def _function_policy(arn: str) -> dict[str, Any] | None:
    from ministack.services import lambda_svc

    found = lambda_svc.function_policy_for_arn(arn)
    return found[0] if found else None


_POLICIES: dict[str, tuple[str, Callable[[str], str | dict[str, Any] | None]]] = {
    "sqs": ("sqs:SendMessage", _queue_policy),
    "sns": ("sns:Publish", _topic_policy),
    "lambda": ("lambda:InvokeFunction", _function_policy),
}


def _invoke_asynchronously(arn: str, payload: str) -> None:
    """Invoke a function as EventBridge does, with Lambda's retries; ministack 1.5.33 invokes it once."""
    from ministack.services import lambda_svc

    function, configuration, _ = lambda_svc._get_func_record_for_ref(arn)
    if function and configuration:
        record = lambda_svc._execution_record_for_config(function, configuration)
        lambda_svc.invoke_async_with_retry(record, json.loads(payload))
