"""Bootstraps a local AWS without the CLI, for tests that deploy without it."""

from __future__ import annotations

from pathlib import Path

from emrs_local import LocalAws

_TEMPLATE = Path(__file__).parents[2] / "node_modules/aws-cdk/lib/api/bootstrap/bootstrap-template.yaml"


def bootstrap(aws: LocalAws) -> None:
    """Create the stack that `cdk bootstrap` creates, from the CLI's own template."""
    client = aws.client("cloudformation")
    template = _TEMPLATE.read_text()
    client.create_stack(StackName="CDKToolkit", TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"])
    wait = {"Delay": 0.1, "MaxAttempts": 10_000}
    client.get_waiter("stack_create_complete").wait(StackName="CDKToolkit", WaiterConfig=wait)
