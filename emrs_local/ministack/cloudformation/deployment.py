"""Creating and updating a stack, and undoing it.

A deployment goes forward through the resources; then either it deletes what it replaced or removed (`clean_up`), or it
goes back (`roll_back`). A nested stack's deployment waits after going forward until its parent goes on, so that a
failure anywhere takes back the whole.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from emrs_local.ministack.cloudformation import resources
from emrs_local.ministack.cloudformation.custom_resources import CustomResourceFailed, invented_physical_id
from emrs_local.ministack.cloudformation.deletion import PhysicalResource, delete_records, delete_resource
from emrs_local.ministack.cloudformation.nested import nested_stack
from emrs_local.ministack.cloudformation.ordering import in_order, reversed_dependencies
from emrs_local.ministack.cloudformation.resources import Step
from emrs_local.ministack.cloudformation.stack import Operation, Record, Stack, Template, failed_resources

_LOG = logging.getLogger("cloudformation")


class Deployment(Operation):
    """A create or an update of a stack.

    Args:
        stack: The stack, whose record has the new parameters and tags already.
        template: The new template.
        previous: What the record was before an update; None for a create.
        disable_rollback: Stop where a resource fails; what does not depend on it is still deployed.
        retain_except_on_create: A rollback deletes what the deployment created also when a policy retains it.
        imports: Identifiers of existing resources that the stack adopts, by logical id.
    """

    def __init__(
        self,
        stack: Stack,
        template: Template,
        *,
        previous: Record | None = None,
        disable_rollback: bool = False,
        retain_except_on_create: bool = False,
        imports: Record | None = None,
    ) -> None:
        super().__init__(stack)
        self.template = template
        self.previous = previous
        self.disable_rollback = disable_rollback
        self.retain_except_on_create = retain_except_on_create
        self.steps: dict[str, Step] = {}
        self._nested: dict[str, Deployment] = {}
        self._imports = imports or {}
        self._verb = "CREATE" if previous is None else "UPDATE"
        self._failed: dict[str, str] = {}
        self._reason = ""
        self._canceled = False
        self._abandoned = False
        self._reverted: set[str] = set()
        self._replaced_by_rollback: list[PhysicalResource] = []
        # What earlier deployments, which were not rolled back, replaced or failed to create.
        self._leftovers: list[PhysicalResource] = stack.record.pop("_leftovers", [])

    @property
    def failure(self) -> str:
        """Why going forward failed, in CloudFormation's words."""
        if self._canceled:
            return "User Initiated"
        created, updated = (
            [name for name, verb in self._failed.items() if verb == wanted] for wanted in ("create", "update")
        )
        sentences = failed_resources("create", created) + failed_resources("update", updated)
        return sentences or self._reason

    def cancel(self) -> None:
        """CancelUpdateStack: go back from wherever it is."""
        self._canceled = True
        self.stop.set()

    async def abandon(self) -> None:
        """Stop without going back, because the stack is being deleted; a rollback that has begun is finished."""
        self._abandoned = True
        self.stop.set()
        await self.ended.wait()

    async def run(self) -> None:
        """Deploy, and go back if that fails."""
        if self.previous is None:
            # A deletion has to find policies and dependencies, also of a stack that was never complete.
            self._record_template()
        if not self._is_valid():
            return
        if await self.go_forward():
            await self.clean_up()
        elif not self._abandoned:
            if self.disable_rollback:
                self.keep_failed()
            else:
                await self.roll_back()

    async def deploy_nested(self, step: Step) -> None:
        """Go forward as a resource of the parent stack.

        Raises:
            RuntimeError: A resource failed.
        """
        self.stack.enter(f"{self._verb}_IN_PROGRESS")
        succeeded = False
        try:
            # On AWS a nested stack exists before it is complete: its parent deletes what there is of it.
            step.physical_id = self.stack.id
            succeeded = self._order() is not None and await self.go_forward()
        finally:
            if not succeeded:
                self.keep_failed()
        if not succeeded:
            done = "created" if self.previous is None else "updated"
            raise RuntimeError(f"Embedded stack {self.stack.id} was not successfully {done}: {self.failure}")
        if self.previous is None:
            self.stack.enter("CREATE_COMPLETE")
        outputs = self.stack.record["Outputs"]
        step.attributes = {f"Outputs.{output['OutputKey']}": output["OutputValue"] for output in outputs}

    async def go_forward(self) -> bool:
        """Create and update the resources and resolve the outputs; whether all that succeeded."""
        from ministack.services.cloudformation import _exports
        from ministack.services.cloudformation.stacks import _resolve_stack_outputs

        stack, template = self.stack, self.template
        order = self._order() or []
        succeeded = await in_order(
            order,
            template.dependencies(),
            self._deploy,
            stop_at_failure=not self.disable_rollback,
            stop=self.stop,
        )
        if not succeeded:
            return False
        try:
            outputs, exports = _resolve_stack_outputs(
                template.body.get("Outputs") or {},
                template.conditions,
                {name: record for name, record in stack.resources.items() if name in order},
                template.parameters,
                template.body.get("Mappings", {}),
                stack.name,
                stack.id,
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the reason
            self._reason = str(error)
            return False
        for output in stack.record.get("Outputs", []):
            _exports.pop(output.get("ExportName"), None)
        _exports.update(exports)
        stack.record["Outputs"] = outputs
        self._record_template()
        if self.previous is None:
            return True
        stack.enter("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        return True

    async def clean_up(self) -> None:
        """Delete what the deployment replaced and removed; a resource that cannot be deleted does not fail it."""
        if self.previous is None:
            self.stack.enter("CREATE_COMPLETE")
            return
        old_template = self._old_template()
        removed = self._removed(old_template)
        replaced = {name: step for name, step in self.steps.items() if step.is_replaced or step.predecessor_deletes}
        nested = {name: child for name, child in self._nested.items() if child.previous is not None}

        async def delete(name: str) -> bool:
            if name in nested:
                await nested[name].clean_up()
            elif name in replaced:
                await self._delete_predecessor(replaced[name])
            else:
                await self._delete_removed(removed[name])
            return True

        to_delete = {**removed, **replaced, **nested}
        await self._delete_leftovers()
        await in_order(to_delete, reversed_dependencies(old_template.dependencies()), delete)
        self.stack.enter("UPDATE_COMPLETE")

    def keep_failed(self) -> None:
        """Leave the stack as it is where a resource failed, for RollbackStack, DeleteStack or another update."""
        self.stack.record["_failed_operation"] = {"deployment": self, "is_update": self.previous is not None}
        superseded = [self._predecessor(step) for step in self.steps.values() if step.is_replaced]
        self.stack.record["_leftovers"] = [*self._leftovers, *superseded]
        self._record_template()
        self.stack.enter(f"{self._verb}_FAILED", self.failure)

    async def roll_back(self, reason: str = "") -> None:
        """Take the deployment back, wherever it failed."""
        self.stack.record.pop("_failed_operation", None)
        self.stack.record.pop("_leftovers", None)
        if self.previous is None:
            await self._roll_back_create(reason or f"{self.failure.strip()} Rollback requested by user.")
        else:
            self.stack.enter("UPDATE_ROLLBACK_IN_PROGRESS", reason or self.failure)
            if await self.revert():
                await self.clean_up_rollback()

    async def revert(self) -> bool:
        """Send what was updated its old properties, in the order of the old template; whether all succeeded."""
        from ministack.services.cloudformation import _exports

        names = [name for name, step in self.steps.items() if step.old is not None and name not in self._reverted]
        await in_order(names, self._old_template().dependencies(), self._revert)
        failed = [name for name in names if name not in self._reverted]
        stack, previous = self.stack, self.previous or {}
        if failed:
            # The names are what ContinueUpdateRollback accepts as resources to skip.
            stack.record["_rollback_failed"] = {name: {} for name in failed}
            stack.record["_rolling_back"] = self
            stack.enter("UPDATE_ROLLBACK_FAILED", failed_resources("update", failed))
            return False
        for output in stack.record.get("Outputs", []):
            _exports.pop(output.get("ExportName"), None)
        for name in ("_template", "_template_body", "_resolved_params", "_conditions", "Parameters", "Tags", "Outputs"):
            if name in previous:
                stack.record[name] = previous[name]
        for output in stack.record.get("Outputs", []):
            if "ExportName" in output:
                export = {"StackId": stack.id, "Name": output["ExportName"], "Value": output["OutputValue"]}
                _exports[output["ExportName"]] = export
        stack.enter("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        return True

    async def continue_rollback(self, skipped: Iterable[str]) -> None:
        """ContinueUpdateRollback: try again what failed to go back, but leave the skipped resources as they are."""
        record = self.stack.record
        record.pop("_rollback_failed", None)
        record.pop("_rolling_back", None)
        self.stack.enter("UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")
        for name in skipped:
            self._reverted.add(name)
            self.stack.resource_event(name, "UPDATE_COMPLETE", "Resource rollback skipped by user")
        if await self.revert():
            await self.clean_up_rollback()

    async def clean_up_rollback(self) -> None:
        """Delete what the update created, also in place of what was there before."""
        created = {name: self._created(step) for name, step in self.steps.items() if step.old is None}
        nested = {
            name: child
            for name, child in self._nested.items()
            if child.previous is not None and self.steps[name].attempted
        }
        for resource in self._replaced_by_rollback:
            created[resource.logical_id] = resource

        async def delete(name: str) -> bool:
            if name in nested:
                await nested[name].clean_up_rollback()
                return True
            await delete_resource(self.stack, created[name])
            if self.steps[name].old is None:
                self.stack.resources.pop(name, None)
            return True

        await self._delete_leftovers()
        await in_order([*created, *nested], reversed_dependencies(self.template.dependencies()), delete)
        self.stack.enter("UPDATE_ROLLBACK_COMPLETE")

    def _record_template(self) -> None:
        """Let the stack run the new template."""
        self.stack.record.update(
            _template=self.template.body,
            _resolved_params=self.template.parameters,
            _conditions=self.template.conditions,
        )

    def _is_valid(self) -> bool:
        """Whether the operation can begin; what is wrong is reported."""
        from ministack.services.cloudformation.stacks import _fail_property_validation

        order = self._order()
        if order is None:
            self.keep_failed()
            return False
        if self.stack.record.get("_disable_validation"):
            return True
        return not _fail_property_validation(
            self.stack.record,
            self.stack.id,
            self.stack.name,
            self.template.definitions,
            order,
            self.template.parameters,
            self.template.conditions,
            self.template.body.get("Mappings", {}),
            self.disable_rollback,
            previous_stack=self.previous,
        )

    def _order(self) -> list[str] | None:
        try:
            return self.template.order()
        except ValueError as error:
            self._reason = str(error)
            return None

    def _old_template(self) -> Template:
        previous = self.previous or {}
        return Template(
            body=previous.get("_template") or {},
            parameters=previous.get("_resolved_params") or {},
            conditions=previous.get("_conditions") or {},
        )

    async def _deploy(self, name: str) -> bool:
        """Create or update one resource; unchanged ones are left alone, without an event."""
        resource_type = self.template.definitions[name].get("Type", "AWS::CloudFormation::CustomResource")
        old = ((self.previous or {}).get("_resources") or {}).get(name)
        if old is not None and old.get("ResourceStatus") == "CREATE_FAILED":
            self._leave(name, old)
            old = None
        step = Step(logical_id=name, resource_type=resource_type, old=old)
        try:
            self._resolve(step)
            if old is not None and step.sent == step.old_sent and old.get("ResourceStatus") != "UPDATE_FAILED":
                return True
            self.steps[name] = step
            self._begin(step)
            await self._do(step)
        except asyncio.CancelledError:
            self._interrupted(step)
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the reason
            self.steps[name] = step
            self._has_failed(step, error)
            return False
        self._complete(step)
        return True

    def _leave(self, name: str, failed: Record) -> None:
        """Create anew what an earlier deployment failed to create, and delete in the end what there is of it."""
        leftover = PhysicalResource(
            logical_id=name,
            resource_type=failed["ResourceType"],
            physical_id=failed.get("PhysicalResourceId", ""),
            properties=failed.get("Properties", {}),
        )
        self._leftovers.append(leftover)

    async def _delete_leftovers(self) -> None:
        await asyncio.gather(*(delete_resource(self.stack, leftover) for leftover in self._leftovers))
        self._leftovers = []

    def _resolve(self, step: Step) -> None:
        """What the resource is to be sent, and what it was sent before."""
        from ministack.services.cloudformation.engine import _NO_VALUE, _resolve_dynamic_references

        stack, previous, name = self.stack, self.previous or {}, step.logical_id
        if step.old is not None and step.is_custom and step.old["ResourceType"] != step.resource_type:
            raise ValueError(
                "Update of resource type is not permitted. "
                f"The new template modifies resource type of the following resources: [{name}]"
            )
        definition = self.template.definitions[name]
        resolved = stack.resolve(definition.get("Properties") or {}, self.template)
        if isinstance(resolved, dict):
            resolved = {key: value for key, value in resolved.items() if value is not _NO_VALUE}
        old_body = previous.get("_template") or {}
        step.properties, step.dynamic_values = _resolve_dynamic_references(
            resolved,
            (step.old or {}).get("_dynamic"),
            reuse_ssm=bool(
                previous
                and self.template.body == old_body
                and self.template.parameters == previous.get("_resolved_params")
            ),
            reuse_secrets=step.old is not None and old_body.get("Resources", {}).get(name) == definition,
        )
        step.sent = stack.tagged(name, step.resource_type, step.properties, stack.tags)
        if step.old is not None:
            old_properties = step.old.get("Properties", {})
            step.old_sent = stack.tagged(name, step.resource_type, old_properties, previous.get("Tags") or [])

    def _begin(self, step: Step) -> None:
        stack, name = self.stack, step.logical_id
        if step.old is None:
            stack.resources[name] = {
                "LogicalResourceId": name,
                "PhysicalResourceId": "",
                "ResourceType": step.resource_type,
                "Properties": step.properties,
                "Attributes": {},
            }
        if name not in self._imports:
            stack.resource_event(name, f"{step.verb.upper()}_IN_PROGRESS")

    async def _do(self, step: Step) -> None:
        from ministack.services.cloudformation.provisioners import _RETAINING_POLICIES
        from ministack.services.cloudformation.stacks import _adopt_resource

        stack = self.stack
        if step.logical_id in self._imports:
            identifier = self._imports[step.logical_id]
            adopted = _adopt_resource(stack.id, stack.name, step.logical_id, step.resource_type, identifier)
            step.physical_id, step.attributes = adopted
            step.adopted = True
            return
        if step.is_stack:
            nested, template, previous = nested_stack(stack, step)
            child = self._nested[step.logical_id] = Deployment(nested, template, previous=previous)
            step.attempted = True
            await child.deploy_nested(step)
            return
        if step.old is None:
            await resources.create(stack, step)
            return
        policy = stack.policy(step.logical_id, "UpdateReplacePolicy", self.template)
        await resources.update(stack, step, retain_replaced=policy in _RETAINING_POLICIES)

    def _complete(self, step: Step) -> None:
        step.done = True
        record = self.stack.resources[step.logical_id]
        record.update(
            PhysicalResourceId=step.physical_id,
            ResourceType=step.resource_type,
            Properties=step.properties,
            Attributes=step.attributes,
        )
        for key, value in (("_dynamic", step.dynamic_values), ("_name_seed", step.name_seed)):
            record.pop(key, None)
            if value:
                record[key] = value
        if not step.adopted:
            if step.old is None:
                self.stack.resource_event(step.logical_id, "CREATE_IN_PROGRESS", "Resource creation Initiated")
            self.stack.resource_event(step.logical_id, f"{step.verb.upper()}_COMPLETE")

    def _interrupted(self, step: Step) -> None:
        """Another resource failed, or the operation is to stop, while this one was in flight."""
        if step.logical_id not in self.steps:
            return
        if step.physical_id and not step.is_custom and not step.is_stack:
            step.done = True  # a call that cannot be interrupted came to its end
        self._has_failed(step, RuntimeError(f"Resource {_NOUNS[step.verb]} cancelled"))

    def _has_failed(self, step: Step, error: Exception) -> None:
        stack, name = self.stack, step.logical_id
        _LOG.error("Failed to %s %s (%s) of %s: %s", step.verb, name, step.resource_type, stack.name, error)
        self._failed[name] = step.verb
        if step.old is not None:
            if not step.done:
                step.physical_id = step.old_physical_id
        elif step.is_custom and step.attempted:
            given = error.physical_id if isinstance(error, CustomResourceFailed) else ""
            step.physical_id = given or invented_physical_id(stack.name, name)
        if name not in stack.resources:
            self._begin(step)
        stack.resources[name]["PhysicalResourceId"] = step.physical_id
        stack.resource_event(name, f"{step.verb.upper()}_FAILED", str(error))

    def _removed(self, old_template: Template) -> dict[str, PhysicalResource]:
        """What the new template no longer has."""
        from ministack.services.cloudformation.stacks import _RETAINING_POLICIES

        kept = set(self._order() or [])
        removed = {}
        for name, record in ((self.previous or {}).get("_resources") or {}).items():
            if name not in kept:
                policy = self.stack.policy(name, "DeletionPolicy", old_template)
                removed[name] = PhysicalResource(
                    logical_id=name,
                    resource_type=record["ResourceType"],
                    physical_id=record.get("PhysicalResourceId", ""),
                    properties=record.get("Properties", {}),
                    retained=policy in _RETAINING_POLICIES,
                    snapshot=policy == "Snapshot",
                )
        return removed

    async def _delete_removed(self, resource: PhysicalResource) -> None:
        reason = await delete_resource(self.stack, resource)
        if reason is None:
            self.stack.resources.pop(resource.logical_id, None)
        else:
            # It is still there: the deletion of the stack tries again.
            self.stack.resources[resource.logical_id].update(
                ResourceStatus="DELETE_FAILED", ResourceStatusReason=reason
            )

    async def _delete_predecessor(self, step: Step) -> None:
        try:
            for function, arguments, options in [] if self._predecessor(step).retained else step.predecessor_deletes:
                function(*arguments, **options)
        except Exception as error:  # noqa: BLE001 - a failed cleanup is reported, and the update goes on
            self.stack.event(step.logical_id, step.resource_type, "DELETE_FAILED", str(error), step.old_physical_id)
        if step.is_replaced:
            await delete_resource(self.stack, self._predecessor(step))

    def _predecessor(self, step: Step) -> PhysicalResource:
        """What a step replaced."""
        from ministack.services.cloudformation.provisioners import _RETAINING_POLICIES

        policy = self.stack.policy(step.logical_id, "UpdateReplacePolicy", self.template)
        return PhysicalResource(
            logical_id=step.logical_id,
            resource_type=step.resource_type,
            physical_id=step.old_physical_id,
            properties=(step.old or {}).get("Properties", {}),
            retained=policy in _RETAINING_POLICIES,
        )

    async def _roll_back_create(self, reason: str) -> None:
        self.stack.enter("ROLLBACK_IN_PROGRESS", reason)
        to_delete = {name: self._created(step) for name, step in self.steps.items() if name in self.stack.resources}
        failed = await delete_records(self.stack, self.template, to_delete)
        if failed:
            self.stack.enter("ROLLBACK_FAILED", failed_resources("delete", failed))
        else:
            self.stack.enter("ROLLBACK_COMPLETE")

    def _created(self, step: Step) -> PhysicalResource:
        """The resource that a step created, for a rollback."""
        policy = self.stack.policy(step.logical_id, "DeletionPolicy", self.template)
        return PhysicalResource(
            logical_id=step.logical_id,
            resource_type=step.resource_type,
            physical_id=step.physical_id,
            properties=step.sent,
            retained=step.adopted or (step.done and policy == "Retain" and not self.retain_except_on_create),
        )

    async def _revert(self, name: str) -> bool:
        """Undo the update of one resource."""
        stack, step = self.stack, self.steps[name]
        record: Record = dict(step.old or {})
        stack.resources[name]["PhysicalResourceId"] = step.physical_id
        stack.resource_event(name, "UPDATE_IN_PROGRESS")
        try:
            await self._revert_resource(step, record)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the reason
            _LOG.error("Failed to roll back %s of %s: %s", name, stack.name, error)
            stack.resource_event(name, "UPDATE_FAILED", str(error))
            return False
        self._reverted.add(name)
        stack.resources[name] = record
        stack.resource_event(name, "UPDATE_COMPLETE")
        return True

    async def _revert_resource(self, step: Step, record: Record) -> None:
        """Send a resource back; `record` is its old record and takes what it answers."""
        from ministack.services.cloudformation.stacks import _sends_back_failed_update

        if child := self._nested.get(step.logical_id):
            await child.revert_nested()
            return
        if not step.is_custom:
            if step.is_replaced or step.predecessor_deletes:
                # The resource of before is still there, untouched; the new one is not needed any more.
                if step.done:
                    self._replaced_by_rollback.append(self._created(step))
                return
            if not step.attempted or not (step.done or _sends_back_failed_update(step.resource_type)):
                return
        elif not step.attempted:
            return
        physical_id, attributes = await resources.revert(self.stack, step)
        record["PhysicalResourceId"] = physical_id
        record["Attributes"] = attributes if step.is_custom else {**record.get("Attributes", {}), **(attributes or {})}
        if step.is_custom and physical_id != step.physical_id:
            self._replaced_by_rollback.append(self._created(step))

    async def revert_nested(self) -> None:
        """Go back as a resource of the parent stack.

        Raises:
            RuntimeError: A resource failed to go back.
        """
        self.stack.record.pop("_failed_operation", None)
        self.stack.record.pop("_leftovers", None)
        self.stack.enter("UPDATE_ROLLBACK_IN_PROGRESS")
        if not await self.revert():
            reason = self.stack.record["StackStatusReason"]
            raise RuntimeError(f"Embedded stack {self.stack.id} was not successfully updated: {reason}")


_NOUNS = {"create": "creation", "update": "update"}
