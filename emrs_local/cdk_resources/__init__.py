"""Custom resources of the CDK whose functions need what only Lambda has, provisioned here instead of by them.

`BucketDeployment` runs the AWS CLI from a layer under /opt, `auto_delete_objects` and `AwsCustomResource` use the
JavaScript SDK that Lambda's Node.js brings. What those functions do is done here, with the credentials of the
function's role, so that IAM decides about it as on AWS.
"""

from emrs_local.cdk_resources.auto_delete_objects import AutoDeleteObjects
from emrs_local.cdk_resources.aws_calls import AwsCalls
from emrs_local.cdk_resources.bucket_deployment import BucketDeployment
from emrs_local.endpoint import Endpoint
from emrs_local.ministack.resource_types import register_custom_resource_type


def register_cdk_resources(endpoint: Endpoint) -> None:
    """Let stacks deploy files to buckets, empty buckets before they are deleted, and call AWS's API."""
    for resource in (AutoDeleteObjects(endpoint), AwsCalls(endpoint), BucketDeployment(endpoint)):
        for name in resource.TYPE_NAMES:
            register_custom_resource_type(name, create=resource.create, update=resource.update, delete=resource.delete)
