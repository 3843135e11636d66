"""The life of a job run resource: what each CloudFormation event does to the service."""

import copy
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from constructs_emrs.handler import contract
from constructs_emrs.handler.failure import RequestFailed
from constructs_emrs.handler.request import work
from tests.botocore_model import needs_flex
from tests.handler.in_memory_cloudformation import STACK_ID, CustomResource, stringified
from tests.handler.in_memory_service import APPLICATION, Killed, Refused, Run, Service

ROLE = "arn:aws:iam::123456789012:role/Etl"


def properties(**changes: Any) -> dict[str, Any]:
    request: dict[str, Any] = {
        "applicationId": APPLICATION,
        "executionRoleArn": ROLE,
        "jobDriver": {"sparkSubmit": {"entryPoint": "s3://code/etl.py", "entryPointArguments": ["1"]}},
        "executionTimeoutMinutes": 60,
        "tags": {"team": "lake"},
    }
    wait = {contract.WAIT_FOR: changes.pop("wait_for", "SUCCESS"), contract.WAIT_TIMEOUT_SECONDS: 3300}
    triggers = {contract.TRIGGERS: changes.pop("triggers")} if "triggers" in changes else {}
    return {contract.REQUEST: {**request, **changes}, **wait, **triggers}


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def resource(service: Service) -> CustomResource:
    """A resource whose runs go through the states and succeed."""

    def advance(_: int) -> None:
        following = {"SUBMITTED": "SCHEDULED", "SCHEDULED": "RUNNING", "RUNNING": "SUCCESS"}
        for run in service.runs.values():
            run.state = following.get(run.state, run.state)

    return CustomResource(service, between_polls=advance)


def only_run(service: Service) -> Run:
    (run,) = service.runs.values()
    return run


def test_create_waits_for_success_and_answers_with_the_run(service: Service, resource: CustomResource) -> None:
    resource.create(properties())
    run = only_run(service)
    assert run.state == "SUCCESS"
    assert resource.physical_id == run.arn
    assert resource.data == {"JobRunId": run.run_id, "JobRunArn": run.arn, "ApplicationId": APPLICATION}


@needs_flex
def test_the_request_arrives_with_its_types_and_the_owner_s_tags(service: Service, resource: CustomResource) -> None:
    resource.create(properties(flexExecution={"enabled": False}))
    request = only_run(service).request
    assert request["executionTimeoutMinutes"] == 60
    assert request["flexExecution"] == {"enabled": False}
    assert request["tags"] == {
        "team": "lake",
        "constructs-emrs:stack-id": STACK_ID,
        "constructs-emrs:logical-id": "EtlOnDeploy",
        "constructs-emrs:request-id": "0000-1",
        "constructs-emrs:definition": work(stringified(properties(flexExecution={"enabled": False}))),
    }


def test_the_same_event_delivered_twice_starts_one_run(service: Service, resource: CustomResource) -> None:
    resource.create(properties(), deliveries=2)
    assert len(service.runs) == 1
    resource.update(properties(name="other"), deliveries=2)
    assert [run.state for run in service.runs.values()] == ["SUCCESS", "SUCCESS"]


def test_submitted_is_not_waited_for(service: Service) -> None:
    CustomResource(service).create(properties(wait_for="SUBMITTED"))
    assert only_run(service).state == "SUBMITTED"


def test_running_is_enough_for_a_stream(service: Service, resource: CustomResource) -> None:
    resource.create(properties(wait_for="RUNNING"))
    assert only_run(service).state == "RUNNING"


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED"])
def test_a_run_that_does_not_succeed_fails_the_deploy_with_its_details(service: Service, state: str) -> None:
    def end(_: int) -> None:
        only_run(service).state = state
        only_run(service).state_details = "Job failed. ValueError: no such column"

    with pytest.raises(RequestFailed, match=rf"(?s)00run1.*{state}: Job failed. ValueError: no such column"):
        CustomResource(service, between_polls=end).create(properties())


def test_a_run_that_takes_too_long_is_cancelled_and_fails_the_deploy(service: Service) -> None:
    service.polls_to_cancel = 2
    with pytest.raises(
        RequestFailed, match=r"did not reach the state of wait_for within 0:55:00, the job run's wait_timeout"
    ):
        CustomResource(service).create(properties())
    assert only_run(service).state == "CANCELLED"


