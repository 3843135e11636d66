"""Delivery of the driver's stdout and stderr to CloudWatch Logs, S3 and managed storage, with the execution role.

S3 gets the event logs too, once the attempt has ended.

Names and permissions are those of the User Guide, "Storing logs". A destination that the role may not write to ends the
run, and the state details name the missing permission.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from emrs_local.emr_serverless.authorization import RoleSession, role_lacks
from emrs_local.emr_serverless.effective_configuration import (
    CloudWatchDestination,
    EffectiveConfiguration,
    S3Destination,
)
from emrs_local.emr_serverless.errors import JobRunFailed
from emrs_local.endpoint import Connection, Endpoint
from emrs_local.ministack.logs import associate_log_group_key
from emrs_local.ministack.scope import current_scope

_OK = 200
_TARGET = "Logs_20140328"
_S3_REFRESH_SECONDS = 15  # User Guide, "Rotating logs"
# PutLogEvents: 10 000 events and 1 048 576 bytes a batch, 26 bytes of it for each event; 256 KB an event less the same.
_BATCH_EVENTS = 10_000
_BATCH_BYTES = 1_048_576
_EVENT_OVERHEAD_BYTES = 26
_EVENT_BYTES = 256 * 1024 - _EVENT_OVERHEAD_BYTES


class Destination(Protocol):
    """One place that logs go to."""

    def open(self) -> None:
        """Create what is missing and find out whether the role may write."""

    def ship(self, *, complete: bool) -> None:
        """Deliver what the driver wrote since the last time; all of it when `complete`."""


def log_directory(*, application_id: str, job_run_id: str, attempt: int | None, worker_type: str) -> str:
    """The path that every destination has: `applications/…/jobs/…[/attempts/…]/SPARK_DRIVER`.

    Args:
        application_id: The id of the application.
        job_run_id: The id of the run.
        attempt: The number of the attempt if the run may have more than one.
        worker_type: SPARK_DRIVER or HIVE_DRIVER.
    """
    attempts = [] if attempt is None else ["attempts", str(attempt)]
    return "/".join(["applications", application_id, "jobs", job_run_id, *attempts, worker_type])


class LogDelivery:
    """The log destinations of one attempt of a run."""

    def __init__(
        self,
        *,
        configuration: EffectiveConfiguration,
        directory: str,
        files: dict[str, Path],
        event_logs: Path,
        role: RoleSession,
        region: str,
        endpoint: Endpoint,
        managed_storage: Path,
    ) -> None:
        self._destinations: list[Destination] = []
        if configuration.cloudwatch:
            connection = Connection(endpoint, region=region, credentials=role.credentials)
            self._destinations.append(_CloudWatch(configuration.cloudwatch, directory, files, connection, role))
        if configuration.s3:
            client = endpoint.client("s3", region=region, credentials=role.credentials)
            self._destinations.append(_S3(configuration.s3, directory, files, event_logs, client))
        if configuration.managed:
            self._destinations.append(_ManagedStorage(managed_storage / directory, files))

    def open(self) -> None:
        """Prepare every destination.

        Raises:
            JobRunFailed: The role may not write to one of them.
        """
        for destination in self._destinations:
            destination.open()

    def ship(self, *, complete: bool) -> None:
        """Deliver what is new to every destination.

        Raises:
            JobRunFailed: The role may not write to one of them.
        """
        for destination in self._destinations:
            destination.ship(complete=complete)


class _CloudWatch:
    def __init__(
        self,
        destination: CloudWatchDestination,
        directory: str,
        files: dict[str, Path],
        connection: Connection,
        role: RoleSession,
    ) -> None:
        self._destination = destination
        self._connection = connection
        self._role = role
        self._files = {
            f"{destination.stream_prefix}/{directory}/{name}": _Lines(files[name]) for name in destination.files
        }

    def open(self) -> None:
        group = self._destination.log_group
        with _calls_on(self._arn(group="", stream="")):
            found = {item["logGroupName"]: item.get("kmsKeyId") for item in self._groups(group)}
        if group not in found:
            with _calls_on(self._arn()), _exists_already():  # another run may have created it meanwhile
                self._call("CreateLogGroup", logGroupName=group)
        key_arn = found.get(group)
        if self._destination.key_arn:
            key_arn = self._destination.key_arn
            self._associate_key(group, key_arn)
        if key_arn:
            self._role.require_log_group_key(group, key_arn)
        for stream in self._files:
            with _calls_on(self._arn(stream=stream)), _exists_already():
                self._call("CreateLogStream", logGroupName=group, logStreamName=stream)
            with _calls_on(self._arn()):
                self._call("DescribeLogStreams", logGroupName=group, logStreamNamePrefix=stream)

    def ship(self, *, complete: bool) -> None:
        for stream, lines in self._files.items():
            with _calls_on(self._arn(stream=stream)):
                for batch in _batches(lines.new(complete=complete)):
                    timestamp = int(time.time() * 1000)
                    self._call(
                        "PutLogEvents",
                        logGroupName=self._destination.log_group,
                        logStreamName=stream,
                        logEvents=[{"timestamp": timestamp, "message": message} for message in batch],
                    )

    def _groups(self, prefix: str) -> Iterator[dict[str, Any]]:
        page: dict[str, Any] = {"nextToken": None}
        while "nextToken" in page:
            further = {"nextToken": page["nextToken"]} if page["nextToken"] else {}
            page = self._call("DescribeLogGroups", logGroupNamePrefix=prefix, **further)
            yield from page["logGroups"]

    def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call CloudWatch Logs.

        Raises:
            ClientError: It refuses, as an SDK says it; a client of boto3's takes longer to make than all its calls.
        """
        answer = self._connection.exchange(
            "logs",
            "POST",
            "/",
            headers={"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"{_TARGET}.{operation}"},
            body=json.dumps(parameters).encode(),
        )
        content: dict[str, Any] = json.loads(answer.content or b"{}")
        if answer.status_code != _OK:
            code, message = (
                str(content.get("__type", answer.status_code)).rpartition("#")[2],
                content.get("message", ""),
            )
            raise ClientError({"Error": {"Code": code, "Message": message}}, operation)
        return content

    def _associate_key(self, group: str, key_arn: str) -> None:
        self._role.require("logs:AssociateKmsKey", self._arn())
        associate_log_group_key(group, key_arn)

    def _arn(self, *, group: str | None = None, stream: str = "") -> str:
        """The resource that CloudWatch Logs authorizes a call on; AWS leaves the names empty that a call lacks."""
        scope = current_scope()
        name = self._destination.log_group if group is None else group
        return f"arn:aws:logs:{scope.region}:{scope.account_id}:log-group:{name}:log-stream:{stream}"


class _S3:
    def __init__(
        self, destination: S3Destination, directory: str, files: dict[str, Path], event_logs: Path, client: Any
    ) -> None:
        location = urlsplit(destination.uri)
        prefix = location.path.strip("/")
        # As in https://github.com/aws-samples/emr-serverless-samples/tree/main/utilities/spark-ui; no page has it.
        self._of_event_logs = "/".join(filter(None, [prefix, directory.rpartition("/")[0], "sparklogs"]))
        self._event_logs = event_logs
        self._bucket = location.netloc
        self._files = {"/".join(filter(None, [prefix, directory, f"{name}.gz"])): file for name, file in files.items()}
        self._encryption = (
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": destination.key_arn} if destination.key_arn else {}
        )
        self._client = client
        self._refreshed = 0.0

    def open(self) -> None:
        self._put()

    def ship(self, *, complete: bool) -> None:
        if complete or time.monotonic() - self._refreshed >= _S3_REFRESH_SECONDS:
            self._put()
        if complete:
            for file in sorted(self._event_logs.rglob("[!.]*")):
                if file.is_file():
                    key = f"{self._of_event_logs}/{file.relative_to(self._event_logs).as_posix()}"
                    self._put_object(key, file.read_bytes())

    def _put(self) -> None:
        self._refreshed = time.monotonic()
        for key, file in self._files.items():
            self._put_object(key, gzip.compress(_content(file)))

    def _put_object(self, key: str, body: bytes) -> None:
        with _calls_on(f"arn:aws:s3:::{self._bucket}/{key}"):
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body, **self._encryption)


