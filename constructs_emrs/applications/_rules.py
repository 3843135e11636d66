"""Rules of applications that the service's model does not have."""

import re
from collections.abc import Mapping, Sequence

from aws_cdk import RemovalPolicy, Stack
from constructs import Construct

from ..monitoring.brought import check_place
from ..validation.problems import Problems
from ..validation.tokens import is_token
from ..validation.units import whole_gib, whole_minutes
from .capacity import InitialCapacity, MaximumCapacity, WorkerType
from .configuration import Configuration
from .engine_rules import check_worker, require_release
from .release_label import ReleaseLabel
from .settings import ApplicationType, IdentityCenter, Image, Interactive, Scheduler

_MOST_WORKERS = 1_000_000
_WEEK_MINUTES = 7 * 24 * 60
_RELEASE = re.compile(r"emr-(spark-)?[0-9]+\.[0-9]+[.-][A-Za-z0-9._-]+")
_APPLICATION_ARN = re.compile(r"arn:aws[a-z-]*:emr-serverless:([a-z0-9-]+):([0-9]{12}):/applications/[0-9a-z]+")
# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageIdentifier.html
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


def check_application_arn(problems: Problems, scope: Construct, arn: str) -> None:
    """An imported application is in the account and Region of the stack, which runs jobs there."""
    if is_token(arn):
        return
    match = _APPLICATION_ARN.fullmatch(arn)
    if match is None:
        remedy = "use arn:aws:emr-serverless:REGION:ACCOUNT:/applications/ID"
        problems.add("application_arn", arn, "it is not the ARN of an application", remedy)
        return
    stack = Stack.of(scope)
    for kind, own, its in (("Region", stack.region, match[1]), ("account", stack.account, match[2])):
        if not is_token(own) and own != its:
            problems.add("application_arn", arn, f"the stack is in {kind} {own}", f"use a stack in {kind} {its}")


def check_release(problems: Problems, release: ReleaseLabel, application_type: ApplicationType) -> None:
    """Release labels look like one another; those of `emr-spark` have Spark only.

    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/release-versions.html
    """
    if is_token(release.name):
        return
    if not _RELEASE.fullmatch(release.name):
        problems.add("release_label", release.name, "it is not a valid release label", "use one such as emr-7.14.0")
    elif release.name.startswith("emr-spark-") and application_type is not ApplicationType.SPARK:
        problems.add("release_label", release.name, f"it has no {application_type.value}", "use one such as emr-7.14.0")


def check_runtime_configuration(problems: Problems, configuration: Sequence[Configuration]) -> None:
    """CloudFormation takes no empty property values, which the service does.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-emrserverless-application.html
    """
    for position, item in enumerate(configuration):
        for name, value in (item.properties or {}).items():
            if not value:
                argument = f"runtime_configuration[{position}].properties[{name!r}]"
                problems.add(argument, value, "CloudFormation does not take empty values", "leave it out")


def check_removal_policy(problems: Problems, policy: RemovalPolicy | None) -> None:
    """There are no snapshots of applications."""
    if policy is RemovalPolicy.SNAPSHOT:
        remedy = "use RemovalPolicy.DESTROY or RemovalPolicy.RETAIN"
        problems.add("removal_policy", policy, "there are no snapshots of applications", remedy)


def check_images(
    problems: Problems,
    stack: Stack,
    release: ReleaseLabel,
    application_type: ApplicationType,
    images: Sequence[tuple[WorkerType | None, Image | None]],
) -> None:
    """Custom images are there from emr-6.9.0, and of the application's Region; they may be of another account.

    That of no worker is for all.

    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/application-custom-image.html
    """
    for worker, own in images:
        argument = "image" if worker is None else f"worker_images[{worker}]"
        if worker is not None:
            _check_worker_type(problems, argument, worker, application_type)
        if own is not None:
            require_release(problems.add, release, (6, 9), argument, own.digest or own.tag or "latest")
            _check_image(problems, argument, own)
            check_place(problems, stack, f"{argument}.repository", own.repository, account=False)


def _check_image(problems: Problems, argument: str, image: Image) -> None:
    if image.tag is not None and image.digest is not None:
        problems.add(f"{argument}.digest", image.digest, "the image has a tag too", "leave out one of the two")
    if image.tag is not None and not is_token(image.tag) and not _TAG.fullmatch(image.tag):
        problems.add(f"{argument}.tag", image.tag, "it is not a valid image tag", "use one such as 'latest'")
    if image.digest is not None and not is_token(image.digest) and not _DIGEST.fullmatch(image.digest):
        remedy = "use 'sha256:' and 64 hexadecimal digits"
        problems.add(f"{argument}.digest", image.digest, "it is not a valid image digest", remedy)


