import threading
import time
from collections.abc import Callable
from typing import Any

import botocore.config
import pytest
import urllib3
from botocore.exceptions import ClientError

from emrs_local.emr_serverless import applications as module
from emrs_local.emr_serverless.applications import Applications
from emrs_local.ministack.scope import Scope
from tests.local.emr_serverless_support import Service

IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/spark:1"


def error_of(call: Callable[..., Any], **arguments: Any) -> tuple[str, int, str]:
    """Code, HTTP status and message of the error that a call must raise."""
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    response = raised.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Message"]


def initial(kind: str = "DRIVER", *, count: int = 1, **worker: str) -> dict[str, Any]:
    """The member of an application that keeps workers ready."""
    return {"initialCapacity": {kind: {"workerCount": count, "workerConfiguration": worker}}}


def create(service: Service, **members: Any) -> str:
    # By default it would stop when it was idle for a quarter of an hour, which is half a minute here.
    until_told_to = {"autoStopConfiguration": {"enabled": False}}
    request = {"releaseLabel": "emr-7.9.0", "type": "Spark", **until_told_to, **members}
    return str(service.emr.create_application(**request)["applicationId"])


def wait_for_state(service: Service, application_id: str, state: str) -> None:
    deadline = time.monotonic() + 300
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


@pytest.mark.parametrize("engine", ["SPARK", "spark", "Spark", "HIVE", "hive"])
def test_the_engine_is_answered_with_a_capital_letter_however_it_was_sent(service: Service, engine: str) -> None:
    application_id = create(service, type=engine)
    application = service.emr.get_application(applicationId=application_id)["application"]
    pages = service.emr.get_paginator("list_applications").paginate()
    listed = {item["id"]: item["type"] for page in pages for item in page["applications"]}
    assert application["type"] == listed[application_id] == engine.capitalize()


def test_an_application_goes_through_its_states_in_order_and_they_are_printed_with_its_name(service: Service) -> None:
    application_id = create(service, name="printed")
    wait_for_state(service, application_id, "CREATED")
    service.emr.start_application(applicationId=application_id)
    wait_for_state(service, application_id, "STARTED")
    service.emr.stop_application(applicationId=application_id)
    wait_for_state(service, application_id, "STOPPED")
    service.emr.delete_application(applicationId=application_id)
    service.told(lambda line: application_id in line and line.endswith("TERMINATED"))
    lines = [line for line in service.events if application_id in line]
    states = ["CREATING", "CREATED", "STARTING", "STARTED", "STOPPING", "STOPPED", "TERMINATED"]
    assert [line.rsplit(" ", 1)[-1] for line in lines] == states
    assert all(f"  application {application_id} (printed)  " in line for line in lines)


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
    service.emr.start_application(applicationId=application_id)
    wait_for_state(service, application_id, "STOPPED")


@pytest.mark.parametrize(
    ("configuration", "seconds"),
    [({"idleTimeoutMinutes": 3}, 180), ({"enabled": True}, 900), (None, 900), ({"enabled": False}, None)],
)
def test_it_stops_after_as_many_idle_minutes_as_it_says(
    monkeypatch: pytest.MonkeyPatch, configuration: dict[str, Any] | None, seconds: int | None
) -> None:
    later: list[tuple[float, Callable[[], None]]] = []
    monkeypatch.setattr(module, "_later", lambda *planned: later.append(planned))
    applications = Applications(changed=threading.Condition(), announce=lambda _: None, publish=lambda _: None)
    members = {} if configuration is None else {"autoStopConfiguration": configuration}
    request = {"releaseLabel": "emr-7.9.0", "type": "Spark", "clientToken": "t", **members}
    application = applications.create(Scope(account_id="1", region="x"), request)
    applications.settle(application)
    applications.start(application)
    applications.settle(application)
    stops = [action for planned, action in later if planned == seconds]
    assert len(later) == 2 + len(stops)  # it was created and started
    for stop in stops:
        stop()
    assert application.state == ("STOPPING" if seconds else "STARTED")


def test_the_same_client_token_creates_one_application(service: Service) -> None:
    first = create(service, clientToken="once", name="one")
    assert create(service, clientToken="once", name="one") == first
    request = {"releaseLabel": "emr-7.9.0", "type": "Spark", "clientToken": "once", "name": "two"}
    assert error_of(service.emr.create_application, **request)[:2] == ("ConflictException", 409)


