"""The account that is asked: its clients, the kit's stack in it, and the few verbs that probes are written in."""

from __future__ import annotations

import contextlib
import functools
import gzip
import io
import json
import re
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    SSOError,
    TokenRetrievalError,
)

T = TypeVar("T")
Json = Any

TAG = "constructs-emrs-conformance"
"""What tags all that the kit makes; its value is the id of the kit's run."""

RUN_MINUTES = 15
"""After how many minutes the service ends a job run of the kit."""

ENDED = ("SUCCESS", "FAILED", "CANCELLED")
ACCEPTED = "accepted"
NO_SUCH_RELEASE = "the Region has no such release"
_JOBS = Path(__file__).parent / "jobs"
_FIRST_POLL_SECONDS, _LONGEST_POLL_SECONDS = 0.05, 5.0
_PATIENCE_MINUTES, _ASSUME_MINUTES = 20.0, 3.0
_PATIENT = Config(retries={"mode": "standard", "max_attempts": 10}, s3={"addressing_style": "path"})
# The smallest workers: one driver and one executor of a vCPU and 3 GB each.
SMALL = {
    "spark.driver.cores": "1",
    "spark.driver.memory": "2g",
    "spark.executor.cores": "1",
    "spark.executor.memory": "2g",
    "spark.executor.instances": "1",
    "spark.dynamicAllocation.enabled": "false",
}


# Codes that say something of who asks, or of the moment, and nothing of the question; as the status 429 and 5xx do.
_CREDENTIALS = re.compile(r"ExpiredToken|TokenRefresh|RequestExpired|InvalidClientTokenId|UnrecognizedClient|Signature")
_NO_CREDENTIALS = (CredentialRetrievalError, NoCredentialsError, SSOError, TokenRetrievalError)
_MOMENTARY = re.compile(
    r"Throttl|TooManyRequests|RequestLimit|LimitExceeded|Quota|OptIn|Subscription|Internal(Server|Fail)"
)
_DENIED = re.compile(r"AccessDenied|NotAuthorized|UnauthorizedOperation")
_OUT_OF_QUOTA = re.compile(r"\bquota\b|throttl", re.IGNORECASE)


class Unanswered(Exception):
    """AWS gave no answer to a probe."""


@dataclass(frozen=True, kw_only=True)
class Delays:
    """For how long AWS may not know yet what it was told, in minutes: it promises no number, and nothing asks for it.

    Attributes:
        permissions: Roles, policies of keys and queues, and rules, until they are looked at everywhere.
        lists: What was made, until it is on the list of its kind; and what writes late, until it has written.
    """

    permissions: float = 3.0
    lists: float = 0.5


@dataclass(frozen=True, kw_only=True)
class Shared(Generic[T]):
    """What several probes look at, and is made once.

    Attributes:
        name: What it is.
        runs: How many job runs it takes, at most.
        make: Makes it.
    """

    name: str
    runs: int
    make: Callable[[Account], T]


