"""A state of a state machine that runs a job: what it sends, with which permissions, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk import App, Duration, Stack
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk.assertions import Annotations, Match, Template

from constructs_emrs import (
    Application,
    ApplicationType,
    Code,
    EmrServerlessStartJobRun,
    HiveJob,
    JsonValue,
    ReleaseLabel,
    SparkJob,
)
from tests.templates import resources
from tests.unit.conftest import Lake

Json = dict[str, Any]
RUN_JOB = sfn.IntegrationPattern.RUN_JOB
REQUEST_RESPONSE = sfn.IntegrationPattern.REQUEST_RESPONSE
CALLBACK = sfn.IntegrationPattern.WAIT_FOR_TASK_TOKEN


def machine_of(state: sfn.IChainable, stack: Stack, **options: Any) -> sfn.StateMachine:
    return sfn.StateMachine(stack, "Machine", definition_body=sfn.DefinitionBody.from_chainable(state), **options)


def statements_of(stack: Stack) -> list[Json]:
    """The statements of the state machine's role, each with lists."""
    (policy,) = [item for name, item in resources(stack, "AWS::IAM::Policy").items() if name.startswith("MachineRole")]
    found = policy["Properties"]["PolicyDocument"]["Statement"]
    return [
        {**item, "Action": [item["Action"]] if isinstance(item["Action"], str) else item["Action"]} for item in found
    ]


def state_of(state: EmrServerlessStartJobRun, stack: Stack) -> Json:
    """The state in the deployed definition, with references as their JSON."""
    machine_of(state, stack)
    template = Template.from_stack(stack).find_resources("AWS::StepFunctions::StateMachine")
    (found,) = [item for name, item in template.items() if name.startswith("Machine")]
    parts = found["Properties"]["DefinitionString"]["Fn::Join"][1]
    text = "".join(part if isinstance(part, str) else json.dumps(part).replace('"', "'") for part in parts)
    definition: Json = json.loads(text)
    return dict(definition["States"][state.state_id])


def parameters_of(state: EmrServerlessStartJobRun, stack: Stack) -> Json:
    return dict(state_of(state, stack)["Parameters"])


def arguments_of(state: EmrServerlessStartJobRun, stack: Stack) -> Json:
    submit: Json = parameters_of(state, stack)["JobDriver"]["SparkSubmit"]
    return {name: value for name, value in submit.items() if name.startswith("EntryPointArguments")}


def test_the_request_is_the_job_s_spelt_as_step_functions_does(lake: Lake) -> None:
    parameters = parameters_of(EmrServerlessStartJobRun(lake.stack, "Nightly", job=lake.job), lake.stack)
    assert parameters["Name"] == "Etl"
    assert parameters["JobDriver"]["SparkSubmit"]["EntryPointArguments"] == ["--day", "1"]
    monitoring = parameters["ConfigurationOverrides"]["MonitoringConfiguration"]
    assert monitoring["CloudWatchLoggingConfiguration"]["Enabled"] is True
    assert "EncryptionKeyArn" in parameters["ConfigurationOverrides"]["DiskEncryptionConfiguration"]


def test_keys_of_maps_stay_as_they_are(lake: Lake) -> None:
    lake.job.add_override("configurationOverrides.applicationConfiguration", [])
    state = EmrServerlessStartJobRun(lake.stack, "Nightly", job=lake.job)
    properties: dict[str, JsonValue] = {"spark.some.thing": "1", "aName": "2"}
    configuration: list[JsonValue] = [{"classification": "spark-defaults", "properties": properties}]
    lake.job.add_override("configurationOverrides.applicationConfiguration", configuration)
    (classified,) = parameters_of(state, lake.stack)["ConfigurationOverrides"]["ApplicationConfiguration"]
    assert classified == {"Classification": "spark-defaults", "Properties": properties}


