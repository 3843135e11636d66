"""What the service tells CloudWatch: how many runs of an application are in which state.

User Guide, "Monitoring EMR Serverless applications and jobs". On AWS the metrics come each minute. Here they come with
each change of a state too, so that nobody waits for a minute; a metric of a last state counts the runs that have
entered it since the metric came the last time. There are no workers here, and no metrics of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emrs_local.emr_serverless import releases
from emrs_local.ministack.scope import Scope

if TYPE_CHECKING:
    from emrs_local.emr_serverless.applications import Application

NAMESPACE = "AWS/EMRServerless"

# There is none for QUEUED.
_OF_STATES = {
    "SUBMITTED": "SubmittedJobs",
    "PENDING": "PendingJobs",
    "SCHEDULED": "ScheduledJobs",
    "RUNNING": "RunningJobs",
    "CANCELLING": "CancellingJobs",
}
_OF_LAST_STATES = {"SUCCESS": "SuccessJobs", "FAILED": "FailedJobs", "CANCELLED": "CancelledJobs"}
_UNNAMED = "[Unspecified]"


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """Values of metrics of the service in an account and region, all with the same dimensions."""

    scope: Scope
    dimensions: Mapping[str, str]
    values: Mapping[str, float]


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

    def current(self) -> None:
        """Publish what is, as the service does each minute for applications that are started."""
        for application, counts in self._counts.values():
            if application.state == "STARTED":
                self._tell(application, counts, dict.fromkeys(_OF_LAST_STATES.values(), 0.0))

    def _tell(self, application: Application, counts: Counter[str], entered: Mapping[str, float]) -> None:
        now = {name: float(counts[state]) for state, name in _OF_STATES.items()}
        self._publish(Metrics(scope=application.scope, dimensions=_dimensions(application), values={**now, **entered}))


def _dimensions(application: Application) -> dict[str, str]:
    dimensions = {"ApplicationId": application.application_id}
    if releases.has(application.release_label, releases.NAMES_IN_METRICS):
        dimensions["ApplicationName"] = str(application.members.get("name", _UNNAMED))
    return dimensions
