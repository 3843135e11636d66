"""A stack with one job of each kind of test."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from aws_cdk import Stack

from constructs_emrs import Application, Code, JobRun, ReleaseLabel, SparkJob
from tests.authorization import every_statement_is_known  # noqa: F401 - for all tests of this folder
from tests.templates import new_stack


@dataclass
class Lake:
    """The stack of most tests."""

    stack: Stack
    application: Application
    job: SparkJob
    run: JobRun


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A Python file to use as an entry point."""
    path = tmp_path / "etl.py"
    path.write_text("print('hello')\n")
    return path


@pytest.fixture
def lake(script: Path) -> Lake:
    stack = new_stack()
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    job = SparkJob(stack, "Etl", application=application, entry_point=Code.from_asset(script), arguments=["--day", "1"])
    return Lake(stack, application, job, JobRun(stack, "EtlOnDeploy", job=job))
