"""What the mutation test of the permissions is made of: the local AWS, the granted permissions, a job run's life.

Run as a program it is the local AWS's server, that of the product with another engine: an entry point is read from
S3 with the execution role, as Spark does, but then run by plain Python, so that a run takes a fraction of a second.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import functools
import json
import re
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from constructs_emrs.handler import contract
from constructs_emrs.handler.job_run_resource import _RUN_ARN
from constructs_emrs.handler.request import PROGRESS, Request
from constructs_emrs.handler.retries import _REFUSED_AT
from emrs_local import LocalAws
from emrs_local.driver import DriverRequest
from emrs_local.emr_serverless.errors import JobRunFailed
from emrs_local.endpoint import Endpoint
from tests.e2e.waiting import stop_execution
from tests.local.emr_serverless_support import PythonDriver, PythonEngine, wait_until

PROVIDER = "EMRServerlessProvider"
SERVER_COMMAND = (sys.executable, "-m", "tests.e2e.permissions")

# What the driver of a failing run writes to its standard error. Its last line alone would not do: that is in the run's
# state details, which the reason has without the log.
FAILURE_IN_LOG = "row 7 has no arrival delay"
SCRIPT = f"""
import sys, time
if sys.argv[1:] == ["sleep"]:
    time.sleep(3600)
if sys.argv[1:] == ["fail"]:
    print("{FAILURE_IN_LOG}", file=sys.stderr)
    raise ValueError("the data is wrong")
"""

Json = dict[str, Any]

ENDED = ("SUCCESS", "FAILED", "CANCELLED")
_POLL_SECONDS = 0.1
_PATIENCE_SECONDS = 600.0


class Engine(PythonEngine):
    """Runs `s3://` entry points with Python."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def make_driver(self, request: DriverRequest) -> PythonDriver:
        submit = request.job_driver["sparkSubmit"]
        location = urlsplit(submit["entryPoint"])
        region = request.environment["AWS_REGION"]
        s3 = self._endpoint.client("s3", region=region, credentials=request.credentials)
        script = request.work_directory / "script.py"
        try:
            script.write_bytes(s3.get_object(Bucket=location.netloc, Key=location.path.lstrip("/"))["Body"].read())
        except ClientError as error:
            raise JobRunFailed(f"can't read the entry point: {error}") from error
        job_driver = {"sparkSubmit": {**submit, "entryPoint": f"local://{script}"}}
        return super().make_driver(dataclasses.replace(request, job_driver=job_driver))


def end_job_runs(client: Any, application_id: str) -> None:
    """Cancel the runs of an application and wait for their ends. One may end by itself before: that is no error."""

    def have_ended() -> bool:
        runs = client.list_job_runs(applicationId=application_id)["jobRuns"]
        active = [run["id"] for run in runs if run["state"] not in ENDED]
        for run in active:
            with contextlib.suppress(client.exceptions.ValidationException):
                client.cancel_job_run(applicationId=application_id, jobRunId=run)
        return not active

    wait_until(have_ended)


# The granted permissions.


@dataclass(frozen=True, kw_only=True)
class Grant:
    """One action on one resource, granted by one statement of one policy."""

    policy: Policy
    statement: int
    action: str
    resource: str

    @property
    def of(self) -> Json:
        """The statement."""
        return self.policy.statements[self.statement]

    @property
    def who(self) -> str:
        """Whom it is granted to."""
        principal = self.of.get("Principal", {})
        return f"{self.policy.name}: {next(iter(principal.values()))}" if principal else self.policy.name

    @contextlib.contextmanager
    def removed(self) -> Iterator[None]:
        """The account without the grant."""
        rest = {**self.of, "Action": [action for action in _listed(self.of["Action"]) if action != self.action]}
        elsewhere = {**self.of, "Action": self.action}
        if "Resource" in self.of:
            elsewhere["Resource"] = [item for item in _listed(self.of["Resource"]) if item != self.resource]
        instead = [rest] if rest["Action"] else []
        instead += [elsewhere] if elsewhere.get("Resource") else []
        others = [statement for number, statement in enumerate(self.policy.statements) if number != self.statement]
        with self.policy.replaced([*others, *instead]):
            yield


