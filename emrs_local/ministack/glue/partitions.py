"""The partitions of tables: thousands of them, chosen by an expression, a page at a time."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

from emrs_local.ministack.glue.expressions import predicate
from emrs_local.ministack.iam import Headers, Query

_Request = Mapping[str, Any]
_Answer = tuple[int, Headers, bytes]
_Partitions = dict[tuple[str, ...], Any]
_PAGE = 1000  # https://docs.aws.amazon.com/glue/latest/webapi/API_GetPartitions.html
_MOST_IN_A_BATCH = 100  # https://docs.aws.amazon.com/glue/latest/webapi/API_BatchCreatePartition.html


def correct_partitions() -> None:
    """Choose partitions by an expression, in pages, and find one without comparing it with all others.

    ministack 1.5.33 answers GetPartitions with all partitions, creates those of tables that do not exist, and lacks
    UpdatePartition and BatchDeletePartition.
    """
    from ministack import app
    from ministack.services import glue

    original = app.SERVICE_HANDLERS["glue"]

    async def handle(method: str, path: str, headers: Headers, body: bytes, query: Query) -> _Answer:
        own = _OPERATIONS.get(headers.get("x-amz-target", "").rpartition(".")[2])
        if own is None:
            return cast("_Answer", await original(method, path, headers, body, query))
        return await asyncio.to_thread(own, json.loads(body or b"{}"))

    app.SERVICE_HANDLERS["glue"] = handle
    # These have callers beside the API.
    glue._create_partition = _create_partition
    glue._delete_partition = _delete_partition
    glue._get_partition = _get_partition


class _Refused(Exception):
    """A request is answered with an error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


_changing = threading.RLock()  # ministack answers each request in a thread


def _operation(function: Callable[[_Request, _Partitions], Any]) -> Callable[[_Request], _Answer]:
    """An operation on the partitions of one table, by their values; the names are in lower case already."""

    def answer(request: _Request) -> _Answer:
        from ministack.core.responses import error_response_json, json_response
        from ministack.services import glue

        name = f"{request.get('DatabaseName')}/{request.get('TableName')}"
        with _changing:
            if name not in glue._tables:
                return cast(
                    "_Answer", error_response_json("EntityNotFoundException", f"Table {name} is not found.", 400)
                )
            before = glue._partitions.get(name, [])
            partitions = {tuple(partition["Values"]): partition for partition in before}
            try:
                answered = function({**request, "Table": glue._tables[name]}, partitions)
            except _Refused as refused:
                return cast("_Answer", error_response_json(refused.code, str(refused), 400))
            glue._partitions[name] = list(partitions.values())
        return cast("_Answer", json_response(answered))

    return answer


@_operation
def _create_partition(request: _Request, partitions: _Partitions) -> Any:
    _create(request, request["PartitionInput"], partitions)
    return {}


@_operation
def _batch_create_partition(request: _Request, partitions: _Partitions) -> Any:
    inputs = request["PartitionInputList"]
    if len(inputs) > _MOST_IN_A_BATCH:
        raise _Refused(
            "ValidationException",
            "1 validation error detected: Value at 'partitionInputList' failed to satisfy constraint: "
            f"Member must have length less than or equal to {_MOST_IN_A_BATCH}",
        )
    return {"Errors": _errors(lambda entry: _create(request, entry, partitions), inputs, values_of="Values")}


@_operation
def _update_partition(request: _Request, partitions: _Partitions) -> Any:
    _update(request, request["PartitionValueList"], request["PartitionInput"], partitions)
    return {}


@_operation
def _batch_update_partition(request: _Request, partitions: _Partitions) -> Any:
    def update(entry: _Request) -> None:
        _update(request, entry["PartitionValueList"], entry["PartitionInput"], partitions)

    errors = _errors(update, request["Entries"], values_of="PartitionValueList")
    return {"Errors": [{"PartitionValueList": error.pop("PartitionValues"), **error} for error in errors]}


@_operation
def _delete_partition(request: _Request, partitions: _Partitions) -> Any:
    _delete(request["PartitionValues"], partitions)
    return {}


@_operation
def _batch_delete_partition(request: _Request, partitions: _Partitions) -> Any:
    deleted = request["PartitionsToDelete"]
    return {"Errors": _errors(lambda entry: _delete(entry["Values"], partitions), deleted, values_of="Values")}


