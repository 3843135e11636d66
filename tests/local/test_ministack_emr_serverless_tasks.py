"""State machines run jobs as Step Functions does: with their role, until the run's end, and cancel what is stopped."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.emr_serverless_support import Service, allow, make_role, wait_until
from tests.local.test_ministack_state_machines import STATES_TRUST

START = "arn:aws:states:::emr-serverless:startJobRun"
SDK_START = "arn:aws:states:::aws-sdk:emrserverless:startJobRun"
RULE = "arn:aws:events:us-east-1:000000000000:rule/StepFunctionsGetEventsForEMRServerlessJobRule"

Json = dict[str, Any]


class Workflows:
    """State machines of one task."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.client = service.aws.client("stepfunctions")

    def statements(self) -> dict[str, Json]:
        """What AWS's page lists for a machine that runs jobs and waits for them."""
        application = self.service.application_arn
        to_service = {"StringEquals": {"iam:PassedToService": "emr-serverless.amazonaws.com"}}
        rule = RULE.replace("us-east-1", self.service.aws.region).replace("000000000000", self.service.aws.account_id)
        return {
            "start": allow("emr-serverless:StartJobRun", application),
            "pass": allow("iam:PassRole", self.service.role_arn, **to_service),
            "see": allow("emr-serverless:GetJobRun", f"{application}/jobruns/*"),
            "cancel": allow("emr-serverless:CancelJobRun", f"{application}/jobruns/*"),
            "rule": allow(["events:PutTargets", "events:PutRule", "events:DescribeRule"], rule),
        }

    def create(self, name: str, state: Json, *, without: str = "", kind: str = "STANDARD") -> str:
        statements = [statement for key, statement in self.statements().items() if key != without]
        role = make_role(self.service.aws, name, *statements, trust=STATES_TRUST)
        definition = {"StartAt": "Run", "States": {"Run": {"Type": "Task", "End": True, **state}}}
        created = self.client.create_state_machine(
            name=name, roleArn=role, definition=json.dumps(definition), type=kind
        )
        return str(created["stateMachineArn"])

    def parameters(self, entry_point: str, *arguments: str) -> Json:
        submit = {"EntryPoint": entry_point, "EntryPointArguments": list(arguments)}
        ids = {"ApplicationId": self.service.application_id, "ExecutionRoleArn": self.service.role_arn}
        return {**ids, "JobDriver": {"SparkSubmit": submit}}

    def start(self, machine: str, state: Json | None = None) -> str:
        return str(self.client.start_execution(stateMachineArn=machine, input=json.dumps(state or {}))["executionArn"])

    def ended(self, execution: str) -> Json:
        deadline = time.monotonic() + 300
        while (found := self.client.describe_execution(executionArn=execution))["status"] == "RUNNING":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return dict(found)

    def run(self, machine: str, state: Json | None = None) -> Json:
        return self.ended(self.start(machine, state))

    def runs(self, name: str) -> list[Json]:
        pages = self.service.emr.get_paginator("list_job_runs").paginate(applicationId=self.service.application_id)
        return [run for page in pages for run in page["jobRuns"] if run.get("name") == name]

    def only_run(self, name: str) -> str:
        """The id of the run of that name, once there is one."""
        wait_until(lambda: self.runs(name))
        (run,) = self.runs(name)
        return str(run["id"])


@pytest.fixture(scope="module")
def workflows(service: Service) -> Workflows:
    return Workflows(service)


@pytest.fixture(scope="module")
def prints(service: Service) -> str:
    return service.script("prints", "import sys, json\nprint(json.dumps(sys.argv[1:]))\n")


