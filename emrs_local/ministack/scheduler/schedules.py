"""The schedules that ministack keeps, as what this room asks of them."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emrs_local.ministack.scheduler.expressions import parse, time_zone
from emrs_local.ministack.scope import Scope

_MOST_RETRIES, _LONGEST_AGE_SECONDS = 185, 86_400  # RetryPolicy: the defaults


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A schedule as it was at a moment; `record` has the members of GetSchedule."""

    scope: Scope
    record: Mapping[str, Any]

    @property
    def arn(self) -> str:
        """The ARN of the schedule."""
        return str(self.record["Arn"])

    @property
    def group_arn(self) -> str:
        """The ARN of its group, which is the source that its role may name."""
        return group_arn(self.scope, self.record["GroupName"])

    @property
    def label(self) -> str:
        """What people call it: GROUP/NAME."""
        return f"{self.record['GroupName']}/{self.record['Name']}"

    @property
    def target(self) -> Mapping[str, Any]:
        """What it invokes."""
        found: Mapping[str, Any] = self.record["Target"]
        return found

    @property
    def zone(self) -> datetime.tzinfo:
        """The time zone that its expression is read in."""
        return time_zone(self.record.get("ScheduleExpressionTimezone") or "UTC")

    @property
    def window_seconds(self) -> float:
        """How much later than scheduled an occurrence may be invoked."""
        return float(self.record["FlexibleTimeWindow"].get("MaximumWindowInMinutes") or 0) * 60

    @property
    def most_retries(self) -> int:
        """How often an invocation is tried again."""
        return int(self._retry_policy.get("MaximumRetryAttempts", _MOST_RETRIES))

    @property
    def longest_age_seconds(self) -> float:
        """For how long an invocation is tried again."""
        return float(self._retry_policy.get("MaximumEventAgeInSeconds", _LONGEST_AGE_SECONDS))

    @property
    def created(self) -> float:
        """When it was made, seconds since 1970."""
        return float(self.record["CreationDate"])

    @property
    def version(self) -> float:
        """When it was made or changed, seconds since 1970."""
        return float(self.record["LastModificationDate"])

    def following(self, after: datetime.datetime | None) -> datetime.datetime | None:
        """The first occurrence after a moment, or after it was made or changed; None if there is none.

        A rate without a start begins at once when the schedule is made.
        """
        created = _moment(self.created).replace(microsecond=0)
        if after is None:
            is_new = self.version == self.created
            after = created - datetime.timedelta(seconds=1) if is_new else _moment(self.version)
        start, end = (_moment(self.record.get(name)) for name in ("StartDate", "EndDate"))
        expression = self.record["ScheduleExpression"]
        if expression.startswith("at("):
            return parse(expression).following(after, zone=self.zone, anchor=created)
        if self.record.get("StartDate") is not None:
            after = max(after, start - datetime.timedelta(microseconds=1))
        anchor = created if self.record.get("StartDate") is None else start
        found = parse(expression).following(after, zone=self.zone, anchor=anchor)
        return None if found and self.record.get("EndDate") is not None and found > end else found

    @property
    def _retry_policy(self) -> Mapping[str, Any]:
        return self.target.get("RetryPolicy") or {}


def group_arn(scope: Scope, group: str) -> str:
    """The ARN of a schedule group."""
    return f"arn:aws:scheduler:{scope.region}:{scope.account_id}:schedule-group/{group}"


def all_schedules() -> list[Schedule]:
    """The schedules of every account and region."""
    from ministack.services import scheduler

    return [
        Schedule(scope=Scope(account_id=account_id, region=region), record=record)
        for (account_id, region, _), record in scheduler._schedules.all_items()
    ]


def delete(schedule: Schedule) -> None:
    """Delete the schedule unless it has been changed since."""
    from ministack.services import scheduler

    scope = schedule.scope
    kept = scheduler._schedules.get_scoped(scope.account_id, scope.region, schedule.label)
    if kept is schedule.record:
        scheduler._schedules.pop_scoped(scope.account_id, scope.region, schedule.label, None)


def _moment(seconds: float | None) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(float(seconds or 0), tz=datetime.UTC)
