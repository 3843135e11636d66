"""The buckets of S3."""

from __future__ import annotations

from typing import Any


def bucket_names() -> list[str]:
    """The buckets of the current scope's account."""
    from ministack.services import s3

    return sorted(s3._buckets.keys())


def keep_the_tags_of_buckets() -> None:
    """Give a bucket the tags of its template, which ministack 1.5.33 forgets."""
    from ministack.services import s3
    from ministack.services.cloudformation import provisioners

    handlers = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]
    create, update = handlers["create"], handlers["update"]

    def tag(bucket: str, properties: dict[str, Any]) -> None:
        s3._bucket_tags[bucket] = {item["Key"]: item["Value"] for item in properties.get("Tags", [])}

    def create_tagged(logical_id: str, properties: dict[str, Any], stack_name: str) -> Any:
        created = create(logical_id, properties, stack_name)
        tag(created[0], properties)
        return created

    def update_tagged(physical_id: str, old: dict[str, Any], new: dict[str, Any], *rest: Any) -> Any:
        updated = update(physical_id, old, new, *rest)
        tag(updated[0], new)
        return updated

    handlers["create"], handlers["update"] = create_tagged, update_tagged