def test_a_task_waits_for_the_run_and_has_its_description(workflows: Workflows, prints: str) -> None:
    parameters = workflows.parameters(prints)
    tags = {"team.name": "Data"}
    monitoring = {"ManagedPersistenceMonitoringConfiguration": {"Enabled": False}}
    properties = {"spark.some.thing": "1"}
    overrides = {
        "ApplicationConfiguration": [{"Classification": "spark-defaults", "Properties": properties}],
        "MonitoringConfiguration": monitoring,
    }
    parameters |= {"Name": "of-task", "Tags": tags, "ConfigurationOverrides": overrides}
    machine = workflows.create("described", {"Resource": f"{START}.sync", "Parameters": parameters})
    iam = workflows.service.aws.client("iam")
    tagging = {"Version": "2012-10-17", "Statement": [allow("emr-serverless:TagResource")]}
    iam.put_role_policy(RoleName="described", PolicyName="tags", PolicyDocument=json.dumps(tagging))
    done = workflows.run(machine)
    assert done["status"] == "SUCCEEDED", done
    output = json.loads(done["output"])
    assert (output["State"], output["Name"], output["Tags"]) == ("SUCCESS", "of-task", tags)
    assert output["JobRunId"] == workflows.only_run("of-task")
    (classified,) = output["ConfigurationOverrides"]["ApplicationConfiguration"]
    assert classified["Properties"] == properties


def test_a_failed_run_fails_the_task_with_the_run_s_description(workflows: Workflows, service: Service) -> None:
    fails = service.script("fails", "raise ValueError('the data is wrong')\n")
    machine = workflows.create("fails", {"Resource": f"{START}.sync", "Parameters": workflows.parameters(fails)})
    done = workflows.run(machine)
    assert (done["status"], done["error"]) == ("FAILED", "States.TaskFailed")
    assert json.loads(done["cause"])["State"] == "FAILED"
    assert "the data is wrong" in json.loads(done["cause"])["StateDetails"]


def test_without_sync_the_task_is_done_when_the_run_is_started(workflows: Workflows, prints: str) -> None:
    parameters = {**workflows.parameters(prints), "Name": "started"}
    done = workflows.run(workflows.create("started", {"Resource": START, "Parameters": parameters}, without="rule"))
    assert json.loads(done["output"]).keys() == {"ApplicationId", "JobRunId", "Arn"}
    workflows.service.wait(workflows.only_run("started"), "SUCCESS")


@pytest.mark.parametrize("without", ["start", "pass", "see"])
def test_the_role_has_to_have_the_permission(workflows: Workflows, prints: str, without: str) -> None:
    state = {"Resource": f"{START}.sync", "Parameters": workflows.parameters(prints)}
    done = workflows.run(workflows.create(f"without-{without}", state, without=without))
    assert (done["status"], done["error"]) == ("FAILED", "EMRServerless.AccessDeniedException")
    assert "is not authorized to perform" in done["cause"]


def test_waiting_takes_the_permission_to_make_a_rule(workflows: Workflows, prints: str) -> None:
    state = {"Resource": f"{START}.sync", "Parameters": workflows.parameters(prints)}
    with pytest.raises(ClientError, match="is not authorized to create managed-rule"):
        workflows.create("without-rule", state, without="rule")


def test_an_express_machine_does_not_wait(workflows: Workflows, prints: str) -> None:
    state = {"Resource": f"{START}.sync", "Parameters": workflows.parameters(prints)}
    with pytest.raises(ClientError, match="Express state machine does not support"):
        workflows.create("express", state, kind="EXPRESS")


def test_stopping_the_execution_cancels_the_run(workflows: Workflows, service: Service) -> None:
    sleeps = service.script("sleeps-in-workflow", "import time\ntime.sleep(600)\n")
    parameters = {**workflows.parameters(sleeps), "Name": "stopped"}
    machine = workflows.create("stopped", {"Resource": f"{START}.sync", "Parameters": parameters})
    execution = workflows.start(machine)
    run = workflows.only_run("stopped")
    workflows.client.stop_execution(executionArn=execution)
    service.wait(run, "CANCELLED")
    assert workflows.ended(execution)["status"] == "ABORTED"


def test_a_run_whose_task_timed_out_goes_on(workflows: Workflows, service: Service, tmp_path: Path) -> None:
    waits = service.script(
        "waits", "import os, sys, time\nwhile not os.path.exists(sys.argv[1]):\n    time.sleep(0.05)\n"
    )
    parameters = {**workflows.parameters(waits, str(tmp_path / "go")), "Name": "timed-out"}
    state = {"Resource": f"{START}.sync", "TimeoutSeconds": 3, "Parameters": parameters}
    execution = workflows.start(workflows.create("timed-out", state))
    assert workflows.ended(execution)["error"] == "States.Timeout"
    (tmp_path / "go").touch()
    service.wait(workflows.only_run("timed-out"), "SUCCESS")


