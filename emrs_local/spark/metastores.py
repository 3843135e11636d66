"""The Data Catalog as the metastore of a job run that asks for it."""

from __future__ import annotations

import errno
import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from emrs_local.endpoint import Credentials, Endpoint
from emrs_local.spark.object_tree import ObjectTree
from emrs_local.spark.s3_file_system import Mount

if TYPE_CHECKING:
    from emrs_local.metastore.server import MetastoreServer

_S3: Final = re.compile(r"s3[an]?://([^/]+)/(.+)")


class Metastores:
    """Opens metastores over the Data Catalog of a local AWS.

    Args:
        endpoint: Where the catalog answers.
        region: The region of the server.
    """

    def __init__(self, *, endpoint: Endpoint, region: str) -> None:
        self._endpoint = endpoint
        self._region = region

    def open(
        self,
        credentials: Credentials,
        *,
        mount: Mount,
        warehouse: str,
        own_folder: str,
        catalog_id: str = "",
        for_iceberg: bool = False,
    ) -> MetastoreServer:
        """The metastore of one run, which is closed when the run is over.

        Args:
            credentials: The run's.
            mount: S3 as the run sees it.
            warehouse: The address of the database `default` where there is none yet.
            own_folder: The address of the folder that is the run's alone.
            catalog_id: The account whose catalog it is; empty for the run's own.
            for_iceberg: Whether Iceberg is the client, and not Spark or Hive.
        """
        from emrs_local.metastore.catalog import Catalog  # noqa: PLC0415 - for the few runs that ask for it
        from emrs_local.metastore.iceberg import IcebergCatalog  # noqa: PLC0415 - the same
        from emrs_local.metastore.server import MetastoreServer  # noqa: PLC0415 - the same

        glue = self._endpoint.client("glue", region=self._region, credentials=credentials)
        if catalog_id:
            in_catalog = {"CatalogId": catalog_id}
            glue.meta.events.register("provide-client-params.glue", lambda params, **_: params | in_catalog)
        catalog = (IcebergCatalog if for_iceberg else Catalog)(
            glue, files=TableFiles(mount), warehouse=warehouse, own_folder=own_folder
        )
        return MetastoreServer(catalog)


class TableFiles:
    """The files of tables in S3, as a run sees them.

    Args:
        mount: S3 as the run sees it.
    """

    def __init__(self, mount: Mount) -> None:
        self._mount = mount

    def make_directories(self, addresses: Collection[str]) -> None:
        """Have directories there, which other runs see too."""
        paths: dict[ObjectTree, list[str]] = {}
        for tree, path in map(self._find, addresses):
            if tree:
                paths.setdefault(tree, []).append(path)
        for tree, found in paths.items():
            tree.keep_directories(found)

    def move(self, address: str, destination: str) -> None:
        """Move all that is at an address, if there is anything."""
        tree, path = self._find(address)
        other, target = self._find(destination)
        if tree is not other:
            raise OSError(errno.EXDEV, f"{destination} is in another file system than {address}")
        if tree and tree.exists(path):
            tree.replace(path, target, overwrite=False)

    def delete(self, address: str) -> None:
        """Delete all that is at an address."""
        tree, path = self._find(address)
        if tree:
            tree.delete(path, recursive=True)

    def _find(self, address: str) -> tuple[ObjectTree | None, str]:
        found = _S3.fullmatch(address.rstrip("/"))
        return (self._mount.tree(found[1]), found[2]) if found else (None, "")
