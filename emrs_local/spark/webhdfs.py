"""Hadoop's WebHDFS protocol, served from trees of objects.

The protocol: https://hadoop.apache.org/docs/r3.3.4/hadoop-project-dist/hadoop-hdfs/WebHDFS.html
"""

import errno
import json
import logging
import os
import socket
import string
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl, quote, unquote_to_bytes

from emrs_local.spark.object_tree import ObjectTree, Status

PATH_PREFIX: Final = "/webhdfs/v1/"

_BLOCK_SIZE: Final = 128 * 1024 * 1024  # bytes; Hadoop splits files by it
_CHUNK_SIZE: Final = 64 * 1024  # bytes
_USER: Final = "hadoop"  # whom EMR runs jobs as

_EXCEPTIONS: Final[Mapping[type[Exception], tuple[HTTPStatus, str]]] = {
    FileNotFoundError: (HTTPStatus.NOT_FOUND, "java.io.FileNotFoundException"),
    FileExistsError: (HTTPStatus.FORBIDDEN, "org.apache.hadoop.fs.FileAlreadyExistsException"),
    PermissionError: (HTTPStatus.FORBIDDEN, "org.apache.hadoop.security.AccessControlException"),
    NotImplementedError: (HTTPStatus.BAD_REQUEST, "java.lang.UnsupportedOperationException"),
    ValueError: (HTTPStatus.BAD_REQUEST, "java.lang.IllegalArgumentException"),
    OSError: (HTTPStatus.INTERNAL_SERVER_ERROR, "java.io.IOException"),
}

_logger = logging.getLogger(__name__)


class TreeLookup(Protocol):
    """Finds the tree that a request is about."""

    def __call__(self, *, token: str, bucket: str) -> ObjectTree:
        """The tree of `bucket`.

        Raises:
            PermissionError: If no mount has this `token`.
        """


@dataclass(frozen=True, kw_only=True)
class _Request:
    tree: ObjectTree
    root: str
    path: str
    parameters: Mapping[str, str]

    def flag(self, name: str) -> bool:
        return self.parameters.get(name) == "true"

    def number(self, name: str) -> int | None:
        return int(self.parameters[name]) if name in self.parameters else None

    def destination(self) -> str:
        destination = self.parameters.get("destination", "")
        if not f"{destination}/".startswith(self.root):
            raise OSError(errno.EXDEV, "S3 objects are not moved between buckets")
        return destination.removeprefix(self.root)


