"""One attempt of a job run, as a process of Apache Spark in local mode."""

import errno
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from emrs_local.spark.class_archive import class_archive
from emrs_local.spark.installation import java_home, missing_requirements, spark_home
from emrs_local.spark.python_driver import python_drivers
from emrs_local.spark.submission import Submission

# On EMR Serverless the driver's command line is one of Linux too.
_TOO_LONG = (
    "its arguments are longer than Linux lets a command line be, 128 KiB for one argument and about 2 MiB for all; "
    "put them into a file in S3 and pass its name"
)


class JobProcess:
    """Runs a Spark job with spark-submit, or a Hive query with spark-sql, in a process group of its own.

    Args:
        job_driver: StartJobRun's `jobDriver`.
        application_configuration: The merged `applicationConfiguration`. The classifications `core-site`,
            `hive-site`, `spark-defaults`, `spark-driver-log4j2`, `spark-env`, `spark-hive-site` and `spark-log4j2`
            have an effect.
        job_run_name: The name of the Spark application, unless the job names it.
        work_directory: The directory for everything that the process writes; it is made if it does not exist.
        environment: The environment variables of the driver, such as its credentials. Of this process's own, only
            `PATH` is inherited.
        hadoop_properties: Those of the mount that the job sees S3 through.
    """

    def __init__(
        self,
        *,
        job_driver: Mapping[str, Any],
        application_configuration: Sequence[Mapping[str, Any]],
        job_run_name: str,
        work_directory: Path,
        environment: Mapping[str, str],
        hadoop_properties: Mapping[str, str],
    ) -> None:
        self._job_driver = job_driver
        self._application_configuration = application_configuration
        self._job_run_name = job_run_name
        self._work_directory = work_directory.absolute()
        self._environment = environment
        self._hadoop_properties = hadoop_properties
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def stdout(self) -> Path:
        """The driver's standard output, and the standard error of a Python driver, growing while it runs."""
        return self._work_directory / "stdout"

    @property
    def stderr(self) -> Path:
        """Spark's own standard error, growing while it runs."""
        return self._work_directory / "stderr"

    @property
    def process_group(self) -> int:
        """The id of the process group that the job is in, once it is started."""
        return self._started().pid

    def start(self) -> None:
        """Start the process.

        Raises:
            RuntimeError: If Spark or Java is missing, or the arguments are too long for this machine.
            ValueError: If nobody knows how the service reads the job driver's parameters.
        """
        java, spark = java_home(), spark_home()
        if java is None or spark is None:
            raise RuntimeError(" ".join(missing_requirements()))
        submission = Submission(
            job_driver=self._job_driver,
            application_configuration=self._application_configuration,
            job_run_name=self._job_run_name,
            work_directory=self._work_directory,
            environment=self._environment,
            hadoop_properties=self._hadoop_properties,
            java_home=java,
            spark_home=spark,
            java_options=archive.java_options if (archive := class_archive()) else [],
        )
        submission.write()
        with self.stdout.open("wb") as stdout, self.stderr.open("wb") as stderr:
            stderr.write("".join(f"{notice}\n" for notice in submission.notices).encode())
            stderr.flush()
            try:
                self._process = subprocess.Popen(  # noqa: S603  # to run what the job says is the purpose
                    submission.command,
                    cwd=self._work_directory,
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

    def poll(self) -> int | None:
        """The exit code, or `None` while the process runs; that of a killed process is negative."""
        return self._started().poll()

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once the process has ended.

        Args:
            timeout: The longest time to wait, in seconds.

        Raises:
            subprocess.TimeoutExpired: If it runs longer than that.
        """
        return self._started().wait(timeout)

    def terminate(self, grace_seconds: float) -> None:
        """Ask the driver to end, and kill what is left of the process and its children after `grace_seconds`.

        A Python driver gets SIGINT: so its `finally` blocks and `atexit` functions run, which SIGTERM would not let
        them, and they still have Spark and their standard output, which both are Java's. Without a Python driver Java
        gets SIGTERM, and its shutdown hooks run.
        """
        process = self._started()
        if process.poll() is not None:
            return
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
