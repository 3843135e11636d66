"""An S3 client that is to IAM what the custom resource's function would be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from emrs_local import _ministack
from emrs_local.engine.credentials import Credentials
from emrs_local.service.aws_clients import Endpoint


@contextmanager
def s3_client_of_function(endpoint: Endpoint, properties: dict[str, Any]) -> Iterator[Any]:
    """A client with the credentials of the role of the function that `ServiceToken` names."""
    session = _ministack.issue_role_session(
        _ministack.function_role(properties["ServiceToken"]), session_name="function", policy=None, policy_arns=()
    )
    credentials = Credentials(
        access_key_id=session.access_key_id,
        secret_access_key=session.secret_access_key,
        session_token=session.session_token,
    )
    try:
        yield endpoint.client("s3", region=_ministack.current_scope().region, credentials=credentials)
    finally:
        _ministack.revoke_role_session(session.access_key_id)
