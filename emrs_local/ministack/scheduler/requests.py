"""What EventBridge Scheduler refuses, of its API and of CloudFormation."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from emrs_local.ministack.iam import Headers, Query, caller, denial
from emrs_local.ministack.scheduler.expressions import parse, time_zone
from emrs_local.ministack.scheduler.targets import (
    NOT_TRUSTED,
    SERVICE,
    UNIVERSAL,
    TargetError,
    role_is_trusting,
    universal,
    universal_parameters,
)
from emrs_local.ministack.scope import current_scope

_TYPE = "AWS::Scheduler::Schedule"
_NAME = re.compile(r"[0-9a-zA-Z-_.]{1,64}")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+")
_QUEUE = re.compile(r"arn:aws[a-z-]*:sqs:[a-z0-9-]+:\d{12}:[a-zA-Z0-9_-]+")
_PAGE = 100  # ListSchedules: the default of MaxResults, and the most
_JSON_TARGETS = ("lambda", "states", "events")
# "Using universal targets": operations that only read can't be targets.
_READING = (
    "get", "describe", "list", "poll", "receive", "search", "scan", "query", "select", "read", "lookup", "discover",
    "validate", "batchGet", "batchDescribe", "batchRead", "transactGet", "adminGet", "adminList", "testMigration",
    "retrieve", "testConnection", "translateDocument", "isAuthorized", "invokeModel",
)  # fmt: skip

Json = Mapping[str, Any]
Answer = tuple[int, Headers, bytes]


def refuse_what_the_scheduler_refuses() -> None:
    """Check the requests of the API and the properties of templates; ministack 1.5.33 takes nearly everything."""
    from ministack.services import scheduler

    create, update = scheduler._create_schedule, scheduler._update_schedule

    def create_checked(name: str, body: dict[str, Any]) -> Any:
        refusal = _refusal(name, body)
        return scheduler._error(400, "ValidationException", refusal) if refusal else create(name, body)

    def update_checked(name: str, body: dict[str, Any]) -> Any:
        refusal = _refusal(name, body)
        return scheduler._error(400, "ValidationException", refusal) if refusal else update(name, body)

    scheduler._create_schedule, scheduler._update_schedule = create_checked, update_checked
    _list_in_pages()
    _provision_whole_schedules()
    _authorize()


def _list_in_pages() -> None:
    """Say where a list goes on; ministack 1.5.33 ends it after the first hundred."""
    from ministack.services import scheduler

    original = scheduler._list_schedules

    def listed(query: dict[str, str]) -> Any:
        status, headers, body = original({**query, "MaxResults": str(len(scheduler._schedules))})
        found = sorted(json.loads(body)["Schedules"], key=lambda one: str(one["Arn"]))
        later = [one for one in found if one["Arn"] > query.get("NextToken", "")]
        shown = later[: int(query.get("MaxResults", _PAGE))]
        more = {"NextToken": shown[-1]["Arn"]} if len(shown) < len(later) else {}
        return status, headers, json.dumps({"Schedules": shown, **more}).encode()

    scheduler._list_schedules = listed


def _refusal(name: str, body: Json) -> str:
    """Why the service does not take a schedule; empty if it does."""
    try:
        if not _NAME.fullmatch(name):
            raise ValueError(f"Value '{name}' at 'name' failed to satisfy constraint: {_NAME.pattern}")
        parse(str(body.get("ScheduleExpression", "")))
        time_zone(body.get("ScheduleExpressionTimezone") or "UTC")
        _require_valid_window(body.get("FlexibleTimeWindow") or {})
        start, end = body.get("StartDate"), body.get("EndDate")
        if start is not None and end is not None and float(start) >= float(end):
            raise ValueError("The StartDate has to be before the EndDate.")
        for member, values in (("State", ("ENABLED", "DISABLED")), ("ActionAfterCompletion", ("NONE", "DELETE"))):
            if body.get(member, values[0]) not in values:
                raise ValueError(f"{member} is one of {', '.join(values)}")
        _require_valid_target(body.get("Target") or {}, group=body.get("GroupName", "default"))
    except ValueError as error:
        return str(error)
    return ""


def _require_valid_window(window: Json) -> None:
    mode, minutes = window.get("Mode"), window.get("MaximumWindowInMinutes")
    if mode not in ("OFF", "FLEXIBLE"):
        raise ValueError("FlexibleTimeWindow.Mode is OFF or FLEXIBLE")
    if mode == "FLEXIBLE" and (minutes is None or not 1 <= int(minutes) <= 1440):
        raise ValueError("A flexible time window has a MaximumWindowInMinutes from 1 to 1440")
    if mode == "OFF" and minutes is not None:
        raise ValueError("MaximumWindowInMinutes is for a flexible time window only")


def _require_valid_target(target: Json, *, group: str) -> None:
    arn, role = target.get("Arn", ""), target.get("RoleArn", "")
    if not _ROLE.fullmatch(role):
        raise ValueError(f"Value '{role}' at 'target.roleArn' failed to satisfy constraint: {_ROLE.pattern}")
    if arn.count(":") < 5:
        raise ValueError(f"Provided Arn is not in correct format: {arn}")
    policy = target.get("RetryPolicy") or {}
    for member, least, most in (("MaximumRetryAttempts", 0, 185), ("MaximumEventAgeInSeconds", 60, 86_400)):
        if member in policy and not least <= int(policy[member]) <= most:
            raise ValueError(f"RetryPolicy.{member} is from {least} to {most}")
    queue = (target.get("DeadLetterConfig") or {}).get("Arn")
    if queue is not None and not _QUEUE.fullmatch(queue):
        raise ValueError(f"Value '{queue}' at 'target.deadLetterConfig.arn' is not the ARN of a standard queue")
    _require_valid_input(arn, target.get("Input"))
    if arn.split(":")[2] == "events" and not (target.get("EventBridgeParameters") or {}).get("Source"):
        raise ValueError("EventBridgeParameters with a Source and a DetailType are required for an event bus")
    if not role_is_trusting(role, group=group, scope=current_scope()):
        raise ValueError(NOT_TRUSTED)


def _require_valid_input(arn: str, text: str | None) -> None:
    if arn.startswith(UNIVERSAL):
        try:
            service, action = universal(arn)
            if action.startswith(_READING):
                raise ValueError(f"{arn} only reads, which EventBridge Scheduler does not support")
            universal_parameters(service, action, text or "{}")
        except TargetError as error:
            raise ValueError(error.message) from None
    elif text is not None and arn.split(":")[2] in _JSON_TARGETS:
        try:
            json.loads(text)
        except ValueError:
            raise ValueError(f"The Input of {arn} has to be well-formed JSON") from None


def _provision_whole_schedules() -> None:
    """Give a schedule all properties of its template, and fail as the service refuses; ministack 1.5.33 takes six."""
    from ministack.services import scheduler
    from ministack.services.cloudformation import provisioners

    def answered(request: Callable[[str, dict[str, Any]], Any], name: str, properties: Json) -> Any:
        body = {member: value for member, value in properties.items() if member != "Name"}
        for member in ("StartDate", "EndDate"):
            if isinstance(body.get(member), str):
                body[member] = datetime.datetime.fromisoformat(body[member]).timestamp()
        status, _, answer = request(name, body)
        if status >= 400:
            refused = json.loads(answer)
            cause = f"(Service: Scheduler, Status Code: {status}) (HandlerErrorCode: {refused['__type']})"
            raise ValueError(f'Resource handler returned message: "{refused["Message"]} {cause}"')
        return name, {"Arn": json.loads(answer)["ScheduleArn"]}

    def create(logical_id: str, properties: Json, stack_name: str) -> Any:
        name = properties.get("Name") or provisioners._physical_name(stack_name, logical_id, max_len=64)
        scheduler._ensure_default_group()
        return answered(scheduler._create_schedule, name, properties)

    def update(physical_id: str, _old: Json, new: Json, _stack_name: str) -> Any:
        return answered(scheduler._update_schedule, physical_id, new)

    handlers = provisioners._RESOURCE_HANDLERS[_TYPE]
    handlers["create"], handlers["update"] = create, update
    provisioners._REPLACING_PROPERTIES[_TYPE] = ("Name", "GroupName")


def _authorize() -> None:
    """Authorize calls on the schedule of its group, and that the caller may pass the role.

    ministack 1.5.33 takes every schedule for one of the default group, and asks for no iam:PassRole.
    """
    from ministack import app
    from ministack.core import iam_actions
    from ministack.services import scheduler

    original_resource, original_handle = iam_actions.extract_resource_arn, app.SERVICE_HANDLERS["scheduler"]

    def extract_resource_arn(  # noqa: PLR0917 - the signature is ministack's
        service: str, method: str, path: str, headers: Headers, body: bytes, query: Query, region: str, account: str
    ) -> str:
        name = path.removeprefix("/schedules/")
        if service != "scheduler" or not path.startswith("/schedules/"):
            return cast("str", original_resource(service, method, path, headers, body, query, region, account))
        group = _document(body).get("GroupName") or query.get("groupName", ["default"])[-1]
        return f"arn:aws:scheduler:{region}:{account}:schedule/{group}/{name}"

    async def handle(method: str, path: str, headers: Headers, body: bytes, query: Query) -> Answer:
        role = (_document(body).get("Target") or {}).get("RoleArn")
        if method in ("POST", "PUT") and path.startswith("/schedules/") and role:
            context = {"iam:PassedToService": SERVICE}
            denied = denial(caller(headers, query), action="iam:PassRole", resource=role, context=context)
            if denied:
                return cast("Answer", scheduler._error(403, "AccessDeniedException", denied.message))
        return cast("Answer", await original_handle(method, path, headers, body, query))

    iam_actions.extract_resource_arn, app.SERVICE_HANDLERS["scheduler"] = extract_resource_arn, handle


def _document(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