class WebHdfsServer(ThreadingHTTPServer):
    """Serves `/webhdfs/v1/TOKEN/BUCKET/KEY` on a free port of the loopback interface.

    Args:
        find_tree: Finds the tree of a token and a bucket.
        spool: The directory for files that are being written.
    """

    request_queue_size = 128  # each of Spark's tasks may come at once

    def __init__(self, *, find_tree: TreeLookup, spool: Path) -> None:
        self.find_tree = find_tree
        self.spool = spool
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection: clients keep them open."""
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection."""
        self._connections.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """End what is being served."""
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        super().server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the signature is inherited
        """Log what is wrong here; clients may leave when they want."""
        error = sys.exception()
        if not isinstance(error, ConnectionError):
            _logger.error("WebHDFS request failed", exc_info=error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and a short body leave as one packet

    server: WebHdfsServer

    def do_GET(self) -> None:
        self._respond()

    def do_PUT(self) -> None:
        self._respond()

    def do_POST(self) -> None:
        self._respond()

    def do_DELETE(self) -> None:
        self._respond()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is inherited
        """Say nothing: the address of a request holds its token."""

    def _respond(self) -> None:
        descriptor, name = tempfile.mkstemp(dir=self.server.spool)
        content = Path(name)
        try:
            # What is sent is read in any case: the client reads no answer before it has sent all.
            with os.fdopen(descriptor, "wb") as spool:
                for chunk in self._body():
                    spool.write(chunk)
            self._execute(content)
        except ConnectionError:
            raise
        except tuple(_EXCEPTIONS) as error:
            self._send_error(error)
        finally:
            content.unlink(missing_ok=True)

    def _execute(self, content: Path) -> None:
        target, _, query = self.path.encode("latin-1").partition(b"?")
        path = unquote_to_bytes(target).decode().removeprefix(PATH_PREFIX)
        parameters = dict(parse_qsl(query.decode(), keep_blank_values=True))
        operation = parameters.get("op", "").upper()
        if operation == "GETHOMEDIRECTORY":  # asked of the server, not of a mount
            self._send_json({"Path": f"/user/{_USER}"})
            return
        token, _, rest = path.partition("/")
        bucket, _, key = rest.partition("/")
        request = _Request(
            tree=self.server.find_tree(token=token, bucket=bucket),
            root=f"/{token}/{bucket}/",
            path=key.strip("/"),
            parameters=parameters,
        )
        match operation:
            case "OPEN" if "step" in parameters:
                self._send_content(request)
            case "OPEN":
                self._redirect()
            case "CREATE" if "step" in parameters:
                request.tree.create(request.path, content)
                self._send(HTTPStatus.CREATED)
            case "CREATE":
                if not request.flag("overwrite"):
                    request.tree.require_absence(request.path)
                self._redirect()
            case _:
                if not (execute := _OPERATIONS.get((self.command, operation))):
                    raise NotImplementedError(f"S3 has no {self.command} {operation}")
                self._send_json(execute(request))

    def _redirect(self) -> None:
        # Where HDFS names a data node: the client takes or sends the content only there.
        here = quote(self.path.encode("latin-1"), safe=string.punctuation)
        location = f"http://127.0.0.1:{self.server.server_port}{here}&step=content"
        self._send(HTTPStatus.TEMPORARY_REDIRECT, {"Location": location})

    def _body(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            yield from self._read_exactly(int(self.headers.get("Content-Length", 0)))
            return
        while size := int(self._read_line().partition(b";")[0], 16):
            yield from self._read_exactly(size)
            self._read_line()
        while self._read_line().strip():
            pass

    def _read_line(self) -> bytes:
        if line := self.rfile.readline():
            return line
        raise ConnectionAbortedError("the client left before it had sent everything")

    def _read_exactly(self, size: int) -> Iterator[bytes]:
        while size:
            if not (chunk := self.rfile.read(min(size, _CHUNK_SIZE))):
                raise ConnectionAbortedError("the client left before it had sent everything")
            size -= len(chunk)
            yield chunk

    def _send_content(self, request: _Request) -> None:
        content = request.tree.open(request.path, offset=request.number("offset") or 0, length=request.number("length"))
        with closing(content.body):
            self._send_headers(HTTPStatus.OK, {"Content-Type": "application/octet-stream"}, length=content.length)
            remaining = content.length
            while remaining:
                chunk = content.body.read(min(remaining, _CHUNK_SIZE))
                if not chunk:
                    raise ConnectionAbortedError("the content ended early")
                self.wfile.write(chunk)
                remaining -= len(chunk)

    def _send_error(self, error: Exception) -> None:
        status, java_class = next(answer for kind, answer in _EXCEPTIONS.items() if isinstance(error, kind))
        message = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        exception = {
            "exception": java_class.rpartition(".")[2],
            "javaClassName": java_class,
            "message": message,
        }
        self._send_json({"RemoteException": exception}, status=status)

    def _send_json(self, answer: Mapping[str, Any] | None, *, status: HTTPStatus = HTTPStatus.OK) -> None:
        body = b"" if answer is None else json.dumps(answer).encode()
        self._send(status, {"Content-Type": "application/json"}, body)

    def _send(self, status: HTTPStatus, headers: Mapping[str, str] | None = None, body: bytes = b"") -> None:
        self._send_headers(status, headers or {}, length=len(body))
        self.wfile.write(body)

    def _send_headers(self, status: HTTPStatus, headers: Mapping[str, str], *, length: int) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()


def _file_status(status: Status, *, suffix: str) -> Mapping[str, Any]:
    return {
        "accessTime": 0,
        "blockSize": 0 if status.is_directory else _BLOCK_SIZE,
        "childrenNum": 0,
        "fileId": 0,
        "group": _USER,
        "length": status.length,
        "modificationTime": status.modified,
        "owner": _USER,
        "pathSuffix": suffix,
        "permission": "777" if status.is_directory else "666",
        "replication": 0 if status.is_directory else 1,
        "storagePolicy": 0,
        "type": "DIRECTORY" if status.is_directory else "FILE",
    }


def _get_file_status(request: _Request) -> Mapping[str, Any]:
    return {"FileStatus": _file_status(request.tree.status(request.path), suffix="")}


def _list_status(request: _Request) -> Mapping[str, Any]:
    statuses = [
        _file_status(status, suffix=_suffix(status.path.removeprefix(request.path).strip("/")))
        for status in request.tree.children(request.path)
    ]
    return {"FileStatuses": {"FileStatus": statuses}}


def _suffix(name: str) -> str:
    # Hadoop takes what is before a colon for a scheme, unless there is a slash before it.
    return f"./{name}" if ":" in name else name


def _list_status_batch(request: _Request) -> Mapping[str, Any]:
    return {"DirectoryListing": {"partialListing": _list_status(request), "remainingEntries": 0}}


def _get_content_summary(request: _Request) -> Mapping[str, Any]:
    summary = request.tree.summary(request.path)
    return {
        "ContentSummary": {
            "directoryCount": summary.directories,
            "fileCount": summary.files,
            "length": summary.length,
            "quota": -1,
            "spaceConsumed": summary.length,
            "spaceQuota": -1,
        }
    }


def _get_block_locations(request: _Request) -> Mapping[str, Any]:
    # S3 has no blocks, but Hadoop splits no file without: it gets a single one, on no machine in particular.
    length = (request.number("offset") or 0) + (request.number("length") or 0)
    block = {
        "block": {"blockId": 0, "blockPoolId": "", "generationStamp": 0, "numBytes": length},
        "cachedLocations": [],
        "isCorrupt": False,
        "locations": [],
        "startOffset": 0,
        "storageTypes": [],
    }
    return {
        "LocatedBlocks": {
            "fileLength": length,
            "isLastBlockComplete": True,
            "isUnderConstruction": False,
            "lastLocatedBlock": block,
            "locatedBlocks": [block],
        }
    }


def _get_server_defaults(_: _Request) -> Mapping[str, Any]:
    return {
        "FsServerDefaults": {
            "blockSize": _BLOCK_SIZE,
            "bytesPerChecksum": 512,
            "checksumType": 2,
            "defaultStoragePolicyId": 0,
            "encryptDataTransfer": False,
            "fileBufferSize": _CHUNK_SIZE,
            "keyProviderUri": "",
            "replication": 1,
            "trashInterval": 0,
            "writePacketSize": _CHUNK_SIZE,
        }
    }


def _check_access(request: _Request) -> None:
    request.tree.status(request.path)


def _make_directories(request: _Request) -> Mapping[str, Any]:
    request.tree.make_directory(request.path)
    return {"boolean": True}


def _rename(request: _Request) -> Mapping[str, Any] | None:
    destination = request.destination()
    if "renameoptions" not in request.parameters:
        return {"boolean": request.tree.rename(request.path, destination)}
    overwrite = "OVERWRITE" in request.parameters["renameoptions"].split(",")
    request.tree.replace(request.path, destination, overwrite=overwrite)
    return None


def _delete(request: _Request) -> Mapping[str, Any]:
    return {"boolean": request.tree.delete(request.path, recursive=request.flag("recursive"))}


def _accept(_: _Request) -> None:
    """S3 objects have no owner, permissions or times that a client sets."""


def _accept_replication(_: _Request) -> Mapping[str, Any]:
    return {"boolean": True}


_OPERATIONS: Final[Mapping[tuple[str, str], Callable[[_Request], Mapping[str, Any] | None]]] = {
    ("GET", "CHECKACCESS"): _check_access,
    ("GET", "GETCONTENTSUMMARY"): _get_content_summary,
    ("GET", "GET_BLOCK_LOCATIONS"): _get_block_locations,
    ("GET", "GETFILESTATUS"): _get_file_status,
    ("GET", "GETSERVERDEFAULTS"): _get_server_defaults,
    ("GET", "LISTSTATUS"): _list_status,
    ("GET", "LISTSTATUS_BATCH"): _list_status_batch,
    ("PUT", "MKDIRS"): _make_directories,
    ("PUT", "RENAME"): _rename,
    ("PUT", "SETOWNER"): _accept,
    ("PUT", "SETPERMISSION"): _accept,
    ("PUT", "SETREPLICATION"): _accept_replication,
    ("PUT", "SETTIMES"): _accept,
    ("DELETE", "DELETE"): _delete,
}