def check_interactive(
    problems: Problems, release: ReleaseLabel, application_type: ApplicationType, interactive: Interactive | None
) -> None:
    """Interactive endpoints are for Spark, from emr-6.14.0; sessions from emr-7.13.0."""
    if interactive is None:
        return
    if application_type is not ApplicationType.SPARK:
        problems.add("interactive", interactive, "interactive endpoints are for Spark", "leave it out")
    require_release(problems.add, release, (6, 14), "interactive", interactive)
    if interactive.sessions:
        require_release(problems.add, release, (7, 13), "interactive.sessions", interactive.sessions)


def check_identity_center(problems: Problems, release: ReleaseLabel, identity_center: IdentityCenter | None) -> None:
    """Trusted identity propagation is there from emr-7.8.0."""
    if identity_center is not None:
        require_release(problems.add, release, (7, 8), "identity_center", identity_center.instance_arn)


def queue_minutes(problems: Problems, release: ReleaseLabel, scheduler: Scheduler | None) -> int | None:
    """The queue timeout in minutes; notes limits out of range, and releases without a queue."""
    if scheduler is None:
        return None
    require_release(problems.add, release, (7, 0), "scheduler", scheduler.max_concurrent_runs)
    runs = scheduler.max_concurrent_runs
    if runs is not None and not is_token(runs) and not 1 <= runs <= 1000:
        problems.add("scheduler.max_concurrent_runs", runs, "it is out of range", "use 1 to 1,000")
    minutes = whole_minutes(problems, "scheduler.queue_timeout", scheduler.queue_timeout)
    if minutes is not None and not is_token(minutes) and not 15 <= minutes <= 720:
        problems.add("scheduler.queue_timeout", f"{minutes} minutes", "it is out of range", "use 15 to 720 minutes")
    return minutes


def check_auto_stop(problems: Problems, minutes: int | None, *, auto_stop: bool) -> None:
    """An application stops after 1 minute to a week without work."""
    if minutes is None:
        return
    value = f"{minutes} minutes"
    if not auto_stop:
        problems.add("auto_stop_after", value, "auto_stop=False says that it never stops", "leave out one of the two")
    elif not is_token(minutes) and not 1 <= minutes <= _WEEK_MINUTES:
        problems.add("auto_stop_after", value, "it is out of range", f"use 1 to {_WEEK_MINUTES:,} minutes")


def check_capacity(
    problems: Problems,
    initial: Mapping[WorkerType, InitialCapacity] | None,
    maximum: MaximumCapacity | None,
    application_type: ApplicationType,
    release: ReleaseLabel,
) -> None:
    """Note what is wrong with the initial and the maximum capacity of an application."""
    if initial is not None:
        _check_initial(problems, initial, application_type, release)
    if maximum is not None:
        _check_maximum(problems, maximum)


def _check_initial(
    problems: Problems,
    capacity: Mapping[WorkerType, InitialCapacity],
    application_type: ApplicationType,
    release: ReleaseLabel,
) -> None:
    """Note workers of the other engine, what the service or the release does not have, and counts out of range."""
    for worker, initial in capacity.items():
        argument = f"initial_capacity[{worker}]"
        _check_worker_type(problems, argument, worker, application_type)
        check_worker(problems, f"{argument}.resources", initial.resources, release)
        if not is_token(initial.worker_count) and not 1 <= initial.worker_count <= _MOST_WORKERS:
            problems.add(f"{argument}.worker_count", initial.worker_count, "it is out of range", "use 1 or more")


def _check_worker_type(
    problems: Problems, argument: str, worker: WorkerType, application_type: ApplicationType
) -> None:
    """Note a worker of the other engine."""
    if worker.application_type is not application_type:
        own = " or ".join(str(known) for known in WorkerType if known.application_type is application_type)
        problems.add(argument, worker, f"a {application_type.value} application has no such worker", f"use {own}")


def _check_maximum(problems: Problems, capacity: MaximumCapacity) -> None:
    """Note capacities that are not whole or not positive."""
    if not is_token(capacity.cpu) and capacity.cpu < 1:
        problems.add("maximum_capacity.cpu", capacity.cpu, "it is out of range", "use 1 or more")
    for name, size in (("memory", capacity.memory), ("disk", capacity.disk)):
        if whole_gib(problems, f"maximum_capacity.{name}", size) == 0:
            problems.add(f"maximum_capacity.{name}", "0 GiB", "it is out of range", "use 1 GiB or more")