class _ManagedStorage:
    def __init__(self, directory: Path, files: dict[str, Path]) -> None:
        self._directory = directory
        self._files = files

    def open(self) -> None:
        self._directory.mkdir(parents=True)

    def ship(self, *, complete: bool) -> None:
        if complete:
            for name, file in self._files.items():
                (self._directory / f"{name}.gz").write_bytes(gzip.compress(_content(file)))


class _Lines:
    """The lines of a file that grows."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._position = 0

    def new(self, *, complete: bool) -> Iterator[str]:
        """The lines added since the last call, an unfinished last one only when `complete`; none is empty."""
        if not self._file.exists():
            return
        with self._file.open("rb") as content:
            content.seek(self._position)
            for line in content:
                if not line.endswith(b"\n") and not complete:
                    return
                self._position += len(line)
                text = line.rstrip(b"\r\n")
                if text:  # CloudWatch Logs refuses an empty message
                    yield text[:_EVENT_BYTES].decode("utf-8", errors="ignore")


def _batches(messages: Iterator[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for message in messages:
        bytes_of_event = len(message.encode()) + _EVENT_OVERHEAD_BYTES
        if batch and (len(batch) == _BATCH_EVENTS or size + bytes_of_event > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += bytes_of_event
    if batch:
        yield batch


def _content(file: Path) -> bytes:
    return file.read_bytes() if file.exists() else b""


@contextlib.contextmanager
def _exists_already() -> Iterator[None]:
    """Go on if what is to be created is there."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
            raise


@contextlib.contextmanager
def _calls_on(resource: str) -> Iterator[None]:
    """End the run when a call on `resource` (its ARN) fails, naming the permission that the role lacks."""
    try:
        yield
    except ClientError as error:
        service = resource.split(":")[2]
        if error.response["Error"]["Code"].startswith("AccessDenied"):
            raise JobRunFailed(role_lacks(f"{service}:{error.operation_name}", resource)) from error
        raise JobRunFailed(f"Could not write logs to {resource}: {error.response['Error'].get('Message')}") from error
    except BotoCoreError as error:
        raise JobRunFailed(f"Could not write logs to {resource}: {error}") from error