@pytest.mark.parametrize(
    ("pattern", "resource"),
    [
        (RUN_JOB, "emr-serverless:startJobRun.sync"),
        (REQUEST_RESPONSE, "emr-serverless:startJobRun"),
        (CALLBACK, "aws-sdk:emrserverless:startJobRun.waitForTaskToken"),
    ],
)
def test_the_integration_patterns(lake: Lake, pattern: sfn.IntegrationPattern, resource: str) -> None:
    arguments = ["--token", sfn.JsonPath.task_token]
    state = EmrServerlessStartJobRun(
        lake.stack,
        "Nightly",
        job=lake.job,
        integration_pattern=pattern,
        arguments=arguments if pattern is CALLBACK else None,
    )
    assert state_of(state, lake.stack)["Resource"] == f"arn:{{'Ref': 'AWS::Partition'}}:states:::{resource}"


def test_arguments_mix_what_is_written_with_what_the_state_has(lake: Lake) -> None:
    arguments = ["--key", 'it\'s {1} \\ "q" 😀', sfn.JsonPath.string_at("$.key")]
    state = EmrServerlessStartJobRun(lake.stack, "Nightly", job=lake.job, arguments=arguments)
    expected = "States.Array('--key', 'it\\'s \\{1\\} \\\\ \"q\" 😀', $.key)"
    assert arguments_of(state, lake.stack) == {"EntryPointArguments.$": expected}


def test_what_is_known_at_deployment_stays_a_reference(lake: Lake) -> None:
    arguments = [f"s3://{{{lake.stack.account}}}/", sfn.JsonPath.string_at("$.key")]
    state = EmrServerlessStartJobRun(lake.stack, "Nightly", job=lake.job, arguments=arguments)
    expected = "States.Array('s3://\\{{'Ref': 'AWS::AccountId'}\\}/', $.key)"
    assert arguments_of(state, lake.stack) == {"EntryPointArguments.$": expected}


def test_a_list_of_the_state_is_all_arguments(lake: Lake) -> None:
    state = EmrServerlessStartJobRun(lake.stack, "Nightly", job=lake.job, arguments=sfn.JsonPath.list_at("$.arguments"))
    assert arguments_of(state, lake.stack) == {"EntryPointArguments.$": "$.arguments"}


def test_written_arguments_replace_the_job_s(lake: Lake) -> None:
    state = EmrServerlessStartJobRun(lake.stack, "Nightly", job=lake.job, arguments=["--all"])
    assert arguments_of(state, lake.stack) == {"EntryPointArguments": ["--all"]}


def test_jsonata(lake: Lake) -> None:
    state = EmrServerlessStartJobRun(
        lake.stack,
        "Nightly",
        job=lake.job,
        query_language=sfn.QueryLanguage.JSONATA,
        arguments=["--day", "{% $states.input.day %}"],
        outputs={"run": "{% $states.result.JobRunId %}"},
    )
    found = state_of(state, lake.stack)
    assert found["Arguments"]["JobDriver"]["SparkSubmit"]["EntryPointArguments"] == ["--day", "{% $states.input.day %}"]
    assert found["Output"] == {"run": "{% $states.result.JobRunId %}"}
    assert "Parameters" not in found
    assert found["Arguments"]["ClientToken"].startswith("{% $hash($string($states.context.Execution.Id)")


def test_the_language_is_the_state_machine_s(lake: Lake) -> None:
    state = EmrServerlessStartJobRun(lake.stack, "Nightly", job=lake.job, arguments=["{% $states.input.day %}"])
    machine_of(state, lake.stack, query_language=sfn.QueryLanguage.JSONATA)
    written = state.to_state_json(sfn.QueryLanguage.JSONATA)
    assert "Arguments" in written
    assert "Parameters" not in written
    assert "Parameters" in state.to_state_json()


def test_the_run_s_name_may_come_from_the_execution(lake: Lake) -> None:
    name = sfn.JsonPath.format("etl-{}", sfn.JsonPath.execution_name)
    state = EmrServerlessStartJobRun(lake.stack, "Nightly", job=lake.job, job_run_name=name)
    parameters = parameters_of(state, lake.stack)
    assert parameters["Name.$"] == "States.Format('etl-{}', $$.Execution.Name)"
    assert "Name" not in parameters


