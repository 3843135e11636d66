"""Gets packages for a target, packs them, and keeps the archive for the next time."""

import contextlib
import hashlib
import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from . import guard
from .archive import has_compiled_code, pack
from .errors import UnusableError
from .requirements import (
    LocalSource,
    Requirements,
    listing_of,
    local_index,
    local_source,
    read_toml,
    refuse_sources,
)
from .target import Target
from .uv import run_uv

# Changes when what is packed changes for the same requirements.
_FORMAT = "1"
# A release has them itself, and others of them do not fit it.
_OF_THE_RELEASE = ("pyspark", "py4j")
# Variables that decide what uv takes. Passwords do not, and may be others each day.
_DECIDING = (
    "UV_CONSTRAINT",
    "UV_DEFAULT_INDEX",
    "UV_EXCLUDE_NEWER",
    "UV_FIND_LINKS",
    "UV_INDEX",
    "UV_INDEX_STRATEGY",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_PRERELEASE",
    "UV_RESOLUTION",
)
_UNUSED_SECONDS = 90 * 24 * 60 * 60


@dataclass(frozen=True)
class Archive:
    """A zip of packages.

    Args:
        path: Where it is.
        content_hash: The hash of what is in it.
    """

    path: Path
    content_hash: str


def archive_of(requirements: Requirements, target: Target, owner: str) -> Archive:
    """The archive of the packages, from the cache if it has one for the same requirements.

    Args:
        requirements: What is needed.
        target: What for.
        owner: Who needs it, for the line that says that it takes a while.

    Raises:
        UnusableError: They can't be had, or there are too many.
    """
    folder = _cache() / _key(requirements, target)
    if (known := _known(folder)) is not None:
        return known
    start = time.monotonic()
    _say(f"{owner}: getting Python packages for {target} …")
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="making-", ignore_cleanup_errors=True) as temporary:
        installed = Path(temporary, "packages")
        _install(requirements, target, installed, Path(temporary))
        source = guard.guard_source(target, has_compiled_code=has_compiled_code(installed))
        (installed / guard.NAME).write_text(source, encoding="utf-8")
        made = Path(temporary, "made.zip")
        content_hash = pack(installed, made)
        folder.mkdir(exist_ok=True)
        # Another process may have made it meanwhile: it is the same.
        made.replace(folder / f"{content_hash}.zip")
    archive = Archive(folder / f"{content_hash}.zip", content_hash)
    _say(f"{owner}: {archive.path.stat().st_size / 1024**2:.1f} MB in {time.monotonic() - start:.1f} s")
    _remove_unused(folder.parent)
    return archive


def _install(requirements: Requirements, target: Target, installed: Path, temporary: Path) -> None:
    left_out = temporary / "left-out.txt"
    # An override that holds nowhere: https://docs.astral.sh/uv/concepts/resolution/#dependency-overrides
    left_out.write_text("".join(f"{name}; sys_platform == 'none'\n" for name in _OF_THE_RELEASE), encoding="utf-8")
    wanted = temporary / "requirements.txt"
    lines = [
        _without_source(line, requirements.folder, temporary / f"wheel-{number}")
        for number, line in enumerate(requirements.lines)
    ]
    wanted.write_text("\n".join(lines) + "\n", encoding="utf-8")
    installed.mkdir()
    run_uv(
        *("pip", "install", "--requirements", str(wanted), "--target", str(installed)),
        *("--python", sys.executable, "--python-version", target.python, "--python-platform", target.platform),
        *("--only-binary", ":all:", "--overrides", str(left_out), "--no-compile-bytecode"),
        folder=requirements.folder,
        problem=f"they can't be installed for {target}",
    )


def _without_source(line: str, folder: Path, wheels: Path) -> str:
    """A requirement; if it is a folder of this machine, the wheel of it. The file that it goes into is elsewhere."""
    source, index = local_source(line, folder), local_index(line, folder)
    if source is not None:
        return source.write(_wheel(source, wheels))
    return line if index is None else index.write(index.path)


def _wheel(source: LocalSource, folder: Path) -> Path:
    if source.path.is_file():
        return source.path
    pyproject = source.path / "pyproject.toml"
    if pyproject.is_file() and not _has_lock(source.path):
        refuse_sources(pyproject, read_toml(pyproject))
    run_uv(
        *("build", "--wheel", "--out-dir", str(folder), str(source.path), "--python", sys.executable),
        folder=source.path,
        problem=f"{source.path} can't be built",
    )
    (wheel,) = folder.glob("*.whl")
    if not wheel.stem.endswith("-none-any"):
        problem = f"{source.path} has compiled code, which is built for this machine"
        raise UnusableError(problem, "build its wheel for the workers, as cibuildwheel does, and list that file")
    return wheel


def _has_lock(folder: Path) -> bool:
    return any((place / "uv.lock").is_file() for place in (folder, *folder.parents))


def _key(requirements: Requirements, target: Target) -> str:
    variables = [f"{name}={os.environ.get(name, '')}" for name in _DECIDING]
    links = os.environ.get("UV_FIND_LINKS", "").split(",")
    variables += [listing_of(requirements.folder / place) for place in links if place and "://" not in place]
    source = guard.guard_source(target, has_compiled_code=True)
    described = [_FORMAT, target.platform, source, requirements.fingerprint, *variables]
    return hashlib.sha256("\n".join(described).encode()).hexdigest()[:32]


def _known(folder: Path) -> Archive | None:
    try:
        os.utime(folder)  # it is used: no other process removes it from now on
    except FileNotFoundError:
        return None
    path = next(iter(sorted(folder.glob("*.zip"))), None)
    return Archive(path, path.stem) if path else None


def _cache() -> Path:
    """Where the user's caches are: https://specifications.freedesktop.org/basedir-spec/latest/."""
    configured = Path(os.environ.get("XDG_CACHE_HOME", ""))
    caches = configured if configured.is_absolute() else Path.home() / ".cache"
    folder = caches / "constructs-emrs" / "python-dependencies"
    try:
        # An archive is code: nobody else may put one there.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        problem = f"there is no place to keep them: {folder}: {error.strerror}"
        raise UnusableError(problem, "set XDG_CACHE_HOME to a folder that can be written") from error
    return folder


def _remove_unused(cache: Path) -> None:
    for folder in cache.iterdir():
        # Another process may remove the same, or what it has made its archive in.
        with contextlib.suppress(FileNotFoundError):
            if time.time() - folder.stat().st_mtime > _UNUSED_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def _say(text: str) -> None:
    print(f"constructs-emrs: {text}", file=sys.stderr, flush=True)
