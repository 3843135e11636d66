"""Hive's metastore over the Data Catalog, asked by a client of its own protocol, as Spark asks it."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
from pymetastore.hive_metastore import ThriftHiveMetastore, ttypes
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.Thrift import TApplicationException
from thrift.transport.TSocket import TSocket
from thrift.transport.TTransport import TBufferedTransport

from emrs_local.endpoint import Credentials, Endpoint
from emrs_local.metastore.catalog import Catalog
from emrs_local.metastore.iceberg import IcebergCatalog
from emrs_local.metastore.partition_names import partition_name, partition_values
from emrs_local.metastore.server import MetastoreServer
from emrs_local.spark.metastores import Metastores
from tests.local.emr_serverless_support import Service, allow, policy

Json = dict[str, Any]
OWN = "file:///runs/1"
_numbers = itertools.count()


class Files:
    """Addresses of files and directories, and which of them are forbidden."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.moved: list[tuple[str, str]] = []
        self.deleted: list[str] = []
        self.forbidden = ""

    def make_directories(self, addresses: Collection[str]) -> None:
        for address in addresses:
            self._check(address)
            self.made.append(address)

    def move(self, address: str, destination: str) -> None:
        self._check(destination)
        self.moved.append((address, destination))

    def delete(self, address: str) -> None:
        self._check(address)
        self.deleted.append(address)

    def _check(self, address: str) -> None:
        if self.forbidden and address.startswith(self.forbidden):
            raise PermissionError(f"{address} is forbidden")


@dataclass(kw_only=True)
class Run:
    """A run's metastore, its client, and what both did."""

    client: Any
    server: MetastoreServer
    glue: Any
    files: Files
    calls: Counter[str] = field(default_factory=Counter)


