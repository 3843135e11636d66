"""The structures of Hive's metastore as those of the Data Catalog, and back.

They correspond as in the client that EMR has,
https://github.com/awslabs/aws-glue-data-catalog-client-for-apache-hive-metastore (`converters`).
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Final

from pymetastore.hive_metastore import ttypes

# Without types: Hive's structures are generated and have none.
Struct = Any
Item = Mapping[str, Any]

_RESOURCE_TYPES: Final = {name: getattr(ttypes.ResourceType, name) for name in ("JAR", "FILE", "ARCHIVE")}
_EPOCH: Final = datetime.datetime.fromtimestamp(0, tz=datetime.UTC)


def database_of(item: Item) -> Struct:
    """A database of the Data Catalog, as the metastore has it."""
    return ttypes.Database(
        name=item["Name"],
        description=item.get("Description", ""),
        locationUri=item.get("LocationUri") or "",
        parameters=item.get("Parameters", {}),
    )


def database_input(database: Struct) -> dict[str, Any]:
    """A database of the metastore, as the Data Catalog takes it."""
    return _without_nothing(
        Name=database.name,
        Description=database.description,
        LocationUri=database.locationUri,
        Parameters=database.parameters or {},
    )


def table_of(item: Item) -> Struct:
    """A table of the Data Catalog, as the metastore has it."""
    return ttypes.Table(
        tableName=item["Name"],
        dbName=item["DatabaseName"],
        owner=item.get("Owner", ""),
        createTime=_seconds(item.get("CreateTime")),
        lastAccessTime=_seconds(item.get("LastAccessTime")),
        retention=item.get("Retention", 0),
        sd=_storage_of(item.get("StorageDescriptor", {})),
        partitionKeys=[_column_of(column) for column in item.get("PartitionKeys", [])],
        parameters=item.get("Parameters", {}),
        viewOriginalText=item.get("ViewOriginalText"),
        viewExpandedText=item.get("ViewExpandedText"),
        tableType=item.get("TableType"),
    )


def table_input(table: Struct) -> dict[str, Any]:
    """A table of the metastore, as the Data Catalog takes it."""
    return _without_nothing(
        Name=table.tableName,
        Owner=table.owner,
        Retention=table.retention,
        StorageDescriptor=_storage_input(table.sd),
        PartitionKeys=[_column_input(column) for column in table.partitionKeys or []],
        Parameters=table.parameters or {},
        ViewOriginalText=table.viewOriginalText,
        ViewExpandedText=table.viewExpandedText,
        TableType=table.tableType,
    )


def partition_of(item: Item) -> Struct:
    """A partition of the Data Catalog, as the metastore has it."""
    return ttypes.Partition(
        values=item["Values"],
        dbName=item["DatabaseName"],
        tableName=item["TableName"],
        createTime=_seconds(item.get("CreationTime")),
        lastAccessTime=_seconds(item.get("LastAccessTime")),
        sd=_storage_of(item.get("StorageDescriptor", {})),
        parameters=item.get("Parameters", {}),
    )


def partition_input(partition: Struct) -> dict[str, Any]:
    """A partition of the metastore, as the Data Catalog takes it."""
    return {
        "Values": partition.values,
        "StorageDescriptor": _storage_input(partition.sd),
        "Parameters": partition.parameters or {},
    }


def function_of(item: Item) -> Struct:
    """A function of the Data Catalog, as the metastore has it."""
    return ttypes.Function(
        functionName=item["FunctionName"],
        dbName=item["DatabaseName"],
        className=item["ClassName"],
        ownerName=item.get("OwnerName", ""),
        ownerType=ttypes.PrincipalType.USER,
        createTime=_seconds(item.get("CreateTime")),
        functionType=ttypes.FunctionType.JAVA,
        resourceUris=[
            ttypes.ResourceUri(resourceType=_RESOURCE_TYPES[uri["ResourceType"]], uri=uri["Uri"])
            for uri in item.get("ResourceUris", [])
        ],
    )


def function_input(function: Struct) -> dict[str, Any]:
    """A function of the metastore, as the Data Catalog takes it."""
    names = {value: name for name, value in _RESOURCE_TYPES.items()}
    return _without_nothing(
        FunctionName=function.functionName,
        ClassName=function.className,
        OwnerName=function.ownerName,
        OwnerType="USER",
        ResourceUris=[{"ResourceType": names[uri.resourceType], "Uri": uri.uri} for uri in function.resourceUris or []],
    )


def _storage_of(item: Item) -> Struct:
    serde = item.get("SerdeInfo", {})
    skewed = item.get("SkewedInfo", {})
    locations = skewed.get("SkewedColumnValueLocationMaps", {})
    return ttypes.StorageDescriptor(
        cols=[_column_of(column) for column in item.get("Columns", [])],
        location=item.get("Location"),
        inputFormat=item.get("InputFormat"),
        outputFormat=item.get("OutputFormat"),
        compressed=item.get("Compressed", False),
        numBuckets=item.get("NumberOfBuckets", 0),
        serdeInfo=ttypes.SerDeInfo(
            name=serde.get("Name"),
            serializationLib=serde.get("SerializationLibrary"),
            parameters=serde.get("Parameters", {}),
        ),
        bucketCols=item.get("BucketColumns", []),
        sortCols=[ttypes.Order(col=sort["Column"], order=sort["SortOrder"]) for sort in item.get("SortColumns", [])],
        parameters=item.get("Parameters", {}),
        skewedInfo=ttypes.SkewedInfo(
            skewedColNames=skewed.get("SkewedColumnNames", []),
            skewedColValues=[value.split("$") for value in skewed.get("SkewedColumnValues", [])],
            skewedColValueLocationMaps={tuple(values.split("$")): place for values, place in locations.items()},
        ),
        storedAsSubDirectories=item.get("StoredAsSubDirectories", False),
    )


def _storage_input(storage: Struct) -> dict[str, Any]:
    if storage is None:
        return {}
    serde = storage.serdeInfo or ttypes.SerDeInfo()
    return _without_nothing(
        Columns=[_column_input(column) for column in storage.cols or []],
        Location=storage.location,
        InputFormat=storage.inputFormat,
        OutputFormat=storage.outputFormat,
        Compressed=storage.compressed,
        NumberOfBuckets=storage.numBuckets,
        SerdeInfo=_without_nothing(
            Name=serde.name, SerializationLibrary=serde.serializationLib, Parameters=serde.parameters or {}
        ),
        BucketColumns=storage.bucketCols,
        SortColumns=[{"Column": sort.col, "SortOrder": sort.order} for sort in storage.sortCols or []],
        Parameters=storage.parameters or {},
        StoredAsSubDirectories=storage.storedAsSubDirectories,
    )


def _column_of(item: Item) -> Struct:
    return ttypes.FieldSchema(name=item["Name"], type=item.get("Type"), comment=item.get("Comment"))


def _column_input(column: Struct) -> dict[str, Any]:
    return _without_nothing(Name=column.name, Type=column.type, Comment=column.comment)


def _seconds(moment: datetime.datetime | None) -> int:
    return int((moment - _EPOCH).total_seconds()) if moment else 0


def _without_nothing(**members: Any) -> dict[str, Any]:
    # The API takes no null, and no empty text where a location or a class is asked for.
    return {name: value for name, value in members.items() if value is not None and value != ""}
