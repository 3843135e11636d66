"""What the CDK's own rules find in the templates, which `tests/conftest.py` turns off everywhere else.

The oldest CDK that the library works with has no such rules.
"""

import functools
import json
from pathlib import Path

import pytest
from aws_cdk import App, CfnResource, CloudFormationValidatePlugin, Stack, Validations

from tests.synth.test_static import STACKS


@functools.cache
def rules() -> CloudFormationValidatePlugin:
    """All that there are; they take two seconds to be made."""
    return CloudFormationValidatePlugin()


def found_in(app: App) -> list[str]:
    """What they find."""
    Validations.of(app).add_plugins(rules())
    report = json.loads(Path(app.synth().directory, "validation-report.json").read_text())
    return [violation["description"] for plugin in report["pluginReports"] for violation in plugin["violations"]]


@pytest.mark.parametrize("name", STACKS)
def test_the_rules_of_the_cdk_find_nothing(name: str) -> None:
    app = App()
    STACKS[name](app)
    assert found_in(app) == []


def test_what_the_rules_of_the_cdk_find_is_seen() -> None:
    app = App()
    CfnResource(Stack(app, "Bad"), "Bucket", type="AWS::S3::Bucket", properties={"BucketNam": "data"})
    (found,) = found_in(app)
    assert "BucketNam" in found
