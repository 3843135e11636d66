"""The life cycle of stacks with custom resources is that of CloudFormation on AWS."""

import itertools
import json
import re
from pathlib import Path

import pytest

from tests.local.cloudformation_support import PROVIDER, Provider, archive, make_function
from tests.local.emr_serverless_support import Service

INVENTED = r"{stack}-{name}-[A-Z0-9]{{12}}"


@pytest.fixture(scope="module")
def provider(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Provider:
    events: Path = tmp_path_factory.mktemp("events")
    arn = make_function(service.aws, "provider", PROVIDER, environment={"EVENTS": str(events)})
    return Provider(aws=service.aws, arn=arn, events=events)


def invented(stack: str, name: str) -> str:
    return INVENTED.format(stack=stack, name=name)


def test_independent_resources_are_created_and_deleted_at_the_same_time(provider: Provider, tmp_path: Path) -> None:
    stack, go = provider.stack("together"), tmp_path / "go"
    names = ["A", "B", "C"]
    blocked = {name: provider.resource(Create={"until": str(go)}, Delete={"until": str(go)}) for name in names}
    stack.start_create({**blocked, "After": provider.resource(after=names)})
    stack.wait_for("Create A", "Create B", "Create C")
    assert "Create After" not in stack.calls()
    go.touch()
    assert stack.settled() == "CREATE_COMPLETE"
    go.unlink()
    stack.forget()
    stack.start_delete()
    stack.wait_for("Delete After After-1", "Delete A A-1", "Delete B B-1", "Delete C C-1")
    assert stack.calls()[0] == "Delete After After-1"
    assert stack.status() == "DELETE_IN_PROGRESS"
    go.touch()
    assert stack.settled() == "DELETE_COMPLETE"


def test_a_failure_cancels_what_is_in_flight_and_everything_is_deleted(provider: Provider, tmp_path: Path) -> None:
    stack, never, go = provider.stack("canceled"), tmp_path / "never", tmp_path / "go"
    failing = {"until": str(go), "fail": "no luck", "id": "bad-1"}
    stack.start_create(
        {
            "Done": provider.resource(),
            "InFlight": provider.resource(after="Done", Create={"until": str(never), "id": "late"}),
            "Bad": provider.resource(after="Done", Create=failing),
            "Later": provider.resource(after="Bad"),
        }
    )
    stack.wait_for("Create InFlight", "Create Bad")
    go.touch()
    assert stack.settled() == "ROLLBACK_COMPLETE"
    never.touch()  # now the function answers to the request that nobody waits for any more
    stack.wait_for_answer("Create", "InFlight")
    events = {f"{event['RequestType']} {event['LogicalResourceId']}": event for event in stack.received()}
    assert events.keys() == {
        *("Create Done", "Create InFlight", "Create Bad"),
        *("Delete Done", "Delete InFlight", "Delete Bad"),
    }
    assert re.fullmatch(invented("canceled", "InFlight"), events["Delete InFlight"]["PhysicalResourceId"])
    assert events["Delete Bad"]["PhysicalResourceId"] == "bad-1"
    assert events["Delete Done"]["PhysicalResourceId"] == "Done-1"
    assert stack.calls()[-1] == "Delete Done Done-1"
    request_id = events["Create Bad"]["RequestId"]
    reported = stack.reported()
    assert (
        "Bad CREATE_FAILED Received response status [FAILED] from custom resource. "
        f"Message returned: no luck (RequestId: {request_id})" in reported
    )
    assert "InFlight CREATE_FAILED Resource creation cancelled" in reported
    assert (
        "canceled ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Bad, InFlight]. "
        "Rollback requested by user." in reported
    )
    assert stack.statuses() == ["CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE"]
    assert stack.status() == "ROLLBACK_COMPLETE"


def test_a_failed_create_without_an_id_is_deleted_with_an_invented_one(provider: Provider) -> None:
    stack = provider.stack("no-id")
    assert stack.create({"Bad": provider.resource(Create={"fail": "no", "no_id": True})}) == "ROLLBACK_COMPLETE"
    deleted = stack.received()[-1]
    assert deleted["RequestType"] == "Delete"
    assert re.fullmatch(invented("no-id", "Bad"), deleted["PhysicalResourceId"])


def test_an_update_touches_what_changed_only(provider: Provider) -> None:
    stack = provider.stack("changed")
    stack.create({"Same": provider.resource(Size=1), "Changed": provider.resource(Size=1)})
    updated = {"Same": provider.resource(Size=1), "Changed": provider.resource(Size=2, On=True)}
    assert stack.update(updated) == "UPDATE_COMPLETE"
    (event,) = stack.received()
    assert (event["RequestType"], event["PhysicalResourceId"]) == ("Update", "Changed-1")
    assert event["ResourceProperties"] == {"ServiceToken": provider.arn, "Size": "2", "On": "true"}
    assert event["OldResourceProperties"] == {"ServiceToken": provider.arn, "Size": "1"}
    assert not [line for line in stack.reported() if line.startswith("Same UPDATE")]
    assert stack.delete() == "DELETE_COMPLETE"


def test_what_an_update_replaced_or_removed_is_deleted_when_it_has_succeeded(provider: Provider) -> None:
    stack = provider.stack("replaced")
    deleting = {"status": True}
    stack.create(
        {
            "Kept": provider.resource(Size=1, Delete=deleting),
            "Removed": provider.resource(Delete=deleting),
            "OnRemoved": provider.resource(after="Removed", Delete=deleting),
        }
    )
    resources = {"Kept": provider.resource(Size=2, Update={"id": "Kept-2", "status": True}, Delete=deleting)}
    outputs = {"Kept": {"Value": {"Ref": "Kept"}}}
    assert stack.update(resources, outputs=outputs) == "UPDATE_COMPLETE"
    calls = stack.calls()
    assert calls[0] == "Update Kept Kept-1"
    assert sorted(calls[1:]) == ["Delete Kept Kept-1", "Delete OnRemoved OnRemoved-1", "Delete Removed Removed-1"]
    assert calls.index("Delete OnRemoved OnRemoved-1") < calls.index("Delete Removed Removed-1")
    assert [event["status"] for event in stack.received()] == [
        "UPDATE_IN_PROGRESS",
        *["UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"] * 3,
    ]
    deleted = next(
        event for event in stack.received() if event["LogicalResourceId"] == "Kept" and "Delete" in event["RequestType"]
    )
    assert deleted["ResourceProperties"]["Size"] == "1"
    assert stack.outputs() == {"Kept": "Kept-2"}
    assert stack.statuses()[-3:] == ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"]
    assert stack.delete() == "DELETE_COMPLETE"
    assert stack.calls() == ["Delete Kept Kept-2"]


def test_a_failed_update_sends_the_old_properties_back(provider: Provider, tmp_path: Path) -> None:
    stack, never, go = provider.stack("sent-back"), str(tmp_path / "never"), tmp_path / "go"
    names = ["First", "Second", "Replaced", "InFlight", "Bad"]
    stack.create(
        {
            "First": provider.resource(Size=1),
            "Second": provider.resource(after="First", Size=1),
            "Replaced": provider.resource(Size=1, Update={"id": "Replaced-1"}),
            "InFlight": provider.resource(Size=1),
            "Bad": provider.resource(after=["Second", "Replaced"], Size=1, Update={"status": True}),
            "Removed": provider.resource(),
        }
    )
    failing = {"until": str(go), "fail": "no luck", "id": "Bad-2"}
    stack.forget()
    stack.start_update(
        {
            "First": provider.resource(Size=2),
            "Second": provider.resource(after="First", Size=2),
            "Replaced": provider.resource(Size=2, Update={"id": "Replaced-2"}, Delete={"status": True}),
            "InFlight": provider.resource(Size=2, Update={"until": never, "id": "InFlight-2"}),
            "Bad": provider.resource(after=["Second", "Replaced", "New"], Size=2, Update=failing),
            "New": provider.resource(Delete={"status": True}),
            "NewInFlight": provider.resource(Create={"until": never}, Delete={"status": True}),
        },
        outputs={"New": {"Value": {"Ref": "New"}}},
    )
    stack.wait_for("Update InFlight InFlight-1", "Create NewInFlight", "Update Bad Bad-1")
    go.touch()
    assert stack.settled() == "UPDATE_ROLLBACK_COMPLETE"
    Path(never).touch()
    events = stack.received()
    forward = [
        event for event in events if event["RequestType"] == "Update" and event["ResourceProperties"]["Size"] == "2"
    ]
    back = [
        event for event in events if event["RequestType"] == "Update" and event["ResourceProperties"]["Size"] == "1"
    ]
    assert sorted(event["LogicalResourceId"] for event in forward) == sorted(names)
    assert {event["LogicalResourceId"]: event["PhysicalResourceId"] for event in back} == {
        "First": "First-1",
        "Second": "Second-1",
        "Replaced": "Replaced-2",
        "InFlight": "InFlight-1",
        "Bad": "Bad-1",
    }
    assert all(event["OldResourceProperties"]["Size"] == "2" for event in back)
    order = [event["LogicalResourceId"] for event in back]
    assert order.index("First") < order.index("Second") < order.index("Bad")
    assert next(event["status"] for event in back if "status" in event) == "UPDATE_ROLLBACK_IN_PROGRESS"
    deleted = {event["LogicalResourceId"]: event for event in events if event["RequestType"] == "Delete"}
    assert deleted.keys() == {"Replaced", "New", "NewInFlight"}
    assert deleted["Replaced"]["PhysicalResourceId"] == "Replaced-2"
    assert deleted["Replaced"]["ResourceProperties"]["Size"] == "2"
    assert re.fullmatch(invented("sent-back", "NewInFlight"), deleted["NewInFlight"]["PhysicalResourceId"])
    assert {event["status"] for event in deleted.values()} == {"UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"}
    assert "InFlight UPDATE_FAILED Resource update cancelled" in stack.reported()
    assert "NewInFlight CREATE_FAILED Resource creation cancelled" in stack.reported()
    assert stack.statuses()[-4:] == [
        "UPDATE_IN_PROGRESS",
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE",
    ]
    assert stack.outputs() == {}
    assert stack.physical_id("Replaced") == "Replaced-1"
    template = stack.client.get_template(StackName=stack.stack_id)["TemplateBody"]
    assert template["Resources"]["Bad"]["Properties"]["Size"] == 1
    assert stack.delete() == "DELETE_COMPLETE"
    assert len(stack.calls()) == 6


def test_a_rollback_that_fails_can_be_continued(provider: Provider) -> None:
    stack = provider.stack("stuck")
    stack.create(
        {
            "Stuck": provider.resource(Size=1, Update={"fail": "cannot go back"}),
            "Bad": provider.resource(after="Stuck", Size=1),
        }
    )
    resources = {
        "Stuck": provider.resource(Size=2),
        "Bad": provider.resource(after="Stuck", Size=2, Update={"fail": "no luck"}),
    }
    assert stack.update(resources) == "UPDATE_ROLLBACK_FAILED"
    stack.forget()
    stack.client.continue_update_rollback(StackName=stack.stack_id, ResourcesToSkip=["Stuck"])
    assert stack.settled() == "UPDATE_ROLLBACK_COMPLETE"
    assert stack.calls() == ["Update Bad Bad-1"]
    assert stack.delete() == "DELETE_COMPLETE"


def test_a_stack_whose_delete_failed_can_be_deleted_again(provider: Provider) -> None:
    stack = provider.stack("undeletable")
    stack.create(
        {
            "Base": provider.resource(),
            "Bad": provider.resource(after="Base", Delete={"fail": "in use"}),
            "Free": provider.resource(),
            "Retained": {**provider.resource(), "DeletionPolicy": "Retain"},
        }
    )
    assert stack.delete() == "DELETE_FAILED"
    # What the failed resource depends on is still there.
    assert sorted(stack.calls()) == ["Delete Bad Bad-1", "Delete Free Free-1"]
    assert stack.delete() == "DELETE_FAILED"
    assert stack.calls() == ["Delete Bad Bad-1"]
    stack.client.delete_stack(StackName=stack.stack_id, RetainResources=["Bad"])
    assert stack.settled() == "DELETE_COMPLETE"
    assert "Retained DELETE_SKIPPED" in stack.reported()
    assert "Delete Base Base-1" in stack.calls()


def test_a_function_that_never_answers_fails_the_resource(provider: Provider) -> None:
    stack = provider.stack("silent")
    silent = provider.resource(ServiceTimeout=1, Create={"silent": True})
    stack.start_create({"Silent": silent}, DisableRollback=True)
    stack.wait_for("Create Silent")
    assert stack.settled() == "CREATE_FAILED"
    request_id = stack.received()[0]["RequestId"]
    assert (
        "Silent CREATE_FAILED CloudFormation did not receive a response from your Custom Resource. Please check your "
        f"logs for requestId [{request_id}]. If you are using the Python cfn-response module, you may need to update "
        "your Lambda function code so that CloudFormation can attach the updated version." in stack.reported()
    )
    assert re.fullmatch(invented("silent", "Silent"), stack.physical_id("Silent"))


@pytest.mark.parametrize(
    ("name", "answer", "reason"),
    [
        ("too-long", {"data": {"x": "x" * 4096}}, "Response object is too long."),
        ("without-id", {"no_id": True}, "Invalid PhysicalResourceId"),
        ("not-json", {"raw": "hello"}, "Invalid response object"),
    ],
)
def test_an_answer_that_is_not_valid_fails_the_resource(
    provider: Provider, name: str, answer: dict[str, object], reason: str
) -> None:
    stack = provider.stack(name)
    assert stack.create({"Bad": provider.resource(Create=answer)}) == "ROLLBACK_COMPLETE"
    assert any(line.startswith(f"Bad CREATE_FAILED {reason}") for line in stack.reported())


def test_lambda_tries_again_when_the_function_dies(provider: Provider) -> None:
    stack = provider.stack("dying")
    assert stack.create({"Dying": provider.resource(Create={"crash": 2})}) == "CREATE_COMPLETE"
    events = stack.received()
    assert len(events) == 3
    assert len({event["RequestId"] for event in events}) == 1
    assert stack.delete() == "DELETE_COMPLETE"


def test_a_function_sees_the_status_of_its_stack(provider: Provider) -> None:
    stack = provider.stack("seen")
    seen = provider.resource(Create={"status": True}, Delete={"status": True})
    stack.create({"Seen": seen, "Bad": provider.resource(after="Seen", Create={"fail": "no"})})
    statuses = {event["RequestType"]: event["status"] for event in stack.received() if "status" in event}
    assert statuses == {"Create": "CREATE_IN_PROGRESS", "Delete": "ROLLBACK_IN_PROGRESS"}
    other = provider.stack("seen-too")
    other.create({"Seen": seen})
    other.delete()
    assert [event["status"] for event in other.received()] == ["DELETE_IN_PROGRESS"]


def test_a_stack_that_is_being_created_can_be_deleted(provider: Provider, tmp_path: Path) -> None:
    stack, never = provider.stack("abandoned"), tmp_path / "never"
    stack.start_create({"Done": provider.resource(), "InFlight": provider.resource(Create={"until": str(never)})})
    stack.wait_for("Create InFlight")
    stack.wait_for_report("Done CREATE_COMPLETE")
    assert stack.delete() == "DELETE_COMPLETE"
    never.touch()
    deleted = {event["LogicalResourceId"]: event["PhysicalResourceId"] for event in stack.received()}
    assert deleted.keys() == {"Done", "InFlight"}
    assert deleted["Done"] == "Done-1"
    assert re.fullmatch(invented("abandoned", "InFlight"), deleted["InFlight"])


def test_an_update_can_be_canceled_and_a_stack_is_not_deleted_meanwhile(provider: Provider, tmp_path: Path) -> None:
    stack, never = provider.stack("user-initiated"), tmp_path / "never"
    stack.create({"Thing": provider.resource(Size=1)})
    stack.forget()
    stack.start_update({"Thing": provider.resource(Size=2, Update={"until": str(never)})})
    stack.wait_for("Update Thing Thing-1")
    with pytest.raises(stack.client.exceptions.ClientError, match="cannot be deleted while in status UPDATE_IN_PROG"):
        stack.start_delete()
    stack.client.cancel_update_stack(StackName=stack.stack_id)
    assert stack.settled() == "UPDATE_ROLLBACK_COMPLETE"
    never.touch()
    assert [event["ResourceProperties"]["Size"] for event in stack.received()] == ["2", "1"]
    assert stack.delete() == "DELETE_COMPLETE"


def test_a_stack_that_is_being_updated_or_created_refuses_another_update(provider: Provider, tmp_path: Path) -> None:
    stack, done = provider.stack("one-at-a-time"), tmp_path / "done"
    slow = {"Thing": provider.resource(Size=1, Create={"until": str(done)}, Update={"until": str(done)})}
    other = {"Thing": provider.resource(Size=3)}

    def refused(status: str) -> None:
        says = rf"Stack:{stack.stack_id} is in {status} state and can not be updated\."
        with pytest.raises(stack.client.exceptions.ClientError, match=says):
            stack.start_update(other)
        with pytest.raises(stack.client.exceptions.ClientError, match=says):
            stack.execute_change_set(other)

    stack.start_create(slow)
    refused("CREATE_IN_PROGRESS")
    done.touch()
    stack.settled()
    done.unlink()
    slow["Thing"]["Properties"]["Size"] = 2
    stack.start_update(slow)
    refused("UPDATE_IN_PROGRESS")
    done.touch()
    assert stack.settled() == "UPDATE_COMPLETE"
    stack.start_update(other)
    assert stack.settled() == "UPDATE_COMPLETE"
    assert stack.delete() == "DELETE_COMPLETE"


def test_events_are_in_order_of_their_times_and_say_which_operation_they_belong_to(provider: Provider) -> None:
    stack = provider.stack("timed")
    resources = {f"Thing{number}": provider.resource(Size=1) for number in range(8)}
    stack.create(resources)
    stack.update({name: provider.resource(Size=2) for name in resources})
    stack.update({**resources, "Thing0": provider.resource(Size=3, Update={"fail": "no luck"})})
    pages = stack.client.get_paginator("describe_stack_events").paginate(StackName=stack.stack_id)
    newest_first = [event for page in pages for event in page["StackEvents"]]
    events = newest_first[::-1]
    times = [event["Timestamp"] for event in events]
    assert all(earlier < later for earlier, later in itertools.pairwise(times))
    operations = [
        [(event["LogicalResourceId"], event["ResourceStatus"]) for event in group]
        for _, group in itertools.groupby(events, key=lambda event: event["OperationId"])
    ]
    assert [operation[0] for operation in operations] == [
        ("timed", "CREATE_IN_PROGRESS"),
        ("timed", "UPDATE_IN_PROGRESS"),
        ("timed", "UPDATE_IN_PROGRESS"),
        ("timed", "UPDATE_ROLLBACK_IN_PROGRESS"),
    ]
    assert operations[1][-1] == ("timed", "UPDATE_COMPLETE")
    assert ("Thing0", "UPDATE_FAILED") in operations[2]
    assert len({event["OperationId"] for event in events}) == len(operations)
    assert stack.delete() == "DELETE_COMPLETE"


def test_the_resources_of_a_stack_that_is_not_there_are_missed_as_the_cdk_cli_expects(provider: Provider) -> None:
    stack = provider.stack("gone")
    stack.create({"Thing": provider.resource()})
    stack.delete()
    for name in ("gone", "never-there", "arn:aws:cloudformation:us-east-1:000000000000:stack/never/1"):
        with pytest.raises(stack.client.exceptions.ClientError) as missed:
            stack.client.list_stack_resources(StackName=name)
        assert missed.value.response["Error"]["Code"] == "ValidationError"
        assert missed.value.response["Error"]["Message"] == f"Stack with id {name} does not exist"


def test_without_rollback_a_stack_keeps_what_it_has_and_can_go_on(provider: Provider) -> None:
    stack = provider.stack("kept")
    resources = {
        "Good": provider.resource(),
        "Bad": provider.resource(Create={"fail": "no luck", "id": "bad"}),
        "Later": provider.resource(after="Bad"),
    }
    assert stack.create(resources, DisableRollback=True) == "CREATE_FAILED"
    assert sorted(stack.calls()) == ["Create Bad", "Create Good"]
    stack.forget()
    assert stack.delete() == "DELETE_COMPLETE"
    assert sorted(stack.calls()) == ["Delete Bad bad", "Delete Good Good-1"]


def test_a_stack_that_was_never_complete_is_deleted_in_order(provider: Provider) -> None:
    stack = provider.stack("never-complete")
    resources = {
        "Base": provider.resource(),
        "Above": provider.resource(after="Base"),
        "Bad": provider.resource(after="Above", Create={"fail": "no luck"}),
    }
    stack.execute_change_set(resources, kind="CREATE", DisableRollback=True)
    assert stack.settled() == "CREATE_FAILED"
    assert stack.delete() == "DELETE_COMPLETE"
    assert stack.calls() == ["Delete Bad Bad-1", "Delete Above Above-1", "Delete Base Base-1"]


def test_a_stack_that_failed_without_rollback_can_be_updated(provider: Provider) -> None:
    stack = provider.stack("going-on")
    failing = provider.resource(Create={"fail": "no luck", "id": "bad"})
    assert stack.create({"Good": provider.resource(), "Bad": failing}, DisableRollback=True) == "CREATE_FAILED"
    stack.forget()
    resources = {"Good": provider.resource(), "Bad": provider.resource(), "Later": provider.resource(after="Bad")}
    stack.execute_change_set(resources)
    assert stack.settled() == "UPDATE_COMPLETE"
    assert stack.calls() == ["Create Bad", "Create Later", "Delete Bad bad"]
    assert stack.delete() == "DELETE_COMPLETE"
    assert sorted(stack.calls()) == ["Delete Bad Bad-1", "Delete Good Good-1", "Delete Later Later-1"]


def test_what_a_failed_update_replaced_goes_with_the_stack(provider: Provider) -> None:
    stack = provider.stack("superseded")
    stack.create({"Thing": provider.resource(Size=1)})
    replaced = provider.resource(Size=2, Update={"id": "Thing-2"})
    bad = provider.resource(after="Thing", Create={"fail": "no"})
    assert stack.update({"Thing": replaced, "Bad": bad}, DisableRollback=True) == "UPDATE_FAILED"
    assert stack.delete() == "DELETE_COMPLETE"
    assert sorted(stack.calls()) == ["Delete Bad Bad-1", "Delete Thing Thing-1", "Delete Thing Thing-2"]


def test_the_type_and_the_function_of_a_custom_resource_stay(provider: Provider, service: Service) -> None:
    stack = provider.stack("staying")
    stack.create({"Thing": provider.resource()})
    other_type = {**provider.resource(), "Type": "Custom::Other"}
    assert stack.update({"Thing": other_type}) == "UPDATE_ROLLBACK_COMPLETE"
    assert any("Update of resource type is not permitted" in line for line in stack.reported())
    other = make_function(service.aws, "other-provider", PROVIDER, environment={"EVENTS": str(provider.events)})
    other_function = {"Type": "Custom::Thing", "Properties": {"ServiceToken": other}}
    assert stack.update({"Thing": other_function}) == "UPDATE_ROLLBACK_COMPLETE"
    assert any("Modifying service token is not allowed." in line for line in stack.reported())
    assert stack.calls() == []
    assert stack.delete() == "DELETE_COMPLETE"


def test_an_event_is_not_delivered_again_when_its_function_is_deleted(provider: Provider, tmp_path: Path) -> None:
    never, go = tmp_path / "never", tmp_path / "go"
    arn = make_function(provider.aws, "short-lived", PROVIDER, environment={"EVENTS": str(provider.events)})
    short_lived = Provider(aws=provider.aws, arn=arn, events=provider.events)
    stack = short_lived.stack("short-lived")
    in_flight = short_lived.resource(Create={"until": str(never)})
    failing = provider.resource(Create={"until": str(go), "fail": "no luck"})
    stack.start_create({"InFlight": in_flight, "Bad": failing})
    stack.wait_for("Create InFlight", "Create Bad")
    provider.aws.client("lambda").delete_function(FunctionName=arn)
    go.touch()
    assert stack.settled() == "ROLLBACK_FAILED"
    assert sorted(stack.calls()) == ["Create Bad", "Create InFlight", "Delete Bad Bad-1"]
    never.touch()
    assert any("Lambda function not found" in line for line in stack.reported())


def test_an_invocation_ends_with_the_code_that_it_began_with(provider: Provider, tmp_path: Path) -> None:
    go, functions = tmp_path / "go", provider.aws.client("lambda")
    arn = make_function(provider.aws, "changing", PROVIDER, environment={"EVENTS": str(provider.events)})
    changing = Provider(aws=provider.aws, arn=arn, events=provider.events)
    stack = changing.stack("changing")
    stack.start_create({"InFlight": changing.resource(Create={"until": str(go)})})
    stack.wait_for("Create InFlight")
    changed = archive(PROVIDER.replace('"LogicalResourceId"] + "-1"', '"LogicalResourceId"] + "-new"'))
    functions.update_function_code(FunctionName=arn, ZipFile=changed)
    go.touch()
    assert stack.settled() == "CREATE_COMPLETE"
    assert stack.calls() == ["Create InFlight"]
    assert stack.physical_id("InFlight") == "InFlight-1"
    stack.update({"InFlight": changing.resource(), "Next": changing.resource()})
    assert stack.physical_id("Next") == "Next-new"
    assert stack.delete() == "DELETE_COMPLETE"


def test_events_wait_for_a_function_with_little_concurrency(provider: Provider) -> None:
    arn = make_function(provider.aws, "narrow", PROVIDER, environment={"EVENTS": str(provider.events)})
    provider.aws.client("lambda").put_function_concurrency(FunctionName=arn, ReservedConcurrentExecutions=1)
    narrow = Provider(aws=provider.aws, arn=arn, events=provider.events)
    stack = narrow.stack("narrow")
    # More in flight than an event that is not throttled has tries.
    resources = {f"Thing{number}": narrow.resource(Create={"sleep": 1}) for number in range(6)}
    assert stack.create(resources) == "CREATE_COMPLETE"
    assert len(stack.calls()) == 6


def test_a_failed_update_without_rollback_can_be_rolled_back(provider: Provider) -> None:
    stack = provider.stack("rolled-back-later")
    stack.create({"Thing": provider.resource(Size=1)})
    resources = {"Thing": provider.resource(Size=2), "Bad": provider.resource(after="Thing", Create={"fail": "no"})}
    assert stack.update(resources, DisableRollback=True) == "UPDATE_FAILED"
    stack.forget()
    stack.client.rollback_stack(StackName=stack.stack_id)
    assert stack.settled() == "UPDATE_ROLLBACK_COMPLETE"
    assert stack.calls() == ["Update Thing Thing-1", "Delete Bad Bad-1"]
    assert stack.delete() == "DELETE_COMPLETE"


def test_a_nested_stack_goes_forward_and_back_with_its_parent(provider: Provider) -> None:
    s3 = provider.aws.client("s3")
    s3.create_bucket(Bucket="nested-templates")

    def nested(size: int) -> dict[str, object]:
        body = {
            "Parameters": {"Word": {"Type": "String"}},
            "Resources": {
                "Inner": provider.resource(Size=size, Word={"Ref": "Word"}),
                "Other": provider.resource(Update={"id": f"Other-{size}"}, Size=size),
            },
            "Outputs": {"Inner": {"Value": {"Fn::Sub": "${Inner}/${Word}"}}},
        }
        s3.put_object(Bucket="nested-templates", Key=f"{size}.json", Body=json.dumps(body))
        url = f"{provider.aws.url}/nested-templates/{size}.json"
        return {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url, "Parameters": {"Word": "hi"}}}

    stack = provider.stack("parent")
    outputs = {"Inner": {"Value": {"Fn::GetAtt": ["Child", "Outputs.Inner"]}}}
    assert stack.create({"Child": nested(1)}, outputs=outputs) == "CREATE_COMPLETE"
    assert stack.outputs() == {"Inner": "Inner-1/hi"}
    child = provider.stack(stack.physical_id("Child").split("/")[1])
    child.stack_id = stack.physical_id("Child")
    assert child.status() == "CREATE_COMPLETE"
    child.forget()
    bad = provider.resource(after="Child", Create={"fail": "no luck"})
    assert stack.update({"Child": nested(2), "Bad": bad}) == "UPDATE_ROLLBACK_COMPLETE"
    assert child.status() == "UPDATE_ROLLBACK_COMPLETE"
    assert sorted(child.calls()) == [
        "Delete Other Other-2",
        "Update Inner Inner-1",
        "Update Inner Inner-1",
        "Update Other Other-1",
        "Update Other Other-2",
    ]
    child.forget()
    assert stack.update({"Child": nested(3)}) == "UPDATE_COMPLETE"
    assert child.status() == "UPDATE_COMPLETE"
    assert sorted(child.calls()) == ["Delete Other Other-1", "Update Inner Inner-1", "Update Other Other-1"]
    child.forget()
    assert stack.delete() == "DELETE_COMPLETE"
    assert sorted(child.calls()) == ["Delete Inner Inner-1", "Delete Other Other-3"]
    assert child.status() == "DELETE_COMPLETE"


