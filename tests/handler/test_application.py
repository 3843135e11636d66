"""The custom resources of an application: its tags, and what is said when they fail."""

from __future__ import annotations

from typing import Any

import pytest

from constructs_emrs.handler import contract
from constructs_emrs.handler.failure import RequestFailed
from tests.handler.direct_client import DirectService
from tests.handler.in_memory_cloudformation import CustomResource
from tests.handler.in_memory_service import APPLICATION, Killed, Refused, Run, Service

BY_STACK = {"constructs-emrs:stack-id": "lake"}


@pytest.fixture
def service() -> Service:
    """A service whose application has the tag that CloudFormation gives it."""
    return Service(application_tags={APPLICATION: dict(BY_STACK)})


@pytest.fixture
def stop(service: Service) -> CustomResource:
    return CustomResource(service, contract.APPLICATION_STOP_TYPE, "Stop")


def tagged(application_id: str = APPLICATION, **tags: str) -> dict[str, Any]:
    return {contract.APPLICATION_ID: application_id, **({contract.APPLICATION_TAGS: tags} if tags else {})}


def test_an_application_is_tagged_as_soon_as_it_is_there(service: Service, stop: CustomResource) -> None:
    stop.create(tagged(team="lake"))
    assert service.application_tags[APPLICATION] == {**BY_STACK, "team": "lake"}
    assert stop.physical_id == APPLICATION


def test_tags_of_a_started_application_change_and_its_runs_go_on(service: Service, stop: CustomResource) -> None:
    stop.create(tagged(team="lake", cost="7"))
    service.applications[APPLICATION] = "STARTED"
    stop.update(tagged(team="web"))
    assert service.application_tags[APPLICATION] == {**BY_STACK, "team": "web"}
    stop.roll_back(tagged(team="lake", cost="7"))
    assert service.application_tags[APPLICATION] == {**BY_STACK, "team": "lake", "cost": "7"}
    assert service.applications[APPLICATION] == "STARTED"


def test_tags_that_an_update_of_the_application_took_away_come_back(service: Service, stop: CustomResource) -> None:
    stop.create({**tagged(team="lake"), contract.STOPPED_BY: "1"})
    service.application_tags[APPLICATION] = dict(BY_STACK)
    stop.update({**tagged(team="lake"), contract.STOPPED_BY: "2"})
    assert service.application_tags[APPLICATION] == {**BY_STACK, "team": "lake"}


def test_an_application_without_tags_is_not_asked_for(service: Service, stop: CustomResource) -> None:
    stop.create(tagged())
    stop.update({**tagged(), contract.STOPPED_BY: "2"})
    assert service.calls == []


def test_an_application_that_is_replaced_gets_all_tags_and_the_old_one_keeps_its_own(
    service: Service, stop: CustomResource
) -> None:
    stop.create(tagged(team="lake"))
    service.applications["00app2"] = "CREATED"
    stop.update(tagged("00app2", cost="7"))
    assert service.application_tags == {APPLICATION: {**BY_STACK, "team": "lake"}, "00app2": {"cost": "7"}}
    assert stop.physical_id == "00app2"


def test_tags_of_an_application_that_is_gone_do_not_fail_the_update(service: Service, stop: CustomResource) -> None:
    stop.create(tagged(team="lake"))
    service.applications.clear()
    stop.update(tagged(team="web"))


@pytest.mark.parametrize("refused", [Refused("ThrottlingException", 429), Refused("AccessDeniedException")])
def test_tagging_waits_out_what_passes(service: Service, stop: CustomResource, refused: Refused) -> None:
    service.next_answers = [refused] * 5
    stop.create(tagged(team="lake"))
    assert service.application_tags[APPLICATION]["team"] == "lake"


def test_a_function_that_is_killed_again_and_again_is_told_by_what_it_does(service: Service) -> None:
    stop = CustomResource(service, contract.APPLICATION_STOP_TYPE, "Stop")
    stop.create(tagged())
    service.applications[APPLICATION] = "STARTED"

    def kill(name: str) -> None:
        if name in ("stop_application", "tag_resource"):
            raise Killed

    service.interfere = kill
    with pytest.raises(RequestFailed, match="The function that tags the application was ended before it was done"):
        stop.update(tagged(team="lake"))
    with pytest.raises(RequestFailed, match="The function that stops the application was ended before it was done"):
        stop.delete()


