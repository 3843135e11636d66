"""State machines that call functions do what Step Functions does, also when functions fail and permissions miss."""

import json
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from ministack.services import cloudwatch_logs, lambda_svc

from emrs_local.ministack import functions
from emrs_local.ministack.functions import error_type
from emrs_local.ministack.state_machines import retry_delay
from tests.local.cloudformation_support import LAMBDA_TRUST, make_function
from tests.local.emr_serverless_support import Service, allow, make_role, wait_until

# Counts its calls by name in a folder, and does what the input says until it is complete.
FUNCTION = """
import os, pathlib, time

class NotYet(Exception):
    pass

def handler(event, context):
    calls = pathlib.Path(os.environ["CALLS"]) / event["name"]
    calls.mkdir(exist_ok=True)
    number = len(list(calls.iterdir())) + 1
    (calls / str(number)).touch()
    if number <= event.get("failures", 0):
        if event["how"] == "raise":
            raise NotYet("come back later")
        if event["how"] == "exit":
            os._exit(1)
        if event["how"] == "kill":
            os.kill(os.getpid(), 9)
        time.sleep(30)
    while "until" in event and not os.path.exists(event["until"]):
        time.sleep(0.05)
    complete = os.path.exists(event["complete_with"]) if "complete_with" in event else number >= event.get("calls", 1)
    return {**event, "complete": complete, "wait": event.get("wait", 0)}
"""

STATES_TRUST = LAMBDA_TRUST.replace("lambda.amazonaws.com", "states.amazonaws.com")


class Machine:
    """A state machine that calls the function until it is complete."""

    def __init__(self, service: Service, name: str, role_arn: str, definition: Mapping[str, Any], calls: Path) -> None:
        self.client = service.aws.client("stepfunctions")
        self.calls = calls
        created = self.client.create_state_machine(name=name, roleArn=role_arn, definition=json.dumps(definition))
        self.arn = created["stateMachineArn"]

    def start(self, name: str, **event: Any) -> str:
        request = json.dumps({"name": name, **event})
        started = self.client.start_execution(stateMachineArn=self.arn, name=name, input=request)
        return str(started["executionArn"])

    def ended(self, execution_arn: str, *, seconds: float = 600) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while (found := self.client.describe_execution(executionArn=execution_arn))["status"] == "RUNNING":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return dict(found)

    def run(self, name: str, **event: Any) -> dict[str, Any]:
        return self.ended(self.start(name, **event))

    def called(self, name: str) -> int:
        return len(list((self.calls / name).iterdir()))


def waiting_definition(function_arn: str) -> dict[str, Any]:
    retry = {
        "ErrorEquals": ["States.ALL"],
        "IntervalSeconds": 1,
        "MaxAttempts": 2,
        "BackoffRate": 2,
        "MaxDelaySeconds": 1,
        "JitterStrategy": "FULL",
    }
    return {
        "StartAt": "Ask",
        "States": {
            "Ask": {
                "Type": "Task",
                "Resource": function_arn,
                "Retry": [retry],
                "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Report"}],
                "Next": "Complete?",
            },
            "Complete?": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.complete", "BooleanEquals": True, "Next": "Done"}],
                "Default": "Wait",
            },
            "Wait": {"Type": "Wait", "SecondsPath": "$.wait", "Next": "Ask"},
            "Report": {"Type": "Pass", "End": True},
            "Done": {"Type": "Succeed"},
        },
    }


