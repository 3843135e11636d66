"""CloudFormation and the CDK's provider framework in memory, as far as one custom resource sees them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from constructs_emrs.handler import contract
from constructs_emrs.handler.application_stop import ApplicationStop
from constructs_emrs.handler.job_run import JobRunResource
from tests.handler.in_memory_service import Service

STACK_ID = "arn:aws:cloudformation:us-east-1:123456789012:stack/Lake/5f8d1c30-0000-11f0-8000-0e0e0e0e0e0e"
MOST_POLLS = 1000


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
class CustomResource:
    """One custom resource of a stack, driven through its life."""

    service: Service
    resource_type: str = contract.JOB_RUN_TYPE
    logical_id: str = "EtlOnDeploy"
    between_polls: Callable[[int], None] = lambda _: None
    logs: Any = None
    s3: Any = None
    physical_id: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    properties: dict[str, Any] = field(default_factory=dict)
    requests: int = 0

    def create(self, properties: dict[str, Any], *, deliveries: int = 1) -> None:
        """Create the resource, its event delivered to `on_event` so many times."""
        self._request("Create", properties, deliveries=deliveries)

    def update(self, properties: dict[str, Any], *, deliveries: int = 1) -> None:
        """Update the resource, its event delivered to `on_event` so many times."""
        self._request("Update", properties, deliveries=deliveries)

    def delete(self, *, physical_id: str | None = None) -> None:
        """Delete the resource under its own physical id or another."""
        self.physical_id = physical_id if physical_id is not None else self.physical_id
        self._request("Delete", self.properties)

    def _request(self, request_type: str, properties: dict[str, Any], *, deliveries: int = 1) -> None:
        self.requests += 1
        event = {
            "RequestType": request_type,
            "RequestId": f"0000-{self.requests}",
            "StackId": STACK_ID,
            "LogicalResourceId": self.logical_id,
            "ResourceType": self.resource_type,
            "ResponseURL": "...",
            "ResourceProperties": {"ServiceToken": "arn:aws:lambda:…", **stringified(properties)},
        }
        if request_type != "Create":
            event["PhysicalResourceId"] = self.physical_id
        if request_type == "Update":
            event["OldResourceProperties"] = {"ServiceToken": "arn:aws:lambda:…", **stringified(self.properties)}
        for _ in range(deliveries):
            answer = self._handler(event).on_event()
        self.physical_id = answer["PhysicalResourceId"]
        self.properties = properties
        event = {**event, **answer}
        for poll in range(MOST_POLLS):
            if self._handler(event).is_complete()["IsComplete"]:
                self.data = answer.get("Data", {})
                return
            self.between_polls(poll)
            self.service.sleep(5)
        raise AssertionError(f"{request_type} is not complete after {MOST_POLLS} polls")

    def _handler(self, event: dict[str, Any]) -> JobRunResource | ApplicationStop:
        if self.resource_type == contract.APPLICATION_STOP_TYPE:
            return ApplicationStop(event, emr_serverless=self.service.client)
        return JobRunResource(
            event,
            emr_serverless=self.service.client,
            logs=lambda: self.logs,
            s3=lambda: self.s3,
            sleep=self.service.sleep,
            now=lambda: self.service.now,
        )
