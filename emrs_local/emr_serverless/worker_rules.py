"""Which workers an application may have: their kinds, their sizes, and how much of them.

Sources: User Guide, "Understanding application behavior" (sizes, maximum capacity), "Configuring an application"
(initial capacity), "Shuffle-optimized disks".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emrs_local.emr_serverless import releases
from emrs_local.emr_serverless.errors import ValidationException

# vCPUs: the GB of memory that go with them.
_MEMORY: dict[int, range | tuple[int, ...]] = {
    1: range(2, 8 + 1),
    2: range(4, 16 + 1),
    4: range(8, 30 + 1),
    8: range(16, 60 + 1, 4),
    16: range(32, 120 + 1, 8),
    32: (60, 120, 244),
}
_SMALLEST_DISK = 20
_LARGEST_DISK = {"STANDARD": 200, "SHUFFLE_OPTIMIZED": 2000}
# AWS's pages write the kinds in several ways: DRIVER, Driver, HIVE_DRIVER, TezTask.
_KINDS = {"Spark": {"DRIVER", "EXECUTOR"}, "Hive": {"DRIVER", "HIVEDRIVER", "TEZTASK"}}
_RESOURCES = ("cpu", "memory", "disk")


def require_valid_workers(members: Mapping[str, Any], *, engine: str) -> None:
    """Refuse an application with workers that do not exist, or with more of them than its own limit.

    Args:
        members: The members of the application.
        engine: `Spark` or `Hive`.

    Raises:
        ValidationException: Naming the member.
    """
    initial = members.get("initialCapacity", {})
    for member in ("initialCapacity", "workerTypeSpecifications"):
        for kind in members.get(member, {}):
            if kind.upper().replace("_", "") not in _KINDS[engine]:
                raise ValidationException(f"Worker type {kind} in {member} is not supported for {engine} applications")
    used = dict.fromkeys(_RESOURCES, 0)
    for kind, capacity in initial.items():
        worker = capacity.get("workerConfiguration")
        if worker is None:
            continue  # the size that the service chooses then is not documented
        _require_supported_size(kind, worker, label=members["releaseLabel"])
        for resource in _RESOURCES:
            used[resource] += _number(worker.get(resource, "0")) * capacity["workerCount"]
    maximum = members.get("maximumCapacity", {})
    for resource in _RESOURCES:
        if resource in maximum and used[resource] > _number(maximum[resource]):
            raise ValidationException(
                f"The initial capacity needs more {resource} than the maximum capacity of {maximum[resource]}"
            )


def _require_supported_size(kind: str, worker: Mapping[str, str], *, label: str) -> None:
    cpu, memory = _number(worker["cpu"]), _number(worker["memory"])
    if memory not in _MEMORY.get(cpu, ()):
        raise ValidationException(
            f"Worker configuration of {kind} is not supported: cpu {worker['cpu']}, memory {worker['memory']}"
        )
    disk_type = worker.get("diskType", "STANDARD").upper()
    if disk_type == "SHUFFLE_OPTIMIZED" and not releases.has(label, releases.SHUFFLE_OPTIMIZED_DISKS):
        raise ValidationException(
            f"Disk type {disk_type} needs release {releases.named(releases.SHUFFLE_OPTIMIZED_DISKS)} or higher"
        )
    if "disk" in worker and not _SMALLEST_DISK <= _number(worker["disk"]) <= _LARGEST_DISK[disk_type]:
        raise ValidationException(
            f"Worker configuration of {kind} is not supported: a disk of type {disk_type} has "
            f"{_SMALLEST_DISK} to {_LARGEST_DISK[disk_type]} GB, not {worker['disk']}"
        )


def _number(size: str) -> int:
    """The number in `4 vCPU`, `16 GB` or `16`; the model has checked the rest."""
    return int("".join(character for character in size if character.isdigit()))
