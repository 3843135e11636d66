"""What EventBridge Scheduler takes.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

import re
from collections.abc import Mapping
from datetime import datetime

from aws_cdk import Duration
from aws_cdk import aws_scheduler as scheduler

from ..validation.problems import Problems
from ..validation.tokens import is_token

# https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html, API_FlexibleTimeWindow.html
_MOST_EXPRESSION, _MOST_TIME_ZONE = 256, 50
_WINDOW_MINUTES = range(1, 1440 + 1)

_RATE = re.compile(r"rate\([1-9]\d* (minute|hour|day)s?\)")
_AT = re.compile(r"at\((.+)\)")
_AT_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_CRON = re.compile(r"cron\((.+)\)")
_TIME_ZONE = re.compile(r"[A-Za-z0-9_+\-]+(/[A-Za-z0-9_+\-]+)*")
_FIELDS: Mapping[str, tuple[range, str]] = {
    "minutes": (range(60), ""),
    "hours": (range(24), ""),
    "day of month": (range(1, 32), ""),
    "month": (range(1, 13), "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC"),
    "day of week": (range(1, 8), "SUN MON TUE WED THU FRI SAT"),
    "year": (range(1970, 2200), ""),
}
_DAY_FIELDS = ("day of month", "day of week")
# The last day, the weekday nearest to one, the last of a week's days in the month, the n-th of them.
_OF_A_DAY = {
    "day of month": re.compile(r"L(-\d+)?|LW|(?P<value>\w+)W", re.IGNORECASE),
    "day of week": re.compile(r"L|(?P<value>\w+)(L|#[1-5])", re.IGNORECASE),
}
_REMEDY = "use ScheduleExpression.cron(…), .rate(…) or .at(…), or a text such as cron(0 2 * * ? *)"


def check_schedule(problems: Problems, schedule: scheduler.ScheduleExpression) -> None:
    """Note an expression or a time zone that Scheduler does not take."""
    text = schedule.expression_string
    if not is_token(text) and (problem := _problem_of(text)):
        problems.add("schedule", text, problem, _REMEDY)
    zone = schedule.time_zone
    name = None if zone is None else zone.timezone_name
    if name is not None and not is_token(name) and (len(name) > _MOST_TIME_ZONE or not _TIME_ZONE.fullmatch(name)):
        problems.add(
            "schedule.time_zone", name, "it is no name of a time zone", "use one such as TimeZone.EUROPE_PARIS"
        )


def check_time_window(problems: Problems, time_window: Duration | None) -> None:
    """Note a window that Scheduler does not have."""
    if time_window is not None and time_window.to_minutes(integral=False) not in _WINDOW_MINUTES:
        problems.add("time_window", time_window, "it is out of range", "use 1 minute to a day, in whole minutes")


def check_period(problems: Problems, start: datetime | None, end: datetime | None) -> None:
    """Note a period that ends before it begins, and times of which nobody knows when they are."""
    for argument, time in (("start", start), ("end", end)):
        if time is not None and time.tzinfo is None:
            remedy = "give it one, such as datetime(2026, 3, 22, tzinfo=UTC)"
            problems.add(argument, time, "it has no time zone", remedy)
    if start is not None and end is not None and start.tzinfo and end.tzinfo and start >= end:
        problems.add("end", end, f"the schedule begins at {start}", "use a later time")


def _problem_of(text: str) -> str | None:
    """What is wrong with an expression."""
    if len(text) > _MOST_EXPRESSION:
        return f"it has {len(text)} characters, and Scheduler takes {_MOST_EXPRESSION}"
    if _RATE.fullmatch(text):
        return None
    if match := _AT.fullmatch(text):
        return None if _is_time(match[1]) else f"{match[1]} is not a time such as 2026-03-22T02:00:00"
    if match := _CRON.fullmatch(text):
        return _problem_of_cron(match[1].split())
    return "Scheduler does not know such an expression"


def _is_time(text: str) -> bool:
    try:
        return bool(_AT_TIME.fullmatch(text) and datetime.fromisoformat(text))
    except ValueError:
        return False


def _problem_of_cron(fields: list[str]) -> str | None:
    if len(fields) != len(_FIELDS):
        return f"it has {len(fields)} fields, and Scheduler takes six: {', '.join(_FIELDS)}"
    written = dict(zip(_FIELDS, fields, strict=True))
    for name, field in written.items():
        for part in field.split(","):
            if not _is_part(name, part):
                return f"{part} is no {name} that Scheduler knows"
    if [written[name] for name in _DAY_FIELDS].count("?") != 1:
        return "one of day of month and day of week has to be ?, and one not"
    return None


def _is_part(name: str, part: str) -> bool:
    """Whether a part of a field is a value, a range, a step, or a wildcard that the field has."""
    if part == "?":
        return name in _DAY_FIELDS
    if name in _OF_A_DAY and (match := _OF_A_DAY[name].fullmatch(part)):
        return match["value"] is None or _is_value(name, match["value"])
    span, stepped, step = part.partition("/")
    if stepped and not (step.isdecimal() and int(step) > 0):
        return False
    first, ranged, last = span.partition("-")
    return span == "*" or (_is_value(name, first) and (not ranged or _is_value(name, last)))


def _is_value(name: str, text: str) -> bool:
    values, names = _FIELDS[name]
    return text.upper() in names.split() or (text.isdecimal() and int(text) in values)
