"""What the mutation test of the permissions is made of: the local AWS, the granted permissions, a job run's life.

Run as a program it is the local AWS's server, that of the product with another executor: an entry point is read from
S3 with the execution role, as Spark does, but then run by plain Python, so that a run takes a fraction of a second.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import json
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from constructs_emrs.handler import contract
from emrs_local import LocalAws
from emrs_local.service.aws_clients import Endpoint
from emrs_local.service.errors import JobRunFailed
from emrs_local.service.executor import DriverRequest
from tests.local.service_support import PythonDriver, PythonExecutor

SERVER_COMMAND = (sys.executable, "-m", "tests.e2e.permissions")

# What the driver of a failing run writes to its standard error. Its last line alone would not do: that is in the run's
# state details, which the reason has without the log.
FAILURE_IN_LOG = "row 7 has no arrival delay"
SCRIPT = f"""
import sys, time
if sys.argv[1:] == ["sleep"]:
    time.sleep(600)
if sys.argv[1:] == ["fail"]:
    print("{FAILURE_IN_LOG}", file=sys.stderr)
    raise ValueError("the data is wrong")
"""

Json = dict[str, Any]

_ENDED = ("SUCCESS", "FAILED", "CANCELLED")
_POLL_SECONDS = 0.1
_PATIENCE_SECONDS = 60.0


class Executor(PythonExecutor):
    """Runs `s3://` entry points with Python."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def prepare(self, request: DriverRequest) -> PythonDriver:
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
        return super().prepare(dataclasses.replace(request, job_driver=job_driver))


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
    def removed(self, *, keeping: Callable[[Json], bool] = lambda _: True) -> Iterator[None]:
        """The account without the grant, and the policy with those of its other statements that are to be kept."""
        rest = {**self.of, "Action": [action for action in _listed(self.of["Action"]) if action != self.action]}
        elsewhere = {**self.of, "Action": self.action}
        if "Resource" in self.of:
            elsewhere["Resource"] = [item for item in _listed(self.of["Resource"]) if item != self.resource]
        instead = [rest] if rest["Action"] else []
        instead += [elsewhere] if elsewhere.get("Resource") else []
        others = [statement for number, statement in enumerate(self.policy.statements) if number != self.statement]
        with self.policy.replaced([*filter(keeping, others), *instead]):
            yield


