"""A stack's record, the template that an operation works with, and the events that it reports."""

from __future__ import annotations

import asyncio
import copy
import logging
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from typing import Any

from emrs_local.ministack.cloudformation.ordering import Dependencies

Record = dict[str, Any]

_LOG = logging.getLogger("cloudformation")

STACK_TYPE = "AWS::CloudFormation::Stack"


@dataclass(frozen=True, kw_only=True)
class Template:
    """A template with the values of its parameters."""

    body: dict[str, Any]
    parameters: dict[str, Any]
    conditions: dict[str, bool]

    @property
    def definitions(self) -> dict[str, dict[str, Any]]:
        """The resources, also those whose condition is false."""
        return self.body.get("Resources") or {}

    def order(self) -> list[str]:
        """The resources whose condition holds, what others depend on first.

        Raises:
            ValueError: They depend on each other in a circle.
        """
        from ministack.services.cloudformation.engine import _topological_sort

        return list(_topological_sort(self.definitions, self.conditions))

    def dependencies(self) -> Dependencies:
        """What each resource depends on (Ref, Fn::GetAtt, Fn::Sub, DependsOn)."""
        from ministack.services.cloudformation.engine import _extract_deps

        names = set(self.definitions)
        return {name: _extract_deps(definition, names) - {name} for name, definition in self.definitions.items()}


class Stack:
    """What the service knows of a stack; ministack's API operations read the same record."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.name: str = record["StackName"]
        self.id: str = record["StackId"]

    @property
    def resources(self) -> dict[str, Record]:
        """The records of the resources, by logical id."""
        resources: dict[str, Record] = self.record.setdefault("_resources", {})
        return resources

    @property
    def template(self) -> Template:
        """The template that the stack runs."""
        return Template(
            body=self.record.get("_template") or {},
            parameters=self.record.get("_resolved_params") or {},
            conditions=self.record.get("_conditions") or {},
        )

    @property
    def tags(self) -> list[dict[str, str]]:
        """The tags of the stack."""
        return self.record.get("Tags") or []

    def enter(self, status: str, reason: str = "") -> None:
        """Give the stack a status."""
        self.record["StackStatus"] = status
        self.record["StackStatusReason"] = reason
        self.event(self.name, STACK_TYPE, status, reason, self.id)

    def event(self, logical_id: str, resource_type: str, status: str, reason: str = "", physical_id: str = "") -> None:
        """Report what happens to a resource."""
        from ministack.services.cloudformation.stacks import _add_event

        _add_event(self.id, self.name, logical_id, resource_type, status, reason, physical_id)

    def resource_event(self, logical_id: str, status: str, reason: str = "") -> None:
        """Give a resource a status and report it."""
        from ministack.core.responses import now_iso

        record = self.resources[logical_id]
        record["ResourceStatus"], record["ResourceStatusReason"] = status, reason
        record["Timestamp"] = now_iso()
        self.event(logical_id, record["ResourceType"], status, reason, record.get("PhysicalResourceId", ""))

    def resolve(self, value: Any, template: Template) -> Any:
        """A value of the template with its intrinsic functions replaced by what they stand for."""
        from ministack.services.cloudformation.engine import _resolve_refs

        return _resolve_refs(
            copy.deepcopy(value),
            self.resources,
            template.parameters,
            template.conditions,
            template.body.get("Mappings", {}),
            self.name,
            self.id,
        )

    def policy(self, logical_id: str, attribute: str, template: Template) -> str:
        """The DeletionPolicy or UpdateReplacePolicy of a resource."""
        from ministack.services.cloudformation.stacks import _resource_policy

        return str(
            _resource_policy(
                template.definitions.get(logical_id),
                attribute,
                self.resources,
                template.parameters,
                template.conditions,
                template.body.get("Mappings", {}),
                self.name,
                self.id,
            )
        )

    def tagged(self, logical_id: str, resource_type: str, properties: Record, tags: list[dict[str, str]]) -> Record:
        """Properties as the resource receives them: with the tags of the stack."""
        from ministack.services.cloudformation.stacks import _with_stack_tags

        sent: Record = _with_stack_tags(resource_type, properties, tags, self.name, self.id, logical_id)
        return sent


class Operation:
    """Something that is being done to a stack; the stack has one at a time."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.stop = asyncio.Event()
        self.ended = asyncio.Event()

    async def execute(self, work: Awaitable[None] | None = None) -> None:
        """Do it, or `work` that continues it, as the operation of its stack."""
        self.stack.record["_operation"] = self
        self.ended.clear()
        try:
            await (work or self.run())
        except Exception as error:  # noqa: BLE001 - reported as the reason
            # A stack that stays in progress is one that everybody waits for forever.
            _LOG.exception("The operation on %s failed", self.stack.name)
            status = self.stack.record["StackStatus"].replace("_COMPLETE_CLEANUP", "")
            self.stack.enter(status.replace("IN_PROGRESS", "FAILED"), f"Internal error of the local AWS: {error}")
        finally:
            self.stack.record.pop("_operation", None)
            self.ended.set()

    async def run(self) -> None:
        """Do it."""
        raise NotImplementedError


def failed_resources(verb: str, names: Iterable[str]) -> str:
    """CloudFormation's sentence for resources that failed to create, update or delete; empty if there are none."""
    listed = ", ".join(sorted(names))
    return f"The following resource(s) failed to {verb}: [{listed}]. " if listed else ""