def test_a_run_that_succeeds_before_its_cancellation_comes_has_done_its_work(
    service: Service, resource: CustomResource
) -> None:
    def succeed(operation: str) -> None:
        if operation == "cancel_job_run":
            only_run(service).state = "SUCCESS"

    service.interfere = succeed
    resource.between_polls = lambda _: None
    resource.create(properties())
    assert service.calls.count("cancel_job_run") == 1
    assert resource.physical_id == only_run(service).arn


@pytest.mark.parametrize("change", [{"name": "other"}, {"triggers": {"version": "2"}}])
def test_a_changed_request_or_trigger_replaces_the_run(
    service: Service, resource: CustomResource, change: dict[str, Any]
) -> None:
    resource.create(properties(wait_for="RUNNING"))
    first = only_run(service)
    service.polls_to_cancel = 3
    active_together = []
    resource.between_polls = lambda _: active_together.append(len(service.active_runs()))
    resource.update(properties(wait_for="SUBMITTED", **change))
    assert first.state == "CANCELLED"
    assert [run.state for run in service.runs.values()] == ["CANCELLED", "SUBMITTED"]
    assert resource.physical_id != first.arn
    assert max(active_together, default=1) == 1


def test_an_unchanged_request_keeps_the_run(service: Service, resource: CustomResource) -> None:
    resource.create(properties())
    before = resource.physical_id
    resource.update(properties(wait_for="RUNNING"))
    assert resource.physical_id == before
    assert resource.data["JobRunArn"] == before
    assert len(service.runs) == 1


def test_changed_tags_tag_the_run_that_is_there(service: Service, resource: CustomResource) -> None:
    resource.create(properties())
    resource.update(properties(tags={"owner": "me"}))
    tags = only_run(service).request["tags"]
    assert tags["owner"] == "me"
    assert "team" not in tags
    assert tags["constructs-emrs:stack-id"] == STACK_ID


def test_tags_of_a_run_that_is_gone_do_not_fail_the_update(service: Service, resource: CustomResource) -> None:
    resource.create(properties())
    service.runs.clear()
    resource.update(properties(tags={"owner": "me"}))
    assert service.runs == {}


def test_an_update_moves_the_run_to_another_application(service: Service, resource: CustomResource) -> None:
    service.applications["00app2"] = "CREATED"
    resource.create(properties(wait_for="RUNNING"))
    resource.update(properties(applicationId="00app2"))
    first, second = service.runs.values()
    assert (first.state, second.state, second.application_id) == ("CANCELLED", "SUCCESS", "00app2")


def test_delete_cancels_the_run_and_waits_until_it_ended(service: Service, resource: CustomResource) -> None:
    resource.create(properties(wait_for="RUNNING"))
    service.polls_to_cancel = 3
    resource.delete()
    assert only_run(service).state == "CANCELLED"


def test_delete_after_success_cancels_nothing(service: Service, resource: CustomResource) -> None:
    resource.create(properties())
    service.calls.clear()
    resource.delete()
    assert "cancel_job_run" not in service.calls


