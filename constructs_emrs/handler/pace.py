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
# A request that CloudFormation has given up has to notice it before the next deployment begins, and not start its run
# then: a pause is shorter than a rollback and the start of another deployment.
_LONGEST_RETRY = 20.0


def job_run_count() -> int:
    """How many job runs the stack has, known at synth."""
    return int(os.environ.get(contract.JOB_RUN_COUNT, "1"))


def until_next_look(age: float) -> float:
    """Seconds to wait for a change of a job run's state.

    Args:
        age: The seconds for which the request has been waiting.
    """
    wanted = max(_SHORTEST, job_run_count() / _POLLS_A_SECOND, min(age * _AGE_SHARE, _LONGEST_FOR_AGE))
    return jittered(min(wanted, _LONGEST))


def until_retry() -> float:
    """Seconds to wait after a call was throttled or failed, spread so that a rate of one a second is used well."""
    longest = min(_LONGEST_RETRY, 4 + job_run_count() / 3)
    return random.uniform(1, longest)  # noqa: S311 - nothing secret about it


def jittered(seconds: float) -> float:
    """About as many seconds, so that what began together does not go on together."""
    return seconds * random.uniform(0.8, 1.2)  # noqa: S311 - nothing secret about it