class Account:
    """The account and Region that boto3's credentials are for; `AWS_ENDPOINT_URL` may name another AWS.

    Args:
        session: Whose credentials and Region are used; it has one.
        run: The id of this run of the kit, of which names are made.
        run_minutes: After how many minutes the service ends a job run that did not end: what bounds the cost.
        delays: For how long what AWS was told may not be true yet.
    """

    def __init__(
        self, session: boto3.Session, *, run: str, run_minutes: int = RUN_MINUTES, delays: Delays | None = None
    ) -> None:
        self._session = session
        self.run = run
        self.run_minutes = run_minutes
        self.delays = delays or Delays()
        self.runs_left: int | None = None
        """How many job runs may still be started; None if nobody counts."""
        self.region = str(session.region_name)
        identity = self.client("sts").get_caller_identity()
        self.account_id = str(identity["Account"])
        self.partition = str(identity["Arn"].split(":")[1])
        self.stack_name = f"conformance-{run}"
        self._physical_ids: dict[str, str] = {}
        self._made: dict[str, Any] = {}
        self._not_made: dict[str, Exception] = {}

    @functools.cache  # noqa: B019 - there is one account, for as long as the process lives
    def client(self, service: str) -> Any:
        """A client of a service, which tries again what is throttled."""
        return self._session.client(service, region_name=self.region, config=_PATIENT)  # type: ignore[call-overload]

    def client_as(self, role: str, service: str) -> Any:
        """A client with the credentials of a role of the stack, as soon as AWS hands them out."""

        def assumed() -> dict[str, Any] | None:
            try:
                return dict(self.client("sts").assume_role(RoleArn=self.role_arn(role), RoleSessionName="conformance"))
            except ClientError as error:
                if not _DENIED.search(code_of(error)):
                    raise
                return None

        found = self.until(assumed, f"credentials of the role {role}", minutes=_ASSUME_MINUTES)["Credentials"]
        return self._session.client(  # type: ignore[call-overload]
            service,
            region_name=self.region,
            config=_PATIENT,
            aws_access_key_id=found["AccessKeyId"],
            aws_secret_access_key=found["SecretAccessKey"],
            aws_session_token=found["SessionToken"],
        )

    @property
    def emr(self) -> Any:
        """EMR Serverless."""
        return self.client("emr-serverless")

    @property
    def tags(self) -> dict[str, str]:
        """The tags of what is made without the stack."""
        return {TAG: self.run}

    def names(self) -> list[str]:
        """What must not be recorded, whatever it looks like: the account, and what the kit's resources are called."""
        return [self.account_id, self.run, *self._physical_ids.values()]

    def once(self, shared: Shared[T]) -> T:
        """What the first probe that asked for it has made; if it could not be made, it is not tried again.

        Raises:
            Unanswered: It could not be made, now or before.
        """
        if shared.name in self._not_made:
            raise Unanswered(f"{shared.name}: {self._not_made[shared.name]}")
        if shared.name not in self._made:
            before, self.runs_left = self.runs_left, None if self.runs_left is None else shared.runs
            try:
                self._made[shared.name] = shared.make(self)
            except Exception as error:
                self._not_made[shared.name] = error
                raise
            finally:
                self.runs_left = before
        found: T = self._made[shared.name]
        return found

    # The stack, and other ones.

    def make_stack(self, name: str, template: str) -> None:
        """Make a stack with the kit's tags.

        Raises:
            Unanswered: It was not made.
        """
        status = self.try_stack(name, template)
        if status != "CREATE_COMPLETE":
            raise Unanswered(f"the stack {name} is {status}: {self.reasons(name)}")

    def try_stack(self, name: str, template: str) -> str:
        """Make a stack with the kit's tags; the status in which it settles. What fails stays as it is."""
        self.client("cloudformation").create_stack(
            StackName=name,
            TemplateBody=template,
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Tags=[{"Key": TAG, "Value": self.run}],
            OnFailure="DO_NOTHING",
            ClientRequestToken=name,  # a request that boto3 sends again is then not a second one
        )
        return self.settled_stack(name, "CREATE")

    def change_stack(self, name: str, template: str, *, tags: Mapping[str, str] | None = None) -> str:
        """Change a stack, and the status in which it settles. It is not to have been changed before."""
        all_tags = {**self.tags, **(tags or {})}
        self.client("cloudformation").update_stack(
            StackName=name,
            TemplateBody=template,
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Tags=[{"Key": tag, "Value": value} for tag, value in all_tags.items()],
        )
        return self.settled_stack(name, "UPDATE")

    def settled_stack(self, name: str, operation: str = "") -> str:
        """The status of a stack, once nothing is in progress any more; DELETE_COMPLETE when it is gone.

        Args:
            name: The stack.
            operation: CREATE, UPDATE or DELETE: a status of another one is from before, and is not believed.
        """

        def status() -> str | None:
            try:
                found = str(self.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])
            except ClientError as error:
                if "does not exist" not in str(error):
                    raise
                return None if operation == "CREATE" else "DELETE_COMPLETE"
            return found if found.startswith(operation) and not found.endswith("_IN_PROGRESS") else None

        return self.until(status, f"the stack {name} to settle")

    def reasons(self, name: str) -> list[str]:
        """Why resources of the stack failed, the newest first."""
        events = self.client("cloudformation").describe_stack_events(StackName=name)["StackEvents"]
        return [
            event.get("ResourceStatusReason", "") for event in events if event["ResourceStatus"].endswith("_FAILED")
        ]

    def physical_id(self, logical_id: str, *, stack: str = "") -> str:
        """What a resource of the kit's stack, or of another, is called."""
        name = stack or self.stack_name
        found = self._physical_ids.get(f"{name}/{logical_id}")
        if found is None:
            resource = self.client("cloudformation").describe_stack_resource(
                StackName=name, LogicalResourceId=logical_id
            )["StackResourceDetail"]
            found = self._physical_ids[f"{name}/{logical_id}"] = str(resource["PhysicalResourceId"])
        return found

    def role_arn(self, logical_id: str) -> str:
        """The ARN of a role of the stack."""
        return f"arn:{self.partition}:iam::{self.account_id}:role/{self.physical_id(logical_id)}"

    def key_arn(self, logical_id: str) -> str:
        """The ARN of a key of the stack."""
        return f"arn:{self.partition}:kms:{self.region}:{self.account_id}:key/{self.physical_id(logical_id)}"

    # Applications.

    def make_application(self, release: str, **members: Any) -> str:
        """An application that is not the stack's, and costs nothing unless something runs on it."""
        name = f"{self.stack_name}-extra"
        created = self.emr.create_application(name=name, releaseLabel=release, type="SPARK", tags=self.tags, **members)
        return str(created["applicationId"])

    def make_started_application(self, release: str) -> str:
        """The same, started: it does not stop by itself, so that nobody has to look in time."""
        application_id = self.make_application(release, autoStopConfiguration={"enabled": False})
        self.start_application(application_id)
        return application_id

    def has_release(self, release: str) -> bool:
        """Whether the Region has a release, as a plain application of it shows."""
        return said(self.make_application, release=release) == ACCEPTED

    def application_state(self, application_id: str) -> str:
        """The state of an application."""
        return str(self.emr.get_application(applicationId=application_id)["application"]["state"])

    def start_application(self, application_id: str) -> None:
        """Start an application, and wait until it is."""
        self.until(lambda: self.application_state(application_id) in ("CREATED", "STOPPED", "STARTED"), "a new state")
        self.emr.start_application(applicationId=application_id)
        self.until(lambda: self.application_state(application_id) == "STARTED", "the application to start")

    # Job runs.

    def upload(self, key: str, content: bytes) -> str:
        """Put an object into the bucket of the kit; its address."""
        bucket = self.physical_id("Bucket")
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=content)
        return f"s3://{bucket}/{key}"

    def upload_archive(self, key: str, files: Mapping[str, str]) -> str:
        """Put a zip file into the bucket; its address."""
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            for name, text in files.items():
                archive.writestr(name, text)
        return self.upload(key, content.getvalue())

    @functools.cache  # noqa: B019 - as above
    def script(self, name: str) -> str:
        """The address of a script of `conformance/jobs`; of one that is not there if there is none of the name."""
        path = _JOBS / f"{name}.py"
        return self.upload(path.name, path.read_bytes()) if path.exists() else self.address(path.name)

    def address(self, key: str) -> str:
        """The address of an object of the bucket, which may not be there."""
        return f"s3://{self.physical_id('Bucket')}/{key}"

    def request(self, script: str = "succeeds", *, application: str = "Application", **members: Any) -> dict[str, Any]:
        """A StartJobRun request: a script on the smallest workers, with nothing in it that costs more than a run.

        Args:
            script: A name in `conformance/jobs`.
            application: The logical id of an application of the stack, or the id of another.
            members: Members of the request that are added; `parameters`, `arguments` and `properties` of Spark are put
                where they belong, and `monitoring` is that of the run, which has none otherwise. None takes a member
                away.
        """
        submit: dict[str, Any] = {"entryPoint": self.script(script)}
        if parameters := members.pop("parameters", None):
            submit["sparkSubmitParameters"] = parameters
        if arguments := members.pop("arguments", None):
            submit["entryPointArguments"] = arguments
        properties = {**SMALL, **members.pop("properties", {})}
        no_logs = {"managedPersistenceMonitoringConfiguration": {"enabled": False}}
        overrides = {
            "applicationConfiguration": [{"classification": "spark-defaults", "properties": properties}],
            "monitoringConfiguration": {**no_logs, **members.pop("monitoring", {})},
        }
        disk = members.pop("disk", None)
        if disk:
            overrides["diskEncryptionConfiguration"] = disk
        is_of_the_stack = application[:1].isupper()
        request = {
            "applicationId": self.physical_id(application) if is_of_the_stack else application,
            "executionRoleArn": members.pop("role", None) or self.role_arn("Role"),
            "jobDriver": {"sparkSubmit": submit},
            "configurationOverrides": overrides,
            "executionTimeoutMinutes": self.run_minutes,
            "tags": self.tags,
            **members,
        }
        return {name: value for name, value in request.items() if value is not None}

    def start(self, request: Mapping[str, Any], client: Any = None) -> tuple[str, str]:
        """Start a run; the ids of its application and its own.

        Raises:
            Unanswered: It would be one more than was said to whom it costs money.
        """
        if self.runs_left == 0:
            raise Unanswered("it would take more job runs than it was to take at most")
        started = (client or self.emr).start_job_run(**request)
        if self.runs_left is not None:
            self.runs_left -= 1
        return str(started["applicationId"]), str(started["jobRunId"])

    def submit(self, script: str = "succeeds", **members: Any) -> tuple[str, str]:
        """Start a run of a script of the kit; the ids of its application and its own."""
        return self.start(self.request(script, **members))

    def job_run(self, run: tuple[str, str]) -> dict[str, Any]:
        """What GetJobRun says."""
        application_id, job_run_id = run
        return dict(self.emr.get_job_run(applicationId=application_id, jobRunId=job_run_id)["jobRun"])

    def ended(self, run: tuple[str, str], *states: str, minutes: float = _PATIENCE_MINUTES) -> dict[str, Any]:
        """The run, once it has ended or is in one of the states; one that takes too long is cancelled.

        Raises:
            Unanswered: It took too long, or the account had no more room for it.
        """

        def found() -> dict[str, Any] | None:
            described = self.job_run(run)
            return described if described["state"] in (*ENDED, *states) else None

        try:
            ended = self.until(found, "a job run to end", minutes=minutes)
        except Unanswered:
            self.cancel(run)
            raise
        if _OUT_OF_QUOTA.search(details := ended.get("stateDetails") or ""):
            raise Unanswered(f"a job run is {ended['state']} for want of quota: {details}")
        return ended

    def outcome(self, script: str = "succeeds", **members: Any) -> dict[str, Any]:
        """Start a run and wait for its end."""
        return self.ended(self.submit(script, **members))

    def cancel(self, run: tuple[str, str]) -> None:
        """Cancel a run, unless it has ended."""
        application_id, job_run_id = run
        with contextlib.suppress(ClientError, BotoCoreError):
            self.emr.cancel_job_run(applicationId=application_id, jobRunId=job_run_id)

    def attempt(
        self, script: str = "succeeds", *, client: Any = None, may_be_denied: bool = False, **members: Any
    ) -> str:
        """Whether StartJobRun accepts a request: `accepted`, or the code of its error. The run is cancelled at once.

        Raises:
            Unanswered: The error says nothing of the request.
        """
        request = self.request(script, **members)
        return said(lambda: self.cancel(self.start(request, client)), may_be_denied=may_be_denied)

    def s3_logs(self) -> dict[str, Any]:
        """Monitoring that writes logs into the bucket."""
        return {"s3MonitoringConfiguration": {"logUri": self.address("logs/")}}

    def cloudwatch_logs(self, group: str = "LogGroup", **members: Any) -> dict[str, Any]:
        """Monitoring that writes logs into a log group of the stack."""
        logging = {"enabled": True, "logGroupName": self.physical_id(group), **members}
        return {"cloudWatchLoggingConfiguration": logging}

    def driver_log(self, run: tuple[str, str], stream: str) -> str:
        """What the driver wrote to `stdout` or `stderr`, once it has been delivered to S3; empty if it is not."""
        application_id, job_run_id = run
        key = f"logs/applications/{application_id}/jobs/{job_run_id}/SPARK_DRIVER/{stream}.gz"
        try:
            body = self.client("s3").get_object(Bucket=self.physical_id("Bucket"), Key=key)["Body"].read()
        except ClientError as error:
            if code_of(error) not in ("NoSuchKey", "404"):
                raise
            return ""
        return gzip.decompress(body).decode(errors="replace")

    def said_by_driver(self, run: tuple[str, str]) -> Json:
        """What a script that ended has printed for the kit."""

        def found() -> str | None:
            lines = self.driver_log(run, "stdout").splitlines()
            return next((line for line in lines if line.startswith("CONFORMANCE ")), None)

        return json.loads(self.until(found, "the driver's log").removeprefix("CONFORMANCE "))

    def until(self, found: Callable[[], T | None], what: str, *, minutes: float = _PATIENCE_MINUTES) -> T:
        """What the function finds, once it finds something.

        Raises:
            Unanswered: It found nothing in time.
        """
        deadline = time.monotonic() + minutes * 60
        pause = _FIRST_POLL_SECONDS
        while not (value := found()):
            if time.monotonic() > deadline:
                raise Unanswered(f"waited {minutes:g} minutes for {what}")
            time.sleep(pause)
            pause = min(pause * 1.3, _LONGEST_POLL_SECONDS)
        return value


def said(call: Callable[..., object], *, may_be_denied: bool = False, **arguments: Any) -> str:
    """`accepted`, or the code of the error that the call is refused with.

    Args:
        call: What is called.
        may_be_denied: Being denied access is an answer too: the question is one of permissions.
        arguments: What it is called with.

    Raises:
        Unanswered: The error is one of who asks, or of the moment, such as a throttle: no answer to any question.
    """
    try:
        call(**arguments)
    except ClientError as error:
        code, status = code_of(error), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
        is_no_answer = status >= 500 or status == 429 or _CREDENTIALS.search(code) or _MOMENTARY.search(code)
        if is_no_answer or (_DENIED.search(code) and not may_be_denied):
            raise Unanswered(str(error)) from error
        return code
    return ACCEPTED


def code_of(error: ClientError) -> str:
    """The code of an error of AWS."""
    return str(error.response["Error"]["Code"])


def is_of_credentials(error: BaseException | None) -> bool:
    """Whether an error, or what has caused it, says that the credentials do not work any more."""
    while error is not None:
        if isinstance(error, _NO_CREDENTIALS) or (
            isinstance(error, ClientError) and _CREDENTIALS.search(code_of(error))
        ):
            return True
        error = error.__cause__
    return False
