"""How long to wait between two steps, so that the steps of all job runs of a stack fit into the account's API rates.

https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/endpoints-quotas.html: GetJobRun 10 a second, and 1 a
second for StartJobRun, CancelJobRun, ListJobRuns and what is done with applications; for the whole account and Region.
"""

from __future__ import annotations

import os
import random

from . import contract

# GetJobRun: half of the account's rate is left to others.
_POLLS_A_SECOND = 5
_SHORTEST = 2.0
_LONGEST = 120.0
# A run that takes long is looked at less often: after two minutes every five seconds, after half an hour every minute.
_AGE_SHARE = 1 / 30
_LONGEST_FOR_AGE = 60.0
# What is allowed once a second is asked for by all job runs of a stack at the same time.
_SHORTEST_RETRY = 4.0
_RETRY_SHARE = 1 / 3
_SHORTEST_BETWEEN_LISTS = 10.0
# Step Functions takes many executions a second: what it does not take is soon tried again.
_BETWEEN_STARTS = 8.0
# How often a request that waits for its run asks whether the stack still wants it: twice a second for all together.
_BETWEEN_QUESTIONS = 30.0
_QUESTIONS_A_SECOND = 2


def job_run_count() -> int:
    """How many job runs the stack has, known at synth."""
    return int(os.environ.get(contract.JOB_RUN_COUNT, "1"))


def poll(age: float) -> float:
    """Seconds to wait for a change of a job run's state.

    Args:
        age: The seconds for which the request has been waiting.
    """
    wanted = max(_SHORTEST, job_run_count() / _POLLS_A_SECOND, min(age * _AGE_SHARE, _LONGEST_FOR_AGE))
    return jittered(min(wanted, _LONGEST))


def retry() -> float:
    """Seconds to wait after a call was throttled or failed, spread so that a rate of one a second is used well."""
    longest = min(_LONGEST, _SHORTEST_RETRY + job_run_count() * _RETRY_SHARE)
    return random.uniform(1, longest)  # noqa: S311 - nothing secret about it


def start_again() -> float:
    """Seconds to wait before an execution is started that Step Functions did not take."""
    return _BETWEEN_STARTS * random.uniform(0.5, 1.5)  # noqa: S311 - nothing secret about it


def search_again() -> float:
    """Seconds to wait before the runs are listed again, as there are too many to ask for each."""
    return jittered(max(_SHORTEST_BETWEEN_LISTS, min(job_run_count(), _LONGEST)))


def status_check() -> float:
    """Seconds for which a request that waits takes it for granted that the stack wants it."""
    return max(_BETWEEN_QUESTIONS, job_run_count() / _QUESTIONS_A_SECOND)


def at_least(seconds: float) -> float:
    """So many seconds or some more, spread so that a rate of one a second is used well."""
    return seconds + random.uniform(0, min(_LONGEST, job_run_count()))  # noqa: S311 - nothing secret about it


def jittered(seconds: float) -> float:
    """About as many seconds, so that what began together does not go on together."""
    return seconds * random.uniform(0.8, 1.2)  # noqa: S311 - nothing secret about it
