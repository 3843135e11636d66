"""Changes the tags of a job run or of an application."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_boto3_emr_serverless.client import EMRServerlessClient

_log = logging.getLogger(__name__)


def change(client: EMRServerlessClient, arn: str, changed: Mapping[str, str], *, removed: Collection[str] = ()) -> None:
    """Take tags away and set others; what is gone is left alone.

    Args:
        client: The client of the service.
        arn: The ARN of the run or the application.
        changed: The tags to set.
        removed: The keys of those to take away.
    """
    try:
        if removed:
            client.untag_resource(resourceArn=arn, tagKeys=sorted(removed))
        if changed:
            client.tag_resource(resourceArn=arn, tags=changed)
    except client.exceptions.ResourceNotFoundException:
        _log.info("%s is gone and can't be tagged", arn)