@dataclass(frozen=True, kw_only=True, eq=False)
class Policy:
    """A deployed policy, named after the resource of the stack that it belongs to."""

    name: str
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
        """What the library wrote: policies of execution role and handler, the role's trust, and keys' policies.

        The roles of the CDK's provider framework are the CDK's.
        """
        roles = self.resources("AWS::IAM::Role")
        execution_role, handler_role = roles["EtlExecutionRole"], roles["EMRServerlessJobRunProviderRole"]
        assert self.function(contract.ON_EVENT)["Role"].endswith(f"/{handler_role}")
        yield from self._role_policies("execution role", execution_role)
        yield self._trust_policy("execution role's trust", execution_role)
        yield from self._role_policies("handler", handler_role)
        for name, key_id in self.resources("AWS::KMS::Key").items():
            yield self._key_policy(name, key_id)

    def short(self, resource: str) -> str:
        """An ARN with the template's name for what CloudFormation named."""
        names = {
            physical: logical
            for resource_type in (
                "AWS::EMRServerless::Application",
                "AWS::IAM::Role",
                "AWS::KMS::Key",
                "AWS::Logs::LogGroup",
                "AWS::S3::Bucket",
            )
            for logical, physical in self.resources(resource_type).items()
        }
        for physical, logical in names.items():
            resource = resource.replace(physical, logical)
        return resource.removeprefix("arn:aws:").replace(f":{self.aws.region}:{self.aws.account_id}:", ":")

    def _role_policies(self, name: str, role: str) -> Iterator[Policy]:
        iam = self.aws.client("iam")
        attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        assert attached == [], "managed policies would have to be mutated too"
        for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
            put = partial(iam.put_role_policy, RoleName=role, PolicyName=policy)
            yield Policy(
                name=name,
                statements=_statements(document),
                write=lambda text, put=put: put(PolicyDocument=text),  # type: ignore[misc]
            )

    def _trust_policy(self, name: str, role: str) -> Policy:
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

    The functions are invoked as the provider framework does it, with the events that it handed to them when the stack
    was deployed. So code, role, environment and events are those of a deploy; only CloudFormation, the framework and
    its waiting between the polls are left out, none of which has a permission that the library granted.
    """

    stack: DeployedStack
    job_run: Json
    application_stop: Json
    application_id: str = field(init=False)
    _clients: dict[str, Any] = field(init=False)
    _functions: dict[str, Json] = field(init=False)

    def __post_init__(self) -> None:
        self.application_id = self.application_stop["ResourceProperties"][contract.APPLICATION_ID]
        self._clients = {name: self.stack.aws.client(name) for name in ("emr-serverless", "lambda", "logs")}
        self._functions = {name: self.stack.function(name) for name in (contract.ON_EVENT, contract.IS_COMPLETE)}

    @classmethod
    def of(cls, stack: DeployedStack) -> Life:
        """The life of the deployed stack's resources, with the events that the framework's waiter was started with."""
        client = stack.aws.client("stepfunctions")
        (machine,) = client.list_state_machines()["stateMachines"]
        executions = client.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]
        inputs = [client.describe_execution(executionArn=item["executionArn"])["input"] for item in executions]
        events = {event["ResourceType"]: event for event in map(json.loads, inputs)}
        return cls(
            stack=stack,
            job_run=events[contract.JOB_RUN_TYPE],
            application_stop=events[contract.APPLICATION_STOP_TYPE],
        )

    def run(self) -> None:
        """Live it.

        Raises:
            Noticed: at the first thing that is not as it should be.
        """
        began = int(time.time() * 1000)
        created = self._properties("succeed", tags={"team": "data"})
        run = self._deliver("Create", created)
        self._require_function_logs(began)
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

        self._delete_application()
        self._require(self._described(foreign)["state"] == "CANCELLED", "a run of the application was not cancelled")
        application = self._clients["emr-serverless"].get_application(applicationId=self.application_id)["application"]
        self._require(application["state"] == "STOPPED", f"the application is {application['state']}")

    def leave(self, changed: contextlib.AbstractContextManager[None]) -> None:
        """Delete an active run, then the application, when the template has neither any more.

        Args:
            changed: Makes the handler's policy what CloudFormation makes of it before it deletes what is not in the
                template any more.

        Raises:
            Noticed: at the first thing that is not as it should be.
        """
        sleeping = self._properties("sleep", wait_for="RUNNING")
        active = self._deliver("Create", sleeping)
        with changed:
            self._deliver("Delete", sleeping, run=active)
            self._require(self._described(active)["state"] == "CANCELLED", "the deleted run was not cancelled")
            self._delete_application()

    def end_runs(self) -> None:
        """Cancel, as root, what a life that ended early left."""
        client = self._clients["emr-serverless"]
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while active := [
            run
            for run in client.list_job_runs(applicationId=self.application_id)["jobRuns"]
            if run["state"] not in _ENDED
        ]:
            assert time.monotonic() < deadline, active
            for run in active:
                with contextlib.suppress(client.exceptions.ValidationException):
                    client.cancel_job_run(applicationId=self.application_id, jobRunId=run["id"])
            time.sleep(_POLL_SECONDS)

    def _properties(self, argument: str, *, wait_for: str = "SUCCESS", tags: dict[str, str] | None = None) -> Json:
        properties: Json = copy.deepcopy(self.job_run["ResourceProperties"])
        properties[contract.WAIT_FOR] = wait_for
        request = properties[contract.REQUEST]
        request["jobDriver"]["sparkSubmit"]["entryPointArguments"] = [argument]
        request["tags"] = tags or {}
        return properties

    def _deliver(
        self, request_type: str, properties: Json, *, old: Json | None = None, run: str = "", fails: bool = False
    ) -> str:
        """The physical id that the request leads to."""
        event = {
            name: value
            for name, value in self.job_run.items()
            if name in {"StackId", "LogicalResourceId", "ResourceType", "ServiceToken", "ResponseURL"}
        }
        event |= {"RequestType": request_type, "RequestId": str(uuid.uuid4()), "ResourceProperties": properties}
        event |= {"PhysicalResourceId": run} if run else {}
        event |= {"OldResourceProperties": old} if old else {}
        event |= self._invoke(contract.ON_EVENT, event, request_type)
        if request_type != "Delete":
            state, details = self._arrival(event["PhysicalResourceId"], properties[contract.WAIT_FOR])
            # What the function would say about it is known, and takes it nine seconds when there is no log to read.
            self._require(fails or state != "FAILED", f"{request_type}: the run FAILED: {details}")
        self._wait_until_complete(event, request_type)
        return str(event["PhysicalResourceId"])

    def _delete_application(self) -> None:
        event = {**self.application_stop, "RequestType": "Delete", "PhysicalResourceId": self.application_id}
        event |= self._invoke(contract.ON_EVENT, event, "the application's Delete")
        self._wait_until_complete(event, "the application's Delete")

    def _start_as_somebody_else(self, properties: Json) -> str:
        """A run without the tags of the stack's own runs."""
        request = properties[contract.REQUEST]
        members = {name: request[name] for name in ("applicationId", "executionRoleArn", "jobDriver")}
        return str(self._clients["emr-serverless"].start_job_run(**members)["arn"])

    def _reason(self, request_type: str, properties: Json, *, old: Json, run: str) -> str:
        try:
            self._deliver(request_type, properties, old=old, run=run, fails=True)
        except Noticed as failure:
            return str(failure)
        return "the failing run did not fail the request"

    def _arrival(self, run: str, wait_for: str) -> tuple[str, str]:
        """State and details of the run, once it is where it is waited for or at its end."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while (job_run := self._described(run))["state"] not in (*_ENDED, wait_for):
            self._require(time.monotonic() < deadline, f"the run stays {job_run['state']}")
            time.sleep(_POLL_SECONDS)
        return str(job_run["state"]), str(job_run["stateDetails"])

    def _wait_until_complete(self, event: Json, what: str) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not self._invoke(contract.IS_COMPLETE, event, what)["IsComplete"]:
            self._require(time.monotonic() < deadline, f"{what} does not complete")
            time.sleep(_POLL_SECONDS)

    def _invoke(self, handler: str, event: Json, what: str) -> Json:
        name = self._functions[handler]["FunctionName"]
        answer = self._clients["lambda"].invoke(FunctionName=name, Payload=json.dumps(event))
        payload: Json = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise Noticed(f"{what}: {payload['errorMessage']}")
        return payload

    def _require_function_logs(self, since: int) -> None:
        """Nobody else writes to the group: the framework's functions share it, but are not invoked."""
        group = self._functions[contract.ON_EVENT]["LoggingConfig"]["LogGroup"]
        written = self._clients["logs"].filter_log_events(logGroupName=group, startTime=since)["events"]
        self._require(bool(written), "the functions' logs are not in their log group")

    def _described(self, run: str) -> Json:
        job_run_id = run.rpartition("/")[2]
        answer = self._clients["emr-serverless"].get_job_run(applicationId=self.application_id, jobRunId=job_run_id)
        return dict(answer["jobRun"])

    @staticmethod
    def _require(met: bool, otherwise: str) -> None:
        if not met:
            raise Noticed(otherwise)


if __name__ == "__main__":
    from emrs_local._server import main

    def python_executor(endpoint: Endpoint, _data_directory: Path) -> Executor:
        return Executor(endpoint)

    main(python_executor)
