"""Every example synthesises as it is."""

import json
import runpy
import shutil
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk.assertions import Annotations, Match, Template

from constructs_emrs.handler import contract
from tests.examples import ENVIRONMENT, EXAMPLES, NAMES

STACKS = {
    "batch": {"Batch": 1},
    "bring_your_own": {"BringYourOwn": 1},
    "graviton": {"Graviton": 0},
    "hive": {"Hive": 1},
    "jar": {"Jar": 1},
    "migration": {"Migration": 3},
    "nightly": {"Nightly": 0},
    "prometheus": {"Metrics": 1},
    "python_dependencies": {"Prices": 1},
    "shared_application": {"Platform": 0, "Reports": 1},
    "streaming": {"Streaming": 1},
    "testing": {"Words": 1},
    "workflow": {"Workflow": 0},
}
"""The stacks of each example, and how many job runs each has."""

SAID_IN_CDK_JSON = "@aws-cdk/core:crossStackReferencesDefaultStrong"
"""What the CDK warns of when no CLI hands the context in cdk.json on."""


def stacks_of(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Stack]:
    """The stacks of an example, made in a copy of its folder the way the CDK CLI makes them."""
    shutil.copytree(EXAMPLES / name, folder, dirs_exist_ok=True)
    (folder / "sum-of-squares.jar").touch()
    # Packages are got from an index, which unit tests do not ask: so the CLI lists or destroys a stack.
    monkeypatch.setenv("CDK_CONTEXT_JSON", json.dumps({"aws:cdk:bundling-stacks": []}))
    monkeypatch.chdir(folder)
    for variable, value in ENVIRONMENT.items():
        monkeypatch.setenv(variable, value)
    made: dict[str, Any] = runpy.run_path("app.py", run_name="__main__")
    app = made["app"]
    assert isinstance(app, App)
    return {child.stack_name: child for child in app.node.children if isinstance(child, Stack)}


def test_the_examples_are_those_that_are_tested() -> None:
    assert sorted(STACKS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_example_synthesises(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stacks = stacks_of(name, tmp_path, monkeypatch)
    assert stacks.keys() == STACKS[name].keys()
    for stack_name, stack in stacks.items():
        Template.from_stack(stack).resource_count_is(contract.JOB_RUN_TYPE, STACKS[name][stack_name])
        warnings = Annotations.from_stack(stack).find_warning("*", Match.any_value())
        assert [warning.entry.data for warning in warnings if SAID_IN_CDK_JSON not in str(warning.entry.data)] == []
        Annotations.from_stack(stack).has_no_error("*", Match.any_value())


def test_the_jobs_that_bring_everything_create_nothing_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (stack,) = stacks_of("bring_your_own", tmp_path, monkeypatch).values()
    created = {child.node.id for child in stack.node.find_child("Etl").node.children}
    assert created <= {"EntryPoint", "Policy"}
