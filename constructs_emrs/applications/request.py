"""How an application, and what jobs share with it, is written in requests: with the service's own member names."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Size

from ..monitoring.members import arguments_of_monitoring
from ..validation.json_types import JsonObject, without_none
from ..validation.model import argument_of
from ..validation.units import gib, in_text
from .capacity import MaximumCapacity, WorkerResources
from .configuration import Configuration
from .settings import Image


def configurations(items: Sequence[Configuration]) -> list[JsonObject]:
    """Configuration by classification."""
    return [
        without_none(
            {
                "classification": item.classification,
                "properties": None if item.properties is None else dict(item.properties),
                "configurations": configurations(item.configurations) or None,
            }
        )
        for item in items
    ]


def worker_configuration(resources: WorkerResources) -> dict[str, str]:
    """The size of a worker."""
    return without_none(
        {
            "cpu": f"{in_text(resources.cpu)} vCPU",
            "memory": _gigabytes(resources.memory),
            "disk": resources.disk and _gigabytes(resources.disk),
            "diskType": resources.disk_type and resources.disk_type.value,
        }
    )


def maximum_capacity_configuration(capacity: MaximumCapacity | None) -> dict[str, str] | None:
    """What all workers may have together."""
    if capacity is None:
        return None
    return without_none(
        {
            "cpu": f"{in_text(capacity.cpu)} vCPU",
            "memory": _gigabytes(capacity.memory),
            "disk": capacity.disk and _gigabytes(capacity.disk),
        }
    )


def image_configuration(image: Image | None) -> dict[str, str] | None:
    """A custom image."""
    if image is None:
        return None
    if image.digest is not None:
        return {"imageUri": image.repository.repository_uri_for_digest(image.digest)}
    return {"imageUri": image.repository.repository_uri_for_tag(image.tag or "latest")}


# Where the argument's name is not the member's in snake case.
_ARGUMENTS = {
    "name": "application_name",
    "type": "application_type",
    "autoStopConfiguration.idleTimeoutMinutes": "auto_stop_after",
    "releaseLabel": "release_label",
    "initialCapacity": "initial_capacity",
    "maximumCapacity": "maximum_capacity",
    "imageConfiguration": "image",
    "workerTypeSpecifications": "worker_images",
    "networkConfiguration.subnetIds": "vpc_subnets",
    "networkConfiguration.securityGroupIds": "security_groups",
    "identityCenterConfiguration.identityCenterInstanceArn": "identity_center.instance_arn",
    "runtimeConfiguration": "runtime_configuration",
    **arguments_of_monitoring("monitoringConfiguration"),
}


def argument_of_member(member: str) -> str:
    """The argument of an application that sets the member of CreateApplication."""
    return argument_of(member, _ARGUMENTS)


def l1_properties(request: dict[str, Any]) -> dict[str, Any]:
    """The properties of the L1 construct, which has lists of keys and values where the API has some maps."""
    properties = {_snake_case(member): value for member, value in request.items()}
    if "initial_capacity" in properties:
        properties["initial_capacity"] = _entries(properties["initial_capacity"])
    cloudwatch_logs = properties.get("monitoring_configuration", {}).get("cloudWatchLoggingConfiguration", {})
    if "logTypes" in cloudwatch_logs:
        cloudwatch_logs["logTypeMap"] = _entries(cloudwatch_logs.pop("logTypes"))
    return properties


def _entries(mapping: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": value} for key, value in mapping.items()]


def _snake_case(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def _gigabytes(size: Size) -> str:
    return f"{gib(size)} GB"
