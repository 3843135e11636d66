"""When a schedule fires: the expressions `at`, `rate` and `cron`.

EventBridge Scheduler User Guide, "Schedule types in EventBridge Scheduler".
"""

from __future__ import annotations

import calendar
import datetime
import re
import zoneinfo
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

_RATE = re.compile(r"rate\((?P<value>[1-9]\d*) (?P<unit>minute|hour|day)s?\)")
_CRON = re.compile(r"cron\((?P<fields>.+)\)")
_AT = re.compile(r"at\((?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
_LAST_YEAR = 2199
_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_DAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), start=1)}
_SATURDAY = 7

DayMatches = Callable[[datetime.date], bool]


class Expression(Protocol):
    """When a schedule fires."""

    def following(
        self, after: datetime.datetime, *, zone: datetime.tzinfo, anchor: datetime.datetime
    ) -> datetime.datetime | None:
        """The first occurrence after a moment, in UTC; None if there is none.

        Args:
            after: The moment.
            zone: The time zone that the expression is read in.
            anchor: The schedule's start, or when it was made: the first occurrence of a rate.
        """
        ...


def parse(text: str) -> Expression:
    """What an expression says.

    Raises:
        ValueError: It is none; the message is the service's.
    """
    try:
        if found := _RATE.fullmatch(text):
            return Rate(period=datetime.timedelta(**{f"{found['unit']}s": int(found["value"])}))
        if found := _AT.fullmatch(text):
            return At(time=datetime.datetime.fromisoformat(found["time"]))
        if found := _CRON.fullmatch(text):
            return _cron(found["fields"].split())
    except (ValueError, KeyError, OverflowError):
        pass
    raise ValueError(f"Invalid Schedule Expression {text}.")


def time_zone(name: str) -> datetime.tzinfo:
    """The time zone of that name.

    Raises:
        ValueError: There is none; the message is the service's.
    """
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        if name == "UTC":  # a machine without a time zone database has it all the same
            return datetime.UTC
        raise ValueError(f"Invalid ScheduleExpressionTimezone {name}.") from None


@dataclass(frozen=True, kw_only=True)
class At:
    """Once, at a time of the time zone."""

    time: datetime.datetime

    def following(
        self, after: datetime.datetime, *, zone: datetime.tzinfo, anchor: datetime.datetime
    ) -> datetime.datetime | None:
        """The time, if it is still to come."""
        del anchor
        moment = self.time.replace(tzinfo=zone).astimezone(datetime.UTC)
        return moment if moment > after else None


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Again and again, beginning with the anchor; a day is always 24 hours."""

    period: datetime.timedelta

    def following(
        self, after: datetime.datetime, *, zone: datetime.tzinfo, anchor: datetime.datetime
    ) -> datetime.datetime | None:
        """The next whole number of periods after the anchor."""
        del zone
        periods = 0 if after < anchor else (after - anchor) // self.period + 1
        return anchor.astimezone(datetime.UTC) + periods * self.period


@dataclass(frozen=True, kw_only=True)
class Cron:
    """At times of the time zone.

    As clocks go forward, a time that does not exist is left out; as they go back, one that exists twice is taken once.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    months: frozenset[int]
    years: frozenset[int]
    day_matches: DayMatches

    def following(
        self, after: datetime.datetime, *, zone: datetime.tzinfo, anchor: datetime.datetime
    ) -> datetime.datetime | None:
        """The next time that all fields match."""
        del anchor
        for time in self._times(from_day=after.astimezone(zone).date()):
            moment = time.replace(tzinfo=zone).astimezone(datetime.UTC)
            if moment > after and moment.astimezone(zone).replace(tzinfo=None) == time:
                return moment
        return None

    def _times(self, *, from_day: datetime.date) -> Iterator[datetime.datetime]:
        """The times of the clock on the wall that match."""
        for year in range(from_day.year, _LAST_YEAR + 1):
            if year not in self.years:
                continue
            for month in sorted(self.months):
                for number in range(1, calendar.monthrange(year, month)[1] + 1):
                    day = datetime.date(year, month, number)
                    if day >= from_day and self.day_matches(day):
                        for hour in sorted(self.hours):
                            for minute in sorted(self.minutes):
                                yield datetime.datetime(year, month, number, hour, minute)


