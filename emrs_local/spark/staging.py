"""Files and directories that exist for one mount only, and never in S3."""

import threading
from pathlib import Path
from typing import Final

_COMMITTER_DIRECTORY: Final = "_temporary"
_DYNAMIC_OVERWRITE_PREFIX: Final = ".spark-staging-"


def is_staged(path: str) -> bool:
    """Whether `path` lies in a committer's scratch directory.

    EMR's committer keeps uncommitted output out of the bucket too, as multipart uploads that the commit completes.
    """
    return any(name == _COMMITTER_DIRECTORY or name.startswith(_DYNAMIC_OVERWRITE_PREFIX) for name in path.split("/"))


class Staging:
    """The staged files and the made directories of one bucket: S3 itself has no directories to make.

    Paths are relative to the bucket, without a slash at either end. Safe to use from many threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: dict[str, Path] = {}
        self._directories: set[str] = set()

    def add_directory(self, path: str) -> None:
        """Make a directory and those above it."""
        with self._lock:
            self._add_directory(path)

    def add_file(self, path: str, content: Path) -> None:
        """Move the local file `content` to `path`, instead of what was there."""
        kept = content.rename(f"{content}.staged")
        with self._lock:
            replaced = self._files.pop(path, None)
            self._files[path] = kept
            self._add_directory(path.rpartition("/")[0])
        if replaced:
            replaced.unlink()

    def file(self, path: str) -> Path | None:
        """The content of the staged file at `path`."""
        with self._lock:
            return self._files.get(path)

    def is_directory(self, path: str) -> bool:
        """Whether `path` was made a directory."""
        with self._lock:
            return path in self._directories

    def children(self, path: str) -> dict[str, Path | None]:
        """The names directly below `path`; a directory has no content."""
        prefix = f"{path}/" if path else ""
        with self._lock:
            entries: dict[str, Path | None] = {**dict.fromkeys(self._directories), **self._files}
        return {
            name: content
            for entry, content in entries.items()
            if entry.startswith(prefix) and (name := entry.removeprefix(prefix)) and "/" not in name
        }

    def files(self, path: str) -> dict[str, Path]:
        """Every staged file at and below `path`, at any depth."""
        with self._lock:
            return {name: self._files[name] for name in self._at_and_below(path, self._files)}

    def move(self, source: str, destination: str) -> None:
        """Rename what is at and below `source`."""
        with self._lock:
            for path in self._at_and_below(source, self._files):
                self._files[destination + path.removeprefix(source)] = self._files.pop(path)
            for path in self._at_and_below(source, self._directories):
                self._directories.remove(path)
                self._add_directory(destination + path.removeprefix(source))
            self._add_directory(destination.rpartition("/")[0])

    def remove(self, path: str) -> None:
        """Forget what is at and below `path`."""
        with self._lock:
            self._directories.difference_update(self._at_and_below(path, self._directories))
            contents = [self._files.pop(name) for name in self._at_and_below(path, self._files)]
        for content in contents:
            content.unlink()

    def _add_directory(self, path: str) -> None:
        while path and path not in self._directories:
            self._directories.add(path)
            path = path.rpartition("/")[0]

    @staticmethod
    def _at_and_below(path: str, paths: dict[str, Path] | set[str]) -> list[str]:
        return [entry for entry in paths if not path or entry == path or entry.startswith(f"{path}/")]
