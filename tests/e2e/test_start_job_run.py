"""State machines of users, with states that run jobs: deployed, and executed by the local Step Functions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, CfnOutput, Stack
from aws_cdk import aws_stepfunctions as sfn

from constructs_emrs import (
    Application,
    Code,
    EmrServerlessStartJobRun,
    ReleaseLabel,
    SparkJob,
)
from emrs_local import LocalAws
from tests.e2e.deployment import DeployedStack, synthesise
from tests.local.emr_serverless_support import wait_until

Json = dict[str, Any]

SCRIPT = """
import sys, time
if sys.argv[1] == "sleep":
    time.sleep(3600)
if sys.argv[1] == "fail":
    raise ValueError("the data is wrong")
"""
AWKWARD = 'it\'s {1} \\ "q" 😀'


class Workflows:
    """The deployed state machines."""

    def __init__(self, aws: LocalAws, outputs: dict[str, str]) -> None:
        self.client = aws.client("stepfunctions")
        self.emr = aws.client("emr-serverless")
        self.outputs = outputs

    def start(self, machine: str, state: Json) -> str:
        arn = self.outputs[machine]
        return str(self.client.start_execution(stateMachineArn=arn, input=json.dumps(state))["executionArn"])

    def ended(self, execution: str) -> Json:
        def found() -> Json | None:
            described: Json = self.client.describe_execution(executionArn=execution)
            return described if described["status"] != "RUNNING" else None

        return wait_until(found)

    def run(self, machine: str, state: Json) -> Json:
        return self.ended(self.start(machine, state))

    def runs(self, name: str) -> list[Json]:
        pages = self.emr.get_paginator("list_job_runs").paginate(applicationId=self.outputs["ApplicationId"])
        return [run for page in pages for run in page["jobRuns"] if run["name"] == name]

    def wait_for(self, name: str, state: str) -> Json:
        """The only run of that name, once it is in the state."""

        def found() -> list[Json] | None:
            runs = self.runs(name)
            return runs if runs and runs[0]["state"] == state else None

        (run,) = wait_until(found)
        return run


def build(app: App, script: Path) -> None:
    stack = Stack(app, "Workflows")
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    job = SparkJob(
        stack, "Etl", application=application, entry_point=Code.from_uri(f"local://{script}"), arguments=["pass"]
    )
    name = sfn.JsonPath.format("etl-{}", sfn.JsonPath.execution_name)
    failed = sfn.Pass(
        stack, "Failed", parameters={"caught": sfn.JsonPath.string_to_json(sfn.JsonPath.string_at("$.error.Cause"))}
    )
    machines: dict[str, sfn.IChainable] = {
        "Mixed": EmrServerlessStartJobRun(
            stack,
            "RunMixed",
            job=job,
            job_run_name=name,
            arguments=[sfn.JsonPath.string_at("$.mode"), AWKWARD, sfn.JsonPath.string_at("$.key")],
        ).add_catch(failed, errors=["States.TaskFailed"], result_path="$.error"),
        "AsListed": EmrServerlessStartJobRun(
            stack, "RunAsListed", job=job, job_run_name=name, arguments=sfn.JsonPath.list_at("$.arguments")
        ),
        "Jsonata": EmrServerlessStartJobRun(
            stack,
            "RunJsonata",
            job=job,
            query_language=sfn.QueryLanguage.JSONATA,
            job_run_name="{% 'etl-' & $states.context.Execution.Name %}",
            arguments=["{% $states.input.mode %}", AWKWARD, "{% $states.input.key %}"],
        ),
        "Callback": EmrServerlessStartJobRun(
            stack,
            "RunCallback",
            job=job,
            job_run_name=name,
            integration_pattern=sfn.IntegrationPattern.WAIT_FOR_TASK_TOKEN,
            arguments=["pass", sfn.JsonPath.task_token],
        ),
        "Retried": EmrServerlessStartJobRun(
            stack, "RunRetried", job=job, job_run_name=name, arguments=["fail"]
        ).add_retry(errors=["States.TaskFailed"], max_attempts=1),
        "Mapped": sfn.Map(stack, "Each", items_path="$.keys", max_concurrency=5).item_processor(
            EmrServerlessStartJobRun(
                stack,
                "RunEach",
                job=job,
                job_run_name=name,
                arguments=["pass", sfn.JsonPath.string_at("$")],
                integration_pattern=sfn.IntegrationPattern.REQUEST_RESPONSE,
            )
        ),
    }
    for machine_id, state in machines.items():
        machine = sfn.StateMachine(stack, machine_id, definition_body=sfn.DefinitionBody.from_chainable(state))
        CfnOutput(stack, f"{machine_id}Arn", value=machine.state_machine_arn)
    CfnOutput(stack, "ApplicationId", value=application.application_id)


@pytest.fixture(scope="module")
def workflows(with_python_drivers: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workflows]:
    folder: Path = tmp_path_factory.mktemp("workflows")
    script = folder / "etl.py"
    script.write_text(SCRIPT)
    synthesise(lambda app: build(app, script), folder / "cdk.out")
    stack = DeployedStack(with_python_drivers, "Workflows")
    outcome = stack.deploy(folder / "cdk.out")
    assert outcome.succeeded, str(outcome)
    yield Workflows(with_python_drivers, {name.removesuffix("Arn"): value for name, value in stack.outputs().items()})
    assert stack.destroy().succeeded


def arguments_of(output: Json) -> list[str]:
    return list(output["JobDriver"]["SparkSubmit"]["EntryPointArguments"])


@pytest.mark.parametrize("machine", ["Mixed", "Jsonata"])
def test_arguments_of_the_state_arrive_exactly(workflows: Workflows, machine: str) -> None:
    done = workflows.run(machine, {"mode": "pass", "key": f"{AWKWARD}/x"})
    assert done["status"] == "SUCCEEDED", (done.get("error"), done.get("cause"))
    output = json.loads(done["output"])
    assert arguments_of(output) == ["pass", AWKWARD, f"{AWKWARD}/x"]
    assert (output["State"], output["Name"]) == ("SUCCESS", f"etl-{done['name']}")
    assert output["Tags"] == {}


def test_a_list_of_the_state_arrives(workflows: Workflows) -> None:
    done = workflows.run("AsListed", {"arguments": ["pass", AWKWARD]})
    assert arguments_of(json.loads(done["output"])) == ["pass", AWKWARD]


def test_a_failure_can_be_caught_with_the_run_s_own_error(workflows: Workflows) -> None:
    done = workflows.run("Mixed", {"mode": "fail", "key": "1"})
    assert done["status"] == "SUCCEEDED", (done.get("error"), done.get("cause"))
    caught = json.loads(done["output"])["caught"]
    assert caught["State"] == "FAILED"
    assert "the data is wrong" in caught["StateDetails"]


def test_stopping_an_execution_cancels_its_run(workflows: Workflows) -> None:
    execution = workflows.start("Mixed", {"mode": "sleep", "key": "1"})
    name = f"etl-{execution.rpartition(':')[2]}"
    workflows.wait_for(name, "RUNNING")
    workflows.client.stop_execution(executionArn=execution)
    workflows.wait_for(name, "CANCELLED")


def test_a_job_reports_itself(workflows: Workflows) -> None:
    execution = workflows.start("Callback", {})
    run = workflows.wait_for(f"etl-{execution.rpartition(':')[2]}", "SUCCESS")
    ids = {"applicationId": run["applicationId"], "jobRunId": run["id"]}
    driver = workflows.emr.get_job_run(**ids)["jobRun"]["jobDriver"]["sparkSubmit"]
    workflows.client.send_task_success(taskToken=driver["entryPointArguments"][1], output='{"rows": 7}')
    assert json.loads(workflows.ended(execution)["output"]) == {"rows": 7}


def test_a_retry_of_a_failed_run_is_a_new_run(workflows: Workflows) -> None:
    done = workflows.run("Retried", {})
    assert (done["status"], done["error"]) == ("FAILED", "States.TaskFailed")
    assert [run["state"] for run in workflows.runs(f"etl-{done['name']}")] == ["FAILED", "FAILED"]


def test_each_iteration_has_its_run(workflows: Workflows) -> None:
    done = workflows.run("Mapped", {"keys": [f"key-{number}" for number in range(5)]})
    assert done["status"] == "SUCCEEDED", (done.get("error"), done.get("cause"))
    assert len({started["JobRunId"] for started in json.loads(done["output"])}) == 5
