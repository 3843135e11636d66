"""What probes need, as parts of one CloudFormation template: the kit's own stack has what the probes to be asked need.

CloudFormation gives each resource the stack's tags, and deletes all of it. That a role is there does not say that it is
known everywhere yet: the kit waits before it believes that something is denied.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Resources = Mapping[str, Mapping[str, Any]]

EMR_SERVERLESS = "emr-serverless.amazonaws.com"
RELEASE = "emr-7.14.0"
OLDER_RELEASE = "emr-7.9.0"  # before emr-7.11.0 a batch run may be without end
# Idle applications without initial capacity cost nothing, and one that stops by itself would disturb a probe.
STAYS_STARTED: Mapping[str, Any] = {"AutoStopConfiguration": {"Enabled": False}}


@dataclass(frozen=True, kw_only=True)
class Facility:
    """Something that probes share.

    Attributes:
        what: What it is, for who is asked whether it may be made.
        resources: Its part of the template.
        keys: How many KMS keys that are.
    """

    what: str
    resources: Resources

    @property
    def keys(self) -> int:
        """How many of it are KMS keys, which are billed for as long as they are there."""
        return sum(resource["Type"] == "AWS::KMS::Key" for resource in self.resources.values())


def application(logical_id: str, release: str, what: str = "", **properties: Any) -> Facility:
    """An application, whose logical id probes name it by."""
    return Facility(
        what=f"an application of {release}{what}",
        resources={
            logical_id: {
                "Type": "AWS::EMRServerless::Application",
                "Properties": {
                    "Name": {"Fn::Sub": f"${{AWS::StackName}}-{logical_id}"},
                    "ReleaseLabel": release,
                    "Type": "SPARK",
                    **STAYS_STARTED,
                    **properties,
                },
            }
        },
    )


def role(*statements: Mapping[str, Any], trusted: Mapping[str, Any], condition: Any = None) -> dict[str, Any]:
    """A role, as a resource of the template."""
    trust = {"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"}
    if condition:
        trust["Condition"] = condition
    policy = {"PolicyName": "conformance", "PolicyDocument": document(*statements)}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {"AssumeRolePolicyDocument": document(trust), "Policies": [policy] if statements else []},
    }


def key(*statements: Mapping[str, Any]) -> dict[str, Any]:
    """A KMS key that the account's own policies and the statements decide on, as a resource of the template."""
    account = {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}
    policy = document(allow("kms:*", "*", Principal=account), *statements)
    return {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": policy, "PendingWindowInDays": 7}}


def allow(actions: str | list[str], resources: Any, **members: Any) -> dict[str, Any]:
    """A statement of a policy."""
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **members}


def arn_of(service: str, resource: str) -> dict[str, str]:
    """An ARN of the account and Region in the template, which may name what is in it: `${Bucket}`."""
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{resource}"}


def document(*statements: Mapping[str, Any]) -> dict[str, Any]:
    """A policy of statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


BUCKET_ARN = {"Fn::GetAtt": "Bucket.Arn"}
OBJECTS = {"Fn::Sub": "${Bucket.Arn}/*"}
READ_SCRIPTS = allow(["s3:GetObject", "s3:ListBucket"], [BUCKET_ARN, OBJECTS])
WRITE_S3_LOGS = allow("s3:PutObject", OBJECTS)
LOG_ACTIONS = ["logs:PutLogEvents", "logs:CreateLogStream", "logs:DescribeLogStreams"]
WRITE_LOGS = (
    allow("logs:DescribeLogGroups", arn_of("logs", "*")),
    allow(LOG_ACTIONS, arn_of("logs", "log-group:${LogGroup}:*")),
)

APPLICATION = application("Application", RELEASE)
OLDER_APPLICATION = application("OlderApplication", OLDER_RELEASE)
BUCKET = Facility(what="a bucket for scripts and logs", resources={"Bucket": {"Type": "AWS::S3::Bucket"}})
RUNS = Facility(
    what="an execution role that reads scripts and writes logs, and a log group",
    resources={
        "LogGroup": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 1}},
        "Role": role(READ_SCRIPTS, WRITE_S3_LOGS, *WRITE_LOGS, trusted={"Service": EMR_SERVERLESS}),
    },
)
JOBS = (APPLICATION, BUCKET, RUNS)


def template(facilities: Iterable[Facility]) -> str:
    """The template of a stack with the facilities."""
    resources = {name: resource for facility in facilities for name, resource in facility.resources.items()}
    return json.dumps({"Resources": resources}, separators=(",", ":"))
