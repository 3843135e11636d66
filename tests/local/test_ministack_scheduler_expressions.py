"""When schedules fire, and how long a target is tried."""

import datetime
import zoneinfo
from collections.abc import Callable

import pytest

from emrs_local.ministack.scheduler.delivery import Ended, try_until_done
from emrs_local.ministack.scheduler.expressions import parse, time_zone
from emrs_local.ministack.scheduler.targets import TargetError

ANCHOR = datetime.datetime(2026, 1, 1, 12, 0, 7, tzinfo=datetime.UTC)


def moment(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC)


def occurrences(expression: str, after: str, count: int, *, zone: str = "UTC") -> list[str]:
    found: list[str] = []
    last: datetime.datetime | None = moment(after)
    while len(found) < count and last:
        last = parse(expression).following(last, zone=time_zone(zone), anchor=ANCHOR)
        if last:
            found.append(f"{last:%Y-%m-%dT%H:%M:%S}")
    return found


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("cron(0 2 * * ? *)", "2026-11-25T01:59:59", ["2026-11-25T02:00:00", "2026-11-26T02:00:00"]),
        ("cron(0 2 * * ? *)", "2026-11-25T02:00:00", ["2026-11-26T02:00:00", "2026-11-27T02:00:00"]),
        ("cron(0/20 8-9 ? * MON-FRI *)", "2026-11-27T09:30:00", ["2026-11-27T09:40:00", "2026-11-30T08:00:00"]),
        ("cron(0 0 L * ? *)", "2026-02-01T00:00:00", ["2026-02-28T00:00:00", "2026-03-31T00:00:00"]),
        ("cron(0 0 LW * ? *)", "2026-05-01T00:00:00", ["2026-05-29T00:00:00", "2026-06-30T00:00:00"]),
        ("cron(0 0 15W * ? *)", "2026-08-01T00:00:00", ["2026-08-14T00:00:00", "2026-09-15T00:00:00"]),
        ("cron(0 0 1W * ? *)", "2026-08-01T00:00:00", ["2026-08-03T00:00:00", "2026-09-01T00:00:00"]),
        ("cron(0 0 ? * FRI#2 *)", "2026-11-01T00:00:00", ["2026-11-13T00:00:00", "2026-12-11T00:00:00"]),
        ("cron(0 0 ? * 6L *)", "2026-11-01T00:00:00", ["2026-11-27T00:00:00", "2026-12-25T00:00:00"]),
        ("cron(0 0 ? * FRI-MON *)", "2026-11-24T00:00:00", ["2026-11-27T00:00:00", "2026-11-28T00:00:00"]),
        ("cron(0 0 29 2 ? *)", "2026-01-01T00:00:00", ["2028-02-29T00:00:00", "2032-02-29T00:00:00"]),
        ("cron(0 0 1 JAN,jul ? 2026-2027)", "2026-08-01T00:00:00", ["2027-01-01T00:00:00", "2027-07-01T00:00:00"]),
        ("rate(5 minutes)", "2025-01-01T00:00:00", ["2026-01-01T12:00:07", "2026-01-01T12:05:07"]),
        ("rate(1 day)", "2026-01-01T12:00:07", ["2026-01-02T12:00:07", "2026-01-03T12:00:07"]),
    ],
)
def test_the_next_times(expression: str, after: str, expected: list[str]) -> None:
    assert occurrences(expression, after, 2) == expected


def test_what_comes_once_or_no_more() -> None:
    assert occurrences("at(2026-11-25T02:00:00)", "2026-11-25T01:59:59", 2) == ["2026-11-25T02:00:00"]
    assert occurrences("at(2026-11-25T02:00:00)", "2026-11-25T02:00:00", 1) == []
    assert occurrences("cron(0 0 1 1 ? 2026)", "2026-01-01T00:00:00", 1) == []


