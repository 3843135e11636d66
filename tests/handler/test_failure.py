"""What the user reads when a run failed."""

import gzip
import io
import json
import logging
from typing import Any

import pytest
from botocore.exceptions import ClientError

from constructs_emrs.handler import response
from constructs_emrs.handler.driver_log import DriverLog
from constructs_emrs.handler.failure import job_run_failed
from constructs_emrs.handler.request import Request

CLOUDWATCH = {"cloudWatchLoggingConfiguration": {"enabled": True, "logGroupName": "Lake-Etl"}}
S3 = {"s3MonitoringConfiguration": {"logUri": "s3://logs/emr/"}}


def job_run(monitoring: dict[str, Any], **members: Any) -> Any:
    return {
        "applicationId": "00app1",
        "jobRunId": "00run1",
        "name": "Etl",
        "state": "FAILED",
        "stateDetails": "Job failed. ExitCode: 1.",
        "jobDriver": {"sparkSubmit": {"entryPoint": "s3://code/etl.py"}},
        "configurationOverrides": {"monitoringConfiguration": monitoring},
        **members,
    }


class Logs:
    """CloudWatch Logs with the streams of one driver, which are there after some calls."""

    def __init__(self, stderr: list[str], *, stdout: list[str] | None = None, missing_for: int = 0) -> None:
        self.lines = {"stderr": stderr, "stdout": stdout or []}
        self.missing_for = missing_for
        self.streams: list[str] = []

    def get_log_events(self, **request: Any) -> dict[str, Any]:
        """The lines, whatever the limit."""
        self.streams.append(request["logStreamName"])
        if self.missing_for:
            self.missing_for -= 1
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetLogEvents")
        return {"events": [{"message": line} for line in self.lines[self.streams[-1].rsplit("/", 1)[1]]]}


class Bucket:
    """S3 where every object is the same."""

    def __init__(self, text: str) -> None:
        self.content = gzip.compress(text.encode())
        self.asked_for: list[dict[str, str]] = []

    def get_object(self, **request: str) -> dict[str, Any]:
        """The object, compressed."""
        self.asked_for.append(request)
        return {"Body": io.BytesIO(self.content)}


def error_text(run: Any, *, logs: Any = None, s3: Any = None, names: dict[str, str] | None = None) -> str:
    log = DriverLog(run, logs=lambda: logs, s3=lambda: s3, sleep=lambda _: None)
    return str(job_run_failed(run, log, timed_out_after=None, file_names=names or {}))


def test_the_error_names_the_run_its_details_the_end_of_stderr_and_where_the_logs_are() -> None:
    logs = Logs(["Traceback (most recent call last):", "ValueError: no such column"])
    assert error_text(job_run(CLOUDWATCH), logs=logs) == (
        "Job run 00run1 (Etl) of application 00app1 FAILED: Job failed. ExitCode: 1.\n\n"
        "The driver's log ends with:\nTraceback (most recent call last):\nValueError: no such column\n\n"
        "Logs: CloudWatch log group Lake-Etl, streams /applications/00app1/jobs/00run1\n"
        "A rollback deletes a log group or key that this deploy has created: cdk deploy --no-rollback keeps them."
    )
    assert logs.streams[0] == "/applications/00app1/jobs/00run1/SPARK_DRIVER/stderr"


def test_the_log_of_the_last_attempt_is_read_when_the_job_is_retried() -> None:
    logs = Logs(["x"])
    error_text(job_run(CLOUDWATCH, retryPolicy={"maxAttempts": 3}, attempt=3), logs=logs)
    assert logs.streams[0] == "/applications/00app1/jobs/00run1/attempts/3/SPARK_DRIVER/stderr"


def test_the_traceback_of_a_python_driver_is_taken_from_stdout_and_nothing_else_of_it() -> None:
    stdout = [
        "secret data",
        "Traceback (most recent call last):",
        '  File "etl.py", line 3',
        "ValueError: no such column",
    ]
    text = error_text(job_run(CLOUDWATCH), logs=Logs(["WARN something"], stdout=stdout))
    assert "WARN something\nTraceback (most recent call last):\n" in text
    assert "ValueError: no such column" in text
    assert "secret data" not in text


