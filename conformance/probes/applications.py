"""Applications: their states, and what the service takes in which."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.account import ACCEPTED, NO_SUCH_RELEASE, Account, Unanswered, said
from conformance.facilities import APPLICATION, JOBS, RELEASE, Facility, key
from conformance.probe import Chapter, Json, Noted, OneOf

chapter = Chapter("application")

_GUIDE = "https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide"
_UPDATES = "https://github.com/hashicorp/terraform-provider-aws/issues/49109"
_DISK_RELEASES = ("emr-6.6.0", "emr-6.15.0", "emr-7.0.0", "emr-7.5.0", "emr-7.9.0", RELEASE)
_NAMESPACES = ("AWS/EMRServerless", "AWS/EMR Serverless")
_TRIES = 20
_DISK_KEY = Facility(what="a key for disks", resources={"DiskKey": key()})


@chapter.probe(
    "How does GetApplication spell the type that was sent as SPARK?",
    expected="Spark",
    source="https://github.com/getmoto/moto/blob/master/tests/test_emrserverless/test_emrserverless.py",
    needs=(APPLICATION,),
)
def spelling_of_the_type(aws: Account) -> Json:
    """As others recorded it."""
    found = aws.emr.get_application(applicationId=aws.physical_id("Application"))
    return str(found["application"]["type"])


@chapter.probe(
    "After how many idle minutes does an application stop that says nothing of it?",
    expected={"enabled": True, "idleTimeoutMinutes": 15},
    source=f"{_GUIDE}/app-behavior.html",
)
def stopping_by_default(aws: Account) -> Json:
    """One page says 15 minutes, another 30."""
    application = aws.make_application(RELEASE)
    found: Json = aws.emr.get_application(applicationId=application)["application"]["autoStopConfiguration"]
    return found


@chapter.probe(
    "Is StartApplication accepted while the application is CREATING, and does it start then?",
    expected={"StartApplication": "accepted", "then": "STARTED"},
    source="https://github.com/awslabs/amazon-emr-cli",
)
def start_while_creating(aws: Account) -> Json:
    """The project waits for CREATED; a client of AWS's own does not."""

    def make(release: str) -> str:
        # One that stops by itself may have done so before it was seen STARTED.
        return aws.make_application(release, autoStopConfiguration={"enabled": False})

    application, answer = _said_while(aws, "CREATING", make, aws.emr.start_application)
    last = "STARTED" if answer == ACCEPTED else "CREATED"
    then = aws.until(
        lambda: state if (state := aws.application_state(application)) == last else None, "the application"
    )
    return {"StartApplication": answer, "then": then}


def _said_while(aws: Account, state: str, make: Callable[[str], str], call: Callable[..., object]) -> tuple[str, str]:
    """An application, and the answer to a call while it was in a state that passes by itself.

    Raises:
        Unanswered: It was in the next state each time.
    """
    for _ in range(_TRIES):
        application = make(RELEASE)
        if aws.application_state(application) == state:
            answer = said(call, applicationId=application)
            # What is accepted may change the state at once.
            if answer == ACCEPTED or aws.application_state(application) == state:
                return application, answer
    raise Unanswered(f"no application was {state} when it was asked")


@chapter.probe(
    "Is StartJobRun accepted while the application is STOPPING?",
    expected=OneOf(answers=("accepted", "ValidationException")),
    source=f"{_GUIDE}/applications.html",
    needs=JOBS,
    runs=1,
)
def start_job_run_while_stopping(aws: Account) -> Json | Noted:
    """What is refused is sent again."""

    def stopping(release: str) -> str:
        application = aws.make_started_application(release)
        aws.emr.stop_application(applicationId=application)
        return application

    def start(applicationId: str) -> None:  # noqa: N803 - as the member of the request is called
        run = aws.submit(application=applicationId)
        note.append(str(aws.application_state(applicationId)))
        aws.cancel(run)

    note: list[Json] = []
    _, answer = _said_while(aws, "STOPPING", stopping, start)
    return Noted(answer=answer, note=note)


@chapter.probe(
    "Which members does UpdateApplication change while the application is STARTED?",
    expected={"maximumCapacity": "accepted", "maxConcurrentRuns": "accepted"},
    source=_UPDATES,
)
def update_while_started(aws: Account) -> Json:
    """The project stops it first, whatever changes."""
    application = aws.make_started_application(RELEASE)
    changes: dict[str, dict[str, Any]] = {
        "maximumCapacity": {"maximumCapacity": {"cpu": "8 vCPU", "memory": "32 GB"}},
        "maxConcurrentRuns": {"schedulerConfiguration": {"maxConcurrentRuns": 3}},
    }
    return {
        name: said(aws.emr.update_application, applicationId=application, **change) for name, change in changes.items()
    }


@chapter.probe(
    "Is DeleteApplication refused while the application is STARTED?",
    expected="ValidationException",
    source="https://docs.aws.amazon.com/emr-serverless/latest/APIReference/API_DeleteApplication.html",
)
def delete_while_started(aws: Account) -> Json:
    """The project stops it first."""
    application = aws.make_started_application(RELEASE)
    return said(aws.emr.delete_application, applicationId=application)


@chapter.probe(
    "Of which releases may an application encrypt its disks with a key of the account?",
    expected=dict.fromkeys(_DISK_RELEASES, "accepted"),
    source=f"{_GUIDE}/disk-encryption-cmk.html",
    needs=(_DISK_KEY,),
)
def disk_encryption(aws: Account) -> Json:
    """The page names no release, so the project asks for none."""
    disk = {"encryptionKeyArn": aws.key_arn("DiskKey")}

    def answer(release: str) -> str:
        with_a_key = said(aws.make_application, release=release, diskEncryptionConfiguration=disk)
        return with_a_key if with_a_key == ACCEPTED or aws.has_release(release) else NO_SUCH_RELEASE

    return {release: answer(release) for release in _DISK_RELEASES}


@chapter.probe(
    "Under which namespace are the metrics of job runs, and with which dimensions?",
    expected={"AWS/EMRServerless": ["ApplicationId", "ApplicationName"]},
    source=f"{_GUIDE}/app-job-metrics.html",
    needs=JOBS,
    runs=1,
)
def metrics(aws: Account) -> Json | Noted:
    """The page spells the namespace in two ways. Alarms that look elsewhere are never raised."""
    application_id, _ = run = aws.submit()
    aws.ended(run)

    def found() -> dict[str, Json] | None:
        listed = {namespace: _metrics(aws, namespace, application_id) for namespace in _NAMESPACES}
        runs = {namespace: metrics["RunningJobs"] for namespace, metrics in listed.items() if "RunningJobs" in metrics}
        return dict(runs)

    # CloudWatch lists a new metric within fifteen minutes.
    answer = aws.until(found, "metrics")
    return Noted(answer=dict(answer), note={name: dict(_metrics(aws, name, application_id)) for name in _NAMESPACES})


def _metrics(aws: Account, namespace: str, application_id: str) -> dict[str, list[Json]]:
    """The dimensions of each metric of an application: of the variant that has the fewest."""
    of_it = {"Name": "ApplicationId", "Value": application_id}
    pages = aws.client("cloudwatch").get_paginator("list_metrics").paginate(Namespace=namespace, Dimensions=[of_it])
    found: dict[str, list[Json]] = {}
    for metric in (metric for page in pages for metric in page["Metrics"]):
        dimensions: list[Json] = sorted(dimension["Name"] for dimension in metric["Dimensions"])
        known = found.get(metric["MetricName"], dimensions)
        found[metric["MetricName"]] = min(known, dimensions, key=lambda names: (len(names), names))
    return found
