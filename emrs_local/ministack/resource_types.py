"""Types of CloudFormation that are provisioned here, beside ministack's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


def register_resource_type(
    name: str,
    *,
    create: Callable[[str, dict[str, Any], str], tuple[str, dict[str, str]]],
    update: Callable[[str, dict[str, Any], dict[str, Any], str], tuple[str, dict[str, str]]],
    delete: Callable[[str, dict[str, Any]], None],
    create_only_properties: Sequence[str],
) -> None:
    """Give CloudFormation the resource type `name`, with a list property `Tags` that stack tags are merged into.

    `create(logical_id, properties, stack_name)` and `update(physical_id, old, new, stack_name)` return the physical id
    and the attributes; `delete(physical_id, properties)` returns nothing. They run on the event loop and may not block.
    """
    from ministack.services.cloudformation import provisioners

    provisioners._RESOURCE_HANDLERS[name] = {"create": create, "update": update, "delete": delete}
    provisioners._REPLACING_PROPERTIES[name] = tuple(create_only_properties)
    provisioners._STACK_TAG_PROPERTY[name] = ("Tags", "list")


def register_custom_resource_type(
    name: str,
    *,
    create: Callable[[str, dict[str, Any], str], tuple[str, dict[str, Any]]],
    update: Callable[[str, dict[str, Any], dict[str, Any], str], tuple[str, dict[str, Any]]],
    delete: Callable[[str, dict[str, Any]], None],
) -> None:
    """Provision the custom resource type `name` (`Custom::…`) here instead of by its function; may block."""
    from ministack.services.cloudformation import provisioners

    provisioners._RESOURCE_HANDLERS[name] = {"create": create, "update": update, "delete": delete}
