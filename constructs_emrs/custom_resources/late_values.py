"""Properties whose values are known, or change, after their resource was made."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import jsii
from aws_cdk import CfnResource, IStableAnyProducer, IStableStringProducer, Lazy

# What means something in a path of the CDK.
_SPECIAL = re.compile(r"[.\\]")


def at_synth(value: Callable[[], Any]) -> Any:
    """A property whose value is known when the app is synthesised; one that is empty is left out."""
    return Lazy.any(_Producer(value))


def text_at_synth(text: Callable[[], str]) -> str:
    """A text, or a part of one, that is known when the app is synthesised."""
    return Lazy.string(_TextProducer(text))


class ChangingProperty:
    """An object among the properties of a resource whose members may change after the resource was made.

    What is known at synth only takes four round trips to Node.js, a change takes one for each member that it changes.
    An inner object can't become an empty one: the CDK takes it out.
    """

    def __init__(self, resource: CfnResource, name: str, made_with: Mapping[str, Any]) -> None:
        """Take the property.

        Args:
            resource: The resource.
            name: The name of the property.
            made_with: What the resource was made with.
        """
        self._resource = resource
        self._name = name
        self._made_with = made_with
        self._value = made_with

    def change(self, value: Mapping[str, Any]) -> None:
        """Give it another value; what others have overridden in members that stay as they are is left alone."""
        self._override(self._name, self._made_with, self._value, value)
        self._value = value

    def override(self, member: str, value: Any) -> None:
        """Override one member."""
        self._resource.add_property_override(f"{self._name}.{member}", value)

    def _override(self, path: str, first: Mapping[str, Any], was: Mapping[str, Any], value: Mapping[str, Any]) -> None:
        # The CDK merges what is overridden into what the resource was made with.
        for name in {**first, **was, **value}:
            its_path = ".".join([path, _SPECIAL.sub(r"\\\g<0>", name)])
            its_first, it_was, its = first.get(name), was.get(name), value.get(name)
            if isinstance(its_first, dict) and isinstance(its, dict):
                self._override(its_path, its_first, it_was if isinstance(it_was, dict) else {}, its)
            elif its is None:
                self._resource.add_property_deletion_override(its_path)
            elif its != it_was:
                self._resource.add_property_override(its_path, its)


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
