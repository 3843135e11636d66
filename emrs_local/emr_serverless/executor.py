"""What runs a driver: Spark in the product, a plain process in tests of the state machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from emrs_local.endpoint import Credentials


@dataclass(frozen=True, kw_only=True)
class DriverRequest:
    """Everything a driver needs to know.

    Attributes:
        job_driver: the request's `jobDriver`.
        application_configuration: the classifications in force.
        job_run_name: the run's name, or its id.
        work_directory: an empty directory of the attempt's own.
        credentials: the execution role's.
        environment: what the driver and its executors find in their environment.
        buckets: the buckets that exist when the driver starts.
    """

    job_driver: Mapping[str, Any]
    application_configuration: Sequence[Mapping[str, Any]]
    job_run_name: str
    work_directory: Path
    credentials: Credentials
    environment: Mapping[str, str]
    buckets: Sequence[str]


class Driver(Protocol):
    """One execution of a job's driver."""

    @property
    def stdout(self) -> Path:
        """The file that gets the driver's standard output."""

    @property
    def stderr(self) -> Path:
        """The file that gets the driver's standard error."""

    def start(self) -> None:
        """Start the driver.

        Raises:
            JobRunFailed: it could not be started.
        """

    def poll(self) -> int | None:
        """The exit code, None while the driver runs."""

    def terminate(self, grace_seconds: float) -> None:
        """End the driver and its processes, by force when the grace period is over; a driver that ended stays so."""

    def close(self) -> None:
        """Give back what the driver held, started or not."""


class Executor(Protocol):
    """Makes drivers."""

    def prepare(self, request: DriverRequest) -> Driver:
        """A driver that can be started."""

    def failure_summary(self, output: str) -> str:
        """The exceptions in a driver's output that are worth naming in the state details."""

    def close(self) -> None:
        """Give back what the executor holds; its drivers are closed."""
