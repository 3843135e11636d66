"""`emrs-local submit` and `emrs-local cancel`: a deployed job again, without a deploy, and the end of a run.

What a job is started with is read from its newest run, which has all of it, as the service answers it: the template
has names that only CloudFormation can look up, and a state machine is there for those jobs alone that something else
starts. So any job that ran once can be run again, whoever has started it.
"""

from __future__ import annotations

import copy
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from emrs_local.cli.aws_account import AwsAccount
from emrs_local.cli.client import JobRun, RunningLocalAws
from emrs_local.cli.console import TERMINAL_STATES, Console, clock
from emrs_local.cli.job_runs import find_job_run, print_new_output
from emrs_local.emr_serverless.driver_output import STREAMS
from emrs_local.local_aws import LocalAwsError

Account = RunningLocalAws | AwsAccount

_LOCAL_SECONDS = 0.5
_AWS_SECONDS = 5.0
_MEMBERS = {
    "name": "name",
    "executionRole": "executionRoleArn",
    "executionIamPolicy": "executionIamPolicy",
    "jobDriver": "jobDriver",
    "configurationOverrides": "configurationOverrides",
    "tags": "tags",
    "executionTimeoutMinutes": "executionTimeoutMinutes",
    "mode": "mode",
    "retryPolicy": "retryPolicy",
    "flexExecution": "flexExecution",
}
"""The members of GetJobRun that StartJobRun takes, and their names there."""
# By these a deployment knows its own runs, which it replaces and ends; and AWS takes none of its own tags.
_TAGS_OF_DEPLOYMENTS = ("aws:", "constructs-emrs:")


def start_again(account: Account, wanted: str, *, arguments: Sequence[str] | None) -> JobRun:
    """Start what a run was started with, once more.

    Args:
        account: Where.
        wanted: The name of the job, which is that of its runs, or the id of one of them.
        arguments: The arguments of the entry point; None for those of that run.

    Returns:
        The new run.

    Raises:
        LocalAwsError: No run has the name or id, or it takes no arguments.
    """
    found = find_job_run(account.job_runs(), wanted)
    application_id, earlier = found["applicationId"], account.job_run(found["applicationId"], found["jobRunId"])
    request = _request(earlier, arguments)
    started = account.start_job_run(application_id, request)
    named = f"{earlier.get('name', '')} on application {found['applicationName']}".strip()
    print(f"job run {started}: {named}, as {found['jobRunId']}", file=sys.stderr, flush=True)
    return account.job_run(application_id, started)


def follow(account: Account, run: JobRun) -> bool:
    """Print what a run's driver prints, and how far it is, until it ends; whether it succeeded.

    Args:
        account: Where it runs; the output of drivers on AWS is where their logs go, and not printed.
        run: The run.

    Raises:
        KeyboardInterrupt: Ctrl-C; the run goes on, and a line says so.
    """
    application_id, job_run_id = run["applicationId"], run["jobRunId"]
    try:
        with Console(sys.stderr) as console:
            return _follow(account, application_id, job_run_id, console)
    except KeyboardInterrupt:
        to_aws = " --aws" if isinstance(account, AwsAccount) else ""
        print(f"job run {job_run_id} goes on; `emrs-local cancel {job_run_id}{to_aws}` ends it", file=sys.stderr)
        raise


def cancel(account: Account, wanted: str) -> None:
    """Cancel a run.

    Args:
        account: Where it runs.
        wanted: Its id, or its name, which is the newest run of that name.

    Raises:
        LocalAwsError: There is none, or it has ended.
    """
    found = find_job_run(account.job_runs(), wanted)
    account.cancel_job_run(found["applicationId"], found["jobRunId"])
    state = account.job_run(found["applicationId"], found["jobRunId"])["state"]
    print(f"job run {found['jobRunId']} ({found.get('name') or '-'})  {state}")


def _follow(account: Account, application_id: str, job_run_id: str, console: Console) -> bool:
    state, attempt, offsets = "", 1, dict.fromkeys(STREAMS, 0)
    while True:
        # All that was printed is there when the state is the last: first the state, then the output.
        run = account.job_run(application_id, job_run_id)
        stages = ""
        if isinstance(account, RunningLocalAws):
            print_new_output(account, run, attempt=attempt, offsets=offsets)
            while attempt < run["attempt"]:
                attempt, offsets = attempt + 1, dict.fromkeys(STREAMS, 0)
                print_new_output(account, run, attempt=attempt, offsets=offsets)
            done, known = account.stages(application_id, job_run_id)
            stages = f"{done} of {known} stages" if known else ""
            console.note(job_run_id, stages)
        if run["state"] != state:
            before = f"{state} → " if state else ""
            state = run["state"]
            name = run.get("name") or job_run_id
            console.event(f"{time.strftime('%H:%M:%S')}  job run {job_run_id} ({name})  {before}{state}")
        if state in TERMINAL_STATES:
            seconds = float(run.get("endedAt") or 0) - float(run.get("startedAt") or run.get("endedAt") or 0)
            said = [clock(seconds), stages, "" if state == "SUCCESS" else run.get("stateDetails", "")]
            console.line(f"job run {job_run_id}  {state}  {'  '.join(filter(None, said))}")
            return bool(state == "SUCCESS")
        time.sleep(_LOCAL_SECONDS if isinstance(account, RunningLocalAws) else _AWS_SECONDS)


def _request(earlier: Mapping[str, Any], arguments: Sequence[str] | None) -> dict[str, Any]:
    """The StartJobRun request of an earlier run, with other arguments unless they are None."""
    request = {
        member: copy.deepcopy(earlier[shown]) for shown, member in _MEMBERS.items() if earlier.get(shown) is not None
    }
    request["tags"] = {
        key: value for key, value in request.get("tags", {}).items() if not key.startswith(_TAGS_OF_DEPLOYMENTS)
    }
    if arguments is not None:
        submit = request["jobDriver"].get("sparkSubmit")
        if submit is None:
            raise LocalAwsError("a Hive query has no arguments; leave out what follows --")
        submit["entryPointArguments"] = list(arguments)
    return request
