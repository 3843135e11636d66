"""Where the local AWS answers, and how it is called there: over HTTPS, as everyone else calls it."""

# ruff: noqa: PLC0415 - importing boto3 takes longer than all else that `emrs-local --help` needs

from __future__ import annotations

import functools
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    import boto3
    import botocore.session
    from botocore.awsrequest import AWSResponse
    from botocore.httpsession import URLLib3Session

HOST = "127.0.0.1"
_TIMEOUT_SECONDS = 300

# The session loads each service's model once for all runs; making clients from one session is not thread-safe.
_session_lock = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What `sts:AssumeRole` returned; the secret parts stay out of `repr`."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where the local AWS answers, and the certificates that vouch for it.

    Attributes:
        url: The address of every service.
        authority: The authority of its certificate. A client reads it for each connection, and a bundle takes long.
        ca_bundle: All authorities that a process should trust, this one among them.
    """

    url: str
    authority: Path
    ca_bundle: Path

    def client(self, service: str, *, region: str, credentials: Credentials) -> Any:
        """A boto3 client that signs with `credentials`."""
        from botocore.config import Config

        with _session_lock:
            return _session().client(  # type: ignore[call-overload]
                service,
                region_name=region,
                endpoint_url=self.url,
                verify=str(self.authority),
                aws_access_key_id=credentials.access_key_id,
                aws_secret_access_key=credentials.secret_access_key,
                aws_session_token=credentials.session_token,
                config=Config(retries={"mode": "standard", "total_max_attempts": 3}, s3={"addressing_style": "path"}),
            )


class Connection:
    """Requests that are signed like those of an SDK, without boto3 and its models: the first is answered at once.

    Args:
        endpoint: Where they go.
        region: The region that they are signed for.
        credentials: Whose they are.
        connections: How many threads may send at the same time without connecting each time.
    """

    def __init__(self, endpoint: Endpoint, *, region: str, credentials: Credentials, connections: int = 1) -> None:
        self._endpoint = endpoint
        self._region = region
        self._credentials = credentials
        self._connections = connections

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def send(
        self, service: str, method: str, path: str, *, query: Mapping[str, str] | None = None, body: bytes = b""
    ) -> tuple[int, bytes]:
        """Send a request; returns the status and the body of the answer.

        Raises:
            ConnectionError: Nothing answers; the message is for the user.
        """
        # They take longer to import than everything else here; `emrs-local --help` needs none of them.
        from botocore.exceptions import BotoCoreError

        try:
            answer = self.exchange(service, method, path, query=query, body=body)
        except BotoCoreError as error:
            url = self._endpoint.url
            raise ConnectionError(f"no local AWS answers at {url}; has it ended? ({error})") from error
        return int(answer.status_code), bytes(answer.content)

    def exchange(
        self,
        service: str,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        region: str | None = None,
        stream: bool = False,
    ) -> AWSResponse:
        """Send a request; returns the answer, whatever its status.

        Args:
            service: The name that the request is signed for.
            method: GET, for instance.
            path: The path of the URL, encoded.
            query: The query of the URL.
            headers: More headers than that of the signature.
            body: The content.
            region: Another region than that of the connection.
            stream: Leave the content of the answer to be read from `raw`, which the caller closes.

        Raises:
            botocore.exceptions.BotoCoreError: Nothing answers.
        """
        from botocore.auth import S3SigV4Auth, SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials as Signer
        from botocore.exceptions import ConnectionClosedError

        encoded = urlencode(query or {}, quote_via=quote, safe="")
        url = self._endpoint.url + path + (f"?{encoded}" if encoded else "")
        request = AWSRequest(method=method, url=url, data=body, headers=dict(headers or {}), stream_output=stream)
        known = self._credentials
        signer = Signer(known.access_key_id, known.secret_access_key, known.session_token)
        sign = S3SigV4Auth if service == "s3" else SigV4Auth
        sign(signer, service, region or self._region).add_auth(request)
        prepared = request.prepare()
        try:
            return self._http.send(prepared)
        except ConnectionClosedError:  # it was idle for long, and closed while this was sent
            return self._http.send(prepared)

    @functools.cached_property
    def _http(self) -> URLLib3Session:
        from botocore.httpsession import URLLib3Session

        # types-botocore has a bool and strings here; botocore takes a path, and what sockets take.
        authority: Any = str(self._endpoint.authority)
        # What is sent in two pieces would wait for 40 ms between them, as those of an SDK do not.
        at_once: Any = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
        return URLLib3Session(
            verify=authority,
            timeout=_TIMEOUT_SECONDS,
            max_pool_connections=self._connections,
            socket_options=at_once,
        )


@functools.cache
def botocore_session() -> botocore.session.Session:
    """The session that loads each service's model once for all that needs it."""
    import botocore.session

    return botocore.session.get_session()


@functools.cache
def _session() -> boto3.Session:
    import boto3

    return boto3.Session(botocore_session=botocore_session())
