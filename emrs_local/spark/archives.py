"""Unpacks archives as Spark does, and nowhere but into their folder."""

import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

# Those of `Utils.unpack`, https://github.com/apache/spark/tree/v3.5.9; a file with another name is copied.
_ZIPPED: Final = (".zip", ".jar")
_TARRED: Final = (".tar.gz", ".tgz", ".tar")
_DAMAGED: Final = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError)


def is_unpacked(name: str) -> bool:
    """Whether Spark unpacks an archive of this name."""
    return name.lower().endswith(_ZIPPED + _TARRED)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack into a new folder; links in it may lead anywhere, as nothing is written through them.

    Raises:
        ValueError: The archive is damaged, or an entry would be written outside of the folder.
    """
    folder.mkdir(parents=True)
    try:
        if archive.name.lower().endswith(_ZIPPED):
            _unzip(archive, folder)
        else:
            _untar(archive, folder)
    except _DAMAGED as error:
        raise ValueError(f"it cannot be unpacked: {error}") from error


def place(folder: Path, name: str) -> Path:
    """Where something of this name is in a folder.

    Raises:
        ValueError: That is outside of the folder, or the folder itself.
    """
    relative = Path(os.path.normpath(name.lstrip("/")))
    target = folder / relative
    # A part of the name may be a link that was there before.
    if relative.parts[:1] in {(), ("..",)} or not target.parent.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{name} is not a name inside of its folder")
    return target


def _unzip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        for entry in opened.infolist():
            target = place(folder, entry.filename)
            if entry.is_dir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with opened.open(entry) as content, target.open("wb") as file:
                shutil.copyfileobj(content, file)
            if mode := (entry.external_attr >> 16) & 0o777:
                target.chmod(mode | stat.S_IRUSR | stat.S_IWUSR)


def _untar(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as opened:
        # Python's own filters are missing in the first 3.11, and refuse the interpreter of a virtual environment.
        opened.extraction_filter = lambda member, _: member
        opened.extractall(folder, members=_inside(folder, opened))  # noqa: S202 - each is checked before it is written


def _inside(folder: Path, members: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    for member in members:
        if os.path.normpath(member.name) == ".":
            continue
        target = place(folder, member.name)
        if member.isdev():
            raise ValueError(f"{member.name} is a device")
        if member.islnk() and not place(folder, member.linkname).resolve().is_relative_to(folder.resolve()):
            raise ValueError(f"{member.name} is a link to {member.linkname}, which is outside of its folder")
        if target.is_symlink():
            target.unlink()
        if member.isdir():
            member.mode |= stat.S_IRWXU  # or it could not be removed
        member.name = str(target.relative_to(folder))
        yield member
