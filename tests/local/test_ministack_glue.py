"""The Data Catalog: what a call needs permission on, and thousands of partitions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.cloudformation_support import wait_for_stack
from tests.local.emr_serverless_support import Service, allow, policy

Json = dict[str, Any]
KEYS = [{"Name": "day", "Type": "string"}]


pytestmark = pytest.mark.usefixtures("glue")


@pytest.fixture(scope="module")
def glue(service: Service) -> Any:
    client = service.aws.client("glue")
    for database in ("lake", "other"):
        client.create_database(DatabaseInput={"Name": database})
        for table in ("raw", "clean"):
            client.create_table(DatabaseName=database, TableInput={"Name": table, "PartitionKeys": KEYS})
    return client


@pytest.fixture(scope="module")
def may(service: Service) -> Callable[..., Any]:
    """Lets a user do what the statements say and nothing else, and has the user's client of Glue."""
    iam = service.aws.client("iam")
    iam.create_user(UserName="glue")
    key = iam.create_access_key(UserName="glue")["AccessKey"]
    secret = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    client = service.aws.client("glue", **secret)

    def may(*statements: Json) -> Any:
        document = policy(*statements, allow("iam:GetUser"))  # a policy without statements is none
        iam.put_user_policy(UserName="glue", PolicyName="glue", PolicyDocument=document)
        return client

    return may


TABLE = {"DatabaseName": "lake", "TableName": "raw"}
PARTITION = {"PartitionInput": {"Values": ["never"]}}
OPERATIONS: list[tuple[str, Json, list[str]]] = [
    ("get_databases", {}, []),
    ("get_database", {"Name": "lake"}, ["database/lake"]),
    ("create_database", {"DatabaseInput": {"Name": "lake"}}, ["database/lake"]),
    ("update_database", {"Name": "lake", "DatabaseInput": {"Name": "lake"}}, ["database/lake"]),
    (
        "delete_database",
        {"Name": "nowhere"},
        ["database/nowhere", "table/nowhere/*", "userDefinedFunction/nowhere/*"],
    ),
    ("get_tables", {"DatabaseName": "lake"}, ["database/lake"]),
    ("get_table", {"DatabaseName": "lake", "Name": "raw"}, ["database/lake", "table/lake/raw"]),
    ("create_table", {"DatabaseName": "lake", "TableInput": {"Name": "raw"}}, ["database/lake", "table/lake/raw"]),
    ("update_table", {"DatabaseName": "lake", "TableInput": {"Name": "raw"}}, ["database/lake", "table/lake/raw"]),
    ("delete_table", {"DatabaseName": "lake", "Name": "nowhere"}, ["database/lake", "table/lake/nowhere"]),
    (
        "batch_delete_table",
        {"DatabaseName": "lake", "TablesToDelete": ["a", "b"]},
        ["database/lake", "table/lake/a", "table/lake/b"],
    ),
    ("get_partitions", TABLE, ["database/lake", "table/lake/raw"]),
    ("get_partition", {**TABLE, "PartitionValues": ["never"]}, ["database/lake", "table/lake/raw"]),
    ("create_partition", {**TABLE, **PARTITION}, ["database/lake", "table/lake/raw"]),
    ("batch_create_partition", {**TABLE, "PartitionInputList": []}, ["database/lake", "table/lake/raw"]),
    ("update_partition", {**TABLE, **PARTITION, "PartitionValueList": ["never"]}, ["database/lake", "table/lake/raw"]),
    ("delete_partition", {**TABLE, "PartitionValues": ["never"]}, ["database/lake", "table/lake/raw"]),
    (
        "get_user_defined_function",
        {"DatabaseName": "lake", "FunctionName": "f"},
        ["database/lake", "userDefinedFunction/lake/f"],
    ),
]


def refusal(call: Callable[..., Any], arguments: Json) -> str:
    """What an AccessDeniedException says; empty if there is none."""
    try:
        call(**arguments)
    except ClientError as error:
        status, code = error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
        return str(error) if (status, code) == (400, "AccessDeniedException") else ""
    return ""


