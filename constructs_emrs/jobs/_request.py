"""How a job is written as a StartJobRun request, with the service's own member names."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aws_cdk import Stack

from ..applications.capacity import WorkerResources
from ..applications.configuration import Configuration
from ..validation.json_types import JsonObject, JsonValue, without_none
from ..validation.problems import Problems
from ..validation.units import gib, in_text
from ._spark_properties import Overhead
from .options import ExecutionIamPolicy, RetryPolicy

_DOT = re.compile(r"(?<!\\)\.")


@dataclass(frozen=True, kw_only=True)
class JobDriver:
    """What the engine is asked for.

    Args:
        members: The member `jobDriver`.
        configuration: Configuration by classification.
        arguments: Which argument set a property inside of a member, where that is not the member's.
    """

    members: JsonObject
    configuration: Sequence[Configuration]
    arguments: Mapping[str, str] = field(default_factory=dict)


def retry_policy_members(policy: RetryPolicy | None) -> dict[str, Any] | None:
    """How often a run is tried."""
    if policy is None:
        return None
    return without_none(
        {"maxAttempts": policy.max_attempts, "maxFailedAttemptsPerHour": policy.max_failed_attempts_per_hour}
    )


def execution_iam_policy_members(stack: Stack, policy: ExecutionIamPolicy | None) -> dict[str, Any] | None:
    """What a run may do at most."""
    if policy is None:
        return None
    arns = [managed.managed_policy_arn for managed in policy.managed_policies]
    document = None if policy.document is None else stack.to_json_string(policy.document)
    return without_none({"policy": document, "policyArns": arns or None})


def worker_properties(worker: str, resources: WorkerResources, overhead: Overhead | None) -> dict[str, str]:
    """The Spark properties of a worker, whose size has been checked.

    Args:
        worker: `driver` or `executor`.
        resources: Its size.
        overhead: The part of its memory that is not the heap. Default: Spark's default.
    """
    properties = {f"spark.{worker}.cores": in_text(resources.cpu)}
    if not resources.memory.is_unresolved():
        properties[f"spark.{worker}.memory"] = f"{(overhead or Overhead()).heap_of(resources)}m"
    if resources.disk is not None:
        properties[f"spark.emr-serverless.{worker}.disk"] = f"{gib(resources.disk)}g"
    if resources.disk_type is not None:
        properties[f"spark.emr-serverless.{worker}.disk.type"] = resources.disk_type.value.lower()
    return properties


def copied(value: Any) -> Any:
    """A copy of a request that keeps tokens, which `copy.deepcopy` would try to copy through jsii."""
    if isinstance(value, dict):
        return {name: copied(item) for name, item in value.items()}
    if isinstance(value, list):
        return [copied(item) for item in value]
    return value


def without_empty(value: Any) -> Any:
    """A copy of a request without the structures that have no members, except in lists.

    A run that was made before such an override can't have them, and jobs run with the same request however they start.
    """
    if not isinstance(value, dict):
        return value
    members = {name: without_empty(item) for name, item in value.items()}
    return {name: item for name, item in members.items() if item != {}}


def overridden(problems: Problems, request: dict[str, Any], path: str, value: JsonValue) -> dict[str, Any]:
    """A copy of a request with a member that has another value.

    Args:
        problems: Raises what is wrong with the path.
        request: The request.
        path: The names of members, separated by dots that have no backslash before them.
        value: The value, None to remove the member.

    Raises:
        ValueError: There is no such path.
    """
    if not isinstance(path, str) or not path.strip("."):
        problems.add("path", path, "a dotted path of members is expected", "use a string such as 'retryPolicy'")
    elif path.partition(".")[0] == "tags":
        problems.add("path", path, "tags are merged when the app is synthesised", "use Tags.of(job).add(…)")
    problems.raise_if_any()
    changed: dict[str, Any] = copied(request)
    *outer, last = [part.replace("\\.", ".") for part in _DOT.split(path)]
    place: Any = changed
    for part in outer:
        place = place[_index(problems, place, part, path)] if isinstance(place, list) else place.setdefault(part, {})
        if not isinstance(place, dict | list):
            problems.add("path", path, f"{part} has no members", "use a path of members")
            problems.raise_if_any()
    if isinstance(place, list):
        place[_index(problems, place, last, path)] = value
    elif value is None:
        place.pop(last, None)
    else:
        place[last] = value
    return changed


def _index(problems: Problems, items: Sequence[Any], part: str, path: str) -> int:
    if not part.isdigit() or int(part) >= len(items):
        problems.add("path", path, f"{part} is not a position in a list of {len(items)}", "use a number below that")
        problems.raise_if_any()
    return int(part)
