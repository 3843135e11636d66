"""An AWS that is late: it answers as it may, and does, for some seconds after it was told something."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from conformance.account import ENDED
from tests.conformance.proxy import Answer, Exchange

# How often what was done is not seen yet.
TIMES = 2


@dataclass
class Late:
    """Answers as before what was done a moment ago; `was` has what it was late with."""

    was: set[str] = field(default_factory=set)
    _statuses: dict[str, Answer] = field(default_factory=dict)
    _unseen: dict[str, int] = field(default_factory=dict)
    _first_run: str = ""
    _held: list[Any] = field(default_factory=list)
    _empty: int = 0

    def __call__(self, exchange: Exchange) -> Answer | None:
        if exchange.request.startswith("Action="):
            return self._query(exchange, {name: value for name, (value, *_) in parse_qs(exchange.request).items()})
        if "/jobruns" in exchange.path:
            return self._job_runs(exchange)
        if exchange.target.endswith("ReceiveMessage"):
            return self._events(exchange)
        if exchange.target.endswith("DeleteMessage"):
            return 200, b"{}"  # as AWS says of what came twice
        if exchange.target.endswith("DescribeLogStreams") and self._is_unseen("log streams", exchange.request):
            return 200, b'{"logStreams": []}'
        if exchange.path.endswith("/stdout.gz") and exchange.status == 200:
            return self._log(exchange)
        return None

    def _is_unseen(self, kind: str, thing: str) -> bool:
        self._unseen[f"{kind} {thing}"] = seen = self._unseen.get(f"{kind} {thing}", 0) + 1
        if seen > TIMES:
            return False
        self.was.add(kind)
        return True

    def _query(self, exchange: Exchange, said: dict[str, str]) -> Answer | None:
        action, stack = said["Action"], said.get("StackName", "")
        if action == "AssumeRole" and self._is_unseen("roles", said["RoleArn"]):
            return 403, _error("AccessDenied", "late")
        if action == "DescribeStacks" and stack:
            before = self._statuses.get(
                stack, (400, _error("ValidationError", f"Stack with id {stack} does not exist"))
            )
            if self._is_unseen("stacks", f"{stack} {before[1]!r}"):
                return before
            self._statuses[stack] = (exchange.status, exchange.body)
        return None

    def _job_runs(self, exchange: Exchange) -> Answer | None:
        """The first job run of all fails, as if its role were not known yet."""
        if exchange.method == "POST" and exchange.status == 200 and not self._first_run:
            self._first_run = json.loads(exchange.body)["jobRunId"]
        if exchange.path.endswith(f"/jobruns/{self._first_run}") and b'"SUCCESS"' in exchange.body:
            self.was.add("execution roles")
            found = json.loads(exchange.body)
            found["jobRun"] |= {"state": "FAILED", "stateDetails": "Could not assume execution role"}
            return 200, json.dumps(found).encode()
        return None

    def _events(self, exchange: Exchange) -> Answer:
        """The event of a job run's end comes first and twice; what was before it when the queue was found empty."""
        answer = json.loads(exchange.body)
        messages = answer.get("Messages", [])
        earlier = [message for message in messages if _is_of_a_job_run(message) and not _is_of_an_end(message)]
        at_once = [message for message in messages if message not in earlier]
        if earlier:
            self._held += earlier
            self._empty = 0
        elif not messages:
            self._empty += 1
            if self._empty == TIMES and self._held:
                at_once, self._held = self._held, []
                self.was.add("events")
        return 200, json.dumps({**answer, "Messages": [*filter(_is_of_an_end, at_once), *at_once]}).encode()

    def _log(self, exchange: Exchange) -> Answer | None:
        if not self._is_unseen("logs", exchange.path):
            return None
        lines = gzip.decompress(exchange.body).decode().splitlines(keepends=True)
        return 200, gzip.compress("".join(line for line in lines if "stderr" not in line).encode())


def _error(code: str, message: str) -> bytes:
    return f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>".encode()


def _is_of_a_job_run(message: dict[str, Any]) -> bool:
    return "jobRunId" in json.loads(message["Body"])["detail"]


def _is_of_an_end(message: dict[str, Any]) -> bool:
    return json.loads(message["Body"])["detail"].get("state") in ENDED
