"""Where the local AWS answers, and how it is called there as a role: over HTTPS, as everyone else calls it."""

# ruff: noqa: PLC0415 - importing boto3 takes longer than all else that `emrs-local --help` needs

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import boto3

HOST = "127.0.0.1"

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
    """Where the local AWS answers, and the certificates that vouch for it."""

    url: str
    ca_bundle: Path

    def client(self, service: str, *, region: str, credentials: Credentials) -> Any:
        """A boto3 client that signs with `credentials`."""
        from botocore.config import Config

        with _session_lock:
            return _session().client(  # type: ignore[call-overload]
                service,
                region_name=region,
                endpoint_url=self.url,
                verify=str(self.ca_bundle),
                aws_access_key_id=credentials.access_key_id,
                aws_secret_access_key=credentials.secret_access_key,
                aws_session_token=credentials.session_token,
                config=Config(retries={"mode": "standard", "total_max_attempts": 3}, s3={"addressing_style": "path"}),
            )


@functools.cache
def _session() -> boto3.Session:
    import boto3

    return boto3.Session()
