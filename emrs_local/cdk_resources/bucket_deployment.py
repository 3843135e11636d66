"""The custom resource of `aws_s3_deployment.BucketDeployment`."""

from __future__ import annotations

import fnmatch
import io
import zipfile
from typing import Any
from uuid import uuid4

from emrs_local.cdk_resources.function_client import client_of_function
from emrs_local.endpoint import Endpoint

# Not done here; whoever uses one is told, rather than finding out that it had no effect.
_UNSUPPORTED = ("DistributionId", "UserMetadata", "SystemMetadata", "SignContent", "OutputObjectVersionIds")


class BucketDeployment:
    """Unpacks archives of the CDK's asset bucket into a bucket."""

    TYPE_NAMES = ("Custom::CDKBucketDeployment",)

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def create(self, _logical_id: str, properties: dict[str, Any], _stack_name: str) -> tuple[str, dict[str, Any]]:
        """Deploy the files."""
        with client_of_function(self._endpoint, properties, "s3") as s3:
            _deploy(s3, properties)
        return f"aws.cdk.s3deployment.{uuid4()}", _attributes(properties)

    def update(
        self, physical_id: str, old: dict[str, Any], new: dict[str, Any], _stack_name: str
    ) -> tuple[str, dict[str, Any]]:
        """Deploy the files; where they were before they are deleted if they are not to be retained."""
        with client_of_function(self._endpoint, new, "s3") as s3:
            if not _is(new, "RetainOnDelete", default=True) and _destination(old) != _destination(new):
                _delete_all(s3, old)
            _deploy(s3, new)
        return physical_id, _attributes(new)

    def delete(self, _physical_id: str, properties: dict[str, Any]) -> None:
        """Delete the files if they are not to be retained."""
        if not _is(properties, "RetainOnDelete", default=True):
            with client_of_function(self._endpoint, properties, "s3") as s3:
                _delete_all(s3, properties)


def _deploy(s3: Any, properties: dict[str, Any]) -> None:
    unsupported = [name for name in _UNSUPPORTED if properties.get(name) not in {None, "false", False}]
    if unsupported:
        raise ValueError(f"the local AWS deploys files to buckets without {', '.join(unsupported)}")
    bucket, prefix = _destination(properties)
    deployed = set()
    for name, content in _files(s3, properties).items():
        if _chosen(name, properties):
            s3.put_object(Bucket=bucket, Key=prefix + name, Body=content)
            deployed.add(prefix + name)
    if _is(properties, "Prune", default=True):
        stale = [key for key in _keys(s3, bucket, prefix) if key not in deployed]
        _delete(s3, bucket, [key for key in stale if _chosen(key.removeprefix(prefix), properties)])


def _files(s3: Any, properties: dict[str, Any]) -> dict[str, bytes]:
    """Name and content of each file, those of later sources over those of earlier ones."""
    files: dict[str, bytes] = {}
    sources = list(zip(properties["SourceBucketNames"], properties["SourceObjectKeys"], strict=True))
    markers = properties.get("SourceMarkers", [{}] * len(sources))
    for (bucket, key), replacements in zip(sources, markers, strict=True):
        content: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        if not _is(properties, "Extract", default=True):
            files[key.rsplit("/", 1)[-1]] = content
            continue
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for item in archive.infolist():
                if not item.is_dir():
                    files[item.filename] = _replaced(archive.read(item), replacements)
    return files


def _replaced(content: bytes, markers: dict[str, str]) -> bytes:
    for marker, value in markers.items():
        content = content.replace(marker.encode(), value.encode())
    return content


def _chosen(name: str, properties: dict[str, Any]) -> bool:
    """Whether `Exclude` and then `Include` leave the file in."""
    excluded = any(fnmatch.fnmatchcase(name, pattern) for pattern in properties.get("Exclude", []))
    included = any(fnmatch.fnmatchcase(name, pattern) for pattern in properties.get("Include", []))
    return included or not excluded


def _delete_all(s3: Any, properties: dict[str, Any]) -> None:
    bucket, prefix = _destination(properties)
    _delete(s3, bucket, _keys(s3, bucket, prefix))


def _keys(s3: Any, bucket: str, prefix: str) -> list[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [item["Key"] for page in pages for item in page.get("Contents", [])]


def _delete(s3: Any, bucket: str, keys: list[str]) -> None:
    for key in keys:
        s3.delete_object(Bucket=bucket, Key=key)


def _destination(properties: dict[str, Any]) -> tuple[str, str]:
    """Bucket and prefix; a prefix that is not empty ends with a slash."""
    prefix = properties.get("DestinationBucketKeyPrefix", "").strip("/")
    return properties["DestinationBucketName"], f"{prefix}/" if prefix else ""


def _attributes(properties: dict[str, Any]) -> dict[str, Any]:
    keys = properties["SourceObjectKeys"] if _is(properties, "OutputObjectKeys", default=True) else []
    return {"DestinationBucketArn": properties.get("DestinationBucketArn", ""), "SourceObjectKeys": keys}


def _is(properties: dict[str, Any], name: str, *, default: bool) -> bool:
    return str(properties.get(name, default)).lower() == "true"
