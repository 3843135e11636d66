"""Type hints as the user meets them: whether a value has the type, what the type is called, what to write instead."""

import difflib
import functools
import inspect
import re
import shlex
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import timedelta
from enum import Enum
from inspect import Parameter, Signature
from itertools import takewhile
from pathlib import Path, PurePath
from typing import Any, get_args, get_origin

from aws_cdk import Duration, Size
from constructs import Construct

from .problems import shown
from .tokens import is_token

_WORDS: dict[type, str] = {str: "a string", int: "a whole number", float: "a number", bool: "True or False"}
_BOOLEANS = dict.fromkeys(("1", "on", "true", "yes"), "True") | dict.fromkeys(("0", "false", "no", "off"), "False")
_MANY = 10
_WHOLE, _NUMBER = re.compile(r"\d+"), re.compile(r"\d+(\.\d+)?")
_SIZE = re.compile(r"(\d+) ?([mgt])(?:i?b)?", re.IGNORECASE)
_SIZE_METHODS = {"m": "mebibytes", "g": "gibibytes", "t": "tebibytes"}

# An interface of the CDK is a Protocol, which isinstance can't check; a member that only its implementations have can.
_INTERFACE_MEMBERS = {
    "IApplication": "job_run_arn_pattern",
    "IBucket": "bucket_arn",
    "IConstruct": "node",
    "IDatabaseRef": "database_ref",
    "IEventBus": "event_bus_name",
    "IGrantable": "grant_principal",
    "IJob": "grant_start",
    "IKey": "key_arn",
    "ILogGroup": "log_group_arn",
    "IManagedPolicy": "managed_policy_arn",
    "IQueue": "queue_arn",
    "IRepository": "repository_uri",
    "IRole": "role_arn",
    "IRuleTarget": "bind",
    "ISecurityGroup": "security_group_id",
    "ITopic": "topic_arn",
    "IVpc": "vpc_id",
}
_REMEDIES = {
    "IGrantable": "pass a role, a function or another principal",
    "IJob": "use HiveJob(…) or SparkJob(…)",
    "IRuleTarget": "use a target of aws_cdk.aws_events_targets, such as SnsTopic(…)",
}


@functools.cache
def hints_of(annotated: Any) -> dict[str, Any]:
    """The type hints of a function or class by name; those of keywords that a TypedDict types stand for themselves."""
    hints: dict[str, Any] = {}
    for name, hint in typing.get_type_hints(annotated).items():
        hints |= hints_of(get_args(hint)[0]) if get_origin(hint) is typing.Unpack else {name: hint}
    return hints


def signature_of(function: Callable[..., Any]) -> Signature:
    """The signature, in which keywords that a TypedDict types are arguments like others."""
    signature = inspect.signature(function)
    parameters: list[Parameter] = []
    for item in signature.parameters.values():
        options = get_args(item.annotation)[0] if get_origin(item.annotation) is typing.Unpack else None
        parameters += [
            Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=hint)
            for name, hint in (hints_of(options) if options is not None else {}).items()
        ] or [item]
    return signature.replace(parameters=parameters)


@functools.cache
def alternatives(hint: Any) -> tuple[Any, ...]:
    """The types that a hint allows, without None."""
    if get_origin(hint) in {typing.Union, types.UnionType}:
        return tuple(alternative for alternative in get_args(hint) if alternative is not types.NoneType)
    return (hint,)


@functools.cache
def items_of(hint: Any) -> tuple[Any, ...]:
    """The types of the items of a list or a mapping, or the types of a union."""
    return get_args(hint)


@functools.cache
def _type_of(hint: Any) -> Any:
    return get_origin(hint) or hint


def is_instance(value: Any, hint: Any) -> bool:
    """Whether the value has the type, or what the interface of the CDK asks for; items are not looked at."""
    origin = _type_of(hint)
    if origin is Any:
        return True
    if origin is Sequence:
        return isinstance(value, list | tuple)
    if origin is int:
        return (isinstance(value, int) and not isinstance(value, bool)) or (
            not isinstance(value, str) and is_token(value)
        )
    if origin is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    member = _INTERFACE_MEMBERS.get(getattr(origin, "__name__", ""))
    if member is not None:
        return not isinstance(value, type) and _has_member(value, member)
    return isinstance(value, origin)