def test_an_application_that_something_keeps_from_being_stopped_is_told_with_what_it_may_be() -> None:
    service = DirectService()
    stop = CustomResource(service, contract.APPLICATION_STOP_TYPE, "Stop")
    stop.create(tagged())
    service.applications[APPLICATION] = "STARTED"

    def refuse(name: str) -> None:
        if name == "stop_application":
            raise Refused("ValidationException", message="there are active sessions")

    service.interfere = refuse
    with pytest.raises(
        RequestFailed, match=r"(?s)there are active sessions.*interactive sessions of Livy or EMR Studio"
    ):
        stop.delete()


def test_an_application_with_active_runs_is_not_stopped_before_they_have_ended(service: Service) -> None:
    stop = CustomResource(service, contract.APPLICATION_STOP_TYPE, "Stop")
    stop.create(tagged())
    service.applications[APPLICATION] = "STARTED"
    run = Run("00theirs", APPLICATION, {"executionRoleArn": "role", "clientToken": "1"}, service.now, "RUNNING")
    service.runs[run.run_id] = run
    polls = iter(range(20))

    def between(_: int) -> None:
        if next(polls) == 10:
            run.state = "CANCELLED"

    def interfere(name: str) -> None:
        assert name != "stop_application" or run.state == "CANCELLED"

    service.interfere = interfere
    stop.between_polls = between
    stop.delete()
    assert service.applications[APPLICATION] == "STOPPED"
    assert service.calls.count("cancel_job_run") == 1


def with_costs(application_id: str = APPLICATION, *, allocated: bool) -> dict[str, Any]:
    return {**tagged(application_id), contract.JOB_LEVEL_COST_ALLOCATION: str(allocated).lower()}


def test_costs_are_allocated_to_job_runs_as_soon_as_the_application_is_there(
    service: Service, stop: CustomResource
) -> None:
    stop.create(with_costs(allocated=True))
    assert service.cost_allocation == {APPLICATION}
    assert "stop_application" not in service.calls


def test_whether_costs_are_allocated_changes_with_the_template_and_back(service: Service, stop: CustomResource) -> None:
    stop.create(tagged())
    assert service.calls == []
    service.applications[APPLICATION] = "STARTED"
    stop.update(with_costs(allocated=True))
    assert (service.cost_allocation, service.applications[APPLICATION]) == ({APPLICATION}, "STOPPED")
    stop.roll_back(tagged())
    assert service.cost_allocation == set()
    stop.update(with_costs(allocated=True))
    stop.update(with_costs(allocated=False))
    assert service.cost_allocation == set()


def test_an_application_is_not_stopped_for_what_is_so_already(service: Service, stop: CustomResource) -> None:
    stop.create(with_costs(allocated=True))
    service.applications[APPLICATION] = "STARTED"
    service.calls.clear()
    stop.update({**with_costs(allocated=True), contract.STOPPED_BY: "2"})
    assert service.applications[APPLICATION] == "STARTED"
    assert "update_application" not in service.calls


def test_a_run_that_starts_the_application_again_does_not_keep_costs_from_being_allocated(
    service: Service, stop: CustomResource
) -> None:
    stop.create(tagged())
    started: list[str] = []

    def start(name: str) -> None:
        if name == "update_application" and not started:
            started.append(name)
            service.applications[APPLICATION] = "STARTED"

    service.interfere = start
    stop.update(with_costs(allocated=True))
    assert service.cost_allocation == {APPLICATION}


def test_costs_of_the_application_that_replaces_another_are_allocated(service: Service, stop: CustomResource) -> None:
    stop.create(with_costs(allocated=True))
    service.applications["00app2"] = "CREATED"
    stop.update(with_costs("00app2", allocated=True))
    assert service.cost_allocation == {APPLICATION, "00app2"}
    stop.delete()


def test_costs_of_an_application_that_is_gone_do_not_fail_the_update(service: Service, stop: CustomResource) -> None:
    stop.create(tagged())
    service.applications.clear()
    stop.update(with_costs(allocated=True))


def test_an_application_that_is_always_started_again_is_told() -> None:
    service = DirectService()
    stop = CustomResource(service, contract.APPLICATION_STOP_TYPE, "Stop")
    stop.create(tagged())

    def refuse(name: str) -> None:
        if name == "update_application":
            raise Refused("ValidationException", message="Current status: STARTED")

    service.interfere = refuse
    with pytest.raises(RequestFailed, match="Current status: STARTED"):
        stop.update(with_costs(allocated=True))
