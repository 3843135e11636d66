"""The folder that a driver starts in, and what the job brings into it.

On EMR Serverless it is `/home/hadoop`. Spark puts files, archives, py_files and jars there for a driver on Kubernetes,
but not for one in local mode: `isKubernetesClusterModeDriver` in `SparkSubmit.scala`,
https://github.com/apache/spark/tree/v3.5.9.
"""

import os
import re
import shutil
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from emrs_local.spark.archives import is_unpacked, place, unpack
from emrs_local.spark.image import Image
from emrs_local.spark.object_tree import ObjectTree

_ARCHIVES: Final = "spark.archives"
_OPTIONS: Final[Mapping[str, str]] = {
    "spark.files": "--files",
    "spark.submit.pyFiles": "--py-files",
    _ARCHIVES: "--archives",
    "spark.jars": "--jars",
}
_S3: Final = re.compile(r"s3[an]?://([^/]+)/(.+)")
_LEFT_TO_SPARK: Final = re.compile(r"(?!s3[an]?:)[A-Za-z][A-Za-z0-9+.-]*:|.*[*?\[{]")


@dataclass(frozen=True, kw_only=True)
class _Resource:
    """A file that the job brings: where it is, what it is called in the working folder, and where a copy is kept."""

    option: str
    source: str
    name: str
    kept: Path

    @property
    def is_unpacked(self) -> bool:
        return self.option == _OPTIONS[_ARCHIVES] and is_unpacked(self.kept.name)

    @property
    def for_spark(self) -> Path:
        # Spark unpacks an archive for the driver and again for the executor, which is the driver here: it gets links.
        return self.kept.parent / "links.tar.gz" if self.is_unpacked else self.kept

    @property
    def address(self) -> str:
        """The address that Spark is given, from which `SparkFiles` has it under the name that it has on AWS."""
        named = f"#{quote(self.name)}" if self.option == _OPTIONS[_ARCHIVES] else ""
        return self.for_spark.as_uri() + named


class WorkingFolder:
    """The working folder of one attempt.

    Patterns, and addresses neither in S3 nor local, are left to Spark: `SparkFiles` has them, the folder has not.

    Args:
        path: The folder.
        resources: A folder for what is fetched.
        properties: The Spark properties of the job.
        image: What is here of the EMR image.
    """

    def __init__(self, *, path: Path, resources: Path, properties: Mapping[str, str], image: Image) -> None:
        self._path = path
        self._image = image
        self._requested: dict[str, list[_Resource | str]] = {}
        number = 0
        for name, option in _OPTIONS.items():
            for address in filter(None, map(str.strip, properties.get(name, "").split(","))):
                source, _, fragment = address.partition("#")
                source = image.here(source)
                entry: _Resource | str = address
                if not _LEFT_TO_SPARK.match(source):
                    original = source.rpartition("/")[2]
                    kept = resources / str(number) / original
                    entry = _Resource(option=option, source=source, name=fragment or original, kept=kept)
                    number += 1
                self._requested.setdefault(option, []).append(entry)

    @property
    def arguments(self) -> list[str]:
        """The arguments of `spark-submit` that name what was fetched."""
        return [
            argument
            for option, entries in self._requested.items()
            for argument in (option, ",".join(e if isinstance(e, str) else e.address for e in entries))
        ]

    def fill(self, tree: Callable[[str], ObjectTree]) -> None:
        """Fetch what the job brings, under the names that it has there.

        Args:
            tree: The files of a bucket, as the job sees them.

        Raises:
            RuntimeError: S3 refuses it, it is missing, or an archive is damaged or would be unpacked elsewhere.
        """
        for resource in self._resources:
            try:
                self._fetch(resource, tree)
                self._put(resource)
            except OSError as error:
                raise RuntimeError(f"{resource.option}: {error.strerror or error}") from error
            except ValueError as error:
                raise RuntimeError(f"{resource.option}: {resource.source}: {error}") from error

    @property
    def _resources(self) -> Iterator[_Resource]:
        return (entry for entries in self._requested.values() for entry in entries if isinstance(entry, _Resource))

    def _fetch(self, resource: _Resource, tree: Callable[[str], ObjectTree]) -> None:
        resource.kept.parent.mkdir(parents=True)
        in_s3 = _S3.fullmatch(resource.source)
        if in_s3 is None:
            if self._image.lacks(resource.source):
                raise ValueError("there is no such file on this machine")
            shutil.copyfile(self._path / resource.source, resource.kept)
            return
        tree(in_s3[1]).open(in_s3[2]).save(resource.kept)

    def _put(self, resource: _Resource) -> None:
        target = place(self._path, resource.name)
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        target.unlink(missing_ok=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        if resource.is_unpacked:
            unpack(resource.kept, target)
            resource.kept.unlink()
            with tarfile.open(resource.for_spark, "w:gz") as links:
                for entry in sorted(target.iterdir()):
                    link = tarfile.TarInfo(entry.name)
                    link.type, link.linkname = tarfile.SYMTYPE, str(entry)
                    links.addfile(link)
        else:
            os.link(resource.kept, target)
