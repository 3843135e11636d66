"""What never changes about a construct, asked of the CDK once: each question is a round trip to Node.js."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from aws_cdk import Stack
from constructs import Construct, IConstruct, Node

_T = TypeVar("_T")
_R = TypeVar("_R")


class asked_once(Generic[_T, _R]):  # noqa: N801 - it is a decorator
    """Keep the answer to a question about an object for as long as the object lives."""

    def __init__(self, question: Callable[[_T], _R]) -> None:
        functools.update_wrapper(self, question)
        self._question = question
        self._answers: WeakKeyDictionary[_T, _R] = WeakKeyDictionary()

    def __call__(self, thing: _T) -> _R:
        """The answer."""
        try:
            return self._answers[thing]
        except KeyError:
            answer = self._answers[thing] = self._question(thing)
            return answer

    def know(self, thing: _T, answer: _R) -> None:
        """Keep an answer that need not be asked for."""
        self._answers[thing] = answer


@asked_once
def node_of(construct: IConstruct) -> Node:
    """The construct's node."""
    return construct.node


@asked_once
def path_of(construct: IConstruct) -> str:
    """The construct's path."""
    return node_of(construct).path


def child_path(scope: IConstruct, construct_id: str) -> str:
    """The path of a construct, as soon as its scope is there."""
    return "/".join(filter(None, (path_of(scope), construct_id.replace("/", "--"))))


@asked_once
def stack_of(construct: IConstruct) -> Stack:
    """The stack that the construct is in."""
    return Stack.of(construct)


def know_place(construct: Construct, scope: IConstruct, construct_id: str) -> None:
    """Keep where a construct is that was just made, which its scope says."""
    path_of.know(construct, child_path(scope, construct_id))
    stack_of.know(construct, stack_of(scope))


@asked_once
def is_in_stack(scope: Construct) -> bool:
    """Whether the construct is a stack or in one."""
    return any(isinstance(outer, Stack) for outer in node_of(scope).scopes)


@asked_once
def stack_name(stack: Stack) -> str:
    """The stack's name."""
    return stack.stack_name


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a stack is deployed to."""

    partition: str
    region: str
    account: str


@asked_once
def place_of(stack: Stack) -> Place:
    """Where the stack is deployed to."""
    return Place(partition=stack.partition, region=stack.region, account=stack.account)
