"""CloudFormation: what it does with an application that is started, and what functions of custom resources receive."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from conformance.account import TAG, Account, Shared, Unanswered
from conformance.facilities import EMR_SERVERLESS, RELEASE, Facility, allow, application, document, key, role, template
from conformance.probe import Anything, Chapter, Json, Noted, OneOf
from conformance.recording import in_plain_words

chapter = Chapter("stack")

_TAGS_ISSUE = "https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/2370"
_REFERENCE = "https://docs.aws.amazon.com/AWSCloudFormation/latest"
_STRINGS = "https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1037"

# The function answers with what it was sent: the types of the properties, and the names in the URL's query.
_FUNCTION = """
import json, urllib.parse, urllib.request

def handler(event, context):
    def types(value):
        if isinstance(value, dict):
            return {name: types(each) for name, each in sorted(value.items())}
        return [types(each) for each in value] if isinstance(value, list) else f"{type(value).__name__} {value}"

    url = event["ResponseURL"]
    names = sorted(urllib.parse.parse_qs(urllib.parse.urlsplit(url).query))
    sent = {name: value for name, value in event["ResourceProperties"].items() if name.startswith("A")}
    answer = {
        "Status": "SUCCESS",
        "PhysicalResourceId": "conformance",
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "Data": {"Types": json.dumps(types(sent)), "Names": json.dumps(names)},
    }
    request = urllib.request.Request(url, json.dumps(answer).encode(), {"content-type": ""}, method="PUT")
    urllib.request.urlopen(request).read()
"""
_CUSTOM_RESOURCE = Facility(
    what="a stack with a function behind a custom resource, and its role",
    resources={
        "Role": role(trusted={"Service": "lambda.amazonaws.com"}),
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Code": {"ZipFile": _FUNCTION},
                "Handler": "index.handler",
                "Role": {"Fn::GetAtt": "Role.Arn"},
                "Runtime": "python3.12",
                "Timeout": 60,
            },
        },
        "Asks": {
            "Type": "Custom::Asks",
            "Properties": {
                "ServiceToken": {"Fn::GetAtt": "Function.Arn"},
                "ANumber": 1,
                "ABoolean": True,
                "AList": [{"Nested": False}],
            },
        },
    },
)


def _of_an_application(**properties: Any) -> str:
    return template([application("Application", RELEASE, **properties)])


def _started(aws: Account, name: str) -> tuple[str, str]:
    """A stack with an application that is started; its name, and the application's id."""
    stack = f"{aws.stack_name}-{name}"
    aws.make_stack(stack, _of_an_application())
    application_id = aws.physical_id("Application", stack=stack)
    aws.start_application(application_id)
    return stack, application_id


def _changed(aws: Account, name: str, tags: dict[str, str] | None = None, **properties: Any) -> Noted:
    stack, _ = _started(aws, name)
    status = aws.change_stack(stack, _of_an_application(**properties), tags=tags)
    return Noted(answer=status, note=[in_plain_words(reason) for reason in aws.reasons(stack)])


@chapter.probe(
    "How does the update of a stack end that changes nothing but the tags of a started application?",
    expected="UPDATE_ROLLBACK_COMPLETE",
    source=_TAGS_ISSUE,
)
def tags_of_a_started_application(aws: Account) -> Noted:
    """CloudFormation updates the application too. The project stops it first."""
    return _changed(aws, "tags", {"other": "tag"})


@chapter.probe(
    "And of one that changes its maximum capacity, which the service takes by now?",
    expected=OneOf(answers=("UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")),
    source="https://github.com/hashicorp/terraform-provider-aws/issues/49109",
)
def capacity_of_a_started_application(aws: Account) -> Noted:
    """It depends on whether the handler sends only what has changed."""
    return _changed(aws, "capacity", MaximumCapacity={"Cpu": "8 vCPU", "Memory": "32 GB"})


@chapter.probe(
    "And of one that changes the number of its concurrent runs?",
    expected=OneOf(answers=("UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")),
    source="https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/applications-concurrency-queuing.html",
)
def concurrency_of_a_started_application(aws: Account) -> Noted:
    """The guide says that it may be changed."""
    return _changed(aws, "concurrency", SchedulerConfiguration={"MaxConcurrentRuns": 3})


@chapter.probe(
    "How does the deletion of a stack end whose application is started?",
    expected="DELETE_FAILED",
    source="https://github.com/gchq/sleeper/issues/1125",
)
def deletion_of_a_started_application(aws: Account) -> Noted:
    """The handler may not stop it, by its own permissions. The project does."""
    stack, _ = _started(aws, "deletion")
    aws.client("cloudformation").delete_stack(StackName=stack)
    status = aws.settled_stack(stack, "DELETE")
    reasons = [] if status == "DELETE_COMPLETE" else aws.reasons(stack)
    return Noted(answer=status, note=[in_plain_words(reason) for reason in reasons])


@chapter.probe(
    "Which tags does an application of a stack get?",
    expected={"the stack's": True, "aws:cloudformation": False},
    source=f"{_REFERENCE}/TemplateReference/aws-resource-emrserverless-application.html",
)
def tags_of_an_application(aws: Account) -> Json:
    """The schema says `cloudFormationSystemTags: false`."""
    stack = f"{aws.stack_name}-tagged"
    aws.make_stack(stack, _of_an_application())
    application_id = aws.physical_id("Application", stack=stack)
    tags = aws.emr.get_application(applicationId=application_id)["application"].get("tags", {})
    return {"the stack's": TAG in tags, "aws:cloudformation": any(tag.startswith("aws:") for tag in tags)}


