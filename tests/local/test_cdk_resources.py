"""Custom resources of the CDK that are provisioned without their functions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emrs_local.cdk_resources.aws_calls import service_named
from tests.local.cloudformation_support import LAMBDA_TRUST, Provider, TestStack, archive
from tests.local.emr_serverless_support import Service, allow, make_role

Json = dict[str, Any]
PARAMETER = "/lake/calls"


def calls_of(service: Service, name: str, *statements: Json) -> str:
    """The ARN of a function that is never called, and whose role has the statements."""
    function = service.aws.client("lambda").create_function(
        FunctionName=name,
        Role=make_role(service.aws, f"{name}-role", *statements, trust=LAMBDA_TRUST),
        Runtime="nodejs22.x",
        Handler="index.handler",
        Code={"ZipFile": archive("")},
    )
    return str(function["FunctionArn"])


def call(action: str, parameters: Json, **call: Any) -> str:
    named = {"service": "@aws-sdk/client-ssm", "action": action, "parameters": parameters}
    return json.dumps({**named, "physicalResourceId": {"id": PARAMETER}, **call})


def resource(token: str, **calls: str) -> Json:
    return {"Calls": {"Type": "Custom::AWS", "Properties": {"ServiceToken": token, **calls}}}


def test_an_aws_custom_resource_calls_what_is_for_the_event(service: Service, tmp_path: Any) -> None:
    token = calls_of(service, "aws-calls", allow("ssm:*"))
    stack = TestStack(provider=Provider(aws=service.aws, arn=token, events=tmp_path), name="aws-calls")
    ssm = service.aws.client("ssm")
    put = {"Name": PARAMETER, "Value": "one", "Type": "String"}
    delete = call("deleteParameter", {"Name": "PHYSICAL:RESOURCEID:"})
    outputs = {"Version": {"Value": {"Fn::GetAtt": ["Calls", "Version"]}}}
    assert stack.create(resource(token, Create=call("putParameter", put), Delete=delete), outputs=outputs) == (
        "CREATE_COMPLETE"
    )
    assert ssm.get_parameter(Name=PARAMETER)["Parameter"]["Value"] == "one"
    (described,) = stack.client.describe_stacks(StackName="aws-calls")["Stacks"]
    assert described["Outputs"][0]["OutputValue"] == "1"
    update = call("PutParameterCommand", {**put, "Value": "two", "Overwrite": True})
    assert stack.update(resource(token, Create=update, Update=update, Delete=delete)) == "UPDATE_COMPLETE"
    assert ssm.get_parameter(Name=PARAMETER)["Parameter"]["Value"] == "two"
    assert stack.delete() == "DELETE_COMPLETE"
    with pytest.raises(ssm.exceptions.ParameterNotFound):
        ssm.get_parameter(Name=PARAMETER)


def test_an_aws_custom_resource_is_named_by_the_answer_and_tells_what_is_asked_for(
    service: Service, tmp_path: Any
) -> None:
    token = calls_of(service, "aws-calls-named", allow("ssm:*"))
    stack = TestStack(provider=Provider(aws=service.aws, arn=token, events=tmp_path), name="aws-calls-named")
    service.aws.client("ssm").put_parameter(Name="/lake/named", Value="one", Type="String")
    get = call(
        "getParameter",
        {"Name": "/lake/named"},
        physicalResourceId={"responsePath": "Parameter.Value"},
        outputPaths=["Parameter.Type"],
    )
    outputs = {"Type": {"Value": {"Fn::GetAtt": ["Calls", "Parameter.Type"]}}}
    assert stack.create(resource(token, Create=get), outputs=outputs) == "CREATE_COMPLETE"
    (described,) = stack.client.describe_stacks(StackName="aws-calls-named")["Stacks"]
    assert described["Outputs"][0]["OutputValue"] == "String"
    (found,) = stack.client.describe_stack_resources(StackName="aws-calls-named")["StackResources"]
    assert found["PhysicalResourceId"] == "one"


@pytest.mark.parametrize(
    ("name", "options", "status"),
    [
        ("refused", {}, "ROLLBACK_COMPLETE"),
        ("ignored", {"ignoreErrorCodesMatching": "ParameterNotFound|AccessDenied"}, "CREATE_COMPLETE"),
        ("assumed", {"assumedRoleArn": "arn:aws:iam::123456789012:role/other"}, "ROLLBACK_COMPLETE"),
    ],
)
def test_an_aws_custom_resource_may_what_its_function_may(
    service: Service, tmp_path: Any, name: str, options: Json, status: str
) -> None:
    token = calls_of(service, f"aws-calls-{name}", allow("sqs:ListQueues"))
    stack = TestStack(provider=Provider(aws=service.aws, arn=token, events=tmp_path), name=f"aws-calls-{name}")
    assert stack.create(resource(token, Create=call("getParameter", {"Name": "/none"}, **options))) == status


@pytest.mark.parametrize(
    ("named", "known"),
    [
        ("CloudWatchLogs", "logs"),
        ("@aws-sdk/client-cloudwatch-logs", "logs"),
        ("S3", "s3"),
        ("@aws-sdk/client-sfn", "stepfunctions"),
        ("StepFunctions", "stepfunctions"),
        ("EventBridge", "events"),
        ("EMRServerless", "emr-serverless"),
    ],
)
def test_services_have_the_names_of_the_javascript_sdk(named: str, known: str) -> None:
    assert service_named(named) == known


def test_a_service_that_there_is_not_is_told() -> None:
    with pytest.raises(ValueError, match="there is no service Nonsense"):
        service_named("Nonsense")