@pytest.fixture(scope="module")
def function(service: Service, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    calls: Path = tmp_path_factory.mktemp("calls")
    return make_function(service.aws, "asked", FUNCTION, environment={"CALLS": str(calls)}), calls


@pytest.fixture(scope="module")
def machine(service: Service, function: tuple[str, Path]) -> Machine:
    return waiting_machine(service, "waiting", *function)


@pytest.fixture(scope="module")
def impatient(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A machine whose function has little time."""
    calls: Path = tmp_path_factory.mktemp("calls")
    arn = make_function(service.aws, "hurried", FUNCTION, environment={"CALLS": str(calls)}, timeout=4)
    return waiting_machine(service, "impatient", arn, calls)


def waiting_machine(service: Service, name: str, arn: str, calls: Path) -> Machine:
    role = make_role(service.aws, f"{name}-machine", allow("lambda:InvokeFunction", arn), trust=STATES_TRUST)
    return Machine(service, name, role, waiting_definition(arn), calls)


def test_it_asks_until_the_function_says_that_it_is_complete(machine: Machine) -> None:
    began = time.monotonic()
    assert machine.run("no-wait", calls=4, wait=0)["status"] == "SUCCEEDED"
    assert machine.called("no-wait") == 4
    ended = machine.run("waits", calls=3, wait=1)
    assert json.loads(ended["output"])["complete"] is True
    assert machine.called("waits") == 3
    assert time.monotonic() - began > 2


@pytest.mark.parametrize("how", ["raise", "exit", "kill", "time out"])
def test_a_function_that_fails_is_called_again(machine: Machine, impatient: Machine, how: str) -> None:
    name, tried = how.replace(" ", "-"), impatient if how == "time out" else machine
    ended = tried.run(name, failures=2, how=how, calls=3)
    assert ended["status"] == "SUCCEEDED"
    assert json.loads(ended["output"])["complete"] is True
    assert tried.called(name) == 3


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("raise", "NotYet"),
        ("exit", "Runtime.ExitError"),
        ("kill", "Runtime.ExitError"),
        ("time out", "Sandbox.Timedout"),
    ],
)
def test_what_cannot_be_retried_any_more_is_caught_beside_the_input(
    machine: Machine, impatient: Machine, how: str, error: str
) -> None:
    tried = impatient if how == "time out" else machine
    ended = tried.run(f"caught-{how.replace(' ', '-')}", failures=9, how=how)
    assert ended["status"] == "SUCCEEDED"
    output = json.loads(ended["output"])
    assert (output["how"], output["error"]["Error"]) == (how, error)
    assert json.loads(output["error"]["Cause"])["errorType"] == error
    assert tried.called(output["name"]) == 3


def test_an_execution_is_started_once_by_its_name(machine: Machine, tmp_path: Path) -> None:
    go = tmp_path / "go"
    request = {
        "stateMachineArn": machine.arn,
        "name": "once",
        "input": json.dumps({"name": "once", "calls": 2, "until": str(go)}),
    }
    first = machine.client.start_execution(**request)
    again = machine.client.start_execution(**request)
    assert again["executionArn"] == first["executionArn"]
    assert again["startDate"] == first["startDate"]
    exists = machine.client.exceptions.ExecutionAlreadyExists
    with pytest.raises(exists):
        machine.client.start_execution(**{**request, "input": "{}"})
    go.touch()
    machine.ended(first["executionArn"])
    with pytest.raises(exists) as refused:
        machine.client.start_execution(**request)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert machine.called("once") == 2


def test_a_function_that_cannot_start_fails_by_itself(service: Service, tmp_path: Path) -> None:
    source = """
    import os, pathlib
    if os.path.exists(os.environ["BROKEN"]):
        raise RuntimeError("cannot start")
    def handler(event, context):
        return "started"
    """
    broken = tmp_path / "broken"
    broken.touch()
    make_function(service.aws, "starting", source, environment={"BROKEN": str(broken)})
    functions = service.aws.client("lambda")
    failed = functions.invoke(FunctionName="starting")
    assert failed["FunctionError"] == "Unhandled"
    assert "cannot start" in failed["Payload"].read().decode()
    broken.unlink()
    assert json.loads(functions.invoke(FunctionName="starting")["Payload"].read()) == "started"


def test_many_invocations_at_once_share_few_processes(service: Service) -> None:
    source = """
    import os
    def handler(event, context):
        return os.getpid()
    """
    make_function(service.aws, "shared", source, environment={})
    processes = in_parallel(service, 200, {"FunctionName": "shared"})
    assert len(processes) == 200
    assert len(set(processes)) < 100


def test_invocations_that_wait_for_each_other_have_processes_of_their_own(service: Service, tmp_path: Path) -> None:
    source = """
    import os, pathlib, time
    def handler(event, context):
        folder = pathlib.Path(os.environ["FOLDER"])
        (folder / str(os.getpid())).touch()
        while len(list(folder.iterdir())) < 20:
            time.sleep(0.1)
        return os.getpid()
    """
    make_function(service.aws, "meeting", source, environment={"FOLDER": str(tmp_path)})
    assert len(set(in_parallel(service, 20, {"FunctionName": "meeting"}))) == 20


def in_parallel(service: Service, count: int, request: dict[str, str]) -> list[int]:
    """What so many invocations at once return."""
    config = Config(max_pool_connections=count, read_timeout=900)
    functions = service.aws.client("lambda", config=config)
    with ThreadPoolExecutor(count) as threads:
        answers = list(threads.map(lambda _: functions.invoke(**request)["Payload"].read(), range(count)))
    return [int(answer) for answer in answers]


def test_it_invokes_with_the_permissions_of_its_role(service: Service, function: tuple[str, Path]) -> None:
    arn, calls = function
    role = make_role(service.aws, "powerless", allow("lambda:InvokeFunction", f"{arn}-other"), trust=STATES_TRUST)
    definition = {"StartAt": "Ask", "States": {"Ask": {"Type": "Task", "Resource": arn, "End": True}}}
    ended = Machine(service, "powerless", role, definition, calls).run("powerless")
    assert (ended["status"], ended["error"]) == ("FAILED", "Lambda.AWSLambdaException")
    assert "is not authorized to perform: lambda:InvokeFunction" in ended["cause"]


def test_it_calls_services_with_the_permissions_of_its_role(service: Service, tmp_path: Path) -> None:
    topic = service.aws.client("sns").create_topic(Name="asked")["TopicArn"]
    asked = {
        "sfn:listExecutions": ("states:ListExecutions", {"StateMachineArn.$": "$$.StateMachine.Id"}),
        "sns:publish": ("sns:Publish", {"TopicArn": topic, "Message": "hello"}),
    }
    for number, (task, (action, parameters)) in enumerate(asked.items()):
        name = f"asking-{number}"
        state = {"Type": "Task", "Resource": f"arn:aws:states:::aws-sdk:{task}", "Parameters": parameters, "End": True}
        role = make_role(service.aws, name, allow(action, "arn:aws:states:::other"), trust=STATES_TRUST)
        machine = Machine(service, name, role, {"StartAt": "Ask", "States": {"Ask": state}}, tmp_path)
        refused = machine.run(f"{name}-refused")
        assert (refused["status"], refused["error"].partition(".")[2]) == ("FAILED", "AccessDeniedException")
        assert f"is not authorized to perform: {action} on resource: " in refused["cause"]
        statement = allow(action, [machine.arn, topic])
        allowed = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        service.aws.client("iam").put_role_policy(RoleName=name, PolicyName="role", PolicyDocument=allowed)
        done = machine.run(f"{name}-allowed")
        assert done["status"] == "SUCCEEDED", done.get("cause")


def test_nothing_is_tried_again_after_the_execution_was_stopped(service: Service, tmp_path: Path) -> None:
    source = """
    import os, pathlib, time
    def handler(event, context):
        folder = pathlib.Path(os.environ["FOLDER"])
        with (folder / event["name"]).open("a") as calls:
            calls.write("called\\n")
        while not (folder / "go").exists():
            time.sleep(0.01)
        raise ValueError("not yet")
    """
    arn = make_function(service.aws, "failing", source, environment={"FOLDER": str(tmp_path)})
    retry = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1}
    state = {"Type": "Task", "Resource": arn, "Retry": [retry], "End": True}
    role = make_role(service.aws, "failing-machine", allow("lambda:InvokeFunction", arn), trust=STATES_TRUST)
    machine = Machine(service, "failing", role, {"StartAt": "Ask", "States": {"Ask": state}}, tmp_path)
    execution = machine.start("stopped")
    wait_until((tmp_path / "stopped").exists)
    machine.client.stop_execution(executionArn=execution)
    (tmp_path / "go").touch()
    # This one begins later, and waits as long.
    assert machine.run("beside")["status"] == "FAILED"
    called = {name: (tmp_path / name).read_text().split() for name in ("stopped", "beside")}
    assert called == {"stopped": ["called"], "beside": ["called"] * 2}


def test_a_function_needs_permission_to_start_an_execution(service: Service, machine: Machine) -> None:
    source = """
    import boto3, json
    def handler(event, context):
        client = boto3.client("stepfunctions")
        return client.start_execution(stateMachineArn=event["arn"], input=json.dumps({"name": "by"}))["executionArn"]
    """
    functions = service.aws.client("lambda", config=Config(read_timeout=900))
    make_function(service.aws, "starter", source, environment={})
    request = {"FunctionName": "starter", "Payload": json.dumps({"arn": machine.arn})}
    allowed = functions.invoke(**request)
    assert ":execution:waiting:" in allowed["Payload"].read().decode()
    iam = service.aws.client("iam")
    other = json.dumps({"Version": "2012-10-17", "Statement": [allow("states:StartExecution", f"{machine.arn}2")]})
    iam.put_role_policy(RoleName="starter-role", PolicyName="role", PolicyDocument=other)
    refused = json.loads(functions.invoke(**request)["Payload"].read())
    assert "not authorized to perform: states:StartExecution" in refused["errorMessage"]
    assert refused["errorType"] == "ClientError"


def test_waiting_for_what_is_no_number_fails(machine: Machine) -> None:
    ended = machine.run("no-number", calls=2, wait="soon")
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Runtime")


def test_an_execution_ends_once(service: Service, function: tuple[str, Path], machine: Machine, tmp_path: Path) -> None:
    arn, calls = function
    role = machine.client.describe_state_machine(stateMachineArn=machine.arn)["roleArn"]
    unguarded = {"StartAt": "Ask", "States": {"Ask": {"Type": "Task", "Resource": arn, "End": True}}}
    limited = Machine(service, "limited", role, {**unguarded, "TimeoutSeconds": 1}, calls)
    # Both fail as their function does not find what it looks for, once they have ended.
    late, broken = limited.start("too-long", until=str(tmp_path / "late"), calls="x"), {"until": str(tmp_path / "go")}
    assert limited.ended(late)["status"] == "TIMED_OUT"
    failing = Machine(service, "stopped-once", role, unguarded, calls)
    stopped = failing.start("stopped", **broken, calls="x")
    wait_until((calls / "stopped" / "1").exists)
    machine.client.stop_execution(executionArn=stopped)
    for name in ("late", "go"):
        (tmp_path / name).touch()
    # This one begins later, and fails in the same way.
    assert failing.run("failing", **broken, calls="x")["status"] == "FAILED"
    assert limited.ended(late)["status"] == "TIMED_OUT"
    assert failing.ended(stopped)["status"] == "ABORTED"


def test_many_executions_run_at_the_same_time(machine: Machine, tmp_path: Path) -> None:
    # None is complete before all are under way.
    go, names = tmp_path / "go", [f"many-{number}" for number in range(50)]
    executions = [machine.start(name, complete_with=str(go), wait=5) for name in names]
    wait_until(lambda: all((machine.calls / name / "1").exists() for name in names))
    go.touch()
    assert all(machine.ended(arn)["status"] == "SUCCEEDED" for arn in executions)


def test_the_delay_before_a_retry() -> None:
    retrier: dict[str, Any] = {"IntervalSeconds": 2, "BackoffRate": 3}
    assert [retry_delay(retrier, number) for number in range(4)] == [2, 6, 18, 54]
    assert [retry_delay({**retrier, "MaxDelaySeconds": 10}, number) for number in range(4)] == [2, 6, 10, 10]
    jittered = [retry_delay({**retrier, "MaxDelaySeconds": 10, "JitterStrategy": "FULL"}, 3) for _ in range(50)]
    assert len(set(jittered)) > 1
    assert all(0 <= delay <= 10 for delay in jittered)
    assert retry_delay({}, 1) == 2


@pytest.mark.parametrize(
    ("message", "log", "name"),
    [
        ("no", "Traceback…\nbotocore.exceptions.ClientError: no", "ClientError"),
        ("two\nlines", "Traceback…\nindex.NotYet: two\nlines", "NotYet"),
        ("", "Traceback…\nKeyboardInterrupt", "KeyboardInterrupt"),
        ("no", "TypeError: no\n    at handler (index.js:1)", "TypeError"),
        ("no", "nothing to see", "Runtime.HandlerError"),
    ],
)
def test_the_type_of_an_error_is_the_class_of_the_exception(message: str, log: str, name: str) -> None:
    assert error_type(message, log) == name


def test_a_log_group_that_is_deleted_while_its_function_ends_does_not_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    groups: dict[str, Any] = {"Functions": {"streams": {}}}

    def deletes_and_allows_to_write(_role: str, action: str, _resource: str) -> bool:
        groups.clear()
        return action != "logs:CreateLogGroup"

    monkeypatch.setattr(lambda_svc, "_emit_lambda_logs", lambda_svc._emit_lambda_logs)  # is put back afterwards
    monkeypatch.setattr(cloudwatch_logs, "_log_groups", groups)
    monkeypatch.setattr(functions, "role_may", deletes_and_allows_to_write)
    functions._let_functions_log_what_their_roles_allow()
    function = {"FunctionName": "Step", "Role": "arn:aws:iam::1:role/Step", "LoggingConfig": {"LogGroup": "Functions"}}
    lambda_svc._emit_lambda_logs(function, "1", "", error=False, duration_ms=1)
    assert groups == {}


def test_an_execution_takes_no_more_than_step_functions_does(machine: Machine) -> None:
    with pytest.raises(machine.client.exceptions.ClientError, match="262144"):
        machine.start("input", text="x" * 262_144)
    assert machine.run("small", text="x" * 200_000)["status"] == "SUCCEEDED"
