"""Creating, updating and deleting one resource: one with a function, or one of ministack's types."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from emrs_local.ministack.cloudformation import custom_resources
from emrs_local.ministack.cloudformation.custom_resources import is_custom_resource
from emrs_local.ministack.cloudformation.stack import STACK_TYPE, Record, Stack

_ABANDONED_TYPE = "AWS::CloudFormation::WaitCondition"


@dataclass(kw_only=True)
class Step:
    """What a deployment does to one resource, and how far it came."""

    logical_id: str
    resource_type: str
    old: Record | None = None
    properties: Record = field(default_factory=dict)
    sent: Record = field(default_factory=dict)
    old_sent: Record = field(default_factory=dict)
    dynamic_values: Record = field(default_factory=dict)
    name_seed: str = ""
    physical_id: str = ""
    attributes: Record = field(default_factory=dict)
    adopted: bool = False
    done: bool = False
    attempted: bool = False  # the resource may have changed
    predecessor_deletes: list[Any] = field(default_factory=list)

    @property
    def verb(self) -> str:
        """What is done."""
        return "create" if self.old is None else "update"

    @property
    def old_physical_id(self) -> str:
        """The physical id before the deployment."""
        return str((self.old or {}).get("PhysicalResourceId", ""))

    @property
    def is_custom(self) -> bool:
        """Whether a function provides the resource."""
        return is_custom_resource(self.resource_type)

    @property
    def is_stack(self) -> bool:
        """Whether the resource is a nested stack."""
        return self.resource_type == STACK_TYPE

    @property
    def is_replaced(self) -> bool:
        """Whether there is another physical resource now, and the one of before waits for its deletion."""
        return self.done and self.old is not None and self.physical_id != self.old_physical_id


async def create(stack: Stack, step: Step) -> None:
    """Create the resource of a step.

    Raises:
        Exception: Why it failed.
        asyncio.CancelledError: It was interrupted; if the step has a physical id nevertheless, then it is there.
    """
    from ministack.services.cloudformation import stacks

    step.attempted = True
    if step.is_custom:
        step.physical_id, step.attributes = await custom_resources.send(_request(stack, step, "Create"))
        return
    await _finish(step, stacks._provision_keeping_seed, step.resource_type, step.logical_id, step.sent, stack.name)


async def update(stack: Stack, step: Step, *, retain_replaced: bool) -> None:
    """Update the resource of a step; the same exceptions as `create`."""
    from ministack.services.cloudformation import provisioners, stacks

    old_attributes = (step.old or {}).get("Attributes", {})
    if step.is_custom:
        if step.sent.get("ServiceToken") != step.old_sent.get("ServiceToken"):
            raise ValueError("Modifying service token is not allowed.")
        step.attempted = True
        physical_id, step.attributes = await custom_resources.send(
            _request(stack, step, "Update", physical_id=step.old_physical_id, old_properties=step.old_sent)
        )
        if physical_id != step.old_physical_id:
            reason = "Requested update required the provider to create a new physical resource"
            stack.event(step.logical_id, step.resource_type, "UPDATE_IN_PROGRESS", reason, physical_id)
        step.physical_id = physical_id
        return
    if not stacks._custom_named_replacement_error(step.resource_type, step.old_sent, step.sent):
        if stacks._replacing_change(step.resource_type, step.old_sent, step.sent):
            reason = "Requested update requires the creation of a new physical resource; hence creating one."
            stack.event(step.logical_id, step.resource_type, "UPDATE_IN_PROGRESS", reason, step.old_physical_id)
        else:
            step.attempted = True
    # Context variables are how ministack's handlers hear of policies; this coroutine's task has a context of its own.
    provisioners._RETAIN_REPLACED.set(retain_replaced)
    provisioners._DEFERRED_PREDECESSOR_DELETES.set(step.predecessor_deletes)
    provisioners._NAME_SEED.set((step.old or {}).get("_name_seed", ""))
    await _finish(
        step,
        stacks._update_keeping_seed,
        step.resource_type,
        step.old_physical_id,
        step.old_sent,
        step.sent,
        stack.name,
        step.logical_id,
        old_attributes,
    )


async def revert(stack: Stack, step: Step) -> tuple[str, Record]:
    """Send an updated resource its old properties; returns the physical id and attributes that it answers.

    Raises:
        Exception: Why it failed.
    """
    from ministack.services.cloudformation import provisioners, stacks

    if step.is_custom:
        # The properties change sides, and the resource is the one that the last answer named.
        request = custom_resources.Request(
            request_type="Update",
            stack_id=stack.id,
            logical_id=step.logical_id,
            resource_type=step.resource_type,
            properties=step.old_sent,
            old_properties=step.sent,
            physical_id=step.physical_id,
        )
        return await custom_resources.send(request)
    provisioners._NAME_SEED.set((step.old or {}).get("_name_seed", ""))
    reverted, _ = await _call(
        step.resource_type,
        stacks._update_keeping_seed,
        step.resource_type,
        step.physical_id,
        step.sent,
        step.old_sent,
        stack.name,
        step.logical_id,
        step.attributes or (step.old or {}).get("Attributes", {}),
    )
    return reverted[0], reverted[1]


async def delete(
    stack: Stack, logical_id: str, resource_type: str, physical_id: str, properties: Record, *, snapshot: bool = False
) -> None:
    """Delete one physical resource.

    Raises:
        Exception: Why it failed.
    """
    from ministack.services.cloudformation import stacks

    if not physical_id:
        return  # its creation failed before there was anything
    if is_custom_resource(resource_type):
        request = custom_resources.Request(
            request_type="Delete",
            stack_id=stack.id,
            logical_id=logical_id,
            resource_type=resource_type,
            properties=properties,
            physical_id=physical_id,
        )
        await custom_resources.send(request)
        return
    if snapshot:
        stacks._snapshot_resource(resource_type, physical_id, properties)
    await _call(resource_type, stacks._delete_resource, resource_type, physical_id, properties, stack.name, logical_id)


def _request(stack: Stack, step: Step, request_type: str, **others: Any) -> custom_resources.Request:
    return custom_resources.Request(
        request_type=request_type,
        stack_id=stack.id,
        logical_id=step.logical_id,
        resource_type=step.resource_type,
        properties=step.sent,
        **others,
    )


async def _finish(step: Step, function: Callable[..., Any], *arguments: Any) -> None:
    def finish(result: Any) -> None:
        (step.physical_id, attributes), step.name_seed = result
        step.attributes = attributes or {}

    finish(await _call(step.resource_type, function, *arguments, interrupted=finish))


async def _call(
    resource_type: str,
    function: Callable[..., Any],
    *arguments: Any,
    interrupted: Callable[[Any], None] = lambda _: None,
) -> Any:
    """Call one of ministack's functions, on a thread if it blocks.

    A thread cannot be ended: when the call is cancelled, its result is waited for and given to `interrupted`. Only a
    wait condition, which may wait for hours, is left alone.
    """
    from ministack.core.concurrency import run_reentrant
    from ministack.services.cloudformation import stacks

    if not stacks._runs_on_worker_thread(resource_type):
        return function(*arguments)
    running = asyncio.ensure_future(run_reentrant(function, *arguments))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        if resource_type != _ABANDONED_TYPE:
            interrupted(await running)
        raise
