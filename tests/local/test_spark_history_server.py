"""The history server of the Spark that is installed shows the event logs of jobs that run and that have ended."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

import pytest

from emrs_local.processes import group_exists
from emrs_local.spark.event_logs import StageCounts, event_logs
from emrs_local.spark.history_server import HistoryServer
from tests.local.emr_serverless_support import wait_until


def stage(number: int) -> dict[str, Any]:
    described = {"Stage ID": number, "Stage Attempt ID": 0, "Stage Name": "count", "Number of Tasks": 2}
    return {**described, "RDD Info": [], "Parent IDs": [], "Details": "", "Accumulables": [], "Resource Profile Id": 0}


def job_start(number: int, *stages: int) -> dict[str, Any]:
    infos = [stage(identity) for identity in stages]
    described = {"Job ID": number, "Submission Time": 1, "Stage Infos": infos, "Stage IDs": list(stages)}
    return {"Event": "SparkListenerJobStart", **described, "Properties": {}}


def stage_completed(number: int) -> dict[str, Any]:
    return {"Event": "SparkListenerStageCompleted", "Stage Info": stage(number)}


def job_end(number: int) -> dict[str, Any]:
    succeeded = {"Result": "JobSucceeded"}
    return {"Event": "SparkListenerJobEnd", "Job ID": number, "Completion Time": 2, "Job Result": succeeded}


ENVIRONMENT = (
    "JVM Information",
    "Spark Properties",
    "Hadoop Properties",
    "System Properties",
    "Metrics Properties",
    "Classpath Entries",
)


class Log:
    """An event log in several files, as Spark writes it."""

    def __init__(self, directory: Path, application: str) -> None:
        self.application = application
        self.folder = directory / f"eventlog_v2_{application}"
        self.folder.mkdir(parents=True)
        self.status = self.folder / f"appstatus_{application}.inprogress"
        self.status.touch()
        start = {"App Name": f"the job {application}", "App ID": application, "Timestamp": 1, "User": "hadoop"}
        self.write({"Event": "SparkListenerLogStart", "Spark Version": "3.5.9"})
        self.write({"Event": "SparkListenerEnvironmentUpdate", **{key: {} for key in ENVIRONMENT}})
        self.write({"Event": "SparkListenerApplicationStart", **start})

    def write(self, *events: dict[str, Any], file: int = 1) -> None:
        with (self.folder / f"events_{file}_{self.application}").open("a") as log:
            log.writelines(f"{json.dumps(event, separators=(',', ':'))}\n" for event in events)

    def end(self) -> None:
        self.write({"Event": "SparkListenerApplicationEnd", "Timestamp": 3})
        self.status.rename(self.folder / self.status.stem)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("history server")


@pytest.fixture(scope="module")
def history(directory: Path) -> Iterator[HistoryServer]:
    (directory / "server").mkdir()
    server = HistoryServer(
        logs=directory / "logs", directory=directory / "server", groups=directory / "server" / "groups"
    )
    yield server
    server.close()
    assert list((directory / "server" / "groups").iterdir()) == []


def opened(address: str) -> tuple[str, str]:
    """Where an address leads, and the page."""
    with urllib.request.urlopen(address) as answer:  # noqa: S310 - of this machine
        return answer.url, answer.read().decode()


def asked(page: str, path: str) -> Any:
    """What the API of the history server answers about the application whose page it is."""
    parts = urlsplit(page)
    application = parts.path.split("/")[2]
    return json.loads(opened(f"http://{parts.netloc}/api/v1/applications/{application}{path}")[1])


def test_the_pages_and_the_api_follow_a_job_that_runs(history: HistoryServer, directory: Path) -> None:
    log = Log(directory / "logs" / "00frunning" / "1", "local-1")
    log.write(job_start(0, 0, 1), stage_completed(0))
    page, text = opened(history.address(directory / "logs" / "00frunning" / "1"))
    assert urlsplit(page).path == "/history/local-1/jobs/"
    assert "the job local-1" in text
    assert asked(page, "")["attempts"][0]["completed"] is False
    assert [job["status"] for job in asked(page, "/jobs")] == ["RUNNING"]
    log.write(stage_completed(1), job_end(0), file=2)
    log.end()
    wait_until(lambda: asked(page, "")["attempts"][0]["completed"])
    wait_until(lambda: [job["status"] for job in asked(page, "/jobs")] == ["SUCCEEDED"])


def test_it_is_one_process_that_answers_on_the_loopback_address_alone(history: HistoryServer, directory: Path) -> None:
    pages = []
    for run in ("00fone", "00ftwo"):
        Log(directory / "logs" / run / "1", f"local-{run}").end()
        pages.append(opened(history.address(directory / "logs" / run / "1"))[0])
    assert urlsplit(pages[0]).netloc == urlsplit(pages[1]).netloc
    assert asked(pages[1], "")["name"] == "the job local-00ftwo"
    for address in (*pages, history.address(directory / "logs" / "00fone" / "1")):
        port = urlsplit(address).port
        assert port
        # Each 127.x is an address of this machine, to which a server on all addresses answers.
        for other in ("127.0.0.2", "::1"):
            with pytest.raises(ConnectionError):
                socket.create_connection((other, port), timeout=300)


def test_the_newest_spark_context_of_a_job_is_shown(history: HistoryServer, directory: Path) -> None:
    logs = directory / "logs" / "00fmany" / "1"
    Log(logs, "local-10").end()
    newest = Log(logs, "local-11")
    newest.write(job_start(0, 0))
    assert event_logs(logs)[-1] == newest.folder
    assert urlsplit(opened(history.address(logs))[0]).path == "/history/local-11/jobs/"


@pytest.mark.parametrize("path", ["00fnothing/1", "../server/conf", "..", ""])
def test_a_page_says_that_there_is_no_event_log(history: HistoryServer, directory: Path, path: str) -> None:
    (directory / "logs").mkdir(exist_ok=True)
    door = urlsplit(history.address(directory / "logs" / "00fnothing" / "1")).netloc
    connection = http.client.HTTPConnection(door, timeout=300)
    connection.request("GET", f"/{path}")
    answer = connection.getresponse()
    assert (answer.status, b"There is no event log" in answer.read()) == (404, True)
    connection.close()


def test_a_history_server_that_has_ended_is_started_again(history: HistoryServer, directory: Path) -> None:
    Log(directory / "logs" / "00fagain" / "1", "local-again").end()
    before = opened(history.address(directory / "logs" / "00fagain" / "1"))[0]
    (group,) = (int(entry.name) for entry in (directory / "server" / "groups").iterdir())
    os.killpg(group, signal.SIGKILL)
    wait_until(lambda: not answers(before))
    after = opened(history.address(directory / "logs" / "00fagain" / "1"))[0]
    assert asked(after, "")["name"] == "the job local-again"


def answers(address: str) -> bool:
    try:
        opened(address)
    except (OSError, HTTPError):
        return False
    return True


STARTS_ONE = """
import sys, time, urllib.request
from pathlib import Path
from emrs_local.spark.history_server import HistoryServer
directory = Path(sys.argv[1])
server = HistoryServer(logs=directory / "logs", directory=directory / "of-killed", groups=directory / "killed-groups")
(directory / "of-killed").mkdir()
print(urllib.request.urlopen(server.address(directory / "logs" / "00fkilled" / "1")).url, flush=True)
time.sleep(3600)
"""


def test_it_ends_with_the_process_that_started_it_when_that_is_killed(directory: Path) -> None:
    Log(directory / "logs" / "00fkilled" / "1", "local-killed").end()
    process = subprocess.Popen([sys.executable, "-c", STARTS_ONE, str(directory)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    page = process.stdout.readline().strip()
    (group,) = (int(entry.name) for entry in (directory / "killed-groups").iterdir())
    assert answers(page)
    process.kill()
    process.communicate()
    wait_until(lambda: not answers(page))
    wait_until(lambda: not group_exists(group))


def test_stages_are_counted_as_the_log_grows(tmp_path: Path) -> None:
    counts = StageCounts()
    assert counts.of(tmp_path / "logs") == (0, 0)
    log = Log(tmp_path / "logs", "local-1")
    assert counts.of(tmp_path / "logs") == (0, 0)
    log.write(job_start(0, 0, 1, 2), stage_completed(0))
    assert counts.of(tmp_path / "logs") == (1, 3)
    with (log.folder / "events_1_local-1").open("a") as unfinished:
        unfinished.write('{"Event":"SparkListenerStageCompleted"')
    assert counts.of(tmp_path / "logs") == (1, 3)
    with (log.folder / "events_1_local-1").open("a") as unfinished:
        unfinished.write(',"Stage Info":{"Stage ID":2}}\n')
    log.write(job_end(0), job_start(1, 3), file=2)
    assert counts.of(tmp_path / "logs") == (3, 4)  # the stage that was skipped is done too
    Log(tmp_path / "logs", "local-2").write(job_start(0, 0))
    assert counts.of(tmp_path / "logs") == (0, 1)


def test_a_log_of_one_file_is_found_while_it_gets_its_last_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, scan = tmp_path / "local-1.inprogress", os.scandir
    events = (job_start(0, 0, 1), stage_completed(0))
    log.write_text("".join(f"{json.dumps(event, separators=(',', ':'))}\n" for event in events))

    def scan_too_early(directory: Path) -> AbstractContextManager[list["os.DirEntry[str]"]]:
        with scan(directory) as entries:
            found = list(entries)
        if log.exists():
            log.rename(tmp_path / "local-1")
        return nullcontext(found)

    monkeypatch.setattr(os, "scandir", scan_too_early)
    assert event_logs(tmp_path) == [tmp_path / "local-1"]
    assert StageCounts().of(tmp_path) == (1, 2)
    (tmp_path / "local-1").rename(log)
    found = event_logs(tmp_path)
    names = iter([[log], found])
    monkeypatch.setattr("emrs_local.spark.event_logs.event_logs", lambda _: next(names))
    assert (found, StageCounts().of(tmp_path)) == ([tmp_path / "local-1"], (1, 2))
