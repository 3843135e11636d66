"""Checks the types of constructor arguments, so that a wrong one is never found by the jsii kernel."""

import functools
import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, ParamSpec, get_args, get_origin

from aws_cdk import Duration, Size
from constructs import Construct

from ._problems import Problems
from ._tokens import is_token

_P = ParamSpec("_P")

_REMEDIES: dict[type, str] = {
    Duration: "use a Duration, such as Duration.minutes(30)",
    Size: "use a Size, such as Size.gibibytes(16)",
    str: "use a string",
    int: "use a whole number",
    bool: "use True or False",
}

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


def checked(constructor: Callable[_P, None]) -> Callable[_P, None]:
    """Check the arguments of a construct's `__init__` against its annotations, before anything is created.

    Dataclasses among them are checked with all their fields, so that the error can name the construct.
    """
    signature = inspect.signature(constructor)

    @functools.wraps(constructor)
    def checking(*args: _P.args, **kwargs: _P.kwargs) -> None:
        bound = signature.bind(*args, **kwargs)
        _, scope, construct_id, *_ = bound.arguments.values()
        if not isinstance(scope, Construct):
            raise ValueError(f"{construct_id}: scope={scope!r}: a construct is expected; pass the stack, or self")
        if not isinstance(construct_id, str):
            raise ValueError(f"{scope.node.path}: construct_id={construct_id!r}: a string is expected; use a string")
        problems = Problems("/".join(filter(None, (scope.node.path, construct_id))))
        hints = _hints(constructor)
        for name, value in list(bound.arguments.items())[3:]:
            check_type(problems, name, value, hints[name])
        problems.raise_if_any()
        constructor(*args, **kwargs)

    return checking


@functools.cache
def _hints(annotated: Any) -> dict[str, Any]:
    return typing.get_type_hints(annotated)


def check_type(problems: Problems, argument: str, value: Any, hint: Any) -> None:
    """Note what is wrong with the type of the value or of what it contains."""
    if get_origin(hint) in {typing.Union, types.UnionType}:
        alternatives = [alternative for alternative in get_args(hint) if alternative is not types.NoneType]
        if value is None and len(alternatives) < len(get_args(hint)):
            return
        matching = [alternative for alternative in alternatives if _is(value, alternative)]
        hint = (matching or alternatives)[0]
    if not _is(value, hint):
        expected, remedy = _described(hint)
        problems.add(argument, value, f"{expected} is expected, this is of type {type(value).__name__}", remedy)
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


def _is(value: Any, hint: Any) -> bool:
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
        return not isinstance(value, type) and hasattr(value, member)
    return isinstance(value, origin)


def _described(hint: Any) -> tuple[str, str]:
    """What is expected, and how to get one."""
    origin = get_origin(hint) or hint
    name = getattr(origin, "__name__", str(origin))
    article = "an" if name[0] in "AEIOU" else "a"
    if origin is Sequence:
        return "a list", "use [...]"
    if origin is Mapping:
        return "a mapping", "use {name: value}"
    if origin is Path:
        return "a path", "use a string or a pathlib.Path"
    if isinstance(origin, type) and issubclass(origin, Enum):
        return f"{article} {name}", "use one of " + ", ".join(map(str, origin))
    if name in _INTERFACE_MEMBERS:
        return f"{article} {name}", f"pass the construct, or import what exists with its from_… method; {name} has both"
    return f"{article} {name}", _REMEDIES.get(origin, f"make one with {name}(…) or one of its methods")
