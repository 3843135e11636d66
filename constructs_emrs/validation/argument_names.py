"""Explains a call with arguments that there are not, that are missing, or that are not given by name.

Python's own TypeError names neither the construct nor what was meant.
"""

import difflib
import functools
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from inspect import Parameter, Signature
from typing import Any, TypeVar, get_args, get_origin

from constructs import Construct

from .cdk_cache import child_path, path_of
from .other_spellings import ARGUMENTS, MISSING, REMEDIES
from .problems import Problems, shown
from .type_hints import alternatives, hints_of, is_instance, makers, remedy_for, signature_of

_C = TypeVar("_C", bound=type)

_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_NO_ARGUMENTS = ("self", "cls")
# How other APIs spell an argument that is a construct or a value here.
_SUFFIX = re.compile(r"_(arn|id|name|uri)s?$")
_CLOSE = 0.75
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_CONSTRUCTS: dict[str, Signature] = {}
"""The constructors of the constructs by their names: what one of them does not take, another may."""


def explained(cls: _C) -> _C:
    """Let calls of the class and of its public methods say what is wrong with the names of their arguments.

    Args:
        cls: A class of the public API.
    """
    for name, member in list(vars(cls).items()):
        if name.startswith("_") and name != "__init__":
            continue
        match member:
            case classmethod() | staticmethod():
                setattr(cls, name, type(member)(_explaining(member.__func__, f"{cls.__name__}.{name}")))
            case _ if inspect.isfunction(member):
                setattr(cls, name, _explaining(member, cls.__name__ if name == "__init__" else f"{name}()"))
    if issubclass(cls, Construct) and "__init__" in vars(cls):
        _CONSTRUCTS[cls.__name__] = inspect.signature(cls.__init__)
    return cls


def _explaining(function: Callable[..., Any], label: str) -> Callable[..., Any]:
    signature = signature_of(function)
    positional = [item.name for item in signature.parameters.values() if item.kind in _POSITIONAL]
    needed = {item.name for item in signature.parameters.values() if item.default is Parameter.empty}

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        # Binding the signature would take as long as all checks of the arguments.
        by_position = positional[: len(args)]
        if (
            len(args) > len(positional)
            or not kwargs.keys() <= signature.parameters.keys()
            or not kwargs.keys().isdisjoint(by_position)
            or not needed <= {*by_position, *kwargs}
        ):
            _Call(function, label, signature, args, kwargs).explain()
        return function(*args, **kwargs)

    # What help() shows.
    vars(call)["__signature__"] = signature
    return call


