"""Durations and sizes as the service takes them: in whole numbers of one unit."""

from typing import cast

from aws_cdk import Duration, Size, Token

from .problems import Problems
from .tokens import is_token

_GIB = 1024**3
_MILLISECONDS = {"seconds": 1_000, "minutes": 60_000}


def whole_minutes(problems: Problems, argument: str, duration: Duration | None) -> int | None:
    """The duration in minutes; notes one that is not whole."""
    return None if duration is None else _whole(problems, argument, duration, "minutes")


def whole_seconds(problems: Problems, argument: str, duration: Duration) -> int | None:
    """The duration in seconds; notes one that is not whole."""
    return _whole(problems, argument, duration, "seconds")


def _whole(problems: Problems, argument: str, duration: Duration, unit: str) -> int | None:
    if duration.is_unresolved():
        if duration.unit_label() == unit:
            return cast("int", duration.to_seconds() if unit == "seconds" else duration.to_minutes())
        problems.add(
            argument, duration, "a value that is known only at deployment can't be converted", f"use Duration.{unit}"
        )
        return None
    count, rest = divmod(duration.to_milliseconds(), _MILLISECONDS[unit])
    if rest:
        problems.add(argument, duration, f"it is not a whole number of {unit}", "round it")
        return None
    return int(count)


def whole_gib(problems: Problems, argument: str, size: Size | None) -> int | None:
    """The size in GiB, None if it is not known yet; notes one that is not whole."""
    if size is None:
        return None
    number = _gib(size)
    if number is None:
        problem, remedy = "a value that is known only at deployment can't be converted", "use Size.gibibytes"
        problems.add(argument, size, problem, remedy)
    elif is_token(number):
        return None
    elif number % 1:
        problems.add(argument, f"{number:g} GiB", "it is not in whole GiB", "round it")
    else:
        return int(number)
    return None


def gib(size: Size) -> str:
    """The number of GiB of a size that has been checked, as it can be part of a text."""
    return in_text(_gib(size) or 0)


def in_text(number: float) -> str:
    """The whole number as it can be part of a text, whether it is known or not."""
    return Token.as_string(number) if is_token(number) else str(int(number))


def _gib(size: Size) -> float | None:
    if not size.is_unresolved():
        return size.to_bytes() / _GIB
    try:
        return size.to_gibibytes()
    except RuntimeError:
        # The CDK converts no tokens, and does not tell their unit.
        return None
