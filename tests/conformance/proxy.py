"""A proxy in front of a local AWS that answers some requests in its place."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPException, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from emrs_local import LocalAws

_OF_THE_BODY = ("content-length", "transfer-encoding", "connection", "date", "server")


@dataclass(frozen=True)
class Exchange:
    """A request, and what was answered to it."""

    method: str
    path: str
    target: str
    request: str
    status: int = 0
    body: bytes = b""

    def is_start_job_run_with(self, text: str) -> bool:
        return self.method == "POST" and self.path.endswith("/jobruns") and text in self.request


Answer = tuple[int, bytes]
Lie = Callable[[Exchange], Answer | None]


@contextmanager
def proxy(server: LocalAws, lie: Lie, *, refuse: Lie = lambda _: None) -> Iterator[dict[str, str]]:
    """The environment of who asks a proxy of the server.

    Args:
        server: Who is asked.
        lie: What is answered instead of what the server has answered.
        refuse: What is answered instead of asking the server; its exchange has no answer yet.
    """
    address = urlsplit(server.url)
    context = ssl.create_default_context(cafile=server.environment["AWS_CA_BUNDLE"])

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # or a body waits for the receipt of the headers

        def setup(self) -> None:
            super().setup()
            self.upstream = HTTPSConnection(address.hostname or "", address.port, context=context)

        def finish(self) -> None:
            self.upstream.close()
            super().finish()

        def _answer(self) -> None:
            request = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = Exchange(
                self.command,
                self.path.partition("?")[0],
                self.headers.get("X-Amz-Target", ""),
                request.decode(errors="replace"),
            )
            headers: dict[str, str] = {}
            lied = refuse(asked)
            if not lied:
                status, body, headers = self._ask(request)
                lied = lie(replace(asked, status=status, body=body)) or (status, body)
            status, body = lied
            code = json.loads(body).get("code") if status >= 400 and body.startswith(b"{") else None
            self.send_response(status)
            for name, value in {**headers, **({"x-amzn-errortype": code} if code else {})}.items():
                if name.lower() not in _OF_THE_BODY and not name.lower().startswith("x-amz-checksum"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def _ask(self, request: bytes) -> tuple[int, bytes, dict[str, str]]:
            headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
            try:
                self.upstream.request(self.command, self.path, body=request or None, headers=headers)
                response = self.upstream.getresponse()
            except (ConnectionError, HTTPException):  # the server has closed what nobody used for some seconds
                self.upstream.close()
                self.upstream.request(self.command, self.path, body=request or None, headers=headers)
                response = self.upstream.getresponse()
            return response.status, response.read(), dict(response.getheaders())

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
