"""The CloudFormation type AWS::EMRServerless::Application.

Its properties are the members of CreateApplication in another spelling: names in PascalCase, some maps as lists of keys
and values. The model's shapes say which is which, so a new member of the API needs no change here. AWS's own handler
does not stop an application, so one that is STARTED can neither be changed nor deleted; neither can it here. It calls
UpdateApplication also when only tags changed, that of the template or of the stack:
https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/2370.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.model import MapShape, Shape, StructureShape

from emrs_local.emr_serverless import protocol
from emrs_local.emr_serverless.applications import Application, Applications
from emrs_local.emr_serverless.errors import ResourceNotFoundException, ServiceError
from emrs_local.emr_serverless.rules import require_valid_application
from emrs_local.emr_serverless.shapes import rewritten
from emrs_local.ministack.resource_types import register_resource_type
from emrs_local.ministack.scope import current_scope

TYPE_NAME = "AWS::EMRServerless::Application"
_CREATE_ONLY_PROPERTIES = ("Name", "Type")
_SYSTEM_TAGS = "aws:cloudformation:"


def register_application_type(applications: Applications) -> None:
    """Let stacks create, update and delete applications."""
    handler = _Handler(applications)
    register_resource_type(
        TYPE_NAME,
        create=handler.create,
        update=handler.update,
        delete=handler.delete,
        create_only_properties=_CREATE_ONLY_PROPERTIES,
    )


class _Handler:
    def __init__(self, applications: Applications) -> None:
        self._applications = applications

    def create(self, _logical_id: str, properties: dict[str, Any], _stack_name: str) -> tuple[str, dict[str, str]]:
        members = request_members("CreateApplication", properties)
        with _in_the_handlers_words():
            protocol.validate("CreateApplication", members)
            require_valid_application(members)
            application = self._applications.create(current_scope(), members)
        self._applications.settle(application)
        return _returned(application)

    def update(
        self, physical_id: str, old: dict[str, Any], new: dict[str, Any], _stack_name: str
    ) -> tuple[str, dict[str, str]]:
        application = self._find(physical_id)
        before, after = (request_members("CreateApplication", properties) for properties in (old, new))
        changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
        changed -= {"clientToken"}
        if changed:
            members = {name: after.get(name) for name in changed - {"tags"}}
            with _in_the_handlers_words():
                protocol.validate("CreateApplication", after)
                require_valid_application(after)
                self._applications.update(application, members)
            # What somebody else has tagged stays.
            for key in before["tags"].keys() - after["tags"].keys():
                application.tags.pop(key, None)
            application.tags.update(after["tags"])
        return _returned(application)

    def delete(self, physical_id: str, _properties: dict[str, Any]) -> None:
        try:
            application = self._find(physical_id)
        except ResourceNotFoundException:
            return  # a resource that is gone is deleted
        if application.state != "TERMINATED":
            with _in_the_handlers_words():
                self._applications.delete(application)

    def _find(self, application_id: str) -> Application:
        return self._applications.find(current_scope(), application_id)


@contextmanager
def _in_the_handlers_words() -> Iterator[None]:
    """Turn an error of the API into the reason that CloudFormation shows for a failed resource."""
    try:
        yield
    except ServiceError as error:
        code = "NotFound" if isinstance(error, ResourceNotFoundException) else "InvalidRequest"
        of_request = f"Service: EmrServerless, Status Code: {error.status}, Request ID: {uuid.uuid4()}"
        raise RuntimeError(
            f'Resource handler returned message: "{error.message} ({of_request})" '
            f"(RequestToken: {uuid.uuid4()}, HandlerErrorCode: {code})"
        ) from error


def _returned(application: Application) -> tuple[str, dict[str, str]]:
    """`Ref` and what `Fn::GetAtt` knows."""
    return application.application_id, {"ApplicationId": application.application_id, "Arn": application.arn}


def request_members(operation: str, properties: dict[str, Any]) -> dict[str, Any]:
    """The input of `operation` that a resource's properties stand for."""
    shape = protocol.service_model().operation_model(operation).input_shape
    if not isinstance(shape, StructureShape):
        raise TypeError(f"{operation} has no input")
    all_tags = {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])}
    # The type's schema says cloudFormationSystemTags: false.
    tags = {key: value for key, value in all_tags.items() if not key.startswith(_SYSTEM_TAGS)}
    rest = {name: value for name, value in properties.items() if name != "Tags"}
    # The user's own client tokens are for the API; a resource is created once for each of its creations.
    return {**rewritten(shape, rest, _members, _value), "tags": tags, "clientToken": str(uuid.uuid4())}


def _members(shape: StructureShape, properties: Mapping[str, Any]) -> Iterator[tuple[str, Shape, Any]]:
    by_property = {name[0].upper() + name[1:]: name for name in shape.members} | _SPELLED_DIFFERENTLY
    for name, value in properties.items():
        member = by_property.get(name)
        if member is None or member in _NOT_PROPERTIES or member not in shape.members:
            raise ValueError(f"Encountered unsupported property {name}")
        yield member, shape.members[member], value


# Properties whose name is not the API member's with a capital letter.
_SPELLED_DIFFERENTLY = {"LogTypeMap": "logTypes"}
# Members of the API that the CloudFormation type lacks (registry schema of 2026-10-20).
_NOT_PROPERTIES = {
    "applicationLevelDigestResolution",
    "clientToken",
    "diskEncryptionConfiguration",
    "jobLevelCostAllocationConfiguration",
    "userBackgroundSessionsEnabled",
}


def _value(shape: Shape, value: Any) -> Any:
    if isinstance(shape, MapShape) and isinstance(value, list):
        return {item["Key"]: item["Value"] for item in value}
    # Templates may hold numbers and booleans as strings.
    if shape.type_name == "boolean" and isinstance(value, str):
        return value.lower() == "true"
    if shape.type_name in ("integer", "long") and isinstance(value, str):
        return int(value)
    if shape.type_name == "string" and isinstance(value, int | float):
        return str(value).lower() if isinstance(value, bool) else str(value)
    return value
