"""Job runs on AWS, for those commands that are told to go there: with the user's own credentials."""

from __future__ import annotations

import datetime
import functools
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

from emrs_local.cli.client import JobRun
from emrs_local.local_aws import LocalAwsError

_RUNS_OF_AN_APPLICATION = 50
_ENDED_APPLICATIONS = "TERMINATED"

_Parameters = ParamSpec("_Parameters")
_Answer = TypeVar("_Answer")


def _of_aws(method: Callable[_Parameters, _Answer]) -> Callable[_Parameters, _Answer]:
    """Say in a line what AWS, or boto3, refuses."""

    @functools.wraps(method)
    def called(*arguments: _Parameters.args, **named: _Parameters.kwargs) -> _Answer:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as below

        try:
            return method(*arguments, **named)
        except (BotoCoreError, ClientError) as error:
            raise LocalAwsError(f"AWS: {error}") from error

    return called


class AwsAccount:
    """The account that the user's credentials are for; it is printed before anything else is asked.

    Raises:
        LocalAwsError: There are no credentials or no region, or the environment is set to a local AWS.
    """

    @_of_aws
    def __init__(self) -> None:
        import boto3  # noqa: PLC0415 - importing it takes longer than all else that the other commands need

        endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
        if urlsplit(endpoint).hostname in {"127.0.0.1", "localhost"}:
            raise LocalAwsError(f"AWS_ENDPOINT_URL is {endpoint}, a local AWS: unset it, or leave --aws out")
        self._session = boto3.Session()
        identity = self._session.client("sts").get_caller_identity()
        where = f"AWS account {identity['Account']}, region {self._session.region_name}, as {identity['Arn']}"
        print(where, file=sys.stderr, flush=True)
        self._emr = self._session.client("emr-serverless")

    def close(self) -> None:
        """Close the connections."""
        self._emr.close()

    @_of_aws
    def job_runs(self) -> list[JobRun]:
        """The newest runs of each application, newest first: what ListJobRuns says, and `applicationName`."""
        found: list[JobRun] = []
        pages = self._emr.get_paginator("list_applications").paginate()
        for application in [item for page in pages for item in page["applications"]]:
            if application["state"] == _ENDED_APPLICATIONS:
                continue
            listed = self._emr.list_job_runs(applicationId=application["id"], maxResults=_RUNS_OF_AN_APPLICATION)
            name = application.get("name", application["id"])
            found += [{**run, "jobRunId": run["id"], "applicationName": name} for run in listed["jobRuns"]]
        return sorted(found, key=lambda run: run["createdAt"], reverse=True)

    @_of_aws
    def job_run(self, application_id: str, job_run_id: str) -> JobRun:
        """What GetJobRun says of a run, with moments as seconds."""
        run = self._emr.get_job_run(applicationId=application_id, jobRunId=job_run_id)["jobRun"]
        return {
            name: value.timestamp() if isinstance(value, datetime.datetime) else value for name, value in run.items()
        }

    @_of_aws
    def start_job_run(self, application_id: str, request: Mapping[str, Any]) -> str:
        """Start a run; returns its id."""
        return str(self._emr.start_job_run(applicationId=application_id, **request)["jobRunId"])

    @_of_aws
    def cancel_job_run(self, application_id: str, job_run_id: str) -> None:
        """Cancel a run."""
        self._emr.cancel_job_run(applicationId=application_id, jobRunId=job_run_id)

    @_of_aws
    def dashboard(self, application_id: str, job_run_id: str, *, attempt: int | None = None) -> str:
        """The address of a run's application UI."""
        request: dict[str, Any] = {"applicationId": application_id, "jobRunId": job_run_id}
        if attempt is not None:
            request["attempt"] = attempt
        return str(self._emr.get_dashboard_for_job_run(**request)["url"])

    @_of_aws
    def objects(self, bucket: str, prefix: str) -> list[str]:
        """The keys below a prefix."""
        pages = self._session.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", ())]

    @_of_aws
    def download(self, bucket: str, key: str, file: str) -> None:
        """Copy an object into a file."""
        self._session.client("s3").download_file(bucket, key, file)