_CIRCLE = (
    Facility(
        what="a key whose policy names the application that names the key",
        resources={
            "Key": key(
                allow(
                    ["kms:Decrypt", "kms:GenerateDataKey"],
                    "*",
                    Principal={"Service": EMR_SERVERLESS},
                    Condition={"StringLike": {"aws:SourceArn": {"Fn::GetAtt": "Application.Arn"}}},
                )
            )
        },
    ),
    application(
        "Application",
        RELEASE,
        MonitoringConfiguration={
            "ManagedPersistenceMonitoringConfiguration": {
                "Enabled": True,
                "EncryptionKeyArn": {"Fn::GetAtt": "Key.Arn"},
            }
        },
    ),
)


@chapter.probe(
    "Can the policy of a key name an application that names the key, in one template?",
    expected="refused",
    source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html#troubleshooting-errors-dependency-error",
)
def key_that_names_its_application(aws: Account) -> Noted:
    """It is a circle. The project writes `applications/*` into the policy of a key that it makes for an application."""
    stack = f"{aws.stack_name}-circle"
    try:
        status = aws.try_stack(stack, template(_CIRCLE))
        reasons = aws.reasons(stack)
    except ClientError as error:
        status, reasons = "", [str(error)]
    is_refused = any("ircular dependenc" in reason for reason in reasons)
    if not is_refused and status != "CREATE_COMPLETE":
        raise Unanswered(f"it was refused for something else: {'; '.join(reasons)}")
    return Noted(answer="refused" if is_refused else "accepted", note=[in_plain_words(reason) for reason in reasons])


_ENDPOINT = "arn:${AWS::Partition}:s3:::prod.${AWS::Region}.appinfo.src"


def _with_an_endpoint(**principal: str) -> str:
    upload = allow(["s3:PutObject", "s3:PutObjectAcl"], [{"Fn::Sub": _ENDPOINT}, {"Fn::Sub": f"{_ENDPOINT}/*"}])
    resources = {
        "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/28"}},
        "Endpoint": {
            "Type": "AWS::EC2::VPCEndpoint",
            "Properties": {
                "VpcId": {"Ref": "Vpc"},
                "ServiceName": {"Fn::Sub": "com.amazonaws.${AWS::Region}.s3"},
                "PolicyDocument": document({**upload, **principal}),
            },
        },
    }
    return template([Facility(what="a VPC with a gateway endpoint, both without cost", resources=resources)])


@chapter.probe(
    "Is the policy of a VPC's endpoint for managed logs accepted without a `Principal`, as the guide writes it?",
    expected=Anything(),
    source="https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/logging.html",
)
def endpoint_policy(aws: Account) -> Noted:
    """The project writes no such policy; whoever follows the guide wants to know."""
    stacks = {"without": _with_an_endpoint(), "with": _with_an_endpoint(Principal="*")}
    names = {which: f"{aws.stack_name}-endpoint-{which}" for which in stacks}
    statuses = {which: aws.try_stack(names[which], body) for which, body in stacks.items()}
    if statuses["with"] != "CREATE_COMPLETE":
        raise Unanswered(f"the one with a Principal was refused too: {'; '.join(aws.reasons(names['with']))}")
    is_accepted = statuses["without"] == "CREATE_COMPLETE"
    reasons: list[Json] = [in_plain_words(reason) for reason in aws.reasons(names["without"])]
    return Noted(answer="accepted" if is_accepted else "refused", note=reasons)


def _make_custom_resource(aws: Account) -> dict[str, str]:
    stack = f"{aws.stack_name}-custom"
    outputs = {name: {"Value": {"Fn::GetAtt": f"Asks.{name}"}} for name in ("Types", "Names")}
    body = {**json.loads(template([_CUSTOM_RESOURCE])), "Outputs": outputs}
    aws.make_stack(stack, json.dumps(body))
    found = aws.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
    return {output["OutputKey"]: output["OutputValue"] for output in found}


_ASKED = Shared(name="a custom resource", runs=0, make=_make_custom_resource)


@chapter.probe(
    "Do numbers and booleans in the properties of a custom resource arrive as strings?",
    expected={"ABoolean": "str true", "AList": [{"Nested": "str false"}], "ANumber": "str 1"},
    source=_STRINGS,
)
def types_of_properties(aws: Account) -> Json:
    """No page says so. The project gives the values their types back."""
    found: Json = json.loads(aws.once(_ASKED)["Types"])
    return found


@chapter.probe(
    "Does the ResponseURL of a custom resource say when it was made?",
    expected=True,
    source=f"{_REFERENCE}/UserGuide/crpg-ref.html",
)
def time_of_the_response_url(aws: Account) -> Json | Noted:
    """By X-Amz-Date or Expires a request is found to be of before. Without them the stack's events have to do."""
    names = json.loads(aws.once(_ASKED)["Names"])
    return Noted(answer=bool({"X-Amz-Date", "Expires"} & {*names}), note=names)