@_operation
def _get_partition(request: _Request, partitions: _Partitions) -> Any:
    return {"Partition": _found(request["PartitionValues"], partitions)}


@_operation
def _batch_get_partition(request: _Request, partitions: _Partitions) -> Any:
    found = [partitions.get(tuple(entry["Values"])) for entry in request["PartitionsToGet"]]
    return {"Partitions": [partition for partition in found if partition], "UnprocessedKeys": []}


@_operation
def _get_partitions(request: _Request, partitions: _Partitions) -> Any:
    try:
        chosen = predicate(request.get("Expression", ""), request["Table"].get("PartitionKeys", []))
    except ValueError as error:
        raise _Refused("InvalidInputException", str(error)) from error
    segment = request.get("Segment", {"SegmentNumber": 0, "TotalSegments": 1})
    number, total = segment["SegmentNumber"], segment["TotalSegments"]
    found = [partitions[values] for values in sorted(partitions) if chosen(values)][number::total]
    start, most = int(request.get("NextToken", 0)), min(request.get("MaxResults", _PAGE), _PAGE)
    page = found[start : start + most]
    if request.get("ExcludeColumnSchema"):
        page = [_without_columns(partition) for partition in page]
    more = {"NextToken": str(start + most)} if start + most < len(found) else {}
    return {"Partitions": page, **more}


_OPERATIONS: Mapping[str, Callable[[_Request], _Answer]] = {
    "BatchCreatePartition": _batch_create_partition,
    "BatchDeletePartition": _batch_delete_partition,
    "BatchGetPartition": _batch_get_partition,
    "BatchUpdatePartition": _batch_update_partition,
    "CreatePartition": _create_partition,
    "DeletePartition": _delete_partition,
    "GetPartition": _get_partition,
    "GetPartitions": _get_partitions,
    "UpdatePartition": _update_partition,
}


def _create(request: _Request, partition_input: _Request, partitions: _Partitions) -> None:
    values = tuple(partition_input.get("Values", []))
    keys = request["Table"].get("PartitionKeys", [])
    if len(values) != len(keys):
        raise _Refused(
            "InvalidInputException",
            f"The number of partition keys do not match the number of partition values: {len(keys)}, {list(values)}",
        )
    if values in partitions:
        raise _Refused("AlreadyExistsException", f"Partition already exists: {list(values)}")
    partitions[values] = _record(request, partition_input)


def _update(request: _Request, values: list[str], partition_input: _Request, partitions: _Partitions) -> None:
    before = _found(values, partitions)
    new = tuple(partition_input.get("Values", values))
    if new != tuple(values) and new in partitions:
        raise _Refused("AlreadyExistsException", f"Partition already exists: {list(new)}")
    del partitions[tuple(values)]
    partitions[new] = {
        **_record(request, {**partition_input, "Values": list(new)}),
        "CreationTime": before["CreationTime"],
    }


def _delete(values: list[str], partitions: _Partitions) -> None:
    _found(values, partitions)
    del partitions[tuple(values)]


def _found(values: list[str], partitions: _Partitions) -> Any:
    found = partitions.get(tuple(values))
    if found is None:
        raise _Refused("EntityNotFoundException", f"Cannot find partition: {values}")
    return found


def _record(request: _Request, partition_input: _Request) -> dict[str, Any]:
    from ministack.core.responses import get_account_id

    place = {"DatabaseName": request["DatabaseName"], "TableName": request["TableName"]}
    return {**partition_input, **place, "CreationTime": int(time.time()), "CatalogId": get_account_id()}


def _errors(
    change: Callable[[_Request], None], entries: list[dict[str, Any]], *, values_of: str
) -> list[dict[str, Any]]:
    errors = []
    for entry in entries:
        try:
            change(entry)
        except _Refused as refused:
            detail = {"ErrorCode": refused.code, "ErrorMessage": str(refused)}
            errors.append({"PartitionValues": entry[values_of], "ErrorDetail": detail})
    return errors


def _without_columns(partition: Mapping[str, Any]) -> dict[str, Any]:
    descriptor = {name: value for name, value in partition.get("StorageDescriptor", {}).items() if name != "Columns"}
    return {**partition, "StorageDescriptor": descriptor}
