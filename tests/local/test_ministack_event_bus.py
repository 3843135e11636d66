"""What happens to applications and job runs is on the default event bus, and rules deliver it where they may."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import threading
import time
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emrs_local.ministack import event_bus
from emrs_local.ministack.scope import Scope
from tests.local.cloudformation_support import make_function
from tests.local.emr_serverless_support import Service, allow, make_role, trust_policy, wait_until

Json = dict[str, Any]
EVENTS_TRUST = trust_policy().replace("emr-serverless.amazonaws.com", "events.amazonaws.com")
PASS = json.dumps({"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}})


class Bus:
    """Rules of the default bus, and what they deliver."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.events = service.aws.client("events")
        self.sqs = service.aws.client("sqs")
        self.sfn = service.aws.client("stepfunctions")
        self._numbers = itertools.count()

    def rule(self, name: str, pattern: Json) -> str:
        return str(self.events.put_rule(Name=name, EventPattern=json.dumps(pattern))["RuleArn"])

    def target(self, rule: str, arn: str, **target: Any) -> None:
        put = self.events.put_targets(Rule=rule, Targets=[{"Id": f"t{next(self._numbers)}", "Arn": arn, **target}])
        assert put["FailedEntryCount"] == 0

    def queue(self, name: str, *, rule_arn: str | None = None) -> tuple[str, str]:
        """A queue that takes what the rule sends: its URL and its ARN."""
        url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        if rule_arn:
            statement = allow("sqs:SendMessage", arn, ArnEquals={"aws:SourceArn": rule_arn})
            self.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": self.policy(statement)})
        return url, arn

    def policy(self, statement: Json) -> str:
        principal = {"Principal": {"Service": "events.amazonaws.com"}}
        return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, **principal}]})

    def listen(self, name: str, pattern: Json, **target: Any) -> str:
        """The URL of a queue to which a rule sends what matches."""
        url, arn = self.queue(name, rule_arn=self.rule(name, pattern))
        self.target(name, arn, **target)
        return url

    def received(self, url: str, count: int) -> list[str]:
        """The first messages of a queue, in the order in which they were sent."""
        bodies: list[str] = []
        deadline = time.monotonic() + 300
        while len(bodies) < count:
            assert time.monotonic() < deadline, bodies
            found = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1, WaitTimeSeconds=1)
            for message in found.get("Messages", []):
                bodies.append(message["Body"])
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return bodies

    def is_empty(self, url: str) -> bool:
        return not self.sqs.receive_message(QueueUrl=url).get("Messages")

    def machine(self, name: str) -> str:
        trust = EVENTS_TRUST.replace("events.", "states.")
        role = make_role(self.service.aws, f"{name}-machine", allow("xray:PutTraceSegments"), trust=trust)
        return str(self.sfn.create_state_machine(name=name, definition=PASS, roleArn=role)["stateMachineArn"])

    def executions(self, machine: str, count: int) -> list[Json]:
        """The executions of a state machine, once there are as many, the oldest first."""
        found: list[Json] = []

        def are_there() -> bool:
            found[:] = self.sfn.list_executions(stateMachineArn=machine)["executions"]
            return len(found) >= count

        wait_until(are_there, shown=lambda: found)
        described = [self.sfn.describe_execution(executionArn=one["executionArn"]) for one in found]
        return sorted(described, key=lambda one: str(one["startDate"]))

    def put(self, source: str, **detail: Any) -> None:
        entry = {"Source": source, "DetailType": "test", "Detail": json.dumps(detail)}
        assert self.events.put_events(Entries=[entry])["FailedEntryCount"] == 0

    def refused(self, rule: str) -> str:
        """The line that says that a rule's target was not invoked, once there is one."""
        return self.service.told(lambda line: f"rule {rule} " in line)


@pytest.fixture(scope="module")
def bus(service: Service) -> Bus:
    return Bus(service)


def about(**detail: Any) -> Json:
    return {"source": ["aws.emr-serverless"], "detail": {name: [value] for name, value in detail.items()}}