def test_applications_are_listed_in_pages_and_by_state(service: Service) -> None:
    ids = {create(service, name=f"listed-{number}") for number in range(3)}
    pages = service.emr.get_paginator("list_applications").paginate(PaginationConfig={"PageSize": 1})
    assert ids <= {application["id"] for page in pages for application in page["applications"]}
    assert not ids & {item["id"] for item in service.emr.list_applications(states=["STARTED"])["applications"]}


@pytest.mark.parametrize("filters", [{}, {"states": ["TERMINATED"]}])
def test_a_terminated_application_is_read_but_not_listed(service: Service, filters: dict[str, Any]) -> None:
    application_id = create(service)
    wait_for_state(service, application_id, "CREATED")
    service.emr.delete_application(applicationId=application_id)
    pages = service.emr.get_paginator("list_applications").paginate(**filters)
    assert application_id not in {item["id"] for page in pages for item in page["applications"]}
    wait_for_state(service, application_id, "TERMINATED")


def test_an_application_that_is_being_created_starts_when_it_is(service: Service) -> None:
    application_id = create(service)
    service.emr.start_application(applicationId=application_id)
    wait_for_state(service, application_id, "STARTED")


def test_a_started_application_changes_how_many_runs_it_runs_and_nothing_else(service: Service) -> None:
    application_id = create(service, schedulerConfiguration={"maxConcurrentRuns": 1, "queueTimeoutMinutes": 20})
    service.emr.start_application(applicationId=application_id)
    wait_for_state(service, application_id, "STARTED")
    more = {"maxConcurrentRuns": 2, "queueTimeoutMinutes": 20}
    updated = service.emr.update_application(applicationId=application_id, schedulerConfiguration=more)
    assert updated["application"]["schedulerConfiguration"] == more
    for members in (
        {"schedulerConfiguration": {"maxConcurrentRuns": 2, "queueTimeoutMinutes": 30}},
        {"schedulerConfiguration": more, "releaseLabel": "emr-7.10.0"},
    ):
        code, _, message = error_of(service.emr.update_application, applicationId=application_id, **members)
        assert (code, message[-8:]) == ("ValidationException", " STARTED")