def test_one_entry_into_the_state_has_one_token(lake: Lake) -> None:
    state = EmrServerlessStartJobRun(lake.stack, "Nightly", job=lake.job)
    state.add_retry(errors=["EMRServerless.ConflictException"])
    assert parameters_of(state, lake.stack)["ClientToken.$"] == (
        "States.Hash(States.Format('{} {} {} {}', $$.Execution.Id, $$.Execution.RedriveCount, $$.State.Name, "
        "$$.State.EnteredTime), 'SHA-256')"
    )


def test_iterations_of_one_millisecond_are_told_apart_by_their_arguments(lake: Lake) -> None:
    arguments = ["--key", sfn.JsonPath.string_at("$.key")]
    state = EmrServerlessStartJobRun(lake.stack, "Nightly", job=lake.job, arguments=arguments)
    assert "States.JsonToString(States.Array($.key))" in parameters_of(state, lake.stack)["ClientToken.$"]


def test_a_task_s_token_is_no_part_of_the_client_token(lake: Lake) -> None:
    arguments = ["--token", sfn.JsonPath.task_token]
    state = EmrServerlessStartJobRun(
        lake.stack, "Nightly", job=lake.job, arguments=arguments, integration_pattern=CALLBACK
    )
    assert "Task.Token" not in parameters_of(state, lake.stack)["ClientToken.$"]


@pytest.mark.parametrize("errors", [None, ["States.ALL"], ["States.TaskFailed"], ["States.Timeout"]])
def test_a_retry_of_a_failed_run_is_another_run(lake: Lake, errors: list[str] | None) -> None:
    state = EmrServerlessStartJobRun(lake.stack, "Nightly", job=lake.job)
    state.add_retry(errors=errors, max_attempts=2)
    assert "$$.State.RetryCount" in parameters_of(state, lake.stack)["ClientToken.$"]


def test_throttling_is_tried_again_unless_it_is_switched_off(lake: Lake) -> None:
    plain = EmrServerlessStartJobRun(lake.stack, "Nightly", job=lake.job)
    off = EmrServerlessStartJobRun(lake.stack, "Off", job=lake.job, retry_on_service_exceptions=False)
    machine_of(plain.next(off), lake.stack)
    assert "EMRServerless.ThrottlingException" in json.dumps(plain.to_state_json()["Retry"])
    assert "Retry" not in off.to_state_json()


def test_the_machine_s_role_has_what_the_page_lists_and_what_the_job_needs(lake: Lake) -> None:
    machine_of(EmrServerlessStartJobRun(lake.stack, "Nightly", job=lake.job), lake.stack)
    actions = {action for statement in statements_of(lake.stack) for action in statement["Action"]}
    assert actions == {
        "emr-serverless:StartJobRun",
        "emr-serverless:TagResource",
        "emr-serverless:GetJobRun",
        "emr-serverless:CancelJobRun",
        "iam:PassRole",
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:GenerateDataKey",
        "events:PutTargets",
        "events:PutRule",
        "events:DescribeRule",
    }
    assert all(statement["Resource"] != "*" for statement in statements_of(lake.stack))


def test_who_does_not_wait_may_neither_see_nor_cancel(lake: Lake) -> None:
    state = EmrServerlessStartJobRun(lake.stack, "Nightly", job=lake.job, integration_pattern=REQUEST_RESPONSE)
    machine_of(state, lake.stack)
    actions = {action for statement in statements_of(lake.stack) for action in statement["Action"]}
    assert not actions & {"emr-serverless:GetJobRun", "emr-serverless:CancelJobRun", "events:PutRule"}