class _Call:
    """A call that Python refuses."""

    def __init__(
        self,
        function: Callable[..., Any],
        label: str,
        signature: Signature,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
    ) -> None:
        self._label = label
        try:
            self._hints = hints_of(inspect.unwrap(function))
        except NameError:
            # A type that is defined in terms of itself can't be had from another module.
            self._hints = {}
        self._parameters = signature.parameters
        self._kwargs = kwargs
        positional = [item.name for item in self._parameters.values() if item.kind in _POSITIONAL]
        self._by_position = dict(zip(positional, args, strict=False))
        self._surplus = args[len(positional) :]
        self._given = {**self._by_position, **kwargs}
        self._names = [name for name in self._parameters if name not in _NO_ARGUMENTS]
        self._problems = Problems(self._path())

    def explain(self) -> None:
        """Raise what is wrong.

        Raises:
            ValueError: Always; its text has a line for each argument.
        """
        meant: set[str] = set()
        made = type(self._given.get("self"))
        if self._label == made.__name__ and is_dataclass(made) and made.__name__ not in dict(makers(made)):
            written = ", ".join([*map(shown, self._surplus), *(f"{name}=…" for name in self._kwargs)])
            ways = " or ".join(f"{name}(…)" for name, _ in makers(made))
            self._problems.note(f"{self._label}({written})", "it takes other arguments", f"use {ways}")
            self._problems.raise_if_any()
        if "scope" in self._parameters and "scope" in self._given and not isinstance(self._given["scope"], Construct):
            remedy = "pass the stack, or self inside of one"
            self._problems.add("scope", self._given["scope"], "a construct is expected", remedy)
            meant.add("construct_id")
        for value in self._surplus:
            argument = next(self._taking(value, meant), None)
            meant |= {argument} if argument else set()
            if argument is None:
                self._problems.note(shown(value), f"{self._label} has no such argument", "leave it out")
            else:
                self._problems.note(shown(value), f"{self._label} takes it by name only", f"write {argument}=…")
        for name, value in self._kwargs.items():
            if name in self._by_position:
                self._problems.add(name, value, "it is given twice", "give it once")
            elif name not in self._parameters:
                remedy = self._remedy(name)
                meant |= set(re.findall(r"\w+", remedy))
                self._problems.add(name, value, f"{self._label} has no such argument", remedy)
        for name in self._missing():
            if name not in meant:
                self._problems.note(name, f"{self._label} needs it", self._how_to_give(name))
        self._problems.raise_if_any()

    def _path(self) -> str:
        """The path of the construct that is made or that the method belongs to; none for a value."""
        own = self._given.get("self")
        scope, construct_id = self._given.get("scope"), self._given.get("construct_id", self._given.get("id"))
        if isinstance(scope, Construct):
            return child_path(scope, construct_id) if isinstance(construct_id, str) else path_of(scope)
        is_made = isinstance(own, Construct) and "scope" not in self._parameters
        return path_of(own) if is_made and own is not None else ""

    def _missing(self) -> list[str]:
        return [
            name
            for name in self._names
            if name not in self._given
            and self._parameters[name].default is Parameter.empty
            and self._parameters[name].kind not in (Parameter.VAR_KEYWORD, Parameter.VAR_POSITIONAL)
        ]

    def _taking(self, value: Any, taken: set[str]) -> Iterator[str]:
        """The arguments that the value can be meant for: those that are needed first."""
        free = [name for name in self._names if name not in {*self._given, *taken}]
        needed = [name for name in self._missing() if name in free]
        for name in (*needed, *free):
            if any(is_instance(value, hint) for hint in alternatives(self._hints.get(name, Any))):
                yield name
        yield from needed

    def _how_to_give(self, name: str) -> str:
        if name in MISSING:
            return MISSING[name]
        return remedy_for(self._hints[name]) if name in self._hints else "give it a value"

    def _remedy(self, written: str) -> str:
        name = _CAPITAL.sub("_", written).lower()
        expression = next(self._meant(name), None)
        if expression is not None:
            return f"use {expression}"
        if name in REMEDIES and "scope" in self._parameters:
            return REMEDIES[name]
        owners = [owner for owner, its in _CONSTRUCTS.items() if name in its.parameters and owner != "Job"]
        if owners and "scope" in self._parameters:
            return "it is an argument of " + " and ".join(owners)
        if len(missing := self._missing()) == 1:
            return f"use {missing[0]}"
        known = [name for name in self._names if name not in ("scope", "construct_id")]
        return "use one of " + ", ".join(known) if known else "leave it out"

    def _meant(self, name: str) -> Iterator[str]:
        """Expressions for the arguments that may be meant, the likeliest first."""
        if name in self._names:
            yield name
        for expression in ARGUMENTS.get(name, ()):
            if re.findall(r"\w+", expression)[0] in self._names:
                yield expression
        if places := list(_places(self._hints, name)):
            yield " or ".join(places[:3])
        if (short := _SUFFIX.sub("", name)) != name:
            yield from (item for item in (short, f"{short}s") if item in self._names)
            yield from self._meant(short)
        if name not in REMEDIES:
            yield from difflib.get_close_matches(name, self._names, n=1, cutoff=_CLOSE)


def _places(hints: Mapping[str, Any], name: str, outer: tuple[Any, ...] = ()) -> Iterator[str]:
    """Where inside of the arguments there is one of that name, such as `monitoring=Monitoring(prometheus=…)`."""
    for argument, hint in hints.items():
        for alternative in alternatives(hint):
            inner, shape = _item(alternative)
            if not is_dataclass(inner) or inner in outer or argument == "return":
                continue
            for maker, its_hints in makers(inner):
                found = [f"{name}=…"] if name in its_hints else _places(its_hints, name, (*outer, inner))
                yield from (f"{argument}={shape.format(f'{maker}({place})')}" for place in found)


def _item(hint: Any) -> tuple[Any, str]:
    """The type of the items of a list or mapping, or the type itself; and how the whole is written with one."""
    if get_origin(hint) is Mapping:
        return get_args(hint)[1], "{{…: {}}}"
    if get_origin(hint) is Sequence:
        return get_args(hint)[0], "[{}]"
    return hint, "{}"
