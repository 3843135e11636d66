"""Lists of requirements as pip reads them, and the folders and files of this machine that they name.

https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

import hashlib
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from .errors import UnusableError

_COMMENT = re.compile(r"(?:^|\s+)#.*$")
_OPTION = re.compile(
    r"(-r|--requirement|-c|--constraint|-e|--editable)(?:\s+|=)(?P<path>.+)|-([rce])(?P<short>[^-\s].*)"
)
_NAMED = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?P<extras>\[[^\]]*\])?\s*@\s*(?P<url>\S+)")
# A blank may be in a path: what comes behind it begins with a bracket, a semicolon or an option.
_PATH = re.compile(
    r"(?P<path>(?:file:|\.{1,2}(?=[/\s;\[]|$)|/|~/|[\w.-]+/)[^;\[]*?)(?P<rest>(?:\[[^\]]*\])?\s*(?:;.*|\s--.*)?)"
)
_PLACE = re.compile(
    r"(?P<option>-f|--find-links|-i|--index-url|--extra-index-url)(?:\s+|=)(?P<quote>[\"']?)(?P<place>.+)(?P=quote)"
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_CLAUSE = re.compile(r"\s*(?P<operator>~=|={2,3}|!=|<=|>=|<|>)\s*(?P<version>\d+(?:\.\d+)*)(?P<any>\.\*)?\s*")
_PATCHES = range(100)
# What is made from the sources, or is none.
_NO_SOURCES = {"__pycache__", "build", "cdk.out", "dist", "node_modules"}


@dataclass(frozen=True, kw_only=True)
class Requirements:
    """Requirements, and where they are read.

    Args:
        lines: They and the options of uv, without nested files.
        folder: The folder that paths in them are relative to.
    """

    lines: Sequence[str]
    folder: Path

    @property
    def fingerprint(self) -> str:
        """A text that is another one when something else is required, or a source on this machine has changed.

        Raises:
            UnusableError: A source or a file is not there.
        """
        described = []
        for line in self.lines:
            source = local_source(line, self.folder)
            constraints = _constraints(line)
            index = local_index(line, self.folder)
            if source is not None:
                described.append(f"{line} {source.fingerprint}")
            elif constraints is not None:
                described.append(f"-c {_text(self.folder / constraints, self.folder)}")
            elif index is not None:
                described.append(f"{line} {listing_of(index.path)}")
            else:
                described.append(line)
        settings = [_tool_uv(self.folder / name) for name in ("pyproject.toml", "uv.toml")]
        return "\n".join([*described, *map(str, settings)])


@dataclass(frozen=True, kw_only=True)
class LocalSource:
    """A requirement that is a file or folder of this machine.

    Args:
        path: Where it is.
        write: The requirement with another path.
    """

    path: Path
    write: Callable[[Path], str]

    @property
    def fingerprint(self) -> str:
        """A hash of what is in it that a build may read.

        Raises:
            UnusableError: It is not there.
        """
        if not self.path.exists():
            raise UnusableError(f"there is no file or folder {self.path}", "correct the path in the requirements")
        digest = hashlib.sha256()
        files = [self.path] if self.path.is_file() else sorted(_sources(self.path))
        for file in files:
            digest.update(f"{file.relative_to(self.path)}\0{file.stat().st_size}\0".encode())
            digest.update(file.read_bytes())
        return digest.hexdigest()


def local_index(line: str, folder: Path) -> LocalSource | None:
    """The folder of this machine that an option names as the place of packages, None if it names none."""
    option = _PLACE.fullmatch(line)
    path = _local_path(option["place"], folder) if option else None
    if option is None or path is None:
        return None
    return LocalSource(path=path, write=lambda place: f"{option['option']} {place.as_uri()}")


def listing_of(folder: Path) -> str:
    """A text that is another one when the folder has other packages, empty if it is none."""
    files = sorted(file for file in folder.rglob("*") if file.is_file()) if folder.is_dir() else []
    return " ".join(f"{file.relative_to(folder)} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in files)


def local_source(line: str, folder: Path) -> LocalSource | None:
    """What the requirement names on this machine, None if that is nothing."""
    kind, text = _option(line)
    if kind != "e" and line.startswith("-"):
        return None
    if named := _NAMED.match(text):
        path, name = _local_path(named["url"], folder), f"{named['name']}{named['extras'] or ''}"
        rest = text[named.end() :]
        if path is not None:
            return LocalSource(path=path, write=lambda built: f"{name} @ {built.as_uri()}{rest}")
        return None
    if match := _PATH.fullmatch(text):
        path, rest = _local_path(match["path"], folder), match["rest"]
        if path is not None:
            return LocalSource(path=path, write=lambda built: f"{built.as_uri()}{rest}")
    return None


def read_requirements(path: Path) -> Requirements:
    """The requirements of a file, and of those that it includes.

    Raises:
        UnusableError: One of them is not there.
    """
    return Requirements(lines=list(_lines(path, path.parent, ())), folder=path.parent)


def requirements_of(lines: Iterable[str], folder: Path) -> Requirements:
    """The requirements of an exported list."""
    return Requirements(lines=list(_logical(lines)), folder=folder)


def read_project(pyproject: Path, groups: Sequence[str]) -> Requirements:
    """The requirements of a project that has no lock file.

    Raises:
        UnusableError: It is no project, has no such group, or its sources are in a lock file only.
    """
    content = read_toml(pyproject)
    refuse_sources(pyproject, content)
    project = content.get("project", {})
    is_package = "build-system" in content and content.get("tool", {}).get("uv", {}).get("package") is not False
    own = ["."] if is_package else list(project.get("dependencies", ()))
    lines = [*own, *(line for group in groups for line in _group(pyproject, content, group, ()))]
    return Requirements(lines=list(dict.fromkeys(lines)), folder=pyproject.parent)


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file.

    Raises:
        UnusableError: It is not there, or is not valid TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except NotADirectoryError as error:
        raise UnusableError(f"{path.parent} is a file", "give the folder that it is in") from error
    except FileNotFoundError as error:
        raise UnusableError(f"there is no {path.name} in {path.parent}", "correct the path") from error
    except OSError as error:
        raise UnusableError(f"{path} can't be read: {error.strerror}", "correct the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UnusableError(f"{path.name} is not valid TOML: {error}", "correct it") from error


def refuse_python(pyproject: Path, content: dict[str, Any], python: str) -> None:
    """Refuse a Python that the project is not for.

    Raises:
        UnusableError: No patch of that version is one of `requires-python`.
    """
    required = content.get("project", {}).get("requires-python", "")
    major, minor = map(int, python.split("."))
    clauses = [_CLAUSE.fullmatch(clause) for clause in required.split(",")]
    known = [clause for clause in clauses if clause]
    if not any(all(_allows(clause, (major, minor, patch)) for clause in known) for patch in _PATCHES):
        remedy = "pass a python that it allows, or change requires-python"
        raise UnusableError(f"{pyproject} requires Python {required}", remedy)


def _allows(clause: re.Match[str], version: tuple[int, ...]) -> bool:
    """https://packaging.python.org/en/latest/specifications/version-specifiers/."""
    given = tuple(map(int, clause["version"].split(".")))
    bound = (*given, 0, 0)[: max(len(given), len(version))]
    begins = version[: len(given)] == given if clause["any"] else version == bound
    match clause["operator"]:
        case "==" | "===":
            return begins
        case "!=":
            return not begins
        case "~=":
            return version >= bound and version[: len(given) - 1] == given[:-1]
        case ">=":
            return version >= bound
        case "<=":
            return version <= bound
        case ">":
            return version > bound
        case _:
            return version < bound


