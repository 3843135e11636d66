"""The Spark UI of jobs that run or have ended: the history server of the Spark that is installed.

It is a Java virtual machine of 300 MB. So it is started when somebody opens the first address, not when one is asked
for: an address leads to a small server here, which starts it, shows it the event logs and redirects to their page.
"""

import http.client
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from emrs_local.endpoint import HOST
from emrs_local.processes import forget_group, record_group
from emrs_local.spark.class_archive import class_archive
from emrs_local.spark.configuration_files import java_properties
from emrs_local.spark.event_logs import application_id, event_logs
from emrs_local.spark.installation import java_home, missing_requirements, spark_home
from emrs_local.spark.java_command import MODULE_OPTIONS

_HISTORY_SERVER: Final = "org.apache.spark.deploy.history.HistoryServer"
_BOUND: Final = re.compile(r"Bound HistoryServer to \S+, and started at \S+:(\d+)")
_UPDATE_SECONDS: Final = 2
_START_SECONDS: Final = 300.0
_POLL_SECONDS: Final = 0.1
_LOG4J2: Final = {
    "rootLogger.level": "warn",
    "rootLogger.appenderRef.stderr.ref": "stderr",
    "appender.stderr.type": "Console",
    "appender.stderr.name": "stderr",
    "appender.stderr.target": "SYSTEM_ERR",
    "appender.stderr.layout.type": "PatternLayout",
    "appender.stderr.layout.pattern": "%d{yy/MM/dd HH:mm:ss} %p %c{1}: %m%n%ex",
    # Its own line says which port it has taken.
    "logger.history.name": _HISTORY_SERVER,
    "logger.history.level": "info",
}
# Java ends when this process does, however that ends: then the shell's input is at its end. The shell ends with Java.
_END_WITH_US: Final = 'exec 3<&0; "$@" 3<&- & java=$!; { read -r _ <&3; kill -9 $java; } & wait $java'


class HistoryServerError(Exception):
    """The history server does not start, or does not know a log; the message is for the user."""