def test_every_operation_can_be_called_by_its_own_name(workflows: Workflows, prints: str) -> None:
    parameters = {**workflows.parameters(prints), "Name": "by-sdk", "ClientToken.$": "States.UUID()"}
    done = workflows.run(workflows.create("by-sdk", {"Resource": SDK_START, "Parameters": parameters}))
    run = json.loads(done["output"])["JobRunId"]
    workflows.service.wait(run, "SUCCESS")
    ids = {"ApplicationId": workflows.service.application_id, "JobRunId": run}
    get = SDK_START.replace("startJobRun", "getJobRun")
    found = json.loads(workflows.run(workflows.create("see-by-sdk", {"Resource": get, "Parameters": ids}))["output"])
    assert found["JobRun"]["State"] == "SUCCESS"
    missing = {**ids, "JobRunId": "00f0000000000000"}
    done = workflows.run(workflows.create("not-there", {"Resource": get, "Parameters": missing}))
    assert done["error"] == "EmrServerless.ResourceNotFoundException"


def test_the_sdk_s_startjobrun_takes_a_token(workflows: Workflows, prints: str) -> None:
    with pytest.raises(ClientError, match="The field 'ClientToken' is required but was missing at /States/Run"):
        workflows.create("no-token", {"Resource": SDK_START, "Parameters": workflows.parameters(prints)})


def test_a_definition_is_validated_without_a_role(workflows: Workflows, prints: str) -> None:
    def validated(resource: str) -> Any:
        state = {"Type": "Task", "Resource": resource, "Parameters": workflows.parameters(prints), "End": True}
        definition = json.dumps({"StartAt": "Run", "States": {"Run": state}})
        return workflows.client.validate_state_machine_definition(definition=definition)

    assert validated(f"{START}.sync")["result"] == "OK"
    refused = validated(SDK_START)
    assert refused["result"] == "FAIL"
    assert "The field 'ClientToken' is required" in refused["diagnostics"][0]["message"]


def test_a_job_reports_with_the_token_of_its_task(workflows: Workflows, prints: str) -> None:
    parameters = workflows.parameters(prints)
    del parameters["JobDriver"]["SparkSubmit"]["EntryPointArguments"]
    parameters["JobDriver"]["SparkSubmit"]["EntryPointArguments.$"] = "States.Array('--token', $$.Task.Token)"
    parameters |= {"Name": "reports", "ClientToken.$": "States.UUID()"}
    state = {"Resource": f"{SDK_START}.waitForTaskToken", "Parameters": parameters}
    execution = workflows.start(workflows.create("reports", state))
    run = workflows.service.wait(workflows.only_run("reports"), "SUCCESS")
    _, token = run["jobDriver"]["sparkSubmit"]["entryPointArguments"]
    workflows.client.send_task_success(taskToken=token, output=json.dumps({"rows": 7}))
    assert json.loads(workflows.ended(execution)["output"]) == {"rows": 7}


def test_arguments_come_from_the_state_in_both_query_languages(workflows: Workflows, prints: str) -> None:
    awkward = 'a "b" \\ c 😀'
    by_path = workflows.parameters(prints)
    del by_path["JobDriver"]["SparkSubmit"]["EntryPointArguments"]
    by_path["JobDriver"]["SparkSubmit"]["EntryPointArguments.$"] = "States.Array('--key', $.key)"
    by_path["Name.$"] = "States.Format('path-{}', $$.Execution.Name)"
    by_jsonata = workflows.parameters(prints)
    by_jsonata["JobDriver"]["SparkSubmit"]["EntryPointArguments"] = "{% ['--key', $states.input.key] %}"
    machines = (
        workflows.create("by-path", {"Resource": f"{START}.sync", "Parameters": by_path}),
        workflows.create(
            "by-jsonata", {"Resource": f"{START}.sync", "QueryLanguage": "JSONata", "Arguments": by_jsonata}
        ),
    )
    for machine in machines:
        output = json.loads(workflows.run(machine, {"key": awkward})["output"])
        assert output["JobDriver"]["SparkSubmit"]["EntryPointArguments"] == ["--key", awkward]
