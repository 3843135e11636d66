"""The REST-JSON protocol, driven by botocore's model of the service.

The model says which method and path belong to which operation, where each member travels, which types and limits it has
and how the output is written; nothing about a single operation is repeated here. The model is the one of the installed
botocore, so the local service knows the members that the user's SDK knows.
"""

from __future__ import annotations

import datetime
import functools
import json
import re
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import botocore.loaders
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from emrs_local.emr_serverless.errors import ServiceError, UnknownOperationException, ValidationException
from emrs_local.emr_serverless.shapes import rewritten

SERVICE = "emr-serverless"

Response = tuple[int, dict[str, str], bytes]


@functools.cache
def service_model() -> ServiceModel:
    """Botocore's model of EMR Serverless."""
    description = botocore.loaders.create_loader().load_service_model(SERVICE, "service-2")
    return ServiceModel(description, service_name=SERVICE)


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request as far as its method and path tell."""

    operation: OperationModel
    path_parameters: Mapping[str, str]
    query: Mapping[str, list[str]]
    body: bytes

    def parameters(self) -> dict[str, Any]:
        """The operation's input.

        Raises:
            ValidationException: The input does not fit the operation's shape.
        """
        try:
            return self._parameters()
        except RecursionError:  # a configuration may be in a configuration, and so on
            raise ValidationException("The request body is nested too deeply") from None

    def _parameters(self) -> dict[str, Any]:
        shape = self.operation.input_shape
        if shape is None:
            return {}
        document = _document(self.body)
        parameters: dict[str, Any] = {}
        for name, member in shape.members.items():
            wire_name = member.serialization.get("name", name)
            location = member.serialization.get("location")
            if location == "uri":
                parameters[name] = self.path_parameters[wire_name]
            elif location == "querystring" and wire_name in self.query:
                parameters[name] = _from_query(member, self.query[wire_name], name)
            elif location is None and document.get(wire_name) is not None:
                parameters[name] = rewritten(member, document[wire_name], _known_members)
        validate(self.operation.name, parameters)
        return parameters


def validate(operation: str, parameters: Mapping[str, Any]) -> None:
    """Check the input of an operation against its shape.

    Raises:
        ValidationException: Naming each member that does not fit, and what it has to satisfy.
    """
    shape = service_model().operation_model(operation).input_shape
    problems = [] if shape is None else _problems(shape, parameters, path="")
    if problems:
        plural = "error" if len(problems) == 1 else "errors"
        raise ValidationException(f"{len(problems)} validation {plural} detected. {' '.join(problems)}")


def match(*, method: str, path: str, query: Mapping[str, list[str]], body: bytes) -> Request:
    """The operation that a request is for.

    Raises:
        UnknownOperationException: The model has no operation with this method and path.
    """
    for operation_method, pattern, operation in _routes():
        found = pattern.fullmatch(path) if operation_method == method else None
        if found:
            parameters = {name: unquote(value) for name, value in found.groupdict().items()}
            return Request(operation=operation, path_parameters=parameters, query=query, body=body)
    raise UnknownOperationException(f"{SERVICE} has no operation {method} {path}")


def serialize_output(operation: OperationModel, output: Mapping[str, Any]) -> Response:
    """The response with `output`; members that the model does not know or that are None are left out."""
    document = {} if operation.output_shape is None else _serialize(operation.output_shape, output)
    status = int(operation.http.get("responseCode", 200))
    return status, {"Content-Type": "application/json"}, json.dumps(document).encode()


def serialize_job_run(job_run: Mapping[str, Any]) -> dict[str, Any]:
    """A job run as the answer to GetJobRun has it."""
    return dict(_serialize(service_model().shape_for("JobRun"), job_run))


def serialize_error(error: ServiceError) -> Response:
    """The response that an SDK turns into the exception `error.code`."""
    headers = {"Content-Type": "application/json", "x-amzn-errortype": error.code}
    return error.status, headers, json.dumps({"message": error.message}).encode()


@functools.cache
def _routes() -> list[tuple[str, re.Pattern[str], OperationModel]]:
    model = service_model()
    routes = []
    for name in model.operation_names:
        operation = model.operation_model(name)
        routes.append((operation.http["method"], _path_pattern(operation.http["requestUri"]), operation))
    return routes


def _path_pattern(uri: str) -> re.Pattern[str]:
    # An ARN's slashes arrive decoded, so the label of the tag operations takes the rest of the path.
    pattern = ""
    for literal, label, _, _ in string.Formatter().parse(uri):
        pattern += re.escape(literal)
        if label is not None:
            pattern += f"(?P<{label}>{'.+' if label == 'resourceArn' else '[^/]+'})"
    return re.compile(pattern + "/?")


def _document(body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    try:
        document = json.loads(body)
    except ValueError as error:
        raise ValidationException("The request body is not valid JSON") from error
    if not isinstance(document, dict):
        raise ValidationException("The request body is not a JSON object")
    return document


def _from_query(shape: Shape, values: list[str], name: str) -> Any:
    if isinstance(shape, ListShape):
        return [_from_query(shape.member, [value], name) for value in values]
    value = values[-1]
    try:
        if shape.type_name in ("integer", "long"):
            return int(value)
        if shape.type_name == "boolean":
            return {"true": True, "false": False}.get(value, value)
        if shape.type_name == "timestamp":
            moment = datetime.datetime.fromisoformat(value)
            return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
    except ValueError as error:
        message = f"1 validation error detected. Value at '/{name}' is not a {shape.type_name}"
        raise ValidationException(message) from error
    return value


def _known_members(shape: StructureShape, value: Mapping[str, Any]) -> Iterator[tuple[str, Shape, Any]]:
    """The members that the model knows; the service ignores others too."""
    known = shape.members
    return ((name, known[name], item) for name, item in value.items() if name in known)


_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "double": (int, float),
    "float": (int, float),
    "timestamp": (int, float, datetime.datetime),
}


def _problems(shape: Shape, value: Any, *, path: str) -> list[str]:
    """What is wrong with `value`, one sentence for each problem, each naming the member."""
    kind = shape.type_name
    if not _is_a(kind, value):
        return [f"Value at '{path or '/'}' failed to satisfy constraint: Member must be a {kind}."]
    if isinstance(shape, StructureShape):
        return _structure_problems(shape, value, path=path)
    found = [
        f"Value at '{path}' failed to satisfy constraint: Member must {constraint}."
        for constraint in _broken_constraints(shape, value)
    ]
    if isinstance(shape, ListShape):
        for index, item in enumerate(value, start=1):
            found += _problems(shape.member, item, path=f"{path}/{index}/member")
    elif isinstance(shape, MapShape):
        for key, item in value.items():
            found += _problems(shape.key, key, path=f"{path}/key")
            found += _problems(shape.value, item, path=f"{path}/{key}")
    return found


def _is_a(kind: str, value: Any) -> bool:
    return isinstance(value, _PYTHON_TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _structure_problems(shape: StructureShape, value: Mapping[str, Any], *, path: str) -> list[str]:
    members = {name: item for name, item in value.items() if item is not None}
    found = [
        f"Value at '{path}/{name}' failed to satisfy constraint: Member must not be null."
        for name in shape.required_members
        if name not in members
    ]
    if getattr(shape, "is_tagged_union", False) and len(members) != 1:
        choices = ", ".join(shape.members)
        found.append(f"Value at '{path}' failed to satisfy constraint: Member must have exactly one of [{choices}].")
    for name, item in members.items():
        found += _problems(shape.members[name], item, path=f"{path}/{name}")
    return found


def _broken_constraints(shape: Shape, value: Any) -> list[str]:
    sized = isinstance(value, str | list | dict)
    measure = len(value) if sized else value
    noun = "have length" if sized else "be"
    limits = shape.metadata
    broken = []
    if "min" in limits and measure < limits["min"]:
        broken.append(f"{noun} greater than or equal to {limits['min']}")
    if "max" in limits and measure > limits["max"]:
        broken.append(f"{noun} less than or equal to {limits['max']}")
    if "pattern" in limits and isinstance(value, str) and not _matches(limits["pattern"], value):
        broken.append(f"satisfy regular expression pattern: {limits['pattern']}")
    if limits.get("enum") and value not in limits["enum"]:
        broken.append(f"satisfy enum value set: [{', '.join(limits['enum'])}]")
    return broken


def _matches(pattern: str, value: str) -> bool:
    try:
        # Whether the service lets a line end into "any character" is not documented; Spark takes one.
        return re.fullmatch(pattern, value, re.DOTALL) is not None
    except re.error:
        # The model's patterns are Java's; one that Python cannot read restricts nothing here.
        return True


def _serialize(shape: Shape, value: Any) -> Any:
    return rewritten(shape, value, _wire_members, _wire_value)


def _wire_members(shape: StructureShape, value: Mapping[str, Any]) -> Iterator[tuple[str, Shape, Any]]:
    for name, member, item in _known_members(shape, value):
        if item is not None:
            yield member.serialization.get("name", name), member, item


def _wire_value(_shape: Shape, value: Any) -> Any:
    return round(value.timestamp(), 3) if isinstance(value, datetime.datetime) else value
