"""What drivers print, kept for `emrs-local logs` whatever the run's log destinations are.

No API of AWS reads a driver's output wherever it is delivered to, nor before it is delivered: this is the local AWS's
own. A request for it is signed like every other, and answered to whoever may open the run's dashboard.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STREAMS = ("stdout", "stderr")

# Where `emrs-local runs` finds the job runs: lists of the service have none of an application that is deleted.
ALL_JOB_RUNS = "/emrs-local/jobruns"

_CHUNK_BYTES = 1024 * 1024
_STAGES_ROUTE = re.compile(r"/emrs-local/applications/([0-9a-z]+)/jobruns/([0-9a-z]+)/stages")
_ROUTE = re.compile(r"/emrs-local/applications/([0-9a-z]+)/jobruns/([0-9a-z]+)/([0-9]+)/(stdout|stderr)")


def output_path(*, application_id: str, job_run_id: str, attempt: int, stream: str) -> str:
    """The path of the URL for one stream of one attempt."""
    return f"/emrs-local/applications/{application_id}/jobruns/{job_run_id}/{attempt}/{stream}"


def stages_path(*, application_id: str, job_run_id: str) -> str:
    """The path of the URL for how far the stages of a run are."""
    return f"/emrs-local/applications/{application_id}/jobruns/{job_run_id}/stages"


def requested_stages(method: str, path: str) -> tuple[str, str] | None:
    """Application and run whose stages a request is for; None if it is for something else."""
    found = _STAGES_ROUTE.fullmatch(path) if method == "GET" else None
    return (found[1], found[2]) if found else None


def requested_output(method: str, path: str) -> tuple[str, str, int, str] | None:
    """Application, run, attempt and stream that a request is for; None if it is for something else."""
    found = _ROUTE.fullmatch(path) if method == "GET" else None
    if found is None:
        return None
    application_id, job_run_id, attempt, stream = found.groups()
    return application_id, job_run_id, int(attempt), stream


class DriverOutput:
    """The output of every attempt since the server started.

    Args:
        directory: Where the output of ended drivers is kept.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._files: dict[tuple[str, int, str], Path] = {}
        self._moving = threading.Lock()

    @contextmanager
    def kept(self, job_run_id: str, attempt: int, *, stdout: Path, stderr: Path) -> Iterator[None]:
        """Let the files be read while the driver writes them, and keep them afterwards."""
        files = dict(zip(STREAMS, (stdout, stderr), strict=True))
        with self._moving:
            self._files.update({(job_run_id, attempt, stream): file for stream, file in files.items()})
        try:
            yield
        finally:
            directory = self._directory / job_run_id / str(attempt)
            directory.mkdir(parents=True)
            with self._moving:
                for stream, file in files.items():
                    with contextlib.suppress(FileNotFoundError):  # a driver that did not start wrote nothing
                        self._files[job_run_id, attempt, stream] = file.rename(directory / stream)

    def read(self, job_run_id: str, attempt: int, stream: str, *, offset: int) -> bytes:
        """At most a mebibyte of what a driver wrote so far; nothing if there is no more, or no driver yet."""
        with self._moving:
            file = self._files.get((job_run_id, attempt, stream))
            if file is None or not file.exists():
                return b""
            with file.open("rb") as opened:
                opened.seek(offset)
                return opened.read(_CHUNK_BYTES)
