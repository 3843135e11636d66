"""Rules of applications that the service's model does not have."""

from collections.abc import Mapping

from ._problems import Problems
from ._service_rules import require_release, whole_minutes
from .application_settings import IdentityCenter, Image, Interactive, Scheduler
from .application_type import ApplicationType
from .capacity import WorkerType, check_worker_type
from .release_label import ReleaseLabel

_WEEK_MINUTES = 7 * 24 * 60


def check_images(
    problems: Problems,
    release: ReleaseLabel,
    application_type: ApplicationType,
    image: Image | None,
    worker_images: Mapping[WorkerType, Image],
) -> None:
    """Custom images are there from emr-6.9.0."""
    if image is not None:
        require_release(problems, release, (6, 9), "image", image.tag)
    for worker, own in worker_images.items():
        argument = f"worker_images[{worker}]"
        check_worker_type(problems, argument, worker, application_type)
        require_release(problems, release, (6, 9), argument, own.tag)


def check_interactive(
    problems: Problems, release: ReleaseLabel, application_type: ApplicationType, interactive: Interactive | None
) -> None:
    """Interactive endpoints are for Spark, from emr-6.14.0; sessions from emr-7.13.0."""
    if interactive is None:
        return
    if application_type is not ApplicationType.SPARK:
        problems.add("interactive", interactive, "interactive endpoints are for Spark", "leave it out")
    require_release(problems, release, (6, 14), "interactive", interactive)
    if interactive.sessions:
        require_release(problems, release, (7, 13), "interactive.sessions", interactive.sessions)


def check_identity_center(problems: Problems, release: ReleaseLabel, identity_center: IdentityCenter | None) -> None:
    """Trusted identity propagation is there from emr-7.8.0."""
    if identity_center is not None:
        require_release(problems, release, (7, 8), "identity_center", identity_center.instance_arn)


def queue_minutes(problems: Problems, release: ReleaseLabel, scheduler: Scheduler | None) -> int | None:
    """The queue timeout in minutes; notes limits out of range, and releases without a queue."""
    if scheduler is None:
        return None
    require_release(problems, release, (7, 0), "scheduler", scheduler.max_concurrent_runs)
    runs = scheduler.max_concurrent_runs
    if runs is not None and not 1 <= runs <= 1000:
        problems.add("scheduler.max_concurrent_runs", runs, "it is out of range", "use 1 to 1,000")
    minutes = whole_minutes(problems, "scheduler.queue_timeout", scheduler.queue_timeout)
    if minutes is not None and not 15 <= minutes <= 720:
        problems.add("scheduler.queue_timeout", f"{minutes} minutes", "it is out of range", "use 15 to 720 minutes")
    return minutes


def check_auto_stop(problems: Problems, minutes: int | None, *, auto_stop: bool) -> None:
    """An application stops after 1 minute to a week without work."""
    if minutes is None:
        return
    value = f"{minutes} minutes"
    if not auto_stop:
        problems.add("auto_stop_after", value, "auto_stop=False says that it never stops", "leave out one of the two")
    elif not 1 <= minutes <= _WEEK_MINUTES:
        problems.add("auto_stop_after", value, "it is out of range", f"use 1 to {_WEEK_MINUTES:,} minutes")
