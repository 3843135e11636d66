"""What CloudFormation does to a stack with one job run: deployments, rollbacks, deletions, and what interrupts them.

Sources: the request types of custom resources in the CloudFormation User Guide, and, for what is sent during a
rollback, https://github.com/aws/aws-cdk/pull/29581 and
https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1814.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from constructs_emrs.handler import contract
from tests.handler.in_memory_cloudformation import LIMIT_SECONDS, CloudFormation, Pending
from tests.handler.in_memory_service import Service

LOGICAL_ID = "EtlOnDeploy"

Operation = Literal["create", "add", "update", "roll back", "clean up", "remove", "delete", ""]


@dataclass
class Asked:
    """What CloudFormation asked for and what came of it."""

    pending: Pending
    operation: Operation
    properties: dict[str, Any]
    is_over: bool = False
    """CloudFormation has its answer, or does not want it any more."""
    is_given_up: bool = False


@dataclass
class StackLife:
    """A stack with one job run beside other resources, which succeed or fail when a test says so."""

    service: Service
    cloudformation: CloudFormation = field(init=False)
    stacks: int = 0
    exists: bool = False
    in_stack: bool = False
    """Whether the job run is one of the stack's resources."""
    physical_id: str = ""
    properties: dict[str, Any] = field(default_factory=dict)
    operation: Operation = ""
    asked: list[Asked] = field(default_factory=list)
    is_broken: bool = False
    """A rollback or a deletion failed: all that can be done is to delete the stack."""
    _before: tuple[str, dict[str, Any]] = ("", {})

    def __post_init__(self) -> None:
        self.cloudformation = CloudFormation(self.service)

    @property
    def current(self) -> Asked | None:
        """The request that CloudFormation waits for."""
        return self.asked[-1] if self.asked and not self.asked[-1].is_over else None

    @property
    def is_stable(self) -> bool:
        """Whether nothing is going on."""
        return not self.operation

    @property
    def goes_forward(self) -> bool:
        """Whether a failure of another resource would roll the stack back."""
        return self.operation in ("create", "add", "update")

    def deploy(self, properties: dict[str, Any]) -> None:
        """Deploy the stack with the job run."""
        if not self.exists:
            self.stacks += 1
            self.cloudformation.stack_id = f"arn:aws:cloudformation:us-east-1:123456789012:stack/Lake/{self.stacks}"
            self.exists = True
            self._begin("create", "CREATE_IN_PROGRESS")
            self._ask("Create", properties)
        elif not self.in_stack:
            self._begin("add", "UPDATE_IN_PROGRESS")
            self._ask("Create", properties)
        elif properties != self.properties:
            self._before = (self.physical_id, self.properties)
            self._begin("update", "UPDATE_IN_PROGRESS")
            self._ask("Update", properties, old=self.properties, physical_id=self.physical_id)

    def remove(self) -> None:
        """Deploy the stack without the job run."""
        self._begin("remove", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        self._ask("Delete", self.properties, physical_id=self.physical_id)

    def delete(self) -> None:
        """Delete the stack."""
        self._begin("delete", "DELETE_IN_PROGRESS")
        if self.in_stack:
            self._ask("Delete", self.properties, physical_id=self.physical_id)
        else:
            self.exists = False
            self._end("DELETE_COMPLETE")

    def fail(self) -> None:
        """Another resource fails: what is in flight is given up, and the stack rolls back."""
        current = self.current
        if self.operation == "update":
            self._roll_back()
            return
        # A resource whose id is not known yet is deleted under an invented one.
        physical_id = self.physical_id if current is None else f"Lake-{LOGICAL_ID}-1A2B3C4D5E6F"
        self._delete_what_was_created(physical_id)

    def go_on(self) -> None:
        """Take the answer that has arrived, or go on without it after an hour."""
        asked = self.current
        if asked is None:
            return
        late = self.cloudformation.now - asked.pending.sent_at > LIMIT_SECONDS
        answer = asked.pending.answer or ({"Status": "FAILED", "PhysicalResourceId": ""} if late else None)
        if answer is None:
            return
        asked.is_over = True
        succeeded, physical_id = answer["Status"] == "SUCCESS", answer["PhysicalResourceId"]
        match self.operation:
            case "create" | "add":
                self._created(asked, physical_id, succeeded=succeeded)
            case "update":
                if succeeded:
                    self.physical_id, self.properties = physical_id, asked.properties
                else:
                    self._roll_back()
            case "roll back":
                self._rolled_back(asked, physical_id, succeeded=succeeded)
            case "clean up":
                # One that fails is abandoned.
                self._end("UPDATE_COMPLETE")
            case "remove" | "delete":
                self._deleted(succeeded=succeeded)

    def succeed(self) -> None:
        """All other resources are there: the deployment is done."""
        if self.operation == "update":
            self._clean_up(self._before[0], "UPDATE_COMPLETE")
        else:
            self._end("CREATE_COMPLETE" if self.operation == "create" else "UPDATE_COMPLETE")

    def _created(self, asked: Asked, physical_id: str, *, succeeded: bool) -> None:
        if succeeded:
            self.physical_id, self.properties, self.in_stack = physical_id, asked.properties, True
        else:
            self._delete_what_was_created(physical_id or "Lake-invented")

    def _rolled_back(self, asked: Asked, physical_id: str, *, succeeded: bool) -> None:
        self.properties = self._before[1]
        if not succeeded:
            self.is_broken = True
            self._end("UPDATE_ROLLBACK_FAILED")
            return
        self.physical_id = physical_id
        self._clean_up(asked.pending.event["PhysicalResourceId"], "UPDATE_ROLLBACK_COMPLETE")

    def _deleted(self, *, succeeded: bool) -> None:
        self.in_stack = self.is_broken = not succeeded
        if self.operation == "delete":
            self.exists = not succeeded
        self._end("DELETE_COMPLETE" if succeeded else "DELETE_FAILED")

    def _roll_back(self) -> None:
        self._give_up_what_is_in_flight()
        attempted = self.asked[-1].properties
        self._begin("roll back", "UPDATE_ROLLBACK_IN_PROGRESS")
        self._ask("Update", self._before[1], old=attempted, physical_id=self.physical_id)

    def _delete_what_was_created(self, physical_id: str) -> None:
        self._give_up_what_is_in_flight()
        properties, is_new = self.asked[-1].properties, self.operation == "create"
        self.in_stack = False
        if is_new:
            self._begin("delete", "ROLLBACK_IN_PROGRESS")
        else:
            self._begin("remove", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        self.properties, self.physical_id = properties, physical_id
        self._ask("Delete", properties, physical_id=physical_id)

    def _clean_up(self, physical_id: str, status: str) -> None:
        if physical_id == self.physical_id:
            self._end(status)
            return
        self._begin("clean up", f"{status}_CLEANUP_IN_PROGRESS")
        self._ask("Delete", self.properties, physical_id=physical_id)

    def _give_up_what_is_in_flight(self) -> None:
        if self.current is not None:
            self.current.is_given_up = self.current.is_over = True

    def _begin(self, operation: Operation, status: str) -> None:
        self.operation = operation
        self.cloudformation.status = status

    def _end(self, status: str) -> None:
        self._begin("", status)

    def _ask(
        self,
        kind: str,
        properties: dict[str, Any],
        *,
        old: dict[str, Any] | None = None,
        physical_id: str | None = None,
    ) -> None:
        pending = self.cloudformation.send(
            kind, LOGICAL_ID, contract.JOB_RUN_TYPE, properties, old=old, physical_id=physical_id
        )
        self.asked.append(Asked(pending, self.operation, properties))
