"""What Iceberg's catalog for Hive is answered, so that it does what Iceberg's catalog for Glue does.

That one, https://github.com/apache/iceberg/tree/main/aws/src/main/java/org/apache/iceberg/aws/glue, is of AWS's SDK for
Java, which Spark from PyPI has not.
"""

from __future__ import annotations

from typing import Any, Final

from pymetastore.hive_metastore import ttypes

from emrs_local.metastore.catalog import Catalog
from emrs_local.metastore.structs import Struct, table_input, table_of

# With which a commit says what it is based on, https://issues.apache.org/jira/browse/HIVE-26882.
_KEY: Final = "expected_parameter_key"
_VALUE: Final = "expected_parameter_value"
# What Hive has of the files, where Glue's has columns and a location.
_OF_HIVE: Final = ("InputFormat", "OutputFormat", "SerdeInfo")


class IcebergCatalog(Catalog):
    """The metastore of one job run for its catalogs of Iceberg."""

    def get_database(self, name: str) -> Struct:
        found = super().get_database(name)
        found.locationUri = found.locationUri or None  # then the warehouse of the catalog is used
        return found

    def get_table(self, database: str, name: str) -> Struct:
        return table_of(self.glue_table(database, name))

    def create_table(self, table: Struct) -> None:
        self.glue.create_table(DatabaseName=table.dbName, TableInput=_input(table))

    def alter_table(self, database: str, name: str, table: Struct, context: Struct | None = None) -> None:
        if (table.dbName, table.tableName) != (database, name):
            self.create_table(table)
            self.glue.delete_table(DatabaseName=database, Name=name)
            return
        found = self.glue_table(database, name)
        expected = (context.properties if context else None) or {}
        key = expected.get(_KEY)
        if key and found["Parameters"].get(key) != expected.get(_VALUE):
            raise _modified(key, found["Parameters"].get(key))
        version = {"VersionId": found["VersionId"]} if "VersionId" in found else {}
        try:
            self.glue.update_table(DatabaseName=database, TableInput=_input(table), **version)
        except self.glue.exceptions.ConcurrentModificationException as error:
            raise _modified(key, "another") from error

    def drop_table(self, database: str, name: str, deletes_data: bool) -> None:  # noqa: ARG002 - Iceberg deletes it
        self.glue.delete_table(DatabaseName=database, Name=name)


def _modified(key: str | None, value: str | None) -> Any:
    # Iceberg knows by these words that it is to try again: `HiveTableOperations`.
    words = f"The table has been modified. The parameter value for key '{key}' is '{value}'"
    return ttypes.MetaException(message=words)


def _input(table: Struct) -> dict[str, object]:
    found = table_input(table)
    found["StorageDescriptor"] = {
        name: value for name, value in found["StorageDescriptor"].items() if name not in _OF_HIVE
    }
    return found