def test_the_cleanup_of_a_replaced_run_leaves_the_new_one(service: Service, resource: CustomResource) -> None:
    resource.create(properties(wait_for="RUNNING"))
    replaced = resource.physical_id
    resource.update(properties(wait_for="RUNNING", name="other"))
    resource.delete(physical_id=replaced, status="UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    assert [run.state for run in service.runs.values()] == ["CANCELLED", "RUNNING"]


@pytest.mark.parametrize("stray", ["Lake-EtlOnDeploy-1A2B3C4D5E6F", "2026/01/01/[$LATEST]0123456789abcdef"])
def test_delete_with_an_id_that_was_never_ours_cancels_by_tags(
    service: Service, resource: CustomResource, stray: str
) -> None:
    resource.create(properties(wait_for="RUNNING"))
    others = copy.deepcopy(only_run(service))
    others.run_id = "00other"
    others.request["tags"]["constructs-emrs:logical-id"] = "Another"
    service.runs[others.run_id] = others
    resource.delete(physical_id=stray)
    assert service.runs["00run1"].state == "CANCELLED"
    assert others.state != "CANCELLED"


def test_delete_succeeds_when_the_application_is_gone(service: Service, resource: CustomResource) -> None:
    resource.create(properties(wait_for="RUNNING"))
    service.applications.clear()
    resource.delete()
    resource.delete(physical_id="Lake-EtlOnDeploy-1A2B3C4D5E6F")


def test_what_the_service_refuses_is_what_the_deploy_says(service: Service) -> None:
    service.next_answers = [Refused("ValidationException", message="releaseLabel does not support this")]
    with pytest.raises(Exception, match="releaseLabel does not support this"):
        CustomResource(service).create(properties())


def test_the_application_is_stopped_with_its_runs_cancelled_when_its_stop_is_deleted(service: Service) -> None:
    CustomResource(service).create(properties(wait_for="SUBMITTED"))
    service.polls_to_cancel = 2
    stop = CustomResource(service, contract.APPLICATION_STOP_TYPE, "Stop")
    stop.create({contract.APPLICATION_ID: APPLICATION})
    assert service.applications[APPLICATION] == "STARTED"
    # Nobody else asks for the run's state here, so the service moves on by itself.
    stop.between_polls = lambda _: setattr(only_run(service), "state", "CANCELLED")
    stop.delete()
    assert service.applications[APPLICATION] == "STOPPED"


def test_the_stop_of_an_application_that_is_gone_is_done(service: Service) -> None:
    stop = CustomResource(service, contract.APPLICATION_STOP_TYPE, "Stop")
    stop.create({contract.APPLICATION_ID: APPLICATION})
    service.applications.clear()
    stop.delete()
    assert "stop_application" not in service.calls


def test_somebody_else_s_run_without_tags_is_left_alone(service: Service, resource: CustomResource) -> None:
    theirs = Run("00theirs", APPLICATION, {"executionRoleArn": ROLE, "clientToken": "theirs"}, service.now, "RUNNING")
    service.runs[theirs.run_id] = theirs
    resource.between_polls = lambda _: setattr(service.runs["00run2"], "state", "SUCCESS")
    resource.create(properties())
    resource.delete(physical_id="Lake-EtlOnDeploy-1A2B3C4D5E6F")
    assert theirs.state == "RUNNING"


def test_the_time_to_wait_begins_when_cloudformation_asks(service: Service, resource: CustomResource) -> None:
    resource.create(properties(wait_for="RUNNING"))
    service.polls_to_cancel = 100  # of some seconds each
    resource.between_polls = lambda _: None
    asked_at = service.now
    with pytest.raises(RequestFailed, match="did not reach the state of wait_for within 0:55:00"):
        resource.update(properties(name="other"))
    assert (service.now - asked_at).total_seconds() < 59 * 60


def before_update(service: Service, **application: Any) -> CustomResource:
    """The resource that stands before the application, which is there."""
    resource = CustomResource(service, contract.APPLICATION_UPDATE_TYPE, "BeforeUpdate")
    resource.create({contract.APPLICATION_LOGICAL_ID: "Spark", contract.APPLICATION_PROPERTIES: application})
    resource.cloudformation.resources["Spark"] = APPLICATION
    return resource


def test_an_application_is_stopped_with_its_runs_cancelled_before_it_is_updated(service: Service) -> None:
    resource = before_update(service, architecture="X86_64")
    created = resource.data[contract.STOPPED_BY]
    assert "get_application" not in service.calls, "there is nothing to stop before it is there"
    CustomResource(service).create(properties(wait_for="SUBMITTED"))
    assert service.applications[APPLICATION] == "STARTED"
    resource.between_polls = lambda _: setattr(only_run(service), "state", "CANCELLED")
    resource.update({contract.APPLICATION_LOGICAL_ID: "Spark", contract.APPLICATION_PROPERTIES: {"changed": True}})
    assert service.applications[APPLICATION] == "STOPPED"
    assert only_run(service).state == "CANCELLED"
    assert resource.data[contract.STOPPED_BY] != created, "a stream is started again because of that"


def test_the_deletion_of_what_stands_before_an_application_does_nothing(service: Service) -> None:
    resource = before_update(service)
    service.calls.clear()
    resource.delete()
    assert service.calls == []


def test_a_stream_is_started_again_when_its_application_was_stopped(service: Service, resource: CustomResource) -> None:
    stream = properties(wait_for="RUNNING")
    resource.create({**stream, contract.APPLICATION_DEFINITION: "0000-1"})
    only_run(service).state = "CANCELLED"
    resource.update({**stream, contract.APPLICATION_DEFINITION: "0000-2"})
    assert [run.state for run in service.runs.values()] == ["CANCELLED", "RUNNING"]


def test_a_rollback_runs_no_batch_work(service: Service, resource: CustomResource) -> None:
    resource.create(properties(wait_for="RUNNING"))
    resource.update(properties(wait_for="RUNNING", name="other"))
    resource.roll_back(properties(wait_for="RUNNING"))
    assert [run.state for run in service.runs.values()] == ["CANCELLED", "CANCELLED"]


def test_a_rollback_brings_a_stream_back(service: Service, resource: CustomResource) -> None:
    stream = {**properties(wait_for="RUNNING"), contract.RUN_ON_ROLLBACK: True}
    resource.create(stream)
    resource.update({**properties(wait_for="RUNNING", name="other"), contract.RUN_ON_ROLLBACK: True})
    resource.roll_back(stream)
    assert [run.state for run in service.runs.values()] == ["CANCELLED", "CANCELLED", "RUNNING"]
    assert "name" not in list(service.runs.values())[-1].request


def test_a_create_in_a_stack_that_already_rolls_back_starts_nothing(service: Service, resource: CustomResource) -> None:
    with pytest.raises(RequestFailed, match="ROLLBACK_IN_PROGRESS"):
        resource.create(properties(), status="ROLLBACK_IN_PROGRESS")
    assert service.runs == {}


def test_a_failed_create_is_deleted_by_the_run_that_it_started(service: Service) -> None:
    def fail(_: int) -> None:
        only_run(service).state = "FAILED"

    resource = CustomResource(service, between_polls=fail)
    with pytest.raises(RequestFailed):
        resource.create(properties())
    assert resource.physical_id == only_run(service).arn


def test_a_refused_create_is_deleted_by_its_request_and_leaves_what_came_after_it(
    service: Service, resource: CustomResource
) -> None:
    service.next_answers = [Refused("ValidationException")]
    with pytest.raises(RequestFailed):
        resource.create(properties())
    failed_id = resource.physical_id
    resource.create(properties(wait_for="RUNNING"), status="UPDATE_IN_PROGRESS")
    resource.delete(physical_id=failed_id, status="UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    assert only_run(service).state == "RUNNING"


@pytest.mark.parametrize("code", ["AccessDeniedException", "ConflictException"])
def test_what_may_not_be_visible_yet_is_tried_again(service: Service, resource: CustomResource, code: str) -> None:
    service.next_answers = [Refused(code)] * 5
    resource.create(properties())
    assert only_run(service).state == "SUCCESS"


def test_what_is_really_wrong_is_told_after_two_minutes(service: Service, resource: CustomResource) -> None:
    service.next_answers = [Refused("AccessDeniedException")] * 1000
    began = service.now
    with pytest.raises(RequestFailed, match="AccessDeniedException"):
        resource.create(properties())
    assert 120 <= (service.now - began).total_seconds() < 180


# What the generated histories of tests/faults found, in the order in which they found it.


def test_a_connection_that_breaks_is_tried_again(service: Service, resource: CustomResource) -> None:
    broken = iter([True, True, True])

    def interfere(name: str) -> None:
        if name == "start_job_run" and next(broken, False):
            raise EndpointConnectionError(endpoint_url="https://emr-serverless")

    service.interfere = interfere
    resource.create(properties())
    assert only_run(service).state == "SUCCESS"


def test_a_run_that_a_failed_rollback_left_ends_with_its_stack_whatever_its_name(
    service: Service, resource: CustomResource
) -> None:
    resource.create(properties(name="old", wait_for="RUNNING"))
    before = resource.physical_id
    resource.update(properties(name="new", wait_for="RUNNING"))
    # The rollback failed: CloudFormation deletes the resource as it was before.
    resource.properties = properties(name="old", wait_for="RUNNING")
    resource.delete(physical_id=before)
    assert service.active_runs() == []


def test_a_start_that_waits_for_its_turn_is_given_up_when_the_stack_rolls_back(service: Service) -> None:
    resource = CustomResource(service)
    service.next_answers = [Refused("ThrottlingException", 429)]
    resource.between_polls = lambda _: setattr(resource.cloudformation, "status", "ROLLBACK_IN_PROGRESS")
    with pytest.raises(RequestFailed, match="the stack is ROLLBACK_IN_PROGRESS by now"):
        resource.create(properties())
    assert service.runs == {}


def test_a_function_that_is_killed_until_the_state_machine_gives_up_is_answered_for(service: Service) -> None:
    resource = CustomResource(service)

    def kill(name: str) -> None:
        if name == "start_job_run":
            raise Killed

    service.interfere = kill
    with pytest.raises(RequestFailed, match="was ended before it was done"):
        resource.create(properties())


def test_a_request_that_botocore_does_not_accept_is_told_without_its_values(resource: CustomResource) -> None:
    driver = {"sparkSubmit": {"entryPoint": ["--password=hunter2"]}}
    with pytest.raises(RequestFailed, match="entryPoint") as failed:
        resource.create(properties(jobDriver=driver))
    assert "hunter2" not in str(failed.value)


def test_an_id_that_can_be_no_application_s_does_not_keep_the_stack_from_being_deleted(service: Service) -> None:
    resource = CustomResource(service)
    service.next_answers = [Refused("ValidationException")]
    with pytest.raises(RequestFailed):
        resource.create(properties())
    service.next_answers = [Refused("ValidationException")]
    resource.properties = properties()
    resource.delete()


def test_an_update_whose_first_step_comes_after_the_rollback_began_starts_nothing(
    service: Service, resource: CustomResource
) -> None:
    stream = {**properties(name="old", wait_for="RUNNING"), contract.RUN_ON_ROLLBACK: True}
    resource.create(stream)
    cloudformation = resource.cloudformation
    cloudformation.status = "UPDATE_IN_PROGRESS"
    late = cloudformation.send(
        "Update",
        resource.logical_id,
        resource.resource_type,
        {**stream, **properties(name="new", wait_for="RUNNING")},
        old=stream,
        physical_id=resource.physical_id,
    )
    cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    answer = resource.answer_to(late)
    assert "the stack is UPDATE_ROLLBACK_IN_PROGRESS by now" in answer["Reason"]
    assert "new" not in [run.request["name"] for run in service.runs.values()]


def test_what_a_create_that_failed_has_started_ends_though_its_second_attempt_has_another_name(
    service: Service, resource: CustomResource
) -> None:
    resource.create(properties(name="old", wait_for="RUNNING"))
    # CloudFormation had given it up, and did not roll back; it invents an id.
    cloudformation = resource.cloudformation
    for status in ("CREATE_FAILED", "UPDATE_IN_PROGRESS"):
        service.sleep(2)
        cloudformation.status = status
    resource.properties = properties(name="new", wait_for="RUNNING")
    resource.delete(physical_id="Lake-EtlOnDeploy-1A2B3C4D5E6F", status="ROLLBACK_IN_PROGRESS")
    assert service.active_runs() == []


def test_an_update_without_a_date_that_arrives_a_quarter_of_an_hour_late_is_not_taken_for_its_rollback(
    service: Service, resource: CustomResource
) -> None:
    stream = {**properties(name="old", wait_for="RUNNING"), contract.RUN_ON_ROLLBACK: True}
    resource.create(stream)
    cloudformation = resource.cloudformation
    cloudformation.has_dates = False
    service.sleep(2)
    cloudformation.status = "UPDATE_IN_PROGRESS"
    late = cloudformation.ask(
        "Update",
        resource.logical_id,
        resource.resource_type,
        {**stream, **properties(name="new", wait_for="RUNNING")},
        old=stream,
        physical_id=resource.physical_id,
    )
    service.sleep(2)
    cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    service.sleep(900)
    cloudformation.deliver(late.event)
    assert "the stack is UPDATE_ROLLBACK_IN_PROGRESS by now" in resource.answer_to(late)["Reason"]
    assert [run.request["name"] for run in service.active_runs()] == ["old"]
