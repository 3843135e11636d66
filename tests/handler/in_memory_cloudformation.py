"""CloudFormation and Step Functions in memory, as far as the custom resources of one stack see them.

Nothing runs by itself: a test says when CloudFormation goes on, when an execution does its next step, and what goes
wrong.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from constructs_emrs.handler import contract, functions
from constructs_emrs.handler.failure import JobRunFailed
from constructs_emrs.handler.request import Request
from constructs_emrs.handler.services import Services
from tests.handler.in_memory_service import Killed, Refused, Service

STACK_ID = "arn:aws:cloudformation:us-east-1:123456789012:stack/Lake/5f8d1c30-0000-11f0-8000-0e0e0e0e0e0e"
MOST_STEPS = 3000
LIMIT_SECONDS = 3600
MOST_ANSWER_BYTES = 4096
# Of the state machine's Retry.
MOST_RETRIES = 15


def stringified(value: Any) -> Any:
    """What CloudFormation makes of a custom resource's property: the shape stays, every leaf becomes a string."""
    match value:
        case dict():
            return {key: stringified(item) for key, item in value.items()}
        case list():
            return [stringified(item) for item in value]
        case bool():
            return str(value).lower()
        case _:
            return str(value)


@dataclass
class Execution:
    """An execution of the state machine."""

    name: str
    event: dict[str, Any]
    state: dict[str, Any]
    wakes_at: float
    is_done: bool = False
    retries: int = 0


@dataclass
class Pending:
    """A request that CloudFormation waits for."""

    event: dict[str, Any]
    sent_at: float
    answer: dict[str, Any] | None = None


@dataclass
class CloudFormation:
    """Delivers requests, runs executions, takes answers."""

    service: Service
    logs: Any = None
    s3: Any = None
    status: str = "CREATE_IN_PROGRESS"
    resources: dict[str, str] = field(default_factory=dict)
    """Physical ids of other resources of the stack, by logical id."""
    job_runs: dict[str, str] = field(default_factory=dict)
    """Physical ids of its job runs, by logical id."""
    executions: dict[str, Execution] = field(default_factory=dict)
    pending: dict[str, Pending] = field(default_factory=dict)
    requests: int = 0
    stack_id: str = STACK_ID
    answers: dict[str, list[str]] = field(default_factory=dict)
    """All that was sent to each response URL."""

    @property
    def now(self) -> float:
        """The clock of everything."""
        return self.service.now.timestamp()

    def services(self) -> Services:
        """What the handler talks to."""
        return Services(
            emr_serverless=lambda: self.service.client,
            cloudformation=lambda: self,  # type: ignore[arg-type, return-value]
            logs=lambda: self.logs,
            s3=lambda: self.s3,
            put=self._put,
            sleep=self.service.sleep,
            now=lambda: self.now,
        )

    def describe_stacks(self, **_: str) -> dict[str, Any]:
        """The API's, for the one stack."""
        try:
            self.service.interfere("DescribeStacks")
        except Refused as refused:
            response: Any = {
                "Error": {"Code": refused.code, "Message": refused.message},
                "ResponseMetadata": {"HTTPStatusCode": refused.status},
            }
            raise ClientError(response, "DescribeStacks") from refused
        return {"Stacks": [{"StackStatus": self.status}]}

    def describe_stack_resource(self, *, LogicalResourceId: str, **_: str) -> dict[str, Any]:  # noqa: N803 - the API's
        """The API's, for the one stack."""
        if LogicalResourceId not in self.resources:
            raise ClientError({"Error": {"Code": "ValidationError", "Message": "no"}}, "DescribeStackResource")
        return {"StackResourceDetail": {"PhysicalResourceId": self.resources[LogicalResourceId]}}

    def get_paginator(self, name: str) -> Any:
        """The API's, for operations that list."""
        return SimpleNamespace(paginate=lambda **arguments: iter([getattr(self, name)(**arguments)]))

    def list_stack_resources(self, **_: str) -> dict[str, Any]:
        """The API's, for the one stack."""
        self.service.interfere("ListStackResources")
        summaries = [
            {"LogicalResourceId": logical_id, "PhysicalResourceId": physical_id, "ResourceType": contract.JOB_RUN_TYPE}
            for logical_id, physical_id in self.job_runs.items()
        ]
        return {"StackResourceSummaries": summaries}

    def send(
        self,
        kind: str,
        logical_id: str,
        resource_type: str,
        properties: dict[str, Any],
        *,
        old: dict[str, Any] | None = None,
        physical_id: str | None = None,
    ) -> Pending:
        """Send a request, once."""
        self.requests += 1
        request_id = f"0000-{self.requests}"
        event: dict[str, Any] = {
            "RequestType": kind,
            "RequestId": request_id,
            "StackId": self.stack_id,
            "LogicalResourceId": logical_id,
            "ResourceType": resource_type,
            "ResponseURL": f"https://cloudformation/{request_id}",
            "ResourceProperties": {"ServiceToken": "arn:aws:lambda:…", **stringified(properties)},
        }
        if physical_id is not None:
            event["PhysicalResourceId"] = physical_id
        if old is not None:
            event["OldResourceProperties"] = {"ServiceToken": "arn:aws:lambda:…", **stringified(old)}
        self.pending[event["ResponseURL"]] = pending = Pending(event, self.now)
        self.deliver(event)
        return pending

    def deliver(self, event: dict[str, Any]) -> None:
        """Deliver an event to the function, which may have had it before."""
        state = json.loads(json.dumps(Request.started(event, now=self.now, stack_status=self.status)))
        name = hashlib.sha256(Request(state, now=lambda: self.now).identity.encode()).hexdigest()
        if name not in self.executions:
            self.executions[name] = Execution(name, event, state, self.now)

    def active(self) -> list[Execution]:
        """The executions that are not done, the one that is due first before the others."""
        return sorted((one for one in self.executions.values() if not one.is_done), key=lambda one: one.wakes_at)

    def step(self, execution: Execution) -> None:
        """Do an execution's next step, when it is time."""
        self.service.sleep(max(0.0, execution.wakes_at - self.now))
        before = json.dumps(execution.state)
        try:
            state = functions.advance(execution.state, self.services())
        except Killed:
            # What the function knew is lost: the state machine calls it with the state of before.
            execution.state = json.loads(before)
            execution.retries += 1
            execution.wakes_at = self.now + 2
            if execution.retries > MOST_RETRIES:
                execution.state[contract.ERROR] = {"Error": "Sandbox.Timedout", "Cause": "{}"}
                execution.retries = 0
            return
        execution.retries = 0
        execution.is_done = state[contract.IS_ANSWERED]
        execution.state = json.loads(json.dumps(state))
        execution.wakes_at = self.now + state.get(contract.WAIT_SECONDS, 0)

    def _put(self, response_url: str, body: bytes) -> None:
        self.service.interfere("Put")
        assert len(body) <= MOST_ANSWER_BYTES
        self.answers.setdefault(response_url, []).append(body.decode())
        waiting = self.pending.get(response_url)
        if waiting is not None and waiting.answer is None:
            waiting.answer = json.loads(body)
        self.service.interfere("after Put")


