"""What the service asks of an engine: drivers. The engine is Spark in the product, Python in tests of the service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from emrs_local.endpoint import Credentials


@dataclass(frozen=True, kw_only=True)
class Worker:
    """Workers of one size that a job run asks the service for.

    Attributes:
        kind: What they are: SPARK_DRIVER, SPARK_EXECUTOR or HIVE_DRIVER.
        count: How many there are when the run starts.
        vcpus: The vCPUs of one.
        memory_gb: The memory of one, with the overhead.
        storage_gb: The disk of one.
    """

    kind: str
    count: int
    vcpus: float
    memory_gb: float
    storage_gb: float


@dataclass(frozen=True, kw_only=True)
class DriverRequest:
    """Everything a driver needs to know.

    Attributes:
        job_driver: The request's `jobDriver`.
        application_configuration: The classifications in force.
        job_run_name: The run's name, or its id.
        work_directory: An empty directory of the attempt's own.
        event_logs: A directory of the attempt's own, for event logs, which are kept; None for none.
        credentials: The execution role's.
        environment: What the driver and its executors find in their environment.
        buckets: The buckets that exist when the driver starts.
    """

    job_driver: Mapping[str, Any]
    application_configuration: Sequence[Mapping[str, Any]]
    job_run_name: str
    work_directory: Path
    event_logs: Path | None
    credentials: Credentials
    environment: Mapping[str, str]
    buckets: Sequence[str]


class Driver(Protocol):
    """The driver of one attempt of a job run."""

    @property
    def stdout(self) -> Path:
        """The file that gets the driver's standard output."""

    @property
    def stderr(self) -> Path:
        """The file that gets the driver's standard error."""

    def start(self) -> None:
        """Start the driver.

        Raises:
            RuntimeError: Something is missing on this machine, or too much for it.
            ValueError: The request cannot be understood.
        """

    def poll(self) -> int | None:
        """The exit code, None while the driver runs."""

    def wait(self) -> None:
        """Return when the driver has ended; may be called in a thread of its own."""

    def terminate(self, grace_seconds: float) -> None:
        """End the driver and its processes, by force when the grace period is over; a driver that ended stays so."""

    def failure_summary(self) -> str:
        """The exceptions in what the driver wrote that are worth naming in the state details."""

    def close(self) -> None:
        """Give back what the driver held, started or not."""


class Engine(Protocol):
    """Makes drivers."""

    @property
    def concurrent_drivers(self) -> int:
        """How many drivers this machine has room for at a time."""

    def make_driver(self, request: DriverRequest) -> Driver:
        """A driver that can be started."""

    def workers(
        self, job_driver: Mapping[str, Any], application_configuration: Sequence[Mapping[str, Any]]
    ) -> Sequence[Worker]:
        """The workers with which the service would start the run.

        Raises:
            ValueError: The request cannot be understood.
        """

    def dashboard(self, event_logs: Path) -> str:
        """The address of an application UI, which shows what a driver has written to `event_logs`."""

    def stages(self, event_logs: Path) -> tuple[int, int]:
        """How many stages are done of how many that there are so far, by what a driver has written to `event_logs`."""

    def close(self) -> None:
        """Give back what the engine holds; its drivers are closed."""
