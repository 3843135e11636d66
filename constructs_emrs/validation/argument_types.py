"""Checks the types of constructor arguments, so that a wrong one is never found by the jsii kernel."""

import functools
import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, ParamSpec, TypeVar

from constructs import Construct

from .cdk_cache import child_path, is_in_stack, path_of
from .problems import Problems, shown
from .tokens import is_token
from .type_hints import alternatives, hints_of, is_instance, items_of, name_of, remedy_for, signature_of

_P = ParamSpec("_P")
_R = TypeVar("_R")


def checked(maker: Callable[_P, _R]) -> Callable[_P, _R]:
    """Check the arguments of what makes a construct against its annotations, before anything is created.

    Dataclasses among them are checked with all their fields, so that the error can name the construct.

    Args:
        maker: The `__init__` of a construct, or a function that has the parameters `scope` and `construct_id` too, or a
            method with a `construct_id` that makes something in its own construct.
    """
    names = list(signature_of(maker).parameters)

    @functools.wraps(maker)
    def checking(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        arguments = {name: given[name] for name in names if name in given}
        own = arguments.pop("self", None)
        construct_id = arguments.pop("construct_id")
        problems = Problems(_new_path(arguments.pop("scope", own), construct_id))
        hints = hints_of(maker)
        for name, value in arguments.items():
            check_type(problems, name, value, hints[name])
        problems.raise_if_any()
        try:
            return maker(*args, **kwargs)
        except RuntimeError as error:
            # The CDK is not asked before: most ids are not taken.
            if f"already a Construct with name '{construct_id}' in" not in str(error):
                raise
            problems.add("construct_id", construct_id, "its scope has a construct of that id", "use another id")
        raise ValueError(str(problems))

    return checking


def _new_path(scope: Any, construct_id: Any) -> str:
    """The path that the construct will have.

    Raises:
        ValueError: There can't be such a construct.
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
        problems.add("construct_id", construct_id, "it is not a valid construct id", "use a string that is not empty")
    problems.raise_if_any()
    return path


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
    if value is None and types.NoneType in items_of(hint):
        return
    fitting = next((alternative for alternative in alternatives(hint) if is_instance(value, alternative)), None)
    if fitting is None:
        actual = "a class" if isinstance(value, type) else f"of type {type(value).__name__}"
        problems.add(argument, value, f"{name_of(hint)} is expected, this is {actual}", remedy_for(hint, value))
        return
    if is_dataclass(value) and not isinstance(value, type):
        for name, its_hint in _fields_of(type(value)):
            check_type(problems, f"{argument}.{name}", getattr(value, name), its_hint)
    arguments = items_of(fitting)
    if isinstance(value, Mapping) and arguments:
        for key, item in value.items():
            check_type(problems, f"{argument} key", key, arguments[0])
            check_type(problems, f"{argument}[{_key(key)}]", item, arguments[1])
    elif isinstance(value, list | tuple) and arguments:
        for position, item in enumerate(value):
            check_type(problems, f"{argument}[{position}]", item, arguments[0])


@functools.cache
def _fields_of(dataclass: Any) -> tuple[tuple[str, Any], ...]:
    hints = hints_of(dataclass)
    return tuple((field.name, hints[field.name]) for field in fields(dataclass) if not field.name.startswith("_"))


def _key(key: Any) -> str:
    return str(key) if isinstance(key, Enum) else repr(key)
