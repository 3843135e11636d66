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
    find them; it makes EXTERNAL_TABLE of no type, with which EMR's client of the catalog would refuse the table; and it
    keeps a template's `has_encrypted_data: true`, which the CDK's `S3Table` has, where the API has text.
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
    # CloudFormation does not come through the API, and templates have numbers and truth values where it has text.
    for kind in ("Database", "Table", "Partition"):
        handlers = provisioners._RESOURCE_HANDLERS[f"AWS::Glue::{kind}"]
        handlers.update({name: _of_the_api(handler) for name, handler in handlers.items()})
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


def _of_the_api(handler: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(handler)
    def of_the_api(*arguments: Any, **named: Any) -> Any:
        return handler(*(_typed(folded(each)) if isinstance(each, dict) else each for each in arguments), **named)

    return of_the_api


def _typed(properties: dict[str, Any]) -> dict[str, Any]:
    """Properties of a template with the types that the API has: `"true"` in a map of parameters."""
    inputs = _inputs()
    return {name: _as(inputs[name], value) if name in inputs else value for name, value in properties.items()}


@functools.cache
def _inputs() -> Mapping[str, Any]:
    import botocore.session

    model = botocore.session.get_session().get_service_model("glue")
    names = ("DatabaseInput", "TableInput", "PartitionInput")
    return {name: model.shape_for(name) for name in names}


def _as(shape: Any, value: Any) -> Any:
    match shape.type_name, value:
        case "structure", dict():
            members = shape.members
            return {name: _as(members[name], item) if name in members else item for name, item in value.items()}
        case "map", dict():
            return {name: _as(shape.value, item) for name, item in value.items()}
        case "list", list():
            return [_as(shape.member, item) for item in value]
        case "string", bool() | int() | float():
            return json.dumps(value)
        case "boolean", str():
            return value.lower() == "true"
        case "integer", str():
            return int(value)
    return value


def _without_a_made_up_type(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def create_table(data: Any) -> Any:
        from ministack.services import glue

        answer = function(data)
        table = data.get("TableInput", {})
        if answer[0] == 200 and "TableType" not in table:
            del glue._tables[f"{data['DatabaseName']}/{table['Name']}"]["TableType"]
        return answer

    return create_table
