"""Finds uv and runs it: https://docs.astral.sh/uv/reference/cli/."""

import importlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from .errors import UnusableError

_EXTRA = "constructs-emrs[uv]"
_LINES = 2
# What older versions draw: https://docs.rs/miette. Newer ones point at the place in a line.
_DRAWN = re.compile(r"^\s*(?:[\u00d7│├╰─▶]+\s*)*|\s*\^+\s*$")
_FIELD = re.compile(r"(error|cause|hint|warning): ")
_UNREACHABLE = re.compile(r"network|connect|failed to fetch|dns error", re.IGNORECASE)
_NO_WHEEL = re.compile(r"no (?:usable )?wheels|Wheels are required|Building source distributions")


def run_uv(*arguments: str, folder: Path, problem: str, remedy: str = "change what is required") -> str:
    """What uv writes to its output.

    Args:
        *arguments: Its arguments.
        folder: Where it runs: relative paths, and the settings of a project, are those of this folder.
        problem: What to say if it fails.
        remedy: What to do about it, unless uv says what tells more.

    Raises:
        UnusableError: There is no uv, or it failed.
    """
    uv = _find()
    if uv is None:
        raise UnusableError("uv is needed to get them, and is not here", f"pip install '{_EXTRA}'")
    done = subprocess.run(  # noqa: S603 - uv itself
        [uv, *arguments, "--quiet", "--no-progress", "--no-python-downloads"],
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise UnusableError(problem, _remedy(done.stderr) or remedy, list(_reason(done.stderr))[:_LINES])
    return done.stdout


def _find() -> str | None:
    """The uv of the package, which is in the environment of the app, or one on the PATH."""
    try:
        return str(importlib.import_module("uv").find_uv_bin())
    except (ImportError, FileNotFoundError):
        return shutil.which("uv")


def _remedy(said: str) -> str | None:
    if _UNREACHABLE.search(said):
        return "look at the network, or at UV_OFFLINE and the index in UV_INDEX"
    if _NO_WHEEL.search(said):
        return "use a version that has a wheel for that, or build one and list its file"
    return None


def _reason(said: str) -> Iterator[str]:
    """Why uv failed, then its hint, each in a line."""
    texts: list[tuple[str, str]] = []
    for line in said.splitlines():
        plain = _DRAWN.sub("", line).strip()
        match = _FIELD.match(plain)
        if match:
            texts.append((match[1], plain.removeprefix(match[0])))
        elif not plain:
            texts.append(("", ""))
        elif texts:
            texts[-1] = (texts[-1][0], f"{texts[-1][1]} {plain}".strip())
        else:
            texts.append(("error", plain))
    errors = [text for field, text in texts if field in {"error", "cause", ""} and text]
    # The heading says less than what it is the heading of.
    yield " ".join(errors[1:] if len(errors) > 1 and errors[0].startswith("No solution") else errors)
    yield from (f"hint: {text}" for field, text in texts if field == "hint")
