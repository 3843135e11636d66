"""Every permission that `grant_catalog` grants is needed: without one, a call is denied that Spark or Hive makes.

The jobs are not run: what they do with tables is asked of the metastore that they would have, with their roles.
"""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack
from botocore.exceptions import ClientError
from pymetastore.hive_metastore import ttypes

from constructs_emrs import Application, ApplicationType, Catalog, Code, HiveJob, ReleaseLabel, SparkJob
from emrs_local import LocalAws
from emrs_local.metastore import catalog
from tests.e2e import deployment, permissions
from tests.e2e.deployment import synthesise

STACK = "CatalogPermissions"
HIVE_CONF = {"hive.exec.scratchdir": "s3://lake/scratch", "hive.metastore.warehouse.dir": "s3://lake/warehouse"}
COLUMN = {"Name": "id", "Type": "int"}
LONG = {"MinimumValue": 1, "MaximumValue": 2, "NumberOfNulls": 0, "NumberOfDistinctValues": 2}
STATISTICS = {
    "ColumnName": "id",
    "ColumnType": "int",
    "AnalyzedTime": 0,
    "StatisticsData": {"Type": "LONG", "LongColumnStatisticsData": LONG},
}
# What is granted though nothing is denied without, and why.
EXCEPTIONS = {
    "glue:CreatePartition": (
        "AWS's sample of a role has it: "
        "https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/security-iam-runtime-role.html"
    ),
    "catalog": "To make the database default; a job that writes may create its database in the catalog too.",
    "userDefinedFunction/*/*": "The local catalog asks for the database alone; AWS says nothing of it.",
}


def build(app: App) -> None:
    """A Spark job that reads one table, and a Hive job that writes another."""
    stack = Stack(app, STACK)
    spark = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    hive = Application(stack, "Hive", release_label=ReleaseLabel.EMR_7_14_0, application_type=ApplicationType.HIVE)
    code = Code.from_uri("s3://lake/etl.py")
    SparkJob(stack, "Read", application=spark, entry_point=code, catalog=Catalog.glue()).grant_catalog(
        "lake", tables=["raw"]
    )
    query = Code.from_uri("s3://lake/query.sql")
    HiveJob(stack, "Write", application=hive, query=query, hive_conf=HIVE_CONF).grant_catalog(
        "lake", tables=["clean"], write=True
    )


class NoFiles:
    """The files of tables, of which there are none."""

    def make_directories(self, addresses: Collection[str]) -> None:
        pass

    def move(self, address: str, destination: str) -> None:
        pass

    def delete(self, address: str) -> None:
        pass


class Account:
    """The deployed stack, and a Data Catalog with two tables."""

    def __init__(self, aws: LocalAws) -> None:
        self.stack = permissions.DeployedStack(aws=aws, name=STACK)
        self.glue = aws.client("glue")

    def fill(self) -> None:
        """Have the tables as they are before a job, and no database `default`."""
        for name in ("lake", "default"):
            with contextlib.suppress(ClientError):
                self.glue.delete_database(Name=name)
        self.glue.create_database(DatabaseInput={"Name": "lake", "LocationUri": "s3://lake/lake"})
        storage = {"Columns": [COLUMN], "InputFormat": "in", "OutputFormat": "out"}
        storage["SerdeInfo"] = {"SerializationLibrary": "serde"}  # type: ignore[assignment]
        keys = [{"Name": "day", "Type": "string"}]
        for name in ("raw", "clean"):
            table = {"Name": name, "TableType": "MANAGED_TABLE", "StorageDescriptor": storage, "PartitionKeys": keys}
            self.glue.create_table(DatabaseName="lake", TableInput=table)
            one = {"Values": ["monday"], "StorageDescriptor": {"Location": f"s3://lake/{name}/monday"}}
            self.glue.create_partition(DatabaseName="lake", TableName=name, PartitionInput=one)

    def policies(self, job: str) -> list[permissions.Policy]:
        """Those of the job's role."""
        return list(self.stack.role_policies(job, self._role(job)))

    @functools.cache  # noqa: B019 - there is one account
    def client(self, job: str) -> Any:
        """A client of Glue with the job's role, which the test itself may take from now on."""
        aws, role = self.stack.aws, self._role(job)
        trust = {"Effect": "Allow", "Principal": {"AWS": aws.account_id}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        aws.client("iam").update_assume_role_policy(RoleName=role, PolicyDocument=document)
        arn = f"arn:aws:iam::{aws.account_id}:role/{role}"
        assumed = aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="run")["Credentials"]
        return aws.client(
            "glue",
            aws_access_key_id=assumed["AccessKeyId"],
            aws_secret_access_key=assumed["SecretAccessKey"],
            aws_session_token=assumed["SessionToken"],
        )

    def _role(self, job: str) -> str:
        return self.stack.resources("AWS::IAM::Role")[f"{job}Role"]


