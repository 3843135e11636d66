import time
from collections.abc import Callable
from typing import Any

import botocore.config
import pytest
import urllib3
from botocore.exceptions import ClientError

from tests.local.service_support import SECONDS_PER_MINUTE, Service


def error_of(call: Callable[..., Any], **arguments: Any) -> tuple[str, int, str]:
    """Code, HTTP status and message of the error that a call must raise."""
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    response = raised.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Message"]


def create(service: Service, **members: Any) -> str:
    request = {"releaseLabel": "emr-7.9.0", "type": "Spark", **members}
    return str(service.emr.create_application(**request)["applicationId"])


def wait_for_state(service: Service, application_id: str, state: str, *, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while (now := service.emr.get_application(applicationId=application_id)["application"]["state"]) != state:
        assert time.monotonic() < deadline, now
        time.sleep(0.05)


def test_a_created_application_is_described_with_what_was_asked_for_and_the_defaults(service: Service) -> None:
    capacity = {"DRIVER": {"workerCount": 1, "workerConfiguration": {"cpu": "2 vCPU", "memory": "4 GB"}}}
    created = service.emr.create_application(
        name="reports", releaseLabel="emr-7.9.0", type="Spark", initialCapacity=capacity, tags={"team": "data"}
    )
    application = service.emr.get_application(applicationId=created["applicationId"])["application"]
    assert created["arn"] == service.application_arn.replace(service.application_id, created["applicationId"])
    assert created["applicationId"].startswith("00f")
    assert len(created["applicationId"]) == 16
    assert application["name"] == "reports"
    assert application["initialCapacity"] == capacity
    assert application["tags"] == {"team": "data"}
    assert application["autoStartConfiguration"] == {"enabled": True}
    assert application["autoStopConfiguration"] == {"enabled": True, "idleTimeoutMinutes": 15}
    assert application["architecture"] == "X86_64"


def test_an_application_goes_through_its_states_in_order(service: Service) -> None:
    application_id = create(service)
    wait_for_state(service, application_id, "CREATED")
    service.emr.start_application(applicationId=application_id)
    wait_for_state(service, application_id, "STARTED")
    service.emr.stop_application(applicationId=application_id)
    wait_for_state(service, application_id, "STOPPED")
    service.emr.delete_application(applicationId=application_id)
    states = ["CREATING", "CREATED", "STARTING", "STARTED", "STOPPING", "STOPPED", "TERMINATED"]
    deadline = time.monotonic() + 10
    announced: list[str] = []
    while len(announced) < len(states) and time.monotonic() < deadline:  # lines arrive a moment after the answer
        time.sleep(0.05)
        announced = [line.rsplit(" ", 1)[-1] for line in service.events if application_id in line]
    assert announced == states


@pytest.mark.parametrize("operation", ["delete_application", "update_application"])
def test_a_started_application_is_neither_changed_nor_deleted(service: Service, operation: str) -> None:
    application_id = create(service)
    wait_for_state(service, application_id, "CREATED")
    service.emr.start_application(applicationId=application_id)
    wait_for_state(service, application_id, "STARTED")
    code, status, message = error_of(getattr(service.emr, operation), applicationId=application_id)
    assert (code, status) == ("ValidationException", 400)
    assert message == (
        f"Application {application_id} must be in one of the following statuses [CREATED, STOPPED]. "
        "Current status: STARTED"
    )


def test_an_update_changes_the_members_it_has_and_no_others(service: Service) -> None:
    application_id = create(service, maximumCapacity={"cpu": "4 vCPU", "memory": "16 GB"})
    wait_for_state(service, application_id, "CREATED")
    service.emr.update_application(applicationId=application_id, releaseLabel="emr-7.10.0")
    application = service.emr.get_application(applicationId=application_id)["application"]
    assert application["releaseLabel"] == "emr-7.10.0"
    assert application["maximumCapacity"] == {"cpu": "4 vCPU", "memory": "16 GB"}


def test_an_idle_application_stops_by_itself(service: Service) -> None:
    application_id = create(service, autoStopConfiguration={"enabled": True, "idleTimeoutMinutes": 1})
    wait_for_state(service, application_id, "CREATED")
    service.emr.start_application(applicationId=application_id)
    wait_for_state(service, application_id, "STARTED")
    wait_for_state(service, application_id, "STOPPED", seconds=SECONDS_PER_MINUTE + 3)


def test_the_same_client_token_creates_one_application(service: Service) -> None:
    first = create(service, clientToken="once", name="one")
    assert create(service, clientToken="once", name="one") == first
    request = {"releaseLabel": "emr-7.9.0", "type": "Spark", "clientToken": "once", "name": "two"}
    assert error_of(service.emr.create_application, **request)[:2] == ("ConflictException", 409)


def test_applications_are_listed_in_pages_and_by_state(service: Service) -> None:
    ids = {create(service, name=f"listed-{number}") for number in range(3)}
    pages = service.emr.get_paginator("list_applications").paginate(PaginationConfig={"PageSize": 1})
    assert ids <= {application["id"] for page in pages for application in page["applications"]}
    terminated = service.emr.list_applications(states=["TERMINATED"])["applications"]
    assert not ids & {application["id"] for application in terminated}


def test_an_unknown_application_is_not_found(service: Service) -> None:
    code, status, message = error_of(service.emr.get_application, applicationId="00fdoesnotexist0")
    assert (code, status, message) == ("ResourceNotFoundException", 404, "Application 00fdoesnotexist0 does not exist")


def test_tags_are_added_listed_and_removed(service: Service) -> None:
    application_id = create(service, tags={"team": "data"})
    arn = service.emr.get_application(applicationId=application_id)["application"]["arn"]
    service.emr.tag_resource(resourceArn=arn, tags={"stage": "test"})
    assert service.emr.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "data", "stage": "test"}
    service.emr.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert service.emr.list_tags_for_resource(resourceArn=arn)["tags"] == {"stage": "test"}


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"releaseLabel": "latest"}, "Release label latest is not supported"),
        ({"releaseLabel": "emr-5.36.0"}, "Release label emr-5.36.0 is not supported"),
        ({"releaseLabel": None}, "'/releaseLabel' failed to satisfy constraint: Member must not be null"),
        ({"name": ""}, "'/name' failed to satisfy constraint: Member must have length greater than or equal to 1"),
        ({"name": "a b"}, "'/name' failed to satisfy constraint: Member must satisfy regular expression pattern"),
        ({"tags": {"k" * 129: "v"}}, "'/tags/key' failed to satisfy constraint: Member must have length less than"),
        ({"architecture": "SPARC"}, "'/architecture' failed to satisfy constraint: Member must satisfy enum value set"),
        ({"autoStopConfiguration": {"idleTimeoutMinutes": 0}}, "'/autoStopConfiguration/idleTimeoutMinutes'"),
        ({"autoStopConfiguration": {"enabled": "yes"}}, "'/autoStopConfiguration/enabled'"),
        ({"networkConfiguration": {"subnetIds": ["!"]}}, "'/networkConfiguration/subnetIds/1/member'"),
        ({"maximumCapacity": {"cpu": "4 vCPU"}}, "'/maximumCapacity/memory'"),
    ],
)
def test_input_that_does_not_fit_the_model_is_refused_naming_the_member(
    service: Service, members: dict[str, Any], says: str
) -> None:
    client = service.aws.client("emr-serverless", config=botocore.config.Config(parameter_validation=False))
    request = {"releaseLabel": "emr-7.9.0", "type": "Spark", **members}
    code, status, message = error_of(client.create_application, **request)
    assert (code, status) == ("ValidationException", 400)
    assert says in message


