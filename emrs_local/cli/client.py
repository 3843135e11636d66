"""Asking a running local AWS about its job runs, with the environment that says where it is."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from emrs_local.emr_serverless.driver_output import ALL_JOB_RUNS, output_path, stages_path
from emrs_local.endpoint import Connection, Credentials, Endpoint
from emrs_local.local_aws import DEFAULT_REGION, FiredOccurrence, LocalAwsError, fire, message_of

_SERVICE = "emr-serverless"
_HOW_TO_SET = (
    "paste the lines that `emrs-local start` prints, or run this inside of `emrs-local exec -- COMMAND…`, "
    "which sets them"
)

JobRun = dict[str, Any]


class RunningLocalAws:
    """The local AWS that the environment names: `AWS_ENDPOINT_URL`, `AWS_CA_BUNDLE`, region and credentials.

    Requests are signed like those of an SDK, without boto3 and its models: a command answers at once.

    Raises:
        LocalAwsError: The environment names none, or one that is not on this machine.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._url = environment.get("AWS_ENDPOINT_URL", "").rstrip("/")
        if not self._url:
            raise LocalAwsError(f"no local AWS is set in this environment, AWS_ENDPOINT_URL is missing: {_HOW_TO_SET}")
        if urlsplit(self._url).hostname not in {"127.0.0.1", "localhost"}:
            raise LocalAwsError(f"AWS_ENDPOINT_URL is {self._url}, which is not a local AWS: {_HOW_TO_SET}")
        ca_bundle = environment.get("AWS_CA_BUNDLE", "")
        if not Path(ca_bundle).is_file():
            what = f"{ca_bundle} does not exist, the local AWS has ended" if ca_bundle else "is missing"
            raise LocalAwsError(f"AWS_CA_BUNDLE {what}: {_HOW_TO_SET}")
        self._connection = Connection(
            Endpoint(url=self._url, authority=Path(ca_bundle), ca_bundle=Path(ca_bundle)),
            region=environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or DEFAULT_REGION,
            credentials=Credentials(
                access_key_id=environment.get("AWS_ACCESS_KEY_ID", "test"),
                secret_access_key=environment.get("AWS_SECRET_ACCESS_KEY", "test"),
                session_token=environment.get("AWS_SESSION_TOKEN"),
            ),
        )

    def close(self) -> None:
        """Close the connection to it."""
        self._connection.close()

    def job_runs(self) -> list[JobRun]:
        """All job runs of the region, newest first: what GetJobRun says of each, and `applicationName`.

        Also those of applications that are deleted, which are on no list of the service.
        """
        return list(json.loads(self._get(ALL_JOB_RUNS))["jobRuns"])

    def job_run(self, application_id: str, job_run_id: str) -> JobRun:
        """What GetJobRun says of a run."""
        document = json.loads(self._get(f"/applications/{application_id}/jobruns/{job_run_id}"))
        return dict(document["jobRun"])

    def start_job_run(self, application_id: str, request: Mapping[str, Any]) -> str:
        """Start a run; returns its id."""
        body = json.dumps({**request, "clientToken": str(uuid.uuid4())}).encode()
        answer = self._send("POST", f"/applications/{application_id}/jobruns", body=body)
        return str(json.loads(answer)["jobRunId"])

    def cancel_job_run(self, application_id: str, job_run_id: str) -> None:
        """Cancel a run."""
        self._send("DELETE", f"/applications/{application_id}/jobruns/{job_run_id}")

    def dashboard(self, application_id: str, job_run_id: str, *, attempt: int | None = None) -> str:
        """The address of a run's application UI."""
        which = {} if attempt is None else {"attempt": str(attempt)}
        answer = self._get(f"/applications/{application_id}/jobruns/{job_run_id}/dashboard", **which)
        return str(json.loads(answer)["url"])

    def stages(self, application_id: str, job_run_id: str) -> tuple[int, int]:
        """How many stages of a run are done, and how many there are so far."""
        found = json.loads(self._get(stages_path(application_id=application_id, job_run_id=job_run_id)))
        return found["done"], found["known"]

    def last_line(self, run: JobRun) -> str:
        """The last line that the driver printed to its standard output in the last attempt; maybe empty."""
        content = b""
        while more := self.output(
            run["applicationId"], run["jobRunId"], attempt=run["attempt"], stream="stdout", offset=len(content)
        ):
            content += more
        lines = content.decode(errors="replace").splitlines()
        return next((line.rstrip() for line in reversed(lines) if line.strip()), "")

    def output(self, application_id: str, job_run_id: str, *, attempt: int, stream: str, offset: int) -> bytes:
        """What a driver printed from `offset` on, or the beginning of it; nothing if that is all so far."""
        path = output_path(application_id=application_id, job_run_id=job_run_id, attempt=attempt, stream=stream)
        return self._get(path, offset=str(offset))

    def fire(self, name: str, *, at: str | None) -> FiredOccurrence:
        """Fire a schedule now; see `LocalAws.fire_schedule`."""
        return fire(self._connection, name, at=at)

    def _get(self, path: str, **query: str) -> bytes:
        return self._send("GET", path, query=query)

    def _send(self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: bytes = b"") -> bytes:
        try:
            status, answer = self._connection.send(_SERVICE, method, path, query=query, body=body)
        except ConnectionError as error:
            raise LocalAwsError(str(error)) from error
        if status != 200:
            raise LocalAwsError(f"the local AWS at {self._url} refused: {message_of(answer)}")
        return answer
