"""The driver of a job run, as a process of Apache Spark in local mode."""

import errno
import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from emrs_local.driver import DriverRequest
from emrs_local.processes import forget_group, record_group
from emrs_local.spark.added_jars import jars_folder
from emrs_local.spark.class_archive import class_archive
from emrs_local.spark.failure import failure_summary
from emrs_local.spark.installation import java_home, missing_requirements, spark_home
from emrs_local.spark.metastores import Metastores
from emrs_local.spark.named_buckets import named_buckets
from emrs_local.spark.python_driver import python_drivers
from emrs_local.spark.s3_file_system import Mount
from emrs_local.spark.scripts import scripts
from emrs_local.spark.submission import Submission, lost_tables

if TYPE_CHECKING:
    from emrs_local.metastore.server import MetastoreServer

# On EMR Serverless the driver's command line is one of Linux too.
_TOO_LONG = (
    "its arguments are longer than Linux lets a command line be, 128 KiB for one argument and about 2 MiB for all; "
    "put them into a file in S3 and pass its name"
)


class SparkDriver:
    """Runs a Spark job with spark-submit, or a Hive query with spark-sql, in a process group of its own.

    Args:
        request: What to run. Of its configuration, the classifications `core-site`, `hive-site`, `spark-defaults`,
            `spark-driver-log4j2`, `spark-env`, `spark-hive-site` and `spark-log4j2` have an effect. Of this process's
            own environment, only `PATH` is inherited.
        mount: How the job sees S3; it is unmounted when the driver is closed.
        groups: The directory in which the process group is recorded while it exists.
        metastores: Opens the metastore of a job that uses the Data Catalog.
        java_options: Options of Java over which the job's own win.
    """

    def __init__(
        self,
        request: DriverRequest,
        *,
        mount: Mount,
        groups: Path,
        metastores: Metastores,
        java_options: Sequence[str] = (),
    ) -> None:
        self._request = request
        self._mount = mount
        self._metastores = metastores
        self._opened: list[MetastoreServer] = []
        self._groups = groups
        self._java_options = java_options
        self._directory = request.work_directory.absolute()
        self._missing_jars: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._has_ended = False

    @property
    def stdout(self) -> Path:
        """The driver's standard output, and the standard error of a Python driver, growing while it runs."""
        return self._directory / "stdout"

    @property
    def stderr(self) -> Path:
        """Spark's own standard error, growing while it runs."""
        return self._directory / "stderr"

    def start(self) -> None:
        """Start the process.

        Raises:
            RuntimeError: If Spark or Java is missing, something that the job brings or asks for, or its Python; or if
                the arguments are too long for this machine.
            ValueError: If it is not known how the service reads the job driver's parameters.
        """
        java, spark = java_home(), spark_home()
        if java is None or spark is None:
            raise RuntimeError(" ".join(missing_requirements()))
        request = self._request
        text = scripts(request.job_driver, self._mount.tree)
        named = named_buckets(
            job_driver=request.job_driver, application_configuration=request.application_configuration, scripts=text
        )
        submission = Submission(
            job_driver=request.job_driver,
            application_configuration=request.application_configuration,
            scripts=text,
            job_run_name=request.job_run_name,
            work_directory=self._directory,
            event_logs=request.event_logs,
            environment=request.environment,
            hadoop_properties=self._mount.hadoop_properties({*request.buckets, *named}),
            java_home=java,
            spark_home=spark,
            java_options=[*(archive.java_options if (archive := class_archive()) else []), *self._java_options],
            jars=jars_folder(),
        )
        if submission.uses_the_data_catalog:
            metastore = self._open_metastore(submission)
            submission.use_metastore(address=metastore.address, secret=metastore.secret)
        if submission.uses_iceberg:
            metastore = self._open_metastore(submission, for_iceberg=True)
            submission.use_metastore_for_iceberg(address=metastore.address, secret=metastore.secret)
        submission.write()
        submission.fetch(self._mount.tree)
        self._missing_jars = submission.missing_jars
        with self.stdout.open("wb") as stdout, self.stderr.open("wb") as stderr:
            stderr.write("".join(f"{notice}\n" for notice in submission.notices).encode())
            stderr.flush()
            try:
                self._process = subprocess.Popen(  # noqa: S603 - to run what the job says is the purpose
                    submission.command,
                    cwd=submission.working_directory,
                    env=submission.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=stderr,
                    start_new_session=True,
                )
            except OSError as error:
                if error.errno != errno.E2BIG:
                    raise
                raise RuntimeError(_TOO_LONG) from error
        record_group(self._groups, self._process.pid)

    def poll(self) -> int | None:
        """The exit code, or `None` while the process runs; that of a killed process is negative."""
        code = self._started().poll()
        if code is not None and not self._has_ended:
            self._has_ended = True
            if self._opened:
                return code
            with self.stderr.open("a", encoding="utf-8") as stderr:
                stderr.writelines(f"{notice}\n" for notice in lost_tables(self._directory))
        return code

    def wait(self) -> None:
        """Return when the process has ended."""
        self._started().wait()

    def terminate(self, grace_seconds: float) -> None:
        """Ask the driver to end, and kill what is left of the process and its children after `grace_seconds`.

        A Python driver gets SIGINT: so its `finally` blocks and `atexit` functions run, which SIGTERM would not let
        them, and they still have Spark and their standard output, which both are Java's. Without a Python driver Java
        gets SIGTERM, and its shutdown hooks run.
        """
        process = self._started()
        if process.poll() is None:
            self._end(process, grace_seconds)
        forget_group(self._groups, process.pid)

    def failure_summary(self) -> str:
        """The jars that are missing here, and the last few exceptions in what the driver and Spark wrote."""
        # PySpark sends what Python writes to standard error, tracebacks too, to the driver's standard output.
        output = [file.read_text(encoding="utf-8", errors="replace") for file in (self.stderr, self.stdout)]
        return "\n".join(filter(None, [*self._missing_jars, failure_summary("\n".join(output))]))

    def close(self) -> None:
        """Take S3 and the Data Catalog away from the job."""
        for metastore in self._opened:
            metastore.close()
        self._mount.unmount()

    def _open_metastore(self, submission: Submission, *, for_iceberg: bool = False) -> "MetastoreServer":
        metastore = self._metastores.open(
            self._request.credentials,
            mount=self._mount,
            warehouse=submission.warehouse,
            own_folder=submission.own_folder,
            catalog_id=submission.catalog_id,
            for_iceberg=for_iceberg,
        )
        self._opened.append(metastore)
        return metastore

    def _end(self, process: subprocess.Popen[bytes], grace_seconds: float) -> None:
        if grace_seconds > 0:
            if drivers := python_drivers(process.pid):
                for driver in drivers:
                    with suppress(ProcessLookupError):
                        os.kill(driver, signal.SIGINT)
            else:
                process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(grace_seconds)
        with suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the job is not started")
        return self._process
