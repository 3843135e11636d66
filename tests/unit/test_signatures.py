"""An editor completes what the library takes and gives: no public signature has `Any`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator

import pytest

import constructs_emrs


def public_functions() -> Iterator[tuple[str, Callable[..., object]]]:
    """The constructors, methods and properties of all public classes, those of their own bases too."""
    for name in constructs_emrs.__all__:
        exported = getattr(constructs_emrs, name)
        if not inspect.isclass(exported):
            continue
        for member_name, member in inspect.getmembers_static(exported):
            function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
            is_public = member_name == "__init__" or not member_name.startswith("_")
            is_own = str(getattr(function, "__module__", "")).startswith("constructs_emrs")
            if is_public and is_own and inspect.isfunction(function):
                yield f"{name}.{member_name}", function


FUNCTIONS = dict(public_functions())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_public_signature_has_no_any(name: str) -> None:
    annotations = {key: str(value) for key, value in inspect.unwrap(FUNCTIONS[name]).__annotations__.items()}
    vague = {key: value for key, value in annotations.items() if "Any" in value.replace("typing.", "")}
    assert vague == {}, name


def test_there_are_signatures_to_look_at() -> None:
    assert {"SparkJob.__init__", "JobRun.job_run_id", "Code.from_asset", "Application.metric"} <= FUNCTIONS.keys()
