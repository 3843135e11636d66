"""The process from which those of functions of Python are forked: it has imported what all of them import.

A new interpreter takes as long as a dozen calls of a function, nearly all of it for botocore. The server imports that
too; so it forks the host first of all, while it has one thread and has imported nothing else. On Linux alone:
elsewhere, what the system's libraries do in threads of their own does not outlive a fork.
"""

from __future__ import annotations

import builtins
import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import ssl
import sys
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

# What ministack's runtime of functions imports, and what a client of AWS needs beside.
_IMPORTED = ("botocore.handlers", "botocore.httpsession", "urllib.request", "traceback", "logging")
_IMPORTED_WITH_THEM = {"botocore", "dateutil", "jmespath", "six", "urllib3"}

# Variables that are read when the interpreter starts, or when one of these modules is imported.
_READ_EARLY = ("PYTHON", "LD_", "LC_", "LANG", "TZ", "HOME", "MALLOC_", "GLIBC_", "OPENSSL_")

_SIZE_BYTES = 4
_NAME = 15  # characters of a process's name, at most
_STREAMS = 3


def fork_host() -> socket.socket | None:
    """Fork the host; returns where it takes orders, or None where it is not to be forked.

    An order is a socket. On that comes, in turn, what to start with its standard streams (there), the process id
    (back), signals as bytes (there), and the exit code (back). The host ends with whoever gives orders.
    """
    if sys.platform != "linux":
        return None
    import botocore.session

    for module in _IMPORTED:
        importlib.import_module(module)
    botocore.session.Session()  # which compiles the patterns that every session uses
    ours, theirs = socket.socketpair()
    if os.fork():
        theirs.close()
        return ours
    ours.close()
    _forget_what_functions_do_not_import()
    _serve(theirs)
    sys.exit()


def _forget_what_functions_do_not_import() -> None:
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    if not sys.flags.safe_path:
        del sys.path[0]
    known = sys.stdlib_module_names | _IMPORTED_WITH_THEM
    for name in [name for name in sys.modules if name.partition(".")[0] not in known]:
        del sys.modules[name]
    gc.freeze()


def _serve(orders: socket.socket) -> None:
    """Start processes until nobody is left who asks; each of them comes out of here, too."""
    running: dict[int, socket.socket] = {}
    selector = selectors.DefaultSelector()
    woken, wake = socket.socketpair()
    for end in (woken, wake):
        end.settimeout(0)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake.fileno())
    selector.register(orders, selectors.EVENT_READ)
    selector.register(woken, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is woken:
                with contextlib.suppress(BlockingIOError):
                    woken.recv(4096)
                _tell_exit_codes(running, selector)
            elif key.fileobj is orders:
                _, received, _, _ = socket.recv_fds(orders, 1, 1)
                if not received:
                    return
                with contextlib.suppress(OSError):  # of whoever is gone before it has told what to start
                    control = socket.socket(fileno=received[0])
                    process = _start(control)
                    running[process] = control
                    selector.register(control, selectors.EVENT_READ, process)
                    control.sendall(b"%d\n" % process)
            elif key.data in running:
                _send_signals(key.data, running[key.data], selector)


def _start(control: socket.socket) -> int:
    header, streams, _, _ = socket.recv_fds(control, _SIZE_BYTES, _STREAMS)
    order = json.loads(_received(control, int.from_bytes(header, "big")))
    process = os.fork()
    if process:
        for stream in streams:
            os.close(stream)
        return process
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    for opened in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
        if opened >= _STREAMS:
            with contextlib.suppress(OSError):  # the listing itself is one
                os.close(opened)
    os.chdir(order["folder"])
    _run(**order)
    sys.exit()


def _received(control: socket.socket, size: int) -> bytes:
    parts: list[bytes] = []
    while missing := size - sum(map(len, parts)):
        parts.append(control.recv(missing))
        if not parts[-1]:
            raise ConnectionAbortedError
    return b"".join(parts)


def _send_signals(process: int, control: socket.socket, selector: selectors.BaseSelector) -> None:
    """Send the signals that were asked for: here it is certain whose process id it is, until it is waited for."""
    numbers = control.recv(16)
    if not numbers:  # whoever started it does not ask any more
        selector.unregister(control)
    for number in numbers:
        os.kill(process, number)


def _tell_exit_codes(running: dict[int, socket.socket], selector: selectors.BaseSelector) -> None:
    while running:
        process, status = os.waitpid(-1, os.WNOHANG)
        if not process:
            return
        control = running.pop(process)
        with contextlib.suppress(KeyError):
            selector.unregister(control)
        with contextlib.suppress(OSError):
            control.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
        control.close()


def _run(*, script: str, folder: str, environment: Mapping[str, str], trust: Mapping[str, str] | None) -> None:
    """Run the script as an interpreter does that is started with it."""
    if _would_notice(folder, environment):
        os.execve(sys.executable, [sys.executable, script], environment)  # noqa: S606 - as ministack starts it
    os.environ.clear()
    os.environ.update(environment)
    # What ps and top show of it is the server's command, and this name.
    Path("/proc/self/comm").write_text(environment.get("AWS_LAMBDA_FUNCTION_NAME", "")[-_NAME:])
    if trust:
        _look_authorities_up(**trust)
    sys.argv = [script]
    sys.path.insert(0, str(Path(script).parent))
    main = types.ModuleType("__main__")
    vars(main).update(__file__=script, __builtins__=builtins)
    sys.modules["__main__"] = main
    exec(compile(Path(script).read_text(encoding="utf-8"), script, "exec"), vars(main))  # noqa: S102 - ministack's


def _look_authorities_up(*, bundle: str, authority: str, authorities: str) -> None:
    """Have the authorities of `bundle` looked up when they are needed: reading all takes longer than several calls."""
    load = ssl.SSLContext.load_verify_locations

    def load_verify_locations(
        context: ssl.SSLContext, cafile: Any = None, capath: Any = None, cadata: Any = None
    ) -> None:
        if cafile == bundle and capath is None:
            cafile, capath = authority, authorities
        load(context, cafile, capath, cadata)

    ssl.SSLContext.load_verify_locations = load_verify_locations  # type: ignore[assignment, method-assign]


def _would_notice(folder: str, environment: Mapping[str, str]) -> bool:
    """Whether a function would notice that something was imported before it started, and before its modules."""
    if _read_early(os.environ) != _read_early(environment):
        return True
    imported = {name.partition(".")[0] for name in sys.modules}
    return any(
        entry.name.partition(".")[0] in imported
        for place in [Path(folder), *_folders_of_layers(environment)]
        if place.is_dir()
        for entry in place.iterdir()
    )


def _read_early(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_READ_EARLY)}


def _folders_of_layers(environment: Mapping[str, str]) -> Iterator[Path]:
    """Where else a function's modules are looked for."""
    for layer in filter(None, environment.get("_LAMBDA_LAYERS_DIRS", "").split(os.pathsep)):
        yield from (Path(layer), Path(layer, "python"), *Path(layer, "python", "lib").glob("*/site-packages"))
