"""Job runs: what is accepted, what a client token does, and how runs end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from conformance.account import ENDED, NO_SUCH_RELEASE, Account, Shared, Unanswered, said
from conformance.facilities import (
    EMR_SERVERLESS,
    JOBS,
    OLDER_APPLICATION,
    OLDER_RELEASE,
    READ_SCRIPTS,
    RELEASE,
    Facility,
    role,
)
from conformance.probe import Anything, Chapter, Json, Noted, OneOf
from conformance.probes.outcomes import details, states
from conformance.recording import in_plain_words

chapter = Chapter("job-run")

_API = "https://docs.aws.amazon.com/emr-serverless/latest/APIReference/API_StartJobRun.html"
_GUIDE = "https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide"
_MOTO = "https://github.com/getmoto/moto/blob/master/tests/test_emrserverless/test_emrserverless.py"
_FLEX = {"enabled": True}
_FLEX_RELEASES = ("emr-6.6.0", "emr-6.15.0", "emr-7.0.0", "emr-7.5.0")
_REFUSED = "ValidationException"
# An account that AWS's own examples are of.
_ROLE_OF_ANOTHER_ACCOUNT = "iam::123456789012:role/of-another-account"

_UNTRUSTED = Facility(
    what="an execution role that EMR Serverless may not assume",
    resources={"UntrustedRole": role(READ_SCRIPTS, trusted={"Service": "lambda.amazonaws.com"})},
)
_NO_LOGS = Facility(
    what="an execution role that may not write logs",
    resources={"NoLogsRole": role(READ_SCRIPTS, trusted={"Service": EMR_SERVERLESS})},
)


def _run_with_a_token(aws: Account) -> tuple[dict[str, Any], tuple[str, str], float]:
    """Its request, its ids, and when it had ended."""
    request = aws.request(clientToken=f"{aws.run}-again")
    run = aws.start(request)
    aws.ended(run)
    return request, run, time.monotonic()


_RUN_WITH_A_TOKEN = Shared(name="a job run with a client token", runs=1, make=_run_with_a_token)


def _timeouts(aws: Account, application_id: str) -> dict[str, str]:
    return {
        str(minutes): aws.attempt(application=application_id, executionTimeoutMinutes=minutes) for minutes in range(6)
    }


@chapter.probe(
    f"Which values from 0 to 5 may executionTimeoutMinutes have for a batch run of {RELEASE}?",
    expected={"0": _REFUSED, "1": _REFUSED, "2": _REFUSED, "3": _REFUSED, "4": _REFUSED, "5": "accepted"},
    source=_API,
    needs=JOBS,
    runs=6,
)
def timeouts(aws: Account) -> Json:
    """A minimum of 5 minutes is in moto's record only."""
    return dict(_timeouts(aws, "Application"))


@chapter.probe(
    f"And of {OLDER_RELEASE}, from before 0 went out of use?",
    expected={"0": "accepted", "1": _REFUSED, "2": _REFUSED, "3": _REFUSED, "4": _REFUSED, "5": "accepted"},
    source=f"{_GUIDE}/considerations.html",
    needs=(OLDER_APPLICATION, *JOBS),
    runs=6,
)
def timeouts_of_older_releases(aws: Account) -> Json:
    """Two pages say two things of 0."""
    return dict(_timeouts(aws, "OlderApplication"))


@chapter.probe(
    "Does a client token start no second run after its run has ended?",
    expected={"the same run": True},
    source=_API,
    needs=JOBS,
    runs=1,
    shares=(_RUN_WITH_A_TOKEN,),
)
def client_token_after_the_end(aws: Account) -> Json:
    """The project sends a token for as long as it retries, which may be a day."""
    return _token_again(aws).answer


@chapter.probe(
    "And when the kit has asked all else?",
    expected={"the same run": True},
    source=_API,
    needs=JOBS,
    runs=1,
    shares=(_RUN_WITH_A_TOKEN,),
    last=True,
)
def client_token_much_later(aws: Account) -> Noted:
    """How long that is depends on what was asked between, and is noted. For how long it is true can't be asked."""
    return _token_again(aws)


def _token_again(aws: Account) -> Noted:
    request, first, ended_at = aws.once(_RUN_WITH_A_TOKEN)
    minutes = int(time.monotonic() - ended_at) // 60
    second = aws.start(request)
    if second != first:
        aws.cancel(second)
    return Noted(answer={"the same run": second == first}, note=f"{minutes} minutes after its end")


@chapter.probe(
    "How is a client token answered that comes again with other parameters?",
    expected="ConflictException",
    source=_API,
    needs=JOBS,
    runs=2,
)
def client_token_with_other_parameters(aws: Account) -> Json:
    """The error is among those of the operation; the page does not say when it comes."""
    token = f"{aws.run}-other"
    aws.attempt(clientToken=token)
    return aws.attempt(clientToken=token, name="other")