def _cron(fields: list[str]) -> Cron:
    minutes, hours, days_of_month, months, days_of_week, years = fields
    if (days_of_month == "?") == (days_of_week == "?"):
        raise ValueError("one of the two days is ?")
    matches = _day_of_week(days_of_week) if days_of_month == "?" else _day_of_month(days_of_month)
    return Cron(
        minutes=_numbers(minutes, 0, 59),
        hours=_numbers(hours, 0, 23),
        months=_numbers(months, 1, 12, _MONTHS),
        years=_numbers(years, 1970, _LAST_YEAR),
        day_matches=matches,
    )


def _numbers(field: str, lowest: int, highest: int, names: dict[str, int] | None = None) -> frozenset[int]:
    """What a field of numbers, ranges and steps matches."""

    def number(text: str) -> int:
        found = (names or {}).get(text.upper())
        value = int(text) if found is None else found
        if not lowest <= value <= highest:
            raise ValueError(f"{text} is not from {lowest} to {highest}")
        return value

    matched: set[int] = set()
    for part in field.split(","):
        span, stepped, step = part.partition("/")
        first, ranged, last = span.partition("-")
        begin, end = (lowest, highest) if span == "*" else (number(first), number(last) if ranged else number(first))
        if stepped and not ranged:
            end = highest
        if begin > end:  # FRI-MON goes around
            matched |= {*range(begin, highest + 1), *range(lowest, end + 1)}
            continue
        matched |= set(range(begin, end + 1, int(step) if stepped else 1))
    return frozenset(matched)


def _day_of_month(field: str) -> DayMatches:
    matches = [_one_day_of_month(part.upper()) for part in field.split(",")]
    return lambda day: any(match(day) for match in matches)


def _one_day_of_month(part: str) -> DayMatches:
    if part == "L":
        return lambda day: day.day == _last_of_month(day)
    if part == "LW":
        return lambda day: day.day == _nearest_weekday(day, _last_of_month(day))
    if part.endswith("W"):
        (wanted,) = _numbers(part[:-1], 1, 31)
        return lambda day: wanted <= _last_of_month(day) and day.day == _nearest_weekday(day, wanted)
    numbers = _numbers(part, 1, 31)
    return lambda day: day.day in numbers


def _day_of_week(field: str) -> DayMatches:
    matches = [_one_day_of_week(part.upper()) for part in field.split(",")]
    return lambda day: any(match(day) for match in matches)


def _one_day_of_week(part: str) -> DayMatches:
    if part == "L":
        return lambda day: _week_day(day) == _SATURDAY
    if "#" in part:
        name, _, which = part.partition("#")
        (wanted,), (week,) = _numbers(name, 1, 7, _DAYS), _numbers(which, 1, 5)
        return lambda day: _week_day(day) == wanted and (day.day - 1) // 7 + 1 == week
    if part.endswith("L"):
        (last,) = _numbers(part[:-1], 1, 7, _DAYS)
        return lambda day: _week_day(day) == last and day.day + 7 > _last_of_month(day)
    numbers = _numbers(part, 1, 7, _DAYS)
    return lambda day: _week_day(day) in numbers


def _week_day(day: datetime.date) -> int:
    """1 is Sunday."""
    return day.isoweekday() % 7 + 1


def _last_of_month(day: datetime.date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _nearest_weekday(day: datetime.date, wanted: int) -> int:
    """The day from Monday to Friday that is nearest to a day of the month, in the same month."""
    found = day.replace(day=wanted).isoweekday()
    if found == 6:
        return wanted - 1 if wanted > 1 else wanted + 2
    if found == 7:
        return wanted + 1 if wanted < _last_of_month(day) else wanted - 2
    return wanted
