"""The S3 calls that a file system needs, on one bucket.

They are a dozen, and made as they are: a client of boto3's takes longer to make than all that a small job has to ask.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from http.client import responses
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import quote, unquote
from xml.etree.ElementTree import Element, fromstring
from xml.sax.saxutils import escape

from botocore.exceptions import BotoCoreError, ClientError

from emrs_local.endpoint import Connection

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse

_CHUNK_BYTES: Final = 1024 * 1024
_DELETE_BATCH: Final = 1000  # the most keys that DeleteObjects takes
_PART_BYTES: Final = 8 * 1024 * 1024  # what is larger is written in parts, as boto3 does
_REFUSED: Final = 300  # the least status of an answer that is none of what was asked for
_BUCKET_REGION: Final = "x-amz-bucket-region"
_ELSEWHERE: Final = 301  # the bucket is in another region
# After they have begun to answer that all is well, they may still say that it is not.
_LATE_ERRORS: Final = ("CompleteMultipartUpload", "CopyObject")


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
    """One bucket, with the credentials of `connection`.

    What S3 refuses raises `PermissionError`, an object that is missing `FileNotFoundError`, anything else, such as a
    missing bucket, `OSError`, each with the `s3://` address and S3's own words.
    """

    def __init__(self, *, connection: Connection, name: str) -> None:
        self._connection = connection
        self._name = name
        self._region: str | None = None

    def uri(self, key: str) -> str:
        """The address of an object."""
        return f"s3://{self._name}/{key}"

    def head(self, key: str) -> StoredObject:
        """The object at `key`."""
        headers = self._call("HeadObject", "HEAD", key).headers
        modified = parsedate_to_datetime(headers["Last-Modified"])
        return StoredObject(key=key, size=int(headers["Content-Length"]), modified=_milliseconds(modified))

    def has_objects(self, prefix: str) -> bool:
        """Whether any key begins with `prefix`."""
        page = self._page(prefix, {"max-keys": "1"})
        return page.findtext("{*}KeyCount") != "0"

    def objects(self, prefix: str) -> Iterator[StoredObject]:
        """Every object whose key begins with `prefix`."""
        return (entry for entry in self._list(prefix, delimiter="") if isinstance(entry, StoredObject))

    def children(self, prefix: str) -> Iterator[StoredObject | str]:
        """The objects directly below `prefix`, and the longer prefixes of those further below."""
        return self._list(prefix, delimiter="/")

    def get(self, key: str, *, offset: int = 0, length: int | None = None) -> Content:
        """The content of an object from `offset` bytes on, at most `length` bytes; the caller closes it."""
        headers = {}
        if offset or length is not None:
            headers["Range"] = f"bytes={offset}-{'' if length is None else offset + length - 1}"
        answer = self._call("GetObject", "GET", key, headers=headers, stream=True)
        return Content(length=int(answer.headers["Content-Length"]), body=answer.raw)

    def put(self, key: str, content: Path) -> None:
        """Write an object, in parts if it is large."""
        with content.open("rb") as body:
            first = body.read(_PART_BYTES)
            if len(first) < _PART_BYTES:
                self._call("PutObject", "PUT", key, headers=_checksum(first), body=first)
                return
            begun = self._call("CreateMultipartUpload", "POST", key, query={"uploads": ""})
            upload = _document(begun).findtext("{*}UploadId") or ""
            try:
                parts = chain([first], iter(lambda: body.read(_PART_BYTES), b""))
                self._complete(key, upload, [self._put_part(key, upload, *part) for part in enumerate(parts, start=1)])
            except OSError:
                self._call("AbortMultipartUpload", "DELETE", key, query={"uploadId": upload})
                raise

    def mark(self, key: str) -> None:
        """Write an object without content."""
        self._call("PutObject", "PUT", key, headers=_checksum(b""))

    def copy(self, source: str, destination: str) -> None:
        """Copy an object within the bucket."""
        headers = {"x-amz-copy-source": quote(f"{self._name}/{source}", safe="/~")}
        self._call("CopyObject", "PUT", destination, headers=headers)

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; those that are missing do not matter."""
        remaining = list(keys)
        while batch := remaining[:_DELETE_BATCH]:
            remaining = remaining[_DELETE_BATCH:]
            if len(batch) == 1:
                self._call("DeleteObject", "DELETE", batch[0])
                continue
            named = "".join(f"<Object><Key>{_escaped(key)}</Key></Object>" for key in batch)
            body = f"<Delete><Quiet>true</Quiet>{named}</Delete>".encode()
            headers = {"Content-MD5": base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()}
            answer = self._call(
                "DeleteObjects", "POST", query={"delete": ""}, headers=headers, body=body, words=batch[0]
            )
            for error in _document(answer).iterfind("{*}Error"):
                code, message = error.findtext("{*}Code"), error.findtext("{*}Message") or ""
                raise PermissionError(errno.EACCES, f"{self.uri(error.findtext('{*}Key') or '')}: {code}: {message}")

    def _put_part(self, key: str, upload: str, number: int, part: bytes) -> str:
        query = {"partNumber": str(number), "uploadId": upload}
        return str(self._call("UploadPart", "PUT", key, query=query, body=part).headers["ETag"])

    def _complete(self, key: str, upload: str, tags: Iterable[str]) -> None:
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{_escaped(tag)}</ETag></Part>"
            for number, tag in enumerate(tags, start=1)
        )
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        self._call("CompleteMultipartUpload", "POST", key, query={"uploadId": upload}, body=body)

    def _list(self, prefix: str, *, delimiter: str) -> Iterator[StoredObject | str]:
        query = {"delimiter": delimiter} if delimiter else {}
        while True:
            page = self._page(prefix, query)
            for entry in page.iterfind("{*}Contents"):
                modified = datetime.fromisoformat(entry.findtext("{*}LastModified") or "")
                yield StoredObject(
                    key=unquote(entry.findtext("{*}Key") or ""),
                    size=int(entry.findtext("{*}Size") or 0),
                    modified=_milliseconds(modified),
                )
            for common in page.iterfind("{*}CommonPrefixes"):
                yield unquote(common.findtext("{*}Prefix") or "")
            if page.findtext("{*}IsTruncated") != "true":
                return
            query["continuation-token"] = page.findtext("{*}NextContinuationToken") or ""

    def _page(self, prefix: str, query: Mapping[str, str]) -> Element:
        asked = {"list-type": "2", "prefix": prefix, "encoding-type": "url", **query}
        return _document(self._call("ListObjectsV2", "GET", query=asked, words=prefix))

    def _call(
        self,
        operation: str,
        method: str,
        key: str = "",
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        stream: bool = False,
        words: str | None = None,
    ) -> AWSResponse:
        path = f"/{self._name}/{quote(key, safe='/~')}" if key else f"/{self._name}"
        with self._translated_errors(key if words is None else words):
            while True:
                answer = self._connection.exchange(
                    "s3", method, path, query=query, headers=headers, body=body, stream=stream, region=self._region
                )
                home = answer.headers.get(_BUCKET_REGION)
                if answer.status_code != _ELSEWHERE or home is None or home == self._region:
                    break
                answer.content  # noqa: B018 - is read, so that the connection can be used again
                self._region = home
            if answer.status_code >= _REFUSED or (operation in _LATE_ERRORS and b"<Error>" in answer.content):
                raise _refusal(answer, operation)
            return answer

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


def _refusal(answer: AWSResponse, operation: str) -> ClientError:
    """The error that an SDK raises; an answer to HEAD has no content."""
    status = answer.status_code
    code, message = str(status), responses.get(status, "Unknown")
    if answer.content:
        document = _document(answer)
        code, message = document.findtext("{*}Code") or code, document.findtext("{*}Message") or ""
    return ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item] # it has no more
        operation,
    )


def _document(answer: AWSResponse) -> Element:
    return fromstring(answer.content)  # noqa: S314 - the local AWS's own


def _checksum(body: bytes) -> dict[str, str]:
    return {"x-amz-checksum-crc32": base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()}


def _escaped(text: str) -> str:
    return escape(text, {"\r": "&#xD;", "\n": "&#xA;"})


def _milliseconds(modified: datetime) -> int:
    # In whole seconds, because headers say no more than that, while listings may.
    return int(modified.timestamp()) * 1000
