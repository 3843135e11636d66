"""`emrs-local ui`: the Spark UI of a job run, and of event logs."""

from __future__ import annotations

import sys
import tempfile
import time
import webbrowser
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import urlsplit

from emrs_local.cli.aws_account import AwsAccount
from emrs_local.cli.console import is_terminal
from emrs_local.cli.job_runs import find_job_run
from emrs_local.cli.submit import Account
from emrs_local.local_aws import LocalAwsError
from emrs_local.spark.event_logs import event_logs
from emrs_local.spark.history_server import HistoryServer

_FOLDER = "eventlog_v2_"


def show_job_run(account: Account, wanted: str | None, *, attempt: int | None) -> None:
    """Print the address of a run's UI, and open it if there is a terminal.

    Args:
        account: Where the run is.
        wanted: The id of the run, or its name, which is the newest run of that name; None for the newest run.
        attempt: Which attempt; the last if None.
    """
    found = find_job_run(account.job_runs(), wanted)
    _open(account.dashboard(found["applicationId"], found["jobRunId"], attempt=attempt))


def show_event_logs(location: str) -> None:
    """Show event logs until Ctrl-C.

    Args:
        location: A folder on this machine, or an s3:// address, which is read with the user's own credentials: of event
            logs, or of all logs of a job run.

    Raises:
        LocalAwsError: There are no event logs.
    """
    with tempfile.TemporaryDirectory(prefix="emrs-local-ui-") as temporary:
        logs = _downloaded(location, Path(temporary) / "logs") if location.startswith("s3://") else Path(location)
        if not event_logs(logs):
            raise LocalAwsError(f"there are no event logs in {location}")
        directory = Path(temporary) / "history-server"
        directory.mkdir()
        server = HistoryServer(logs=logs.parent, directory=directory, groups=Path(temporary) / "groups")
        with closing(server), suppress(KeyboardInterrupt):
            _open(server.address(logs))
            print("Ctrl-C ends it", file=sys.stderr, flush=True)
            while True:
                time.sleep(1)  # a signal that came just before signal.pause() would not end that


def _open(address: str) -> None:
    print(address, flush=True)
    if is_terminal(sys.stdout):
        webbrowser.open(address)


def _downloaded(location: str, folder: Path) -> Path:
    bucket, prefix = urlsplit(location).netloc, urlsplit(location).path.lstrip("/")
    with closing(AwsAccount()) as account:
        found: dict[str, dict[str, str]] = {}
        for key in account.objects(bucket, prefix):
            parent, name = _place(key)
            if name:
                found.setdefault(parent, {})[key] = name
        if not found:
            raise LocalAwsError(f"there are no event logs in {location}")
        if len(found) > 1:
            choices = ", ".join(f"s3://{bucket}/{parent}" for parent in sorted(found))
            raise LocalAwsError(
                f"there are event logs of several attempts or runs in {location}; choose one of {choices}"
            )
        (names,) = found.values()
        _download(account, bucket, names, folder)
    return folder


def _download(account: AwsAccount, bucket: str, names: Mapping[str, str], folder: Path) -> None:
    for key, name in names.items():
        file = folder / name
        if not file.resolve().is_relative_to(folder.resolve()):
            raise LocalAwsError(f"s3://{bucket}/{key} is not an event log")
        file.parent.mkdir(parents=True, exist_ok=True)
        account.download(bucket, key, str(file))


def _place(key: str) -> tuple[str, str]:
    """In which folder an event log is, and where in it the object; two empty texts if it is not of an event log."""
    parts = key.split("/")
    for number, part in enumerate(parts[:-1]):
        if part.startswith(_FOLDER):
            return "/".join(parts[:number]), "/".join(parts[number:])
    if parts[-1] and "." not in parts[-1]:
        return "/".join(parts[:-1]), parts[-1]
    return "", ""