@pytest.mark.parametrize(("operation", "arguments", "below"), OPERATIONS, ids=[name for name, *_ in OPERATIONS])
def test_a_call_needs_its_action_on_the_resource_and_all_its_ancestors(
    service: Service, may: Callable[..., Any], operation: str, arguments: Json, below: list[str]
) -> None:
    action = "glue:" + "".join(word.capitalize() for word in operation.split("_"))
    prefix = f"arn:aws:glue:{service.aws.region}:{service.aws.account_id}"
    needed = [f"{prefix}:{resource}" for resource in ["catalog", *below]]
    for missing in needed:
        others = [resource for resource in needed if resource != missing]
        client = may(*([allow(action, others)] if others else []))
        said = refusal(getattr(client, operation), arguments)
        assert f"is not authorized to perform: {action} on resource: {missing} because no" in said
    client = may(allow(action, needed))
    assert refusal(getattr(client, operation), arguments) == ""


def test_the_catalog_of_another_account_is_denied(service: Service, glue: Any) -> None:
    arn = f"arn:aws:glue:{service.aws.region}:111122223333:catalog"
    with pytest.raises(ClientError, match=f"AccessDeniedException.* perform: glue:GetTable on resource: {arn}"):
        glue.get_table(CatalogId="111122223333", DatabaseName="lake", Name="raw")
    assert glue.get_table(CatalogId=service.aws.account_id, DatabaseName="lake", Name="raw")


def test_lists_have_what_the_caller_may_list(service: Service, may: Callable[..., Any]) -> None:
    prefix = f"arn:aws:glue:{service.aws.region}:{service.aws.account_id}"
    client = may(
        allow(
            ["glue:GetTables", "glue:GetDatabases"],
            [f"{prefix}:catalog", f"{prefix}:database/lake", f"{prefix}:table/lake/clean"],
        )
    )
    assert [table["Name"] for table in client.get_tables(DatabaseName="lake")["TableList"]] == ["clean"]
    assert [database["Name"] for database in client.get_databases()["DatabaseList"]] == ["lake"]


def test_partitions_are_chosen_by_an_expression_and_read_in_pages(glue: Any) -> None:
    table = {"DatabaseName": "other", "TableName": "raw"}
    days = [f"{number:05}" for number in range(10_000)]
    for start in range(0, len(days), 100):
        inputs = [{"Values": [day], "StorageDescriptor": {"Location": day}} for day in days[start : start + 100]]
        assert glue.batch_create_partition(**table, PartitionInputList=inputs)["Errors"] == []
    pages = list(glue.get_paginator("get_partitions").paginate(**table))
    assert [len(page["Partitions"]) for page in pages] == [1000] * 10
    assert [partition["Values"] for page in pages for partition in page["Partitions"]] == [[day] for day in days]
    (one,) = glue.get_partitions(**table, Expression="day = '04711'")["Partitions"]
    assert one["StorageDescriptor"]["Location"] == "04711"
    few = glue.get_partitions(**table, Expression="day >= '09990'", MaxResults=7)
    assert (len(few["Partitions"]), few["NextToken"]) == (7, "7")
    halves = [
        glue.get_partitions(**table, Expression="day < '00010'", Segment={"SegmentNumber": number, "TotalSegments": 2})
        for number in range(2)
    ]
    assert [len(half["Partitions"]) for half in halves] == [5, 5]
    with pytest.raises(glue.exceptions.InvalidInputException, match="month"):
        glue.get_partitions(**table, Expression="month = '1'")


def test_a_partition_is_created_changed_and_deleted_once(glue: Any) -> None:
    table = {"DatabaseName": "other", "TableName": "clean"}
    glue.create_partition(**table, PartitionInput={"Values": ["monday"]})
    with pytest.raises(glue.exceptions.AlreadyExistsException):
        glue.create_partition(**table, PartitionInput={"Values": ["monday"]})
    with pytest.raises(glue.exceptions.InvalidInputException):
        glue.create_partition(**table, PartitionInput={"Values": ["monday", "2026"]})
    glue.update_partition(
        **table, PartitionValueList=["monday"], PartitionInput={"Values": ["tuesday"], "Parameters": {"rows": "1"}}
    )
    read = {**table, "PartitionsToGet": [{"Values": ["monday"]}, {"Values": ["tuesday"]}]}
    (partition,) = glue.batch_get_partition(**read)["Partitions"]
    assert (partition["Values"], partition["Parameters"]) == (["tuesday"], {"rows": "1"})
    deleted = glue.batch_delete_partition(**table, PartitionsToDelete=[{"Values": ["tuesday"]}, {"Values": ["friday"]}])
    assert [error["PartitionValues"] for error in deleted["Errors"]] == [["friday"]]
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_partition(**table, PartitionValues=["tuesday"])
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.create_partition(DatabaseName="other", TableName="nowhere", PartitionInput={"Values": ["monday"]})