@pytest.mark.parametrize("key", ["", "AKIAIOSFODNN7EXAMPLE"])
def test_a_request_with_credentials_that_nobody_issued_is_refused(service: Service, key: str) -> None:
    scope = f"{key}/20261122/us-east-1/emr-serverless/aws4_request"
    with urllib3.PoolManager(ca_certs=service.aws.environment["AWS_CA_BUNDLE"]) as pool:
        response = pool.request(
            "GET",
            f"{service.aws.url}/applications",
            headers={"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"},
        )
    assert response.status in (400, 403)
    assert b"applications" not in response.data


def test_a_request_with_a_wrong_secret_is_refused(service: Service) -> None:
    iam = service.aws.client("iam")
    iam.create_user(UserName="mistaken")
    key = iam.create_access_key(UserName="mistaken")["AccessKey"]
    client = service.aws.client(
        "emr-serverless",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key="not-the-secret",  # noqa: S106
    )
    code, status, _ = error_of(client.list_applications)
    assert status == 403
    assert "Signature" in code


def test_an_operation_that_is_not_there_is_said_not_to_be(service: Service) -> None:
    code, _, message = error_of(service.emr.list_sessions, applicationId=service.application_id)
    assert (code, message) == ("UnknownOperationException", "The local EMR Serverless has no operation ListSessions")
