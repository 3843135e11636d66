"""What a call of the Data Catalog needs permission on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from emrs_local.ministack.iam import Caller, Headers, Query, caller, denial

_Request = Mapping[str, Any]
_Answer = tuple[int, Headers, bytes]
# Of the other operations, such as those of crawlers, ministack knows the resource.
_OF_THE_CATALOG = re.compile(r"[A-Z][a-z]+[A-Za-z]*(Database|Table|Partition|UserDefinedFunction)")


def authorize_as_glue_does() -> None:
    """Authorize each call on the resource and all its ancestors, and a deletion on all descendants too.

    ministack 1.5.33 evaluates one resource a call: `table/NAME` for a database and `database/NAME` for a table.
    https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html
    """
    from ministack import app
    from ministack.core import iam_actions
    from ministack.core.iam_actions import identity_denial_message
    from ministack.core.responses import error_response_json

    original, original_resource = app.SERVICE_HANDLERS["glue"], iam_actions.extract_resource_arn
    original_refusal = iam_actions.access_denied_response

    def extract_resource_arn(  # noqa: PLR0917 - the signature is ministack's
        service: str, method: str, path: str, headers: Headers, body: bytes, query: Query, region: str, account: str
    ) -> str:
        if service == "glue" and is_of_the_catalog(operation_of(headers)):
            return f"arn:aws:glue:{region}:{account}:catalog"
        return cast("str", original_resource(service, method, path, headers, body, query, region, account))

    def access_denied_response(service: str, action: str, principal_arn: str, request_id: str, **rest: Any) -> Any:
        if service != "glue" or "error_code" in rest:
            return original_refusal(service, action, principal_arn, request_id, **rest)
        message = identity_denial_message(action, principal_arn, rest["resource_arn"], rest["explicit_deny"])
        return error_response_json("AccessDeniedException", message, 400)

    async def handle(method: str, path: str, headers: Headers, body: bytes, query: Query) -> _Answer:
        operation = operation_of(headers)
        if not is_of_the_catalog(operation):
            return cast("_Answer", await original(method, path, headers, body, query))
        who, request = caller(headers, query), json.loads(body or b"{}")
        action = f"glue:{operation}"
        owner = request.get("CatalogId", who.scope.account_id)
        if owner != who.scope.account_id:
            # Which only a policy of that account's catalog could allow, and it is not here.
            message = identity_denial_message(action, who.arn, _arn(who, "catalog", owner), explicit_deny=False)
            return cast("_Answer", error_response_json("AccessDeniedException", message, 400))
        for resource in _resources(operation, request):
            denied = denial(who, action=action, resource=_arn(who, resource))
            if denied:
                return cast("_Answer", error_response_json(denied.code, denied.message, 400))
        status, answered, document = cast("_Answer", await original(method, path, headers, body, query))
        if status == 200 and operation in _LISTS:
            document = json.dumps(_permitted(who, operation, json.loads(document))).encode()
            answered = {name: value for name, value in answered.items() if name.lower() != "content-length"}
        return status, answered, document

    iam_actions.extract_resource_arn = extract_resource_arn
    iam_actions.access_denied_response = access_denied_response
    app.SERVICE_HANDLERS["glue"] = handle


# A list has what the caller may list, https://docs.aws.amazon.com/glue/latest/dg/security_iam_id-based-policy-examples.html
# ("Filter tables by GetTables permission").
_LISTS = {
    "GetDatabases": ("DatabaseList", "database/{Name}"),
    "GetTables": ("TableList", "table/{DatabaseName}/{Name}"),
}


def _permitted(who: Caller, operation: str, answer: dict[str, Any]) -> dict[str, Any]:
    key, resource = _LISTS[operation]
    action = f"glue:{operation}"
    allowed = [
        item for item in answer[key] if not denial(who, action=action, resource=_arn(who, resource.format_map(item)))
    ]
    return {**answer, key: allowed}


def operation_of(headers: Headers) -> str:
    """The operation that a request asks for."""
    return headers.get("x-amz-target", "").rpartition(".")[2]


def is_of_the_catalog(operation: str) -> bool:
    """Whether an operation is one of the Data Catalog."""
    return _OF_THE_CATALOG.match(operation) is not None


def _arn(who: Caller, resource: str, account_id: str = "") -> str:
    return f"arn:aws:glue:{who.scope.region}:{account_id or who.scope.account_id}:{resource}"


def _resources(operation: str, request: _Request) -> Iterator[str]:
    """The resources below the catalog, from the outermost to the innermost."""
    database = _database(operation, request)
    if not database:
        return
    yield f"database/{database}"
    if operation == "DeleteDatabase":
        yield f"table/{database}/*"
        yield f"userDefinedFunction/{database}/*"
    for table in _tables(operation, request):
        yield f"table/{database}/{table}"
    if function := request.get("FunctionName") or request.get("FunctionInput", {}).get("FunctionName"):
        yield f"userDefinedFunction/{database}/{function}"


def _database(operation: str, request: _Request) -> str:
    if operation.endswith("Database"):
        return str(request.get("Name") or request.get("DatabaseInput", {}).get("Name") or "")
    return str(request.get("DatabaseName", ""))


def _tables(operation: str, request: _Request) -> list[str]:
    if operation == "BatchDeleteTable":
        return list(request.get("TablesToDelete", []))
    if operation.endswith("Table") and "TableName" not in request:
        return [str(request.get("Name") or request.get("TableInput", {}).get("Name") or "")]
    return [request["TableName"]] if "TableName" in request else []
