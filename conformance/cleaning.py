"""Deletes all that the kit has made, in this run or an earlier one: it is found by its tag."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from conformance.account import ENDED, TAG, Account

Say = Callable[[str], None]


def clean(account: Account, say: Say) -> list[str]:
    """End what runs and delete what is there.

    Keys are gone after seven days, in which they cost nothing. The rule that Step Functions makes for tasks with
    `.sync` is for all state machines of the account and stays.

    Args:
        account: Where to look.
        say: Is told what is deleted.

    Returns:
        What could not be deleted, for people; nothing if all is gone.
    """
    for application in list(_applications(account)):
        say(f"stopping the application {application['id']}")
        _stop(account, application["id"])
    left = list(_delete_stacks(account, say))
    for application in list(_applications(account)):
        if not left:
            say(f"deleting the application {application['id']}")
            account.emr.delete_application(applicationId=application["id"])
    return left + [f"application {application['id']}" for application in _applications(account)]


def is_clean(account: Account) -> bool:
    """Whether nothing of the kit is there."""
    return not any(_applications(account)) and not any(_stacks(account))


def _applications(account: Account) -> Iterator[dict[str, Any]]:
    pages = account.emr.get_paginator("list_applications").paginate()
    for application in (item for page in pages for item in page["applications"]):
        is_ours = application.get("name", "").startswith("conformance-") and application["state"] != "TERMINATED"
        if is_ours and TAG in account.emr.list_tags_for_resource(resourceArn=application["arn"])["tags"]:
            yield application


def _stop(account: Account, application_id: str) -> None:
    emr = account.emr

    def has_no_runs() -> bool:
        runs = [run for page in pages.paginate(applicationId=application_id) for run in page["jobRuns"]]
        active = [run["id"] for run in runs if run["state"] not in ENDED]
        for job_run_id in active:
            account.cancel((application_id, job_run_id))
        return not active

    def has_stopped() -> bool:
        state = account.application_state(application_id)
        if state == "STARTED":
            emr.stop_application(applicationId=application_id)
        return state in ("CREATED", "STOPPED", "TERMINATED")

    pages = emr.get_paginator("list_job_runs")
    account.until(has_no_runs, "job runs to end")
    account.until(has_stopped, "an application to stop")


def _stacks(account: Account) -> Iterator[dict[str, Any]]:
    pages = account.client("cloudformation").get_paginator("describe_stacks").paginate()
    for stack in (item for page in pages for item in page["Stacks"]):
        tagged = any(tag["Key"] == TAG for tag in stack.get("Tags", ()))
        if tagged and stack["StackStatus"] != "DELETE_COMPLETE":
            yield stack


def _delete_stacks(account: Account, say: Say) -> Iterator[str]:
    """Delete the stacks; those that could not be deleted, with the reasons."""
    names = [stack["StackName"] for stack in _stacks(account)]
    for name in names:
        say(f"deleting the stack {name}")
        account.settled_stack(name)
        _empty_buckets(account, name)
        account.client("cloudformation").delete_stack(StackName=name)
    for name in names:
        if account.settled_stack(name) != "DELETE_COMPLETE":
            yield f"stack {name}: {'; '.join(account.reasons(name)[:3])}"


def _empty_buckets(account: Account, stack: str) -> None:
    pages = account.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    for resource in (item for page in pages for item in page["StackResourceSummaries"]):
        if resource["ResourceType"] == "AWS::S3::Bucket" and resource.get("PhysicalResourceId"):
            _empty(account, resource["PhysicalResourceId"])


def _empty(account: Account, bucket: str) -> None:
    s3 = account.client("s3")
    try:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for item in page.get("Contents", ()):
                s3.delete_object(Bucket=bucket, Key=item["Key"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucket":
            raise
