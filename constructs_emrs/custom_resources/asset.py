"""The asset of the custom resource's functions: the handler, and what botocore reads to make their clients."""

import functools
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..handler import contract
from ..validation.botocore_data import MODEL, botocore_data, latest_version, without_texts
from ..validation.made_files import written_once

_HANDLER = Path(__file__).parent.parent / "handler"
_PAGINATORS = "paginators-1"
_RULES = "endpoint-rule-set-1"
# The handler has no other texts in triple quotes, and no # in a text; a parser would take ten times as long.
_DOCSTRING = re.compile(r'"""[^"]*(?:"(?!"")[^"]*)*"""')
_COMMENT = re.compile(r"#.*")
OPERATIONS = {
    contract.SERVICE: (
        "CancelJobRun",
        "GetApplication",
        "GetJobRun",
        "ListJobRuns",
        "StartJobRun",
        "StopApplication",
        "TagResource",
        "UntagResource",
        "UpdateApplication",
    ),
    "cloudformation": ("DescribeStackEvents", "DescribeStackResource", "DescribeStacks", "ListStackResources"),
    "stepfunctions": ("StartExecution",),
}
"""What the functions call of the services that they talk to as a rule."""


def handler_asset(assets: Path) -> Path:
    """A folder with the functions' code, written if it is not there yet.

    Beside the handler stands what the botocore that is installed now knows of the services that the functions call. So
    they know every member of `emr-serverless` that validated the template, whatever botocore their runtime bundles; and
    they start faster than with the runtime's own data, of which botocore reads all to find what it needs.

    Args:
        assets: Where it is written: the folder of assets of a cloud assembly. The folder's name tells contents apart.
    """
    return written_once(assets / f"asset.{_digest()}", _write)


def _write(folder: Path) -> None:
    for path, text in _files().items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


@functools.cache
def _files() -> dict[str, str]:
    """What is in the files, by their paths."""
    code = {f"handler/{file.name}": _without_texts(file.read_text(encoding="utf-8")) for file in _HANDLER.glob("*.py")}
    data = {
        f"{contract.DATA_FOLDER}/{name}.json": json.dumps(its, separators=(",", ":")) for name, its in _data().items()
    }
    return {**code, **data}


@functools.cache
def _digest() -> str:
    digest = hashlib.sha256()
    for name, text in sorted(_files().items()):
        digest.update(f"{name}\n{len(text)}\n{text}".encode())
    return digest.hexdigest()


def _without_texts(source: str) -> str:
    """Code without docstrings and comments, which are half of it; lines keep their numbers, as tracebacks have them."""
    code = _DOCSTRING.sub(lambda found: "''" + "\n" * found[0].count("\n"), source)
    return _COMMENT.sub("", code)


def _data() -> dict[str, Any]:
    """What botocore reads, by the path that it looks for."""
    defaults = botocore_data("sdk-default-configuration")
    partitions = botocore_data("partitions")
    data = {
        "partitions": partitions,
        "sdk-default-configuration": {name: its for name, its in defaults.items() if name != "documentation"},
        "endpoints": {"version": 3, "partitions": [_endpoints(its) for its in partitions["partitions"]]},
    }
    for service, operations in OPERATIONS.items():
        folder = f"{service}/{latest_version(service)}"
        data[f"{folder}/{MODEL}"] = without_texts(_with_operations(botocore_data(f"{folder}/{MODEL}"), operations))
        data[f"{folder}/{_RULES}"] = without_texts(botocore_data(f"{folder}/{_RULES}"))
        pagination = botocore_data(f"{folder}/{_PAGINATORS}")["pagination"]
        if paginated := {name: how for name, how in pagination.items() if name in operations}:
            data[f"{folder}/{_PAGINATORS}"] = {"pagination": paginated}
    return data


def _endpoints(partition: dict[str, Any]) -> dict[str, Any]:
    """What is said of a partition where botocore has the addresses of all services.

    Where a service is, its own rules say, and reading the addresses takes longer than all else here and in a start.
    """
    suffix, dual_stack = partition["outputs"]["dnsSuffix"], partition["outputs"]["dualStackDnsSuffix"]
    plain, fips = "{service}.{region}.{dnsSuffix}", "{service}-fips.{region}.{dnsSuffix}"
    variants = ((fips, suffix, ["fips"]), (fips, dual_stack, ["dualstack", "fips"]), (plain, dual_stack, ["dualstack"]))
    return {
        "partition": partition["id"],
        "partitionName": partition["id"],
        "dnsSuffix": suffix,
        "regionRegex": partition["regionRegex"],
        "defaults": {
            "hostname": plain,
            "protocols": ["https"],
            "signatureVersions": ["v4"],
            "variants": [{"hostname": host, "dnsSuffix": its, "tags": tags} for host, its, tags in variants],
        },
        "regions": {},
        "services": {},
    }


def _with_operations(model: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The model with some of its operations and the shapes that these need."""
    operations = {name: model["operations"][name] for name in names}
    needed: dict[str, Any] = {}
    todo = list(_shapes_in(operations))
    while todo:
        name = todo.pop()
        if name not in needed:
            needed[name] = model["shapes"][name]
            todo += _shapes_in(needed[name])
    return {**model, "operations": operations, "shapes": needed}


def _shapes_in(part: Any) -> Iterator[str]:
    """The names of the shapes that a part of a model refers to."""
    match part:
        case {"shape": str(name)}:
            yield name
        case dict():
            for item in part.values():
                yield from _shapes_in(item)
        case list():
            for item in part:
                yield from _shapes_in(item)