class Runs:
    """Starts metastores as runs do."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.glue = service.aws.client("glue")
        self._open = ExitStack()

    def start(self, *, warehouse: str = f"{OWN}/warehouse", kind: type[Catalog] = Catalog, **credentials: str) -> Run:
        glue, files = self.service.aws.client("glue", **credentials), Files()
        server = MetastoreServer(kind(glue, files=files, warehouse=warehouse, own_folder=OWN))
        self._open.callback(server.close)
        run = Run(client=self.connect(server, server.secret), server=server, glue=glue, files=files)

        def count(model: Any, parsed: Json, **_: Any) -> None:
            run.calls[model.name] += 1
            run.calls["partitions read"] += len(parsed.get("Partitions", []))

        glue.meta.events.register("after-call.glue", count)
        return run

    def connect(self, server: MetastoreServer, group: str) -> Any:
        place = urlsplit(server.address)
        transport = TBufferedTransport(TSocket(place.hostname, place.port))
        transport.open()
        self._open.callback(transport.close)
        client = ThriftHiveMetastore.Client(TBinaryProtocol(transport))
        client.set_ugi("hadoop", ["hadoop", group])
        return client

    def close(self) -> None:
        self._open.close()


@pytest.fixture(scope="module")
def runs(service: Service) -> Iterator[Runs]:
    runs = Runs(service)
    with suppress(runs.glue.exceptions.EntityNotFoundException):
        runs.glue.delete_database(Name="default")
    yield runs
    runs.close()


@pytest.fixture
def database(runs: Runs) -> str:
    name = f"lake{next(_numbers)}"
    runs.glue.create_database(DatabaseInput={"Name": name, "LocationUri": f"s3://lake/{name}"})
    return name


def columns(**types: str) -> list[Any]:
    return [ttypes.FieldSchema(name=name, type=type_) for name, type_ in types.items()]


def a_table(database: str, name: str = "daily", **members: Any) -> Any:
    storage = {
        "cols": columns(id="int"),
        "inputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        "outputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
        "serdeInfo": ttypes.SerDeInfo(serializationLib="ParquetHiveSerDe", parameters={"path": "s3://lake"}),
        "location": members.pop("location", None),
    }
    return ttypes.Table(
        **{
            "tableName": name,
            "dbName": database,
            "owner": "hadoop",
            "sd": ttypes.StorageDescriptor(**storage),
            "partitionKeys": columns(day="string"),
            "parameters": {"spark.sql.create.version": "3.5"},
            "tableType": "MANAGED_TABLE",
            **members,
        }
    )


def a_partition(table: Any, *values: str, location: str = "") -> Any:
    place = location or f"{table.sd.location or 's3://lake'}/{values[0]}"
    storage = ttypes.StorageDescriptor(cols=table.sd.cols, location=place, serdeInfo=table.sd.serdeInfo)
    return ttypes.Partition(values=list(values), dbName=table.dbName, tableName=table.tableName, sd=storage)


def add(client: Any, table: Any, *partitions: Any, may_exist: bool = False) -> Any:
    request = ttypes.AddPartitionsRequest(
        dbName=table.dbName, tblName=table.tableName, parts=list(partitions), ifNotExists=may_exist, needResult=True
    )
    return client.add_partitions_req(request).partitions


def test_what_one_run_makes_the_catalog_and_another_run_have(runs: Runs, database: str) -> None:
    one, other = runs.start(), runs.start()
    one.client.create_table(a_table(database))
    stored = runs.glue.get_table(DatabaseName=database, Name="daily")["Table"]
    assert stored["StorageDescriptor"]["Location"] == f"s3://lake/{database}/daily"
    assert stored["PartitionKeys"] == [{"Name": "day", "Type": "string"}]
    assert (stored["TableType"], stored["Owner"]) == ("MANAGED_TABLE", "hadoop")
    found = other.client.get_table(database, "daily")
    made = a_table(database, location=f"s3://lake/{database}/daily")
    assert found.sd.serdeInfo == made.sd.serdeInfo
    assert (found.sd.cols, found.partitionKeys, found.parameters) == (
        made.sd.cols,
        made.partitionKeys,
        made.parameters,
    )
    found.parameters["comment"] = "of a day"
    other.client.alter_table(database, "daily", found)
    assert one.client.get_table(database, "daily").parameters["comment"] == "of a day"
    assert one.client.get_tables(database, "d*|nothing") == ["daily"]
    assert one.client.get_tables_by_type(database, "*", "VIRTUAL_VIEW") == []
    assert [table.tableName for table in one.client.get_table_objects_by_name(database, ["nope", "daily"])] == ["daily"]
    with pytest.raises(ttypes.AlreadyExistsException):
        other.client.create_table(a_table(database))
    with pytest.raises(ttypes.NoSuchObjectException):
        other.client.get_table(database, "nope")


FORMAT = {"InputFormat": "in", "OutputFormat": "out", "SerdeInfo": {"SerializationLibrary": "serde"}}


def test_what_the_api_made_a_run_has(runs: Runs, database: str) -> None:
    table = {"Name": "bare", "TableType": "EXTERNAL_TABLE", "StorageDescriptor": FORMAT}
    runs.glue.create_table(DatabaseName=database, TableInput=table)
    found = runs.start().client.get_table(database, "bare")
    assert (found.sd.cols, found.partitionKeys, found.sd.serdeInfo.parameters) == ([], [], {})


@pytest.mark.parametrize(
    ("storage", "missing"),
    [
        ({}, "StorageDescriptor#InputFormat"),
        ({**FORMAT, "OutputFormat": None}, "StorageDescriptor#OutputFormat"),
        ({**FORMAT, "SerdeInfo": {}}, "StorageDescriptor#SerdeInfo#SerializationLibrary"),
    ],
)
def test_a_table_without_a_format_is_refused_as_the_client_does(
    runs: Runs, database: str, storage: Json, missing: str
) -> None:
    runs.glue.create_table(DatabaseName=database, TableInput={"Name": "typeless", "StorageDescriptor": FORMAT})
    with pytest.raises(ttypes.MetaException, match="InvalidInputException: TableType cannot be null for table: type"):
        runs.start().client.get_table(database, "typeless")
    given = {name: value for name, value in storage.items() if value is not None}
    table = {"Name": "bare", "TableType": "EXTERNAL_TABLE", "StorageDescriptor": given}
    runs.glue.create_table(DatabaseName=database, TableInput=table)
    with pytest.raises(ttypes.MetaException, match=f"InvalidInputException: {missing} cannot be null for table: bare"):
        runs.start().client.get_table(database, "bare")


def test_what_is_made_has_a_directory_as_hive_s_formats_can_not_be_read_without(runs: Runs, database: str) -> None:
    run, place = runs.start(), f"s3://lake/{database}"
    table = a_table(database)
    run.client.create_table(table)
    run.client.create_table(a_table(database, "v", tableType="VIRTUAL_VIEW", viewOriginalText="SELECT 1"))
    add(run.client, table, ttypes.Partition(values=["monday"], dbName=database, tableName="daily"))
    run.client.create_database(ttypes.Database(name=f"{database}b", locationUri=f"{place}b"))
    assert run.files.made == [f"{place}/daily", f"{place}/daily/day=monday", f"{place}b"]
    run.files.forbidden = place
    with pytest.raises(ttypes.MetaException, match=f"Unable to create path: {place}/new is forbidden"):
        run.client.create_table(a_table(database, "new"))


def test_a_renamed_partition_has_its_data_in_a_folder_of_its_name(runs: Runs, database: str) -> None:
    run, place = runs.start(), f"s3://lake/{database}"
    for name, parameters in (("managed", {}), ("external", {"EXTERNAL": "TRUE"})):
        table = a_table(database, name, parameters=parameters)
        run.client.create_table(table)
        add(run.client, table, ttypes.Partition(values=["monday"], dbName=database, tableName=name))
        run.client.rename_partition(database, name, ["monday"], a_partition(table, "friday"))
        found = run.client.get_partition(database, name, ["friday"])
        day = "friday" if name == "managed" else "monday"
        assert found.sd.location == f"{place}/{name}/day={day}"
    assert run.files.moved == [(f"{place}/managed/day=monday", f"{place}/managed/day=friday")]
    run.files.forbidden = place
    with pytest.raises(ttypes.InvalidOperationException, match="is forbidden"):
        run.client.rename_partition(database, "managed", ["friday"], a_partition(a_table(database), "sunday"))
    assert run.client.get_partition_names(database, "managed", -1) == ["day=friday"]


def test_the_database_default_is_in_the_run_s_warehouse_unless_it_has_a_place(runs: Runs) -> None:
    first, second = runs.start(), runs.start(warehouse="s3://lake/warehouse")
    assert first.client.get_database("default").locationUri == f"{OWN}/warehouse"
    assert "LocationUri" not in runs.glue.get_database(Name="default")["Database"], "no other run could read it"
    assert second.client.get_database("default").locationUri == "s3://lake/warehouse"
    runs.glue.update_database(Name="default", DatabaseInput={"Name": "default", "LocationUri": "s3://lake/default"})
    assert second.client.get_database("default").locationUri == "s3://lake/default"
    runs.glue.delete_database(Name="default")


def test_a_view_has_its_text_and_no_place(runs: Runs, database: str) -> None:
    client = runs.start().client
    view = a_table(database, "v", tableType="VIRTUAL_VIEW", viewOriginalText="SELECT 1", partitionKeys=[])
    client.create_table(view)
    found = client.get_table(database, "v")
    assert (found.viewOriginalText, found.tableType, found.sd.location) == ("SELECT 1", "VIRTUAL_VIEW", None)


def test_databases_are_made_changed_and_dropped(runs: Runs) -> None:
    run = runs.start()
    name = f"made{next(_numbers)}"
    run.client.create_database(ttypes.Database(name=name, locationUri=f"{OWN}/{name}.db", parameters={"a": "b"}))
    assert "LocationUri" not in runs.glue.get_database(Name=name)["Database"], "no other run could read it"
    assert run.client.get_databases(f"{name[:-1]}*|x") == [name]
    changed = run.client.get_database(name)
    assert (changed.locationUri, changed.parameters) == (f"{OWN}/{name}.db", {"a": "b"})
    assert runs.start().client.get_database(name).locationUri == ""
    assert run.files.made == []
    changed.locationUri = "s3://lake/made"
    run.client.alter_database(name, changed)
    run.client.create_table(a_table(name, partitionKeys=[]))
    with pytest.raises(ttypes.InvalidOperationException, match=f"Database {name} is not empty"):
        run.client.drop_database(name, True, False)
    run.client.drop_database(name, True, True)
    assert run.files.deleted == ["s3://lake/made/daily", "s3://lake/made"]
    with pytest.raises(ttypes.NoSuchObjectException):
        run.client.get_database(name)


def test_a_table_in_the_run_s_own_folder_is_refused(runs: Runs, database: str) -> None:
    client = runs.start().client
    of_spark = a_table(database, location="s3://lake/placeholder")
    of_spark.sd.serdeInfo.parameters = {"path": "file:/runs/1/t"}  # as of a source that Hive does not know
    client.create_database(ttypes.Database(name=f"{database}_own", locationUri=f"{OWN}/lake.db"))
    tables = [a_table(database, location=place) for place in (f"{OWN}/warehouse/t", "file:/runs/1/t")]
    for table in (*tables, of_spark, a_table(f"{database}_own")):
        with pytest.raises(ttypes.InvalidObjectException, match="LOCATION in S3"):
            client.create_table(table)


def test_partitions_are_added_found_changed_and_dropped(runs: Runs, database: str) -> None:
    run = runs.start()
    client, table = run.client, a_table(database, partitionKeys=columns(year="int", region="string"))
    client.create_table(table)
    without_place = ttypes.Partition(values=["2026", "a/b"], dbName=database, tableName="daily")
    add(client, table, without_place, a_partition(table, "2025", "eu"), a_partition(table, "2026", "eu"))
    with pytest.raises(ttypes.AlreadyExistsException):
        add(client, table, a_partition(table, "2026", "eu"))
    add(client, table, a_partition(table, "2026", "eu"), a_partition(table, "2027", "eu"), may_exist=True)
    names = ["year=2025/region=eu", "year=2026/region=a%2Fb", "year=2026/region=eu", "year=2027/region=eu"]
    assert client.get_partition_names(database, "daily", -1) == names
    assert client.get_partition_names(database, "daily", 2) == names[:2]
    assert client.get_partition_names_ps(database, "daily", ["2026"], -1) == names[1:3]
    found = client.get_partition_with_auth(database, "daily", ["2026", "a/b"], "hadoop", [])
    assert found.sd.location == f"s3://lake/{database}/daily/{names[1]}"
    assert [p.values[0] for p in client.get_partitions_ps_with_auth(database, "daily", ["", "eu"], -1, "", [])] == [
        "2025",
        "2026",
        "2027",
    ]
    assert [p.values for p in client.get_partitions_by_names(database, "daily", names[1:2])] == [["2026", "a/b"]]
    found.parameters = {"numRows": "7"}
    client.alter_partitions(database, "daily", [found])
    assert client.get_partition(database, "daily", ["2026", "a/b"]).parameters == {"numRows": "7"}
    found.values = ["2026", "b"]
    client.rename_partition(database, "daily", ["2026", "a/b"], found)
    names[1] = "year=2026/region=b"
    assert client.drop_partition_with_environment_context(database, "daily", ["2026", "b"], True, None)
    assert run.files.deleted == [f"s3://lake/{database}/daily/{names[1]}"]
    with pytest.raises(ttypes.NoSuchObjectException):
        client.get_partition(database, "daily", ["2026", "b"])


def test_ten_thousand_partitions_are_pruned_without_reading_them(runs: Runs, database: str) -> None:
    run = runs.start()
    table = a_table(database)
    run.client.create_table(table)
    add(run.client, table, *(a_partition(table, f"{number:05}") for number in range(10_000)))
    assert run.calls["BatchCreatePartition"] == 100
    run.calls.clear()
    chosen = run.client.get_partitions_by_filter(database, "daily", 'day >= "09997" and (day != "09998")', -1)
    assert [partition.values for partition in chosen] == [["09997"], ["09999"]]
    assert run.calls == {"GetPartitions": 1, "partitions read": 2}
    run.calls.clear()
    assert len(run.client.get_partitions_by_filter(database, "daily", 'day like ".*9.*"', 3)) == 3
    assert run.calls == {"GetPartitions": 1, "partitions read": 1000}, "Hive's patterns are left to Spark"


def test_a_value_with_a_backslash_is_found(runs: Runs, database: str) -> None:
    run, table = runs.start(), a_table(database)
    run.client.create_table(table)
    add(run.client, table, a_partition(table, "a\\b"))
    found = run.client.get_partitions_by_filter(database, "daily", 'day = "a\\b"', -1)
    assert [partition.values for partition in found] == [["a\\b"]]


@pytest.mark.parametrize(("table_type", "deleted"), [("MANAGED_TABLE", 2), ("EXTERNAL_TABLE", 0)])
def test_the_data_of_a_managed_table_goes_with_it(runs: Runs, database: str, table_type: str, deleted: int) -> None:
    run = runs.start()
    table = a_table(database, tableType=table_type)
    run.client.create_table(table)
    elsewhere = a_partition(table, "monday", location="s3://elsewhere/monday")
    add(run.client, table, elsewhere, a_partition(table, "tuesday", location=f"s3://lake/{database}/daily/tuesday"))
    run.client.drop_table_with_environment_context(database, "daily", True, None)
    assert run.files.deleted == [f"s3://lake/{database}/daily", "s3://elsewhere/monday"][:deleted]
    assert run.client.get_all_tables(database) == []


def test_functions_are_those_of_the_catalog(runs: Runs, database: str) -> None:
    client = runs.start().client
    jar = ttypes.ResourceUri(resourceType=ttypes.ResourceType.JAR, uri="s3://lake/f.jar")
    function = ttypes.Function(functionName="f", dbName=database, className="com.example.F", resourceUris=[jar])
    client.create_function(function)
    assert client.get_functions(database, "f*") == ["f"]
    found = client.get_function(database, "f")
    assert (found.className, found.resourceUris) == ("com.example.F", [jar])
    client.drop_function(database, "f")
    # Spark takes any other words for a failure, and fails where a function is not there yet.
    with pytest.raises(ttypes.NoSuchObjectException, match="f does not exist"):
        client.get_function(database, "f")


def test_what_the_catalog_cannot_do_is_refused(runs: Runs, database: str) -> None:
    client = runs.start().client
    client.create_table(a_table(database))
    with pytest.raises(ttypes.InvalidOperationException, match="rename is not supported"):
        client.alter_table(database, "daily", a_table(database, "weekly"))
    with pytest.raises(TApplicationException, match="the local metastore has no get_all_functions"):
        client.get_all_functions()


def test_an_external_table_is_one_that_says_so_as_the_client_of_the_catalog_has_it(runs: Runs, database: str) -> None:
    client = runs.start().client
    client.create_table(a_table(database, tableType="EXTERNAL_TABLE"))
    table = client.get_table(database, "daily")
    client.alter_table(database, "daily", table)
    assert client.get_table(database, "daily").tableType == "MANAGED_TABLE"
    table.parameters["EXTERNAL"] = "TRUE"
    client.alter_table(database, "daily", table)
    assert client.get_table(database, "daily").tableType == "EXTERNAL_TABLE"


def iceberg_table(database: str, name: str, metadata: str) -> Any:
    parameters = {"table_type": "ICEBERG", "metadata_location": metadata, "EXTERNAL": "TRUE"}
    place = f"s3://lake/{database}/events"
    return a_table(database, name, location=place, parameters=parameters, tableType="EXTERNAL_TABLE", partitionKeys=[])


def expecting(metadata: str) -> Any:
    """The environment of a commit that is based on this metadata."""
    properties = {"expected_parameter_key": "metadata_location", "expected_parameter_value": metadata}
    return ttypes.EnvironmentContext(properties=properties)


def test_iceberg_s_tables_are_as_its_catalog_for_glue_has_them(runs: Runs, database: str) -> None:
    client = runs.start(kind=IcebergCatalog).client
    client.create_table(iceberg_table(database, "events", "v1"))
    stored = runs.glue.get_table(DatabaseName=database, Name="events")["Table"]
    assert stored["Parameters"]["metadata_location"] == "v1"
    assert stored["StorageDescriptor"].keys() & {"InputFormat", "OutputFormat", "SerdeInfo"} == set()
    assert client.get_table(database, "events").parameters == stored["Parameters"]
    with pytest.raises(ttypes.MetaException, match="StorageDescriptor#InputFormat cannot be null for table: events"):
        runs.start().client.get_table(database, "events")
    client.alter_table_with_environment_context(
        database, "events", iceberg_table(database, "renamed", "v1"), ttypes.EnvironmentContext()
    )
    assert client.get_all_tables(database) == ["renamed"]
    client.drop_table_with_environment_context(database, "renamed", False, None)
    assert client.get_all_tables(database) == []


def test_a_commit_to_iceberg_s_table_that_is_late_is_refused(runs: Runs, database: str) -> None:
    run = runs.start(kind=IcebergCatalog)
    run.client.create_table(iceberg_table(database, "events", "v1"))
    run.client.alter_table_with_environment_context(
        database, "events", iceberg_table(database, "events", "v2"), expecting("v1")
    )
    # The words that Iceberg looks for, to try again on top of what the other has committed.
    words = "The table has been modified. The parameter value for key 'metadata_location' is 'v2'"
    with pytest.raises(ttypes.MetaException, match=words):
        run.client.alter_table_with_environment_context(
            database, "events", iceberg_table(database, "events", "v3"), expecting("v1")
        )

    def commit_between(**_: Any) -> None:
        run.glue.meta.events.unregister("before-call.glue.UpdateTable", commit_between)
        table = {"Name": "events", "Parameters": {"metadata_location": "v3"}}
        runs.glue.update_table(DatabaseName=database, TableInput=table)

    run.glue.meta.events.register("before-call.glue.UpdateTable", commit_between)
    with pytest.raises(ttypes.MetaException, match="The table has been modified"):
        run.client.alter_table_with_environment_context(
            database, "events", iceberg_table(database, "events", "v4"), expecting("v2")
        )
    assert runs.glue.get_table(DatabaseName=database, Name="events")["Table"]["Parameters"]["metadata_location"] == "v3"


def test_iceberg_has_no_place_of_a_database_that_has_none_and_takes_the_warehouse(runs: Runs) -> None:
    name = f"bare{next(_numbers)}"
    runs.glue.create_database(DatabaseInput={"Name": name})
    assert runs.start(kind=IcebergCatalog).client.get_database(name).locationUri is None
    assert runs.start().client.get_database(name).locationUri == "", "as the client of the catalog has it"


def test_the_catalog_of_another_account_is_asked_for_and_is_not_here(runs: Runs) -> None:
    aws = runs.service.aws
    bundle = Path(aws.environment["AWS_CA_BUNDLE"])
    metastores = Metastores(endpoint=Endpoint(url=aws.url, authority=bundle, ca_bundle=bundle), region=aws.region)
    credentials = Credentials(access_key_id="test", secret_access_key="test")  # noqa: S106 - ministack's own
    server = metastores.open(
        credentials, mount=cast("Any", None), warehouse="s3://lake", own_folder=OWN, catalog_id="111122223333"
    )
    with pytest.raises(ttypes.MetaException, match=r"AccessDeniedException: .*:111122223333:catalog"):
        runs.connect(server, server.secret).get_all_databases()
    server.close()


def test_another_run_s_metastore_does_not_answer(runs: Runs) -> None:
    one, other = runs.start(), runs.start()
    stranger = runs.connect(one.server, other.server.secret)
    with pytest.raises(ttypes.MetaException, match="another job run"):
        stranger.get_all_databases()


def test_a_closed_metastore_does_not_answer(runs: Runs) -> None:
    run = runs.start()
    run.server.close()
    with pytest.raises(Exception, match="Could not connect"):
        runs.connect(run.server, run.server.secret)


@dataclass(frozen=True, kw_only=True)
class Role:
    """A user with permissions that a test chooses."""

    runs: Runs
    credentials: Json

    def may(self, *statements: Json) -> Any:
        """The client of a run with these permissions."""
        document = policy(*statements, allow("iam:GetUser"))  # a policy without statements is none
        self.runs.service.aws.client("iam").put_user_policy(UserName="table", PolicyName="p", PolicyDocument=document)
        return self.runs.start(**self.credentials).client


@pytest.fixture(scope="module")
def role(runs: Runs) -> Role:
    iam = runs.service.aws.client("iam")
    iam.create_user(UserName="table")
    key = iam.create_access_key(UserName="table")["AccessKey"]
    names = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    return Role(runs=runs, credentials=names)


# What Spark calls for a statement, and the actions that each needs.
CALLS: dict[str, tuple[Callable[[Any, str], Any], list[str]]] = {
    "SHOW DATABASES": (lambda client, _: client.get_databases("*"), ["GetDatabases"]),
    "SHOW TABLES": (lambda client, database: client.get_tables(database, "*"), ["GetTables"]),
    "CREATE TABLE": (
        lambda client, database: client.create_table(a_table(database, "new", location="s3://lake/new")),
        ["CreateTable"],
    ),
    "SELECT": (lambda client, database: client.get_table(database, "daily"), ["GetTable"]),
    "SELECT … WHERE": (
        lambda client, database: client.get_partitions_by_filter(database, "daily", 'day = "monday"', -1),
        ["GetPartitions"],
    ),
    "INSERT": (
        lambda client, database: add(client, a_table(database), a_partition(a_table(database), "tuesday")),
        ["BatchCreatePartition"],
    ),
    "INSERT OVERWRITE": (
        lambda client, database: client.alter_partitions(database, "daily", [a_partition(a_table(database), "monday")]),
        ["UpdatePartition"],
    ),
    "ALTER TABLE": (
        lambda client, database: client.alter_table(database, "daily", a_table(database)),
        ["UpdateTable"],
    ),
    "ALTER TABLE DROP PARTITION": (
        lambda client, database: client.drop_partition(database, "daily", ["monday"], False),
        ["GetPartition", "GetTable", "DeletePartition"],
    ),
    "DROP TABLE": (
        lambda client, database: client.drop_table(database, "daily", False),
        ["GetTable", "GetPartitions", "DeletePartition", "DeleteTable"],
    ),
    "ALTER TABLE PARTITION RENAME": (
        lambda client, database: client.rename_partition(
            database, "daily", ["monday"], a_partition(a_table(database), "friday")
        ),
        ["GetTable", "GetPartition", "UpdatePartition"],
    ),
}


@pytest.mark.parametrize(("call", "actions"), CALLS.values(), ids=list(CALLS))
def test_a_statement_needs_its_permissions(
    runs: Runs, role: Role, database: str, call: Callable[[Any, str], Any], actions: list[str]
) -> None:
    client = runs.start().client
    client.create_table(a_table(database))
    add(client, a_table(database), a_partition(a_table(database), "monday"))
    default = allow("glue:GetDatabase", "*")
    for missing in actions:
        others = [f"glue:{action}" for action in actions if action != missing]
        client = role.may(default, *([allow(others)] if others else []))
        with pytest.raises(
            ttypes.MetaException, match=f"AccessDeniedException: .* perform: glue:{missing} on resource"
        ):
            call(client, database)
    call(role.may(default, allow([f"glue:{action}" for action in actions])), database)


def test_every_run_needs_the_database_default(runs: Runs, role: Role, database: str) -> None:
    runs.start(warehouse="s3://lake").client.get_all_databases()
    client = role.may(allow("glue:GetTables"))
    with pytest.raises(
        ttypes.MetaException,
        match=r"Unable to verify existence of default database: AccessDeniedException: .* perform: glue:GetDatabase on",
    ):
        client.get_all_tables(database)
    assert role.may(allow(["glue:GetTables", "glue:GetDatabase"])).get_all_tables(database) == []
    runs.glue.delete_database(Name="default")
    with pytest.raises(ttypes.MetaException, match=r"perform: glue:CreateDatabase on resource: .*:database/default"):
        role.may(
            allow(["glue:GetTables", "glue:GetDatabase"]), allow("glue:CreateDatabase", "arn:aws:glue:*:*:catalog")
        ).get_all_tables(database)
    runs.start(warehouse="s3://lake").client.get_all_databases()
    assert runs.glue.get_database(Name="default")["Database"]["LocationUri"] == "s3://lake"


@pytest.mark.parametrize("values", [["2026-01-01", "a"], ["a/b=c:d", "{x}"], ["50%", "ü 'q' \"z\""]])
def test_the_name_of_a_partition_has_its_values(values: list[str]) -> None:
    name = partition_name(["day", "region"], values)
    assert partition_values(name) == values
    assert partition_name(["day"], ["a/b=c"]) == "day=a%2Fb%3Dc"
