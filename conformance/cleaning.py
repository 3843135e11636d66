"""Deletes all that the kit has made, in this run or an earlier one: it is found by its tag."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from conformance.account import ENDED, TAG, Account, Unanswered, code_of, is_of_credentials

Say = Callable[[str], None]
_ROUNDS, _MINUTES = 10, 30
# AWS answers so to what comes too early, too late or twice: looking again tells.
_LOOK_AGAIN = ("ValidationException", "ConflictException", "ResourceNotFoundException")


def clean(account: Account, runs: Collection[str], say: Say) -> list[str]:
    """End what runs and delete what is there, again and again until nothing is seen any more.

    What was made a moment ago may not be on a list yet, logs come late, and what somebody looks at can't be deleted.
    Keys are gone after seven days, in which they cost nothing. The rule that Step Functions makes for tasks with
    `.sync` is for all state machines of the account and stays.

    Args:
        account: Where to look.
        runs: Whose things are deleted: the ids of runs of the kit.
        say: Is told what is deleted.

    Returns:
        What could not be deleted, for people; nothing if all is gone.
    """
    left: list[str] = []
    seen_nothing = False
    deadline = time.monotonic() + _MINUTES * 60
    for _ in range(_ROUNDS):
        try:
            nothing = not any(_applications(account, runs)) and not any(_stacks(account, runs))
            left = [] if nothing else list(dict.fromkeys(_delete(account, runs, say)))
        except (ClientError, BotoCoreError) as error:
            nothing, left = False, [str(error)]
            if is_of_credentials(error):
                break
        if (nothing and seen_nothing) or time.monotonic() > deadline:
            break
        seen_nothing = nothing
        if nothing or left:
            time.sleep(account.delays.lists * 60)
    return left


def runs_found(account: Account) -> set[str]:
    """The ids of the runs of the kit of which something is there."""
    things = [*(tags for _, tags in _all_applications(account)), *(tags for _, tags in _all_stacks(account))]
    return {tags[TAG] for tags in things}


def is_clean(account: Account) -> bool:
    """Whether nothing of the kit is there."""
    return not runs_found(account)


Tags = dict[str, str]


def _all_applications(account: Account) -> Iterator[tuple[str, Tags]]:
    pages = account.emr.get_paginator("list_applications").paginate()
    for application in (item for page in pages for item in page["applications"]):
        if not application.get("name", "").startswith("conformance-") or application["state"] == "TERMINATED":
            continue
        try:
            tags = account.emr.list_tags_for_resource(resourceArn=application["arn"])["tags"]
        except ClientError as error:
            if code_of(error) not in _LOOK_AGAIN:
                raise
            continue  # somebody has deleted it since it was listed
        if TAG in tags:
            yield application["id"], tags


def _all_stacks(account: Account) -> Iterator[tuple[str, Tags]]:
    pages = account.client("cloudformation").get_paginator("describe_stacks").paginate()
    for stack in (item for page in pages for item in page["Stacks"]):
        tags = {tag["Key"]: tag["Value"] for tag in stack.get("Tags", ())}
        if TAG in tags and stack["StackStatus"] != "DELETE_COMPLETE":
            yield stack["StackName"], tags


def _applications(account: Account, runs: Collection[str]) -> list[str]:
    return [application_id for application_id, tags in _all_applications(account) if tags[TAG] in runs]


def _stacks(account: Account, runs: Collection[str]) -> list[str]:
    return [name for name, tags in _all_stacks(account) if tags[TAG] in runs]


def _delete(account: Account, runs: Collection[str], say: Say) -> Iterator[str]:
    """Delete each, whatever becomes of the others; what could not be deleted, with the reasons."""
    for application_id in _applications(account, runs):
        say(f"stopping the application {application_id}")
        yield from _failure(f"application {application_id}", _stop, account, application_id)
    stacks = _stacks(account, runs)
    for name in stacks:
        say(f"deleting the stack {name}")
        yield from _failure(f"stack {name}", _start_deletion, account, name)
    for name in stacks:
        yield from _failure(f"stack {name}", _see_it_deleted, account, name)
    for application_id in _applications(account, runs):
        say(f"deleting the application {application_id}")
        yield from _failure(f"application {application_id}", _delete_application, account, application_id)


def _failure(thing: str, delete: Callable[[Account, str], None], account: Account, name: str) -> Iterator[str]:
    try:
        delete(account, name)
    except (ClientError, BotoCoreError, Unanswered) as error:
        if is_of_credentials(error):
            raise
        yield f"{thing}: {error}"


def _state(account: Account, application_id: str) -> str:
    try:
        return account.application_state(application_id)
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
        return "TERMINATED"


def _tried(call: Callable[..., object], **arguments: Any) -> None:
    try:
        call(**arguments)
    except ClientError as error:
        if code_of(error) not in _LOOK_AGAIN:
            raise


def _is_idle(account: Account, application_id: str) -> bool:
    """Whether it may be deleted; a step on the way is made if not."""
    state = _state(account, application_id)
    if state == "TERMINATED":
        return True
    pages = account.emr.get_paginator("list_job_runs").paginate(applicationId=application_id)
    active = [run["id"] for page in pages for run in page["jobRuns"] if run["state"] not in ENDED]
    for job_run_id in active:
        account.cancel((application_id, job_run_id))
    if state == "STARTED":
        # Refused as long as there are runs that have not ended, also those that are on no list yet.
        _tried(account.emr.stop_application, applicationId=application_id)
    return not active and state in ("CREATED", "STOPPED")


def _stop(account: Account, application_id: str) -> None:
    account.until(lambda: _is_idle(account, application_id), "an application to stop")


def _delete_application(account: Account, application_id: str) -> None:
    def is_gone() -> bool:
        if _is_idle(account, application_id):
            _tried(account.emr.delete_application, applicationId=application_id)
        return _state(account, application_id) == "TERMINATED"

    account.until(is_gone, "an application to be deleted")


def _start_deletion(account: Account, stack: str) -> None:
    if account.settled_stack(stack) != "DELETE_COMPLETE":
        _empty_buckets(account, stack)
        account.client("cloudformation").delete_stack(StackName=stack)


def _see_it_deleted(account: Account, stack: str) -> None:
    if account.settled_stack(stack, "DELETE") != "DELETE_COMPLETE":
        raise Unanswered("; ".join(account.reasons(stack)[:3]))


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
        if code_of(error) != "NoSuchBucket":
            raise