def _has_member(value: Any, member: str) -> bool:
    """Whether the object has the member, whose value is not asked for: that would be a round trip to Node.js."""
    return hasattr(type(value), member) or hasattr(value, member)


def name_of(hint: Any) -> str:
    """What is expected, with its article; of several types all."""
    *others, last = alternatives(hint)
    if others:
        return f"{', '.join(map(name_of, others))} or {name_of(last)}"
    origin = _type_of(last)
    if origin in _WORDS:
        return _WORDS[origin]
    name = getattr(origin, "__name__", str(origin))
    known = {Sequence: "a list", Mapping: "a mapping", Path: "a path"}.get(origin)
    return known or f"{'an' if name[0] in 'AEIOU' or name.startswith('S3') else 'a'} {name}"


def remedy_for(hint: Any, value: Any = MISSING) -> str:
    """How the user gets what is expected, from the value where that is possible.

    Args:
        hint: What is expected; of several types the first is what people are told of.
        value: What was given instead. Default: nothing was.
    """
    if isinstance(value, list | tuple) and value and all(_takes(hint, item) for item in value):
        return f"use {shown(value[0])}" if len(value) == 1 else "use one of them"
    hint = alternatives(hint)[0]
    origin = get_origin(hint) or hint
    instead = next(_instead_of(hint, origin, value), None) if value is not MISSING else None
    if instead is not None:
        return f"use {instead}"
    if origin in _WORDS:
        return f"use {_WORDS[origin]}"
    name = getattr(origin, "__name__", str(origin))
    if name in _REMEDIES:
        return _REMEDIES[name]
    if name in _INTERFACE_MEMBERS:
        return f"pass the construct, or import what exists with a method {name.removeprefix('I')}.from_…"
    if isinstance(origin, type) and issubclass(origin, Enum):
        return "use one of " + ", ".join(map(str, list(origin)[:_MANY])) + (", …" if len(origin) > _MANY else "")
    known = {
        Sequence: "use [...]",
        Mapping: "use {name: value}",
        Path: "use a string or a pathlib.Path",
        Duration: "use a Duration, such as Duration.minutes(30)",
        Size: "use a Size, such as Size.gibibytes(16)",
    }
    return known.get(origin) or "use " + " or ".join(_ways_to_make(origin))


def _instead_of(hint: Any, origin: Any, value: Any) -> Iterator[str]:
    """Expressions for what the value was meant to be."""
    if value is None and origin in (Sequence, Mapping):
        yield f"{'[...]' if origin is Sequence else '{name: value}'}, or leave it out"
    if value is None or isinstance(value, type):
        return
    if origin is str:
        yield _as_string(value)
    elif origin is bool:
        yield from filter(None, [_BOOLEANS.get(str(value).lower())])
    elif origin in (int, float):
        yield from _as_number(value, _WHOLE if origin is int else _NUMBER)
    elif origin is Duration:
        yield from _as_duration(value)
    elif origin is Size:
        yield from _as_size(value)
    elif origin is Sequence:
        yield from _as_list(value, get_args(hint))
    elif origin is Mapping:
        yield from _as_mapping(value)
    elif isinstance(origin, type) and issubclass(origin, Enum):
        yield from _as_member(value, origin)
    elif is_dataclass(origin):
        # What one argument of that type makes.
        taking = [name for name, hints in makers(origin) if _takes(next(iter(hints.values()), None), value)]
        yield from filter(None, [" or ".join(f"{name}({shown(value)})" for name in taking if "." in name)])


def _takes(hint: Any, value: Any) -> bool:
    return hint is not None and any(is_instance(value, alternative) for alternative in alternatives(hint))


def _as_string(value: Any) -> str:
    match value:
        case bool():
            return f'"{str(value).lower()}"'
        case int() | float() if not is_token(value):
            return f'"{value}"'
        case Enum() if isinstance(value.value, str):
            return f'"{value.value}"'
        case PurePath():
            return f'"{value}"'
        case bytes():
            return "….decode()"
        case dict() | list() | tuple() if value:
            return "json.dumps(…)"
        case dict() | list() | tuple():
            return "a string"
        case Construct():
            return "a string, such as one of its attributes"
        case _:
            return "Token.as_string(…)" if is_token(value) else "str(…)"


