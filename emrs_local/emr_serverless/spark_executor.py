"""Drivers that are Apache Spark on this machine, with the local S3 as their file system."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from emrs_local.emr_serverless.errors import JobRunFailed
from emrs_local.emr_serverless.executor import Driver, DriverRequest
from emrs_local.endpoint import Endpoint
from emrs_local.processes import forget_group, record_group
from emrs_local.spark.class_archive import start_making, stop_making
from emrs_local.spark.driver import JobProcess
from emrs_local.spark.failure import failure_summary
from emrs_local.spark.s3_file_system import Mount, S3FileSystem


class SparkExecutor:
    """Runs Spark jobs with spark-submit and Hive queries with spark-sql.

    Args:
        endpoint: where the jobs find S3.
        region: the region of the server.
        groups: the directory in which process groups are recorded while they exist.
    """

    def __init__(self, *, endpoint: Endpoint, region: str, groups: Path) -> None:
        self._groups = groups
        self._file_system = S3FileSystem(endpoint_url=endpoint.url, region=region, ca_bundle=str(endpoint.ca_bundle))
        self._file_system.start()
        self._archive_maker = start_making()
        if self._archive_maker:
            record_group(groups, self._archive_maker.pid)

    def prepare(self, request: DriverRequest) -> Driver:
        """A driver with its own view of S3, which has the credentials of the request."""
        return _SparkDriver(request, self._file_system.mount(request.credentials), self._groups)

    def failure_summary(self, output: str) -> str:
        """The last few exceptions in a driver's output."""
        return failure_summary(output)

    def close(self) -> None:
        """Stop serving S3 to jobs, and what is made for them."""
        self._file_system.stop()
        if self._archive_maker:
            stop_making(self._archive_maker)
            forget_group(self._groups, self._archive_maker.pid)


class _SparkDriver:
    def __init__(self, request: DriverRequest, mount: Mount, groups: Path) -> None:
        self._mount = mount
        self._groups = groups
        self._group: int | None = None
        job: dict[str, Any] = {
            "job_driver": request.job_driver,
            "application_configuration": request.application_configuration,
        }
        self._process = JobProcess(
            **job,
            job_run_name=request.job_run_name,
            work_directory=request.work_directory,
            environment=request.environment,
            hadoop_properties=mount.hadoop_properties({*request.buckets, *mount.named_buckets(**job)}),
        )

    @property
    def stdout(self) -> Path:
        return self._process.stdout

    @property
    def stderr(self) -> Path:
        return self._process.stderr

    def start(self) -> None:
        try:
            self._process.start()
        except (RuntimeError, ValueError) as error:
            raise JobRunFailed(f"The driver could not be started: {error}") from error
        self._group = self._process.process_group
        record_group(self._groups, self._group)

    def poll(self) -> int | None:
        return self._process.poll()

    def terminate(self, grace_seconds: float) -> None:
        self._process.terminate(grace_seconds)
        if self._group is not None:
            forget_group(self._groups, self._group)

    def close(self) -> None:
        self._mount.unmount()