def test_a_resource_has_two_hundred_tags_at_most(service: Service) -> None:
    application_id = create(service, tags={f"created-{number}": "" for number in range(150)})
    arn = service.emr.get_application(applicationId=application_id)["application"]["arn"]
    service.emr.tag_resource(resourceArn=arn, tags={f"added-{number}": "" for number in range(50)})
    service.emr.tag_resource(resourceArn=arn, tags={"added-1": "again"})
    code, _, message = error_of(service.emr.tag_resource, resourceArn=arn, tags={"one-more": ""})
    assert (code, message) == ("ValidationException", "A resource can have at most 200 tags")


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
        ({"type": "Presto"}, "Unsupported engine Presto"),
        ({"type": "Hive", "releaseLabel": "emr-spark-8.0.0"}, "is not supported for release label 'emr-spark-8.0.0'"),
        ({"tags": {str(number): "" for number in range(201)}}, "'/tags' failed to satisfy constraint"),
        ({"schedulerConfiguration": {"maxConcurrentRuns": 0}}, "maxConcurrentRuns must be between 1 and 1000"),
        ({"schedulerConfiguration": {"maxConcurrentRuns": 1001}}, "maxConcurrentRuns must be between 1 and 1000"),
        ({"schedulerConfiguration": {"queueTimeoutMinutes": 14}}, "queueTimeoutMinutes must be between 15 and 720"),
        ({"schedulerConfiguration": {"queueTimeoutMinutes": 721}}, "queueTimeoutMinutes must be between 15 and 720"),
        (
            {"releaseLabel": "emr-6.15.0", "schedulerConfiguration": {"maxConcurrentRuns": 1}},
            "schedulerConfiguration: needs release emr-7.0.0 or higher",
        ),
        (
            {"releaseLabel": "emr-6.13.0", "interactiveConfiguration": {"livyEndpointEnabled": True}},
            "livyEndpointEnabled: needs release emr-6.14.0 or higher",
        ),
        (
            {"releaseLabel": "emr-6.8.0", "imageConfiguration": {"imageUri": IMAGE}},
            "imageConfiguration: needs release emr-6.9.0 or higher",
        ),
        (
            {
                "releaseLabel": "emr-6.8.0",
                "workerTypeSpecifications": {"Driver": {"imageConfiguration": {"imageUri": IMAGE}}},
            },
            "imageConfiguration: needs release emr-6.9.0 or higher",
        ),
        (initial(cpu="3 vCPU", memory="8 GB"), "Worker configuration of DRIVER is not supported: cpu 3 vCPU"),
        (initial(cpu="4 vCPU", memory="31 GB"), "cpu 4 vCPU, memory 31 GB"),
        (initial(cpu="8", memory="17"), "cpu 8, memory 17"),
        (initial(cpu="1 vCPU", memory="2 GB", disk="19 GB"), "has 20 to 200 GB, not 19 GB"),
        (initial(cpu="1 vCPU", memory="2 GB", disk="201 GB"), "has 20 to 200 GB, not 201 GB"),
        (
            initial(cpu="1 vCPU", memory="2 GB", disk="2001 GB", diskType="SHUFFLE_OPTIMIZED"),
            "has 20 to 2000 GB, not 2001 GB",
        ),
        (
            {"releaseLabel": "emr-7.0.0", **initial(cpu="1 vCPU", memory="2 GB", diskType="SHUFFLE_OPTIMIZED")},
            "Disk type SHUFFLE_OPTIMIZED needs release emr-7.1.0 or higher",
        ),
        (
            {**initial(cpu="4 vCPU", memory="16 GB", count=2), "maximumCapacity": {"cpu": "4 vCPU", "memory": "64 GB"}},
            "The initial capacity needs more cpu than the maximum capacity of 4 vCPU",
        ),
        (
            {**initial(cpu="4 vCPU", memory="16 GB", count=2), "maximumCapacity": {"cpu": "8 vCPU", "memory": "31 GB"}},
            "The initial capacity needs more memory than the maximum capacity of 31 GB",
        ),
        (
            initial("TASK", cpu="4 vCPU", memory="16 GB"),
            "Worker type TASK in initialCapacity is not supported for Spark",
        ),
        (initial("TEZ_TASK", cpu="4 vCPU", memory="16 GB"), "TEZ_TASK in initialCapacity is not supported for Spark"),
        (
            {"workerTypeSpecifications": {"HiveDriver": {"imageConfiguration": {"imageUri": IMAGE}}}},
            "HiveDriver in workerTypeSpecifications is not supported for Spark",
        ),
        (
            {"monitoringConfiguration": {"s3MonitoringConfiguration": {"logUri": "logs/"}}},
            "logUri logs/ is not a valid S3 URI",
        ),
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
        aws_secret_access_key="not-the-secret",  # noqa: S106 - made up
    )
    code, status, _ = error_of(client.list_applications)
    assert status == 403
    assert "Signature" in code


@pytest.mark.parametrize(
    ("api", "operation"),
    [
        ("emr-serverless", "list_applications"),
        ("iam", "list_users"),
        ("s3", "list_buckets"),
        ("sts", "get_caller_identity"),
        ("cloudformation", "list_stacks"),
    ],
)
def test_the_root_key_with_a_wrong_secret_is_refused(service: Service, api: str, operation: str) -> None:
    client = service.aws.client(api, aws_secret_access_key="not-the-secret")  # noqa: S106 - made up
    code, status, _ = error_of(getattr(client, operation))
    assert status == 403
    assert "Signature" in code


@pytest.mark.parametrize(
    "body",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"releaseLabel":"emr-7.9.0","type":"Spark","clientToken":"deep","runtimeConfiguration":['
        + '{"classification":"a","configurations":[' * 20_000
        + "]}" * 20_000
        + "]}",
        "\xff",
        "[]",
        "",
    ],
    ids=["arrays", "objects", "configurations", "no text", "no object", "nothing"],
)
def test_a_body_that_is_no_request_is_the_callers_mistake(service: Service, body: str) -> None:
    client = service.aws.client("emr-serverless", config=botocore.config.Config(retries={"max_attempts": 1}))

    def replace_body(request: Any, **_: Any) -> None:
        request.data = body.encode("latin-1")

    client.meta.events.register("before-sign.emr-serverless.CreateApplication", replace_body)
    code, status, _ = error_of(client.create_application, releaseLabel="emr-7.9.0", type="Spark")
    assert (code, status) == ("ValidationException", 400)


def test_an_operation_that_is_not_there_is_said_not_to_be(service: Service) -> None:
    code, _, message = error_of(service.emr.list_sessions, applicationId=service.application_id)
    assert (code, message) == ("UnknownOperationException", "The local EMR Serverless has no operation ListSessions")
