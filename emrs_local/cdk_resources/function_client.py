"""A client that is to IAM what the custom resource's function would be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from emrs_local.endpoint import Endpoint
from emrs_local.ministack.functions import function_role
from emrs_local.ministack.iam import assumed_role
from emrs_local.ministack.scope import current_scope


@contextmanager
def client_of_function(
    endpoint: Endpoint, properties: dict[str, Any], service: str, *, region: str | None = None
) -> Iterator[Any]:
    """A client of a service with the credentials of the role of the function that `ServiceToken` names."""
    with assumed_role(function_role(properties["ServiceToken"]), session_name="function") as session:
        yield endpoint.client(service, region=region or current_scope().region, credentials=session.credentials)
