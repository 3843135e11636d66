"""Helpers for tests that look at synthesised templates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from aws_cdk import App, Stack
from aws_cdk.assertions import Template

from constructs_emrs import Job

ACCOUNT = "123456789012"
REGION = "us-east-1"
PSEUDO_PARAMETERS = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::StackName": "Lake",
    "AWS::URLSuffix": "amazonaws.com",
}

Resources = dict[str, dict[str, Any]]


def new_app(**context: Any) -> App:
    """An app whose assets stay where they are: they are not looked for in its cloud assembly."""
    return App(context={"aws:cdk:disable-asset-staging": True, **context})


def new_stack(name: str = "Lake", *, context: Mapping[str, Any] | None = None, **options: Any) -> Stack:
    """A stack in an app of its own."""
    return Stack(new_app(**context or {}), name, **options)


def resources(stack: Stack, resource_type: str | None = None) -> Resources:
    """The resources of the stack's template, all or of one type."""
    found = cast("Resources", Template.from_stack(stack).to_json()["Resources"])
    return {name: item for name, item in found.items() if resource_type in {None, item["Type"]}}


def request_of(job: Job) -> dict[str, Any]:
    """The job's request, to look into."""
    return cast("dict[str, Any]", job.start_job_run_request)


def only(stack: Stack, resource_type: str) -> dict[str, Any]:
    """The properties of the one resource of that type."""
    (resource,) = resources(stack, resource_type).values()
    return cast("dict[str, Any]", resource["Properties"])


def resolved(value: Any, references: dict[str, str]) -> Any:
    """What CloudFormation makes of a property, given the values of Ref (`Id`) and Fn::GetAtt (`Id.Attribute`)."""
    known = {**PSEUDO_PARAMETERS, **references}
    match value:
        case {"Ref": name}:
            return known[name]
        case {"Fn::GetAtt": [name, attribute]}:
            return known[f"{name}.{attribute}"]
        case {"Fn::ImportValue": str(name)}:
            return known.get(name, name)
        case {"Fn::Join": [separator, parts]}:
            return separator.join(resolved(part, references) for part in parts)
        case {"Fn::Sub": str(text)}:
            for name, replacement in known.items():
                text = text.replace(f"${{{name}}}", replacement)
            return text
        case dict():
            return {key: resolved(item, references) for key, item in value.items()}
        case list():
            return [resolved(item, references) for item in value]
        case _:
            return value


def referenced(value: Any) -> set[str]:
    """The logical ids that a property refers to."""
    match value:
        case {"Ref": name}:
            return {name}
        case {"Fn::GetAtt": [name, _]}:
            return {name}
        case dict():
            return set().union(*map(referenced, value.values()))
        case list():
            return set().union(*map(referenced, value))
        case _:
            return set()


def dependencies(template: Resources, logical_id: str) -> set[str]:
    """All resources that are there before this one is created and after it is deleted."""
    found: set[str] = set()
    todo = [logical_id]
    while todo:
        resource = template[todo.pop()]
        direct = {*resource.get("DependsOn", []), *referenced(resource.get("Properties", {}))} & template.keys()
        todo += direct - found
        found |= direct
    return found
