"""The Python that a job asks for, on this machine."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_OF_THE_IMAGE: Final = re.compile(r"(?:/usr/bin/)?python3?")
_VERSIONED: Final = re.compile(r"(?:.*/)?python(3\.\d+)")
_PACKAGES: Final = "lib/python3*/site-packages"
_SHOW: Final = "import sys; print('%d.%d' % sys.version_info[:2], sys.base_prefix)"
_HERE: Final = "{}.{}".format(*sys.version_info[:2])
_SECONDS: Final = 60  # an interpreter takes a fraction of one


def interpreter(asked: str, *, working_folder: Path) -> str:
    """What to start for the Python that a job asks for.

    The image's own is the one that runs this; any other is looked for by its version. A virtual environment that the
    job has brought keeps its place: `bin/python` in it is a link, or a copy that needs its libraries, so it is led to
    the Python of its version that is on this machine.

    Args:
        asked: A path, relative to the working folder, or a name.
        working_folder: The folder that the driver starts in.

    Raises:
        LookupError: It is not on this machine; the text is the end of a sentence about it.
    """
    if _OF_THE_IMAGE.fullmatch(asked):
        return sys.executable
    path = working_folder / asked
    if "/" in asked and path.is_relative_to(working_folder):
        _make_ready(path)
        return asked
    found = asked if "/" in asked else shutil.which(asked)
    if found and _answer(found):
        return asked
    if version := _VERSIONED.fullmatch(asked):
        return _installed(version[1])
    raise LookupError("is not on this machine, or does not start")


def _make_ready(python: Path) -> None:
    """See to it that the interpreter of an environment starts, and with the packages that are beside it."""
    if not os.path.lexists(python):
        raise LookupError("is in none of its archives: compare the names after the # with it")
    environment = python.parent.parent
    versions = sorted(folder.parent.name.removeprefix("python") for folder in environment.glob(_PACKAGES))
    answer = _answer(str(python))
    if answer and (not versions or answer[0] in versions):
        return
    linked = _VERSIONED.fullmatch(str(python.resolve()))
    version = versions[0] if versions else linked and linked[1]
    if not version:
        raise LookupError("does not start on this machine")
    _lead(python, _installed(version), version)


def _lead(python: Path, installed: str, version: str) -> None:
    for name in {python.name, "python", "python3", f"python{version}"}:
        link = python.with_name(name)
        link.unlink(missing_ok=True)
        link.symlink_to(installed)
    configuration = python.parent.parent / "pyvenv.cfg"
    others = configuration.read_text().splitlines() if configuration.exists() else []
    others = [line for line in others if not line.startswith("home")]
    configuration.write_text("\n".join([f"home = {Path(installed).parent}", *others, ""]))


def _installed(version: str) -> str:
    for candidate in _candidates(version):
        answer = _answer(candidate)
        if answer and answer[0] == version:
            return f"{answer[1]}/bin/python{version}"
    raise LookupError(
        f"is Python {version}: there is none on this machine; "
        f"install it, for example with `uv python install {version}`"
    )


def _candidates(version: str) -> Iterator[str]:
    name = f"python{version}"
    if version == _HERE:
        yield f"{sys.base_prefix}/bin/{name}"
    if on_the_path := shutil.which(name):
        yield on_the_path
    # Where uv and pyenv install them, whether they are on the PATH or not.
    home = Path.home()
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    for folder, pattern in (
        (Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or data / "uv" / "python"), f"cpython-{version}.*/bin/{name}"),
        (Path(os.environ.get("PYENV_ROOT") or home / ".pyenv") / "versions", f"{version}.*/bin/{name}"),
    ):
        yield from (str(found) for found in sorted(folder.glob(pattern)))


def _answer(python: str) -> tuple[str, str] | None:
    """The version of an interpreter and the prefix of its installation; `None` if it does not start."""
    own = {name: os.environ[name] for name in ("HOME", "PATH", "PYENV_ROOT") if name in os.environ}
    try:
        said = subprocess.run(  # noqa: S603 - what the job asks for, or a Python of this machine
            [python, "-c", _SHOW], env=own, cwd="/", capture_output=True, text=True, timeout=_SECONDS, check=True
        ).stdout
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    version, _, prefix = said.strip().partition(" ")
    return version, prefix
