"""The Data Catalog as the metastore of a job run that asks for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from emrs_local.endpoint import Credentials, Endpoint
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

    def open(self, credentials: Credentials, *, mount: Mount, warehouse: str, own_folder: str) -> MetastoreServer:
        """The metastore of one run, which is closed when the run is over.

        Args:
            credentials: The run's.
            mount: S3 as the run sees it.
            warehouse: The address of the database `default` where there is none yet; empty if there is no such place.
            own_folder: The address of the folder that is the run's alone.
        """
        from emrs_local.metastore.catalog import Catalog  # noqa: PLC0415 - for the few runs that ask for it
        from emrs_local.metastore.server import MetastoreServer  # noqa: PLC0415 - the same

        def delete(address: str) -> None:
            found = _S3.fullmatch(address)
            if found:
                mount.tree(found[1]).delete(found[2].rstrip("/"), recursive=True)

        glue = self._endpoint.client("glue", region=self._region, credentials=credentials)
        return MetastoreServer(Catalog(glue, delete=delete, warehouse=warehouse, own_folder=own_folder))
