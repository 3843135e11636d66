"""Databases and tables as the Data Catalog stores them."""

from __future__ import annotations

import functools
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
    for kind in ("Database", "Table", "Partition"):
        handlers = provisioners._RESOURCE_HANDLERS[f"AWS::Glue::{kind}"]
        handlers.update({name: _of_folded(handler) for name, handler in handlers.items()})
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


def _of_folded(handler: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(handler)
    def of_folded(*arguments: Any, **named: Any) -> Any:
        return handler(*(folded(each) if isinstance(each, dict) else each for each in arguments), **named)

    return of_folded


def _without_a_made_up_type(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def create_table(data: Any) -> Any:
        from ministack.services import glue

        answer = function(data)
        table = data.get("TableInput", {})
        if answer[0] == 200 and "TableType" not in table:
            del glue._tables[f"{data['DatabaseName']}/{table['Name']}"]["TableType"]
        return answer

    return create_table
