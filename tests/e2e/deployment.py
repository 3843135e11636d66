"""Deploys apps through CloudFormation's API, for tests of what the CDK CLI has no part in.

The test's own process synthesises the app, publishes its assets to where the templates expect them, and creates or
updates the stack. The CLI does the same, but starts Node, Python and another Node for it each time.
"""

from __future__ import annotations

import json
import os
import runpy
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from aws_cdk import App

from tests import authorization
from tests.e2e.conftest import ROOT
from tests.local.emr_serverless_support import wait_until

if TYPE_CHECKING:
    from tests.e2e.aws import Aws


def synthesise(build: Callable[[App], object], assembly: Path) -> None:
    """Synthesise the app that `build` fills, as it would be in this project."""
    app = _new_app(assembly)
    build(app)
    app.synth()
    check_statements(assembly)


def synthesise_script(script: str, assembly: Path, **environment: str) -> None:
    """Run the script of an app, which is in this folder, with additions to its environment."""
    with mock.patch.dict(os.environ, environment), mock.patch("aws_cdk.App", return_value=_new_app(assembly)):
        runpy.run_path(str(Path(__file__).parent / script))
    check_statements(assembly)


def change_handler(assembly: Path, module: str, *, line: str, instead: str) -> None:
    """Change a line of the functions in an app that is synthesised, such as a time that is long for a test."""
    for path in (found := [*assembly.glob(f"asset.*/handler/{module}.py")]):
        text = path.read_text()
        assert f"\n{line}\n" in text, path
        path.write_text(text.replace(f"\n{line}\n", f"\n{instead}\n"))
    assert found, assembly


def check_statements(assembly: Path) -> None:
    """Hold the policies of the templates against the service authorization reference."""
    for path in assembly.glob("*.template.json"):
        assert authorization.problems(json.loads(path.read_text())["Resources"]) == [], path.name


def _new_app(assembly: Path) -> App:
    return App(outdir=str(assembly), context=json.loads((ROOT / "cdk.json").read_text())["context"])


@dataclass(frozen=True)
class Outcome:
    """What came of an operation on a stack."""

    status: str
    events: list[str]
    """All of the stack's events, the oldest first: resource, status and reason."""

    @property
    def succeeded(self) -> bool:
        """Whether it was not rolled back, and nothing is left of what was to be deleted."""
        return self.status in {"CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE"}

    def __str__(self) -> str:
        return "\n".join([self.status, *self.events])


@dataclass
class DeployedStack:
    """A stack by its name."""

    local_aws: Aws
    name: str
    stack_ids: list[str] = field(default_factory=list)
    """One for each time that it was created."""
    _seen: dict[str, dict[str, None]] = field(default_factory=dict)

    @property
    def client(self) -> Any:
        """CloudFormation."""
        return self.local_aws.client("cloudformation")

    def deploy(self, assembly: Path) -> Outcome:
        """Create or update it; as with the CLI, one whose creation was rolled back is deleted first."""
        self.start_deploy(assembly)
        return self.settled()

    def start_deploy(self, assembly: Path) -> None:
        """Have it created or updated, and don't wait for it."""
        urls = publish_assets(self.local_aws, assembly)
        if self.status() == "ROLLBACK_COMPLETE":
            self.destroy()
        client = self.client
        manifest = json.loads((assembly / "manifest.json").read_text())
        tags = manifest["artifacts"][self.name]["properties"].get("tags", {})
        is_new = self.status() == "DELETE_COMPLETE"
        stack_id = (client.create_stack if is_new else client.update_stack)(
            StackName=self.name,
            TemplateURL=urls[f"{self.name}.template.json"],
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )["StackId"]
        self.stack_ids += [stack_id] if is_new else []

    def destroy(self) -> Outcome:
        """Delete it."""
        self.client.delete_stack(StackName=self.stack_ids[-1])
        return self.settled()

    def settled(self) -> Outcome:
        """What came of it, once nothing is in progress any more."""

        def settled() -> str:
            status = self.status()
            return "" if status.endswith("_IN_PROGRESS") else status

        return Outcome(wait_until(settled, shown=self.events), self.events())

    def outputs(self) -> dict[str, str]:
        """Its outputs by their names."""
        (stack,) = self.client.describe_stacks(StackName=self.stack_ids[-1])["Stacks"]
        return {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", ())}

    def status(self) -> str:
        """Its status; DELETE_COMPLETE when it is gone, or was never there."""
        if not self.stack_ids:
            return "DELETE_COMPLETE"
        (stack,) = self.client.describe_stacks(StackName=self.stack_ids[-1])["Stacks"]
        return str(stack["StackStatus"])

    def events(self) -> list[str]:
        """All of its events, the oldest first: resource, status and reason."""
        keys = ("LogicalResourceId", "ResourceStatus", "ResourceStatusReason")
        return [" ".join(filter(None, map(event.get, keys))) for event in self._events()]

    def physical_ids(self, resource_type: str) -> list[str]:
        """The resources of a type that it has had, the oldest first; also those that are deleted."""
        self._events()
        return list(self._seen.get(resource_type, {}))

    def _events(self) -> list[dict[str, Any]]:
        if not self.stack_ids:
            return []
        pages = self.client.get_paginator("describe_stack_events").paginate(StackName=self.stack_ids[-1])
        events: list[dict[str, Any]] = [event for page in pages for event in page["StackEvents"]][::-1]
        for event in events:
            if event["PhysicalResourceId"]:
                self._seen.setdefault(event["ResourceType"], {})[event["PhysicalResourceId"]] = None
        return events


def publish_assets(local_aws: Aws, assembly: Path) -> dict[str, str]:
    """Upload what the templates of the assembly refer to, and the templates; where each file is then."""
    s3 = local_aws.client("s3")
    bucket = f"cdk-hnb659fds-assets-{local_aws.account_id}-{local_aws.region}"
    urls = {}
    for manifest in assembly.glob("*.assets.json"):
        for asset in json.loads(manifest.read_text())["files"].values():
            source = assembly / asset["source"]["path"]
            if asset["source"]["packaging"] == "zip":
                source = Path(shutil.make_archive(str(source), "zip", source))
            for destination in asset["destinations"].values():
                s3.upload_file(str(source), bucket, destination["objectKey"])
                urls[source.name] = f"{local_aws.url}/{bucket}/{destination['objectKey']}"
    return urls
