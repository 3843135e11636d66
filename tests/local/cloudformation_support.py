"""Stacks of custom resources whose function does what their properties say, and records the events it receives."""

import io
import json
import textwrap
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emrs_local import LocalAws
from tests.local.emr_serverless_support import make_role, wait_until

Json = dict[str, Any]

# On an event of type T the function does what the property T says: a JSON object with any of `id`, `fail` (a reason),
# `sleep` (seconds), `until` (a file that has to exist), `silent`, `crash` (how often), `raw` (the whole answer),
# `status` (ask CloudFormation for the status of the stack) and `data`.
PROVIDER = """
import json, os, pathlib, time, urllib.request

def handler(event, context):
    properties = event["ResourceProperties"]
    do = json.loads(properties.get(event["RequestType"], "{}"))
    folder = pathlib.Path(os.environ["EVENTS"]) / event["StackId"].split("/")[1]
    folder.mkdir(exist_ok=True)
    record = {**event, "at": time.time()}
    if do.get("status"):
        import boto3
        stacks = boto3.client("cloudformation").describe_stacks(StackName=event["StackId"])["Stacks"]
        record["status"] = stacks[0]["StackStatus"]
    name = f"{time.time():020.6f}-{event['LogicalResourceId']}-{event['RequestType']}"
    (folder / f"{name}.part").write_text(json.dumps(record))
    (folder / f"{name}.part").rename(folder / f"{name}.json")
    crashes = len(list(folder.glob(f"*-{event['LogicalResourceId']}-{event['RequestType']}.json")))
    if crashes <= do.get("crash", 0):
        os._exit(7)
    time.sleep(do.get("sleep", 0))
    while "until" in do and not os.path.exists(do["until"]):
        time.sleep(0.02)
    if do.get("silent"):
        return
    answer = {
        "Status": "FAILED" if "fail" in do else "SUCCESS",
        "Reason": do.get("fail", ""),
        "PhysicalResourceId": do.get("id", event.get("PhysicalResourceId", event["LogicalResourceId"] + "-1")),
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "Data": do.get("data", {}),
    }
    if do.get("no_id"):
        del answer["PhysicalResourceId"]
    body = do.get("raw", json.dumps(answer)).encode()
    request = urllib.request.Request(event["ResponseURL"], data=body, method="PUT", headers={"content-type": ""})
    urllib.request.urlopen(request).read()
    (folder / f"{event['LogicalResourceId']}-{event['RequestType']}.answered").touch()
"""

LAMBDA_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


