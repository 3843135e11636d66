"""Custom resources: an event to the function, delivered asynchronously, and the answer at the ResponseURL.

As on AWS, only the answer counts: Lambda delivers the event (InvocationType Event) and tries again twice if the
function fails, and CloudFormation waits for the answer whatever becomes of the function, for `ServiceTimeout` seconds.
ministack 1.5.33 runs the function synchronously and once.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import string
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

_MAXIMUM_ANSWER_BYTES = 4096
_MAXIMUM_PHYSICAL_ID_BYTES = 1024
_DEFAULT_TIMEOUT_SECONDS = 3600
_EXPIRES_SECONDS = 7200
_NO_ANSWER = (
    "CloudFormation did not receive a response from your Custom Resource. Please check your logs for requestId "
    "[{request_id}]. If you are using the Python cfn-response module, you may need to update your Lambda function code "
    "so that CloudFormation can attach the updated version."
)

# Who waits for an answer, by the token in its ResponseURL. Answers and waiters live on the event loop.
_waiting: dict[str, asyncio.Future[bytes]] = {}


class CustomResourceFailed(Exception):
    """The resource failed; the message is the reason of the event, `physical_id` what the answer gave, if anything."""

    def __init__(self, message: str, physical_id: str = "") -> None:
        super().__init__(message)
        self.physical_id = physical_id


@dataclass(frozen=True, kw_only=True)
class Request:
    """What CloudFormation asks of a custom resource."""

    request_type: str
    stack_id: str
    logical_id: str
    resource_type: str
    properties: dict[str, Any]
    physical_id: str = ""
    old_properties: dict[str, Any] | None = None
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def event(self, response_url: str) -> dict[str, Any]:
        """The event that the function receives; every leaf of the properties is a string, as on AWS."""
        from ministack.services.cloudformation.custom_resource import _normalise_resource_properties

        event = {
            "RequestType": self.request_type,
            "ServiceToken": self.properties.get("ServiceToken"),
            "ResponseURL": response_url,
            "StackId": self.stack_id,
            "RequestId": self.request_id,
            "LogicalResourceId": self.logical_id,
            "ResourceType": self.resource_type,
            "ResourceProperties": _normalise_resource_properties(self.properties),
        }
        if self.physical_id:
            event["PhysicalResourceId"] = self.physical_id
        if self.old_properties is not None:
            event["OldResourceProperties"] = _normalise_resource_properties(self.old_properties)
        return event


def is_custom_resource(resource_type: str) -> bool:
    """Whether a function provides the type; `register_custom_resource_type` has some provided here."""
    from ministack.services.cloudformation import provisioners

    if resource_type == "AWS::CloudFormation::CustomResource":
        return True
    return resource_type.startswith("Custom::") and resource_type not in provisioners._RESOURCE_HANDLERS


def invented_physical_id(stack_name: str, logical_id: str) -> str:
    """The id that CloudFormation gives a custom resource that failed or was interrupted before it had one."""
    suffix = "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(12))
    return f"{stack_name}-{logical_id}-{suffix}"


async def send(request: Request) -> tuple[str, dict[str, Any]]:
    """Send an event and wait for its answer.

    Returns:
        The physical id and the attributes.

    Raises:
        CustomResourceFailed: The answer says so or is not valid, or none came in time.
    """
    from ministack.services.cloudformation import custom_resource

    token = secrets.token_urlsafe(32)
    answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    _waiting[token] = answered
    try:
        _invoke(request, f"{custom_resource._response_url(token)}?{_signature(token)}")
        async with asyncio.timeout(_timeout_seconds(request.properties)):
            return _result(request, await answered)
    except TimeoutError:
        raise CustomResourceFailed(_NO_ANSWER.format(request_id=request.request_id)) from None
    finally:
        # Whoever answers later, or after the operation was cancelled, is not heard.
        del _waiting[token]


def _signature(token: str) -> str:
    """The query of a presigned URL: of the form with the date, or of the older one, which only says when it expires.

    AWS sends either, by Region; nothing says after how long one expires.
    """
    now = datetime.now(UTC)
    if int.from_bytes(token.encode()) % 2:
        return f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date={now:%Y%m%dT%H%M%SZ}&X-Amz-Expires=7200&X-Amz-Signature=0"
    return f"AWSAccessKeyId=AKIA&Expires={now.timestamp() + _EXPIRES_SECONDS:.0f}&Signature=0"


def deliver(token: str, body: bytes) -> None:
    """Take what was PUT to a ResponseURL; the first answer counts."""
    answered = _waiting.get(token)
    if answered is not None and not answered.done():
        answered.set_result(body)


def _invoke(request: Request, response_url: str) -> None:
    from ministack.core.arn import parse_arn
    from ministack.core.responses import get_region
    from ministack.services import lambda_svc

    service_token = str(request.properties.get("ServiceToken") or "")
    if service_token.startswith("arn:") and parse_arn(service_token).region != get_region():
        raise CustomResourceFailed(f"Invalid service token: {service_token} is not in the region of the stack")
    record, configuration, _ = lambda_svc._get_func_record_for_ref(service_token)
    if record is None or configuration is None:
        raise CustomResourceFailed(f"Lambda function not found: {service_token}")
    function = lambda_svc._execution_record_for_config(record, configuration)
    lambda_svc.invoke_async_with_retry(function, request.event(response_url))


def _timeout_seconds(properties: dict[str, Any]) -> int:
    try:
        return int(properties.get("ServiceTimeout", _DEFAULT_TIMEOUT_SECONDS))
    except (TypeError, ValueError):
        raise CustomResourceFailed("ServiceTimeout must be a number of seconds between 1 and 3600") from None


def _result(request: Request, body: bytes) -> tuple[str, dict[str, Any]]:
    if len(body) > _MAXIMUM_ANSWER_BYTES:
        raise CustomResourceFailed("Response object is too long.")
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or answer.get("Status") not in ("SUCCESS", "FAILED"):
        raise CustomResourceFailed("Invalid response object: Value of property Status must be SUCCESS or FAILED.")
    physical_id = str(answer.get("PhysicalResourceId") or "")
    if answer["Status"] == "FAILED":
        raise CustomResourceFailed(
            "Received response status [FAILED] from custom resource. "
            f"Message returned: {answer.get('Reason', '')} (RequestId: {request.request_id})",
            physical_id,
        )
    if request.request_type == "Delete":
        return request.physical_id, {}
    if not physical_id or len(physical_id.encode()) > _MAXIMUM_PHYSICAL_ID_BYTES:
        raise CustomResourceFailed("Invalid PhysicalResourceId")
    data = answer.get("Data") or {}
    if not isinstance(data, dict):
        raise CustomResourceFailed("Invalid response object: Value of property Data must be an object.", physical_id)
    return physical_id, data
