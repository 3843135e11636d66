"""What CloudFormation is doing with the stack of a custom resource."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_cloudformation.client import CloudFormationClient

CREATING = "CREATE_IN_PROGRESS"
UPDATING = "UPDATE_IN_PROGRESS"
ROLLING_BACK = "UPDATE_ROLLBACK_IN_PROGRESS"


class Stack:
    """The stack that a request belongs to."""

    def __init__(self, stack_id: str, client: Callable[[], CloudFormationClient]) -> None:
        self._id = stack_id
        self._client = client

    def status(self) -> str:
        """The stack's status at this moment.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
        """
        return self._client().describe_stacks(StackName=self._id)["Stacks"][0]["StackStatus"]

    def physical_ids(self, resource_type: str) -> list[str]:
        """The physical ids of the stack's resources of that type."""
        pages = self._client().get_paginator("list_stack_resources").paginate(StackName=self._id)
        found = (summary for page in pages for summary in page["StackResourceSummaries"])
        return [item.get("PhysicalResourceId", "") for item in found if item["ResourceType"] == resource_type]

    def physical_id(self, logical_id: str) -> str | None:
        """The physical id of a resource of the stack, None if there is no such resource yet."""
        try:
            found = self._client().describe_stack_resource(StackName=self._id, LogicalResourceId=logical_id)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError":
                return None
            raise
        return found["StackResourceDetail"].get("PhysicalResourceId") or None