def test_what_a_task_of_the_cdk_has(lake: Lake) -> None:
    state = EmrServerlessStartJobRun(
        lake.stack,
        "Nightly",
        job=lake.job,
        comment="every night",
        state_name="Nightly run",
        task_timeout=sfn.Timeout.duration(Duration.hours(2)),
        result_selector={"run.$": "$.JobRunId"},
        result_path="$.nightly",
    )
    state.add_catch(sfn.Pass(lake.stack, "Handle"), errors=["States.TaskFailed"], result_path="$.error")
    found = state_of(state, lake.stack)
    assert (found["Comment"], found["TimeoutSeconds"], found["ResultPath"]) == ("every night", 7200, "$.nightly")
    assert found["ResultSelector"] == {"run.$": "$.JobRunId"}
    assert found["Catch"] == [{"ErrorEquals": ["States.TaskFailed"], "Next": "Handle", "ResultPath": "$.error"}]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            {"arguments": ["--key=" + sfn.JsonPath.string_at("$.key")]},
            "arguments[0]='--key=${Token[…]}': a JsonPath is a part of the text; use sfn.JsonPath.format(\"…{}…\", "
            "sfn.JsonPath.string_at(…))",
        ),
        (
            {"integration_pattern": CALLBACK, "arguments": ["--all"]},
            "arguments=['--all']: nothing tells the job the token that the state waits for; put "
            "sfn.JsonPath.task_token, or {% $states.context.Task.Token %}, among them",
        ),
        (
            {"arguments": "--all"},
            "arguments='--all': a list is expected; use a list of texts, sfn.JsonPath.list_at(…), or {% … %} with "
            "JSONata",
        ),
        ({"job_run_name": ""}, "job_run_name='': "),
        ({"client_token": "a b"}, "client_token='a b': "),
        ({"role": 1}, "role=1: EmrServerlessStartJobRun has no such argument"),
        (
            {"heartbeat_timeout": sfn.Timeout.duration(Duration.minutes(5))},
            "nothing sends heartbeats to this state; use sfn.IntegrationPattern.WAIT_FOR_TASK_TOKEN, or leave it out",
        ),
        ({"arguments": ["x"] * 1025}, "arguments="),
    ],
)
def test_mistakes_are_told_at_synth(lake: Lake, options: Json, line: str) -> None:
    with pytest.raises(ValueError, match="Lake/Nightly: ") as raised:
        EmrServerlessStartJobRun(lake.stack, "Nightly", job=lake.job, **options)
    assert line in str(raised.value)


def test_only_spark_jobs_take_arguments(lake: Lake) -> None:
    conf = {"hive.exec.scratchdir": "s3://lake/scratch", "hive.metastore.warehouse.dir": "s3://lake/warehouse"}
    application = Application(
        lake.stack, "Hive", release_label=ReleaseLabel.EMR_7_14_0, application_type=ApplicationType.HIVE
    )
    query = Code.from_uri("s3://lake/q.sql")
    hive = HiveJob(lake.stack, "Query", application=application, query=query, hive_conf=conf)
    with pytest.raises(ValueError, match=r"arguments=.*: only a Spark job takes arguments; leave it out"):
        EmrServerlessStartJobRun(lake.stack, "Nightly", job=hive, arguments=["--all"])


def test_an_express_machine_does_not_wait(lake: Lake) -> None:
    state = EmrServerlessStartJobRun(lake.stack, "Nightly", job=lake.job)
    machine_of(state, lake.stack, state_machine_type=sfn.StateMachineType.EXPRESS)
    Annotations.from_stack(lake.stack).has_error(
        "/Lake/Nightly", Match.string_like_regexp("Lake/Machine/Resource is an express state machine")
    )


def test_an_express_machine_beside_it_is_none_of_its_business(lake: Lake) -> None:
    machine_of(EmrServerlessStartJobRun(lake.stack, "Nightly", job=lake.job), lake.stack)
    quick = EmrServerlessStartJobRun(lake.stack, "Quick", job=lake.job, integration_pattern=REQUEST_RESPONSE)
    body = sfn.DefinitionBody.from_chainable(quick)
    sfn.StateMachine(lake.stack, "Express", definition_body=body, state_machine_type=sfn.StateMachineType.EXPRESS)
    Annotations.from_stack(lake.stack).has_no_error("*", Match.any_value())


def test_a_machine_of_another_stack_runs_the_job(lake: Lake) -> None:
    other = Stack(App.of(lake.stack), "Workflows")
    assert isinstance(lake.job, SparkJob)
    machine_of(EmrServerlessStartJobRun(other, "Nightly", job=lake.job), other)
    Template.from_stack(other).resource_count_is("AWS::StepFunctions::StateMachine", 1)
