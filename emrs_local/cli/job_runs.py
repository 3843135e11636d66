"""`emrs-local runs` and `emrs-local logs`: the job runs of a running local AWS, and what their drivers print.

`emrs-local exec` ends with their outcome.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence

from emrs_local.cli.client import JobRun, RunningLocalAws
from emrs_local.cli.console import TERMINAL_STATES, clock, coloured, is_terminal
from emrs_local.emr_serverless.driver_output import STREAMS
from emrs_local.local_aws import LocalAwsError

_HEADINGS = ("RUN", "NAME", "APPLICATION", "STATE", "STARTED", "DURATION", "VCPU-H", "GB-H", "DETAILS")
_FOLLOW_SECONDS = 0.5


def print_job_runs(local_aws: RunningLocalAws) -> None:
    """Print a table of all job runs, newest first; on a terminal each in one line of it."""
    rows = [_HEADINGS, *map(_row, local_aws.job_runs())]
    if len(rows) == 1:
        print("no job runs yet")
        return
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    widths[-1] = 0
    # A terminal would break a longer line into two.
    limit = shutil.get_terminal_size().columns if is_terminal(sys.stdout) else None
    for row in rows:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        print(coloured(line[:limit], sys.stdout))


def print_outcome(local_aws: RunningLocalAws) -> None:
    """Print a line for each job run, oldest first: its state, how long it took, and the last line of its driver."""
    limit = shutil.get_terminal_size().columns if is_terminal(sys.stdout) else None
    for run in reversed(local_aws.job_runs()):
        _, name, _, state, _, duration, _, _, details = _row(run)
        said = local_aws.last_line(run) or details
        line = f"job run {run['jobRunId']} ({name})  {state}  {duration}  {said}".rstrip()
        print(coloured(line[:limit], sys.stdout), flush=True)


def print_logs(
    local_aws: RunningLocalAws, wanted: str | None, *, streams: Sequence[str], follow: bool, attempt: int | None
) -> None:
    """Print what the driver of a run printed, and follow it until the run ends.

    Args:
        local_aws: The local AWS that runs it.
        wanted: The id of the run, or its name, which is the newest run of that name; None for the newest run.
        streams: What to print; each goes to the stream of its own name, one alone to standard output.
        follow: Whether to go on until the run ended.
        attempt: Which attempt; the last, and while following those after it, if None.

    Raises:
        LocalAwsError: There is no such run or attempt.
    """
    found = find_job_run(local_aws.job_runs(), wanted)
    application_id, job_run_id, run = found["applicationId"], found["jobRunId"], found
    if attempt is not None and attempt > run["attempt"]:
        raise LocalAwsError(f"job run {job_run_id} has no attempt {attempt}; its last is {run['attempt']}")
    number = attempt or run["attempt"]
    offsets = dict.fromkeys(streams, 0)
    while True:
        # All that was printed is there when the state is the last: first the state, then the output.
        run = local_aws.job_run(application_id, job_run_id)
        print_new_output(local_aws, run, attempt=number, offsets=offsets)
        ended, is_over = run["state"] in TERMINAL_STATES, run["attempt"] > number
        if follow and attempt is None and is_over:
            number, offsets = number + 1, dict.fromkeys(streams, 0)
            _note(f"job run {job_run_id}: attempt {number}")
        elif follow and not ended and not is_over:
            time.sleep(_FOLLOW_SECONDS)
        else:
            break
    if not any(offsets.values()):
        _note(f"job run {job_run_id}, {run['state']}: nothing was printed {'' if ended else 'yet'}".rstrip())
    if ended and run["state"] != "SUCCESS":
        _note(f"job run {job_run_id}, {run['state']}: {run.get('stateDetails', '')}")


def print_new_output(local_aws: RunningLocalAws, run: JobRun, *, attempt: int, offsets: dict[str, int]) -> None:
    """Print what the driver of an attempt has printed since the last time.

    Args:
        local_aws: The local AWS that runs it.
        run: The run.
        attempt: Which attempt.
        offsets: How much was printed, by stream, which is kept up; one stream alone goes to standard output.
    """
    for stream in tuple(offsets):
        while content := local_aws.output(
            run["applicationId"], run["jobRunId"], attempt=attempt, stream=stream, offset=offsets[stream]
        ):
            offsets[stream] += len(content)
            output = sys.stderr if stream == "stderr" and len(offsets) > 1 else sys.stdout
            output.buffer.write(content)
            output.flush()


def streams_of(*, stdout: bool, stderr: bool) -> tuple[str, ...]:
    """The streams that the options `--stdout` and `--stderr` ask for; none of them, or both, is both."""
    return STREAMS if stdout == stderr else ("stdout",) if stdout else ("stderr",)


def find_job_run(runs: Sequence[JobRun], wanted: str | None) -> JobRun:
    """The run with an id, or the newest one with a name; the newest of all if None is wanted.

    Args:
        runs: All runs, newest first.
        wanted: The id or the name.

    Raises:
        LocalAwsError: There is none.
    """
    if not runs:
        raise LocalAwsError("no job runs yet")
    by_id = [run for run in runs if run["jobRunId"] == wanted]
    found = by_id or [run for run in runs if wanted in (None, run.get("name"))]
    if not found:
        raise LocalAwsError(f"no job run has the id or the name {wanted}; `emrs-local runs` lists them")
    return found[0]


def _row(run: JobRun) -> tuple[str, ...]:
    # A run that did not start has no start, and maybe an end.
    started = run.get("startedAt")
    end = float(run["endedAt"]) if run.get("endedAt") else time.time()
    return (
        run["jobRunId"],
        run.get("name") or "-",
        run["applicationName"],
        run["state"],
        time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(float(started))) if started else "-",
        clock(end - float(started)) if started else "-",
        _hours(run, "vCPUHour"),
        _hours(run, "memoryGBHour"),
        " ".join(run.get("stateDetails", "").split()),
    )


def _hours(run: JobRun, resource: str) -> str:
    used = run.get("totalResourceUtilization", {}).get(resource)
    return "-" if used is None else f"{used:.3f}"


def _note(text: str) -> None:
    print(coloured(text, sys.stderr), file=sys.stderr, flush=True)
