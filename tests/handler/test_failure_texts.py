"""What the user reads in the terminal, whole, for ten typical failures."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from constructs_emrs.handler import contract
from constructs_emrs.handler.failure import RequestFailed
from tests.handler.in_memory_cloudformation import CustomResource
from tests.handler.in_memory_service import APPLICATION, Refused, Service
from tests.handler.test_failure import Logs
from tests.handler.test_job_run_lifecycle import properties

MONITORING = {
    "configurationOverrides": {
        "monitoringConfiguration": {"cloudWatchLoggingConfiguration": {"enabled": True, "logGroupName": "Lake-Etl"}}
    }
}
WHERE = (
    "Logs: CloudWatch log group Lake-Etl, streams /applications/00app1/jobs/00run1\n"
    "A rollback deletes a log group or key that this deploy has created: cdk deploy --no-rollback keeps them."
)
RUN = "Job run 00run1 (etl) of application 00app1"


def text(
    *,
    state: str = "FAILED",
    details: str = "",
    stderr: str = "",
    stdout: str = "",
    before: Callable[[Service], None] = lambda _: None,
    **changes: Any,
) -> str:
    """The reason of a deployment whose run ends like that."""
    service = Service()
    before(service)

    def end(_: int) -> None:
        for run in service.active_runs():
            run.state, run.state_details = state, details

    logs = Logs(stderr.splitlines(), stdout=stdout.splitlines())
    with pytest.raises(RequestFailed) as failed:
        CustomResource(service, between_polls=end, logs=logs).create(properties(name="etl", **MONITORING, **changes))
    return str(failed.value)


def test_the_script_is_missing() -> None:
    error = "java.io.FileNotFoundException: No such file or directory 's3://code/etl.py'"
    assert text(details="Job failed, please check complete logs in configured logging destination.", stderr=error) == (
        f"{RUN} FAILED: Job failed, please check complete logs in configured logging destination.\n\n"
        f"The driver's log ends with:\n{error}\n\n"
        f"Check entry_point and the paths in the job's arguments.\n\n{WHERE}"
    )


def test_an_exception_in_the_driver() -> None:
    traceback = 'Traceback (most recent call last):\n  File "etl.py", line 3\nValueError: no such column'
    assert text(details="Job failed. ExitCode: 1.", stdout=traceback) == (
        f"{RUN} FAILED: Job failed. ExitCode: 1.\n\nThe driver's log ends with:\n{traceback}\n\n{WHERE}"
    )


def test_a_wrong_role() -> None:
    details = (
        "Could not assume execution role arn:aws:iam::123456789012:role/Etl because it does not exist or is not set up "
        "with the required trust relationship."
    )
    # It was tried again for two minutes, as the role might have been made a moment ago: each try is another run.
    last = text(details=details)
    assert re.sub("00run[0-9]+", "00run1", last) == (
        f"{RUN} FAILED: {details}\n\n"
        "Check that the execution role exists and trusts emr-serverless.amazonaws.com for this account.\n\n"
        f"{WHERE}"
    )


def test_a_key_that_the_submitter_may_not_use() -> None:
    def refuse(service: Service) -> None:
        message = "User is not authorized to perform: kms:GenerateDataKey on resource: key/0000"
        service.next_answers += [Refused("AccessDeniedException", 403, message)] * 1000

    assert text(before=refuse) == (
        "StartJobRun was refused: AccessDeniedException: User is not authorized to perform: kms:GenerateDataKey on "
        "resource: key/0000\n\n"
        "It was tried for 2 minutes, in which a new role, policy or key becomes visible: check that they exist, and "
        "what they allow."
    )


def test_a_key_that_the_execution_role_may_not_use() -> None:
    details = "The execution role is not authorized to perform: kms:GenerateDataKey on resource: key/0000"
    assert text(details=details) == (
        f"{RUN} FAILED: {details}\n\n"
        "Let the execution role use the key, and check the key's policy: Encryption.customer_managed() grants both.\n\n"
        f"{WHERE}"
    )


def test_an_application_that_is_gone() -> None:
    assert text(before=lambda service: service.applications.clear()) == (
        "StartJobRun was refused: ResourceNotFoundException: refused\n\n"
        "The application is gone or was never there: correct its id, or deploy its stack."
    )


def test_an_application_that_goes_while_it_is_waited_for() -> None:
    service = Service()
    resource = CustomResource(service, between_polls=lambda _: service.applications.clear())
    with pytest.raises(RequestFailed) as failed:
        resource.create(properties())
    assert str(failed.value) == (
        "Job run 00run1 is gone: it or its application 00app1 was deleted while the deployment waited for it. "
        "Deploy again."
    )


def test_a_capacity_that_is_exceeded() -> None:
    details = "Job failed. Worker could not be allocated as the application has exceeded maximumCapacity settings"
    assert text(details=details) == (
        f"{RUN} FAILED: {details}\n\n"
        "Give the application more maximum_capacity or the job smaller or fewer workers, or have the account's vCPU "
        f"quota raised.\n\n{WHERE}"
    )


def test_an_execution_timeout() -> None:
    assert text(state="CANCELLED", details="Job execution timed out after 60 minutes") == (
        f"{RUN} CANCELLED: Job execution timed out after 60 minutes\n\n"
        f"Give the job more execution_timeout, or less to do.\n\n{WHERE}"
    )


def test_a_wait_timeout() -> None:
    service = Service()
    with pytest.raises(RequestFailed) as failed:
        CustomResource(service, logs=Logs(["still working"])).create(properties(name="etl", **MONITORING))
    assert str(failed.value) == (
        f"{RUN} was cancelled: it did not reach the state of wait_for within 0:55:00, the job run's wait_timeout\n\n"
        "The driver's log ends with:\nstill working\n\n"
        "Wait longer with wait_timeout, up to 12 hours, or do not wait: wait_for=JobRunState.SUBMITTED.\n\n"
        f"{WHERE}"
    )


def test_a_run_that_somebody_cancelled() -> None:
    assert text(state="CANCELLED") == (
        f"{RUN} CANCELLED: another user or program cancelled it\n\n"
        f"Deploy again to run it again, when what cancelled it is known.\n\n{WHERE}"
    )


def test_throttled_until_the_end() -> None:
    def throttle(service: Service) -> None:
        service.next_answers += [Refused("ThrottlingException", 429, "Rate exceeded")] * 100_000

    assert text(before=throttle) == (
        "StartJobRun was refused: ThrottlingException: Rate exceeded\n\n"
        "It was tried for an hour. Deploy again, with fewer job runs at a time."
    )


def test_a_bad_hive_query() -> None:
    error = "FAILED: ParseException line 1:7 cannot recognize input near 'FORM' 'flights'"
    assert text(
        jobDriver={"hive": {"query": "s3://code/query.sql"}}, details="Job failed. ExitCode: 1.", stderr=error
    ) == (
        f"{RUN} FAILED: Job failed. ExitCode: 1.\n\nThe driver's log ends with:\n{error}\n\n"
        f"Correct the query.\n\n{WHERE}"
    )


def test_what_the_functions_log_last_has_the_lines_that_the_reason_has_no_room_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    lines = [f"line {number} {'x' * 60}" for number in range(200)]
    with caplog.at_level(logging.INFO, logger="constructs_emrs.handler"):
        reason = text(details="Job failed.", stderr="\n".join(lines))
    assert lines[0] not in reason
    # The CDK CLI prints the last 50 log events around the failure; the rollback comes after it.
    (error,) = (record.getMessage() for record in caplog.records[-50:] if record.levelno >= logging.WARNING)
    assert "\n".join(lines) in error
    assert f"{RUN} FAILED: Job failed." in error


def test_what_the_functions_log_last_is_the_reason_when_ending_the_run_took_minutes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    service = Service(polls_to_cancel=150)
    logs = Logs(["still working"])
    failed_at: list[datetime] = []

    def end(_: int) -> None:
        if not failed_at and [run for run in service.runs.values() if run.state == "CANCELLING"]:
            failed_at.append(service.now)
            logs.lines["stderr"].append("told to stop")

    # Long before the hour is over, which would end the wait for the end.
    waiting = properties(name="etl", **MONITORING) | {contract.WAIT_TIMEOUT_SECONDS: 600}
    with caplog.at_level(logging.INFO, logger="constructs_emrs.handler"), pytest.raises(RequestFailed) as failed:
        CustomResource(service, between_polls=end, logs=logs).create(waiting)
    assert service.now - failed_at[0] > timedelta(minutes=2)
    _, again = (record.getMessage() for record in caplog.records if record.levelno == logging.ERROR)
    assert again == f"{failed.value}\nstill working\ntold to stop"


def test_a_log_that_can_not_be_read_once_more_does_not_change_the_reason() -> None:
    service = Service(polls_to_cancel=100)

    class Unreadable(Logs):
        def get_log_events(self, **request: Any) -> dict[str, Any]:
            if [run for run in service.runs.values() if run.state == "CANCELLED"]:
                raise RuntimeError("broken")
            return super().get_log_events(**request)

    with pytest.raises(RequestFailed, match="still working"):
        CustomResource(service, logs=Unreadable(["still working"])).create(properties(name="etl", **MONITORING))


def test_no_text_has_an_identifier_of_python() -> None:
    assert re.fullmatch(r"[^<>]+", text(details="Job failed."))
    assert APPLICATION in text()