@chapter.probe(
    "Is a client token refused that has a colon, as the scheduled time of a schedule has?",
    expected=_REFUSED,
    source=_API,
    needs=JOBS,
    runs=1,
)
def client_token_with_a_colon(aws: Account) -> Json:
    """The model's pattern says so, which the service need not check."""
    return aws.attempt(clientToken=f"{aws.run}:00")


@chapter.probe(
    "Is a run on the list of its application right after StartJobRun?",
    expected=OneOf(answers=(True, False)),
    source="https://docs.aws.amazon.com/emr-serverless/latest/APIReference/API_ListJobRuns.html",
    needs=JOBS,
    runs=1,
)
def listed_at_once(aws: Account) -> Json:
    """Nothing is promised; the project asks again until the time in which a list may lag is over."""
    application_id, job_run_id = run = aws.submit()
    listed = aws.emr.list_job_runs(applicationId=application_id)["jobRuns"]
    aws.cancel(run)
    return any(item["id"] == job_run_id for item in listed)


@chapter.probe(
    "How is an execution role of another account refused?",
    expected="AccessDeniedException",
    source=_MOTO,
    needs=JOBS,
    runs=1,
)
def role_of_another_account(aws: Account) -> Json:
    """A role is never passed to another account, whatever policies allow. One of its own has been accepted by now."""
    return aws.attempt(role=f"arn:{aws.partition}:{_ROLE_OF_ANOTHER_ACCOUNT}", may_be_denied=True)


@chapter.probe(
    "Is flex execution accepted for an older release, and refused for a stream that is accepted without it?",
    expected={OLDER_RELEASE: "accepted", "STREAMING": _REFUSED, "STREAMING without it": "accepted"},
    source=f"{_GUIDE}/jobs-flex-execution.html",
    needs=(OLDER_APPLICATION, *JOBS),
    runs=3,
)
def flex_execution(aws: Account) -> Json:
    """The page is about batch jobs."""
    stream: dict[str, Any] = {"mode": "STREAMING", "executionTimeoutMinutes": None}  # which a stream may not have
    return {
        OLDER_RELEASE: aws.attempt(application="OlderApplication", flexExecution=_FLEX),
        "STREAMING": aws.attempt(flexExecution=_FLEX, **stream),
        "STREAMING without it": aws.attempt(**stream),
    }


@chapter.probe(
    "From which release on is flex execution accepted?",
    expected=Anything(),
    source=f"{_GUIDE}/jobs-flex-execution.html",
    needs=JOBS,
    runs=len(_FLEX_RELEASES),
)
def flex_execution_of_the_releases(aws: Account) -> Json:
    """The project sends it for every release, and leaves it to the service to refuse it."""

    def answer(release: str) -> str:
        if not aws.has_release(release):
            return NO_SUCH_RELEASE
        return aws.attempt(application=aws.make_application(release), flexExecution=_FLEX)

    return {release: answer(release) for release in _FLEX_RELEASES}


@chapter.probe(
    "Are log types accepted in lower case?",
    expected=OneOf(answers=("accepted", _REFUSED)),
    source=f"{_GUIDE}/logging.html",
    needs=JOBS,
    runs=1,
)
def log_types_in_lower_case(aws: Account) -> Json:
    """One example of the guide has them so; the project writes them in upper case, as the API's page does."""
    return aws.attempt(monitoring=aws.cloudwatch_logs(logTypes={"SPARK_DRIVER": ["stdout"]}))


@chapter.probe(
    "How is CancelJobRun answered for a run that has ended, and for one that never was?",
    expected={"ended": _REFUSED, "unknown": "ResourceNotFoundException"},
    source="https://github.com/opensearch-project/sql/pull/2577",
    needs=JOBS,
    runs=1,
)
def cancel_what_does_not_run(aws: Account) -> Json:
    """Both are what the project wants to hear."""
    application_id, job_run_id = run = aws.submit()
    aws.ended(run)
    unknown = "00f" + "z" * 13
    ids = {"ended": job_run_id, "unknown": unknown}
    return {
        name: said(aws.emr.cancel_job_run, applicationId=application_id, jobRunId=job_run)
        for name, job_run in ids.items()
    }


@chapter.probe(
    "In which state does a run end that was queued for too long?",
    expected=OneOf(answers=("FAILED", "CANCELLED")),
    source=f"{_GUIDE}/applications-concurrency-queuing.html",
    needs=JOBS,
    runs=4,  # one that may take three times as long as another
)
def queued_for_too_long(aws: Account) -> Json | Noted:
    """All but SUCCESS is a failure to the project."""
    queue = {"maxConcurrentRuns": 1, "queueTimeoutMinutes": 15}
    one_at_a_time = aws.make_application(RELEASE, schedulerConfiguration=queue)
    first = aws.submit("sleeps", application=one_at_a_time, executionTimeoutMinutes=max(2 * aws.run_minutes, 30))
    try:
        aws.ended(first, "RUNNING")
        second = aws.ended(aws.submit(application=one_at_a_time), minutes=30)
        if aws.job_run(first)["state"] in ENDED:
            raise Unanswered("the run before it did not take long enough")
    finally:
        aws.cancel(first)
    return Noted(answer=second["state"], note=in_plain_words(second.get("stateDetails") or ""))