def test_names_are_stored_in_lower_case_and_found_in_any(glue: Any) -> None:
    glue.create_database(DatabaseInput={"Name": "Upper"})
    glue.create_table(DatabaseName="UPPER", TableInput={"Name": "Daily", "PartitionKeys": KEYS})
    assert glue.get_database(Name="uPPer")["Database"]["Name"] == "upper"
    table = glue.get_table(DatabaseName="Upper", Name="DAILY")["Table"]
    assert (table["DatabaseName"], table["Name"]) == ("upper", "daily")
    assert "TableType" not in table, "it was given none"
    glue.create_partition(DatabaseName="Upper", TableName="Daily", PartitionInput={"Values": ["Monday"]})
    assert glue.get_partitions(DatabaseName="upper", TableName="daily")["Partitions"][0]["Values"] == ["Monday"]
    assert glue.batch_delete_table(DatabaseName="Upper", TablesToDelete=["Daily"])["Errors"] == []
    glue.delete_database(Name="UPPER")


def test_tables_and_partitions_of_a_stack_are_those_of_the_api(service: Service, glue: Any) -> None:
    place = {"CatalogId": service.aws.account_id, "DatabaseName": "Stacked"}
    values = {"PartitionInput": {"Values": ["stack"]}}
    database = {"Name": "Stacked", "Parameters": {"weight": 1.5}}
    # As the CDK's S3Table has it, and as an L1 may.
    storage = {"Compressed": "false", "NumberOfBuckets": "2", "SerdeInfo": {"Parameters": {"skip.header": 1}}}
    table = {"Name": "Clean", "PartitionKeys": KEYS, "Parameters": {"has_encrypted_data": True}}
    table["StorageDescriptor"] = storage
    resources: Json = {
        "D": {"Type": "AWS::Glue::Database", "Properties": {"CatalogId": service.aws.account_id}},
        "T": {"Type": "AWS::Glue::Table", "Properties": place, "DependsOn": "D"},
        "P": {
            "Type": "AWS::Glue::Partition",
            "Properties": {**place, "TableName": "Clean", **values},
            "DependsOn": "T",
        },
    }
    cloudformation = service.aws.client("cloudformation")
    for operation, added in (("create", {}), ("update", {"Description": "changed"})):
        resources["D"]["Properties"]["DatabaseInput"] = database | added
        resources["T"]["Properties"]["TableInput"] = table | added
        change = getattr(cloudformation, f"{operation}_stack")
        change(StackName="glue", TemplateBody=json.dumps({"Resources": resources}))
        wait_for_stack(cloudformation, f"stack_{operation}_complete", "glue")
        assert glue.get_partition(DatabaseName="stacked", TableName="clean", PartitionValues=["stack"])
    assert glue.get_database(Name="stacked")["Database"]["Description"] == "changed"
    assert glue.get_database(Name="stacked")["Database"]["Parameters"] == {"weight": "1.5"}
    found = glue.get_table(DatabaseName="stacked", Name="clean")["Table"]
    assert (found["Description"], found["Parameters"]) == ("changed", {"has_encrypted_data": "true"})
    typed = {"Compressed": False, "NumberOfBuckets": 2, "SerdeInfo": {"Parameters": {"skip.header": "1"}}}
    assert found["StorageDescriptor"] == typed
    cloudformation.delete_stack(StackName="glue")
    wait_for_stack(cloudformation, "stack_delete_complete", "glue")
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_database(Name="stacked")