class HistoryServer:
    """Shows event logs.

    Args:
        logs: Below it are the directories with event logs that may be shown.
        directory: A directory for what the history server writes.
        groups: The directory in which process groups are recorded while they exist.
    """

    def __init__(self, *, logs: Path, directory: Path, groups: Path) -> None:
        self._logs = logs
        self._directory = directory
        self._groups = groups
        self._door: ThreadingHTTPServer | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._lock = threading.Lock()  # held while Java starts
        self._opening = threading.Lock()

    def address(self, directory: Path) -> str:
        """An address that shows the newest event log directly below `directory`, once it is opened."""
        with self._opening:
            if self._door is None:
                self._door = ThreadingHTTPServer((HOST, 0), _door_to(self))
                self._door.daemon_threads = True
                threading.Thread(target=self._door.serve_forever, name="history-server-door", daemon=True).start()
            path = quote(directory.relative_to(self._logs).as_posix())
            return f"http://{HOST}:{self._door.server_port}/{path}"

    def page(self, path: str) -> str:
        """Where the history server shows the newest event log of the directory that is at `path`, below all logs.

        Raises:
            LookupError: There is none; the message is for the user.
            HistoryServerError: It does not start, or does not show it.
        """
        directory = self._logs / path
        if not directory.resolve().is_relative_to(self._logs.resolve()) or not (logs := event_logs(directory)):
            raise LookupError(
                "There is no event log: the job has no Spark context yet, or writes its event log elsewhere "
                "(spark.eventLog.enabled, spark.eventLog.dir)."
            )
        with self._lock:
            self._ensure_started()
            for log in logs:
                self._show(log)
        application = application_id(logs[-1])
        self._wait_until_known(application)
        return f"http://{HOST}:{self._port}/history/{quote(application)}/jobs/"

    def close(self) -> None:
        """End it."""
        with self._opening:
            if self._door:
                self._door.shutdown()
                self._door.server_close()
        with self._lock:
            self._end()

    @property
    def _shown(self) -> Path:
        """The directory that the history server looks at: it finds logs directly below one directory only."""
        return self._directory / "logs"

    @property
    def _errors(self) -> Path:
        return self._directory / "stderr"

    def _show(self, log: Path) -> None:
        link = self._shown / log.name
        if not link.is_symlink() or link.readlink() != log.absolute():
            link.unlink(missing_ok=True)
            link.symlink_to(log.absolute())
        for other in self._shown.iterdir():
            if not other.exists():  # a file in progress has another name when it is complete
                other.unlink()

    def _ensure_started(self) -> None:
        if self._process and self._is_answering():
            return
        self._end()
        java, spark = java_home(), spark_home()
        if java is None or spark is None:
            raise HistoryServerError(" ".join(missing_requirements()))
        configuration = self._directory / "conf"
        for directory in (configuration, self._shown):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        (configuration / "log4j2.properties").write_text(java_properties(_LOG4J2), encoding="utf-8")
        properties = {
            "spark.history.fs.logDirectory": f"file:{self._shown}",  # a path: nothing in it is decoded
            "spark.history.fs.update.interval": f"{_UPDATE_SECONDS}s",
            "spark.history.ui.port": "0",
        }
        archive = class_archive()
        command = [
            f"{java}/bin/java",
            "-cp",
            f"{spark}/jars/*:{configuration}",
            *(archive.java_options if archive else []),
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-Xmx512m",
            f"-Djava.io.tmpdir={self._directory}",
            *MODULE_OPTIONS,
            *(f"-D{name}={value}" for name, value in properties.items()),
            _HISTORY_SERVER,
        ]
        environment = {
            "HOME": str(self._directory),
            "LANG": "C.UTF-8",
            "PATH": os.environ.get("PATH", os.defpath),
            "SPARK_CONF_DIR": str(configuration),
            "SPARK_HOME": str(spark),
            "SPARK_LOCAL_IP": HOST,  # what its pages are bound to; without it, to all addresses
        }
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(  # noqa: S603 - Java
                ["/bin/sh", "-c", _END_WITH_US, "sh", *command],
                cwd=self._directory,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
            )
        record_group(self._groups, self._process.pid)
        deadline = time.monotonic() + _START_SECONDS
        while not (bound := _BOUND.search(self._written())):
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise HistoryServerError(f"Spark's history server did not start: {self._written()}")
            time.sleep(_POLL_SECONDS)
        self._port = int(bound[1])

    def _wait_until_known(self, application: str) -> None:
        """Wait until it has looked at the directory again."""
        deadline = time.monotonic() + _START_SECONDS
        while self._status(f"/api/v1/applications/{quote(application)}") != http.client.OK:
            if time.monotonic() > deadline:
                raise HistoryServerError(f"Spark's history server cannot read the log: {self._written()}")
            time.sleep(_POLL_SECONDS)

    def _is_answering(self) -> bool:
        return self._status("/api/v1/version") == http.client.OK

    def _status(self, path: str) -> int | None:
        """How it answers; None when it does not."""
        connection = http.client.HTTPConnection(HOST, self._port, timeout=_START_SECONDS)
        with closing(connection), suppress(OSError, http.client.HTTPException):
            connection.request("GET", path)
            return connection.getresponse().status
        return None

    def _written(self) -> str:
        return self._errors.read_text(encoding="utf-8", errors="replace")

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        forget_group(self._groups, process.pid)
        shutil.rmtree(self._shown, ignore_errors=True)


def _door_to(history_server: HistoryServer) -> type[BaseHTTPRequestHandler]:
    class Door(BaseHTTPRequestHandler):
        """Redirects to the page of the log that the path names."""

        def do_GET(self) -> None:
            """Answer a browser."""
            path = unquote(urlsplit(self.path).path).strip("/")
            try:
                location = history_server.page(path)
            except LookupError as error:
                self._answer(http.client.NOT_FOUND, str(error.args[0]))
            except (HistoryServerError, OSError) as error:
                self._answer(http.client.BAD_GATEWAY, str(error))
            else:
                self._answer(http.client.FOUND, "", Location=location)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name is the base's
            """Say nothing: standard error is the server's log."""

        def _answer(self, status: int, text: str, **headers: str) -> None:
            body = f"{text}\n".encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Type": "text/plain; charset=utf-8"}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Door
