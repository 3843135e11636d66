"""Deleting the resources of a stack, what depends on others first."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from emrs_local.ministack.cloudformation import resources
from emrs_local.ministack.cloudformation.nested import existing_nested_stack
from emrs_local.ministack.cloudformation.ordering import in_order, reversed_dependencies
from emrs_local.ministack.cloudformation.stack import STACK_TYPE, Operation, Record, Stack, Template, failed_resources

_LOG = logging.getLogger("cloudformation")


@dataclass(frozen=True, kw_only=True)
class PhysicalResource:
    """A physical resource to delete; `retained` ones leave the stack and stay."""

    logical_id: str
    resource_type: str
    physical_id: str
    properties: Record
    retained: bool = False
    snapshot: bool = False


async def delete_resource(stack: Stack, resource: PhysicalResource) -> str | None:
    """Delete a resource and report it; returns why it failed, if it did."""

    def event(status: str, reason: str = "") -> None:
        stack.event(resource.logical_id, resource.resource_type, status, reason, resource.physical_id)

    if resource.retained:
        event("DELETE_SKIPPED")
        return None
    event("DELETE_IN_PROGRESS")
    try:
        if resource.resource_type == STACK_TYPE:
            await _delete_nested(resource.physical_id)
        else:
            await resources.delete(
                stack,
                resource.logical_id,
                resource.resource_type,
                resource.physical_id,
                resource.properties,
                snapshot=resource.snapshot,
            )
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the reason
        _LOG.error("Delete of %s (%s) failed: %s", resource.logical_id, resource.physical_id, error)
        event("DELETE_FAILED", str(error))
        return str(error)
    event("DELETE_COMPLETE")
    return None


async def delete_records(stack: Stack, template: Template, to_delete: Mapping[str, PhysicalResource]) -> list[str]:
    """Delete resources of the stack's record and take them out of it; returns those that failed.

    What a resource that failed depends on is left: its function, say, has to be there for the next attempt.
    """
    failed: list[str] = []

    async def delete(name: str) -> bool:
        stack.resources[name]["ResourceStatus"] = "DELETE_IN_PROGRESS"
        reason = await delete_resource(stack, to_delete[name])
        if reason is None:
            stack.resources.pop(name, None)
            return True
        failed.append(name)
        stack.resources[name].update(ResourceStatus="DELETE_FAILED", ResourceStatusReason=reason)
        return False

    await in_order(to_delete, reversed_dependencies(template.dependencies()), delete)
    return failed


async def _delete_nested(physical_id: str) -> None:
    nested = existing_nested_stack(physical_id)
    if nested is None:
        return
    await Deletion(nested).execute()
    if nested.record["StackStatus"] != "DELETE_COMPLETE":
        reason = nested.record["StackStatusReason"]
        raise RuntimeError(f"Embedded stack {physical_id} was not successfully deleted: {reason}")


class Deletion(Operation):
    """DeleteStack."""

    def __init__(self, stack: Stack, *, retained: frozenset[str] = frozenset(), force: bool = False) -> None:
        super().__init__(stack)
        self._retained = retained
        self._force = force

    async def run(self) -> None:
        """Delete all resources, then the stack; DELETE_FAILED when a resource fails."""
        from ministack.services.cloudformation import _exports

        stack = self.stack
        stack.enter("DELETE_IN_PROGRESS")
        stack.record.pop("_failed_operation", None)
        leftovers: list[PhysicalResource] = stack.record.pop("_leftovers", [])
        for leftover in leftovers:  # what updates replaced that were not rolled back
            await delete_resource(stack, leftover)
        failed = await delete_records(stack, stack.template, self._to_delete())
        if failed and self._force:
            # FORCE_DELETE_STACK leaves what cannot be deleted, and what that depends on.
            for name in list(stack.resources):
                stack.resource_event(name, "DELETE_SKIPPED")
                del stack.resources[name]
        elif failed:
            stack.enter("DELETE_FAILED", failed_resources("delete", failed))
            return
        for output in stack.record.get("Outputs", []):
            _exports.pop(output.get("ExportName"), None)
        stack.enter("DELETE_COMPLETE")

    def _to_delete(self) -> dict[str, PhysicalResource]:
        from ministack.services.cloudformation.stacks import _RETAINING_POLICIES, _with_dependencies

        stack, template = self.stack, self.stack.template
        retained = set(self._retained)
        if self._force:
            failed = [name for name, record in stack.resources.items() if record["ResourceStatus"] == "DELETE_FAILED"]
            retained |= _with_dependencies(failed, template.definitions, set(stack.resources))
        to_delete = {}
        for name, record in stack.resources.items():
            policy = stack.policy(name, "DeletionPolicy", template)
            to_delete[name] = PhysicalResource(
                logical_id=name,
                resource_type=record["ResourceType"],
                physical_id=record.get("PhysicalResourceId", ""),
                properties=record.get("Properties", {}),
                retained=policy in _RETAINING_POLICIES or name in retained,
                snapshot=policy == "Snapshot",
            )
        return to_delete
