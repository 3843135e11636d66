"""A bucket as the tree of files and directories that Hadoop expects."""

import errno
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from emrs_local.spark.bucket import Bucket, Content, StoredObject
from emrs_local.spark.staging import Staging, is_staged

_MANY: Final = 10  # directories, to look for which one by one takes longer than to list all beside them


@dataclass(frozen=True, kw_only=True)
class Status:
    """A file or a directory; `length` in bytes, `modified` in milliseconds since 1970."""

    path: str
    is_directory: bool = False
    length: int = 0
    modified: int = 0

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What is at and below a path; `length` in bytes."""

    directories: int
    files: int
    length: int


class ObjectTree:
    """The files and directories of one bucket.

    Paths are relative to the bucket, without a slash at either end; the bucket itself is `""`. A prefix with objects
    below it is a directory, and so is one that was made. A committer's scratch directories are staged locally and reach
    S3 when they are renamed to their final place. Errors are those of `Bucket`.
    """

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._staging = Staging()

    def status(self, path: str) -> Status:
        """The file or directory at `path`."""
        if not path or self._staging.is_directory(path):
            return Status(path=path, is_directory=True)
        if is_staged(path):
            return _staged_status(path, self._staged_file(path))
        try:
            return _stored_status(self._bucket.head(path))
        except FileNotFoundError:
            if not self._bucket.has_objects(f"{path}/"):
                raise
        except PermissionError:
            if not self._can_see_below(path):
                # The answer to HEAD has no body; that to GET says what is denied to whom.
                self._bucket.get(path, length=1).body.close()
                raise
        return Status(path=path, is_directory=True)

    def children(self, path: str) -> list[Status]:
        """What is directly in the directory `path`, in order of names; a file contains itself."""
        entries = {
            name: _staged_status(_join(path, name), content)
            if content
            else Status(path=_join(path, name), is_directory=True)
            for name, content in self._staging.children(path).items()
        }
        is_directory = not path or self._staging.is_directory(path)
        if not is_staged(path):
            try:
                found = [_child_status(child) for child in self._bucket.children(_prefix(path))]
            except PermissionError as denied:
                try:
                    return [_stored_status(self._bucket.head(path))]
                except OSError:
                    raise denied from None
            is_directory = is_directory or bool(found)
            entries = {status.name: status for status in found} | entries
        if not is_directory:
            return [self.status(path)]
        # Hadoop cannot name what lies between two slashes; the object named like the directory marks it as one.
        return [status for name, status in sorted(entries.items()) if name not in {"", ".", ".."}]

    def summary(self, path: str) -> Summary:
        """How much is at and below `path`."""
        status = self.status(path)
        if not status.is_directory:
            return Summary(directories=0, files=1, length=status.length)
        staged = {name: content.stat().st_size for name, content in self._staging.files(path).items()}
        stored = {entry.key: entry.size for entry in self._objects_below(path)}
        files = {name: size for name, size in (stored | staged).items() if not name.endswith("/")}
        parents = {
            name[:end]
            for name in stored | staged
            for end, character in enumerate(name)
            if character == "/" and end > len(path)
        }
        return Summary(directories=1 + len(parents), files=len(files), length=sum(files.values()))

    def open(self, path: str, *, offset: int = 0, length: int | None = None) -> Content:
        """The content of the file at `path` from `offset` bytes on, at most `length` bytes; the caller closes it."""
        if not is_staged(path):
            return self._bucket.get(path, offset=offset, length=length)
        staged = self._staged_file(path)
        available = max(0, staged.stat().st_size - offset)
        body = staged.open("rb")
        body.seek(offset)
        return Content(length=available if length is None else min(length, available), body=body)

    def create(self, path: str, content: Path) -> None:
        """Write what the local file `content` holds to `path`, instead of what was there; it may be gone afterwards."""
        if is_staged(path):
            self._staging.add_file(path, content)
        else:
            self._bucket.put(path, content)

    def require_absence(self, path: str) -> None:
        """Raise `FileExistsError` if there is a file or directory at `path`."""
        if existing := self._find(path):
            kind = "directory" if existing.is_directory else "file"
            raise FileExistsError(errno.EEXIST, f"{self._bucket.uri(path)} already exists as a {kind}")

    def exists(self, path: str) -> bool:
        """Whether there is a file or directory at `path`."""
        return self._find(path) is not None

    def make_directory(self, path: str) -> None:
        """Remember a directory: there is nothing to write to S3."""
        self._staging.add_directory(path)

    def keep_directories(self, paths: Iterable[str]) -> None:
        """Have directories that others see too: for each an object is written unless there is one below it."""
        siblings: dict[str, list[str]] = {}
        for path in filter(None, paths):
            siblings.setdefault(path.rpartition("/")[0], []).append(path)
        for parent, found in siblings.items():
            # Of the partitions of a table there may be thousands, and one request lists a thousand of them.
            there = self._seen_in(parent) if len(found) > _MANY else None
            for path in found:
                is_there = self._can_see_below(path) if there is None else path in there
                if not is_there:
                    self._bucket.mark(f"{path}/")

    def rename(self, source: str, destination: str) -> bool:
        """Move a file or directory; into `destination` if that is a directory.

        Returns:
            Whether it was moved: not if there is no source, if the destination exists or lies below the source.
        """
        status = self._find(source)
        if status is None or destination.startswith(_prefix(source)):
            return False
        if destination == source:
            return not status.is_directory
        existing = self._find(destination)
        if existing and existing.is_directory:
            destination = _join(destination, status.name)
            existing = self._find(destination)
        if existing:
            return False
        self._move(status, destination)
        return True

    def replace(self, source: str, destination: str, *, overwrite: bool) -> None:
        """Move a file or directory to exactly `destination`, instead of the file or empty directory there.

        Raises:
            FileNotFoundError: If there is no source.
            FileExistsError: If the destination is the source, lies below it, may not be overwritten or is not empty.
        """
        status = self.status(source)
        existing = self._find(destination)
        is_within_source = f"{destination}/".startswith(_prefix(source))
        is_kept = existing and (not overwrite or (existing.is_directory and self.children(destination)))
        if is_within_source or is_kept:
            raise FileExistsError(errno.EEXIST, f"{self._bucket.uri(destination)} already exists")
        self._move(status, destination)

    def delete(self, path: str, *, recursive: bool) -> bool:
        """Delete a file or directory.

        Returns:
            Whether there was anything to delete. A bucket itself is never deleted, nor emptied.

        Raises:
            OSError: If the directory is not empty and `recursive` is false.
        """
        status = self._find(path)
        if status is None:
            return False
        if not status.is_directory:
            self._staging.remove(path)
            self._bucket.delete([] if is_staged(path) else [path])
            return True
        stored = self._objects_below(path)
        if not recursive and (self._staging.children(path) or any(entry.key != f"{path}/" for entry in stored)):
            raise OSError(errno.ENOTEMPTY, f"{self._bucket.uri(path)} is not empty")
        if not path:
            return False
        self._staging.remove(path)
        self._bucket.delete(entry.key for entry in stored)
        return True

    def discard_staged(self) -> None:
        """Delete what was staged and never committed."""
        self._staging.remove("")

    def _find(self, path: str) -> Status | None:
        try:
            return self.status(path)
        except FileNotFoundError:
            return None

    def _can_see_below(self, path: str) -> bool:
        try:
            return self._bucket.has_objects(f"{path}/")
        except PermissionError:
            return False

    def _seen_in(self, path: str) -> set[str] | None:
        """The directories in `path` that others see too; None if they may not be listed."""
        try:
            return {child.removesuffix("/") for child in self._bucket.children(_prefix(path)) if isinstance(child, str)}
        except PermissionError:
            return None

    def _objects_below(self, path: str) -> list[StoredObject]:
        return [] if is_staged(path) else list(self._bucket.objects(_prefix(path)))

    def _staged_file(self, path: str) -> Path:
        if content := self._staging.file(path):
            return content
        raise FileNotFoundError(errno.ENOENT, f"{self._bucket.uri(path)} does not exist")

    def _move(self, status: Status, destination: str) -> None:
        source = status.path
        stored = [entry.key for entry in self._objects_below(source)] if status.is_directory else [source]
        staged = self._staging.files(source)
        for key in [key for key in stored if key not in staged]:
            self._bucket.copy(key, destination + key.removeprefix(source))
        for path, content in staged.items():
            target = destination + path.removeprefix(source)
            if not is_staged(target):
                self._bucket.put(target, content)
                self._staging.remove(path)
        self._bucket.delete(key for key in stored if key not in staged)
        self._staging.move(source, destination)


def _join(directory: str, name: str) -> str:
    return f"{directory}/{name}" if directory else name


def _prefix(directory: str) -> str:
    return f"{directory}/" if directory else ""


def _stored_status(entry: StoredObject) -> Status:
    return Status(path=entry.key, length=entry.size, modified=entry.modified)


def _staged_status(path: str, content: Path) -> Status:
    found = content.stat()
    return Status(path=path, length=found.st_size, modified=found.st_mtime_ns // 1_000_000)


def _child_status(child: StoredObject | str) -> Status:
    if isinstance(child, str):
        return Status(path=child.removesuffix("/"), is_directory=True)
    return _stored_status(child)
