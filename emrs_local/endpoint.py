"""Where the local AWS answers, and how it is called there: over HTTPS, as everyone else calls it."""

# ruff: noqa: PLC0415 - importing boto3 takes longer than all else that `emrs-local --help` needs

from __future__ import annotations

import functools
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    import boto3
    import botocore.session
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
    """Requests that are signed like those of an SDK, without boto3 and its models: the first is answered at once."""

    def __init__(self, endpoint: Endpoint, *, region: str, credentials: Credentials) -> None:
        self._endpoint = endpoint
        self._region = region
        self._credentials = credentials

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
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials as Signer
        from botocore.exceptions import BotoCoreError

        url = self._endpoint.url + path + (f"?{urlencode(query)}" if query else "")
        request = AWSRequest(method=method, url=url, data=body)
        known = self._credentials
        signer = Signer(known.access_key_id, known.secret_access_key, known.session_token)
        SigV4Auth(signer, service, self._region).add_auth(request)
        try:
            answer = self._http.send(request.prepare())
        except BotoCoreError as error:
            url = self._endpoint.url
            raise ConnectionError(f"no local AWS answers at {url}; has it ended? ({error})") from error
        return int(answer.status_code), bytes(answer.content)

    @functools.cached_property
    def _http(self) -> URLLib3Session:
        from botocore.httpsession import URLLib3Session

        authority: Any = str(self._endpoint.authority)  # types-botocore has a bool here; botocore takes a path too
        return URLLib3Session(verify=authority, timeout=_TIMEOUT_SECONDS)


@functools.cache
def botocore_session() -> botocore.session.Session:
    """The session that loads each service's model once for all that needs it."""
    import botocore.session

    return botocore.session.get_session()


@functools.cache
def _session() -> boto3.Session:
    import boto3

    return boto3.Session(botocore_session=botocore_session())
