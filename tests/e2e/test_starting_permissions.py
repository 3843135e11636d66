"""Every permission of the roles that start jobs is needed: without any one of them something fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, CfnOutput, Duration, Stack, Tags
from aws_cdk import aws_events as events
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn

from constructs_emrs import (
    Application,
    Code,
    EmrServerlessStartJobRun,
    JobSchedule,
    JobTrigger,
    ReleaseLabel,
    SparkJob,
)
from emrs_local import LocalAws
from tests.e2e import deployment
from tests.e2e.deployment import synthesise
from tests.e2e.permissions import DeployedStack, Grant, Noticed, end_job_runs
from tests.e2e.waiting import stop_execution, taken
from tests.local.emr_serverless_support import wait_until

STACK = "StartingPermissions"
SCRIPT = """
import sys, time
if sys.argv[1] == "sleep":
    time.sleep(3600)
"""

_STATES_TRUST = (
    "Step Functions Developer Guide, 'Creating an IAM role for your state machine': Step Functions has to be trusted. "
    "The local AWS looks at the role's policies only."
)
_TAGS = (
    "Service Authorization Reference of EMR Serverless: StartJobRun needs TagResource, whose resource may be an "
    "application or a run. On which of them it is asked for is not said, and the run is not there yet."
)
# What the local AWS can't notice and AWS documents as needed: role, action and resource, and where AWS says so.
EXCEPTIONS = {
    ("user's machine", "emr-serverless:TagResource", "emr-serverless:/applications/Spark"): _TAGS,
    ("job's machine", "emr-serverless:TagResource", "emr-serverless:/applications/Spark"): _TAGS,
    ("user's machine's trust", "sts:AssumeRole", "*"): _STATES_TRUST,
    ("job's machine's trust", "sts:AssumeRole", "*"): _STATES_TRUST,
}


def build(app: App, script: Path) -> None:
    stack = Stack(app, STACK)
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    job = SparkJob(stack, "Etl", application=application, entry_point=Code.from_uri(f"local://{script}"))
    Tags.of(job).add("team", "data")
    arguments = sfn.JsonPath.list_at("$.arguments")
    state = EmrServerlessStartJobRun(stack, "Run", job=job, arguments=arguments)
    machine = sfn.StateMachine(stack, "Machine", definition_body=sfn.DefinitionBody.from_chainable(state))
    letters, of_the_rule = sqs.Queue(stack, "Letters"), sqs.Queue(stack, "LettersOfTheRule")
    yearly = scheduler.ScheduleExpression.rate(Duration.days(365))
    JobSchedule(stack, "Yearly", job=job, schedule=yearly, arguments=["pass"], dead_letter_queue=letters)
    pattern = events.EventPattern(source=["tests"])
    JobTrigger(stack, "OnEvent", job=job, event_pattern=pattern, arguments=["pass"], dead_letter_queue=of_the_rule)
    for name, value in {
        "ApplicationId": application.application_id,
        "MachineArn": machine.state_machine_arn,
        "JobMachineArn": job.state_machine.state_machine_arn,
        "LettersUrl": letters.queue_url,
        "LettersOfTheRuleUrl": of_the_rule.queue_url,
    }.items():
        CfnOutput(stack, name, value=value)


@dataclass(frozen=True)
class Starting:
    """The deployed stack, and what is done with each of its roles, which raises Noticed when something is wrong."""

    stack: DeployedStack
    outputs: dict[str, str]
    told: list[str]
    _clients: dict[str, Any] = field(default_factory=dict)

    def grants(self) -> dict[Grant, Callable[[], None]]:
        """What is granted to each role, and what needs it."""
        roles = self.stack.resources("AWS::IAM::Role")
        needing = {
            "user's machine": ("MachineRole", lambda: self.run_and_stop("MachineArn")),
            "job's machine": ("EtlStateMachineRole", self.run_the_job_s_machine),
            "scheduler": ("EtlStateMachineSchedulerRole", self.fire),
            "rules": ("EtlStateMachineEventsRole", self.put_event),
        }
        return {
            grant: self.fire_in_vain if grant.action == "sqs:SendMessage" else needed
            for name, (role, needed) in needing.items()
            for policy in (
                *self.stack.role_policies(name, roles[role]),
                self.stack.trust_policy(f"{name}'s trust", roles[role]),
            )
            for grant in policy.grants()
        }

    def run_the_job_s_machine(self) -> None:
        """As a schedule does, too."""
        self._succeed("JobMachineArn", {"arguments": ["pass"], "schedule": "nobody"})
        self.run_and_stop("JobMachineArn")

    def run_and_stop(self, machine: str) -> None:
        """Change the state machine, have it run a job, and stop an execution."""
        states = self._client("stepfunctions")
        arn = self.outputs[machine]
        definition = states.describe_state_machine(stateMachineArn=arn)["definition"]
        try:
            states.update_state_machine(stateMachineArn=arn, definition=definition)
        except states.exceptions.ClientError as error:
            raise Noticed(str(error)) from error
        self._succeed(machine, {"arguments": ["pass"]})
        execution = states.start_execution(stateMachineArn=arn, input=json.dumps({"arguments": ["sleep"]}))
        run = self._sleeping_run(execution["executionArn"])
        states.stop_execution(executionArn=execution["executionArn"])
        wait_until(lambda: run in self._runs("CANCELLED") or self._goes_on(run))
        if told := self._goes_on(run):
            raise Noticed(told)

    def fire(self) -> None:
        """Have the schedule start an execution."""
        fired = self.stack.aws.fire_schedule("Yearly")
        if fired.error:
            raise Noticed(fired.error)

    def fire_in_vain(self) -> None:
        """Have the schedule put an occurrence into its queue, as the state machine is not there."""
        arn, (name, *_) = self.outputs["JobMachineArn"], self.stack.resources("AWS::Scheduler::Schedule").values()
        client = self._client("scheduler")
        schedule = client.get_schedule(Name=name)
        members = ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")
        kept = {member: schedule[member] for member in members}
        elsewhere = schedule["Target"]["Input"].replace(arn, f"{arn}Elsewhere")
        client.update_schedule(**kept | {"Target": {**schedule["Target"], "Input": elsewhere}})
        self._letters("LettersUrl")
        self.stack.aws.fire_schedule("Yearly")
        client.update_schedule(**kept)
        if not self._letters("LettersUrl"):
            raise Noticed("no letter is in the queue")

    def put_event(self) -> None:
        """Have the rule start an execution; a letter tells that it could not."""
        entry = {"Source": "tests", "DetailType": "Test", "Detail": "{}"}
        event = self._client("events").put_events(Entries=[entry])["Entries"][0]["EventId"]
        wait_until(lambda: self._has_started(event))

    def end(self) -> None:
        """End, as root, what was left: executions first, as they start runs."""
        states = self._client("stepfunctions")
        for machine in ("MachineArn", "JobMachineArn"):
            running = states.list_executions(stateMachineArn=self.outputs[machine], statusFilter="RUNNING")
            for execution in running["executions"]:
                stop_execution(states, execution["executionArn"])
        end_job_runs(self._client("emr-serverless"), self.outputs["ApplicationId"])

    def _has_started(self, event: str) -> bool:
        for letter in self._letters("LettersOfTheRuleUrl"):
            raise Noticed(letter["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"])
        states = self._client("stepfunctions")
        found = states.list_executions(stateMachineArn=self.outputs["JobMachineArn"], maxResults=5)["executions"]
        return any(event in states.describe_execution(executionArn=one["executionArn"])["input"] for one in found)

    def _letters(self, queue: str) -> list[dict[str, Any]]:
        """What is in a queue, which is empty afterwards."""
        return taken(self._client("sqs"), self.outputs[queue])

    def _succeed(self, machine: str, state: dict[str, Any]) -> None:
        states = self._client("stepfunctions")
        arn = states.start_execution(stateMachineArn=self.outputs[machine], input=json.dumps(state))["executionArn"]
        wait_until(lambda: self._has_succeeded(arn))

    def _has_succeeded(self, execution: str) -> bool:
        """Whether it is so; what fails is not waited for until it is not tried again any more."""
        states = self._client("stepfunctions")
        for cause in self._causes(execution):
            stop_execution(states, execution)
            raise Noticed(cause)
        return bool(states.describe_execution(executionArn=execution)["status"] == "SUCCEEDED")

    def _causes(self, execution: str) -> list[str]:
        """Why tasks of the execution failed."""
        history = self._client("stepfunctions").get_execution_history(executionArn=execution)["events"]
        return [event["taskFailedEventDetails"]["cause"] for event in history if "taskFailedEventDetails" in event]

    def _goes_on(self, run: str) -> str:
        """What is told of a run that could not be cancelled, which the history of a stopped execution does not say."""
        return next((line for line in self.told if f"job run {run} goes on" in line), "")

    def _sleeping_run(self, execution: str) -> str:
        """The run of the execution: no other sleeps."""

        def sleeping() -> list[str]:
            assert not self._has_succeeded(execution), "it did not sleep"
            return self._sleeping()

        (run,) = wait_until(sleeping)
        return run

    def _sleeping(self) -> list[str]:
        client, application = self._client("emr-serverless"), self.outputs["ApplicationId"]
        described = (client.get_job_run(applicationId=application, jobRunId=run) for run in self._runs("RUNNING"))
        drivers = {run["jobRun"]["jobRunId"]: run["jobRun"]["jobDriver"]["sparkSubmit"] for run in described}
        return [run for run, driver in drivers.items() if driver["entryPointArguments"] == ["sleep"]]

    def _runs(self, *states: str) -> list[str]:
        client = self._client("emr-serverless")
        found = client.list_job_runs(applicationId=self.outputs["ApplicationId"], states=list(states))["jobRuns"]
        return [run["id"] for run in found]

    def _client(self, service: str) -> Any:
        """A client of the service; to make one takes longer than most calls."""
        if service not in self._clients:
            self._clients[service] = self.stack.aws.client(service)
        return self._clients[service]


@pytest.fixture(scope="module")
def starting(
    with_python_drivers: LocalAws, told: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Starting]:
    folder: Path = tmp_path_factory.mktemp("starting_permissions")
    (folder / "etl.py").write_text(SCRIPT)
    synthesise(lambda app: build(app, folder / "etl.py"), folder / "cdk.out")
    deployed = deployment.DeployedStack(with_python_drivers, STACK)
    outcome = deployed.deploy(folder / "cdk.out")
    assert outcome.succeeded, str(outcome)
    yield Starting(DeployedStack(aws=with_python_drivers, name=STACK), deployed.outputs(), told)
    assert deployed.destroy().succeeded


def test_with_all_permissions_nothing_is_wrong(starting: Starting) -> None:
    for needed in dict.fromkeys(starting.grants().values()):
        needed()
    starting.end()


def test_each_permission_is_needed(starting: Starting, capsys: pytest.CaptureFixture[str]) -> None:
    noticed: dict[tuple[str, str, str], str] = {}
    for grant, needed in starting.grants().items():
        key = grant.policy.name, grant.action, starting.stack.short(grant.resource)
        noticed[key] = what_is_wrong_without(grant, needed, starting)
    with capsys.disabled():
        print(f"\n\nWithout one of the {len(noticed)} permissions of the roles that start jobs:")
        for key, what in noticed.items():
            print(*(f"{part:<36}" for part in key), (what or EXCEPTIONS.get(key, "NOTHING NOTICES IT"))[:100])
    unnoticed = {key for key, what in noticed.items() if not what}
    assert unnoticed - EXCEPTIONS.keys() == set(), "nothing notices that they are missing"
    assert EXCEPTIONS.keys() - unnoticed == set(), "exceptions that are none: something notices them, or they are gone"


def what_is_wrong_without(grant: Grant, needed: Callable[[], None], starting: Starting) -> str:
    """Empty if nothing is."""
    try:
        with grant.removed():
            needed()
    except Noticed as noticed:
        return " ".join(str(noticed).split())
    finally:
        starting.end()
    return ""
