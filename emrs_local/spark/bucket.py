"""The S3 calls that a file system needs, on one bucket."""

import errno
import functools
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from boto3.s3.transfer import TransferConfig
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import GetObjectRequestTypeDef

_CHUNK_BYTES: Final = 1024 * 1024
_DELETE_BATCH: Final = 1000  # the most keys that DeleteObjects takes


class Body(Protocol):
    """A stream of bytes that is open for reading."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most `size`; none at the end."""

    def close(self) -> None:
        """Release it."""


@dataclass(frozen=True, kw_only=True)
class StoredObject:
    """An object in S3; `size` in bytes, `modified` in milliseconds since 1970."""

    key: str
    size: int
    modified: int


@dataclass(frozen=True, kw_only=True)
class Content:
    """Bytes to read; `length` is how many."""

    length: int
    body: Body

    def save(self, file: Path) -> None:
        """Write all of it to a local file, and release it."""
        with closing(self.body) as body, file.open("wb") as copy:
            while chunk := body.read(_CHUNK_BYTES):
                copy.write(chunk)


class Bucket:
    """One bucket, with the credentials of `client`.

    What S3 refuses raises `PermissionError`, an object that is missing `FileNotFoundError`, anything else, such as a
    missing bucket, `OSError`, each with the `s3://` address and S3's own words.
    """

    def __init__(self, *, client: "S3Client", name: str) -> None:
        self._client = client
        self._name = name

    def uri(self, key: str) -> str:
        """The address of an object."""
        return f"s3://{self._name}/{key}"

    def head(self, key: str) -> StoredObject:
        """The object at `key`."""
        with self._translated_errors(key):
            answer = self._client.head_object(Bucket=self._name, Key=key)
        return StoredObject(key=key, size=answer["ContentLength"], modified=_milliseconds(answer["LastModified"]))

    def has_objects(self, prefix: str) -> bool:
        """Whether any key begins with `prefix`."""
        with self._translated_errors(prefix):
            return bool(self._client.list_objects_v2(Bucket=self._name, Prefix=prefix, MaxKeys=1)["KeyCount"])

    def objects(self, prefix: str) -> Iterator[StoredObject]:
        """Every object whose key begins with `prefix`."""
        return (entry for entry in self._list(prefix, delimiter="") if isinstance(entry, StoredObject))

    def children(self, prefix: str) -> Iterator[StoredObject | str]:
        """The objects directly below `prefix`, and the longer prefixes of those further below."""
        return self._list(prefix, delimiter="/")

    def get(self, key: str, *, offset: int = 0, length: int | None = None) -> Content:
        """The content of an object from `offset` bytes on, at most `length` bytes; the caller closes it."""
        request: GetObjectRequestTypeDef = {"Bucket": self._name, "Key": key}
        if offset or length is not None:
            request["Range"] = f"bytes={offset}-{'' if length is None else offset + length - 1}"
        with self._translated_errors(key):
            answer = self._client.get_object(**request)
        return Content(length=answer["ContentLength"], body=answer["Body"])

    def put(self, key: str, content: Path) -> None:
        """Write an object, in parts if it is large."""
        with content.open("rb") as body, self._translated_errors(key):
            self._client.upload_fileobj(body, self._name, key, Config=_upload())

    def mark(self, key: str) -> None:
        """Write an object without content."""
        with self._translated_errors(key):
            self._client.put_object(Bucket=self._name, Key=key)

    def copy(self, source: str, destination: str) -> None:
        """Copy an object within the bucket."""
        with self._translated_errors(destination):
            self._client.copy_object(
                Bucket=self._name, Key=destination, CopySource={"Bucket": self._name, "Key": source}
            )

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; those that are missing do not matter."""
        remaining = list(keys)
        while batch := remaining[:_DELETE_BATCH]:
            remaining = remaining[_DELETE_BATCH:]
            with self._translated_errors(batch[0]):
                if len(batch) == 1:
                    self._client.delete_object(Bucket=self._name, Key=batch[0])
                    continue
                answer = self._client.delete_objects(
                    Bucket=self._name, Delete={"Objects": [{"Key": key} for key in batch], "Quiet": True}
                )
            for error in answer.get("Errors", []):
                raise PermissionError(
                    errno.EACCES, f"{self.uri(error['Key'])}: {error['Code']}: {error.get('Message', '')}"
                )

    def _list(self, prefix: str, *, delimiter: str) -> Iterator[StoredObject | str]:
        with self._translated_errors(prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._name, Prefix=prefix, Delimiter=delimiter
            )
            for page in pages:
                for entry in page.get("Contents", []):
                    yield StoredObject(
                        key=entry["Key"],
                        size=entry["Size"],
                        modified=_milliseconds(entry["LastModified"]),
                    )
                for common in page.get("CommonPrefixes", []):
                    yield common["Prefix"]

    @contextmanager
    def _translated_errors(self, key: str) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            words = f"{self.uri(key)}: {error}"
            if error.response["Error"]["Code"] == "NoSuchBucket":
                # A missing file may be as it should be, a missing bucket is not.
                raise OSError(errno.EIO, words) from error
            match error.response["ResponseMetadata"]["HTTPStatusCode"]:
                case 403:
                    raise PermissionError(errno.EACCES, words) from error
                case 404:
                    raise FileNotFoundError(errno.ENOENT, words) from error
                case _:
                    raise OSError(errno.EIO, words) from error
        except BotoCoreError as error:
            raise OSError(errno.EIO, f"{self.uri(key)}: {error}") from error


def _milliseconds(modified: datetime) -> int:
    # In whole seconds, because headers say no more than that, while listings may.
    return int(modified.timestamp()) * 1000


@functools.cache
def _upload() -> "TransferConfig":
    from boto3.s3.transfer import TransferConfig  # noqa: PLC0415 - as in `s3_file_system`

    return TransferConfig(use_threads=False)
