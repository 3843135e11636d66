"""Process groups: starting programs so that all they start can be ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any


def wait_for_end(process: subprocess.Popen[Any]) -> int:
    """Wait until a process ends; its exit code.

    Ctrl-C that comes just before Python waits in the kernel would not end that, so it does not wait there for long.
    """
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(timeout=1)


def end_group(group: int, *, grace_seconds: float) -> None:
    """End every process of a group: asked to, then killed when the grace period is over."""
    for number, seconds in ((signal.SIGTERM, grace_seconds), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not group_exists(group):
                return
            time.sleep(0.05)


def group_exists(group: int) -> bool:
    """Whether a process of the group is left; children that nobody waited for count."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def record_group(directory: Path, group: int) -> None:
    """Note a group outside of the server's own, so that it can be ended even if the server was killed."""
    directory.mkdir(exist_ok=True)
    (directory / str(group)).touch()


def forget_group(directory: Path, group: int) -> None:
    """Undo `record_group` when the group has ended."""
    (directory / str(group)).unlink(missing_ok=True)


def end_recorded_groups(directory: Path) -> None:
    """End every group that was recorded and not forgotten."""
    if directory.is_dir():
        for entry in directory.iterdir():
            end_group(int(entry.name), grace_seconds=0)
