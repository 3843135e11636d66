"""Who is told of what: rules on job runs, and the messages about those that failed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Duration, Environment, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from constructs_emrs import Application, JobRun, JobRunState, JobSchedule, JobTrigger, ReleaseLabel, SparkJob
from constructs_emrs.handler import contract
from tests.templates import new_stack, resources
from tests.unit.conftest import Lake

Json = dict[str, Any]
DAILY = scheduler.ScheduleExpression.rate(Duration.days(1))


def rules(stack: Stack) -> dict[str, Json]:
    found = resources(stack, "AWS::Events::Rule")
    return {re.sub(r"[0-9A-F]{8}$", "", name): item["Properties"] for name, item in found.items()}


def text_of(value: Any) -> str:
    """A text with the names of what is known at deployment."""
    match value:
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(map(text_of, parts))
        case {"Ref": name}:
            return "us-east-1" if name == "AWS::Region" else f"{{{name}}}"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"{{{name}.{attribute}}}"
        case _:
            return str(value)


def message_of(rule: Json) -> dict[str, str]:
    """The message with the paths of its fields in it."""
    (target,) = rule["Targets"]
    template = text_of(target["InputTransformer"]["InputTemplate"])
    for name, path in target["InputTransformer"]["InputPathsMap"].items():
        template = re.sub(rf"(?<=[:{{])<{name}>(?=[,}}])", json.dumps(f"<{path}>"), template)
        template = template.replace(f"<{name}>", f"<{path}>")
    return dict(json.loads(template))


def test_a_rule_on_states_of_runs(lake: Lake) -> None:
    queue = sqs.Queue(lake.stack, "Queue")
    lake.application.on_job_run_state_change(
        "Ended",
        states=[JobRunState.SUCCESS, JobRunState.FAILED],
        target=targets.SqsQueue(queue),
        description="Runs that ended",
        rule_name="ended",
        event_pattern=events.EventPattern(detail={"releaseLabel": ["emr-7.14.0"]}),
    )
    rule = rules(lake.stack)["SparkEnded"]
    (application,) = rule["EventPattern"]["detail"].pop("applicationId")
    assert application["Fn::GetAtt"][1] == "ApplicationId"
    assert rule["EventPattern"] == {
        "source": ["aws.emr-serverless"],
        "detail-type": ["EMR Serverless Job Run State Change"],
        "detail": {"state": ["SUCCESS", "FAILED"], "releaseLabel": ["emr-7.14.0"]},
    }
    assert (rule["Name"], rule["Description"]) == ("ended", "Runs that ended")
    assert "InputTransformer" not in rule["Targets"][0]


def test_a_rule_on_an_application_of_elsewhere_takes_all_states_and_targets_later() -> None:
    stack = new_stack()
    application = Application.from_application_id(stack, "Spark", "00f1982r1uukb925")
    rule = application.on_job_run_state_change("Any")
    rule.add_target(targets.SqsQueue(sqs.Queue(stack, "Queue")))
    found = rules(stack)["SparkAny"]
    assert found["EventPattern"]["detail"] == {"applicationId": ["00f1982r1uukb925"]}
    assert len(found["Targets"]) == 1


def test_a_rule_can_be_where_its_target_is(lake: Lake) -> None:
    other = Stack(lake.stack.node.root, "Other")  # type: ignore[arg-type]  # the root is an App
    lake.application.on_job_run_state_change("Ended", cross_stack_scope=other)
    assert list(rules(other)) == ["Ended"]


def test_what_a_run_s_failure_says(lake: Lake) -> None:
    lake.run.on_failure("Failed", targets.SnsTopic(sns.Topic(lake.stack, "OnCall")))
    rule = rules(lake.stack)["EtlOnDeployFailed"]
    (run,) = resources(lake.stack, contract.JOB_RUN_TYPE)
    assert rule["EventPattern"] == {
        "source": ["constructs-emrs"],
        "detail-type": ["EMR Serverless Job Run Failed"],
        "detail": {"stackId": [{"Ref": "AWS::StackId"}], "logicalId": [run]},
    }
    of_the_run = "--region us-east-1 --application-id <$.detail.applicationId> --job-run-id <$.detail.jobRunId>"
    assert message_of(rule) == {
        "job": "Etl",
        "construct": "Lake/EtlOnDeploy",
        "run": "<$.detail.jobRunId>",
        "state": "<$.detail.state>",
        "reason": "<$.detail.reason>",
        "console": "https://us-east-1.console.aws.amazon.com/emr/home?region=us-east-1#/serverless",
        "spark_ui": f"aws emr-serverless get-dashboard-for-job-run {of_the_run}",
        "command": f"aws emr-serverless get-job-run {of_the_run}",
    }


def test_runs_of_one_stack_and_application_are_looked_at_by_one_state_machine(lake: Lake, script: Path) -> None:
    target = targets.SnsTopic(sns.Topic(lake.stack, "OnCall"))
    other = Application(lake.stack, "Other", release_label=ReleaseLabel.EMR_7_14_0)
    elsewhere = SparkJob(lake.stack, "Elsewhere", application=other, entry_point=str(script))
    for run in (
        lake.run,
        JobRun(lake.stack, "Again", job=lake.job, arguments=["again"]),
        JobRun(lake.stack, "ElsewhereOnDeploy", job=elsewhere),
    ):
        run.on_failure("Failed", target)
    found = rules(lake.stack)
    assert len([name for name in found if name.startswith("EMRServerlessFailures")]) == 2
    assert len(found) == 5


def test_an_application_that_is_imported_twice_has_one_state_machine_that_looks_at_its_runs(script: Path) -> None:
    stack = new_stack()
    target = targets.SnsTopic(sns.Topic(stack, "OnCall"))
    for name in ("One", "Two"):
        application = Application.from_application_id(stack, name, "00f1982r1uukb925")
        job = SparkJob(stack, f"Etl{name}", application=application, entry_point=str(script))
        JobRun(stack, f"{name}OnDeploy", job=job).on_failure("Failed", target)
    found = rules(stack)
    # A second one would put each failure on the bus a second time.
    assert len([name for name in found if name.startswith("EMRServerlessFailures")]) == 1
    assert len(found) == 3


def test_the_state_machine_may_look_at_runs_and_put_events_and_nothing_else(lake: Lake) -> None:
    lake.run.on_failure("Failed", targets.SnsTopic(sns.Topic(lake.stack, "OnCall")))
    (policy,) = (
        item["Properties"]["PolicyDocument"]["Statement"]
        for name, item in resources(lake.stack, "AWS::IAM::Policy").items()
        if name.startswith("EMRServerlessFailures") and "StateMachineRole" in name
    )
    allowed = {statement["Action"]: text_of(statement["Resource"]) for statement in policy}
    assert set(allowed) == {"emr-serverless:GetJobRun", "events:PutEvents"}
    assert re.search(r"applications/\{Spark\w+\.ApplicationId\}/jobruns/\*$", allowed["emr-serverless:GetJobRun"])
    assert allowed["events:PutEvents"].endswith(":event-bus/default")


def test_what_a_schedule_s_and_a_trigger_s_failure_says(lake: Lake) -> None:
    target = targets.SnsTopic(sns.Topic(lake.stack, "OnCall"))
    JobSchedule(lake.stack, "Daily", job=lake.job, schedule=DAILY).on_failure("Failed", target)
    pattern = events.EventPattern(source=["aws.s3"])
    JobTrigger(lake.stack, "OnObject", job=lake.job, event_pattern=pattern).on_failure("Failed", target)
    found = rules(lake.stack)
    details = {name: found[f"{name}Failed"]["EventPattern"]["detail"] for name in ("Daily", "OnObject")}
    assert {text_of(machine) for detail in details.values() for machine in detail["stateMachineArn"]} == {
        f"{{{name}}}" for name in resources(lake.stack, "AWS::StepFunctions::StateMachine") if name.startswith("Etl")
    }
    assert [detail["status"] for detail in details.values()] == [["FAILED", "TIMED_OUT"]] * 2
    sent = json.loads(text_of(resources_of_one(lake.stack, "AWS::Scheduler::Schedule")["Target"]["Input"]))
    (prefix,) = details["Daily"]["name"]
    assert sent["Name"] == f"{prefix['prefix']}<aws.scheduler.execution-id>"
    template = text_of(found["OnObject"]["Targets"][0]["InputTransformer"]["InputTemplate"])
    (wildcard,) = details["OnObject"]["input"]
    assert wildcard["wildcard"].strip("*") in template
    message = message_of(found["DailyFailed"])
    assert (message["job"], message["construct"]) == ("Etl", "Lake/Daily")
    assert (message["error"], message["reason"]) == ("<$.detail.error>", "<$.detail.cause>")
    assert message["console"].endswith("#/v2/executions/details/<$.detail.executionArn>")
    assert message["command"].endswith("--execution-arn <$.detail.executionArn>")


def resources_of_one(stack: Stack, resource_type: str) -> Json:
    (found,) = resources(stack, resource_type).values()
    return dict(found["Properties"])


def test_a_target_keeps_a_message_of_its_own(lake: Lake) -> None:
    own = events.RuleTargetInput.from_text("it failed")
    lake.run.on_failure("Failed", targets.SnsTopic(sns.Topic(lake.stack, "OnCall"), message=own))
    (target,) = rules(lake.stack)["EtlOnDeployFailed"]["Targets"]
    assert target["Input"] == '"it failed"'


def test_an_event_bus_takes_the_event_as_it_is(lake: Lake) -> None:
    other = events.EventBus.from_event_bus_arn(
        lake.stack, "Central", "arn:aws:events:us-east-1:210987654321:event-bus/central"
    )
    lake.run.on_failure("Failed", targets.EventBus(other))
    (target,) = rules(lake.stack)["EtlOnDeployFailed"]["Targets"]
    assert target.keys() == {"Arn", "Id", "RoleArn"}


def test_other_targets_are_told_too(lake: Lake) -> None:
    code = lambda_.Code.from_inline("def handler(event, context): pass")
    function = lambda_.Function(
        lake.stack, "Function", code=code, handler="index.handler", runtime=lambda_.Runtime.PYTHON_3_13
    )
    lake.run.on_failure("Function", targets.LambdaFunction(function))
    group = logs.LogGroup(lake.stack, "Group", log_group_name="/aws/events/failures")
    lake.run.on_failure("Logs", targets.CloudWatchLogGroup(group))
    found = rules(lake.stack)
    assert message_of(found["EtlOnDeployFunction"])["job"] == "Etl"
    line = message_of(found["EtlOnDeployLogs"])
    assert line["timestamp"] == "<$.time>"
    assert "job: Etl" in line["message"]
    assert "<$.detail.reason>" not in line["message"]


def test_a_name_is_told_that_an_override_has_changed_later(lake: Lake) -> None:
    target = targets.SqsQueue(sqs.Queue(lake.stack, "Queue"))
    lake.run.on_failure("Failed", target)
    JobSchedule(lake.stack, "Daily", job=lake.job, schedule=DAILY).on_failure("Failed", target)
    lake.job.add_override("name", 'a <b> "c"')
    found = rules(lake.stack)
    assert [message_of(found[name])["job"] for name in ("EtlOnDeployFailed", "DailyFailed")] == ['a b "c"'] * 2


def test_a_job_s_name_is_no_field_of_the_template(lake: Lake, script: Path) -> None:
    job = SparkJob(lake.stack, "Odd", application=lake.application, entry_point=str(script), job_name='a <b> "c"')
    JobRun(lake.stack, "OddOnDeploy", job=job).on_failure("Failed", targets.SqsQueue(sqs.Queue(lake.stack, "Queue")))
    assert message_of(rules(lake.stack)["OddOnDeployFailed"])["job"] == 'a b "c"'


@pytest.mark.parametrize(
    ("region", "domain"),
    [
        ("eu-central-1", "console.aws.amazon.com"),
        ("cn-north-1", "console.amazonaws.cn"),
        ("us-gov-west-1", "console.amazonaws-us-gov.com"),
    ],
)
def test_the_console_is_the_partition_s(region: str, domain: str, script: Path) -> None:
    stack = new_stack(env=Environment(account="123456789012", region=region))
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    job = SparkJob(stack, "Etl", application=application, entry_point=str(script))
    run = JobRun(stack, "EtlOnDeploy", job=job)
    run.on_failure("Failed", targets.SnsTopic(sns.Topic(stack, "OnCall")))
    assert message_of(rules(stack)["EtlOnDeployFailed"])["console"].startswith(f"https://{region}.{domain}/")


def test_what_is_no_target_is_refused(lake: Lake) -> None:
    topic: Any = sns.Topic(lake.stack, "OnCall")
    with pytest.raises(ValueError, match=r"a target of aws_cdk\.aws_events_targets, such as SnsTopic") as caught:
        lake.run.on_failure("Failed", topic)
    assert str(caught.value).startswith("Lake/EtlOnDeploy/Failed: target=<Topic Lake/OnCall>: ")


@pytest.mark.parametrize(
    ("construct_id", "options", "text"),
    [
        ("", {}, ": construct_id='': it is not a valid construct id; use a string that is not empty"),
        ("Told", {}, "/Told: construct_id='Told': its scope has a construct of that id; use another id"),
        ("Failed", {"description": 5}, '/Failed: description=5: a string is expected, this is of type int; use "5"'),
    ],
)
def test_a_rule_that_can_not_be_is_refused(lake: Lake, construct_id: str, options: Json, text: str) -> None:
    target = targets.SnsTopic(sns.Topic(lake.stack, "OnCall"))
    daily = JobSchedule(lake.stack, "Daily", job=lake.job, schedule=DAILY)
    on_event = JobTrigger(lake.stack, "OnEvent", job=lake.job, event_pattern=events.EventPattern(source=["aws.s3"]))
    for path, tell in (
        ("Lake/EtlOnDeploy", lake.run.on_failure),
        ("Lake/Daily", daily.on_failure),
        ("Lake/OnEvent", on_event.on_failure),
    ):
        tell("Told", target)
        with pytest.raises(ValueError, match=r"construct_id|description") as caught:
            tell(construct_id, target, **options)
        assert str(caught.value) == f"{path}{text}"
    change = lake.application.on_job_run_state_change
    change("Told")
    with pytest.raises(ValueError, match=r"construct_id|description") as caught:
        change(construct_id, **options)
    assert str(caught.value) == f"Lake/Spark{text}"
