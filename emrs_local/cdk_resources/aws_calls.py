"""The custom resource of `custom_resources.AwsCustomResource`: a call of AWS's API for each event."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import botocore.session
from botocore.exceptions import ClientError
from botocore.utils import EVENT_ALIASES

from emrs_local.cdk_resources.function_client import client_of_function
from emrs_local.endpoint import Endpoint

# Not done here; whoever uses one is told, rather than finding out that it had no effect.
_UNSUPPORTED = ("assumedRoleArn", "externalId")
_PHYSICAL_ID = "PHYSICAL:RESOURCEID:"

Json = dict[str, Any]


class AwsCalls:
    """Makes the calls, with the names that the JavaScript SDK has for services and operations."""

    # The second is that of `aws_events_targets.CloudWatchLogGroup`.
    TYPE_NAMES = ("Custom::AWS", "Custom::CloudwatchLogResourcePolicy")

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def create(self, logical_id: str, properties: Json, _stack_name: str) -> tuple[str, Json]:
        """Make the call that is for Create."""
        return self._call("Create", properties, logical_id)

    def update(self, physical_id: str, _old: Json, new: Json, _stack_name: str) -> tuple[str, Json]:
        """Make the call that is for Update."""
        return self._call("Update", new, physical_id)

    def delete(self, physical_id: str, properties: Json) -> None:
        """Make the call that is for Delete."""
        self._call("Delete", properties, physical_id)

    def _call(self, event: str, properties: Json, physical_id: str) -> tuple[str, Json]:
        if event not in properties:
            return physical_id, {}
        call: Json = json.loads(properties[event])
        if unsupported := [name for name in _UNSUPPORTED if call.get(name)]:
            raise ValueError(f"the local AWS makes calls for AwsCustomResource without {', '.join(unsupported)}")
        parameters = _with_id(call.get("parameters") or {}, physical_id)
        with client_of_function(
            self._endpoint, properties, service_named(call["service"]), region=call.get("region")
        ) as client:
            action = call["action"].removesuffix("Command").lower()
            (operation,) = [
                method for method, name in client.meta.method_to_api_mapping.items() if name.lower() == action
            ]
            try:
                answer = getattr(client, operation)(**parameters)
            except ClientError as error:
                pattern = call.get("ignoreErrorCodesMatching")
                if not pattern or not re.search(pattern, error.response["Error"]["Code"]):
                    raise
                answer = {}
        answer.pop("ResponseMetadata", None)
        attributes = dict(_flat(answer))
        named = call.get("physicalResourceId") or {}
        wanted = call.get("outputPaths") or ([call["outputPath"]] if call.get("outputPath") else None)
        found = named.get("id") or attributes.get(named.get("responsePath", "")) or physical_id
        return str(found), {
            name: value for name, value in attributes.items() if not wanted or name.startswith(tuple(wanted))
        }


def service_named(name: str) -> str:
    """The name that botocore has for `CloudWatchLogs` or `@aws-sdk/client-cloudwatch-logs`.

    Raises:
        ValueError: There is no such service.
    """
    wanted = _letters(name.removeprefix("@aws-sdk/client-"))
    for known in botocore.session.get_session().get_available_services():
        if wanted in {_letters(known), _letters(EVENT_ALIASES.get(known, known))}:
            return str(known)
    raise ValueError(f"there is no service {name}")


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _with_id(value: Any, physical_id: str) -> Any:
    match value:
        case dict():
            return {name: _with_id(item, physical_id) for name, item in value.items()}
        case list():
            return [_with_id(item, physical_id) for item in value]
        case _:
            return physical_id if value == _PHYSICAL_ID else value


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The values in an answer, by their paths."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if items is None:
        yield path, value if isinstance(value, str) else json.dumps(value, default=str)
        return
    for name, item in items:
        yield from _flat(item, f"{path}.{name}" if path else str(name))