@dataclass(frozen=True, kw_only=True, eq=False)
class Policy:
    """A deployed policy, named after the resource of the stack that it belongs to."""

    name: str
    policy: str = ""
    statements: list[Json]
    write: Callable[[str], object]

    @contextlib.contextmanager
    def replaced(self, statements: list[Json]) -> Iterator[None]:
        """The account with these statements instead of the policy's."""
        self._put(statements)
        try:
            yield
        finally:
            self._put(self.statements)

    def _put(self, statements: list[Json]) -> None:
        if not statements and "Resource" in self.statements[0]:
            # A role's policy has to have a statement.
            statements = [{"Effect": "Deny", "Action": "none:None", "Resource": "*"}]
        self.write(json.dumps({"Version": "2012-10-17", "Statement": statements}))

    def grants(self) -> Iterator[Grant]:
        """Every action on every resource of every statement."""
        for number, statement in enumerate(self.statements):
            assert statement["Effect"] == "Allow", statement
            for action in _listed(statement["Action"]):
                for resource in _listed(statement.get("Resource", "*")):
                    yield Grant(policy=self, statement=number, action=action, resource=resource)


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


@dataclass(frozen=True, kw_only=True)
class DeployedStack:
    """The resources of the stack, as the account has them."""

    aws: LocalAws
    name: str

    def resources(self, resource_type: str) -> dict[str, str]:
        """Physical ids by logical ids without the hash."""
        found = self.aws.client("cloudformation").describe_stack_resources(StackName=self.name)["StackResources"]
        return {
            item["LogicalResourceId"][:-8]: item["PhysicalResourceId"]
            for item in found
            if item["ResourceType"] == resource_type
        }

    def function(self, handler: str) -> Json:
        """The configuration of the function with this handler."""
        client = self.aws.client("lambda")
        names = self.resources("AWS::Lambda::Function").values()
        (found,) = [
            configuration
            for name in names
            if (configuration := client.get_function_configuration(FunctionName=name))["Handler"] == handler
        ]
        return dict(found)

    def policies(self) -> Iterator[Policy]:
        """What the library wrote: policies and trust of all roles of the stack, and keys' policies."""
        roles = self.resources("AWS::IAM::Role")
        names = {f"{PROVIDER}Role": "step", f"{PROVIDER}StartRole": "start", f"{PROVIDER}StateMachineRole": "machine"}
        names["EtlRole"] = "execution role"
        assert roles.keys() == names.keys()
        for handler, role in ((contract.STEP, f"{PROVIDER}Role"), (contract.START, f"{PROVIDER}StartRole")):
            assert self.function(handler)["Role"].endswith(f"/{roles[role]}")
        for role, name in names.items():
            yield from self.role_policies(name, roles[role])
            yield self.trust_policy(f"{name}'s trust", roles[role])
        for name, key_id in self.resources("AWS::KMS::Key").items():
            yield self._key_policy(name, key_id)

    def granted_to_step(self) -> Policy:
        """What jobs and applications need of the step function: gone when the last of them left the template."""
        role = self.resources("AWS::IAM::Role")[f"{PROVIDER}Role"]
        (granted,) = [policy for policy in self.role_policies("step", role) if "RolePolicies" in policy.policy]
        return granted

    def begin_update(self) -> None:
        """Have an update of the stack under way until the local AWS ends: it waits for a signal that nobody sends."""
        client = self.aws.client("cloudformation")
        template = client.get_template(StackName=self.name)["TemplateBody"]
        parsed: Json = copy.deepcopy(json.loads(template) if isinstance(template, str) else template)
        parsed["Resources"] |= {
            "Signal": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
            "Update": {
                "Type": "AWS::CloudFormation::WaitCondition",
                "Properties": {"Handle": {"Ref": "Signal"}, "Timeout": "43200"},
            },
        }
        client.update_stack(
            StackName=self.name,
            TemplateBody=json.dumps(parsed),
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
        )

        def resources() -> set[str]:
            events = client.describe_stack_events(StackName=self.name)["StackEvents"]
            return {event["LogicalResourceId"] for event in events}

        wait_until(lambda: "Update" in resources())

    def take_update_back(self) -> None:
        """Cancel the update that is under way."""
        client = self.aws.client("cloudformation")
        client.cancel_update_stack(StackName=self.name)

        def status() -> str:
            return str(client.describe_stacks(StackName=self.name)["Stacks"][0]["StackStatus"])

        wait_until(lambda: status() == "UPDATE_ROLLBACK_COMPLETE", shown=status)

    def short(self, resource: str) -> str:
        """An ARN with the template's name for what CloudFormation named."""
        for physical, logical in self._names.items():
            resource = resource.replace(physical, logical)
        return resource.removeprefix("arn:aws:").replace(f":{self.aws.region}:{self.aws.account_id}:", ":")

    @functools.cached_property
    def _names(self) -> dict[str, str]:
        """The template's names by those that CloudFormation made."""
        names = {
            physical: logical
            for resource_type in (
                "AWS::EMRServerless::Application",
                "AWS::IAM::Role",
                "AWS::KMS::Key",
                "AWS::Lambda::Function",
                "AWS::Logs::LogGroup",
                "AWS::S3::Bucket",
            )
            for logical, physical in self.resources(resource_type).items()
        }
        names |= {
            arn.rpartition(":")[2]: name
            for resource_type in ("AWS::StepFunctions::StateMachine", "AWS::SQS::Queue")
            for name, arn in self.resources(resource_type).items()
        }
        (stack,) = self.aws.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        return names | {stack["StackId"].rpartition(":")[2]: f"stack/{self.name}"}

    def role_policies(self, name: str, role: str) -> Iterator[Policy]:
        """The policies of a role, which is called by that name."""
        iam = self.aws.client("iam")
        for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            yield self._managed_policy(name, attached["PolicyArn"])
        for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
            put = functools.partial(iam.put_role_policy, RoleName=role, PolicyName=policy)
            yield Policy(
                name=name,
                policy=policy,
                statements=_statements(document),
                write=lambda text, put=put: put(PolicyDocument=text),  # type: ignore[misc]
            )

    def _managed_policy(self, name: str, arn: str) -> Policy:
        iam = self.aws.client("iam")
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]

        def write(text: str) -> None:
            # A policy has at most five versions.
            for old in iam.list_policy_versions(PolicyArn=arn)["Versions"]:
                if not old["IsDefaultVersion"]:
                    iam.delete_policy_version(PolicyArn=arn, VersionId=old["VersionId"])
            iam.create_policy_version(PolicyArn=arn, PolicyDocument=text, SetAsDefault=True)

        return Policy(name=name, policy=arn, statements=_statements(document), write=write)

    def trust_policy(self, name: str, role: str) -> Policy:
        """Who may assume a role, which is called by that name."""
        iam = self.aws.client("iam")
        document = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
        return Policy(
            name=name,
            statements=_statements(document),
            write=lambda text: iam.update_assume_role_policy(RoleName=role, PolicyDocument=text),
        )

    def _key_policy(self, name: str, key_id: str) -> Policy:
        kms = self.aws.client("kms")
        document = kms.get_key_policy(KeyId=key_id, PolicyName="default")["Policy"]
        return Policy(
            name=name,
            statements=_statements(document),
            write=lambda text: kms.put_key_policy(KeyId=key_id, PolicyName="default", Policy=text),
        )


