"""Runs of a deploy that follow each other: done again together, and left as they were by a rollback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from aws_cdk import App, CfnOutput, Stack

from constructs_emrs import Application, Code, JobRun, ReleaseLabel, SparkJob
from emrs_local import LocalAws
from tests.e2e.deployment import DeployedStack, Outcome, synthesise

SCRIPT = """
import sys
if sys.argv[1] == "fail":
    raise ValueError("the data is wrong")
"""


class Graph:
    """A stack with two runs, of which the second comes after the first."""

    def __init__(self, aws: LocalAws, folder: Path) -> None:
        self.stack = DeployedStack(aws, "After")
        self.emr = aws.client("emr-serverless")
        self.folder = folder
        self.script = folder / "etl.py"
        self.script.write_text(SCRIPT)

    def deploy(self, first: str, second: str) -> Outcome:
        assembly = self.folder / f"{first}-{second}"
        synthesise(lambda app: self.build(app, first, second), assembly)
        return self.stack.deploy(assembly)

    def build(self, app: App, first: str, second: str) -> None:
        stack = Stack(app, "After")
        application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
        job = SparkJob(stack, "Etl", application=application, entry_point=Code.from_uri(f"local://{self.script}"))
        upstream = JobRun(stack, "First", job=job, arguments=[first])
        JobRun(stack, "Second", job=job, arguments=[second], after=[upstream])
        CfnOutput(stack, "ApplicationId", value=application.application_id)

    def runs(self) -> list[str]:
        """The arguments of all runs so far, the oldest first."""
        application = self.stack.outputs()["ApplicationId"]
        pages = self.emr.get_paginator("list_job_runs").paginate(applicationId=application)
        ids = [run["id"] for page in pages for run in page["jobRuns"]]
        found = [self.emr.get_job_run(applicationId=application, jobRunId=run)["jobRun"] for run in ids]
        in_order = sorted(found, key=lambda run: run["createdAt"])
        return [run["jobDriver"]["sparkSubmit"]["entryPointArguments"][0] for run in in_order]


@pytest.fixture
def graph(with_python_drivers: LocalAws, tmp_path: Path) -> Iterator[Graph]:
    graph = Graph(with_python_drivers, tmp_path)
    yield graph
    assert graph.stack.destroy().succeeded


def test_what_comes_after_is_done_again_and_a_rollback_does_nothing_again(graph: Graph) -> None:
    assert graph.deploy("a", "x").succeeded
    assert graph.runs() == ["a", "x"]
    assert graph.deploy("b", "x").succeeded
    assert graph.runs() == ["a", "x", "b", "x"]
    assert graph.deploy("b", "y").succeeded
    assert graph.runs() == ["a", "x", "b", "x", "y"]
    failed = graph.deploy("c", "fail")
    assert failed.status == "UPDATE_ROLLBACK_COMPLETE", str(failed)
    assert graph.runs() == ["a", "x", "b", "x", "y", "c", "fail"]
    assert graph.deploy("d", "y").succeeded
    assert graph.runs() == ["a", "x", "b", "x", "y", "c", "fail", "d", "y"]
