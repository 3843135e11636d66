"""Which schedules the clock delivers, and when."""

from __future__ import annotations

import datetime
import random
from collections.abc import Mapping
from typing import Any

import pytest

from emrs_local.ministack.scheduler import clock as module
from emrs_local.ministack.scheduler.clock import Clock
from emrs_local.ministack.scheduler.schedules import Schedule
from emrs_local.ministack.scope import Scope

MADE = datetime.datetime(2026, 11, 25, 12, 0, 7, tzinfo=datetime.UTC)
SCOPE = Scope(account_id="000000000000", region="us-east-1")


class Deliveries:
    """Notes what is delivered."""

    def __init__(self) -> None:
        self.times: list[str] = []
        self.records: list[Mapping[str, Any]] = []
        self.last: list[bool] = []

    def deliver(self, schedule: Schedule, scheduled_time: datetime.datetime, *, is_last: bool) -> None:
        assert schedule.scope == SCOPE
        self.times.append(f"{scheduled_time:%d %H:%M:%S}")
        self.records.append(schedule.record)
        self.last.append(is_last)


class World:
    """A schedule, and a clock that looks when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, expression: str, **members: Any) -> None:
        self.record: dict[str, Any] = {
            "Arn": "arn:aws:scheduler:us-east-1:000000000000:schedule/default/s",
            "Name": "s",
            "GroupName": "default",
            "State": "ENABLED",
            "ScheduleExpression": expression,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "CreationDate": MADE.timestamp(),
            "LastModificationDate": MADE.timestamp(),
            **members,
        }
        self.deliveries = Deliveries()
        self.clock = Clock(self.deliveries)  # type: ignore[arg-type]  # stands for the real ones
        monkeypatch.setattr(module, "all_schedules", self._schedules)

    def _schedules(self) -> list[Schedule]:
        return [Schedule(scope=SCOPE, record=self.record)] if self.record else []

    def look(self, *, minutes: float) -> list[str]:
        """Look so many minutes after the schedule was made; what was delivered so far."""
        self.clock.look(MADE + datetime.timedelta(minutes=minutes))
        return self.deliveries.times

    def change(self, *, minutes: float, **members: Any) -> None:
        """Change the schedule so many minutes after it was made."""
        changed = (MADE + datetime.timedelta(minutes=minutes)).timestamp()
        self.record = {**self.record, **members, "LastModificationDate": changed}


def test_a_rate_begins_when_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, "rate(10 minutes)")
    assert world.look(minutes=0) == ["25 12:00:07"]
    assert world.look(minutes=9.9) == ["25 12:00:07"]
    assert world.look(minutes=10) == ["25 12:00:07", "25 12:10:07"]
    assert world.deliveries.last == [False, False]


def test_what_was_missed_is_caught_up_with_once(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, "rate(10 minutes)")
    world.look(minutes=0)
    assert world.look(minutes=65) == ["25 12:00:07", "25 13:00:07"]


def test_nothing_is_caught_up_with_that_was_due_while_it_was_disabled(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, "cron(0 * * * ? *)", State="DISABLED")
    assert world.look(minutes=70) == []
    world.change(minutes=75, State="ENABLED")
    assert world.look(minutes=76) == []
    assert world.look(minutes=120) == ["25 14:00:00"]


def test_a_change_does_not_fire_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, "rate(10 minutes)")
    world.look(minutes=0)
    world.change(minutes=1, Description="another")
    assert world.look(minutes=2) == ["25 12:00:07"]
    world.change(minutes=3, ScheduleExpression="rate(5 minutes)")
    assert world.look(minutes=5) == ["25 12:00:07", "25 12:05:07"]


def test_start_and_end_bound_it(monkeypatch: pytest.MonkeyPatch) -> None:
    start, end = (MADE + datetime.timedelta(minutes=minutes) for minutes in (30, 45))
    world = World(monkeypatch, "rate(10 minutes)", StartDate=start.timestamp(), EndDate=end.timestamp())
    assert world.look(minutes=29) == []
    assert world.look(minutes=30) == ["25 12:30:07"]
    assert world.look(minutes=40) == ["25 12:30:07", "25 12:40:07"]
    assert world.look(minutes=90) == ["25 12:30:07", "25 12:40:07"]
    assert world.deliveries.last == [False, True]


def test_once_is_once(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, "at(2026-11-25T12:30:00)")
    assert world.look(minutes=29) == []
    assert world.look(minutes=31) == world.look(minutes=32) == ["25 12:30:00"]
    assert world.deliveries.last == [True]
    past = World(monkeypatch, "at(2026-11-25T11:30:00)")
    assert past.look(minutes=1) == []


class Windows(World):
    """A schedule for one o'clock and two, with a window; the clock has looked an hour after it was made, at one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, later: float = 10) -> None:
        window = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 90}
        super().__init__(monkeypatch, "cron(0 13-14 25 11 ? 2026)", FlexibleTimeWindow=window)
        self.later = later  # minutes that an occurrence takes of its window
        monkeypatch.setattr(random, "uniform", lambda _, most: min(most, self.later * 60))
        assert self.look(minutes=60) == []


def test_a_flexible_window_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Windows(monkeypatch)
    assert world.look(minutes=69) == []
    assert world.look(minutes=70) == world.look(minutes=71) == ["25 13:00:00"]


def test_what_is_gone_or_disabled_is_not_delivered_within_its_window(monkeypatch: pytest.MonkeyPatch) -> None:
    deleted = Windows(monkeypatch)
    record, deleted.record = deleted.record, {}
    assert deleted.look(minutes=70) == []
    disabled = Windows(monkeypatch)
    disabled.change(minutes=61, State="DISABLED")
    assert disabled.look(minutes=70) == []
    made_again = Windows(monkeypatch)
    later = (MADE + datetime.timedelta(minutes=61)).timestamp()
    made_again.record = {**record, "CreationDate": later, "LastModificationDate": later}
    assert made_again.look(minutes=70) == []
    assert made_again.look(minutes=130) == ["25 14:00:00"]


def test_what_is_changed_within_its_window_is_delivered_as_it_is_then(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Windows(monkeypatch)
    world.change(minutes=61, Target={"Input": "other"})
    assert world.look(minutes=70) == ["25 13:00:00"]
    assert [record["Target"] for record in world.deliveries.records] == [{"Input": "other"}]
    assert world.look(minutes=130) == ["25 13:00:00", "25 14:00:00"]


def test_the_last_is_the_one_that_is_delivered_last(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Windows(monkeypatch, later=80)
    world.later = 10
    assert world.look(minutes=120) == []
    assert world.look(minutes=150) == ["25 14:00:00", "25 13:00:00"]
    assert world.deliveries.last == [False, True]
