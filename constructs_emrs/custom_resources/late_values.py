"""Properties whose values are known when the app is synthesised."""

from collections.abc import Callable
from typing import Any

import jsii
from aws_cdk import IStableAnyProducer, IStableStringProducer, Lazy


def at_synth(value: Callable[[], Any]) -> Any:
    """A property whose value is known when the app is synthesised; one that is empty is left out."""
    return Lazy.any(_Producer(value))


def text_at_synth(text: Callable[[], str]) -> str:
    """A text, or a part of one, that is known when the app is synthesised."""
    return Lazy.string(_TextProducer(text))


@jsii.implements(IStableAnyProducer)
class _Producer:
    def __init__(self, value: Callable[[], Any]) -> None:
        self._value = value

    def produce(self) -> Any:
        return self._value() or None


@jsii.implements(IStableStringProducer)
class _TextProducer:
    def __init__(self, text: Callable[[], str]) -> None:
        self._text = text

    def produce(self) -> str:
        return self._text()
