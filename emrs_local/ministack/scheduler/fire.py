"""Firing a schedule now: an occurrence as the clock would deliver it, without waiting for the clock."""

from __future__ import annotations

import asyncio
import datetime
import json
from typing import Any

from emrs_local.ministack.app import register_service
from emrs_local.ministack.iam import Headers, Query, caller, denial
from emrs_local.ministack.scheduler import FIRE_PATH, FIRE_SERVICE
from emrs_local.ministack.scheduler.delivery import Deliveries
from emrs_local.ministack.scheduler.schedules import Schedule, all_schedules
from emrs_local.ministack.scheduler.targets import TargetError, written
from emrs_local.ministack.scope import current_scope


def register_firing(deliveries: Deliveries) -> None:
    """Answer requests to fire a schedule: a service of the local AWS's own, at a path of its own.

    The body is JSON with `name` and maybe `at`; the answer has `scheduleArn`, `scheduledTime`, the `answer` of the
    target to the first attempt, and its `error`, which is empty if there was none.
    """

    async def handle(method: str, path: str, headers: Headers, body: bytes, query: Query) -> tuple[int, Headers, bytes]:
        if (method, path) != ("POST", FIRE_PATH):
            return _refused(404, f"the local AWS has no {method} {path}")
        try:
            request = json.loads(body)
            schedule = _find(str(request["name"]))
            time = _time(request.get("at"), schedule)
        except LookupError as error:
            return _refused(404, str(error.args[0]))
        except ValueError as error:
            return _refused(400, str(error))
        # Whoever may say when a schedule fires may say that it does now.
        denied = denial(caller(headers, query), action="scheduler:UpdateSchedule", resource=schedule.arn)
        if denied:
            return _refused(403, denied.message)
        answer, failed = {}, ""
        try:
            answer = await asyncio.wrap_future(deliveries.deliver(schedule, time))
        except TargetError as error:
            failed = str(error)
        document = {"scheduleArn": schedule.arn, "scheduledTime": written(time), "answer": answer, "error": failed}
        return 200, {"Content-Type": "application/json"}, json.dumps(document, default=str).encode()

    register_service(FIRE_SERVICE, handle)


def _find(name: str) -> Schedule:
    """The schedule of that name, or GROUP/NAME; else the only one whose name contains it: CloudFormation makes names.

    Raises:
        LookupError: There is none, or there are several.
    """
    scope = current_scope()
    there = [schedule for schedule in all_schedules() if schedule.scope == scope]
    exact = [schedule for schedule in there if name in (schedule.label, schedule.record["Name"], schedule.arn)]
    found = exact or [schedule for schedule in there if name and name in schedule.record["Name"]]
    if len(found) == 1:
        return found[0]
    if found:
        raise LookupError(f"several schedules are called {name}: {_listed(found)}")
    listed = f"there are: {_listed(there)}" if there else f"there is none in {scope.region}"
    raise LookupError(f"no schedule is called {name}; {listed}")


def _listed(schedules: list[Schedule]) -> str:
    return ", ".join(sorted(schedule.label for schedule in schedules))


def _time(text: Any, schedule: Schedule) -> datetime.datetime:
    """The scheduled time; without an offset it is one of the schedule's time zone, and without a text it is now."""
    if text is None:
        return datetime.datetime.now(tz=datetime.UTC).replace(microsecond=0)
    try:
        moment = datetime.datetime.fromisoformat(str(text))
    except ValueError:
        raise ValueError(
            f"{text} is not a valid time; use one such as 2026-11-25T02:00:00, which is in the schedule's time zone, "
            "or with +01:00 or Z at its end"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=schedule.zone)


def _refused(status: int, message: str) -> tuple[int, Headers, bytes]:
    return status, {"Content-Type": "application/json"}, json.dumps({"message": message}).encode()
