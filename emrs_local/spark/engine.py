"""What the drivers of a server have in common: S3, the Data Catalog, an archive of classes, and the Spark UI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from emrs_local.driver import DriverRequest, Worker
from emrs_local.endpoint import Endpoint
from emrs_local.processes import forget_group, record_group
from emrs_local.spark.class_archive import start_making, stop_making
from emrs_local.spark.driver import SparkDriver
from emrs_local.spark.event_logs import StageCounts
from emrs_local.spark.history_server import HistoryServer
from emrs_local.spark.machine import concurrent_drivers
from emrs_local.spark.metastores import Metastores
from emrs_local.spark.s3_file_system import S3FileSystem
from emrs_local.spark.workers import workers_of


class SparkEngine:
    """Runs Spark jobs with spark-submit and Hive queries with spark-sql.

    Args:
        endpoint: Where the jobs find S3.
        region: The region of the server.
        event_logs: Below it are the directories for event logs that drivers are given.
        data_directory: Has `groups`, in which process groups are recorded while they exist, and room for more.
        java_options: Options of the drivers' Java over which the jobs' own win.
    """

    def __init__(
        self,
        *,
        endpoint: Endpoint,
        region: str,
        event_logs: Path,
        data_directory: Path,
        java_options: Sequence[str] = (),
    ) -> None:
        self._java_options = java_options
        self._groups = groups = data_directory / "groups"
        self._stage_counts = StageCounts()
        self._history_server = HistoryServer(
            logs=event_logs, directory=data_directory / "history-server", groups=groups
        )
        self._metastores = Metastores(endpoint=endpoint, region=region)
        self._file_system = S3FileSystem(endpoint=endpoint, region=region)
        self._file_system.start()
        self._archive_maker = start_making()
        if self._archive_maker:
            record_group(groups, self._archive_maker.pid)

    @property
    def concurrent_drivers(self) -> int:
        """How many drivers this machine has the memory for."""
        return concurrent_drivers()

    def make_driver(self, request: DriverRequest) -> SparkDriver:
        """A driver with its own view of S3, which has the credentials of the request."""
        mount = self._file_system.mount(request.credentials)
        return SparkDriver(
            request,
            mount=mount,
            groups=self._groups,
            metastores=self._metastores,
            java_options=self._java_options,
        )

    def workers(
        self, job_driver: Mapping[str, Any], application_configuration: Sequence[Mapping[str, Any]]
    ) -> Sequence[Worker]:
        """The workers with which the service would start the run."""
        return workers_of(job_driver, application_configuration)

    def dashboard(self, event_logs: Path) -> str:
        """The address of the Spark UI."""
        return self._history_server.address(event_logs)

    def stages(self, event_logs: Path) -> tuple[int, int]:
        """How many stages are done of how many that there are so far, in the newest Spark context."""
        return self._stage_counts.of(event_logs)

    def close(self) -> None:
        """Stop serving S3 to jobs, what is made for them, and the Spark UI."""
        self._history_server.close()
        self._file_system.stop()
        if self._archive_maker:
            stop_making(self._archive_maker)
            forget_group(self._groups, self._archive_maker.pid)
