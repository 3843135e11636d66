"""ARNs and service principals as policies name them, asked of the CDK once."""

import functools

from aws_cdk import Aws, Fn, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import IConstruct

from ..handler import contract
from ..validation.cdk_cache import asked_once, place_of, stack_of
from ..validation.tokens import is_token

EMR_SERVERLESS = "emr-serverless.amazonaws.com"
"""The service's principal."""


@functools.cache
def account_id() -> str:
    """The account that the stack is deployed to."""
    return Aws.ACCOUNT_ID


@functools.cache
def region() -> str:
    """The Region that the stack is deployed to."""
    return Aws.REGION


@functools.cache
def stack_id() -> str:
    """The id of the stack."""
    return Aws.STACK_ID


@functools.cache
def url_suffix() -> str:
    """How names of hosts end there."""
    return Aws.URL_SUFFIX


@functools.cache
def service_principal(service: str) -> iam.ServicePrincipal:
    """The service as a principal."""
    return iam.ServicePrincipal(service)


def via_service(service: str) -> dict[str, dict[str, str]]:
    """The condition that a key is used through the service only.

    KMS spells it so for all Regions: https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#viaService_table
    """
    return {"StringEquals": {"kms:ViaService": _substituted(f"{service}.${{AWS::Region}}.amazonaws.com")}}


@functools.cache
def _substituted(text: str) -> str:
    """The text with what CloudFormation puts into it; it is half as long in a template as its parts joined."""
    return Fn.sub(text)


@asked_once
def role_arn(role: iam.IRole) -> str:
    """The role's ARN."""
    return role.role_arn


@asked_once
def key_arn(key: kms.IKey) -> str:
    """The key's ARN."""
    return key.key_arn


def application_arn(scope: IConstruct, application_id: str) -> str:
    """The ARN of an application in the account and Region of the scope's stack."""
    return _arn(stack_of(scope), contract.SERVICE, f"/applications/{application_id}")


def job_run_arn_pattern(application_arn: str) -> str:
    """The pattern that matches the ARNs of all job runs of the application."""
    return f"{application_arn}/jobruns/*"


def arn_of_objects(bucket: s3.IBucket, prefix: str) -> str:
    """The pattern that matches the ARNs of all objects below the prefix, which may be empty."""
    return bucket.arn_for_objects(f"{prefix}/*" if prefix else "*")


def log_group_arn(stack: Stack, name: str) -> str:
    """The ARN of the stack's log groups with that name, which may be a pattern."""
    return _arn(stack, "logs", f"log-group:{name}")


@asked_once
def all_log_groups(stack: Stack) -> str:
    """The pattern that matches the ARNs of all log groups in the stack's account and Region."""
    place = place_of(stack)
    region, account = (
        f"${{AWS::{name}}}" if is_token(value) else value
        for name, value in (("Region", place.region), ("AccountId", place.account))
    )
    return _substituted(f"arn:${{AWS::Partition}}:logs:{region}:{account}:log-group:*")


def data_catalog_arn(stack: Stack, resource: str) -> str:
    """The ARN of a resource in the AWS Glue Data Catalog of the stack's account and Region, which may be a pattern."""
    return _arn(stack, "glue", resource)


def managed_rule_arn(scope: IConstruct, name: str) -> str:
    """The ARN of a rule that Step Functions makes for itself in the account and Region of the scope's stack."""
    return _arn(stack_of(scope), "events", f"rule/{name}")


def _arn(stack: Stack, service: str, resource: str) -> str:
    """The ARN of a resource in the stack's account and Region."""
    place = place_of(stack)
    return f"arn:{place.partition}:{service}:{place.region}:{place.account}:{resource}"
