"""The processes of functions of Python, forked from `function_host`."""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import io
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what it imports may not be installed
    from emrs_local.certificate import Certificate

_READ_BYTES = 65536
_READ_SECONDS = 5.0  # nothing is read any more; the log is late then


def fork_functions(host: socket.socket, certificate: Certificate) -> None:
    """Fork the processes of functions of Python where ministack 1.5.33 starts an interpreter for each.

    It still does where a function brings botocore, or a variable that an interpreter reads when it starts.

    Args:
        host: Where the host takes orders.
        certificate: Whom functions trust.
    """
    from ministack.core import lambda_runtime

    original = lambda_runtime.Worker._drain_stderr_bounded

    def drain(worker: Any, *arguments: Any) -> str:
        """What was logged; ministack 1.5.33 waits for 50 ms, in case that more comes."""
        if isinstance(worker._proc, ForkedProcess):
            worker._proc.stderr.wait_until_read()
            return str(lambda_runtime.Worker._drain_stderr(worker))
        return str(original(worker, *arguments))

    lambda_runtime.subprocess = _Subprocess(FunctionHost(host, certificate))
    lambda_runtime.Worker._drain_stderr_bounded = drain


class FunctionHost:
    """Starts processes.

    Args:
        orders: Where the host takes orders.
        certificate: Whom functions trust.
    """

    def __init__(self, orders: socket.socket, certificate: Certificate) -> None:
        self._orders = orders
        self._trust = certificate.authorities and {
            "bundle": str(certificate.ca_bundle),
            "authority": str(certificate.authority),
            "authorities": str(certificate.authorities),
        }
        self._lock = threading.Lock()

    def start(self, script: str, *, folder: str, environment: Mapping[str, str]) -> ForkedProcess:
        """Start a process of Python that runs `script`; from any thread.

        Raises:
            OSError: The host is gone.
        """
        asked = {"script": script, "folder": folder, "environment": dict(environment), "trust": self._trust}
        order = json.dumps(asked).encode()
        control, theirs = socket.socketpair()
        (stdin, to_stdin), (from_stdout, stdout), (from_stderr, stderr) = (os.pipe() for _ in range(3))
        try:
            with self._lock:
                socket.send_fds(self._orders, [b"+"], [theirs.fileno()])
            socket.send_fds(control, [len(order).to_bytes(4, "big")], [stdin, stdout, stderr])
            theirs.close()  # so that an answer ends when the host does
            control.sendall(order)
            return ForkedProcess(control, (to_stdin, from_stdout, from_stderr))
        except OSError:
            control.close()
            for end in (to_stdin, from_stdout, from_stderr):
                os.close(end)
            raise
        finally:
            theirs.close()
            for end in (stdin, stdout, stderr):
                os.close(end)


class ForkedProcess:
    """What ministack uses of a `subprocess.Popen(text=True, bufsize=1)`.

    Raises:
        ConnectionError: The host is gone.
    """

    def __init__(self, control: socket.socket, streams: Sequence[int]) -> None:
        self.returncode: int | None = None
        self._control = control
        self._lock = threading.Lock()
        self._answers = control.makefile("rb")
        line = self._answers.readline()
        if not line:
            raise ConnectionError("the host of functions is gone")
        self.pid = int(line)
        self.stdin = os.fdopen(streams[0], "w", buffering=1)
        self.stdout, self.stderr = os.fdopen(streams[1]), Log(streams[2])

    def poll(self) -> int | None:
        """The exit code, or None while the process runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until the process ends; its exit code.

        Raises:
            subprocess.TimeoutExpired: It has not ended after `timeout` seconds.
        """
        with self._lock:
            if self.returncode is None:
                with selectors.DefaultSelector() as selector:
                    selector.register(self._control, selectors.EVENT_READ)
                    if not selector.select(timeout):
                        raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
                # Without an answer the host was killed; the process ends when its standard input does.
                self.returncode = int(self._answers.readline() or -signal.SIGKILL)
                self._answers.close()
                self._control.close()
            return self.returncode

    def terminate(self) -> None:
        """Ask the process to end."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """End the process."""
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(OSError):
                self._control.send(bytes([number]))


class Log:
    """The lines that come out of a pipe, for one reader; others are told when it has taken all that was written."""

    def __init__(self, pipe: int) -> None:
        self._pipe = os.fdopen(pipe, "rb", buffering=0)
        self._changed = threading.Condition()
        self._waiting = False

    def __iter__(self) -> Iterator[str]:
        # As a file of text reads: a line ends with \r, too.
        decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8")("replace"), translate=True)
        unfinished = ""
        with self._pipe, selectors.DefaultSelector() as selector:
            selector.register(self._pipe, selectors.EVENT_READ)
            while read := self._next(selector):
                *lines, unfinished = (unfinished + decoder.decode(read)).split("\n")
                yield from (f"{line}\n" for line in lines)
        if unfinished:
            yield unfinished
        self._set_waiting(waiting=True)

    def _next(self, selector: selectors.BaseSelector) -> bytes | None:
        self._set_waiting(waiting=True)
        selector.select()
        self._set_waiting(waiting=False)
        return self._pipe.read(_READ_BYTES)

    def read(self, size: int) -> str:
        """What was written and not taken by the reader, at most `size` bytes."""
        return (self._pipe.read(size) or b"").decode(errors="replace")

    def wait_until_read(self) -> None:
        """Wait until the reader has taken what is in the pipe now, and asks for more."""
        with self._changed:
            # In this order: who has emptied the pipe is not waiting until the lines are taken.
            self._changed.wait_for(lambda: not self._holds_something() and self._waiting, timeout=_READ_SECONDS)

    def _holds_something(self) -> bool:
        try:
            size = fcntl.ioctl(self._pipe, termios.FIONREAD, bytes(4))
        except ValueError:  # it is closed
            return False
        return any(size)

    def _set_waiting(self, *, waiting: bool) -> None:
        with self._changed:
            self._waiting = waiting
            self._changed.notify_all()


class _Subprocess:
    """The module `subprocess`, with another Popen for functions of Python."""

    def __init__(self, host: FunctionHost) -> None:
        self._host = host

    def __getattr__(self, name: str) -> Any:
        return getattr(subprocess, name)

    def Popen(self, command: list[str], **options: Any) -> Any:  # noqa: N802 - the name is `subprocess`'s
        if command[0] == sys.executable:
            with contextlib.suppress(OSError):
                return self._host.start(command[1], folder=options["cwd"], environment=options["env"])
        return subprocess.Popen(command, **options)  # noqa: S603 - what ministack starts
