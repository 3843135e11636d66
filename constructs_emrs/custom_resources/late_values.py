"""Properties whose values are known when the app is synthesised."""

from collections.abc import Callable
from typing import Any

import jsii
from aws_cdk import IStableAnyProducer, Lazy


def at_synth(value: Callable[[], Any]) -> Any:
    """A property whose value is known when the app is synthesised; one that is empty is left out."""
    return Lazy.any(_Producer(value))


@jsii.implements(IStableAnyProducer)
class _Producer:
    def __init__(self, value: Callable[[], Any]) -> None:
        self._value = value

    def produce(self) -> Any:
        return self._value() or None
