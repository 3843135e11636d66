"""CloudFormation and Step Functions in memory, as far as the custom resources of one stack see them.

Nothing runs by itself: a test says when CloudFormation goes on, when an execution does its next step, and what goes
wrong. So it shares nothing with the CloudFormation of the local AWS, which deploys whole templates, as fast as it can;
`tests.faults.stack` adds to this one what happens to a stack.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from botocore.exceptions import ClientError

from constructs_emrs.handler import contract, functions
from constructs_emrs.handler.failure import RequestFailed
from constructs_emrs.handler.services import Services
from tests.handler.in_memory_service import Killed, Refused, Service
from tests.handler.state_machine import Execution, TaskFailed, deployed

os.environ.setdefault(contract.STATE_MACHINE_ARN, "arn:aws:states:us-east-1:123456789012:stateMachine:Lake")

STACK_ID = "arn:aws:cloudformation:us-east-1:123456789012:stack/Lake/5f8d1c30-0000-11f0-8000-0e0e0e0e0e0e"
MOST_STEPS = 3000
LIMIT_SECONDS = 3600
MOST_ANSWER_BYTES = 4096
PAGE_SIZE = 100
MOST_NAME = 80


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
class Pending:
    """A request that CloudFormation waits for."""

    event: dict[str, Any]
    sent_at: float
    answer: dict[str, Any] | None = None


class CloudFormation:
    """Delivers requests, runs executions, takes answers."""

    def __init__(self, service: Service, *, logs: Any = None, s3: Any = None, stack_id: str = STACK_ID) -> None:
        self.service = service
        self.logs, self.s3 = logs, s3
        self.stack_id = stack_id
        self.resources: dict[str, str] = {}
        """Physical ids of the stack's resources, by logical id."""
        self.job_runs: dict[str, str] = {}
        """Physical ids of its job runs, by logical id."""
        self.executions: dict[str, Execution] = {}
        self.pending: dict[str, Pending] = {}
        self.answers: dict[str, list[str]] = {}
        """All that was sent to each response URL."""
        self.has_dates = True
        """Whether a ResponseURL says when CloudFormation asked."""
        self.api = StackApi(service, self)
        self._requests = 0
        self.created_at = service.now
        self.events: list[dict[str, Any]] = []
        self.status = "CREATE_IN_PROGRESS"

    @property
    def status(self) -> str:
        """The status of the stack."""
        return self._status

    @status.setter
    def status(self, status: str) -> None:
        self._status = status
        self.events.append(
            {
                "PhysicalResourceId": self.stack_id,
                "LogicalResourceId": "Lake",
                "ResourceStatus": status,
                "Timestamp": self.service.now,
            }
        )

    @property
    def now(self) -> float:
        """The clock of everything."""
        return self.service.now.timestamp()

    def services(self) -> Services:
        """What the handler talks to."""
        return Services(
            emr_serverless=lambda: self.service.client,
            cloudformation=lambda: cast("Any", self.api),
            step_functions=lambda: self.api,
            logs=lambda: self.logs,
            s3=lambda: self.s3,
            put=self._put,
            sleep=self.service.sleep,
            now=lambda: self.now,
        )

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
        """Send a request, and deliver it once."""
        pending = self.ask(kind, logical_id, resource_type, properties, old=old, physical_id=physical_id)
        self.deliver(pending.event)
        return pending

    def ask(
        self,
        kind: str,
        logical_id: str,
        resource_type: str,
        properties: dict[str, Any],
        *,
        old: dict[str, Any] | None = None,
        physical_id: str | None = None,
    ) -> Pending:
        """Send a request that is not delivered yet."""
        self._requests += 1
        request_id = f"0000-{self._requests}"
        event: dict[str, Any] = {
            "RequestType": kind,
            "RequestId": request_id,
            "StackId": self.stack_id,
            "LogicalResourceId": logical_id,
            "ResourceType": resource_type,
            "ResponseURL": response_url(request_id, self.now, has_date=self.has_dates),
            "ResourceProperties": {"ServiceToken": "arn:aws:lambda:…", **stringified(properties)},
        }
        if physical_id is not None:
            event["PhysicalResourceId"] = physical_id
        if old is not None:
            event["OldResourceProperties"] = {"ServiceToken": "arn:aws:lambda:…", **stringified(old)}
        self.pending[event["ResponseURL"]] = pending = Pending(event, self.now)
        return pending

    def deliver(self, event: dict[str, Any]) -> None:
        """Deliver an event to the function, which may have had it before."""
        functions.accept(event, self.services())

    def start_execution(self, name: str, text: str) -> None:
        """Start an execution of the state machine."""
        self.executions[name] = Execution(deployed().definition, json.loads(text), self.now, self.now)

    def active(self) -> list[Execution]:
        """The executions that are not done, the one that is due first before the others."""
        return sorted((one for one in self.executions.values() if one.is_running), key=lambda one: one.wakes_at)

    def step(self, execution: Execution) -> None:
        """Do an execution's next step, when it is time."""
        self.service.sleep(max(0.0, execution.wakes_at - self.now))
        if self.now > execution.ends_at:
            execution.time_out()
            return
        state = json.loads(json.dumps(execution.data))
        ends_at = self.now + min(deployed().step_seconds, execution.task_seconds)
        try:
            output = functions.advance(state, self.services())
            if self.now > ends_at:
                raise Killed
        except Killed:
            # What the function knew is lost: the state machine calls it with the state of before.
            execution.fail_task(TaskFailed("Sandbox.Timedout", "{}"), self.now)
            return
        execution.finish_task(json.loads(json.dumps(output)), self.now)

    def _put(self, response_url: str, body: bytes) -> None:
        self.service.interfere("Put")
        assert len(body) <= MOST_ANSWER_BYTES
        self.answers.setdefault(response_url, []).append(body.decode())
        waiting = self.pending.get(response_url)
        if waiting is not None and waiting.answer is None:
            waiting.answer = json.loads(body)
        self.service.interfere("after Put")


