"""Finds the Python process of a PySpark job."""

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

_WORKERS: Final = "pyspark.daemon"
_PROC: Final = Path("/proc")


def python_drivers(java: int) -> list[int]:
    """The ids of the processes that are the Python drivers of a Java process; there is one, or none yet.

    Java also starts the process that Python workers are forked from, and Hadoop's helpers for a moment.
    """
    processes = _of_linux() if _PROC.is_dir() else _of_ps()
    return [process for process, parent, command in processes if parent == java and _is_driver(command)]


def _is_driver(command: str) -> bool:
    return "python" in command.lower() and _WORKERS not in command


def _of_linux() -> Iterator[tuple[int, int, str]]:
    for directory in _PROC.iterdir():
        if directory.name.isdigit():
            with suppress(OSError):  # it has ended
                # The name, in parentheses, may have anything in it.
                parent = (directory / "stat").read_text(errors="replace").rpartition(")")[2].split()[1]
                command = (directory / "cmdline").read_text(errors="replace").replace("\0", " ")
                yield int(directory.name), int(parent), command


def _of_ps() -> Iterator[tuple[int, int, str]]:
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,command="], capture_output=True, text=True, check=False)  # noqa: S607 - ps of the PATH
    for line in listed.stdout.splitlines():
        process, parent, *command = line.split(maxsplit=2)
        yield int(process), int(parent), " ".join(command)
