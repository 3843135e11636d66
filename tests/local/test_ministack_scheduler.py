"""Schedules fire with their role, tell what they are about, and say where what failed has gone."""

from __future__ import annotations

import contextlib
import datetime
import json
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, WaiterError

from emrs_local import LocalAws, LocalAwsError
from emrs_local.cli.client import RunningLocalAws
from tests.local.cloudformation_support import make_function, wait_for_stack
from tests.local.emr_serverless_support import (
    SERVER_COMMAND,
    Service,
    allow,
    make_role,
    policy,
    trust_policy,
    wait_until,
)
from tests.local.test_ministack_event_bus import Bus

Json = dict[str, Any]
OFF = {"Mode": "OFF"}
UNIVERSAL = "arn:aws:scheduler:::aws-sdk:emrserverless:startJobRun"
NIGHT = datetime.datetime(2026, 11, 25, 2, 0, tzinfo=datetime.UTC)
NOT_TRUSTED = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role"


def scheduler_trust(**condition: str) -> str:
    return trust_policy(**condition).replace("emr-serverless.amazonaws.com", "scheduler.amazonaws.com")


class Schedules:
    """Schedules that fire only when they are told to, as their time is far away."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.aws = service.aws
        self.bus = Bus(service)
        self.client = service.aws.client("scheduler")

    def role(self, name: str, *statements: Json, trust: str | None = None) -> str:
        return make_role(
            self.aws, name, *(statements or [allow("xray:PutTraceSegments")]), trust=trust or scheduler_trust()
        )

    def create(self, name: str, target: Json, *, expression: str = "cron(0 2 * * ? 2199)", **members: Any) -> str:
        created = self.client.create_schedule(
            Name=name, ScheduleExpression=expression, Target=target, **{"FlexibleTimeWindow": OFF, **members}
        )
        return str(created["ScheduleArn"])

    def to_queue(self, name: str, text: str | None = None, *, may: bool = True, **members: Any) -> str:
        """A schedule that sends a text to a queue; the URL of the queue."""
        url, arn = self.bus.queue(name)
        role = self.role(f"{name}-role", allow("sqs:SendMessage", arn if may else f"{arn}-other"))
        extra = members.pop("target", {})
        self.create(
            name, {"Arn": arn, "RoleArn": role, **({} if text is None else {"Input": text}), **extra}, **members
        )
        return url

    def line(self, name: str, text: str) -> str:
        """The line about a schedule with a text, once there is one."""
        return self.service.told(lambda line: f"schedule default/{name} " in line and text in line)

    def letter(self, url: str) -> tuple[str, dict[str, str]]:
        """The dead letter in a queue and its attributes."""
        deadline = time.monotonic() + 300
        while True:
            found = self.bus.sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"], WaitTimeSeconds=1)
            for message in found.get("Messages", []):
                attributes = message["MessageAttributes"]
                return message["Body"], {name: value["StringValue"] for name, value in attributes.items()}
            assert time.monotonic() < deadline


@pytest.fixture(scope="module")
def schedules(service: Service) -> Schedules:
    return Schedules(service)


def test_an_occurrence_says_what_it_is_about(schedules: Schedules) -> None:
    names = ("schedule-arn", "scheduled-time", "execution-id", "attempt-number")
    url = schedules.to_queue("context", " ".join(f"<aws.scheduler.{name}>" for name in names))
    arn = schedules.client.get_schedule(Name="context")["Arn"]
    fired = schedules.aws.fire_schedule("context", at=NIGHT)
    assert (fired.schedule_arn, fired.scheduled_time, fired.error) == (arn, NIGHT, "")
    assert "MessageId" in fired.answer
    schedules.aws.fire_schedule("context", at=NIGHT)
    first, second = (body.split() for body in schedules.bus.received(url, 2))
    assert first[:2] == second[:2] == [arn, "2026-11-25T02:00:00Z"]
    assert first[2] != second[2]
    assert len(first[2]) == 16
    assert first[3] == second[3] == "1"
    assert f"2026-11-25T02:00:00Z  invoked {schedules.bus.queue('context')[1]}" in schedules.line("context", "invoked")


def test_the_time_is_one_of_the_schedule_s_zone(schedules: Schedules) -> None:
    url = schedules.to_queue("zoned", "<aws.scheduler.scheduled-time>", ScheduleExpressionTimezone="Europe/Berlin")
    fired = schedules.aws.fire_schedule("zoned", at=datetime.datetime(2026, 7, 1, 2, 0))
    assert fired.scheduled_time == datetime.datetime(2026, 7, 1, 0, 0, tzinfo=datetime.UTC)
    assert schedules.bus.received(url, 1) == ["2026-07-01T00:00:00Z"]


def test_without_an_input_there_is_a_notification(schedules: Schedules) -> None:
    url = schedules.to_queue("plain")
    fired = schedules.aws.fire_schedule("plain", at=NIGHT)
    sent = json.loads(schedules.bus.received(url, 1)[0])
    assert sent.pop("id")
    assert sent == {
        "version": "0",
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": schedules.aws.account_id,
        "time": "2026-11-25T02:00:00Z",
        "region": schedules.aws.region,
        "resources": [fired.schedule_arn],
        "detail": "{}",
    }


def test_it_starts_an_execution_with_exactly_its_input(schedules: Schedules) -> None:
    machine = schedules.bus.machine("by-schedule")
    role = schedules.role("by-schedule", allow("states:StartExecution", machine))
    text = '{ "time": "<aws.scheduler.scheduled-time>",  "key": "a \\"b\\" \\\\ c 😀" }'
    schedules.create("starts", {"Arn": machine, "RoleArn": role, "Input": text})
    fired = schedules.aws.fire_schedule("starts", at=NIGHT)
    found = schedules.bus.sfn.describe_execution(executionArn=fired.answer["executionArn"])
    assert found["input"] == text.replace("<aws.scheduler.scheduled-time>", "2026-11-25T02:00:00Z")


def test_it_puts_events_and_publishes_and_invokes(schedules: Schedules, tmp_path: Path) -> None:
    account = f"{schedules.aws.region}:{schedules.aws.account_id}"
    bus_arn = f"arn:aws:events:{account}:event-bus/default"
    url = schedules.bus.listen("scheduled-events", {"source": ["nightly"]})
    role = schedules.role("puts", allow("events:PutEvents", bus_arn))
    parameters = {"Source": "nightly", "DetailType": "Night"}
    target = {"Arn": bus_arn, "RoleArn": role, "Input": '{"number": 7}', "EventBridgeParameters": parameters}
    arn = schedules.create("puts", target)
    assert schedules.aws.fire_schedule("puts").error == ""
    event = json.loads(schedules.bus.received(url, 1)[0])
    assert (event["detail"], event["detail-type"], event["resources"]) == ({"number": 7}, "Night", [arn])

    source = """
    import json, os, pathlib
    def handler(event, context):
        folder = pathlib.Path(os.environ["CALLS"])
        (folder / "call").write_text(json.dumps(event))
        (folder / "call").rename(folder / "called")
    """
    function = make_function(schedules.aws, "scheduled", source, environment={"CALLS": str(tmp_path)})
    role = schedules.role("invokes", allow("lambda:InvokeFunction", function))
    schedules.create("invokes", {"Arn": function, "RoleArn": role, "Input": '{"number": 8}'})
    assert schedules.aws.fire_schedule("invokes").answer["StatusCode"] == 202
    wait_until((tmp_path / "called").exists)
    assert json.loads((tmp_path / "called").read_text()) == {"number": 8}


def start_request(service: Service, **members: Any) -> str:
    submit = {
        "EntryPoint": service.script("scheduled", "print('ran')\n"),
        "EntryPointArguments": ["<aws.scheduler.scheduled-time>"],
    }
    ids = {"ApplicationId": service.application_id, "ExecutionRoleArn": service.role_arn}
    token = {"ClientToken": "<aws.scheduler.execution-id>", "Tags": {"team.name": "Data"}}
    return json.dumps({**ids, **token, "JobDriver": {"SparkSubmit": submit}, **members})


def may_start(service: Service) -> list[Json]:
    to_service = {"StringEquals": {"iam:PassedToService": "emr-serverless.amazonaws.com"}}
    return [
        allow(["emr-serverless:StartJobRun", "emr-serverless:TagResource"], f"{service.application_arn}*"),
        allow("iam:PassRole", service.role_arn, **to_service),
    ]


def test_it_starts_a_job_run_by_a_universal_target(schedules: Schedules, service: Service) -> None:
    role = schedules.role("starts-run", *may_start(service))
    target = {"Arn": UNIVERSAL, "RoleArn": role, "Input": start_request(service)}
    schedules.create("universal", target)
    fired = schedules.aws.fire_schedule("universal", at=NIGHT)
    assert fired.error == ""
    run = service.wait(fired.answer["jobRunId"], "SUCCESS")
    assert run["jobDriver"]["sparkSubmit"]["entryPointArguments"] == ["2026-11-25T02:00:00Z"]
    assert run["tags"] == {"team.name": "Data"}
    assert ":assumed-role/starts-run/" in run["createdBy"]


def test_a_missing_permission_fails_and_goes_into_the_dead_letter_queue(schedules: Schedules, service: Service) -> None:
    letters, letters_arn = schedules.bus.queue("letters")
    start, _ = may_start(service)
    role = schedules.role("may-not-pass", start, allow("sqs:SendMessage", letters_arn))
    target = {"Arn": UNIVERSAL, "RoleArn": role, "Input": start_request(service)}
    arn = schedules.create("may-not-pass", {**target, "DeadLetterConfig": {"Arn": letters_arn}})
    fired = schedules.aws.fire_schedule("may-not-pass", at=NIGHT)
    assert fired.error.startswith("AccessDeniedException: ")
    assert fired.answer == {}
    body, attributes = schedules.letter(letters)
    assert json.loads(body)["ApplicationId"] == service.application_id
    assert attributes.pop("ERROR_MESSAGE") in fired.error
    assert json.loads(body)["ClientToken"] == attributes.pop("EXECUTION_ID")
    assert attributes == {
        "ERROR_CODE": "AccessDeniedException",
        "IS_PAYLOAD_TRUNCATED": "false",
        "RETRY_ATTEMPTS": "0",
        "SCHEDULED_TIME": "2026-11-25T02:00:00Z",
        "SCHEDULE_ARN": arn,
        "TARGET_ARN": UNIVERSAL,
    }
    assert f"; in {letters_arn}" in schedules.line("may-not-pass", "failed")


def test_a_dead_letter_needs_the_role_s_permission_too(schedules: Schedules) -> None:
    letters, letters_arn = schedules.bus.queue("no-letters")
    schedules.to_queue("nowhere", "text", may=False, target={"DeadLetterConfig": {"Arn": letters_arn}})
    assert schedules.aws.fire_schedule("nowhere").error
    assert "not in the dead-letter queue" in schedules.line("nowhere", "failed")
    assert schedules.bus.is_empty(letters)


def test_a_queue_that_is_gone_is_permanent(service: Service, schedules: Schedules) -> None:
    letters, letters_arn = schedules.bus.queue("gone-letters")
    role = schedules.role("gone", allow("*"))
    gone = f"arn:aws:sqs:{service.aws.region}:{service.aws.account_id}:gone"
    letter = {"DeadLetterConfig": {"Arn": letters_arn}}
    arn = schedules.create("gone", {"Arn": gone, "RoleArn": role, "Input": "x", **letter})
    fired = schedules.aws.fire_schedule(arn)
    assert "NonExistentQueue" in fired.error
    _, attributes = schedules.letter(letters)
    assert attributes["TARGET_ARN"] == "arn:aws:scheduler:::aws-sdk:sqs:sendMessage"
    assert "EXHAUSTED_RETRY_CONDITION" not in attributes


def test_what_is_throttled_is_tried_again(tmp_path: Path) -> None:
    with LocalAws(server_command=SERVER_COMMAND, enforce_rates=1e-6) as aws:
        emr = aws.client("emr-serverless", config=Config(retries={"total_max_attempts": 1}))
        application = emr.create_application(releaseLabel="emr-7.9.0", type="Spark")["applicationId"]
        service = Service(aws=aws, application_id=application, role_arn="", scripts=tmp_path, events=[])
        service.role_arn = make_role(aws, "runs", allow("*"))
        ours = Schedules(service)
        letters, letters_arn = ours.bus.queue("throttled-letters")
        retry = {"RetryPolicy": {"MaximumRetryAttempts": 1}, "DeadLetterConfig": {"Arn": letters_arn}}
        role = ours.role("throttled", *may_start(service), allow("sqs:SendMessage", letters_arn))
        ours.create("throttled", {"Arn": UNIVERSAL, "RoleArn": role, "Input": start_request(service), **retry})
        code = ""
        while code != "ThrottlingException":  # until the burst is used up
            with pytest.raises(ClientError) as refused:
                emr.start_job_run(applicationId="00f0000000000000", executionRoleArn=role, clientToken="t")
            code = refused.value.response["Error"]["Code"]
        assert "Throttling" in aws.fire_schedule("throttled").error
        _, attributes = ours.letter(letters)
        assert (attributes["RETRY_ATTEMPTS"], attributes["EXHAUSTED_RETRY_CONDITION"]) == ("1", "MaximumRetryAttempts")


def test_the_role_has_to_trust_the_scheduler_for_the_group(schedules: Schedules) -> None:
    _, queue = schedules.bus.queue("trusted")
    account, region = schedules.aws.account_id, schedules.aws.region
    schedules.client.create_schedule_group(Name="reports")
    group_arn = f"arn:aws:scheduler:{region}:{account}:schedule-group/reports"
    trust = scheduler_trust(SourceAccount=account, SourceArn=group_arn)
    role = schedules.role("of-group", allow("sqs:SendMessage", queue), trust=trust)
    target = {"Arn": queue, "RoleArn": role, "Input": "x"}
    with pytest.raises(ClientError, match=NOT_TRUSTED):
        schedules.create("of-default", target)
    schedules.create("of-reports", target, GroupName="reports")
    assert schedules.aws.fire_schedule("reports/of-reports").error == ""
    for name, other in (
        ("of-emr", trust_policy()),
        ("of-account", scheduler_trust(SourceAccount="111111111111")),
        ("of-schedule", scheduler_trust(SourceArn=group_arn.replace("schedule-group", "schedule") + "/x")),
    ):
        role = schedules.role(name, allow("*"), trust=other)
        with pytest.raises(ClientError, match=NOT_TRUSTED):
            schedules.create(name, {**target, "RoleArn": role}, GroupName="reports")
    schedules.aws.client("iam").update_assume_role_policy(RoleName="of-group", PolicyDocument=trust_policy())
    assert NOT_TRUSTED in schedules.aws.fire_schedule("reports/of-reports").error


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"expression": "cron(0 2 * * * *)"}, "Invalid Schedule Expression"),
        ({"ScheduleExpressionTimezone": "Middle/Earth"}, "Invalid ScheduleExpressionTimezone"),
        ({"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}}, "MaximumWindowInMinutes from 1 to 1440"),
        ({"StartDate": 2e9, "EndDate": 1.9e9}, "StartDate has to be before"),
        ({"target": {"RetryPolicy": {"MaximumRetryAttempts": 186}}}, "MaximumRetryAttempts is from 0 to 185"),
        ({"target": {"DeadLetterConfig": {"Arn": "arn:aws:sqs:us-east-1:000000000000:x.fifo"}}}, "standard queue"),
        ({"target": {"Arn": UNIVERSAL, "Input": "{}"}}, "Missing required parameter in input: .clientToken"),
        ({"target": {"Arn": UNIVERSAL.replace("start", "get"), "Input": "{}"}}, "only reads"),
        ({"target": {"Arn": UNIVERSAL.replace("emrs", "emr-s"), "Input": "{}"}}, "service is not supported"),
        ({"target": {"Arn": "arn:aws:states:us-east-1:000000000000:stateMachine:x", "Input": "no"}}, "well-formed"),
    ],
)  # fmt: skip
def test_what_the_service_refuses(schedules: Schedules, members: Json, why: str) -> None:
    sent = dict(members)
    role = "arn:aws:iam::000000000000:role/may-do-everything"
    target = {"Arn": "arn:aws:sqs:us-east-1:000000000000:x", "RoleArn": role, **sent.pop("target", {})}
    with pytest.raises(ClientError, match=why) as refused:
        schedules.create("refused", target, **sent)
    assert refused.value.response["Error"]["Code"] == "ValidationException"


def test_a_long_list_goes_on(schedules: Schedules) -> None:
    _, queue = schedules.bus.queue("listed")
    role = schedules.role("listed", allow("sqs:SendMessage", queue))
    names = [f"listed-{number}" for number in range(5)]
    for name in names:
        schedules.create(name, {"Arn": queue, "RoleArn": role}, State="DISABLED")
    pages = schedules.client.get_paginator("list_schedules").paginate(
        GroupName="default", NamePrefix="listed-", PaginationConfig={"PageSize": 2}
    )
    assert [[one["Name"] for one in page["Schedules"]] for page in pages] == [names[:2], names[2:4], names[4:]]


def test_who_makes_a_schedule_may_pass_its_role(schedules: Schedules) -> None:
    _, queue = schedules.bus.queue("passed")
    role = schedules.role("passed", allow("sqs:SendMessage", queue))
    account = f"{schedules.aws.region}:{schedules.aws.account_id}"
    iam = schedules.aws.client("iam")
    iam.create_user(UserName="maker")
    key = iam.create_access_key(UserName="maker")["AccessKey"]
    client = schedules.aws.client(
        "scheduler", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    )
    create = allow("scheduler:CreateSchedule", f"arn:aws:scheduler:{account}:schedule/own/passed")
    pass_role = allow("iam:PassRole", role, StringEquals={"iam:PassedToService": "scheduler.amazonaws.com"})
    schedules.client.create_schedule_group(Name="own")
    request = {
        "Name": "passed", "GroupName": "own", "ScheduleExpression": "rate(1 day)", "FlexibleTimeWindow": OFF,
        "Target": {"Arn": queue, "RoleArn": role}, "State": "DISABLED",
    }  # fmt: skip
    iam.put_user_policy(UserName="maker", PolicyName="p", PolicyDocument=policy(create))
    with pytest.raises(ClientError, match="not authorized to perform: iam:PassRole"):
        client.create_schedule(**request)
    iam.put_user_policy(UserName="maker", PolicyName="p", PolicyDocument=policy(create, pass_role))
    client.create_schedule(**request)
    with pytest.raises(ClientError, match="not authorized to perform: scheduler:CreateSchedule"):
        client.create_schedule(**{**request, "GroupName": "default"})


def test_the_clock_fires_what_is_due_and_deletes_what_is_done(schedules: Schedules) -> None:
    name, url, soon = once_soon(schedules)
    assert schedules.bus.received(url, 1) == [f"{soon:%Y-%m-%dT%H:%M:%SZ}"]
    wait_until(lambda: name not in {one["Name"] for one in schedules.client.list_schedules()["Schedules"]})


def once_soon(schedules: Schedules) -> tuple[str, str, datetime.datetime]:
    """The name of a schedule that was made before its only time, which is soon, and the queue that it sends to."""
    for seconds in (2, 20, 200):
        soon = datetime.datetime.now(tz=datetime.UTC) + datetime.timedelta(seconds=seconds)
        name, expression = f"once-in-{seconds}", f"at({soon:%Y-%m-%dT%H:%M:%S})"
        text = "<aws.scheduler.scheduled-time>"
        url = schedules.to_queue(name, text, expression=expression, ActionAfterCompletion="DELETE")
        if datetime.datetime.now(tz=datetime.UTC) < soon.replace(microsecond=0):
            return name, url, soon
    raise AssertionError("it takes minutes to make a schedule")


def test_a_rate_begins_at_once_unless_it_is_disabled(schedules: Schedules) -> None:
    disabled = schedules.to_queue("disabled", "x", expression="rate(1 hour)", State="DISABLED")
    later = schedules.to_queue("later", "x", expression="rate(1 hour)", StartDate=4e9)
    url = schedules.to_queue("hourly", "<aws.scheduler.scheduled-time>", expression="rate(1 hour)")
    created = schedules.client.get_schedule(Name="hourly")["CreationDate"]
    (scheduled,) = schedules.bus.received(url, 1)
    assert scheduled == f"{created.astimezone(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}"
    assert schedules.bus.is_empty(disabled)
    assert schedules.bus.is_empty(later)
    assert schedules.aws.fire_schedule("disabled").error == ""


def test_a_window_is_waited_for_by_the_clock_alone(schedules: Schedules) -> None:
    url = schedules.to_queue("window", "x", FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 1440})
    schedules.aws.fire_schedule("window")
    assert schedules.bus.received(url, 1) == ["x"]


def test_who_fires_what_is_not_there_is_told_what_is(schedules: Schedules) -> None:
    for name in ("nightly-a", "nightly-b"):
        schedules.to_queue(name, "x")
    with pytest.raises(LocalAwsError, match=r"no schedule is called weekly; there are: .*default/nightly-a"):
        schedules.aws.fire_schedule("weekly")
    with pytest.raises(
        LocalAwsError, match="several schedules are called nightly: default/nightly-a, default/nightly-b"
    ):
        schedules.aws.fire_schedule("nightly")
    assert schedules.aws.fire_schedule("tly-a").schedule_arn.endswith(":schedule/default/nightly-a")


def test_who_may_not_change_a_schedule_does_not_fire_it(schedules: Schedules) -> None:
    url = schedules.to_queue("guarded", "x")
    iam = schedules.aws.client("iam")
    iam.create_user(UserName="reader")
    iam.put_user_policy(UserName="reader", PolicyName="p", PolicyDocument=policy(allow("scheduler:GetSchedule")))
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    environment = {
        **schedules.aws.environment,
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }
    with contextlib.closing(RunningLocalAws(environment)) as running:
        with pytest.raises(LocalAwsError, match="not authorized to perform: scheduler:UpdateSchedule"):
            running.fire("guarded", at=None)
        forged = {**environment, "AWS_SECRET_ACCESS_KEY": "x"}
    with contextlib.closing(RunningLocalAws(forged)) as running, pytest.raises(LocalAwsError, match="signature"):
        running.fire("guarded", at=None)
    assert schedules.bus.is_empty(url)


def test_cloudformation_makes_the_whole_schedule(schedules: Schedules) -> None:
    _, queue = schedules.bus.queue("of-stack")
    role = schedules.role("of-stack", allow("sqs:SendMessage", queue))
    properties: Json = {
        "ScheduleExpression": "cron(0 2 * * ? *)",
        "ScheduleExpressionTimezone": "Europe/Berlin",
        "StartDate": "2198-12-01T00:00:00Z",
        "EndDate": "2199-01-01T00:00:00.000Z",
        "State": "DISABLED",
        "Description": "Nightly",
        "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15},
        "GroupName": {"Ref": "Group"},
        "Target": {
            "Arn": queue, "RoleArn": role, "Input": "x",
            "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 600},
            "DeadLetterConfig": {"Arn": queue},
        },
    }  # fmt: skip
    stacks = schedules.aws.client("cloudformation")

    def deploy(**changed: Any) -> Json:
        template = {
            "Resources": {
                "Group": {"Type": "AWS::Scheduler::ScheduleGroup"},
                "Nightly": {"Type": "AWS::Scheduler::Schedule", "Properties": {**properties, **changed}},
            },
            "Outputs": {"Name": {"Value": {"Ref": "Nightly"}}, "Arn": {"Value": {"Fn::GetAtt": ["Nightly", "Arn"]}},
                        "Group": {"Value": {"Ref": "Group"}}},
        }  # fmt: skip
        there = any(one["StackName"] == "scheduled" for one in stacks.describe_stacks()["Stacks"])
        kind = "update" if there else "create"
        getattr(stacks, f"{kind}_stack")(StackName="scheduled", TemplateBody=json.dumps(template))
        wait_for_stack(stacks, f"stack_{kind}_complete", "scheduled")
        (stack,) = stacks.describe_stacks(StackName="scheduled")["Stacks"]
        outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
        found = dict(schedules.client.get_schedule(Name=outputs["Name"], GroupName=outputs["Group"]))
        assert found["Arn"] == outputs["Arn"]
        return found

    found = deploy()
    assert found["Name"].startswith("scheduled-Nightly-")
    assert {name: found[name] for name in ("ScheduleExpressionTimezone", "FlexibleTimeWindow", "State", "Target")} == {
        name: properties[name] for name in ("ScheduleExpressionTimezone", "FlexibleTimeWindow", "State", "Target")
    }
    assert found["StartDate"] == datetime.datetime(2198, 12, 1, tzinfo=datetime.UTC)
    updated = deploy(State="ENABLED", ScheduleExpression="rate(2 hours)")
    assert (updated["Arn"], updated["State"], updated["ScheduleExpression"]) == (
        found["Arn"],
        "ENABLED",
        "rate(2 hours)",
    )
    assert updated["EndDate"] == found["EndDate"]
    renamed = deploy(Name="renamed")
    assert renamed["Name"] == "renamed"
    assert schedules.aws.fire_schedule("renamed").error == ""
    with pytest.raises(schedules.client.exceptions.ResourceNotFoundException):
        schedules.client.get_schedule(Name=found["Name"], GroupName=found["GroupName"])
    stacks.delete_stack(StackName="scheduled")
    wait_for_stack(stacks, "stack_delete_complete", "scheduled")
    with pytest.raises(LocalAwsError, match="no schedule is called renamed"):
        schedules.aws.fire_schedule("renamed")


def test_a_stack_fails_as_the_service_refuses(schedules: Schedules) -> None:
    stacks = schedules.aws.client("cloudformation")
    properties = {
        "ScheduleExpression": "rate(1 day)", "FlexibleTimeWindow": OFF,
        "Target": {"Arn": schedules.bus.queue("x")[1], "RoleArn": schedules.role("untrusted", trust=trust_policy())},
    }  # fmt: skip
    template = {"Resources": {"Nightly": {"Type": "AWS::Scheduler::Schedule", "Properties": properties}}}
    stacks.create_stack(StackName="untrusted", TemplateBody=json.dumps(template))
    with pytest.raises(WaiterError):
        wait_for_stack(stacks, "stack_create_complete", "untrusted")
    reasons = [
        x.get("ResourceStatusReason", "") for x in stacks.describe_stack_events(StackName="untrusted")["StackEvents"]
    ]
    assert any(NOT_TRUSTED in reason for reason in reasons)
