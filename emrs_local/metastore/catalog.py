"""What the metastore answers, from the Data Catalog.

Each method is one of Hive's `ThriftHiveMetastore`, https://github.com/apache/hive/tree/rel/release-2.3.9, of those that
Spark 3.5 calls. It calls what EMR's client of the catalog calls, so that a role that lacks a permission here lacks it
there: https://github.com/awslabs/aws-glue-data-catalog-client-for-apache-hive-metastore.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Protocol

from botocore.exceptions import ClientError
from pymetastore.hive_metastore import ttypes

from emrs_local.metastore.partition_names import partition_name, partition_values
from emrs_local.metastore.structs import (
    Struct,
    database_input,
    database_of,
    function_input,
    function_of,
    partition_input,
    partition_of,
    table_input,
    table_of,
)

DEFAULT_DATABASE: Final = "default"
_BATCH: Final = 100  # https://docs.aws.amazon.com/glue/latest/webapi/API_BatchCreatePartition.html
_READ_BATCH: Final = 1000  # https://docs.aws.amazon.com/glue/latest/webapi/API_BatchGetPartition.html
_MANAGED, _EXTERNAL, _VIEW = "MANAGED_TABLE", "EXTERNAL_TABLE", "VIRTUAL_VIEW"
# Which members a table needs, https://github.com/awslabs/aws-glue-data-catalog-client-for-apache-hive-metastore
# (`HiveTableValidator`).
_NEEDED: Final = ("InputFormat", "OutputFormat", "SerdeInfo", "SerdeInfo#SerializationLibrary")
# Hive's patterns are regular expressions, Glue's are not, and a backslash in a text of Hive's stands for itself.
_IS_OF_HIVE: Final = re.compile(r"\blike\b|\\", re.IGNORECASE)


class Files(Protocol):
    """The files of tables, at their addresses, with the credentials of a run; addresses elsewhere are left alone."""

    def make_directories(self, addresses: Collection[str]) -> None:
        """Have directories there, which other runs see too.

        Raises:
            OSError: One may not be made.
        """

    def move(self, address: str, destination: str) -> None:
        """Move all that is at an address.

        Raises:
            OSError: It may not be read, written or deleted, or there is something at the destination.
        """

    def delete(self, address: str) -> None:
        """Delete all that is at an address.

        Raises:
            OSError: It may not be deleted.
        """


class Catalog:
    """The metastore of one job run.

    Args:
        glue: A client of Glue with the credentials of the run.
        files: The files of the tables.
        warehouse: The address of the database `default`, if it has none yet.
        own_folder: The address of the folder that is the run's alone: what is in it is not written to the catalog, as
            no other run could read it.
    """

    def __init__(self, glue: Any, *, files: Files, warehouse: str, own_folder: str) -> None:
        self.glue = glue
        self._files = files
        self._warehouse = warehouse
        self._own_folder = own_folder
        self._own_places: dict[str, str] = {}

    def make_default_database(self) -> None:
        """Make the database `default` where there is none, as the client does when it connects.

        Raises:
            MetaException: It may not be read, or not be made.
        """
        try:
            self.glue.get_database(Name=DEFAULT_DATABASE)
        except self.glue.exceptions.EntityNotFoundException:
            database = ttypes.Database(
                name=DEFAULT_DATABASE, description="Default Hive database", locationUri=self._warehouse
            )
            with suppress(self.glue.exceptions.AlreadyExistsException):  # another run has just made it
                self.glue.create_database(DatabaseInput=self._database_input(database))
        except ClientError as error:
            raise ttypes.MetaException(
                message=f"Unable to verify existence of default database: {message_of(error)}"
            ) from error

    # Databases

    def get_databases(self, pattern: str) -> list[str]:
        return [name for name in self.get_all_databases() if _matches(pattern, name)]

    def get_all_databases(self) -> list[str]:
        return [database["Name"] for database in self._pages("get_databases", "DatabaseList")]

    def get_database(self, name: str) -> Struct:
        found = self.glue.get_database(Name=name)["Database"]
        if not found.get("LocationUri"):
            # Where Hive puts the tables of `default`, and what this run itself said of another.
            found["LocationUri"] = self._warehouse if name == DEFAULT_DATABASE else self._own_places.get(name, "")
        return database_of(found)

    def create_database(self, database: Struct) -> None:
        self.glue.create_database(DatabaseInput=self._database_input(database))
        self._own_places.pop(database.name, None)
        if self._is_own(database.locationUri):
            self._own_places[database.name] = database.locationUri
        else:
            self._make_directories(database.locationUri)

    def alter_database(self, name: str, database: Struct) -> None:
        self.glue.update_database(Name=name, DatabaseInput=self._database_input(database))

    def drop_database(self, name: str, deletes_data: bool, cascade: bool) -> None:
        tables = self.get_all_tables(name)
        if tables and not cascade:
            raise ttypes.InvalidOperationException(message=f"Database {name} is not empty. One or more tables exist.")
        for table in tables:
            self.drop_table(name, table, deletes_data)
        place = self.glue.get_database(Name=name)["Database"].get("LocationUri", "")
        self.glue.delete_database(Name=name)
        if deletes_data and place:
            with suppress(OSError):  # which the client logs
                self._files.delete(place)

    # Tables

    def get_all_tables(self, database: str) -> list[str]:
        return [table["Name"] for table in self._tables(database)]

    def get_tables(self, database: str, pattern: str) -> list[str]:
        return [table["Name"] for table in self._tables(database) if _matches(pattern, table["Name"])]

    def get_tables_by_type(self, database: str, pattern: str, table_type: str) -> list[str]:
        tables = self._tables(database)
        return [
            table["Name"]
            for table in tables
            if table.get("TableType") == table_type and _matches(pattern, table["Name"])
        ]

    def get_table(self, database: str, name: str) -> Struct:
        table = self.glue_table(database, name)
        if missing := _missing_member(table):
            raise ttypes.MetaException(message=f"InvalidInputException: {missing} cannot be null for table: {name}")
        return table_of(table)

    def get_table_objects_by_name(self, database: str, names: Sequence[str]) -> list[Struct]:
        found = []
        for name in names:
            try:
                found.append(self.get_table(database, name))
            except self.glue.exceptions.EntityNotFoundException:
                continue
        return found

    def create_table(self, table: Struct) -> None:
        if table.sd and not table.sd.location and table.tableType != _VIEW:
            place = self.get_database(table.dbName).locationUri
            if place:
                table.sd.location = f"{place.rstrip('/')}/{table.tableName.lower()}"
        if table.sd and any(map(self._is_own, (table.sd.location, _path_of_spark(table)))):
            raise ttypes.InvalidObjectException(
                message=f"{table.dbName}.{table.tableName} would be in a folder that is gone with this job run; give "
                "the table or its database a LOCATION in S3, or the job a spark.sql.warehouse.dir there"
            )
        self.glue.create_table(DatabaseName=table.dbName, TableInput=table_input(table))
        if table.sd and table.tableType != _VIEW:
            self._make_directories(table.sd.location)

    def alter_table(self, database: str, name: str, table: Struct) -> None:
        if table.tableName.lower() != name.lower() or table.dbName.lower() != database.lower():
            raise ttypes.InvalidOperationException(message="Table rename is not supported")
        is_external = (table.parameters or {}).get("EXTERNAL", "").lower() == "true"
        if table.tableType in {_MANAGED, _EXTERNAL}:
            table.tableType = _EXTERNAL if is_external else _MANAGED
        self.glue.update_table(DatabaseName=database, TableInput=table_input(table))

    def drop_table(self, database: str, name: str, deletes_data: bool) -> None:
        table = self.glue_table(database, name)
        partitions = list(self._partitions(database, name))
        for partition in partitions[:1]:  # as the client does with each; the others go with the table
            self.glue.delete_partition(DatabaseName=database, TableName=name, PartitionValues=partition["Values"])
        self.glue.delete_table(DatabaseName=database, Name=name)
        if deletes_data and not _is_external(table):
            place = _location(table)
            elsewhere = [found for found in map(_location, partitions) if not f"{found}/".startswith(f"{place}/")]
            self._delete_all([place, *elsewhere])

    # Partitions

    def add_partitions_req(self, request: Struct) -> Struct:
        self._add(request.dbName, request.tblName, request.parts, may_exist=request.ifNotExists)
        return ttypes.AddPartitionsResult(partitions=request.parts if request.needResult else None)

    def add_partition(self, partition: Struct) -> Struct:
        self._add(partition.dbName, partition.tableName, [partition], may_exist=False)
        return partition

    def get_partition(self, database: str, table: str, values: Sequence[str]) -> Struct:
        place = {"DatabaseName": database, "TableName": table}
        return partition_of(self.glue.get_partition(**place, PartitionValues=values)["Partition"])

    def get_partitions(self, database: str, table: str, most: int) -> list[Struct]:
        return [partition_of(partition) for partition in self._partitions(database, table, most=most)]

    def get_partitions_ps(self, database: str, table: str, values: Sequence[str], most: int) -> list[Struct]:
        expression = self._expression(database, table, values)
        return [partition_of(partition) for partition in self._partitions(database, table, expression, most=most)]

    def get_partitions_by_filter(self, database: str, table: str, expression: str, most: int) -> list[Struct]:
        chosen = "" if _IS_OF_HIVE.search(expression) else expression  # Spark filters what it gets
        return [partition_of(partition) for partition in self._partitions(database, table, chosen, most=most)]

    def get_partitions_by_names(self, database: str, table: str, names: Sequence[str]) -> list[Struct]:
        place = {"DatabaseName": database, "TableName": table}
        wanted = [{"Values": partition_values(name)} for name in names]
        found = []
        for batch in _batches(wanted, _READ_BATCH):
            found += self.glue.batch_get_partition(**place, PartitionsToGet=batch)["Partitions"]
        return [partition_of(partition) for partition in found]

    def get_partition_names(self, database: str, table: str, most: int) -> list[str]:
        return self.get_partition_names_ps(database, table, [], most)

    def get_partition_names_ps(self, database: str, table: str, values: Sequence[str], most: int) -> list[str]:
        keys = _keys(self.glue_table(database, table))
        expression = _equal(keys, values)
        return [
            partition_name(keys, partition["Values"])
            for partition in self._partitions(database, table, expression, most=most)
        ]

    def alter_partition(self, database: str, table: str, partition: Struct) -> None:
        self._update_partition(database, table, partition.values, partition)

    def alter_partitions(self, database: str, table: str, partitions: Sequence[Struct]) -> None:
        for partition in partitions:
            self.alter_partition(database, table, partition)

    def rename_partition(self, database: str, table: str, values: Sequence[str], partition: Struct) -> None:
        found = self.glue_table(database, table)
        place = {"DatabaseName": database, "TableName": table}
        before = partition_of(self.glue.get_partition(**place, PartitionValues=values)["Partition"])
        partition.sd.location = source = before.sd.location
        if not _is_external(found) and source:
            partition.sd.location = f"{_location(found)}/{partition_name(_keys(found), partition.values)}"
        self._update_partition(database, table, values, partition)
        if partition.sd.location != source:
            try:
                self._files.move(source, partition.sd.location)
            except OSError as error:
                self._update_partition(database, table, partition.values, before)
                raise ttypes.InvalidOperationException(message=str(error)) from error

    def drop_partition(self, database: str, table: str, values: Sequence[str], deletes_data: bool) -> bool:
        place = {"DatabaseName": database, "TableName": table}
        partition = self.glue.get_partition(**place, PartitionValues=values)["Partition"]
        is_external = _is_external(self.glue_table(database, table))
        self.glue.delete_partition(**place, PartitionValues=values)
        if deletes_data and not is_external:
            self._delete_all([_location(partition)])
        return True

    # Functions

    def get_function(self, database: str, name: str) -> Struct:
        try:
            found = self.glue.get_user_defined_function(DatabaseName=database, FunctionName=name)
        except self.glue.exceptions.EntityNotFoundException as error:
            # Spark knows by these words that there is none: `HiveShim.getFunctionOption`.
            raise ttypes.NoSuchObjectException(message=f"Function {database}.{name} does not exist") from error
        return function_of(found["UserDefinedFunction"])

    def get_functions(self, database: str, pattern: str) -> list[str]:
        functions = self._pages(
            "get_user_defined_functions", "UserDefinedFunctions", DatabaseName=database, Pattern=".*"
        )
        return [function["FunctionName"] for function in functions if _matches(pattern, function["FunctionName"])]

    def create_function(self, function: Struct) -> None:
        self.glue.create_user_defined_function(DatabaseName=function.dbName, FunctionInput=function_input(function))

    def drop_function(self, database: str, name: str) -> None:
        self.glue.delete_user_defined_function(DatabaseName=database, FunctionName=name)

    # What they share

    def _database_input(self, database: Struct) -> dict[str, Any]:
        found = database_input(database)
        if self._is_own(found.get("LocationUri")):
            del found["LocationUri"]
        return found

    def _is_own(self, address: str | None) -> bool:
        # Java writes an empty authority as none: file:/tmp and file:///tmp.
        return (address or "").replace("file:///", "file:/").startswith(self._own_folder.replace("file:///", "file:/"))

    def glue_table(self, database: str, name: str) -> dict[str, Any]:
        """A table as Glue describes it."""
        return dict(self.glue.get_table(DatabaseName=database, Name=name)["Table"])

    def _tables(self, database: str) -> list[dict[str, Any]]:
        return list(self._pages("get_tables", "TableList", DatabaseName=database))

    def _partitions(
        self, database: str, table: str, expression: str = "", *, most: int = -1
    ) -> Iterator[dict[str, Any]]:
        request = {"DatabaseName": database, "TableName": table, **({"Expression": expression} if expression else {})}
        for number, partition in enumerate(self._pages("get_partitions", "Partitions", **request)):
            if number == most:
                return
            yield partition

    def _expression(self, database: str, table: str, values: Sequence[str]) -> str:
        return _equal(_keys(self.glue_table(database, table)), values) if any(values) else ""

    def _add(self, database: str, table: str, partitions: Sequence[Struct], *, may_exist: bool) -> None:
        place = {"DatabaseName": database, "TableName": table}
        placeless = [partition for partition in partitions if not partition.sd or not partition.sd.location]
        if placeless:
            found = self.glue_table(database, table)
            for partition in placeless:
                partition.sd = partition.sd or table_of(found).sd
                partition.sd.location = f"{_location(found)}/{partition_name(_keys(found), partition.values)}"
        for batch in _batches(partitions, _BATCH):
            inputs = [partition_input(partition) for partition in batch]
            for error in self.glue.batch_create_partition(**place, PartitionInputList=inputs)["Errors"]:
                detail = error["ErrorDetail"]
                if detail["ErrorCode"] != "AlreadyExistsException":
                    raise ttypes.MetaException(message=f"{detail['ErrorCode']}: {detail['ErrorMessage']}")
                if not may_exist:
                    raise ttypes.AlreadyExistsException(message=detail["ErrorMessage"])
        self._make_directories(*(partition.sd.location for partition in partitions))

    def _update_partition(self, database: str, table: str, values: Sequence[str], partition: Struct) -> None:
        place = {"DatabaseName": database, "TableName": table}
        self.glue.update_partition(**place, PartitionValueList=values, PartitionInput=partition_input(partition))

    def _make_directories(self, *addresses: str | None) -> None:
        try:
            self._files.make_directories([address for address in addresses if address])
        except OSError as error:
            raise ttypes.MetaException(message=f"Unable to create path: {error}") from error

    def _delete_all(self, places: Sequence[str]) -> None:
        for place in filter(None, places):
            try:
                self._files.delete(place)
            except OSError as error:
                raise ttypes.MetaException(message=str(error)) from error

    def _pages(self, operation: str, key: str, **request: Any) -> Iterator[dict[str, Any]]:
        for page in self.glue.get_paginator(operation).paginate(**request):
            yield from page[key]


def message_of(error: ClientError) -> str:
    """An error of Glue, in one line."""
    return f"{error.response['Error']['Code']}: {error.response['Error']['Message']}"


def _equal(keys: Sequence[str], values: Sequence[str]) -> str:
    quoted = [(key, value.replace("'", "''")) for key, value in zip(keys, values, strict=False) if value]
    return " AND ".join(f"{key} = '{value}'" for key, value in quoted)


def _keys(table: Mapping[str, Any]) -> list[str]:
    return [key["Name"] for key in table.get("PartitionKeys", [])]


def _is_external(table: Mapping[str, Any]) -> bool:
    said = table.get("Parameters", {}).get("EXTERNAL")
    return said.lower() == "true" if said else table.get("TableType") == _EXTERNAL


def _path_of_spark(table: Struct) -> str | None:
    """Where a table of a data source is if Spark found that Hive could not have it: it says it in no other place."""
    parameters = (table.sd.serdeInfo.parameters if table.sd.serdeInfo else None) or {}
    return str(parameters.get("path", ""))


def _missing_member(table: Mapping[str, Any]) -> str | None:
    """What a table lacks that the client asks for, as those that a crawler or an API made may."""
    if "TableType" not in table:
        return "TableType"
    if table["TableType"] not in {_MANAGED, _EXTERNAL} or table.get("Parameters", {}).get("storage_handler"):
        return None
    storage = table.get("StorageDescriptor", {})
    has = storage | {f"SerdeInfo#{name}": value for name, value in storage.get("SerdeInfo", {}).items()}
    return next((f"StorageDescriptor#{name}" for name in _NEEDED if name not in has), None)


def _location(item: Mapping[str, Any]) -> str:
    return str(item.get("StorageDescriptor", {}).get("Location") or "").rstrip("/")


def _matches(pattern: str, name: str) -> bool:
    """Whether a name is what Hive's pattern says: `*` stands for anything, `|` separates several."""
    expression = (pattern or "*").replace("*", ".*")
    return re.fullmatch(expression, name, re.IGNORECASE) is not None


def _batches(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))
