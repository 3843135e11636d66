"""Databases and tables as the Data Catalog stores them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, cast

from emrs_local.ministack.glue.permissions import is_of_the_catalog, operation_of
from emrs_local.ministack.iam import Headers, Query

_Answer = tuple[int, Headers, bytes]
_NAMES = ("Name", "DatabaseName", "TableName")


def store_as_glue_does() -> None:
    """Fold names to lower case, and have no type of a table that was given none.

    https://docs.aws.amazon.com/glue/latest/webapi/API_DatabaseInput.html and API_TableInput.html there.

    ministack 1.5.33 keeps names as they are given, so that Spark and Hive, which ask for them in lower case, do not
    find them; and it makes EXTERNAL_TABLE of no type, with which EMR's client of the catalog would refuse the table.
    """
    from ministack import app
    from ministack.services import glue
    from ministack.services.cloudformation import provisioners

    original = app.SERVICE_HANDLERS["glue"]

    async def handle(method: str, path: str, headers: Headers, body: bytes, query: Query) -> _Answer:
        if is_of_the_catalog(operation_of(headers)):
            body = json.dumps(folded(json.loads(body or b"{}"))).encode()
        return cast("_Answer", await original(method, path, headers, body, query))

    app.SERVICE_HANDLERS["glue"] = handle
    # CloudFormation does not come through the API.
    for name in ("_create_table", "_delete_table", "_update_table"):
        setattr(glue, name, _of_folded(getattr(glue, name)))
    for name in ("_glue_database_name", "_glue_table_name"):
        setattr(provisioners, name, _lowered(getattr(provisioners, name)))
    glue._create_table = _without_a_made_up_type(glue._create_table)


def folded(request: Mapping[str, Any]) -> dict[str, Any]:
    """A request with the names of databases and tables in lower case."""
    found = dict(request)
    for name in _NAMES:
        if isinstance(found.get(name), str):
            found[name] = found[name].lower()
    for name in ("DatabaseInput", "TableInput"):
        if name in found:
            found[name] = folded(found[name])
    if "TablesToDelete" in found:
        found["TablesToDelete"] = [name.lower() for name in found["TablesToDelete"]]
    return found


def _of_folded(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda data: function(folded(data))


def _lowered(function: Callable[..., str]) -> Callable[..., str]:
    return lambda logical_id, props, stack_name: function(logical_id, props, stack_name).lower()


def _without_a_made_up_type(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def create_table(data: Any) -> Any:
        from ministack.services import glue

        answer = function(data)
        table = data.get("TableInput", {})
        if answer[0] == 200 and "TableType" not in table:
            asked = folded(data)
            del glue._tables[f"{asked['DatabaseName']}/{asked['TableInput']['Name']}"]["TableType"]
        return answer

    return create_table