def test_events_of_threads_are_delivered_in_order_where_requests_are_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    delivered: list[tuple[str, threading.Thread]] = []

    def dispatch(event: Json, _view: Any) -> None:
        delivered.append((event["DetailType"], threading.current_thread()))

    def put(request: Json, **_: Any) -> None:
        ministack._dispatch_event(*request["Entries"], None)

    ministack = SimpleNamespace(_put_events=put, _dispatch_event=dispatch)
    monkeypatch.setitem(sys.modules, "ministack.services", SimpleNamespace(eventbridge=ministack))
    monkeypatch.setattr(event_bus, "in_scope", nullcontext)
    scope, kinds = Scope(account_id="1", region="x"), [f"Event {number}" for number in range(20)]

    def publish(opened: event_bus.EventBus) -> None:
        for kind in kinds:
            opened.publish(scope, source="aws.x", detail_type=kind, detail={})
        for kind in kinds:
            ministack._put_events({"Entries": [{"DetailType": kind}]})  # as services of ministack do

    async def scenario() -> None:
        opened = event_bus.EventBus()
        opened.open()
        event_bus.deliver_where_requests_are_answered()
        await asyncio.to_thread(publish, opened)

    asyncio.run(scenario())
    assert delivered == [(kind, threading.current_thread()) for kind in kinds * 2]


def test_each_state_of_a_run_is_an_event(bus: Bus, service: Service) -> None:
    application = service.emr.create_application(releaseLabel="emr-7.9.0", type="Spark", name="events")
    application_id = application["applicationId"]
    url = bus.listen("run-events", about(applicationId=application_id))
    run_id = service.start(service.script("done", ""), application_id=application_id)
    run = service.wait(run_id, "SUCCESS", application_id=application_id)
    # The application has its own, which was CREATED maybe before the rule was there, and starts for the run.
    events: list[Json] = []
    while not events or events[-1]["detail"].get("state") != "SUCCESS":
        events += [json.loads(body) for body in bus.received(url, 1)]
    of_run = [event for event in events if event["detail-type"] == "EMR Serverless Job Run State Change"]
    of_application = [event for event in events if event["detail-type"] == "EMR Serverless Application State Change"]
    assert len(of_run) + len(of_application) == len(events)
    states = ["SUBMITTED", "PENDING", "SCHEDULED", "RUNNING", "SUCCESS"]
    assert [event["detail"]["state"] for event in of_run] == states
    assert [event["detail"].get("previousState") for event in of_run] == [None, *states[:-1]]
    assert [event["detail"]["state"] for event in of_application][-2:] == ["STARTING", "STARTED"]
    event = of_run[-1]
    assert event.keys() == {
        "version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail",
    }  # fmt: skip
    assert (event["version"], event["source"], event["resources"]) == ("0", "aws.emr-serverless", [])
    assert (event["account"], event["region"]) == (service.aws.account_id, service.aws.region)
    moments = {name: event["detail"].pop(name) for name in ("createdAt", "updatedAt")}
    assert all(len(moment) == len("2022-05-31T21:07:42.299487Z") for moment in moments.values())
    # The service answers in milliseconds, to which it rounds.
    assert abs(datetime.fromisoformat(moments["createdAt"]) - run["createdAt"]) <= timedelta(milliseconds=1)
    assert event["detail"] == {
        "jobRunId": run_id,
        "applicationId": application_id,
        "arn": run["arn"],
        "releaseLabel": "emr-7.9.0",
        "state": "SUCCESS",
        "previousState": "RUNNING",
        "createdBy": run["createdBy"],
    }
    detail = of_application[-1]["detail"]
    del detail["createdAt"], detail["updatedAt"]
    assert detail == {
        "applicationId": application_id,
        "applicationName": "events",
        "arn": application["arn"],
        "releaseLabel": "emr-7.9.0",
        "state": "STARTED",
        "type": "SPARK",
        "autoStopConfig": {"enabled": True, "idleTimeout": 15},
        "autoStartConfig": {"enabled": True},
    }


def test_an_application_s_first_state_is_an_event(bus: Bus, service: Service) -> None:
    url = bus.listen("first-events", about(applicationName="first"))
    service.emr.create_application(releaseLabel="emr-7.9.0", type="Spark", name="first")
    states = [json.loads(body)["detail"]["state"] for body in bus.received(url, 2)]
    assert states == ["CREATING", "CREATED"]


def test_a_new_attempt_is_an_event(bus: Bus, service: Service) -> None:
    url = bus.listen("retry-events", {"detail-type": ["EMR Serverless Job Run Retry"]})
    run_id = service.start(service.script("fails-twice", "raise ValueError\n"), retryPolicy={"maxAttempts": 2})
    service.wait(run_id, "FAILED")
    detail = json.loads(bus.received(url, 1)[0])["detail"]
    assert (detail["jobRunId"], detail["previousAttempt"], detail["newAttempt"]) == (run_id, 1, 2)
    assert detail["previousAttemptState"] == "FAILED"
    moments = [detail[name] for name in ("createdAt", "previousAttemptCreatedAt", "previousAttemptEndedAt")]
    assert sorted([*moments, detail["newAttemptCreatedAt"]]) == [*moments, detail["newAttemptCreatedAt"]]
    assert "state" not in detail