def response_url(request_id: str, at: float, *, has_date: bool) -> str:
    """A presigned URL of Amazon S3, of the form that has the date of its signature or of the older one."""
    if has_date:
        date = datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")
        query = f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date={date}&X-Amz-Expires=7200&X-Amz-Signature=0"
    else:
        query = f"AWSAccessKeyId=AKIA&Expires={at + 7200:.0f}&Signature=0"
    return f"https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/{request_id}?{query}"


class StackApi:
    """The clients of CloudFormation and Step Functions, for one stack."""

    class exceptions:  # noqa: N801 - botocore's name
        """The errors of Step Functions."""

        class ExecutionAlreadyExists(ClientError):
            """What Step Functions says of a name that was used."""

    def __init__(self, service: Service, *stacks: Any) -> None:
        self._service = service
        self._stacks = stacks

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803 - the API's
        """The API's."""
        self._call("DescribeStacks")
        stack = self._stack(StackName)
        return {"Stacks": [{"StackStatus": stack.status, "CreationTime": stack.created_at}]}

    def describe_stack_resource(self, *, StackName: str, LogicalResourceId: str) -> dict[str, Any]:  # noqa: N803 - the API's names
        """The API's."""
        self._call("DescribeStackResource")
        resources = self._stack(StackName).resources
        if LogicalResourceId not in resources:
            raise ClientError({"Error": {"Code": "ValidationError", "Message": "no"}}, "DescribeStackResource")
        return {"StackResourceDetail": {"PhysicalResourceId": resources[LogicalResourceId]}}

    def get_paginator(self, name: str) -> Any:
        """Botocore's, for what is in pages."""
        return SimpleNamespace(paginate=getattr(self, f"_{name}"))

    def _list_stack_resources(self, *, StackName: str) -> Iterator[dict[str, Any]]:  # noqa: N803 - the API's
        self._call("ListStackResources")
        summaries = [
            {"LogicalResourceId": logical_id, "PhysicalResourceId": physical_id, "ResourceType": contract.JOB_RUN_TYPE}
            for logical_id, physical_id in self._stack(StackName).job_runs.items()
        ]
        yield {"StackResourceSummaries": summaries}

    def _describe_stack_events(self, *, StackName: str) -> Iterator[dict[str, Any]]:  # noqa: N803 - the API's
        newest_first = self._stack(StackName).events[::-1]
        for start in range(0, max(1, len(newest_first)), PAGE_SIZE):
            self._call("DescribeStackEvents")
            yield {"StackEvents": newest_first[start : start + PAGE_SIZE]}

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> None:  # noqa: A002, N803 - the API's
        """The API's."""
        assert stateMachineArn
        assert len(name) <= MOST_NAME
        self._call("StartExecution")
        if name in self._stacks[0].executions:
            raise self.exceptions.ExecutionAlreadyExists(
                {"Error": {"Code": "ExecutionAlreadyExists"}}, "StartExecution"
            )
        self._stacks[0].start_execution(name, input)
        self._service.interfere("after StartExecution")

    def _stack(self, stack_id: str) -> Any:
        return next(stack for stack in self._stacks if stack.stack_id == stack_id)

    def _call(self, name: str) -> None:
        try:
            self._service.interfere(name)
        except Refused as refused:
            response: Any = {
                "Error": {"Code": refused.code, "Message": refused.message},
                "ResponseMetadata": {"HTTPStatusCode": refused.status},
            }
            raise ClientError(response, name) from refused


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
        cloudformation.resources[self.logical_id] = self.physical_id
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
            raise RequestFailed(answer["Reason"])
        self.properties = properties
        self.data = answer["Data"]
        if status.endswith("_IN_PROGRESS"):
            cloudformation.status = status.removesuffix("_IN_PROGRESS").removesuffix("_COMPLETE_CLEANUP") + "_COMPLETE"

    def answer_to(self, pending: Pending) -> dict[str, Any]:
        """Let the executions go on until the request is answered."""
        for number in range(MOST_STEPS):
            if pending.answer is not None:
                return pending.answer
            active = self.cloudformation.active()
            assert active, "nobody is going to answer"
            execution = active[0]
            self.cloudformation.step(execution)
            if self.cloudformation.now - pending.sent_at > LIMIT_SECONDS:
                raise AssertionError("CloudFormation did not receive a response from your Custom Resource.")
            is_waiting = execution.data.get(contract.WAIT_SECONDS) and contract.ANSWER not in execution.data
            if execution.is_running and is_waiting:
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
