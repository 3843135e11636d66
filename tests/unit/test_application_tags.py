"""Who sets the tags of an application, and which of them it is stopped for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import CfnParameter, NestedStack, Stack, Tags
from aws_cdk.assertions import Annotations, Match

from constructs_emrs import Application, Code, JobMode, JobRun, ReleaseLabel, SparkJob
from constructs_emrs.handler import contract
from tests.templates import new_app, new_stack, only

EXPLICIT = {"@aws-cdk/core:explicitStackTags": True}
BY_CLOUDFORMATION = [{"Key": contract.STACK_TAG, "Value": {"Ref": "AWS::StackId"}}]


def application_in(stack: Stack) -> Application:
    return Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)


def before_update(stack: Stack) -> dict[str, Any]:
    """The properties of what stops the application when they change."""
    return only(stack, contract.APPLICATION_UPDATE_TYPE)


def own_tags(stack: Stack) -> dict[str, str]:
    """The tags that the custom resource sets."""
    tags: dict[str, str] = only(stack, contract.APPLICATION_STOP_TYPE).get(contract.APPLICATION_TAGS, {})
    return tags


def test_tags_of_a_started_application() -> None:
    """A tag that changes goes past CloudFormation and stops nothing."""
    templates = []
    for value in ("a", "b"):
        stack = new_stack()
        Tags.of(application_in(stack)).add("cost", value)
        assert only(stack, "AWS::EMRServerless::Application")["Tags"] == BY_CLOUDFORMATION
        assert own_tags(stack) == {"cost": value}
        templates.append(before_update(stack))
    assert templates[0] == templates[1]


@pytest.mark.parametrize(
    "add",
    [
        lambda stack: stack.tags.set_tag("cost", "7"),  # Stack(tags=…)
        lambda stack: Tags.of(stack).add("cost", "7"),
        lambda stack: Tags.of(stack.node.root).add("cost", "7"),
    ],
    ids=["argument", "Tags.of(stack)", "Tags.of(app)"],
)
def test_the_application_is_stopped_before_a_tag_of_the_stack_changes(add: Callable[[Stack], None]) -> None:
    stack = new_stack()
    application_in(stack)
    assert contract.STACK_TAGS not in before_update(stack)
    stack = new_stack()
    application_in(stack)
    add(stack)
    assert before_update(stack)[contract.STACK_TAGS] == {"cost": "7"}
    assert only(stack, "AWS::EMRServerless::Application")["Tags"] == BY_CLOUDFORMATION
    assert own_tags(stack) == {"cost": "7"}


def test_with_explicit_stack_tags_a_tag_of_the_stack_s_constructs_stops_nothing() -> None:
    stack = new_stack(context=EXPLICIT)
    application_in(stack)
    Tags.of(stack).add("cost", "7")
    assert contract.STACK_TAGS not in before_update(stack)
    assert own_tags(stack) == {"cost": "7"}


def test_a_tag_of_a_construct_wins_over_that_of_the_stack() -> None:
    stack = new_stack(tags={"cost": "7", "team": "lake"})
    Tags.of(application_in(stack)).add("cost", "8")
    assert own_tags(stack) == {"cost": "8", "team": "lake"}
    assert before_update(stack)[contract.STACK_TAGS] == {"cost": "7", "team": "lake"}


@pytest.mark.parametrize("context", [{}, EXPLICIT], ids=["default", "explicitStackTags"])
def test_a_nested_stack_has_the_tags_of_those_around_it(context: dict[str, bool]) -> None:
    stack = new_stack(context=context, tags={"cost": "7", "team": "lake"})
    outer = NestedStack(stack, "Outer")
    nested = NestedStack(outer, "Nested")
    application_in(nested)
    outer.nested_stack_resource.tags.set_tag("team", "outer")  # type: ignore[union-attr]  # it is there
    nested.nested_stack_resource.tags.set_tag("stage", "test")  # type: ignore[union-attr]
    assert before_update(nested)[contract.STACK_TAGS] == {"cost": "7", "team": "outer", "stage": "test"}


def test_the_tags_of_a_nested_stack_reach_what_stops_its_application() -> None:
    """The CDK hands them to its resource in the middle of a synth, after it has looked for references."""
    stack = new_stack()
    nested = NestedStack(stack, "Nested")
    application_in(nested)
    for tagged, tags in ((stack, {"cost": "7", "team": "lake"}), (nested, {"team": "nested", "stage": "test"})):
        for name, value in tags.items():
            Tags.of(tagged).add(name, value)
    assert before_update(nested)[contract.STACK_TAGS] == {"cost": "7", "team": "nested", "stage": "test"}
    assert own_tags(nested) == {"cost": "7", "team": "nested", "stage": "test"}


def test_a_stream_of_another_stack_is_started_again_when_a_tag_of_the_application_s_stack_changes() -> None:
    definitions: list[str] = []
    for tags in ({}, {"cost": "7"}, {"cost": "8"}):
        app = new_app()
        application = application_in(Stack(app, "Lake", tags=tags))
        other = Stack(app, "Runs")
        code = Code.from_uri("s3://code/x.py")
        job = SparkJob(other, "Etl", application=application, entry_point=code, mode=JobMode.STREAMING)
        JobRun(other, "Run", job=job)
        Tags.of(application).add("own", str(len(definitions)))
        definitions.append(only(other, contract.JOB_RUN_TYPE)[contract.APPLICATION_DEFINITION])
    assert len(set(definitions)) == 3
    assert all(isinstance(definition, str) for definition in definitions)


def test_a_stream_of_another_stack_goes_on_when_nothing_has_changed() -> None:
    """The CDK counts what is known at deployment only, and gives it another number at the next synth."""
    definitions: set[str] = set()
    for _ in range(2):
        stack = new_stack()
        nested = NestedStack(stack, "Nested")
        Tags.of(nested).add("team", CfnParameter(stack, "Team").value_as_string)
        code = Code.from_uri("s3://code/x.py")
        job = SparkJob(stack, "Etl", application=application_in(nested), entry_point=code, mode=JobMode.STREAMING)
        JobRun(stack, "Run", job=job)
        definitions.add(only(stack, contract.JOB_RUN_TYPE)[contract.APPLICATION_DEFINITION])
    assert len(definitions) == 1


def test_tags_that_the_service_refuses_are_an_error_on_the_application() -> None:
    stack = new_stack()
    application = application_in(stack)
    Tags.of(application).add("owner", "jane(at)example.com")
    Annotations.from_stack(stack).has_error(
        "/Lake/Spark",
        Match.string_like_regexp(r"Lake/Spark: tags\['owner'\]='jane\(at\)example.com': .* use a text that matches"),
    )


def test_as_many_tags_as_the_service_takes_beside_the_stack_s_own_are_no_error() -> None:
    for count in (199, 200):
        stack = new_stack()
        application = application_in(stack)
        for number in range(count):
            application.node.default_child.tags.set_tag(f"tag{number}", "value")  # type: ignore[union-attr]
        found = Annotations.from_stack(stack).find_error("/Lake/Spark", Match.any_value())
        assert len(found) == count - 199
