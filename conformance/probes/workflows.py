"""Step Functions: the tasks of EMR Serverless."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from conformance.account import SMALL, Account
from conformance.facilities import JOBS, Facility, allow, arn_of, role
from conformance.probe import Chapter, Json, Noted

chapter = Chapter("workflow")

_GUIDE = "https://docs.aws.amazon.com/step-functions/latest/dg/connect-emr-serverless.html"
_SDK_GUIDE = "https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html"
_OPTIMIZED, _SDK = (
    "arn:aws:states:::emr-serverless:startJobRun.sync",
    "arn:aws:states:::aws-sdk:emrserverless:startJobRun",
)
_RULE = "rule/StepFunctionsGetEventsForEMRServerlessJobRule"


def _definition(resource: str, parameters: Mapping[str, Any]) -> str:
    state = {"Type": "Task", "Resource": resource, "Parameters": parameters, "End": True}
    return json.dumps({"StartAt": "Run", "States": {"Run": state}})


_PARAMETERS = {
    "ApplicationId.$": "$.application",
    "ExecutionRoleArn.$": "$.role",
    "ClientToken.$": "$.token",
    "ExecutionTimeoutMinutes.$": "$.minutes",
    "JobDriver": {"SparkSubmit": {"EntryPoint.$": "$.script"}},
    "ConfigurationOverrides": {
        "ApplicationConfiguration": [{"Classification": "spark-defaults", "Properties": SMALL}],
        "MonitoringConfiguration": {"ManagedPersistenceMonitoringConfiguration": {"Enabled": False}},
    },
    "Tags.$": "$.tags",
}
_MACHINE = Facility(
    what="a state machine that runs a job, and its role",
    resources={
        "Machine": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {
                "RoleArn": {"Fn::GetAtt": "MachineRole.Arn"},
                "DefinitionString": _definition(_OPTIMIZED, _PARAMETERS),
            },
        },
        "MachineRole": role(
            allow(
                ["emr-serverless:StartJobRun", "emr-serverless:TagResource"],
                arn_of("emr-serverless", "/applications/*"),
            ),
            allow(
                ["emr-serverless:GetJobRun", "emr-serverless:CancelJobRun"], arn_of("emr-serverless", "/applications/*")
            ),
            allow("iam:PassRole", {"Fn::GetAtt": "Role.Arn"}),
            allow(["events:PutTargets", "events:PutRule", "events:DescribeRule"], arn_of("events", _RULE)),
            trusted={"Service": "states.amazonaws.com"},
        ),
    },
)


def _executed(aws: Account, script: str) -> dict[str, Any]:
    """An execution that has ended."""
    states = aws.client("stepfunctions")
    given = {
        "application": aws.physical_id("Application"),
        "role": aws.role_arn("Role"),
        "token": f"{aws.run}-{script}",
        "minutes": aws.run_minutes,
        "script": aws.script(script),
        "tags": aws.tags,
    }
    started = states.start_execution(stateMachineArn=aws.physical_id("Machine"), input=json.dumps(given))

    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = states.describe_execution(executionArn=started["executionArn"])
        return found if found["status"] != "RUNNING" else None

    return aws.until(ended, "an execution to end")


@chapter.probe(
    "Which members has the output of a startJobRun.sync task that succeeded?",
    expected={"ApplicationId": True, "JobRunId": True, "State": True},
    source=_GUIDE,
    needs=(_MACHINE, *JOBS),
    runs=1,
)
def output_of_sync(aws: Account) -> Json | Noted:
    """The page says nothing of it."""
    output = json.loads(_executed(aws, "succeeds")["output"])
    answer: Json = {name: name in output for name in ("ApplicationId", "JobRunId", "State")}
    return Noted(answer=answer, note=sorted(output))


@chapter.probe(
    "What are the error and the cause of a startJobRun.sync task whose run has failed?",
    expected={"error": "States.TaskFailed", "JobRunId": True, "State": "FAILED"},
    source="https://github.com/aws-samples/emr-serverless-samples/pull/55",
    needs=(_MACHINE, *JOBS),
    runs=1,
)
def failure_of_sync(aws: Account) -> Json | Noted:
    """A Catch gets the run as JSON, others say."""
    execution = _executed(aws, "raises")
    cause = json.loads(execution["cause"])
    answer: Json = {"error": execution["error"], "JobRunId": "JobRunId" in cause, "State": cause.get("State")}
    return Noted(answer=answer, note=sorted(cause))


def _validated(aws: Account, resource: str, parameters: Mapping[str, Any]) -> str:
    answer = aws.client("stepfunctions").validate_state_machine_definition(definition=_definition(resource, parameters))
    return str(answer["result"])


@chapter.probe(
    "Which newer members of StartJobRun does the optimised task know?",
    expected={"Mode": "OK", "RetryPolicy": "OK", "ExecutionIamPolicy": "OK", "FlexExecution": "OK"},
    source=_GUIDE,
)
def members_of_the_optimised_task(aws: Account) -> Json:
    """The page says that new parameters take a while."""
    members = {
        "Mode": "BATCH",
        "RetryPolicy": {"MaxAttempts": 2},
        "ExecutionIamPolicy": {"Policy": "{}"},
        "FlexExecution": {"Enabled": True},
    }
    return {name: _validated(aws, _OPTIMIZED, {**_PARAMETERS, name: value}) for name, value in members.items()}


@chapter.probe(
    "Is a task of the SDK integration refused that has no client token, and not with one?",
    expected={"without": "FAIL", "with": "OK"},
    source=_SDK_GUIDE,
)
def sdk_task_without_a_client_token(aws: Account) -> Json:
    """SCHEMA_VALIDATION_FAILED, somebody wrote."""
    without = {name: value for name, value in _PARAMETERS.items() if name != "ClientToken.$"}
    return {"without": _validated(aws, _SDK, without), "with": _validated(aws, _SDK, _PARAMETERS)}