def refuse_old_lock(lock: Path, pyproject: Path, content: dict[str, Any], groups: Sequence[str]) -> None:
    """Refuse a lock file that was not made again when the project got another dependency.

    That a version has changed is not noticed: uv writes versions in a way of its own.

    Raises:
        UnusableError: It lacks one, or the project has no such group.
    """
    project = content.get("project", {})
    wanted = [
        *project.get("dependencies", ()),
        *(line for name in groups for line in _group(pyproject, content, name, ())),
    ]
    for package in read_toml(lock).get("package", ()):
        if package.get("name") == _normalised(project.get("name", "")) and "registry" not in package.get("source", {}):
            metadata = package.get("metadata", {})
            listed = [metadata.get("requires-dist", ()), *metadata.get("requires-dev", {}).values()]
            known = {item.get("name") for items in listed for item in items}
            found = filter(None, map(_NAME.match, wanted))
            missing = [name[0] for name in found if _normalised(name[0]) not in known]
            if missing:
                problem = f"{lock} has nothing of {', '.join(missing)}, which {pyproject} lists"
                raise UnusableError(problem, "run uv lock there")


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def refuse_sources(pyproject: Path, content: dict[str, Any]) -> None:
    """Refuse a project whose dependencies come from elsewhere than an index, as only uv.lock says where from.

    Else a package of the same name might be taken from the index.

    Raises:
        UnusableError: It has sources of its own.
    """
    if content.get("tool", {}).get("uv", {}).get("sources"):
        problem = f"{pyproject} has tool.uv.sources, which are read through uv.lock only, and there is none"
        raise UnusableError(problem, "run uv lock there, and use PythonDependencies.from_pyproject")


