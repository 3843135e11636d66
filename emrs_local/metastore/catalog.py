"""What the metastore answers, from the Data Catalog.

Each method is one of Hive's `ThriftHiveMetastore`, https://github.com/apache/hive/tree/rel/release-2.3.9, of those that
Spark 3.5 calls. It calls what EMR's client of the catalog calls, so that a role that lacks a permission here lacks it
there: https://github.com/awslabs/aws-glue-data-catalog-client-for-apache-hive-metastore.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

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
_MANAGED, _EXTERNAL = "MANAGED_TABLE", "EXTERNAL_TABLE"
# Hive's are regular expressions, Glue's are not.
_HAS_A_PATTERN: Final = re.compile(r"\blike\b", re.IGNORECASE)


class Catalog:
    """The metastore of one job run.

    Args:
        glue: A client of Glue with the credentials of the run.
        delete: Deletes all that is at an address, with the credentials of the run.
        warehouse: The address of the database `default`, if it has none yet; empty for a folder of the run's own, which
            no other run could read.
        own_folder: The address of that folder: what is in it is not written to the catalog.
    """

    def __init__(self, glue: Any, *, delete: Callable[[str], None], warehouse: str, own_folder: str) -> None:
        self._glue = glue
        self._delete = delete
        self._warehouse = warehouse
        self._own_folder = own_folder

    def make_default_database(self) -> None:
        """Make the database `default` where there is none, as the client does when it connects.

        Raises:
            MetaException: It may not be read, or not be made.
        """
        try:
            self._glue.get_database(Name=DEFAULT_DATABASE)
        except self._glue.exceptions.EntityNotFoundException:
            location = {"LocationUri": self._warehouse} if self._warehouse else {}
            database = {"Name": DEFAULT_DATABASE, "Description": "Default Hive database", **location}
            with suppress(self._glue.exceptions.AlreadyExistsException):  # another run has just made it
                self._glue.create_database(DatabaseInput=database)
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
        found = self._glue.get_database(Name=name)["Database"]
        if name.lower() == DEFAULT_DATABASE and not found.get("LocationUri"):
            found["LocationUri"] = self._warehouse  # where Hive puts the tables of this database
        return database_of(found)

    def create_database(self, database: Struct) -> None:
        self._glue.create_database(DatabaseInput=self._database_input(database))

    def alter_database(self, name: str, database: Struct) -> None:
        self._glue.update_database(Name=name, DatabaseInput=self._database_input(database))

    def drop_database(self, name: str, deletes_data: bool, cascade: bool) -> None:
        tables = self.get_all_tables(name)
        if tables and not cascade:
            raise ttypes.InvalidOperationException(message=f"Database {name} is not empty. One or more tables exist.")
        for table in tables:
            self.drop_table(name, table, deletes_data)
        self._glue.delete_database(Name=name)

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
        return table_of(self._table(database, name))

    def get_table_objects_by_name(self, database: str, names: Sequence[str]) -> list[Struct]:
        found = []
        for name in names:
            try:
                found.append(self.get_table(database, name))
            except self._glue.exceptions.EntityNotFoundException:
                continue
        return found

    def create_table(self, table: Struct) -> None:
        if table.sd and not table.sd.location and table.tableType != "VIRTUAL_VIEW":
            place = self._glue.get_database(Name=table.dbName)["Database"].get("LocationUri")
            if place:
                table.sd.location = f"{place.rstrip('/')}/{table.tableName.lower()}"
        if table.sd and self._is_own(table.sd.location):
            raise ttypes.InvalidObjectException(
                message=f"{table.dbName}.{table.tableName} would be in a folder that is gone with this job run; give "
                "the table or its database a LOCATION in S3, or the job a spark.sql.warehouse.dir there"
            )
        self._glue.create_table(DatabaseName=table.dbName, TableInput=table_input(table))

    def alter_table(self, database: str, name: str, table: Struct) -> None:
        if table.tableName.lower() != name.lower() or table.dbName.lower() != database.lower():
            raise ttypes.InvalidOperationException(message="Table rename is not supported")
        is_external = (table.parameters or {}).get("EXTERNAL", "").lower() == "true"
        if table.tableType in {_MANAGED, _EXTERNAL}:
            table.tableType = _EXTERNAL if is_external else _MANAGED
        self._glue.update_table(DatabaseName=database, TableInput=table_input(table))

    def drop_table(self, database: str, name: str, deletes_data: bool) -> None:
        table = self._table(database, name)
        places = []
        if deletes_data and table.get("TableType") == _MANAGED:
            places = [_location(table)]
            if table.get("PartitionKeys"):
                places += [_location(partition) for partition in self._partitions(database, name)]
        self._glue.delete_table(DatabaseName=database, Name=name)
        self._delete_all(places)

    # Partitions

    def add_partitions_req(self, request: Struct) -> Struct:
        self._add(request.dbName, request.tblName, request.parts, may_exist=request.ifNotExists)
        return ttypes.AddPartitionsResult(partitions=request.parts if request.needResult else None)

    def add_partition(self, partition: Struct) -> Struct:
        self._add(partition.dbName, partition.tableName, [partition], may_exist=False)
        return partition

    def get_partition(self, database: str, table: str, values: Sequence[str]) -> Struct:
        place = {"DatabaseName": database, "TableName": table}
        return partition_of(self._glue.get_partition(**place, PartitionValues=values)["Partition"])

    def get_partitions(self, database: str, table: str, most: int) -> list[Struct]:
        return [partition_of(partition) for partition in self._partitions(database, table, most=most)]

    def get_partitions_ps(self, database: str, table: str, values: Sequence[str], most: int) -> list[Struct]:
        expression = self._expression(database, table, values)
        return [partition_of(partition) for partition in self._partitions(database, table, expression, most=most)]

    def get_partitions_by_filter(self, database: str, table: str, expression: str, most: int) -> list[Struct]:
        chosen = "" if _HAS_A_PATTERN.search(expression) else expression  # Spark filters what it gets
        return [partition_of(partition) for partition in self._partitions(database, table, chosen, most=most)]

    def get_partitions_by_names(self, database: str, table: str, names: Sequence[str]) -> list[Struct]:
        place = {"DatabaseName": database, "TableName": table}
        wanted = [{"Values": partition_values(name)} for name in names]
        found = []
        for batch in _batches(wanted, _READ_BATCH):
            found += self._glue.batch_get_partition(**place, PartitionsToGet=batch)["Partitions"]
        return [partition_of(partition) for partition in found]

    def get_partition_names(self, database: str, table: str, most: int) -> list[str]:
        return self.get_partition_names_ps(database, table, [], most)

    def get_partition_names_ps(self, database: str, table: str, values: Sequence[str], most: int) -> list[str]:
        keys = self._keys(database, table)
        expression = _equal(keys, values)
        return [
            partition_name(keys, partition["Values"])
            for partition in self._partitions(database, table, expression, most=most)
        ]

    def alter_partition(self, database: str, table: str, partition: Struct) -> None:
        self.rename_partition(database, table, partition.values, partition)

    def alter_partitions(self, database: str, table: str, partitions: Sequence[Struct]) -> None:
        for partition in partitions:
            self.rename_partition(database, table, partition.values, partition)

    def rename_partition(self, database: str, table: str, values: Sequence[str], partition: Struct) -> None:
        place = {"DatabaseName": database, "TableName": table}
        self._glue.update_partition(**place, PartitionValueList=values, PartitionInput=partition_input(partition))

    def drop_partition(self, database: str, table: str, values: Sequence[str], deletes_data: bool) -> bool:
        place = {"DatabaseName": database, "TableName": table}
        partition = self._glue.get_partition(**place, PartitionValues=values)["Partition"]
        is_managed = self._table(database, table).get("TableType") == _MANAGED
        self._glue.delete_partition(**place, PartitionValues=values)
        if deletes_data and is_managed:
            self._delete_all([_location(partition)])
        return True

    # Functions

    def get_function(self, database: str, name: str) -> Struct:
        found = self._glue.get_user_defined_function(DatabaseName=database, FunctionName=name)
        return function_of(found["UserDefinedFunction"])

    def get_functions(self, database: str, pattern: str) -> list[str]:
        functions = self._pages(
            "get_user_defined_functions", "UserDefinedFunctions", DatabaseName=database, Pattern=".*"
        )
        return [function["FunctionName"] for function in functions if _matches(pattern, function["FunctionName"])]

    def create_function(self, function: Struct) -> None:
        self._glue.create_user_defined_function(DatabaseName=function.dbName, FunctionInput=function_input(function))

    def drop_function(self, database: str, name: str) -> None:
        self._glue.delete_user_defined_function(DatabaseName=database, FunctionName=name)

    # What they share

    def _database_input(self, database: Struct) -> dict[str, Any]:
        found = database_input(database)
        if self._is_own(found.get("LocationUri")):
            del found["LocationUri"]
        return found

    def _is_own(self, address: str | None) -> bool:
        # Java writes an empty authority as none: file:/tmp and file:///tmp.
        return (address or "").replace("file:///", "file:/").startswith(self._own_folder.replace("file:///", "file:/"))

    def _table(self, database: str, name: str) -> dict[str, Any]:
        return dict(self._glue.get_table(DatabaseName=database, Name=name)["Table"])

    def _tables(self, database: str) -> list[dict[str, Any]]:
        return list(self._pages("get_tables", "TableList", DatabaseName=database))

    def _keys(self, database: str, table: str) -> list[str]:
        return [key["Name"] for key in self._table(database, table).get("PartitionKeys", [])]

    def _partitions(
        self, database: str, table: str, expression: str = "", *, most: int = -1
    ) -> Iterator[dict[str, Any]]:
        request = {"DatabaseName": database, "TableName": table, **({"Expression": expression} if expression else {})}
        for number, partition in enumerate(self._pages("get_partitions", "Partitions", **request)):
            if number == most:
                return
            yield partition

    def _expression(self, database: str, table: str, values: Sequence[str]) -> str:
        return _equal(self._keys(database, table), values) if any(values) else ""

    def _add(self, database: str, table: str, partitions: Sequence[Struct], *, may_exist: bool) -> None:
        place = {"DatabaseName": database, "TableName": table}
        if any(not partition.sd or not partition.sd.location for partition in partitions):
            found = self._table(database, table)
            keys = [key["Name"] for key in found["PartitionKeys"]]
            for partition in partitions:
                if not partition.sd:
                    partition.sd = table_of(found).sd
                    partition.sd.location = None
                if not partition.sd.location:
                    partition.sd.location = f"{_location(found)}/{partition_name(keys, partition.values)}"
        for batch in _batches(partitions, _BATCH):
            inputs = [partition_input(partition) for partition in batch]
            for error in self._glue.batch_create_partition(**place, PartitionInputList=inputs)["Errors"]:
                detail = error["ErrorDetail"]
                if detail["ErrorCode"] != "AlreadyExistsException":
                    raise ttypes.MetaException(message=f"{detail['ErrorCode']}: {detail['ErrorMessage']}")
                if not may_exist:
                    raise ttypes.AlreadyExistsException(message=detail["ErrorMessage"])

    def _delete_all(self, places: Sequence[str]) -> None:
        for place in filter(None, places):
            try:
                self._delete(place)
            except OSError as error:
                raise ttypes.MetaException(message=str(error)) from error

    def _pages(self, operation: str, key: str, **request: Any) -> Iterator[dict[str, Any]]:
        for page in self._glue.get_paginator(operation).paginate(**request):
            yield from page[key]


def message_of(error: ClientError) -> str:
    """An error of Glue, in one line."""
    return f"{error.response['Error']['Code']}: {error.response['Error']['Message']}"


def _equal(keys: Sequence[str], values: Sequence[str]) -> str:
    quoted = [(key, value.replace("'", "''")) for key, value in zip(keys, values, strict=False) if value]
    return " AND ".join(f"{key} = '{value}'" for key, value in quoted)


def _location(item: Mapping[str, Any]) -> str:
    return str(item.get("StorageDescriptor", {}).get("Location") or "").rstrip("/")


def _matches(pattern: str, name: str) -> bool:
    """Whether a name is what Hive's pattern says: `*` stands for anything, `|` separates several."""
    expression = (pattern or "*").replace("*", ".*")
    return re.fullmatch(expression, name, re.IGNORECASE) is not None


def _batches(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))