def test_input_paths_and_transformers_apply(bus: Bus) -> None:
    url = bus.listen("paths", {"source": ["paths"]}, InputPath="$.detail.object")
    transformer = {"InputPathsMap": {"run": "$.detail.run"}, "InputTemplate": '{"told": <run>, "rule": "paths"}'}
    other_url, arn = bus.queue("transformed", rule_arn=bus.events.describe_rule(Name="paths")["Arn"])
    bus.target("paths", arn, InputTransformer=transformer)
    bus.put("paths", object={"key": 'a "b" \\ c 😀'}, run="r1")
    assert json.loads(bus.received(url, 1)[0]) == {"key": 'a "b" \\ c 😀'}
    assert json.loads(bus.received(other_url, 1)[0]) == {"told": "r1", "rule": "paths"}


def test_topics_and_queues_have_to_allow_it(bus: Bus, service: Service) -> None:
    sns = service.aws.client("sns")
    topic = sns.create_topic(Name="told")["TopicArn"]
    url, queue_arn = bus.queue("told-by-topic")
    from_topic = {**allow("sqs:SendMessage", queue_arn), "Principal": {"Service": "sns.amazonaws.com"}}
    bus.sqs.set_queue_attributes(
        QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [from_topic]})}
    )
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn, Attributes={"RawMessageDelivery": "true"})
    bus.rule("topics", {"source": ["topics"]})
    bus.target("topics", topic)
    bus.put("topics", number=1)
    assert "its policy does not allow sns:Publish to events.amazonaws.com" in bus.refused("topics")
    sns.set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=bus.policy(allow("sns:Publish", topic))
    )
    bus.put("topics", number=2)
    assert json.loads(bus.received(url, 1)[0])["detail"] == {"number": 2}

    closed, closed_arn = bus.queue("closed", rule_arn="arn:aws:events:us-east-1:000000000000:rule/another")
    bus.rule("closed-queue", {"source": ["closed"]})
    bus.target("closed-queue", closed_arn)
    bus.put("closed")
    assert "its policy does not allow sqs:SendMessage" in bus.refused("closed-queue")
    assert bus.is_empty(closed)


def test_a_function_has_to_allow_it_and_is_tried_again(bus: Bus, service: Service, tmp_path: Path) -> None:
    source = """
    import json, os, pathlib
    def handler(event, context):
        folder = pathlib.Path(os.environ["CALLS"])
        number = len(list(folder.iterdir()))
        (folder / "call").write_text(json.dumps(event["detail"]))
        (folder / "call").rename(folder / str(number))
        if number == 0:
            raise ValueError("the first time")
    """
    arn = make_function(service.aws, "told-by-rule", source, environment={"CALLS": str(tmp_path)})
    rule_arn = bus.rule("functions", {"source": ["functions"]})
    bus.target("functions", arn)
    bus.put("functions", number=1)
    assert "its policy does not allow lambda:InvokeFunction" in bus.refused("functions")
    service.aws.client("lambda").add_permission(
        FunctionName="told-by-rule", StatementId="rule", Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com", SourceArn=rule_arn,
    )  # fmt: skip
    bus.put("functions", number=2)
    wait_until((tmp_path / "1").exists)
    assert [json.loads((tmp_path / name).read_text()) for name in ("0", "1")] == [{"number": 2}, {"number": 2}]


