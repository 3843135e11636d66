"""What CloudWatch Logs does that ministack does not: the names of its resources, its keys, its permissions."""

from __future__ import annotations

import json
import secrets
import string
from typing import Any, cast

from emrs_local.ministack.iam import Headers, Query, caller, denial


def associate_log_group_key(log_group_name: str, key_arn: str) -> None:
    """What CloudWatch Logs' AssociateKmsKey does; ministack's service lacks the operation."""
    from ministack.services import cloudwatch_logs

    cloudwatch_logs._log_groups[log_group_name]["kmsKeyId"] = key_arn


def correct_logs() -> None:
    """Correct ministack's CloudWatch Logs."""
    _name_log_resources_as_aws_does()
    _name_log_groups_as_cloudformation_does()
    _decrypt_logs_for_those_who_may()


def _name_log_resources_as_aws_does() -> None:
    """Authorize CloudWatch Logs calls on the ARNs that AWS uses, so that the policies AWS documents match.

    AWS evaluates calls on a log group as `log-group:NAME:log-stream:STREAM`, with empty names where a call has none,
    which `log-group:NAME:*` matches. ministack 1.5.33 evaluates them as `log-group:NAME`, or as `*` when no group is
    named; then the grants of AWS's own pages are refused, and grants that do nothing on AWS pass.
    """
    from ministack.core import iam_actions

    original = iam_actions.extract_resource_arn
    original_context = iam_actions.logs_service_context

    def extract_resource_arn(  # noqa: PLR0917 - the signature is ministack's
        service: str, method: str, path: str, headers: Headers, body: bytes, query: Query, region: str, account: str
    ) -> str:
        target = headers.get("x-amz-target", "").rsplit(".", 1)[-1]
        if service != "logs" or target.endswith(("TagResource", "TagsForResource")):
            return cast("str", original(service, method, path, headers, body, query, region, account))
        try:
            document = json.loads(body or b"{}")
        except ValueError:
            document = {}
        group = document.get("logGroupName") or document.get("logGroupIdentifier") or ""
        group = group.partition(":log-group:")[2] or group
        stream = document.get("logStreamName") or ""
        return f"arn:aws:logs:{region}:{account}:log-group:{group}:log-stream:{stream}"

    def logs_service_context(action: str, body: bytes, resource_arn: str, region: str, account: str) -> dict[str, Any]:
        group_arn = resource_arn.partition(":log-stream:")[0]
        return cast("dict[str, Any]", original_context(action, body, group_arn, region, account))

    iam_actions.extract_resource_arn = extract_resource_arn
    iam_actions.logs_service_context = logs_service_context


def _name_log_groups_as_cloudformation_does() -> None:
    """Name a log group without a name STACK-LOGICALID-RANDOM; key policies may rely on that it starts with the stack's.

    ministack 1.5.33 names it /aws/cloudformation/STACK/LOGICALID.
    """
    from ministack.services.cloudformation import provisioners

    handlers = provisioners._RESOURCE_HANDLERS["AWS::Logs::LogGroup"]
    create, update = handlers["create"], handlers["update"]

    def create_named(logical_id: str, properties: dict[str, Any], stack_name: str) -> Any:
        suffix = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(12))
        name = f"{stack_name}-{logical_id}-{suffix}"
        return create(logical_id, {"LogGroupName": name, **properties}, stack_name)

    def update_named(
        physical_id: str, old: dict[str, Any], new: dict[str, Any], stack_name: str, logical_id: str | None = None
    ) -> Any:
        was, now = ({"LogGroupName": physical_id, **properties} for properties in (old, new))
        return update(physical_id, was, now, stack_name, logical_id)

    handlers["create"], handlers["update"] = create_named, update_named


def _decrypt_logs_for_those_who_may() -> None:
    """Refuse the events of an encrypted log group to whoever may not decrypt with its key through CloudWatch Logs.

    CloudWatch Logs User Guide, "Encrypt log data", step 3. It names more actions than kms:Decrypt for readers too, but
    reading encrypts nothing. ministack 1.5.33 asks for no permission on the key.
    """
    from ministack import app
    from ministack.core.responses import error_response_json
    from ministack.services import cloudwatch_logs

    original = app.SERVICE_HANDLERS["logs"]

    async def handle(method: str, path: str, headers: Headers, body: bytes, query: Query) -> tuple[int, Headers, bytes]:
        if headers.get("x-amz-target", "").endswith((".GetLogEvents", ".FilterLogEvents")):
            name = cloudwatch_logs._resolve_log_group_name(json.loads(body or b"{}"))
            group = cloudwatch_logs._log_groups.get(name) or {}
            key_arn = group.get("kmsKeyId")
            if key_arn:
                reader = caller(headers, query)
                context = {
                    "kms:ViaService": f"logs.{reader.scope.region}.amazonaws.com",
                    "kms:EncryptionContext:aws:logs:arn": group["arn"].removesuffix(":*"),
                }
                denied = denial(reader, action="kms:Decrypt", resource=key_arn, context=context)
                if denied:
                    refusal = error_response_json("AccessDeniedException", denied.message, 400)
                    return cast("tuple[int, Headers, bytes]", refusal)
        return cast("tuple[int, Headers, bytes]", await original(method, path, headers, body, query))

    app.SERVICE_HANDLERS["logs"] = handle