def _as_number(value: Any, pattern: re.Pattern[str]) -> Iterator[str]:
    match value:
        case bool():
            return
        case float() if value.is_integer():
            yield str(int(value))
        case str() if number := pattern.match(value):
            yield number[0]


def _as_duration(value: Any) -> Iterator[str]:
    match value:
        case timedelta():
            yield f"Duration.seconds({value.total_seconds():g})"
        case int() | float() if not isinstance(value, bool):
            yield f"Duration.minutes({value:g}) or Duration.seconds({value:g})"


def _as_size(value: Any) -> Iterator[str]:
    match value:
        case int() | float() if not isinstance(value, bool):
            yield f"Size.gibibytes({value:g}) or Size.mebibytes({value:g})"
        case str() if size := _SIZE.fullmatch(value.strip()):
            yield f"Size.{_SIZE_METHODS[size[2].lower()]}({size[1]})"


def _as_list(value: Any, items: tuple[Any, ...]) -> Iterator[str]:
    match value:
        case str() if items == (str,):
            try:
                yield f"{shlex.split(value)}"
            except ValueError:
                return
        case Mapping() if items == (str,):
            yield f"{[str(part) for pair in value.items() for part in pair]}"
        case _ if items and _takes(items[0], value):
            yield f"[{shown(value)}]"
        case str() | Mapping():
            return
        case set() | frozenset():
            yield "[…], as a set has no order"
        case _ if hasattr(value, "__iter__"):
            yield "list(…)"


def _as_mapping(value: Any) -> Iterator[str]:
    if isinstance(value, list | tuple) and value and all(isinstance(item, str) and "=" in item for item in value):
        yield str(dict(item.split("=", 1) for item in value))


def _as_member(value: Any, enum: type[Enum]) -> Iterator[str]:
    written = value.value if isinstance(value, Enum) else value
    if isinstance(written, str):
        members = {spelling.upper(): member for member in enum for spelling in (str(member.value), member.name)}
        meant = written.upper().replace("-", "_")
        close = difflib.get_close_matches(meant, members)
        if close:
            # Words differ in their ends: SUCCEEDED is SUCCESS rather than SCHEDULED.
            yield str(members[max(close, key=lambda spelling: _common_letters(spelling, meant))])


def _common_letters(one: str, other: str) -> int:
    """How many letters two words have in common at their beginnings."""
    return len(list(takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))))


def makers(cls: Any) -> list[tuple[str, dict[str, Any]]]:
    """What makes instances of a class, with the types of its arguments: its methods for that, else its constructor."""
    methods = [
        (f"{cls.__name__}.{name}", inspect.unwrap(member.__func__))
        for name, member in vars(cls).items()
        if isinstance(member, classmethod | staticmethod) and not name.startswith("_")
    ]
    # Our own classes that have such methods are made by them alone.
    constructor = [] if methods and is_dataclass(cls) else [(cls.__name__, inspect.unwrap(cls.__init__))]
    found = constructor + methods
    return [
        (name, {argument: hint for argument, hint in hints_of(function).items() if argument != "return"})
        for name, function in found
    ]


def _ways_to_make(cls: type) -> list[str]:
    """How the user gets an instance of the class."""
    if issubclass(cls, Construct):
        return [f"{construct.__name__}(…)" for construct in cls.__subclasses__() or [cls]]
    if inspect.isabstract(cls):
        return [f"{name}(…)" for name, _ in makers(cls) if name != cls.__name__]
    return [f"{name}({_needed(cls) if name == cls.__name__ else '…'})" for name, _ in makers(cls)]


def _needed(cls: type) -> str:
    """What a constructor has to be given."""
    if not is_dataclass(cls):
        return "…"
    needed = [item.name for item in fields(cls) if item.default is MISSING and item.default_factory is MISSING]
    return ", ".join(f"{name}=…" for name in needed) or "…"