@pytest.mark.parametrize(
    "said",
    [
        ["no rows for 2024-01-01"],
        ["usage: etl.py [-h] --day DAY", "etl.py: error: the following arguments are required: --day"],
        ['  File "etl.py", line 2', "    print('x')", "IndentationError: unexpected indent"],
    ],
    ids=["sys.exit", "argparse", "SyntaxError"],
)
def test_what_a_python_script_says_at_its_end_is_shown_without_a_traceback(said: list[str]) -> None:
    shutdown = [
        "24/01/01 00:00:00 INFO SparkContext: Invoking stop() from shutdown hook",
        "24/01/01 00:00:00 INFO KubernetesClusterSchedulerBackend: Shutting down all executors",
        "24/01/01 00:00:00 INFO OutputCommitCoordinator$OutputCommitCoordinatorEndpoint: stopped!",
        "24/01/01 00:00:00 INFO ShutdownHookManager: Deleting directory /tmp/spark-0",
    ]
    rows = [f"row {number}" for number in range(100)]
    text = error_text(job_run(CLOUDWATCH), logs=Logs(["WARN something", *shutdown], stdout=[*rows, *said]))
    assert "\n".join(said) + "\n\nLogs:" in text
    assert "The driver's log ends with:\nWARN something\nrow 9" in text
    assert "row 8" not in text


SCRIPT, ZIP = "0a1b2c3d" + "0" * 56, "4e5f6a7b" + "0" * 56
NAMES = {"0a1b2c3d": "jobs/etl.py", "4e5f6a7b": "lib"}


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (f'File "/tmp/spark-0a1b2c3d-0000-1111-2222-333344445555/{SCRIPT}.py", line 3', 'File "jobs/etl.py", line 3'),
        (f'File "/home/hadoop/{ZIP}.zip/helpers.py", line 1', 'File "lib/helpers.py", line 1'),
        (f"{SCRIPT}.py: error: the following arguments", "jobs/etl.py: error: the following arguments"),
        (f"python3: can't open file '{SCRIPT}.py'", "python3: can't open file 'jobs/etl.py'"),
        (f"NoSuchKey: s3://assets/x/{SCRIPT}.py", f"NoSuchKey: s3://assets/x/{SCRIPT}.py (jobs/etl.py)"),
        (f"digest {'f' * 64}", f"digest {'f' * 64}"),
        (f"{SCRIPT}0", f"{SCRIPT}0"),
    ],
    ids=["script", "zip", "argparse", "quoted", "uri", "somebody else's hash", "longer"],
)
def test_a_file_that_is_uploaded_under_its_hash_has_the_user_s_name(said: str, shown: str) -> None:
    assert f"\n{shown}\n" in error_text(job_run(CLOUDWATCH), logs=Logs([], stdout=[said]), names=NAMES)
    text = error_text(job_run(CLOUDWATCH, stateDetails=f"Job failed: {said}"), logs=Logs([]), names=NAMES)
    assert f"FAILED: Job failed: {shown}\n" in text


def test_what_a_driver_in_java_prints_is_not_its_error() -> None:
    run = job_run(CLOUDWATCH, jobDriver={"sparkSubmit": {"entryPoint": "s3://code/etl.jar"}})
    assert "secret data" not in error_text(run, logs=Logs(["java.io.IOException: broken"], stdout=["secret data"]))


def test_a_long_error_of_an_executor_shows_its_cause_and_not_where_java_was() -> None:
    frames = [f"\tat org.apache.spark.Some$Class.method{number}(Class.scala:{number})" for number in range(100)]
    stdout = [
        "Traceback (most recent call last):",
        '  File "/tmp/run/spark-0a1b2c3d-0000-1111-2222-333344445555/etl.py", line 3, in <module>',
        "py4j.protocol.Py4JJavaError: An error occurred while calling o1.csv.",
        ": org.apache.spark.SparkException: Job aborted: Lost task 0.0: Traceback (most recent call last):",
        "ValueError: no such column",
        *frames,
        "Caused by: org.apache.spark.api.python.PythonException: ValueError: no such column",
        *frames,
        "\t... 1 more",
    ]
    text = error_text(job_run(CLOUDWATCH), logs=Logs([], stdout=stdout))
    assert "ValueError: no such column\nCaused by: org.apache" in text
    assert 'File "etl.py", line 3' in text
    assert "method" not in text


def test_a_line_that_is_too_long_shows_its_end() -> None:
    assert "…" in (text := error_text(job_run(CLOUDWATCH), logs=Logs(["x" * 5_000 + " the cause"])))
    assert "x the cause\n" in text


