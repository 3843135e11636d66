"""Of which runs people are told: the expressions of the state machine that looks at failed runs, evaluated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonata
import pytest
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sns as sns

from constructs_emrs import Application, JobRun, ReleaseLabel, SparkJob
from constructs_emrs.handler import contract
from tests.templates import new_stack, resources

Json = dict[str, Any]
STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/Lake/1"
OF_THE_STACK = {contract.STACK_TAG: STACK, contract.LOGICAL_ID_TAG: "EtlOnDeploy"}
RUN = {
    "JobRunId": "00f1cbn5g4bb0c01",
    "ApplicationId": "00f1982r1uukb925",
    "State": "FAILED",
    "StateDetails": 'it said "no" \\ twice',
    "Mode": "BATCH",
    "ExecutionTimeoutMinutes": 60,
    "CreatedAt": "2026-01-01T00:00:00.000Z",
    "UpdatedAt": "2026-01-01T00:10:00.000Z",
    "Tags": OF_THE_STACK,
}
LATE = "2026-01-01T01:00:05.000Z"


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> Json:
    """The states of the machine by their types."""
    folder: Path = tmp_path_factory.mktemp("told")
    (folder / "etl.py").write_text("print('hello')\n")
    stack = new_stack()
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    job = SparkJob(stack, "Etl", application=application, entry_point=str(folder / "etl.py"))
    JobRun(stack, "EtlOnDeploy", job=job).on_failure("Failed", targets.SnsTopic(sns.Topic(stack, "OnCall")))
    (machine,) = (
        item["Properties"]["DefinitionString"]
        for name, item in resources(stack, "AWS::StepFunctions::StateMachine").items()
        if name.startswith("EMRServerlessFailures")
    )
    text = "".join(part if isinstance(part, str) else "aws" for part in machine["Fn::Join"][1])
    return dict(json.loads(text)["States"])


def evaluated(expression: str, **variables: Any) -> Any:
    compiled = jsonata.Jsonata(expression.removeprefix("{%").removesuffix("%}").strip())
    for name, value in variables.items():
        compiled.assign(name, value)
    return compiled.evaluate(None)


@pytest.mark.parametrize(
    ("run", "is_told"),
    [
        ({}, True),
        ({"Mode": "STREAMING", "ExecutionTimeoutMinutes": 0}, True),
        ({"State": "CANCELLED"}, False),
        ({"State": "CANCELLED", "UpdatedAt": LATE}, True),
        ({"State": "CANCELLED", "UpdatedAt": LATE, "ExecutionTimeoutMinutes": 0}, False),
        ({"State": "CANCELLED", "UpdatedAt": LATE, "ExecutionTimeoutMinutes": None}, False),
        ({"State": "CANCELLED", "UpdatedAt": LATE, "Mode": "STREAMING"}, False),
        ({"State": "CANCELLED", "UpdatedAt": LATE, "Tags": {**OF_THE_STACK, contract.SUCCESSOR_TAG: "x"}}, False),
        ({"Tags": {**OF_THE_STACK, contract.STACK_TAG: "another"}}, False),
        ({"Tags": {}}, False),
        ({"Tags": None}, False),
    ],
)
def test_who_is_told_of_which_run(states: Json, run: Json, is_told: bool) -> None:
    asked = {name: value for name, value in {**RUN, **run}.items() if value is not None}
    choice = states["Is it a failure of the stack's?"]["Choices"][0]
    found = evaluated(choice["Condition"], states={"input": asked}, stack=STACK)
    assert bool(found) is is_told
    assert isinstance(found, bool), "Step Functions takes nothing else for a condition"


def test_what_is_told_is_json_whatever_is_in_the_reason(states: Json) -> None:
    (entry,) = states["Tell"]["Arguments"]["Entries"]
    detail = json.loads(evaluated(entry["Detail"], states={"input": RUN}, stack=STACK))
    assert detail == {
        "applicationId": RUN["ApplicationId"],
        "jobRunId": RUN["JobRunId"],
        "state": "FAILED",
        "reason": RUN["StateDetails"],
        "stackId": STACK,
        "logicalId": "EtlOnDeploy",
    }
