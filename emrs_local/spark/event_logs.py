"""Event logs: what Spark writes down of a job, and what its history server shows.

https://spark.apache.org/docs/3.5.9/monitoring.html: each Spark context has a log of its own, a folder of files that are
rolled, or a single file.
"""

import os
import re
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_FOLDER: Final = "eventlog_v2_"
_IN_PROGRESS: Final = ".inprogress"
_FILE: Final = re.compile(r"events_(\d+)_")
_JOB_START: Final = b'{"Event":"SparkListenerJobStart"'
_JOB_END: Final = b'{"Event":"SparkListenerJobEnd"'
_STAGE_COMPLETED: Final = b'{"Event":"SparkListenerStageCompleted"'
_JOB_ID: Final = re.compile(rb'"Job ID":(\d+)')
_STAGE_IDS: Final = re.compile(rb'"Stage IDs":\[([\d,]*)\]')
_STAGE_ID: Final = re.compile(rb'"Stage ID":(\d+)')


def event_log_properties(directory: Path) -> Mapping[str, str]:
    """The Spark properties with which a job writes its event logs below `directory`, as the service's jobs do."""
    return {
        "spark.eventLog.dir": directory.as_uri(),
        "spark.eventLog.enabled": "true",
        "spark.eventLog.rolling.enabled": "true",
        # The default, and the properties that give access to S3.
        "spark.redaction.regex": r"(?i)secret|password|token|access[.]?key|linkFallback$",
    }


def event_logs(directory: Path) -> list[Path]:
    """The event logs directly below `directory`, the oldest first."""
    while directory.is_dir():
        with suppress(FileNotFoundError), os.scandir(directory) as entries:  # a log that is complete has another name
            found = [(entry.stat().st_ctime, entry.name) for entry in entries if _is_log(entry)]
            return [directory / name for _, name in sorted(found)]
    return []


def application_id(log: Path) -> str:
    """What Spark calls the application whose event log it is."""
    return log.name.removeprefix(_FOLDER).removesuffix(_IN_PROGRESS)


@dataclass
class _Reader:
    """How far a log has been read, and what was found."""

    file: Path | None = None
    position: int = 0
    stages: set[int] = field(default_factory=set)
    done: set[int] = field(default_factory=set)
    of_job: dict[int, set[int]] = field(default_factory=dict)

    def read(self, log: Path) -> None:
        """Read what is new."""
        files = _files(log)
        for file in files[files.index(self.file) if self.file in files else 0 :]:
            if file != self.file:
                self.file, self.position = file, 0
            with file.open("rb") as content:
                content.seek(self.position)
                for line in content:
                    if not line.endswith(b"\n"):
                        break  # it is being written
                    self.position += len(line)
                    self._take(line)

    def _take(self, line: bytes) -> None:
        if line.startswith(_STAGE_COMPLETED) and (stage := _STAGE_ID.search(line)):
            self.done.add(int(stage[1]))
        elif line.startswith(_JOB_START) and (job := _JOB_ID.search(line)) and (ids := _STAGE_IDS.search(line)):
            stages = {int(number) for number in ids[1].split(b",") if number}
            self.of_job[int(job[1])] = stages
            self.stages |= stages
        elif line.startswith(_JOB_END) and (job := _JOB_ID.search(line)):
            self.done |= self.of_job.pop(int(job[1]), set())  # those that were skipped, too


class StageCounts:
    """Counts stages in event logs; what was read once is not read again. Safe to use from many threads."""

    def __init__(self) -> None:
        self._readers: dict[Path, _Reader] = {}
        self._lock = threading.Lock()

    def of(self, directory: Path) -> tuple[int, int]:
        """How many stages are done, and how many there are so far, in the newest log below `directory`."""
        while logs := event_logs(directory):
            with self._lock, suppress(FileNotFoundError):  # as above
                reader = self._readers.setdefault(logs[-1], _Reader())
                reader.read(logs[-1])
                return len(reader.done & reader.stages), len(reader.stages)
        return 0, 0


def _is_log(entry: os.DirEntry[str]) -> bool:
    return not entry.name.startswith(".") and (entry.is_file() or entry.name.startswith(_FOLDER))


def _files(log: Path) -> list[Path]:
    if log.is_file():
        return [log]
    numbered = [(int(found[1]), file) for file in log.iterdir() if (found := _FILE.match(file.name))]
    return [file for _, file in sorted(numbered)]