def archive(source: str) -> bytes:
    """The code of a function."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("index.py", textwrap.dedent(source))
    return content.getvalue()


def make_function(aws: LocalAws, name: str, source: str, *, environment: Mapping[str, str], timeout: int = 900) -> str:
    """A Python function that may do everything, and take as long as it likes."""
    role = make_role(aws, f"{name}-role", {"Effect": "Allow", "Action": "*", "Resource": "*"}, trust=LAMBDA_TRUST)
    function = aws.client("lambda").create_function(
        FunctionName=name,
        Role=role,
        Runtime="python3.12",
        Handler="index.handler",
        Timeout=timeout,
        Code={"ZipFile": archive(source)},
        Environment={"Variables": dict(environment)},
    )
    return str(function["FunctionArn"])


def wait_for_stack(cloudformation: Any, waiter: str, name: str) -> None:
    """Wait as boto3's waiter of that name does, for minutes.

    Raises:
        WaiterError: The stack is in a state from which it does not get there.
    """
    cloudformation.get_waiter(waiter).wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 600})


@dataclass(kw_only=True)
class Provider:
    """The function behind the custom resources, and the folder of the events that it received."""

    aws: LocalAws
    arn: str
    events: Path

    def resource(self, *, after: str | list[str] = "", **properties: Any) -> Json:
        """A resource of a template; a dict among its properties is what to do on an event."""
        sent = {
            key: json.dumps(value) if key in ("Create", "Update", "Delete") else value
            for key, value in properties.items()
        }
        resource: Json = {"Type": "Custom::Thing", "Properties": {"ServiceToken": self.arn, **sent}}
        if after:
            resource["DependsOn"] = after
        return resource

    def stack(self, name: str) -> "TestStack":
        """A stack that does not exist yet."""
        return TestStack(provider=self, name=name)


@dataclass(kw_only=True)
class TestStack:
    """A stack and what its custom resources received."""

    __test__ = False

    provider: Provider
    name: str
    stack_id: str = ""
    client: Any = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.provider.aws.client("cloudformation")

    def start_create(self, resources: Json, *, outputs: Json | None = None, **arguments: Any) -> None:
        body = json.dumps({"Resources": resources, "Outputs": outputs or {}})
        self.stack_id = self.client.create_stack(StackName=self.name, TemplateBody=body, **arguments)["StackId"]

    def start_update(self, resources: Json, *, outputs: Json | None = None, **arguments: Any) -> None:
        body = json.dumps({"Resources": resources, "Outputs": outputs or {}})
        self.client.update_stack(StackName=self.name, TemplateBody=body, **arguments)

    def execute_change_set(
        self, resources: Json, *, outputs: Json | None = None, kind: str = "UPDATE", **arguments: Any
    ) -> None:
        change = {"StackName": self.name, "ChangeSetName": "change"}
        body = json.dumps({"Resources": resources, "Outputs": outputs or {}})
        self.stack_id = self.client.create_change_set(TemplateBody=body, ChangeSetType=kind, **change)["StackId"]
        waiter = self.client.get_waiter("change_set_create_complete")
        waiter.wait(**change, WaiterConfig={"Delay": 1, "MaxAttempts": 600})
        self.client.execute_change_set(**change, **arguments)

    def start_delete(self) -> None:
        self.client.delete_stack(StackName=self.stack_id)

    def create(self, resources: Json, **arguments: Any) -> str:
        self.start_create(resources, **arguments)
        return self.settled()

    def update(self, resources: Json, **arguments: Any) -> str:
        self.forget()
        self.start_update(resources, **arguments)
        return self.settled()

    def delete(self) -> str:
        self.forget()
        self.start_delete()
        return self.settled()

    def status(self) -> str:
        return str(self.client.describe_stacks(StackName=self.stack_id)["Stacks"][0]["StackStatus"])

    def settled(self, *, seconds: float = 600) -> str:
        deadline = time.monotonic() + seconds
        while (status := self.status()).endswith("IN_PROGRESS"):
            assert time.monotonic() < deadline, (status, self.reported())
            time.sleep(0.05)
        return status

    @property
    def folder(self) -> Path:
        return self.provider.events / self.name

    def forget(self) -> None:
        """Forget the events so far."""
        for path in self.folder.glob("*"):
            path.unlink()

    def received(self) -> list[Json]:
        """The events that the function received, in order."""
        return [json.loads(path.read_text()) for path in sorted(self.folder.glob("*.json"))]

    def calls(self) -> list[str]:
        """The events in short: type, logical id, and the physical id if there is one."""
        return [
            " ".join(filter(None, [event["RequestType"], event["LogicalResourceId"], event.get("PhysicalResourceId")]))
            for event in self.received()
        ]

    def wait_for(self, *calls: str) -> None:
        """Wait until the function received these events."""
        wait_until(lambda: set(calls) <= set(self.calls()), shown=lambda: (calls, self.calls(), self.reported()))

    def wait_for_report(self, line: str) -> None:
        """Wait until the stack has an event, in short."""
        wait_until(lambda: line in self.reported(), shown=self.reported)

    def wait_for_answer(self, request_type: str, logical_id: str) -> None:
        """Wait until the function has answered an event."""
        wait_until((self.folder / f"{logical_id}-{request_type}.answered").exists, shown=self.calls)

    def reported(self) -> list[str]:
        """The events of the stack in short, the oldest first."""
        pages = self.client.get_paginator("describe_stack_events").paginate(StackName=self.stack_id)
        events = [event for page in pages for event in page["StackEvents"]]
        return [
            f"{event['LogicalResourceId']} {event['ResourceStatus']} {event.get('ResourceStatusReason', '')}".strip()
            for event in reversed(events)
        ]

    def statuses(self) -> list[str]:
        """What the stack itself went through."""
        return [line.split()[1] for line in self.reported() if line.split()[0] == self.name]

    def physical_id(self, logical_id: str) -> str:
        resources = self.client.describe_stack_resources(StackName=self.stack_id)["StackResources"]
        return str(next(item["PhysicalResourceId"] for item in resources if item["LogicalResourceId"] == logical_id))

    def outputs(self) -> dict[str, str]:
        found = self.client.describe_stacks(StackName=self.stack_id)["Stacks"][0].get("Outputs", [])
        return {output["OutputKey"]: output["OutputValue"] for output in found}