def test_a_time_is_one_of_the_time_zone() -> None:
    zone = "Europe/Berlin"
    assert occurrences("at(2026-07-01T02:00:00)", "2026-01-01T00:00:00", 1, zone=zone) == ["2026-07-01T00:00:00"]
    # 02:30 does not exist on 29 March 2026, and exists twice on 25 October.
    daily = "cron(30 2 * * ? *)"
    assert occurrences(daily, "2026-03-27T12:00:00", 3, zone=zone) == [
        "2026-03-28T01:30:00",
        "2026-03-30T00:30:00",
        "2026-03-31T00:30:00",
    ]
    assert occurrences(daily, "2026-10-24T12:00:00", 2, zone=zone) == ["2026-10-25T00:30:00", "2026-10-26T01:30:00"]


@pytest.mark.parametrize(
    "expression",
    [
        "", "daily", "rate(0 minutes)", "rate(5 seconds)", "rate(1.5 hours)", "at(2026-13-01T00:00:00)",
        "at(2026-11-25)",
        "cron(0 2 * * *)", "cron(0 2 * * ? * *)", "cron(0 2 * * * *)", "cron(0 2 ? * ? *)", "cron(60 2 * * ? *)",
        "cron(0 24 * * ? *)", "cron(0 2 32 * ? *)", "cron(0 2 * 13 ? *)", "cron(0 2 ? * 8 *)", "cron(0 2 * * ? 1969)",
        "cron(a 2 * * ? *)", "cron(0/0 2 * * ? *)", "rate(99999999999 days)",
    ],
)  # fmt: skip
def test_what_is_no_expression_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match="Invalid Schedule Expression"):
        parse(expression)


def test_what_is_no_time_zone_is_refused() -> None:
    assert time_zone("Europe/Berlin") == zoneinfo.ZoneInfo("Europe/Berlin")
    for name in ("Middle/Earth", "../etc/passwd", ""):
        with pytest.raises(ValueError, match="Invalid ScheduleExpressionTimezone"):
            time_zone(name)


class Target:
    """Fails as often as told; time passes only as it is waited for."""

    def __init__(self, *, failures: int, is_permanent: bool = False) -> None:
        self.failures = failures
        self.is_permanent = is_permanent
        self.attempts: list[int] = []
        self.waits: list[float] = []

    def attempt(self, number: int) -> None:
        self.attempts.append(number)
        if number <= self.failures:
            raise TargetError("Code", "message", is_permanent=self.is_permanent)

    def deliver(self, *, most_retries: int = 185, longest_age_seconds: float = 86_400) -> Ended:
        wait: Callable[[float], None] = self.waits.append
        return try_until_done(
            self.attempt,
            most_retries=most_retries,
            longest_age_seconds=longest_age_seconds,
            wait=wait,
            clock=lambda: sum(self.waits),
        )


def test_a_target_is_tried_again_after_ever_longer_times() -> None:
    target = Target(failures=4)
    assert target.deliver() == Ended()
    assert target.attempts == [1, 2, 3, 4, 5]
    assert target.waits == sorted(set(target.waits))


def test_the_retry_policy_ends_it() -> None:
    target = Target(failures=1000)
    assert target.deliver(most_retries=3).exhausted == "MaximumRetryAttempts"
    assert target.attempts == [1, 2, 3, 4]
    target = Target(failures=1000)
    assert target.deliver(most_retries=0).exhausted == "MaximumRetryAttempts"
    assert target.attempts == [1]
    target = Target(failures=1000)
    assert target.deliver(longest_age_seconds=60).exhausted == "MaximumEventAgeInSeconds"
    assert 1 < len(target.attempts) < 10
    assert sum(target.waits) <= 60


def test_a_permanent_error_is_not_tried_again() -> None:
    target = Target(failures=1000, is_permanent=True)
    ended = target.deliver()
    assert ended.error is not None
    assert (target.attempts, ended.error.code, ended.exhausted) == ([1], "Code", "")
