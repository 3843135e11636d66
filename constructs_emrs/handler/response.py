"""Answers CloudFormation.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
"""

from __future__ import annotations

import json
import os
import ssl
import urllib.request
from typing import TYPE_CHECKING, Any

from .truncation import first_bytes

if TYPE_CHECKING:
    from .request import Done, Request

# "The response body … can be up to 4096 bytes."
_MOST_BYTES = 4_096
_ELLIPSIS = 3
_SECONDS = 30


def success(request: Request, done: Done) -> str:
    """What CloudFormation is told of a request that is done."""
    return _encoded({"Status": "SUCCESS", **_identity(request, done.physical_id), "Data": done.data})


def failed(request: Request, physical_id: str, reason: str) -> str:
    """What CloudFormation is told of a request that failed; the reason is cut to what fits."""
    body = {"Status": "FAILED", **_identity(request, physical_id)}
    # CloudFormation fails a resource without a reason for that, and says nothing else.
    room = _MOST_BYTES - len(_encoded({**body, "Reason": ""}).encode()) - _ELLIPSIS
    return _encoded({**body, "Reason": first_bytes(reason or "It failed.", room)})


def put(response_url: str, body: bytes) -> None:
    """Send an answer.

    Raises:
        OSError: It could not be sent.
    """
    # The URL is signed for a request without a content type.
    put = urllib.request.Request(response_url, data=body, method="PUT", headers={"Content-Type": ""})  # noqa: S310 - CloudFormation's own URL
    trusted = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE"))
    with urllib.request.urlopen(put, timeout=_SECONDS, context=trusted):  # noqa: S310 - CloudFormation's own URL
        pass


def _identity(request: Request, physical_id: str) -> dict[str, str]:
    return {
        "PhysicalResourceId": physical_id,
        "StackId": request.stack_id,
        "RequestId": request.request_id,
        "LogicalResourceId": request.logical_id,
    }


def _encoded(body: dict[str, Any]) -> str:
    # A lone surrogate can't be sent.
    return json.dumps(body, ensure_ascii=False).encode(errors="replace").decode()