# How runs fail: the state, and whether the state details have one of the words by which the project gives its advice.


def _ends(aws: Account, words: Sequence[str], script: str = "succeeds", **members: Any) -> Noted:
    run = aws.outcome(script, **members)
    details = run.get("stateDetails") or ""
    recognised = any(word in details.lower() for word in words)
    return Noted(answer={"state": run["state"], "recognised": recognised}, note=in_plain_words(details))


@chapter.probe(
    "How does a run end whose script is not there?",
    expected={"state": "FAILED", "recognised": True},
    source=f"{_GUIDE}/jobs-troubleshoot.html",
    needs=JOBS,
    runs=1,
)
def without_its_script(aws: Account) -> Noted:
    """The advice is found by one of these words, here or in the log."""
    return _ends(aws, ("nosuchkey", "no such file", "filenotfoundexception", "does not exist"), "missing")


@chapter.probe(
    "How does a run end whose script raises an exception?",
    expected={"state": "FAILED", "recognised": True},
    source=f"{_GUIDE}/jobs-troubleshoot.html",
    needs=JOBS,
    runs=1,
)
def with_an_exception(aws: Account) -> Noted:
    """The state details end with the last few exceptions."""
    return _ends(aws, ("valueerror",), "raises")


@chapter.probe(
    "How does a run end whose execution role does not trust the service?",
    expected={"state": "FAILED", "recognised": True},
    source=f"{_GUIDE}/jobs-troubleshoot.html",
    needs=(_UNTRUSTED, *JOBS),
    runs=1,
)
def without_trust(aws: Account) -> Noted:
    """By these words a run of a role that was made a moment ago is started again."""
    return _ends(aws, ("could not assume",), role=aws.role_arn("UntrustedRole"))


@chapter.probe(
    "How does a run end that may not write its logs to S3?",
    expected={"state": "FAILED", "recognised": True},
    source=f"{_GUIDE}/logging.html",
    needs=(_NO_LOGS, *JOBS),
    runs=1,
)
def without_permission_to_log(aws: Account) -> Noted:
    """The advice is found by `not authorized`."""
    return _ends(aws, ("not authorized",), role=aws.role_arn("NoLogsRole"), monitoring=aws.s3_logs())


@chapter.probe(
    "How does a run end that takes longer than its executionTimeoutMinutes?",
    expected={"state": "CANCELLED", "recognised": True},
    source=f"{_GUIDE}/job-states.html",
    needs=JOBS,
    runs=1,
)
def after_its_timeout(aws: Account) -> Noted:
    """The guide says that it is CANCELLING first."""
    return _ends(aws, ("timeout", "timed out"), "sleeps", executionTimeoutMinutes=5)


@chapter.probe(
    "How does a run end that is cancelled?",
    expected={"state": "CANCELLED", "details": False},
    source=f"{_GUIDE}/job-states.html",
    needs=JOBS,
    runs=1,
)
def when_cancelled(aws: Account) -> Noted:
    """An error of the project says who may have done it where the service says nothing."""
    run = aws.submit("sleeps")
    aws.ended(run, "RUNNING")
    aws.cancel(run)
    ended = aws.ended(run)
    details = ended.get("stateDetails") or ""
    return Noted(answer={"state": ended["state"], "details": bool(details)}, note=in_plain_words(details))


@chapter.probe(
    "How does a run end that does not fit into the maximum capacity of its application?",
    expected={"state": "FAILED", "recognised": True},
    source="https://github.com/softeerbootcamp-8th/DE_team4-4una/issues/508",
    needs=JOBS,
    runs=1,
)
def without_capacity(aws: Account) -> Noted:
    """ApplicationMaxCapacityExceededException, which others saw again and again."""
    small = aws.make_application(RELEASE, maximumCapacity={"cpu": "2 vCPU", "memory": "8 GB"})
    words = ("maximum capacity", "maximumcapacity", "maxcapacity")
    return _ends(aws, words, application=small, properties={"spark.driver.cores": "4", "spark.driver.memory": "8g"})


@chapter.probe(
    "Does a run with spark.dynamicAllocation.maxExecutors=2 fail, and not with initialExecutors=1?",
    expected={"maxExecutors": "FAILED", "initialExecutors too": "SUCCESS"},
    source="https://github.com/aws-samples/aws-emr-utilities/pull/175",
    needs=JOBS,
    runs=2,
)
def few_executors(aws: Account) -> Noted:
    """The service's default of initialExecutors is 3."""
    few = {"spark.dynamicAllocation.enabled": "true", "spark.dynamicAllocation.maxExecutors": "2"}
    more = {**few, "spark.dynamicAllocation.initialExecutors": "1"}
    runs = {
        "maxExecutors": aws.outcome(properties=few),
        "initialExecutors too": aws.outcome(properties=more),
    }
    return Noted(answer=states(runs), note=details(runs))