@pytest.fixture(scope="module")
def account(with_python_drivers: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    assembly: Path = tmp_path_factory.mktemp("catalog") / "cdk.out"
    synthesise(build, assembly)
    stack = deployment.DeployedStack(with_python_drivers, STACK)
    deployed = stack.deploy(assembly)
    assert deployed.succeeded, str(deployed)
    yield Account(with_python_drivers)
    assert stack.destroy().succeeded


def absent(call: Callable[[], object]) -> None:
    """Ask for what is not there, as Spark and Hive do."""
    try:
        call()
    except (ClientError, ttypes.NoSuchObjectException, ttypes.AlreadyExistsException) as error:
        if "AccessDenied" in str(error):
            raise


def read(table: str, glue: Any, *, is_hive: bool) -> None:
    """What a job does that reads a table."""
    place = {"DatabaseName": "lake", "TableName": table}
    metastore = catalog.Catalog(glue, files=NoFiles(), warehouse="s3://lake/warehouse", own_folder="file:///run")
    metastore.make_default_database()
    absent(lambda: metastore.get_database("global_temp"))
    absent(lambda: metastore.get_function("default", "f"))
    listed(metastore.get_databases("*"), "lake")
    assert metastore.get_database("lake").locationUri == "s3://lake/lake"
    listed(metastore.get_tables("lake", "*"), table)
    assert metastore.get_table("lake", table).tableName == table
    assert len(metastore.get_partitions_by_filter("lake", table, 'day = "monday"', -1)) == 1
    assert metastore.get_partition("lake", table, ["monday"]).values == ["monday"]
    assert len(metastore.get_partitions_by_names("lake", table, ["day=monday"])) == 1
    absent(lambda: metastore.get_function("lake", "f"))
    assert metastore.get_functions("lake", "*") == []
    glue.get_column_statistics_for_table(**place, ColumnNames=["id"])
    glue.get_column_statistics_for_partition(**place, PartitionValues=["monday"], ColumnNames=["id"])
    if is_hive:
        listed(metastore.get_databases("*"), "default")  # Hive reads the functions of all databases
        glue.get_user_defined_functions(DatabaseName="default", Pattern=".*")


def write(table: str, glue: Any) -> None:
    """What a job does that makes, changes and drops a table and its partitions."""
    place = {"DatabaseName": "lake", "TableName": table}
    metastore = catalog.Catalog(glue, files=NoFiles(), warehouse="s3://lake/warehouse", own_folder="file:///run")
    absent(lambda: metastore.create_database(ttypes.Database(name="lake", locationUri="s3://lake/lake")))
    found = metastore.get_table("lake", table)
    one = metastore.get_partition("lake", table, ["monday"])
    metastore.alter_table("lake", table, found)
    metastore.alter_partitions("lake", table, [one])
    one.values = ["friday"]
    metastore.add_partition(one)
    glue.update_column_statistics_for_table(**place, ColumnStatisticsList=[STATISTICS])
    glue.delete_column_statistics_for_table(**place, ColumnName="id")
    of_one = {**place, "PartitionValues": ["monday"]}
    glue.update_column_statistics_for_partition(**of_one, ColumnStatisticsList=[STATISTICS])
    glue.delete_column_statistics_for_partition(**of_one, ColumnName="id")
    glue.batch_delete_partition(**place, PartitionsToDelete=[{"Values": ["friday"]}])
    metastore.drop_partition("lake", table, ["monday"], False)
    metastore.drop_table("lake", table, False)
    metastore.create_table(found)


class ListIsShorter(Exception):
    """A list lacks what the job may not list."""


def denied(account: Account, job: str) -> bool:
    """Whether a job is refused something."""
    account.fill()
    glue = account.client(job)
    try:
        if job == "Read":
            read("raw", glue, is_hive=False)
        else:
            read("clean", glue, is_hive=True)
            write("clean", glue)
    except ListIsShorter:
        return True
    except (ClientError, ttypes.MetaException) as error:
        if "AccessDenied" not in str(error):
            raise
        return True
    return False


def listed(names: list[str], name: str) -> None:
    """Have the name in a list."""
    if name not in names:
        raise ListIsShorter


def smaller(statement: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The statement without each of its actions and resources."""
    for member in ("Action", "Resource"):
        listed = [statement[member]] if isinstance(statement[member], str) else statement[member]
        for one in listed:
            if rest := [other for other in listed if other != one]:
                yield one, {**statement, member: rest}
            else:
                yield one, {"Effect": "Deny", "Action": "none:None", "Resource": "*"}


@pytest.mark.parametrize("job", ["Read", "Write"])
def test_each_permission_on_the_catalog_is_needed(account: Account, job: str) -> None:
    assert not denied(account, job)
    unnoticed = []
    for policy in account.policies(job):
        for number, statement in enumerate(policy.statements):
            if "glue:" not in str(statement["Action"]):
                continue
            for without, rest in smaller(statement):
                others = [other for place, other in enumerate(policy.statements) if place != number]
                with policy.replaced([*others, rest]):
                    if not denied(account, job):
                        unnoticed.append(without)
    prefix = f"arn:aws:glue:{account.stack.aws.region}:{account.stack.aws.account_id}:"
    assert {without.removeprefix(prefix) for without in unnoticed} == (EXCEPTIONS.keys() if job == "Write" else set())


@pytest.mark.parametrize(
    ("job", "call"),
    [
        ("Read", lambda glue: glue.get_table(DatabaseName="lake", Name="clean")),
        ("Read", lambda glue: glue.create_table(DatabaseName="lake", TableInput={"Name": "raw"})),
        ("Read", lambda glue: glue.delete_table(DatabaseName="lake", Name="raw")),
        ("Read", lambda glue: glue.get_tables(DatabaseName="default")),
        ("Write", lambda glue: glue.create_table(DatabaseName="lake", TableInput={"Name": "other"})),
        ("Write", lambda glue: glue.create_table(DatabaseName="default", TableInput={"Name": "clean"})),
        ("Write", lambda glue: glue.delete_table(DatabaseName="lake", Name="raw")),
        ("Write", lambda glue: glue.delete_database(Name="lake")),
        ("Write", lambda glue: glue.update_database(Name="lake", DatabaseInput={"Name": "lake"})),
        ("Write", lambda glue: glue.create_database(DatabaseInput={"Name": "other"})),
    ],
)
def test_what_was_not_granted_is_denied(account: Account, job: str, call: Callable[[Any], object]) -> None:
    account.fill()
    account.glue.create_database(DatabaseInput={"Name": "default"})
    with pytest.raises(ClientError, match="AccessDeniedException"):
        call(account.client(job))
