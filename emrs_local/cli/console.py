"""What the command line prints: state changes as lines, and on a terminal colours and the time of active job runs."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import TextIO

TERMINAL_STATES = ("SUCCESS", "FAILED", "CANCELLED")

_COLOURS = {"SUCCESS": "32", "FAILED": "31", "CANCELLED": "33"}
_STATES = re.compile(r"\b(?:" + "|".join(_COLOURS) + r")\b")
_JOB_RUN_STATE = re.compile(r"(?:^|.*  )job run (?P<id>\S+) \((?P<name>.*)\)  (?:[A-Z]+ → )?(?P<state>[A-Z]+)")
_TICK_SECONDS = 1.0
_FEWEST_ROWS = 4


def is_terminal(stream: TextIO) -> bool:
    """Whether a stream is a terminal that can more than print."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def coloured(text: str, stream: TextIO) -> str:
    """`text` with its states in colour if `stream` is a terminal, and NO_COLOR (https://no-color.org) is not set."""
    if not is_terminal(stream) or os.environ.get("NO_COLOR"):
        return text
    return _STATES.sub(lambda state: f"\033[{_COLOURS[state[0]]}m{state[0]}\033[0m", text)


def clock(seconds: float) -> str:
    """A duration as 0:42, 12:05 or 1:02:03."""
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


class Console:
    """Prints what happens in a local AWS; on a terminal its last row says how long the active job runs take.

    The row is kept out of the part of the screen that scrolls: what commands print does not disturb it.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._terminal = is_terminal(self._stream)
        self._writing = threading.RLock()
        self._active: dict[str, tuple[str, str, float]] = {}
        self._notes: dict[str, str] = {}
        self._reserved: os.terminal_size | None = None
        self._closed = threading.Event()
        self._ticker: threading.Thread | None = None

    def __enter__(self) -> Console:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closed.set()
        if self._ticker:
            self._ticker.join()
        self._release()

    @property
    def is_terminal(self) -> bool:
        """Whether it prints to a terminal."""
        return self._terminal

    def line(self, text: str) -> None:
        """Print a line."""
        with self._writing:
            print(coloured(text, self._stream), file=self._stream, flush=True)

    def event(self, text: str) -> None:
        """Print the change of a state, and follow the time of the job run that it is about."""
        self.line(text)
        found = _JOB_RUN_STATE.fullmatch(text) if self._terminal else None
        if found is None:
            return
        with self._writing:
            if found["state"] in TERMINAL_STATES:
                self._active.pop(found["id"], None)
            else:
                _, _, since = self._active.get(found["id"], ("", "", time.monotonic()))
                self._active[found["id"]] = (found["name"], found["state"], since)
            self._draw()
            if self._ticker is None:
                self._ticker = threading.Thread(target=self._tick, name="emrs-local-console", daemon=True)
                self._ticker.start()

    def note(self, job_run_id: str, text: str) -> None:
        """Show more about an active job run, behind its time."""
        with self._writing:
            self._notes[job_run_id] = text

    def _tick(self) -> None:
        while not self._closed.wait(_TICK_SECONDS):
            self._draw()

    def _draw(self) -> None:
        with self._writing:
            size = self._size()
            if not self._active or size is None:
                self._release()
                return
            if size != self._reserved:
                # A row down and up again, which scrolls if the cursor is in the last; then all rows but that scroll.
                self._write(f"\033D\0337\033[1;{size.lines - 1}r\0338\033[A")
                self._reserved = size
            runs = [
                f"{name} {state} {clock(time.monotonic() - since)} {self._notes.get(job_run_id, '')}".rstrip()
                for job_run_id, (name, state, since) in self._active.items()
            ]
            shown = ", ".join(runs)[: size.columns - 1]
            self._write(f"\0337\033[{size.lines};1H\033[2K{shown}\0338")

    def _release(self) -> None:
        with self._writing:
            if self._reserved:
                self._write("\0337\033[r\0338\033[J")
                self._reserved = None

    def _size(self) -> os.terminal_size | None:
        with suppress(OSError):
            size = os.get_terminal_size(self._stream.fileno())
            return size if size.lines >= _FEWEST_ROWS else None
        return None

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
