"""The custom resource of `aws_s3.Bucket(auto_delete_objects=True)`."""

from __future__ import annotations

from typing import Any

from emrs_local.cdk_resources.function_client import client_of_function
from emrs_local.endpoint import Endpoint

_TAG = "aws-cdk:auto-delete-objects"


class AutoDeleteObjects:
    """Empties the bucket before it is deleted, if its tag still says that it may."""

    TYPE_NAMES = ("Custom::S3AutoDeleteObjects",)

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def create(self, _logical_id: str, properties: dict[str, Any], _stack_name: str) -> tuple[str, dict[str, Any]]:
        """Nothing happens before the bucket is deleted."""
        return str(properties["BucketName"]), {}

    def update(
        self, _physical_id: str, _old: dict[str, Any], new: dict[str, Any], _stack_name: str
    ) -> tuple[str, dict[str, Any]]:
        """Nothing happens before the bucket is deleted."""
        return str(new["BucketName"]), {}

    def delete(self, physical_id: str, properties: dict[str, Any]) -> None:
        """Delete all objects of the bucket, in all versions."""
        with client_of_function(self._endpoint, properties, "s3") as s3:
            try:
                tags = s3.get_bucket_tagging(Bucket=physical_id)["TagSet"]
                if {"Key": _TAG, "Value": "true"} not in tags:
                    return
                for page in s3.get_paginator("list_object_versions").paginate(Bucket=physical_id):
                    for item in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                        s3.delete_object(Bucket=physical_id, Key=item["Key"], VersionId=item["VersionId"])
            except s3.exceptions.NoSuchBucket:
                return