def test_a_failure_in_a_nested_stack_takes_the_whole_back(provider: Provider) -> None:
    s3 = provider.aws.client("s3")
    s3.create_bucket(Bucket="failing-templates")
    body = {"Resources": {"Bad": provider.resource(Create={"fail": "no luck"}), "Good": provider.resource()}}
    s3.put_object(Bucket="failing-templates", Key="bad.json", Body=json.dumps(body))
    url = f"{provider.aws.url}/failing-templates/bad.json"
    stack = provider.stack("failing-parent")
    resources = {"Child": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}}
    assert stack.create(resources) == "ROLLBACK_COMPLETE"
    reason = next(line for line in stack.reported() if line.startswith("Child CREATE_FAILED"))
    assert "was not successfully created: The following resource(s) failed to create: [Bad" in reason
    (folder,) = provider.events.glob("failing-parent-Child-*")
    calls = provider.stack(folder.name).calls()
    assert "Delete Bad Bad-1" in calls


def test_an_export_and_a_change_set_and_an_output_that_changes(provider: Provider) -> None:
    stack = provider.stack("exporting")
    resources = {"Thing": provider.resource(Size=1, Create={"data": {"Answer": "42"}})}
    outputs = {"Answer": {"Value": {"Fn::GetAtt": ["Thing", "Answer"]}, "Export": {"Name": "the-answer"}}}
    assert stack.create(resources, outputs=outputs) == "CREATE_COMPLETE"
    exports = stack.client.list_exports()["Exports"]
    assert [item["Value"] for item in exports if item["Name"] == "the-answer"] == ["42"]
    resources = {"Thing": provider.resource(Size=2, Update={"data": {"Answer": "43"}})}
    stack.execute_change_set(resources, outputs=outputs)
    assert stack.settled() == "UPDATE_COMPLETE"
    assert stack.outputs() == {"Answer": "43"}
    assert stack.delete() == "DELETE_COMPLETE"
    assert "the-answer" not in [item["Name"] for item in stack.client.list_exports()["Exports"]]
