"""Putting these operations in the place of ministack's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emrs_local.ministack.cloudformation import custom_resources
from emrs_local.ministack.cloudformation.deletion import Deletion
from emrs_local.ministack.cloudformation.deployment import Deployment
from emrs_local.ministack.cloudformation.events import EventLog, with_operation_ids
from emrs_local.ministack.cloudformation.stack import Stack, Template

_ANSWER_PATH = "/_ministack/cfn-response/"

_OK = 200
# A stack whose creation was rolled back can only be deleted, one whose rollback failed only be rolled back further.
_NOT_UPDATABLE = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "UPDATE_ROLLBACK_FAILED", "DELETE_FAILED")

Json = dict[str, Any]


def replace_stack_operations() -> None:
    """Run stack operations here. ministack keeps the API, the templates, change sets, and its resource types."""
    from ministack.services.cloudformation import changesets, handlers, stacks

    for module in (changesets, handlers, stacks):
        module._deploy_stack_async = _deploy
    for module in (handlers, stacks):
        module._delete_stack_async = _delete
        module._roll_back_operation = _roll_back
        module._continue_update_rollback_async = _continue_update_rollback
    log = EventLog(stacks._add_event)
    for module in (changesets, handlers, stacks):
        module._add_event = log.add
    actions = handlers._ACTION_HANDLERS
    actions["DescribeStackEvents"] = with_operation_ids(actions["DescribeStackEvents"])
    actions["ListStackResources"] = _missing_in_the_words_of_the_cli(actions["ListStackResources"])
    for name in ("CreateChangeSet", "UpdateStack"):
        actions[name] = _refusing_concurrent_updates(actions[name])
    actions["CancelUpdateStack"] = _canceling(actions["CancelUpdateStack"])
    actions["DeleteStack"] = _refusing_deletes_of_updates(actions["DeleteStack"])
    _take_answers()


async def _deploy(  # noqa: PLR0917 - the signature is ministack's
    stack_name: str,
    _stack_id: str,
    template: Json,
    parameters: Json,
    disable_rollback: bool,  # noqa: FBT001 - ministack's
    _tags: list[Json],
    is_update: bool = False,  # noqa: FBT001, FBT002 - ministack's
    previous_stack: Json | None = None,
    retain_except_on_create: bool = False,  # noqa: FBT001, FBT002 - ministack's
    imports: Json | None = None,
) -> None:
    from ministack.services.cloudformation import _stacks
    from ministack.services.cloudformation.engine import _evaluate_conditions

    record = _stacks[stack_name]
    record.pop("_failed_operation", None)
    conditions = _evaluate_conditions(template, parameters)
    deployment = Deployment(
        Stack(record),
        Template(body=template, parameters=parameters, conditions=conditions),
        previous=(previous_stack or {}) if is_update else None,
        disable_rollback=disable_rollback,
        retain_except_on_create=retain_except_on_create,
        imports=imports,
    )
    await deployment.execute()


async def _delete(
    stack_name: str,
    stack_id: str,
    retain_resources: frozenset[str] = frozenset(),
    force: bool = False,  # noqa: FBT001, FBT002 - ministack's
) -> None:
    from ministack.services.cloudformation import _stacks

    record = _stacks.get(stack_name)
    if record is None or record["StackId"] != stack_id:
        return
    running = record.get("_operation")
    if isinstance(running, Deletion):
        return
    if isinstance(running, Deployment):
        await running.abandon()
    await Deletion(Stack(record), retained=frozenset(retain_resources), force=force).execute()


async def _roll_back(_stack_name: str, _stack_id: str, stack: Json, operation: Json, reason_override: str = "") -> None:
    """RollbackStack."""
    deployment = operation.get("deployment")
    if deployment is None:  # it failed before it did anything
        previous = operation.get("previous_stack") if operation.get("is_update") else None
        deployment = Deployment(Stack(stack), Stack(stack).template, previous=previous)
    deployment.retain_except_on_create = operation.get("retain_except_on_create", deployment.retain_except_on_create)
    await deployment.execute(deployment.roll_back(reason_override))


async def _continue_update_rollback(stack_name: str, _stack_id: str, resources_to_skip: frozenset[str]) -> None:
    from ministack.services.cloudformation import _stacks

    deployment: Deployment = _stacks[stack_name]["_rolling_back"]
    await deployment.execute(deployment.continue_rollback(resources_to_skip))


def _canceling(original: Callable[[Json], Any]) -> Callable[[Json], Any]:
    """CancelUpdateStack interrupts what is in flight; ministack's looks between one resource and the next."""

    def cancel(parameters: Json) -> Any:
        response = original(parameters)
        record = _find(parameters)
        running = (record or {}).get("_operation")
        if record and response[0] == _OK and isinstance(running, Deployment):
            record.pop("_cancel_requested", None)
            running.cancel()
        return response

    return cancel


def _refusing_deletes_of_updates(original: Callable[[Json], Any]) -> Callable[[Json], Any]:
    """A stack cannot be deleted while it is updated; ministack's deletes it at the same time."""
    from ministack.services.cloudformation.helpers import _error

    def delete(parameters: Json) -> Any:
        record = _find(parameters) or {}
        status = record.get("StackStatus", "")
        if status.startswith("UPDATE_") and status.endswith("IN_PROGRESS"):
            return _error("ValidationError", f"Stack [{record['StackId']}] cannot be deleted while in status {status}")
        return original(parameters)

    return delete


def _refusing_concurrent_updates(original: Callable[[Json], Any]) -> Callable[[Json], Any]:
    """A stack has one operation at a time; ministack's takes a change set for a stack that is being updated."""
    from ministack.services.cloudformation.helpers import _error

    def update(parameters: Json) -> Any:
        record = _find(parameters) or {}
        status = record.get("StackStatus", "")
        if status != "REVIEW_IN_PROGRESS" and (status.endswith("_IN_PROGRESS") or status in _NOT_UPDATABLE):
            return _error("ValidationError", f"Stack:{record['StackId']} is in {status} state and can not be updated.")
        return original(parameters)

    return update


def _missing_in_the_words_of_the_cli(original: Callable[[Json], Any]) -> Callable[[Json], Any]:
    """`cdk diff` goes on without a stack that is not there, such as a new nested one, if the error reads as AWS's."""
    from ministack.services.cloudformation.helpers import _error, _p

    def list_resources(parameters: Json) -> Any:
        name, record = _p(parameters, "StackName"), _find(parameters)
        if name and (record is None or (record["StackStatus"] == "DELETE_COMPLETE" and name != record["StackId"])):
            return _error("ValidationError", f"Stack with id {name} does not exist")
        return original(parameters)

    return list_resources


def _find(parameters: Json) -> Json | None:
    from ministack.services.cloudformation.handlers import _resolve_stack
    from ministack.services.cloudformation.helpers import _p

    found: Json | None = _resolve_stack(_p(parameters, "StackName"))
    return found


def _take_answers() -> None:
    """Take what functions PUT to their ResponseURL with its bytes: the size of an answer is limited."""
    from ministack import app

    original = app._handle_post_body_shortcuts

    async def handle(method: str, path: str, headers: Json, body: bytes, *others: Any) -> Any:
        if method == "PUT" and path.startswith(_ANSWER_PATH):
            custom_resources.deliver(path.removeprefix(_ANSWER_PATH), body)
            return _OK, {}, b""
        return await original(method, path, headers, body, *others)

    app._handle_post_body_shortcuts = handle
