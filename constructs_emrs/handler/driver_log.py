"""Reads the end of a job run's driver log, where the job's own error is."""

from __future__ import annotations

import gzip
import logging
import re
import zlib
from collections import deque
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_emr_serverless.type_defs import JobRunTypeDef
    from types_boto3_logs.client import CloudWatchLogsClient
    from types_boto3_s3.client import S3Client

_log = logging.getLogger(__name__)

_DEFAULT_LOG_GROUP = "/aws/emr-serverless"
_LINES = 200
_LINE_LENGTH = 10_000
_TRACEBACK = "Traceback (most recent call last):"
_LINES_WITHOUT_TRACEBACK = 10
# Spark says these whenever it ends, after what the job said: https://github.com/apache/spark/tree/v3.5.9/core.
_SHUTDOWN = re.compile(
    r"\S+ \S+ INFO (?:SparkContext|SparkUI|AbstractConnector|\w*SchedulerBackend|ExecutorPodsWatchSnapshotSource"
    r"|MapOutputTrackerMasterEndpoint|MemoryStore|BlockManager|BlockManagerMaster|ShutdownHookManager"
    r"|OutputCommitCoordinator\S*|MetricsSystemImpl)(?:\$\w+)?: "
)
_JAVA_FRAME = re.compile(r"\s+(?:at [\w.$/<>-]+\(|\.\.\. \d+ more)")
# The folder of a run, in which Spark puts the files of the job.
_RUN_FOLDER = re.compile(r"(?:/[\w.-]+)*/spark-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/")
# Log delivery may lag behind the run's last state change by some seconds.
_TRIES = 4
_PAUSE_SECONDS = 3


class DriverLog:
    """Where a job run's driver logs are, and their last lines.

    Names of streams and objects: https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/logging.html
    """

    def __init__(
        self,
        job_run: JobRunTypeDef,
        *,
        logs: Callable[[], CloudWatchLogsClient],
        s3: Callable[[], S3Client],
        sleep: Callable[[float], None],
    ) -> None:
        self._logs = logs
        self._s3 = s3
        self._sleep = sleep
        monitoring = job_run.get("configurationOverrides", {}).get("monitoringConfiguration", {})
        self._cloudwatch = monitoring.get("cloudWatchLoggingConfiguration", {})
        self._log_uri = monitoring.get("s3MonitoringConfiguration", {}).get("logUri", "").rstrip("/")
        self._run_path = f"/applications/{job_run['applicationId']}/jobs/{job_run['jobRunId']}"
        retries = job_run.get("mode") == "STREAMING" or job_run.get("retryPolicy", {}).get("maxAttempts", 1) > 1
        attempt = f"/attempts/{job_run.get('attempt', 1)}" if retries else ""
        worker = "HIVE_DRIVER" if "hive" in job_run["jobDriver"] else "SPARK_DRIVER"
        entry_point = job_run["jobDriver"].get("sparkSubmit", {}).get("entryPoint", "")
        self._is_python = entry_point.endswith(".py")
        self._driver_path = f"{self._run_path}{attempt}/{worker}"

    @property
    def log_group(self) -> str | None:
        """The CloudWatch log group of the run, or None when it does not log there."""
        if not self._cloudwatch.get("enabled"):
            return None
        return self._cloudwatch.get("logGroupName", _DEFAULT_LOG_GROUP)

    @property
    def places(self) -> list[str]:
        """Sentences that say where the run's logs are."""
        places = []
        if self.log_group:
            prefix = self._cloudwatch.get("logStreamNamePrefix", "")
            places.append(f"CloudWatch log group {self.log_group}, streams {prefix}{self._run_path}")
        if self._log_uri:
            places.append(f"{self._log_uri}{self._run_path}/")
        return places or ["the EMR Serverless console (managed storage)"]

    def tail(self) -> list[str]:
        """The last lines of the driver's stderr, then those of its stdout that say why a Python script ended.

        spark-submit sends all that a Python script prints to stdout, what it prints to its stderr too: tracebacks, and
        what `sys.exit`, argparse and a SyntaxError say, which is the last of it. Empty when there is nothing, or when
        it can't be read.
        """
        if not (self.log_group or self._log_uri):
            return []
        for attempt in range(_TRIES):
            if attempt:
                self._sleep(_PAUSE_SECONDS)
            stderr, stdout = self._read("stderr"), self._read("stdout")
            if stderr or stdout:
                lines = [*_without_shutdown(stderr), *self._reason_in(stdout)]
                return [_RUN_FOLDER.sub("", line) for line in lines if not _JAVA_FRAME.match(line)]
        return []

    def _reason_in(self, stdout: list[str]) -> list[str]:
        traceback = _last_traceback(stdout)
        return traceback if traceback or not self._is_python else stdout[-_LINES_WITHOUT_TRACEBACK:]

    def _read(self, output: str) -> list[str]:
        """The last lines of one output of the driver.

        Reading the log must never hide the failure that it explains, so its own errors are only logged.
        """
        try:
            return self._read_from_cloudwatch(output) if self.log_group else self._read_from_s3(output)
        except (BotoCoreError, ClientError, EOFError, OSError, zlib.error) as error:
            _log.warning("can't read the driver's %s: %s", output, error)
            return []

    def _read_from_cloudwatch(self, output: str) -> list[str]:
        prefix = self._cloudwatch.get("logStreamNamePrefix", "")
        response = self._logs().get_log_events(
            logGroupName=self.log_group or _DEFAULT_LOG_GROUP,
            logStreamName=f"{prefix}{self._driver_path}/{output}",
            limit=_LINES,
            startFromHead=False,
        )
        return [line for event in response["events"] for line in event["message"].splitlines()]

    def _read_from_s3(self, output: str) -> list[str]:
        location = urlsplit(f"{self._log_uri}{self._driver_path}/{output}.gz")
        body = self._s3().get_object(Bucket=location.netloc, Key=location.path.lstrip("/"))["Body"]
        # Logs may have hundreds of megabytes, the function has less memory than that.
        with gzip.open(body, "rt", errors="replace") as lines:
            return [line.rstrip("\n")[:_LINE_LENGTH] for line in deque(lines, maxlen=_LINES)]


def _without_shutdown(lines: list[str]) -> list[str]:
    while lines and _SHUTDOWN.match(lines[-1]):
        lines = lines[:-1]
    return lines


def _last_traceback(lines: list[str]) -> list[str]:
    starts = [number for number, line in enumerate(lines) if line.startswith(_TRACEBACK)]
    return lines[starts[-1] :] if starts else []
