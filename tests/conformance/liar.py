"""A proxy in front of a local AWS that answers ten questions wrongly."""

from __future__ import annotations

import json
import ssl
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Exchange:
    """A request, and what was answered to it."""

    method: str
    path: str
    target: str
    request: str
    status: int
    body: bytes

    def is_start_job_run_with(self, text: str) -> bool:
        return self.method == "POST" and self.path.endswith("/jobruns") and text in self.request


Lie = Callable[[Exchange], tuple[int, bytes] | None]


def _replaces(before: bytes, after: bytes, *, path: str = "", target: str = "", request: str = "") -> Lie:
    def lie(exchange: Exchange) -> tuple[int, bytes] | None:
        fits = path in exchange.path and target in exchange.target and request in exchange.request
        return (exchange.status, exchange.body.replace(before, after)) if fits and before in exchange.body else None

    return lie


def _refuses(text: str, code: str) -> Lie:
    def lie(exchange: Exchange) -> tuple[int, bytes] | None:
        refused = json.dumps({"__type": code, "code": code, "message": "a lie"}).encode()
        return (400, refused) if exchange.is_start_job_run_with(text) else None

    return lie


def _starts(text: str) -> Lie:
    def lie(exchange: Exchange) -> tuple[int, bytes] | None:
        started = {"applicationId": "00f" + "a" * 13, "jobRunId": "00f" + "b" * 13, "arn": "arn"}
        refused = exchange.status >= 400 and exchange.is_start_job_run_with(text)
        return (200, json.dumps(started).encode()) if refused else None

    return lie


def _deletes(exchange: Exchange) -> tuple[int, bytes] | None:
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


@contextmanager
def liar(endpoint: str, ca_bundle: str) -> Iterator[tuple[str, set[str]]]:
    """The address of a proxy of the endpoint, and the probes that it has lied to so far."""
    context = ssl.create_default_context(cafile=ca_bundle)
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context), _Untouched()
    )
    told: set[str] = set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            request = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
            forwarded = urllib.request.Request(  # noqa: S310 - to the local AWS
                f"{endpoint}{self.path}", data=request or None, headers=headers, method=self.command
            )
            with opener.open(forwarded) as response:
                status, body, answered = response.status, response.read(), dict(response.headers.items())
            exchange = Exchange(
                self.command,
                self.path.partition("?")[0],
                self.headers.get("X-Amz-Target", ""),
                request.decode(errors="replace"),
                status,
                body,
            )
            for probe, lie in LIES.items():
                if told_so := lie(exchange):
                    told.add(probe)
                    status, body = told_so
                    code = json.loads(body).get("code") if status == 400 else None
                    answered = {**answered, "x-amzn-errortype": code} if code else answered
            self.send_response(status)
            for name, value in answered.items():
                if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_PATCH = _answer  # noqa: N815 - as http.server calls them

        def log_message(self, *_: Any) -> None:
            pass

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{proxy.server_address[1]}", told
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()


class _Untouched(urllib.request.HTTPErrorProcessor):
    """Hands over answers that refuse as they are."""

    def http_response(self, request: urllib.request.Request, response: Any) -> Any:  # noqa: ARG002 - as it is called
        return response

    https_response = http_response
