"""Events: what EventBridge is told of applications and job runs, and how soon."""

from __future__ import annotations

import contextlib
import datetime
import json
from typing import Any

from conformance.account import Account, Shared, Unanswered
from conformance.facilities import JOBS, RELEASE, Facility, allow
from conformance.probe import Chapter, Json, Noted, OneOf

chapter = Chapter("events")

_GUIDE = "https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/using-eventbridge.html"
_QUEUE = Facility(
    what="a queue, and a rule that puts the events of EMR Serverless into it",
    resources={
        "Queue": {"Type": "AWS::SQS::Queue"},
        "QueuePolicy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {
                "Queues": [{"Ref": "Queue"}],
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        allow(
                            "sqs:SendMessage",
                            {"Fn::GetAtt": "Queue.Arn"},
                            Principal={"Service": "events.amazonaws.com"},
                            Condition={"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": "Rule.Arn"}}},
                        )
                    ],
                },
            },
        },
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "EventPattern": {"source": ["aws.emr-serverless"]},
                "Targets": [{"Id": "Queue", "Arn": {"Fn::GetAtt": "Queue.Arn"}}],
            },
        },
    },
)
_NEEDS = (_QUEUE, *JOBS)
_RUN_CHANGED, _RETRIED = "EMR Serverless Job Run State Change", "EMR Serverless Job Run Retry"
_APPLICATION_CHANGED = "EMR Serverless Application State Change"
_OF_A_RUN = ["applicationId", "arn", "createdAt", "createdBy", "jobRunId", "releaseLabel", "updatedAt"]

_APPLICATIONS, _APPLICATION_MINUTES = 3, 5

Event = dict[str, Any]


_RECEIVED: Shared[dict[str, Event]] = Shared(name="events", runs=0, make=lambda _: {})


def _received(aws: Account) -> list[Event]:
    """The events so far, each once; those that have come since the last look are taken out of the queue."""
    events = aws.once(_RECEIVED)
    sqs, url = aws.client("sqs"), aws.physical_id("Queue")
    arguments = {"QueueUrl": url, "MaxNumberOfMessages": 10, "AttributeNames": ["SentTimestamp"]}
    while messages := sqs.receive_message(**arguments).get("Messages"):
        for message in messages:
            event = json.loads(message["Body"])
            came = int(message["Attributes"]["SentTimestamp"]) / 1000  # by AWS's clock
            events.setdefault(event["id"], {**event, "came": datetime.datetime.fromtimestamp(came, tz=datetime.UTC)})
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return list(events.values())


def _of_a_started_application(aws: Account) -> Event:
    """The event of an application that has started. A rule that was made a moment ago may miss those of the first."""
    for _ in range(_APPLICATIONS):
        application_id = aws.make_started_application(RELEASE)
        wanted = {"applicationId": application_id, "state": "STARTED"}
        with contextlib.suppress(Unanswered):
            return aws.until(
                lambda wanted=wanted: _first(_received(aws), _APPLICATION_CHANGED, **wanted),  # type: ignore[misc]
                "the event of an application",
                minutes=_APPLICATION_MINUTES,
            )
    raise Unanswered(f"there was no event of {_APPLICATIONS} applications that have started")


_STARTED = Shared(name="the event of an application that has started", runs=0, make=_of_a_started_application)


def _of_a_failed_run(aws: Account) -> list[Event]:
    """The events of a run that was tried twice and failed, in whatever order they come."""
    aws.once(_STARTED)  # the rule works by now
    _, job_run_id = failed = aws.submit("raises", retryPolicy={"maxAttempts": 2})
    aws.ended(failed)

    def events() -> list[Event]:
        return [event for event in _received(aws) if event["detail"].get("jobRunId") == job_run_id]

    def all_of_them() -> list[Event] | None:
        found = events()
        states = [{"state": "RUNNING"}, {"state": "FAILED"}]
        is_all = all(_first(found, _RUN_CHANGED, **state) for state in states) and _first(found, _RETRIED)
        return found if is_all else None

    try:
        return aws.until(all_of_them, "the events of a job run")
    except Unanswered:
        if found := events():
            return found  # what has not come by now does not come
        raise


_FAILED = Shared(name="the events of a failed run", runs=2, make=_of_a_failed_run)


def _first(events: list[Event], detail_type: str, **detail: str) -> Event | None:
    """The first event of a type with such details."""
    fitting = (event for event in events if event["detail-type"] == detail_type)
    return next((event for event in fitting if event["detail"].items() >= detail.items()), None)


def _members(events: list[Event], detail_type: str, **detail: str) -> list[Json]:
    event = _first(events, detail_type, **detail)
    if event is None:
        raise Unanswered(f"there was no event {detail_type}")
    return sorted(event["detail"])


@chapter.probe(
    "Which members has the event of a job run that has failed?",
    expected=sorted([*_OF_A_RUN, "previousState", "state"]),
    source=_GUIDE,
    needs=_NEEDS,
    shares=(
        _STARTED,
        _FAILED,
    ),
)
def of_a_job_run(aws: Account) -> Json:
    """Neither name nor state details."""
    return _members(aws.once(_FAILED), _RUN_CHANGED, state="FAILED")


@chapter.probe(
    "Which members has the event of another attempt?",
    expected=sorted(
        [
            *_OF_A_RUN,
            "newAttempt",
            "newAttemptCreatedAt",
            "previousAttempt",
            "previousAttemptCreatedAt",
            "previousAttemptEndedAt",
            "previousAttemptState",
        ]
    ),
    source=_GUIDE,
    needs=_NEEDS,
    shares=(
        _STARTED,
        _FAILED,
    ),
)
def of_another_attempt(aws: Account) -> Json:
    """There is one for each attempt but the first."""
    return _members(aws.once(_FAILED), _RETRIED)


@chapter.probe(
    "Which members has the event of an application?",
    expected=sorted(
        [
            "applicationId",
            "applicationName",
            "arn",
            "autoStartConfig",
            "autoStopConfig",
            "createdAt",
            "releaseLabel",
            "state",
            "type",
            "updatedAt",
        ]
    ),
    source=_GUIDE,
    needs=(_QUEUE,),
    shares=(_STARTED,),
)
def of_an_application(aws: Account) -> Json:
    """Its configuration is spelt differently from the API's."""
    return sorted(aws.once(_STARTED)["detail"])


@chapter.probe(
    "Does the event of a job run's end come within a minute, and are there events of its other states?",
    expected=OneOf(answers=({"within a minute": True, "RUNNING": True}, {"within a minute": False, "RUNNING": True})),
    source=_GUIDE,
    needs=_NEEDS,
    shares=(
        _STARTED,
        _FAILED,
    ),
)
def delay(aws: Account) -> Json | Noted:
    """Nothing waits for an event that could ask."""
    changes = [event for event in aws.once(_FAILED) if event["detail-type"] == _RUN_CHANGED]
    end = _first(changes, _RUN_CHANGED, state="FAILED")
    if end is None:
        raise Unanswered("there was no event of the end")
    late = end["came"] - datetime.datetime.fromisoformat(end["detail"]["updatedAt"])
    states = [
        event["detail"]["state"] for event in sorted(changes, key=lambda event: str(event["detail"]["updatedAt"]))
    ]
    answer = {"within a minute": late < datetime.timedelta(minutes=1), "RUNNING": "RUNNING" in states}
    return Noted(answer=answer, note=states)
