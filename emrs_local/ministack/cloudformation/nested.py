"""Nested stacks: what is known of a resource that is a stack."""

from __future__ import annotations

import copy
import uuid
from typing import Any

from emrs_local.ministack.cloudformation.resources import Step
from emrs_local.ministack.cloudformation.stack import Record, Stack, Template

_RESTORED = ("_resources", "_template", "_template_body", "_resolved_params", "_conditions")
_RESTORED_AND_SHOWN = (*_RESTORED, "Parameters", "Tags", "Outputs")


def nested_stack(parent: Stack, step: Step) -> tuple[Stack, Template, Record | None]:
    """The stack that a resource is, about to be deployed.

    Returns:
        The stack, its new template, and what its record was before an update; None for a create.

    Raises:
        ValueError: Its template cannot be had, or asks for more than the parent acknowledged.
    """
    from ministack.services.cloudformation import _stack_events, _stacks
    from ministack.services.cloudformation.engine import _evaluate_conditions, _resolve_parameters

    body, template = _template(parent, str(step.sent.get("TemplateURL") or ""))
    given = [
        {"Key": name, "Value": "" if value is None else str(value)}
        for name, value in (step.sent.get("Parameters") or {}).items()
    ]
    parameters = _resolve_parameters(template, given)
    conditions = _evaluate_conditions(template, parameters)
    record = _record(parent, step)
    previous = None
    if step.old is not None:
        previous = {name: copy.deepcopy(record[name]) for name in _RESTORED_AND_SHOWN if name in record}
    record.update(_shown(parent, step, template, body, parameters))
    if previous is None:
        record.update(_template=template, _resolved_params=parameters, _conditions=conditions)
        _stacks[record["StackName"]] = record
        _stack_events[record["StackId"]] = []
    return Stack(record), Template(body=template, parameters=parameters, conditions=conditions), previous


def existing_nested_stack(physical_id: str) -> Stack | None:
    """The stack that a resource is; None if it is deleted."""
    from ministack.services.cloudformation import _stacks
    from ministack.services.cloudformation.provisioners import _nested_stack_lookup_name

    record = _stacks.get(_nested_stack_lookup_name(physical_id))
    return None if record is None or record["StackStatus"] == "DELETE_COMPLETE" else Stack(record)


def _template(parent: Stack, url: str) -> tuple[str, dict[str, Any]]:
    from ministack.services.cloudformation.engine import _parse_template
    from ministack.services.cloudformation.helpers import _resolve_template
    from ministack.services.cloudformation.provisioners import _check_nested_stack_capabilities

    body, error = _resolve_template({"TemplateURL": [url]}) if url else (None, None)
    if error is not None or not body:
        raise ValueError(f"TemplateURL must reference a valid S3 object to which you have access: {url}")
    template = _parse_template(body)
    _check_nested_stack_capabilities(parent.name, template)
    return body, template


def _record(parent: Stack, step: Step) -> Record:
    """The record of the existing stack, or a new one."""
    from ministack.core.responses import get_account_id, get_region, now_iso
    from ministack.services.cloudformation import _stacks
    from ministack.services.cloudformation.provisioners import _nested_stack_lookup_name

    if step.old is not None:
        record: Record = _stacks[_nested_stack_lookup_name(step.old_physical_id)]
        return record
    name = f"{parent.name}-{step.logical_id}-{uuid.uuid4().hex[:12].upper()}"
    return {
        "StackName": name,
        "StackId": f"arn:aws:cloudformation:{get_region()}:{get_account_id()}:stack/{name}/{uuid.uuid4()}",
        "CreationTime": now_iso(),
        "DisableRollback": True,
        "Outputs": [],
        "RootId": parent.record.get("RootId") or parent.id,
        "ParentId": parent.id,
        "_parent_stack_name": parent.name,
        "_region": get_region(),
        "_resources": {},
    }


def _shown(parent: Stack, step: Step, template: dict[str, Any], body: str, parameters: Record) -> Record:
    """What DescribeStacks and GetTemplate show of a deployment from its beginning."""
    from ministack.core.responses import now_iso
    from ministack.services.cloudformation.provisioners import _inherited_capabilities, _tag_map

    tags = _tag_map(step.sent.get("Tags"))
    return {
        "LastUpdatedTime": now_iso(),
        "Description": template.get("Description", ""),
        "Parameters": [
            {"ParameterKey": name, "ParameterValue": value["Value"], "NoEcho": value["NoEcho"]}
            for name, value in parameters.items()
        ],
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items() if not key.startswith("aws:")],
        "Capabilities": _inherited_capabilities(parent.name),
        "_template_body": body,
    }