def test_a_state_machine_is_started_with_the_target_s_role(bus: Bus, service: Service) -> None:
    machine = bus.machine("started-by-rule")
    rule_arn = bus.rule("machines", {"source": ["machines"]})
    trust = json.loads(EVENTS_TRUST)
    trust["Statement"][0]["Condition"] = {"ArnEquals": {"aws:SourceArn": rule_arn}}
    role = make_role(service.aws, "starts", allow("states:StartExecution", machine), trust=json.dumps(trust))
    bus.target("machines", machine, RoleArn=role)
    awkward = 'a "b" \\ c 😀'
    bus.put("machines", key=awkward)
    (execution,) = bus.executions(machine, 1)
    event = json.loads(execution["input"])
    assert (event["detail"], event["source"]) == ({"key": awkward}, "machines")
    assert execution["input"] == json.dumps(event, ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize(
    ("name", "statement", "trust", "error"),
    [
        ("no-right", allow("states:StartExecution", "arn:aws:states:us-east-1:000000000000:stateMachine:x"),
         EVENTS_TRUST, ("NO_PERMISSIONS", "may not states:StartExecution")),
        ("no-trust", allow("*"), trust_policy(), ("FAILED_TO_ASSUME_ROLE", "events.amazonaws.com may not assume")),
        ("no-machine", allow("*"), EVENTS_TRUST, ("NO_RESOURCE", "it does not exist")),
    ],
)  # fmt: skip
def test_what_is_not_delivered_goes_into_the_dead_letter_queue(
    bus: Bus, name: str, statement: Json, trust: str, error: tuple[str, str]
) -> None:
    code, why = error
    machine = bus.machine(name)
    target = f"{machine}-other" if name == "no-machine" else machine
    role = make_role(bus.service.aws, name, statement, trust=trust)
    rule_arn = bus.rule(name, {"source": [name]})
    url, letters = bus.queue(f"{name}-letters", rule_arn=rule_arn)
    bus.target(name, target, RoleArn=role, DeadLetterConfig={"Arn": letters}, InputPath="$.detail")
    bus.put(name, number=1)
    line = bus.refused(name)
    assert why in line
    assert line.endswith(f"; in {letters}")
    (message,) = bus.sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    event = json.loads(message["Body"])
    assert (event["source"], event["detail"]) == (name, {"number": 1})
    attributes = {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}
    assert why in attributes.pop("ERROR_MESSAGE")
    assert attributes == {"RULE_ARN": rule_arn, "TARGET_ARN": target, "ERROR_CODE": code, "RETRY_ATTEMPTS": "0"}
    assert bus.executions(machine, 0) == []


def test_a_log_group_takes_events_that_a_resource_policy_allows(bus: Bus, service: Service) -> None:
    logs, group = service.aws.client("logs"), "/aws/events/told"
    logs.create_log_group(logGroupName=group)
    (described,) = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    arn = described["logGroupArn"]
    bus.rule("logged", {"source": ["logged"]})
    bus.target("logged", arn)
    bus.put("logged", number=1)
    assert "no resource policy allows logs:CreateLogStream to events.amazonaws.com" in bus.refused("logged")
    actions = ["logs:CreateLogStream", "logs:PutLogEvents"]
    statement = {"Effect": "Allow", "Action": actions, "Resource": f"{arn}:*"}
    logs.put_resource_policy(policyName="told", policyDocument=bus.policy(statement))
    bus.put("logged", number=2)
    (event,) = logged(logs, group, 1)
    assert json.loads(event["message"])["detail"] == {"number": 2}
    # What the CDK's target sends: a time and a text.
    bus.rule("logged-text", {"source": ["logged-text"]})
    template = '{"timestamp":<time>,"message":"number <number>"}'
    paths = {"time": "$.time", "number": "$.detail.number"}
    bus.target("logged-text", arn, InputTransformer={"InputPathsMap": paths, "InputTemplate": template})
    bus.put("logged-text", number=3)
    assert "number 3" in [item["message"] for item in logged(logs, group, 2)]
    bus.target("logged", f"{arn}-none")
    bus.put("logged", number=4)
    service.told(lambda line: f"not delivered to {arn}-none: it does not exist" in line)


def logged(logs: Any, group: str, count: int) -> list[Json]:
    """The events of a log group, once there are as many."""
    found: list[Json] = []

    def are_there() -> bool:
        found[:] = logs.filter_log_events(logGroupName=group)["events"]
        return len(found) >= count

    wait_until(are_there, shown=lambda: found)
    return found


def test_a_dead_letter_queue_has_to_allow_it_too(bus: Bus) -> None:
    bus.rule("closed-letters", {"source": ["closed-letters"]})
    (url, letters), (_, closed) = bus.queue("closed-letters"), bus.queue("closed-target")
    bus.target("closed-letters", closed, DeadLetterConfig={"Arn": letters})
    bus.put("closed-letters")
    assert "not in the dead-letter queue either" in bus.refused("closed-letters")
    assert bus.is_empty(url)


def test_a_state_machine_takes_a_role(bus: Bus) -> None:
    machine = bus.machine("no-role")
    bus.rule("no-role", {"source": ["no-role"]})
    with pytest.raises(ClientError, match="RoleArn is required for target"):
        bus.target("no-role", machine)
