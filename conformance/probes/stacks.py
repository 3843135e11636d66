"""CloudFormation: what it does with an application that is started, and what functions of custom resources receive."""

from __future__ import annotations

import json
from typing import Any

from conformance.account import TAG, Account
from conformance.facilities import RELEASE, Facility, application, role, template
from conformance.probe import Chapter, Json, Noted, OneOf
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
    status = aws.settled_stack(stack)
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


def _asked(aws: Account) -> dict[str, str]:
    def make(aws: Account) -> dict[str, str]:
        stack = f"{aws.stack_name}-custom"
        outputs = {name: {"Value": {"Fn::GetAtt": f"Asks.{name}"}} for name in ("Types", "Names")}
        body = {**json.loads(template([_CUSTOM_RESOURCE])), "Outputs": outputs}
        aws.make_stack(stack, json.dumps(body))
        found = aws.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
        return {output["OutputKey"]: output["OutputValue"] for output in found}

    return aws.once("a custom resource", make)


@chapter.probe(
    "Do numbers and booleans in the properties of a custom resource arrive as strings?",
    expected={"ABoolean": "str true", "AList": [{"Nested": "str false"}], "ANumber": "str 1"},
    source=_STRINGS,
)
def types_of_properties(aws: Account) -> Json:
    """No page says so. The project gives the values their types back."""
    found: Json = json.loads(_asked(aws)["Types"])
    return found


@chapter.probe(
    "Does the ResponseURL of a custom resource say when it was made?",
    expected=True,
    source=f"{_REFERENCE}/UserGuide/crpg-ref.html",
)
def time_of_the_response_url(aws: Account) -> Json | Noted:
    """By X-Amz-Date or Expires a request is found to be of before. Without them the stack's events have to do."""
    names = json.loads(_asked(aws)["Names"])
    return Noted(answer=bool({"X-Amz-Date", "Expires"} & {*names}), note=names)
