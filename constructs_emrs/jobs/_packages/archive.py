"""Packs a folder of installed packages so that it is the same on every machine."""

import csv
import hashlib
import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from .errors import UnusableError

_TIME = (1980, 1, 1, 0, 0, 0)  # the first that a zip can have
# Somebody waits for it: a third of the time of the default, and an eighth larger, for pandas with pyarrow.
_LEVEL = 1
# What built a package, with its version: that of a package of this machine is another one next month.
_WHEEL = re.compile(r"[^/]+\.dist-info/WHEEL")
_GENERATOR = re.compile(rb"^Generator:.*\r?\n", re.MULTILINE)
_RECORD = re.compile(r"[^/]+\.dist-info/RECORD")
# Written by who installs, with paths of this machine.
_OF_THE_INSTALLER = re.compile(r"[^/]+\.dist-info/(?:direct_url\.json|INSTALLER|REQUESTED|uv_[^/]*)|\.lock")
# Scripts begin with the path of a Python of this machine.
_LEFT_OUT = re.compile(r"bin/.*|(?:.*/)?__pycache__/.*|.*\.pyc|(?:.*/)?tests/.*")
# A worker has 20 GB of disk unless more is asked for, which shuffles need too:
# https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/app-behavior.html#worker-configs
_MOST_BYTES = 10 * 1024**3


def has_compiled_code(folder: Path) -> bool:
    """Whether a package in the folder has code for one architecture only."""
    return next(folder.rglob("*.so"), None) is not None or next(folder.rglob("*.so.*"), None) is not None


def pack(folder: Path, archive: Path) -> str:
    """Pack the files of the folder that a job needs; the hash of their names and contents.

    The hash is that of what is packed, as compressed bytes differ from one zlib to another.

    Args:
        folder: Where packages are installed.
        archive: The zip to be written.

    Raises:
        UnusableError: They are too many for a worker.
    """
    files = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()}
    kept = {name: files[name] for name in sorted(files) if not _is_left_out(name)}
    size = sum(file.stat().st_size for file in kept.values())
    if size > _MOST_BYTES:
        problem = f"they have {size / 1024**3:.1f} GiB, more than half of a worker's 20 GB of disk"
        raise UnusableError(problem, "leave packages out, or put them into a custom image")
    digest = hashlib.sha256()
    with zipfile.ZipFile(archive, "w") as opened:
        for name, file in kept.items():
            content = _content(name, file, kept)
            mode = 0o755 if file.stat().st_mode & 0o100 else 0o644
            entry = zipfile.ZipInfo(name, _TIME)
            entry.create_system, entry.external_attr = 3, mode << 16
            opened.writestr(entry, content, zipfile.ZIP_DEFLATED, _LEVEL)
            digest.update(f"{name}\0{mode:o}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()


def _is_left_out(name: str) -> bool:
    return bool(_LEFT_OUT.fullmatch(name) or _OF_THE_INSTALLER.fullmatch(name))


def _content(name: str, file: Path, kept: Mapping[str, Path]) -> bytes:
    if _RECORD.fullmatch(name):
        return _record(file, kept)
    content = file.read_bytes()
    return _GENERATOR.sub(b"", content) if _WHEEL.fullmatch(name) else content


def _record(file: Path, kept: Mapping[str, Path]) -> bytes:
    """The list of a package's files, of those that are packed: its order is that of the installation."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(sorted(_rows(file, kept)))
    return text.getvalue().encode()


def _rows(file: Path, kept: Mapping[str, Path]) -> Iterator[list[str]]:
    for row in csv.reader(io.StringIO(file.read_text(encoding="utf-8"))):
        if row and row[0] in kept:
            # A file that is changed here has no hash and no size in the list, as the list itself has none.
            yield [row[0], "", ""] if _WHEEL.fullmatch(row[0]) else row
