"""Events: what EventBridge is told of applications and job runs, and how soon."""

from __future__ import annotations

import datetime
import json
from typing import Any

from conformance.account import ENDED, Account
from conformance.facilities import APPLICATION, JOBS, Facility, allow
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

Event = dict[str, Any]


def _received(aws: Account) -> list[Event]:
    """The events so far; those that have come since the last look are taken out of the queue."""
    events: list[Event] = aws.once("events", lambda _: [])
    sqs, url = aws.client("sqs"), aws.physical_id("Queue")
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            now = datetime.datetime.now(tz=datetime.UTC)
            events.append({**json.loads(message["Body"]), "received": now})
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return events


def _of_a_failed_run(aws: Account) -> list[Event]:
    """The events of a run that was tried twice and failed; it is run once."""

    def run(aws: Account) -> list[Event]:
        _, job_run_id = failed = aws.submit("raises", retryPolicy={"maxAttempts": 2})
        aws.ended(failed)

        def all_of_them() -> list[Event] | None:
            events = [event for event in _received(aws) if event["detail"].get("jobRunId") == job_run_id]
            return events if any(event["detail"].get("state") in ENDED for event in events) else None

        return aws.until(all_of_them, "the events of a job run")

    return aws.once("the events of a failed run", run)


def _keys(events: list[Event], detail_type: str, **detail: str) -> list[Json]:
    """The members of the first event of a type."""
    fitting = [event["detail"] for event in events if event["detail-type"] == detail_type]
    return sorted(next(found for found in fitting if found.items() >= detail.items()))


@chapter.probe(
    "Which members has the event of a job run that has failed?",
    expected=sorted([*_OF_A_RUN, "previousState", "state"]),
    source=_GUIDE,
    needs=_NEEDS,
    runs=1,
)
def of_a_job_run(aws: Account) -> Json:
    """Neither name nor state details."""
    return _keys(_of_a_failed_run(aws), _RUN_CHANGED, state="FAILED")


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
)
def of_another_attempt(aws: Account) -> Json:
    """There is one for each attempt but the first."""
    return _keys(_of_a_failed_run(aws), _RETRIED)


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
    needs=(*_NEEDS, APPLICATION),
)
def of_an_application(aws: Account) -> Json:
    """Its configuration is spelt differently from the API's."""
    _of_a_failed_run(aws)  # which has started it, if nothing else has

    def found() -> list[Json] | None:
        try:
            return _keys(_received(aws), _APPLICATION_CHANGED, state="STARTED")
        except StopIteration:
            return None

    return aws.until(found, "the event of an application")


@chapter.probe(
    "Does the event of a job run's end come within a minute, and are there events of its other states?",
    expected=OneOf(answers=({"within a minute": True, "RUNNING": True}, {"within a minute": False, "RUNNING": True})),
    source=_GUIDE,
    needs=_NEEDS,
)
def delay(aws: Account) -> Json | Noted:
    """Nothing waits for an event that could ask."""
    events = [event for event in _of_a_failed_run(aws) if event["detail-type"] == _RUN_CHANGED]
    end = next(event for event in events if event["detail"]["state"] in ENDED)
    late = end["received"] - datetime.datetime.fromisoformat(end["detail"]["updatedAt"])
    states = [event["detail"]["state"] for event in sorted(events, key=lambda event: str(event["detail"]["updatedAt"]))]
    answer = {"within a minute": late < datetime.timedelta(minutes=1), "RUNNING": "RUNNING" in states}
    return Noted(answer=answer, note=states)
