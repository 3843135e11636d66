"""A proxy in front of a local AWS that answers some requests in its place."""

from __future__ import annotations

import json
import ssl
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from emrs_local import LocalAws

_OF_THE_BODY = ("content-length", "transfer-encoding", "connection", "date", "server")


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


Answer = tuple[int, bytes]
Lie = Callable[[Exchange], Answer | None]


@contextmanager
def proxy(server: LocalAws, lie: Lie) -> Iterator[dict[str, str]]:
    """The environment of who asks a proxy of the server; `lie` says what it answers instead of what it has heard."""
    endpoint = server.url
    context = ssl.create_default_context(cafile=server.environment["AWS_CA_BUNDLE"])
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context), _Untouched()
    )

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
            if lied := lie(exchange):
                status, body = lied
                code = json.loads(body).get("code") if status >= 400 and body.startswith(b"{") else None
                answered = {**answered, "x-amzn-errortype": code} if code else answered
            self.send_response(status)
            for name, value in answered.items():
                if name.lower() not in _OF_THE_BODY:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_PATCH = _answer  # noqa: N815 - as http.server calls them

        def log_message(self, *_: Any) -> None:
            pass

    proxying = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=proxying.serve_forever, daemon=True)
    thread.start()
    try:
        yield {**server.environment, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{proxying.server_address[1]}"}
    finally:
        proxying.shutdown()
        proxying.server_close()
        thread.join()


class _Untouched(urllib.request.HTTPErrorProcessor):
    """Hands over answers that refuse as they are."""

    def http_response(self, request: urllib.request.Request, response: Any) -> Any:  # noqa: ARG002 - as it is called
        return response

    https_response = http_response