def _lines(path: Path, folder: Path, outer: tuple[Path, ...]) -> Iterator[str]:
    text = _text(path, folder)
    if path in outer:
        raise UnusableError(f"{path.name} includes itself", "leave that out")
    for line in _logical(text.splitlines()):
        kind, named = _option(line)
        # Relative to the file that names it, unlike all other paths.
        if kind == "r":
            yield from _lines((path.parent / named).resolve(), folder, (*outer, path))
        elif kind == "c":
            yield f"-c {(path.parent / named).resolve()}"
        else:
            yield line


def _text(path: Path, folder: Path) -> str:
    try:
        # Windows begins a file with a mark.
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise UnusableError(f"there is no such file in {folder}: {path.name}", "correct the path") from error
    except IsADirectoryError as error:
        remedy = "give the file in it, or use PythonDependencies.from_pyproject for a project"
        raise UnusableError(f"{path} is a folder", remedy) from error
    except OSError as error:
        raise UnusableError(f"{path} can't be read: {error.strerror}", "correct the path") from error
    except UnicodeDecodeError as error:
        raise UnusableError(f"{path.name} is not a text in UTF-8", "save it in that encoding") from error


def _logical(lines: Iterable[str]) -> Iterator[str]:
    """Lines without comments, joined where they are continued."""
    begun = ""
    for line in lines:
        text = _COMMENT.sub("", line).strip()
        if text.endswith("\\"):
            begun += f"{text[:-1].strip()} "
        elif joined := f"{begun}{text}".strip():
            yield joined
            begun = ""
    if begun.strip():
        yield begun.strip()


def _option(line: str) -> tuple[str, str]:
    """The letter of an option that names a file or a folder, and what it names; of another line none, and the line."""
    option = _OPTION.fullmatch(line)
    if option is None:
        return "", line
    return line.lstrip("-")[0], (option["path"] or option["short"]).strip().strip("\"'")


def _constraints(line: str) -> str | None:
    return line.removeprefix("-c ") if line.startswith("-c ") else None


def _local_path(text: str, folder: Path) -> Path | None:
    if text.startswith("file:"):
        return Path(unquote(urlsplit(text).path))
    if "://" in text:
        return None
    return (folder / Path(text).expanduser()).resolve()


def _sources(folder: Path) -> Iterator[Path]:
    for entry in folder.iterdir():
        if entry.name.startswith(".") or entry.name in _NO_SOURCES or entry.name.endswith(".egg-info"):
            continue
        if entry.is_file():
            yield entry
        elif entry.is_dir() and not entry.is_symlink() and not (entry / "pyvenv.cfg").exists():
            yield from _sources(entry)


def _tool_uv(path: Path) -> Any:
    if not path.is_file():
        return None
    content = read_toml(path)
    return content.get("tool", {}).get("uv") if path.name == "pyproject.toml" else content


def _group(pyproject: Path, content: dict[str, Any], name: str, outer: tuple[str, ...]) -> Iterator[str]:
    """The requirements of a dependency group: https://packaging.python.org/en/latest/specifications/dependency-groups/."""
    groups = content.get("dependency-groups", {})
    if name not in groups or name in outer:
        known = ", ".join(groups) or "none"
        raise UnusableError(f"{pyproject} has no dependency group {name!r}", f"use one of its groups: {known}")
    for item in groups[name]:
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict) and "include-group" in item:
            yield from _group(pyproject, content, item["include-group"], (*outer, name))
