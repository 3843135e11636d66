"""The local S3 as a Hadoop file system, without `hadoop-aws`.

Spark's own WebHDFS client, under Hadoop's view file system, talks to a small server here, which makes the S3 calls with
the credentials of one mount. So an unmodified `s3://` path works, and IAM is evaluated by S3 on each call.
"""

import hmac
import re
import secrets
import threading
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from emrs_local.endpoint import Connection, Credentials, Endpoint
from emrs_local.spark.bucket import Bucket
from emrs_local.spark.object_tree import ObjectTree
from emrs_local.spark.webhdfs import WebHdfsServer

_SCHEMES: Final = ("s3", "s3a", "s3n")
_VIEW_FILE_SYSTEM: Final = "org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme"
_WEBHDFS_FILE_SYSTEM: Final = "org.apache.hadoop.hdfs.web.WebHdfsFileSystem"
_NO_SUCH_BUCKET: Final = "NoSuchBucket (the bucket does not exist, or did not when the job run started)"
_CONNECTIONS: Final = 32
_TOKEN: Final = re.compile(r"[0-9a-f]{64}")
_OUTSIDE: Final = "the path leaves its bucket with '..': S3 has nothing above a bucket"


class S3FileSystem:
    """Serves the buckets of an S3 endpoint to Hadoop.

    Args:
        endpoint: Where S3 answers.
        region: The region that requests are signed for.
    """

    def __init__(self, *, endpoint: Endpoint, region: str) -> None:
        self._endpoint = endpoint
        self._region = region
        self._mounts: dict[str, tuple[Mount, str]] = {}
        self._spool: TemporaryDirectory[str] | None = None
        self._server: WebHdfsServer | None = None

    def start(self) -> None:
        """Start serving on a free port of the loopback interface."""
        self._spool = TemporaryDirectory(prefix="emrs-local-s3-")
        self._server = WebHdfsServer(find_tree=self._find_tree, spool=Path(self._spool.name))
        threading.Thread(target=self._server.serve_forever, name="s3-file-system", daemon=True).start()

    def stop(self) -> None:
        """Stop serving; what was not committed is gone."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
        if self._spool:
            self._spool.cleanup()

    def mount(self, credentials: Credentials) -> "Mount":
        """Make S3 accessible with these credentials, to whoever is given the mount's properties."""
        if not self._server:
            raise RuntimeError("the file system is not started")
        connection = Connection(self._endpoint, region=self._region, credentials=credentials, connections=_CONNECTIONS)
        return Mount(connection=connection, port=self._server.server_port, mounts=self._mounts)

    def _find_tree(self, *, token: str, bucket: str) -> ObjectTree:
        for mounted, (mount, own_bucket) in list(self._mounts.items()):
            if secrets.compare_digest(mounted.encode(), token.encode()):
                if bucket != own_bucket:
                    raise ValueError(_OUTSIDE)
                return mount.tree(bucket)
        if not _TOKEN.fullmatch(token):
            raise ValueError(_OUTSIDE)
        raise PermissionError("no job run has mounted this file system")


class Mount:
    """S3 as one attempt of a job run sees it."""

    def __init__(self, *, connection: Connection, port: int, mounts: dict[str, tuple["Mount", str]]) -> None:
        self._connection = connection
        self._port = port
        self._secret = secrets.token_bytes()
        self._trees: dict[str, ObjectTree] = {}
        self._mounts = mounts

    def hadoop_properties(self, buckets: Iterable[str]) -> dict[str, str]:
        """The Hadoop configuration under which `s3://`, `s3a://` and `s3n://` paths are in these buckets.

        They are a secret of the attempt: they give access to all that its credentials give access to.
        """
        properties = {f"fs.{scheme}.impl": _VIEW_FILE_SYSTEM for scheme in _SCHEMES}
        # Of a bucket that is not mounted, Hadoop says no more than that it did not find this class.
        properties |= {f"fs.viewfs.overload.scheme.target.{scheme}.impl": _NO_SUCH_BUCKET for scheme in _SCHEMES}
        properties["fs.viewfs.overload.scheme.target.webhdfs.impl"] = _WEBHDFS_FILE_SYSTEM
        for bucket in buckets:
            # Each bucket has a token: Hadoop resolves `..` before it asks, and in S3 that leads to no other bucket.
            token = hmac.new(self._secret, bucket.encode(), "sha256").hexdigest()
            self._mounts[token] = (self, bucket)
            properties[f"fs.viewfs.mounttable.{bucket}.linkFallback"] = (
                f"webhdfs://127.0.0.1:{self._port}/{token}/{bucket}"
            )
        return properties

    def tree(self, bucket: str) -> ObjectTree:
        """The files of a bucket, as this mount sees them."""
        return self._trees.setdefault(bucket, ObjectTree(Bucket(connection=self._connection, name=bucket)))

    def unmount(self) -> None:
        """Deny all further access and forget what was not committed."""
        for token in [token for token, (mount, _) in self._mounts.items() if mount is self]:
            del self._mounts[token]
        for tree in self._trees.values():
            tree.discard_staged()
        self._connection.close()
