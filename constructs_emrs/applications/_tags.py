"""The tags of an application, most of which CloudFormation does not set.

CloudFormation calls UpdateApplication to change a tag, which the service refuses while the application is started,
although TagResource would do: https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/2370. So a
custom resource sets those that the application has from its constructs. Those of the stack reach it through
CloudFormation whatever its template says: the application is stopped before they change.
"""

import functools
from typing import Any

from aws_cdk import TagManager
from aws_cdk import aws_emrserverless as emrserverless

from ..handler import contract
from ..permissions.arns import stack_id
from ..validation.cdk_cache import stack_of


class ApplicationTags:
    """What is known about the tags of an application when the app is synthesised."""

    def __init__(self, resource: emrserverless.CfnApplication) -> None:
        """Take the tags out of CloudFormation's hands.

        Args:
            resource: The application's resource. It keeps the tag by which the functions know that it is the stack's.
        """
        self._resource = resource
        resource.add_property_override("Tags", [{"Key": contract.STACK_TAG, "Value": stack_id()}])

    def all(self) -> dict[str, str]:
        """The tags of the constructs around the application, and those of the stack that these do not replace."""
        return {**self.of_stack(), **self._own.tag_values()}

    def of_stack(self) -> dict[str, str]:
        """The tags that CloudFormation hands to each resource: of the stack, and of those that it is nested in.

        What `cdk deploy --tags` puts in their place is not known here.
        https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-resource-tags.html
        """
        tags: dict[str, str] = {}
        for outer in self._of_stacks:
            tags.update(outer.tag_values())
        return tags

    # Who keeps the tags is asked once, which there are whenever the CDK asks.
    @functools.cached_property
    def _own(self) -> TagManager:
        return self._resource.tags

    @functools.cached_property
    def _of_stacks(self) -> list[TagManager]:
        stack = stack_of(self._resource)
        kept: list[TagManager] = []
        while stack.nested_stack_parent is not None:
            # A nested stack is a resource of its parent, whose tags reach it unless it has others of these names. The
            # CDK hands the tags of the stack to the resource in the middle of a synth, after it has asked for these.
            nested: Any = stack.nested_stack_resource
            kept = [nested.tags, stack.tags, *kept]
            stack = stack.nested_stack_parent
        return [stack.tags, *kept]