def _statements(document: str | Json) -> list[Json]:
    parsed: Json = json.loads(document) if isinstance(document, str) else document
    statements: list[Json] = parsed["Statement"]
    return statements


# A job run's life.


class Noticed(Exception):
    """Something failed, or was worse than it should be; the message says what."""


@dataclass(kw_only=True)
class Life:
    """Takes the stack's custom resources from Create to Delete, through the deployed functions.

    The step function is called with the requests that CloudFormation sent when the stack was deployed, as the state
    machine does it: code, role, environment and requests are those of a deploy, and only the waiting between the steps
    is left out. One request goes the whole way: through the start function and the state machine. The stack is being
    updated all the time, as far as the functions can see.
    """

    stack: DeployedStack
    requests: dict[str, Json]
    """What CloudFormation sent, by resource type."""
    application_id: str = field(init=False)
    _clients: dict[str, Any] = field(init=False)
    _functions: dict[str, Json] = field(init=False)

    def __post_init__(self) -> None:
        stop = self.requests[contract.APPLICATION_STOP_TYPE]
        self.application_id = stop["ResourceProperties"][contract.APPLICATION_ID]
        self._clients = {name: self.stack.aws.client(name) for name in ("emr-serverless", "lambda", "logs")}
        self._clients["states"] = self.stack.aws.client("stepfunctions")
        self._functions = {name: self.stack.function(name) for name in (contract.START, contract.STEP)}

    @classmethod
    def of(cls, stack: DeployedStack) -> Life:
        """The life of the deployed stack's resources; an update of the stack begins."""
        client = stack.aws.client("stepfunctions")
        (machine,) = client.list_state_machines()["stateMachines"]
        executions = client.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]
        inputs = [client.describe_execution(executionArn=item["executionArn"])["input"] for item in executions]
        life = cls(stack=stack, requests={request["ResourceType"]: request for request in map(json.loads, inputs)})
        stack.begin_update()
        return life

    def run(self) -> None:
        """Live it.

        Raises:
            Noticed: at the first thing that is not as it should be.
        """
        began = int(time.time() * 1000)
        created = self._properties("succeed", tags={"team": "data"})
        run = self._deliver("Create", created)
        self._require_log(since=began)
        retagged = self._properties("succeed", tags={"cost-centre": "7"})
        self._require(run == self._deliver("Update", retagged, old=created, run=run), "new tags ran the job again")
        tags = self._described(run)["tags"]
        self._require(tags.get("cost-centre") == "7" and "team" not in tags, "the run does not have its new tags")

        sleeping = self._properties("sleep", wait_for="RUNNING")
        active = self._deliver("Update", sleeping, old=retagged, run=run)
        failing = self._properties("fail")
        reason = self._reason("Update", failing, old=sleeping, run=active)
        self._require(self._described(active)["state"] == "CANCELLED", "the earlier run was not cancelled")
        self._require("the data is wrong" in reason, reason)
        self._require(FAILURE_IN_LOG in reason, "the reason of the failure lacks the driver's log")

        foreign = self._start_as_somebody_else(sleeping)
        active = self._deliver("Update", sleeping, old=failing, run=active)
        self._deliver("Delete", sleeping, run=active)
        self._require(self._described(active)["state"] == "CANCELLED", "the deleted run was not cancelled")

        self._update_application()
        self._require(self._described(foreign)["state"] == "CANCELLED", "a run of the application was not cancelled")
        foreign = self._start_as_somebody_else(sleeping)
        self._delete_application()
        self._require(self._described(foreign)["state"] == "CANCELLED", "a run of the application was not cancelled")

        self._deliver_through_the_state_machine("Delete", sleeping, run=active)

    def leave(self) -> None:
        """Delete an active run, then the application, when the template has neither any more.

        CloudFormation changes policies before it deletes what is not in the template any more.

        Raises:
            Noticed: at the first thing that is not as it should be.
        """
        sleeping = self._properties("sleep", wait_for="RUNNING")
        active = self._deliver("Create", sleeping)
        with self.stack.granted_to_step().replaced([]):
            self._deliver("Delete", sleeping, run=active)
            self._require(self._described(active)["state"] == "CANCELLED", "the deleted run was not cancelled")
            self._tag_application()
            self._delete_application()

    def is_done_with_streams(self) -> bool:
        """Whether what goes on after the answer to a rollback finds that there is nothing left to do."""
        event = self._event(contract.APPLICATION_UPDATE_TYPE, "Update", physical_id="before")
        state = Request.started(event, now=time.time())
        state |= {contract.IS_AFTERWARDS: True}
        return bool(self._invoke(contract.STEP, state, "the return of streams")[contract.IS_ANSWERED])

    def end_runs(self) -> None:
        """Cancel, as root, what a life that ended early left."""
        end_job_runs(self._clients["emr-serverless"], self.application_id)

    def _properties(self, argument: str, *, wait_for: str = "SUCCESS", tags: dict[str, str] | None = None) -> Json:
        properties: Json = copy.deepcopy(self.requests[contract.JOB_RUN_TYPE]["ResourceProperties"])
        properties[contract.WAIT_FOR] = wait_for
        request = properties[contract.REQUEST]
        request["jobDriver"]["sparkSubmit"]["entryPointArguments"] = [argument]
        request["tags"] = tags or {}
        return properties

    def _event(
        self,
        resource_type: str,
        request_type: str,
        properties: Json | None = None,
        *,
        old: Json | None = None,
        physical_id: str = "",
    ) -> Json:
        """A request like the one that CloudFormation sent for the resource."""
        sent = self.requests[resource_type]
        event = {name: sent[name] for name in ("StackId", "LogicalResourceId", "ResourceType", "ResourceProperties")}
        event |= {"RequestType": request_type, "RequestId": str(uuid.uuid4()), "ResponseURL": _signed_now(sent)}
        event |= {"ResourceProperties": properties} if properties else {}
        event |= {"OldResourceProperties": old} if old else {}
        event |= {"PhysicalResourceId": physical_id} if physical_id else {}
        return event

    def _deliver(
        self, request_type: str, properties: Json, *, old: Json | None = None, run: str = "", fails: bool = False
    ) -> str:
        """The physical id that the job run's request leads to."""
        event = self._event(contract.JOB_RUN_TYPE, request_type, properties, old=old, physical_id=run)

        def started(run: str) -> None:
            state, details = self._arrival(run, properties.get(contract.WAIT_FOR, contract.DEFAULT_WAIT_FOR))
            # What the function would say about it is known, and takes it nine seconds when there is no log to read.
            self._require(fails or state != "FAILED", f"{request_type}: the run FAILED: {details}")

        return self._answer(event, request_type, started=started)

    def _tag_application(self) -> None:
        properties = self.requests[contract.APPLICATION_STOP_TYPE]["ResourceProperties"]
        before, after = ({**properties, contract.APPLICATION_TAGS: {key: "7"}} for key in ("team", "cost-centre"))
        del after[contract.JOB_LEVEL_COST_ALLOCATION]
        event = self._event(contract.APPLICATION_STOP_TYPE, "Create", before)
        self._answer(event, "the application's tags")
        event = self._event(
            contract.APPLICATION_STOP_TYPE, "Update", after, old=before, physical_id=self.application_id
        )
        self._answer(event, "the application's new tags")
        tags, costs = self._application()["tags"], self._application()["jobLevelCostAllocationConfiguration"]
        self._require("cost-centre" in tags and "team" not in tags, f"the application's tags are {tags}")
        self._require(costs == {"enabled": False}, f"the application's allocation of costs is {costs}")

    def _update_application(self) -> None:
        event = self._event(contract.APPLICATION_UPDATE_TYPE, "Update", physical_id="before")
        self._answer({**event, "OldResourceProperties": {}}, "the application's Update")
        self._require_stopped()

    def _delete_application(self) -> None:
        event = self._event(contract.APPLICATION_STOP_TYPE, "Delete", physical_id=self.application_id)
        self._answer(event, "the application's Delete")
        self._require_stopped()

    def _require_stopped(self) -> None:
        state = self._application()["state"]
        self._require(state == "STOPPED", f"the application is {state}")

    def _application(self) -> Json:
        return dict(self._clients["emr-serverless"].get_application(applicationId=self.application_id)["application"])

    def _start_as_somebody_else(self, properties: Json) -> str:
        """A running run without the tags of the stack's own runs."""
        request = properties[contract.REQUEST]
        members = {name: request[name] for name in ("applicationId", "executionRoleArn", "jobDriver")}
        run = str(self._clients["emr-serverless"].start_job_run(**members)["arn"])
        state, details = self._arrival(run, "RUNNING")
        self._require(state == "RUNNING", f"the run that somebody else started is {state}: {details}")
        return run

    def _reason(self, request_type: str, properties: Json, *, old: Json, run: str) -> str:
        try:
            self._deliver(request_type, properties, old=old, run=run, fails=True)
        except Noticed as failure:
            return str(failure)
        return "the failing run did not fail the request"

    def _arrival(self, run: str, wait_for: str) -> tuple[str, str]:
        """State and details of the run, once it is where it is waited for or at its end."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while (job_run := self._described(run))["state"] not in (*ENDED, wait_for):
            self._require(time.monotonic() < deadline, f"the run stays {job_run['state']}")
            time.sleep(_POLL_SECONDS)
        return str(job_run["state"]), str(job_run["stateDetails"])

    def _answer(self, event: Json, what: str, *, started: Callable[[str], None] = lambda _: None) -> str:
        """The physical id in the answer that the steps come to; it is not sent."""
        state = Request.started(event, now=time.time())
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while contract.ANSWER not in state:
            self._require(time.monotonic() < deadline, f"{what} does not complete")
            had_run = _RUN_ARN in state[PROGRESS]
            state = self._invoke(contract.STEP, state, what)
            if _REFUSED_AT in state[PROGRESS]:
                # It would be tried again for two minutes; for the next step they are over.
                state[PROGRESS][_REFUSED_AT] = 0
            elif _RUN_ARN in state[PROGRESS] and not had_run:
                started(state[PROGRESS][_RUN_ARN])
            if state[contract.WAIT_SECONDS]:
                time.sleep(_POLL_SECONDS)
        answer: Json = json.loads(state[contract.ANSWER])
        self._require(answer["Status"] == "SUCCESS", f"{what}: {answer.get('Reason')}")
        return str(answer["PhysicalResourceId"])

    def _invoke(self, handler: str, event: Json, what: str) -> Any:
        name = self._functions[handler]["FunctionName"]
        returned = self._clients["lambda"].invoke(FunctionName=name, Payload=json.dumps(event))
        payload = json.loads(returned["Payload"].read())
        self._require("FunctionError" not in returned, f"{what}: {payload}")
        return payload

    def _deliver_through_the_state_machine(self, request_type: str, properties: Json, *, run: str) -> None:
        """Have a request answered that needs no waiting.

        Nobody waits for the answer any more at the URL of the request: the local AWS takes it and forgets it.
        """
        event = self._event(contract.JOB_RUN_TYPE, request_type, properties, physical_id=run)
        self._invoke(contract.START, event, "the delivery")
        execution = self._execution(event["RequestId"])
        try:
            self._require_success(execution)
        finally:
            stop_execution(self._clients["states"], execution)
        # The functions share their log group. What is written from now on is of the function that starts executions,
        # for which it is nothing new that a request is delivered again.
        began = int(time.time() * 1000)
        self._invoke(contract.START, event, "the second delivery")
        self._require_log(since=began)

    def _execution(self, request_id: str) -> str:
        """What the function has started before it came to its end."""
        client, machine = self._clients["states"], self._state_machine()
        for item in client.list_executions(stateMachineArn=machine, maxResults=10)["executions"]:
            arn = str(item["executionArn"])
            if json.loads(client.describe_execution(executionArn=arn)["input"])["RequestId"] == request_id:
                return arn
        raise Noticed("no execution is started")

    def _require_success(self, execution: str) -> None:
        client = self._clients["states"]

        def ended() -> str:
            status = str(client.describe_execution(executionArn=execution)["status"])
            for event in client.get_execution_history(executionArn=execution)["events"]:
                if "taskFailedEventDetails" in event:
                    raise Noticed(f"the state machine: {event['taskFailedEventDetails']['cause']}")
            return status if status != "RUNNING" else ""

        status = wait_until(ended)
        self._require(status == "SUCCEEDED", f"the execution is {status}")
        steps = client.get_execution_history(executionArn=execution)["events"]
        outputs = [
            json.loads(step["stateExitedEventDetails"]["output"]) for step in steps if "stateExitedEventDetails" in step
        ]
        answers = [json.loads(output[contract.ANSWER]) for output in outputs if contract.ANSWER in output]
        self._require(bool(answers) and answers[0]["Status"] == "SUCCESS", f"the answers are {answers}")

    def _state_machine(self) -> str:
        return str(self._functions[contract.START]["Environment"]["Variables"][contract.STATE_MACHINE_ARN])

    def _require_log(self, *, since: int) -> None:
        """The functions share the group: only one of them may have been called since then."""
        group = self._functions[contract.STEP]["LoggingConfig"]["LogGroup"]
        written = self._clients["logs"].filter_log_events(logGroupName=group, startTime=since)["events"]
        self._require(bool(written), "the function's logs are not in their log group")

    def _described(self, run: str) -> Json:
        job_run_id = run.rpartition("/")[2]
        answer = self._clients["emr-serverless"].get_job_run(applicationId=self.application_id, jobRunId=job_run_id)
        return dict(answer["jobRun"])

    @staticmethod
    def _require(met: bool, otherwise: str) -> None:
        if not met:
            raise Noticed(otherwise)


def _signed_now(request: Json) -> str:
    """The URL that answers the request, as of now: what was asked for before the update is no part of it."""
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    url, signed = re.subn(r"X-Amz-Date=\w+", f"X-Amz-Date={now}", request["ResponseURL"])
    return url if signed else f"{url}{'&' if '?' in url else '?'}X-Amz-Date={now}"


if __name__ == "__main__":
    from emrs_local.server import main

    def python_engine(endpoint: Endpoint, _data_directory: Path) -> Engine:
        return Engine(endpoint)

    main(python_engine)
