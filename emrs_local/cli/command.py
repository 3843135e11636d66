"""Running the user's command so that it, and all it started, ends with Ctrl-C, also without a terminal."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from emrs_local.local_aws import LocalAwsError
from emrs_local.processes import end_group, wait_for_end

# CDK and make end at once; what does not gets the time to undo what it did.
_GRACE_SECONDS = 10.0


def run_command(command: Sequence[str], *, environment: Mapping[str, str]) -> int:
    """Run a command with this process's input and output.

    Returns:
        Its exit code, 128 and the signal's number if a signal ended it, as in a shell.

    Raises:
        LocalAwsError: The command cannot be started.
        KeyboardInterrupt: This process was interrupted; the command and its children have ended.
    """
    with _terminal_given_back(), _HeldBack() as held_back:
        try:
            process = subprocess.Popen(  # noqa: S603 - running the user's command is the purpose
                command, env=dict(environment), process_group=0
            )
        except OSError as error:
            raise LocalAwsError(f"cannot run {command[0]}: {error.strerror}") from error
        try:
            held_back.release()
            _give_terminal_to(process.pid)
            code = wait_for_end(process)
        except BaseException:
            _interrupt(process)
            raise
    return code if code >= 0 else 128 - code


class _HeldBack:
    """Holds Ctrl-C back while a command starts: an interrupted `Popen` leaves one behind that nobody knows."""

    def __init__(self) -> None:
        self._came: list[int] = []
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> _HeldBack:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._handlers[number] = signal.signal(number, lambda number, _: self._came.append(number))
        return self

    def __exit__(self, *_exception: object) -> None:
        self.release()

    def release(self) -> None:
        """Let it come, also what came meanwhile."""
        while self._handlers:
            signal.signal(*self._handlers.popitem())
        while self._came:
            signal.raise_signal(self._came.pop())


def _interrupt(process: subprocess.Popen[bytes]) -> None:
    """End the command as Ctrl-C would, then what is left of its group by force."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_SECONDS)
    process.kill()
    process.wait()
    end_group(process.pid, grace_seconds=1)


def _owns_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty() and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()


def _give_terminal_to(group: int) -> None:
    """Make the command the terminal's foreground job: it may ask questions, and Ctrl-C goes to it and its children."""
    if _owns_terminal():
        os.tcsetpgrp(sys.stdin.fileno(), group)
        # It is stopped if it has asked already, as a background job.
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a zombie
            os.killpg(group, signal.SIGCONT)


@contextmanager
def _terminal_given_back() -> Iterator[None]:
    owned = _owns_terminal()
    try:
        yield
    finally:
        if owned:
            # A background job that takes the terminal is stopped, unless it ignores the signal for that.
            before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
            os.tcsetpgrp(sys.stdin.fileno(), os.getpgrp())
            signal.signal(signal.SIGTTOU, before)