@dataclass
class CustomResource:
    """One custom resource of a stack, driven through its life by operations that end well."""

    service: Service
    resource_type: str = contract.JOB_RUN_TYPE
    logical_id: str = "EtlOnDeploy"
    between_polls: Callable[[int], None] = lambda _: None
    logs: Any = None
    s3: Any = None
    physical_id: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    properties: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.cloudformation = CloudFormation(self.service, logs=self.logs, s3=self.s3)

    def create(self, properties: dict[str, Any], *, deliveries: int = 1, status: str = "CREATE_IN_PROGRESS") -> None:
        """Create the resource, its event delivered so many times."""
        self._request("Create", properties, status, deliveries=deliveries)

    def update(self, properties: dict[str, Any], *, deliveries: int = 1) -> None:
        """Update the resource, its event delivered so many times."""
        self._request("Update", properties, "UPDATE_IN_PROGRESS", deliveries=deliveries)

    def roll_back(self, properties: dict[str, Any]) -> None:
        """Send the resource back to earlier properties."""
        self._request("Update", properties, "UPDATE_ROLLBACK_IN_PROGRESS")

    def delete(self, *, physical_id: str | None = None, status: str = "DELETE_IN_PROGRESS") -> None:
        """Delete the resource under its own physical id or another."""
        self.physical_id = physical_id if physical_id is not None else self.physical_id
        self._request("Delete", self.properties, status)

    def _request(self, kind: str, properties: dict[str, Any], status: str, *, deliveries: int = 1) -> None:
        cloudformation = self.cloudformation
        cloudformation.status = status
        pending = cloudformation.send(
            kind,
            self.logical_id,
            self.resource_type,
            properties,
            old=self.properties if kind == "Update" else None,
            physical_id=None if kind == "Create" else self.physical_id,
        )
        for _ in range(deliveries - 1):
            cloudformation.deliver(pending.event)
        answer = self.answer_to(pending)
        self.physical_id = answer["PhysicalResourceId"]
        if answer["Status"] == "FAILED":
            raise JobRunFailed(answer["Reason"])
        self.properties = properties
        self.data = answer["Data"]

    def answer_to(self, pending: Pending) -> dict[str, Any]:
        """Let the executions go on until the request is answered."""
        for number in range(MOST_STEPS):
            if pending.answer is not None:
                return pending.answer
            execution = self.cloudformation.active()[0]
            self.cloudformation.step(execution)
            if self.cloudformation.now - pending.sent_at > LIMIT_SECONDS:
                raise AssertionError("CloudFormation did not receive a response from your Custom Resource.")
            if not execution.is_done and contract.ANSWER not in execution.state:
                self.between_polls(number)
        raise AssertionError(f"not answered after {MOST_STEPS} steps")


def steps(cloudformation: CloudFormation, *, most: int = MOST_STEPS) -> Iterator[Execution]:
    """The executions that do a step, one after the other, until all are done."""
    for _ in range(most):
        active = cloudformation.active()
        if not active:
            return
        yield active[0]
        cloudformation.step(active[0])
    raise AssertionError(f"not done after {most} steps")
