"""An S3 client that is to IAM what the custom resource's function would be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from emrs_local.endpoint import Endpoint
from emrs_local.ministack import app
from emrs_local.spark.credentials import Credentials


@contextmanager
def s3_client_of_function(endpoint: Endpoint, properties: dict[str, Any]) -> Iterator[Any]:
    """A client with the credentials of the role of the function that `ServiceToken` names."""
    session = app.issue_role_session(
        app.function_role(properties["ServiceToken"]), session_name="function", policy=None, policy_arns=()
    )
    credentials = Credentials(
        access_key_id=session.access_key_id,
        secret_access_key=session.secret_access_key,
        session_token=session.session_token,
    )
    try:
        yield endpoint.client("s3", region=app.current_scope().region, credentials=credentials)
    finally:
        app.revoke_role_session(session.access_key_id)
