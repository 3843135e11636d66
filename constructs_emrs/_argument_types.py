"""Checks the types of constructor arguments, so that a wrong one is never found by the jsii kernel."""

import functools
import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, get_args, get_origin

from aws_cdk import Duration, Size
from constructs import Construct

from ._problems import Problems, shown
from ._tokens import is_token
from ._tree import child_path, is_in_stack, node_of, path_of

_P = ParamSpec("_P")
_R = TypeVar("_R")

_REMEDIES: dict[type, str] = {
    Duration: "use a Duration, such as Duration.minutes(30)",
    Size: "use a Size, such as Size.gibibytes(16)",
}

_WORDS: dict[type, str] = {str: "a string", int: "a whole number", bool: "True or False"}

# An interface of the CDK is a Protocol, which isinstance can't check; a member that only its implementations have can.
_INTERFACE_MEMBERS = {
    "IApplication": "job_run_arns",
    "IBucket": "bucket_arn",
    "IConstruct": "node",
    "IGrantable": "grant_principal",
    "IKey": "key_arn",
    "ILogGroup": "log_group_arn",
    "IManagedPolicy": "managed_policy_arn",
    "IRepository": "repository_uri",
    "IRole": "role_arn",
    "ISecurityGroup": "security_group_id",
    "IVpc": "vpc_id",
}


def checked(maker: Callable[_P, _R]) -> Callable[_P, _R]:
    """Check the arguments of what makes a construct against its annotations, before anything is created.

    Dataclasses among them are checked with all their fields, so that the error can name the construct.

    Args:
        maker: The `__init__` of a construct, or a function that has the parameters `scope` and `construct_id` too.
    """
    signature = inspect.signature(maker)

    @functools.wraps(maker)
    def checking(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        arguments = dict(signature.bind(*args, **kwargs).arguments)
        arguments.pop("self", None)
        problems = Problems(_new_path(arguments.pop("scope"), arguments.pop("construct_id")))
        hints = _hints(maker)
        for name, value in arguments.items():
            check_type(problems, name, value, hints[name])
        problems.raise_if_any()
        return maker(*args, **kwargs)

    return checking


def _new_path(scope: Any, construct_id: Any) -> str:
    """The path that the construct will have.

    Raises:
        ValueError: There can be no such construct.
    """
    if not isinstance(scope, Construct):
        raise ValueError(
            f"{construct_id}: scope={shown(scope)}: a construct is expected; pass the stack, or self inside of one"
        )
    path = child_path(scope, construct_id) if isinstance(construct_id, str) else path_of(scope)
    problems = Problems(path)
    if not is_in_stack(scope):
        problems.add("scope", scope, "it is not in a stack", "pass a stack, or a construct in one")
    if not isinstance(construct_id, str) or not construct_id or is_token(construct_id):
        problems.add("construct_id", construct_id, "it is no id of a construct", "use a string that is not empty")
    elif node_of(scope).try_find_child(construct_id) is not None:
        problems.add("construct_id", construct_id, "its scope has a construct of that id", "use another id")
    problems.raise_if_any()
    return path


@functools.cache
def _hints(annotated: Any) -> dict[str, Any]:
    return typing.get_type_hints(annotated)


def check_types(path: str, **arguments: tuple[Any, Any]) -> None:
    """Check the arguments of a method: for each its value and its type.

    Raises:
        ValueError: A value is of another type.
    """
    problems = Problems(path)
    for name, (value, hint) in arguments.items():
        check_type(problems, name, value, hint)
    problems.raise_if_any()


def check_type(problems: Problems, argument: str, value: Any, hint: Any) -> None:
    """Note what is wrong with the type of the value or of what it contains."""
    if get_origin(hint) in {typing.Union, types.UnionType}:
        alternatives = [alternative for alternative in get_args(hint) if alternative is not types.NoneType]
        if value is None and len(alternatives) < len(get_args(hint)):
            return
        matching = [alternative for alternative in alternatives if is_instance(value, alternative)]
        hint = (matching or alternatives)[0]
    if not is_instance(value, hint):
        expected, remedy = _described(hint)
        actual = "a class" if isinstance(value, type) else f"of type {type(value).__name__}"
        problems.add(argument, value, f"{expected} is expected, this is {actual}", remedy)
        return
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            if not field.name.startswith("_"):
                item = getattr(value, field.name)
                check_type(problems, f"{argument}.{field.name}", item, _hints(type(value))[field.name])
    arguments = get_args(hint)
    if isinstance(value, Mapping) and arguments:
        for key, item in value.items():
            check_type(problems, f"{argument} key", key, arguments[0])
            check_type(problems, f"{argument}[{_key(key)}]", item, arguments[1])
    elif isinstance(value, list | tuple) and arguments:
        for position, item in enumerate(value):
            check_type(problems, f"{argument}[{position}]", item, arguments[0])


def _key(key: Any) -> str:
    return str(key) if isinstance(key, Enum) else repr(key)


def is_instance(value: Any, hint: Any) -> bool:
    """Whether the value has the type, or what the interface of the CDK asks for; items are not looked at."""
    origin = get_origin(hint) or hint
    if origin is Any:
        return True
    if origin is Sequence:
        return isinstance(value, list | tuple)
    if origin is int:
        return (isinstance(value, int) and not isinstance(value, bool)) or (
            not isinstance(value, str) and is_token(value)
        )
    member = _INTERFACE_MEMBERS.get(getattr(origin, "__name__", ""))
    if member is not None:
        return not isinstance(value, type) and _has_member(value, member)
    return isinstance(value, origin)


def _has_member(value: Any, member: str) -> bool:
    """Whether the object has the member, whose value is not asked for: that would be a round trip to Node.js."""
    return hasattr(type(value), member) or hasattr(value, member)


def _described(hint: Any) -> tuple[str, str]:
    """What is expected, and how to get one."""
    origin = get_origin(hint) or hint
    name = getattr(origin, "__name__", str(origin))
    article = "an" if name[0] in "AEIOU" or name.startswith("S3") else "a"
    if origin in _WORDS:
        return _WORDS[origin], f"use {_WORDS[origin]}"
    if origin is Sequence:
        return "a list", "use [...]"
    if origin is Mapping:
        return "a mapping", "use {name: value}"
    if origin is Path:
        return "a path", "use a string or a pathlib.Path"
    if isinstance(origin, type) and issubclass(origin, Enum):
        return f"{article} {name}", "use one of " + ", ".join(map(str, origin))
    if name in _INTERFACE_MEMBERS:
        construct = name.removeprefix("I")
        return f"{article} {name}", f"pass the construct, or import what exists with a method {construct}.from_…"
    return f"{article} {name}", _REMEDIES.get(origin) or "use " + " or ".join(_ways_to_make(origin))


def _ways_to_make(origin: type) -> list[str]:
    """How the user gets an instance of the class."""
    if issubclass(origin, Construct):
        return [f"{construct.__name__}(…)" for construct in origin.__subclasses__() or [origin]]
    methods = [name for name, member in vars(origin).items() if isinstance(member, classmethod | staticmethod)]
    constructor = [] if inspect.isabstract(origin) else [f"{origin.__name__}(…)"]
    return constructor + [f"{origin.__name__}.{name}(…)" for name in methods if not name.startswith("_")]