@pytest.mark.parametrize("error", ["java.lang.OutOfMemoryError: Java heap space", "The executor ended: Exit code 137"])
def test_more_memory_is_advised_where_there_was_too_little(error: str) -> None:
    assert "Give the workers more memory" in error_text(job_run(CLOUDWATCH), logs=Logs([error]))


def test_a_package_is_advised_where_one_was_missing() -> None:
    stdout = ["Traceback (most recent call last):", "ModuleNotFoundError: No module named 'pandas'"]
    assert "python_dependencies=PythonDependencies.from_packages" in error_text(
        job_run(CLOUDWATCH), logs=Logs([], stdout=stdout)
    )


def test_a_log_that_arrives_late_is_waited_for() -> None:
    assert "ValueError" in error_text(job_run(CLOUDWATCH), logs=Logs(["ValueError"], missing_for=3))


def test_a_log_that_never_arrives_does_not_hide_the_failure() -> None:
    text = error_text(job_run(CLOUDWATCH), logs=Logs([], missing_for=99))
    assert "FAILED: Job failed" in text
    assert "ends with" not in text


def test_the_log_is_read_from_s3_when_it_is_only_there() -> None:
    bucket = Bucket("one\nValueError: two\n")
    assert "ValueError: two" in error_text(job_run(S3), s3=bucket)
    assert bucket.asked_for[0] == {
        "Bucket": "logs",
        "Key": "emr/applications/00app1/jobs/00run1/SPARK_DRIVER/stderr.gz",
    }


@pytest.mark.parametrize(
    "line", ["x" * 300, "é" * 300, "\x1b[31m\x00\\\"'" * 100, "💥" * 100], ids=["ascii", "latin", "control", "emoji"]
)
def test_the_error_fits_into_cloudformation_s_answer_whatever_the_job_printed(line: str) -> None:
    text = error_text(job_run(CLOUDWATCH, stateDetails=line * 50), logs=Logs([line] * 200))
    assert len(json.dumps(text, ensure_ascii=False).encode()) < 3_300


def test_the_function_s_log_has_more_of_stderr_than_the_error(caplog: pytest.LogCaptureFixture) -> None:
    lines = [f"line {number} {'x' * 60}" for number in range(200)]
    with caplog.at_level(logging.ERROR):
        text = error_text(job_run(CLOUDWATCH), logs=Logs(lines))
    assert "line 0 " not in text
    assert "line 199 " in text
    assert "line 0 " in caplog.text


def test_the_error_fits_however_long_names_and_places_are() -> None:
    monitoring = {
        "cloudWatchLoggingConfiguration": {
            "enabled": True,
            "logGroupName": "g" * 512,
            "logStreamNamePrefix": "p" * 512,
        },
        "s3MonitoringConfiguration": {"logUri": "s3://logs/" + "u" * 1000},
    }
    text = error_text(job_run(monitoring, name="n" * 256, stateDetails="d" * 5000), logs=Logs(["x" * 200] * 200))
    assert len(json.dumps(text, ensure_ascii=False).encode()) < 3_400


@pytest.mark.parametrize("reason", ["é" * 10_000, "\x00" * 10_000, "\ud800" * 10_000, "x" * 4_000, ""])
def test_an_answer_is_never_longer_than_cloudformation_takes(reason: str) -> None:
    event = {
        "RequestType": "Delete",
        "ResourceType": "Custom::EMRServerlessJobRun",
        "RequestId": "0000-1",
        "StackId": "arn:aws:cloudformation:…" + "s" * 200,
        "LogicalResourceId": "l" * 255,
        "PhysicalResourceId": "p" * 1024,
        "ResponseURL": "https://cloudformation",
        "ResourceProperties": {},
    }
    request = Request(Request.started(event, now=0), now=lambda: 0)
    text = response.failed(request, request.failed_physical_id, reason)
    assert len(text.encode()) <= 4_096
    sent = json.loads(text)
    assert sent["Status"] == "FAILED"
    assert sent["PhysicalResourceId"] == "p" * 1024
    assert sent["Reason"]


def test_a_broken_or_huge_log_in_s3_does_not_hide_the_failure() -> None:
    broken = Bucket("x")
    broken.content = gzip.compress(b"line\n" * 1000)[:-20]
    assert "FAILED: Job failed" in error_text(job_run(S3), s3=broken)
    assert "number 99999" in error_text(job_run(S3), s3=Bucket("\n".join(f"number {i}" for i in range(100_000))))
