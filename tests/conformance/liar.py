"""Ten wrong answers."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tests.conformance.proxy import Answer, Exchange, Lie


def _replaces(before: bytes, after: bytes, *, path: str = "", target: str = "", request: str = "") -> Lie:
    def lie(exchange: Exchange) -> Answer | None:
        fits = path in exchange.path and target in exchange.target and request in exchange.request
        return (exchange.status, exchange.body.replace(before, after)) if fits and before in exchange.body else None

    return lie


def _refuses(text: str, code: str) -> Lie:
    def lie(exchange: Exchange) -> Answer | None:
        refused = json.dumps({"__type": code, "code": code, "message": "a lie"}).encode()
        return (400, refused) if exchange.is_start_job_run_with(text) else None

    return lie


def _starts(text: str) -> Lie:
    def lie(exchange: Exchange) -> Answer | None:
        started = {"applicationId": "00f" + "a" * 13, "jobRunId": "00f" + "b" * 13, "arn": "arn"}
        refused = exchange.status >= 400 and exchange.is_start_job_run_with(text)
        return (200, json.dumps(started).encode()) if refused else None

    return lie


def _deletes(exchange: Exchange) -> Answer | None:
    return (200, b"{}") if exchange.method == "DELETE" and exchange.status == 400 else None


# What each of the probes is told.
LIES: Mapping[str, Lie] = {
    "application.spelling-of-the-type": _replaces(b'"Spark"', b'"SPARK"', path="/applications/"),
    "application.stopping-by-default": _replaces(
        b'"idleTimeoutMinutes": 15', b'"idleTimeoutMinutes": 30', path="/applications/"
    ),
    "application.delete-while-started": _deletes,
    "job-run.timeouts": _refuses('"executionTimeoutMinutes": 5', "ValidationException"),
    "job-run.role-of-another-account": _refuses("of-another-account", "ValidationException"),
    "job-run.client-token-with-other-parameters": _starts("-other"),
    "job-run.without-trust": _replaces(b"Could not assume", b"No", path="/jobruns/"),
    "logs.stream-with-a-prefix": _replaces(b"a/prefix/applications", b"applications", target="DescribeLogStreams"),
    "events.of-a-job-run": _replaces(b"previousState", b"formerState", target="ReceiveMessage"),
    "stack.tags-of-a-started-application": _replaces(
        b"UPDATE_ROLLBACK_COMPLETE", b"UPDATE_COMPLETE", request="Action=DescribeStacks"
    ),
}


def lying_to(told: set[str]) -> Lie:
    """Tells the lies, and adds the probes that were told one."""

    def lie(exchange: Exchange) -> Answer | None:
        answer = None
        for probe, each in LIES.items():
            if lied := each(exchange):
                told.add(probe)
                answer = lied
        return answer

    return lie
