"""Logs: how streams are called."""

from typing import Any

from conformance.account import Account
from conformance.facilities import JOBS
from conformance.probe import Chapter, Json

chapter = Chapter("logs")

_GUIDE = "https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/logging.html"
_AIRFLOW = (
    "https://github.com/apache/airflow/blob/main/providers/amazon/src/airflow/providers/amazon/aws/operators/emr.py"
)


def _streams(aws: Account, prefix: str = "", **members: Any) -> list[Json]:
    logging = {"logStreamNamePrefix": prefix} if prefix else {}
    application_id, job_run_id = run = aws.submit(monitoring=aws.cloudwatch_logs(**logging), **members)
    aws.ended(run)

    def found() -> list[str]:
        pages = aws.client("logs").get_paginator("describe_log_streams")
        listed = pages.paginate(logGroupName=aws.physical_id("LogGroup"))
        names = [stream["logStreamName"] for page in listed for stream in page["logStreams"]]
        return [name for name in names if job_run_id in name and "stdout" in name.rpartition("/")[2]]

    names = aws.until(found, "log streams")
    return [name.replace(application_id, "<application>").replace(job_run_id, "<run>") for name in sorted(names)]


@chapter.probe(
    "Where is the prefix in the names of log streams?",
    expected=["a/prefix/applications/<application>/jobs/<run>/SPARK_DRIVER/stdout"],
    source=_AIRFLOW,
    needs=JOBS,
    runs=1,
)
def stream_with_a_prefix(aws: Account) -> Json:
    """The guide does not say; the end of a driver's log is read there."""
    return _streams(aws, "a/prefix")


@chapter.probe(
    "How is the log stream of an attempt called, when a job run may have several?",
    expected=["/applications/<application>/jobs/<run>/attempts/1/SPARK_DRIVER/stdout"],
    source=_GUIDE,
    needs=JOBS,
    runs=2,
)
def stream_of_an_attempt(aws: Account) -> Json:
    """The guide writes `worker-type` without what follows it."""
    return _streams(aws, retryPolicy={"maxAttempts": 2})
