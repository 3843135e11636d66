"""What the service tells CloudWatch: how many runs of an application are in which state, and which workers they have.

User Guide, "Monitoring EMR Serverless applications and jobs" and "EMR Serverless usage metrics". On AWS the metrics
come each minute. Here those of states come with each change of a state too, so that nobody waits for a minute; a metric
of a last state counts the runs that have entered it since the metric came the last time. Workers are those that runs
ask for: what they use is not known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from emrs_local.driver import Worker
from emrs_local.emr_serverless import releases
from emrs_local.emr_serverless.applications import Application
from emrs_local.ministack.scope import Scope

NAMESPACE = "AWS/EMRServerless"
VCPUS_IN_USE = {"Service": "EMR Serverless", "Type": "Resource", "Resource": "vCPU", "Class": "None"}
"""The dimensions of the usage that the quota of vCPUs is about."""
VCPU_QUOTA = 16.0
"""Unless a higher one was asked for. User Guide, "Endpoints and quotas"."""

# There is none for QUEUED.
_OF_STATES = {
    "SUBMITTED": "SubmittedJobs",
    "PENDING": "PendingJobs",
    "SCHEDULED": "ScheduledJobs",
    "RUNNING": "RunningJobs",
    "CANCELLING": "CancellingJobs",
}
_OF_LAST_STATES = {"SUCCESS": "SuccessJobs", "FAILED": "FailedJobs", "CANCELLED": "CancelledJobs"}
_CAPACITY = {"CapacityAllocationType": "OnDemandCapacity"}
_UNNAMED = "[Unspecified]"


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """Values of metrics of the service in an account and region, all with the same dimensions."""

    scope: Scope
    namespace: str = NAMESPACE
    dimensions: Mapping[str, str]
    values: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class RunWorkers:
    """The workers of a run; `name` is None if the user gave none."""

    application: Application
    job_run_id: str
    name: str | None
    workers: Sequence[Worker]


PublishMetrics = Callable[[Metrics], None]


class JobRunMetrics:
    """Counts the runs of each application; the caller sees to it that one thread at a time does.

    Args:
        publish: Is told the values; may not block.
    """

    def __init__(self, publish: PublishMetrics) -> None:
        self._publish = publish
        self._counts: dict[str, tuple[Application, Counter[str]]] = {}

    def changed(self, application: Application, *, previous: str | None, state: str) -> None:
        """Publish that a run went from a state, or from none, to another."""
        _, counts = self._counts.setdefault(application.application_id, (application, Counter()))
        if previous:
            counts[previous] -= 1
        counts[state] += 1
        entered = {_OF_LAST_STATES[state]: 1.0} if state in _OF_LAST_STATES else {}
        self._tell(application, counts, entered)

    def current(self, running: Iterable[RunWorkers]) -> None:
        """Publish what is, as the service does each minute for applications that are started.

        Args:
            running: The workers of the runs that are RUNNING.
        """
        for application, counts in self._counts.values():
            if application.state == "STARTED":
                self._tell(application, counts, dict.fromkeys(_OF_LAST_STATES.values(), 0.0))
        in_use = {application.scope: 0.0 for application, _ in self._counts.values()}
        allocated: dict[tuple[str, str], tuple[Application, Counter[str]]] = {}
        for run in running:
            for worker in run.workers:
                self._tell_worker(run, worker)
                in_use[run.application.scope] += worker.count * worker.vcpus
                key = (run.application.application_id, worker.kind)
                allocated.setdefault(key, (run.application, Counter()))[1].update(_of_application(worker))
        for (_, kind), (application, values) in allocated.items():
            dimensions = {**_dimensions(application), "WorkerType": kind, **_CAPACITY}
            self._publish(Metrics(scope=application.scope, dimensions=dimensions, values=dict(values)))
        for scope, vcpus in in_use.items():
            usage = {"ResourceCount": vcpus}
            self._publish(Metrics(scope=scope, namespace="AWS/Usage", dimensions=VCPUS_IN_USE, values=usage))

    def _tell_worker(self, run: RunWorkers, worker: Worker) -> None:
        named = {"JobName": run.name or _UNNAMED} if _has_names(run.application) else {}
        of_run = {**_dimensions(run.application), "JobId": run.job_run_id, **named, "WorkerType": worker.kind}
        values = {
            "WorkerCpuAllocated": worker.count * worker.vcpus,
            "WorkerMemoryAllocated": worker.count * worker.memory_gb,
            "WorkerEphemeralStorageAllocated": worker.count * worker.storage_gb,
        }
        self._publish(Metrics(scope=run.application.scope, dimensions={**of_run, **_CAPACITY}, values=values))

    def _tell(self, application: Application, counts: Counter[str], entered: Mapping[str, float]) -> None:
        now = {name: float(counts[state]) for state, name in _OF_STATES.items()}
        self._publish(Metrics(scope=application.scope, dimensions=_dimensions(application), values={**now, **entered}))


def _dimensions(application: Application) -> dict[str, str]:
    dimensions = {"ApplicationId": application.application_id}
    if _has_names(application):
        dimensions["ApplicationName"] = str(application.members.get("name", _UNNAMED))
    return dimensions


def _has_names(application: Application) -> bool:
    return releases.has(application.release_label, releases.NAMES_IN_METRICS)


def _of_application(worker: Worker) -> dict[str, float]:
    return {
        "CPUAllocated": worker.count * worker.vcpus,
        "MemoryAllocated": worker.count * worker.memory_gb,
        "StorageAllocated": worker.count * worker.storage_gb,
        "RunningWorkerCount": worker.count,
        "TotalWorkerCount": worker.count,
    }
