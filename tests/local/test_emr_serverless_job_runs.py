import gzip
import json
import math
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.model import StructureShape

from emrs_local import LocalAws
from emrs_local.emr_serverless import log_delivery
from emrs_local.emr_serverless.applications import Application, Applications
from emrs_local.emr_serverless.authorization import RoleSession
from emrs_local.emr_serverless.driver_output import DriverOutput
from emrs_local.emr_serverless.effective_configuration import CloudWatchDestination, EffectiveConfiguration
from emrs_local.emr_serverless.job_runs import JobRun, JobRuns
from emrs_local.emr_serverless.life_cycle import LifeCycle, ServiceSettings
from emrs_local.emr_serverless.log_delivery import LogDelivery
from emrs_local.emr_serverless.metrics import JobRunMetrics
from emrs_local.emr_serverless.protocol import service_model
from emrs_local.emr_serverless.rules import queue_of
from emrs_local.endpoint import Connection, Credentials, Endpoint
from emrs_local.ministack.iam import Caller
from emrs_local.ministack.scope import Scope
from tests.local.emr_serverless_support import (
    SECONDS_PER_MINUTE,
    SERVER_COMMAND,
    PythonEngine,
    Service,
    allow,
    is_running,
    make_role,
    policy,
    wait_until,
)
from tests.local.test_emr_serverless_applications import create, error_of, wait_for_state

CLOUDWATCH = {"cloudWatchLoggingConfiguration": {"enabled": True}}


def monitoring(**configuration: Any) -> dict[str, Any]:
    return {"configurationOverrides": {"monitoringConfiguration": configuration}}


def log_events(service: Service, group: str, stream: str) -> list[str]:
    events = service.aws.client("logs").get_log_events(logGroupName=group, logStreamName=stream)["events"]
    return [event["message"] for event in events]


def wait_for_log(service: Service, stream: str, *lines: str) -> list[str]:
    """The lines of a stream, once there are some; once they are these, if any are given."""
    read: list[str] = []

    def is_there() -> bool:
        read[:] = log_events(service, "/aws/emr-serverless", stream)
        return read == list(lines) if lines else bool(read)

    wait_until(is_there, shown=lambda: read)
    return read


@pytest.fixture(scope="module")
def hello(service: Service) -> str:
    return service.script("hello", "import sys; print('hello', *sys.argv[1:]); print('and oops', file=sys.stderr)")


@pytest.fixture(scope="module")
def sleeper(service: Service) -> str:
    source = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    return service.script("sleeper", source)


@pytest.fixture(scope="module")
def crash(service: Service) -> str:
    return service.script("crash", "raise SystemExit('ValueError: it is broken')")


def test_a_run_goes_through_the_states_in_the_documented_order(service: Service, hello: str) -> None:
    application_id = create(service)
    job_run_id = service.start(hello, application_id=application_id, name="ordered")
    service.wait(job_run_id, application_id=application_id)
    assert service.states(job_run_id) == ["SUBMITTED", "PENDING", "SCHEDULED", "RUNNING", "SUCCESS"]


def test_a_run_starts_the_application_that_it_is_submitted_to(service: Service, hello: str) -> None:
    application_id = create(service)
    service.wait(service.start(hello, application_id=application_id), application_id=application_id)
    assert service.emr.get_application(applicationId=application_id)["application"]["state"] == "STARTED"


def test_a_run_is_described_completely(service: Service, hello: str) -> None:
    job_run_id = service.start(hello, "there", name="described", tags={"team": "data"})
    run = service.wait(job_run_id)
    assert len(job_run_id) == 16
    assert run["arn"] == f"{service.application_arn}/jobruns/{job_run_id}"
    assert run["createdBy"] == f"arn:aws:iam::{service.aws.account_id}:root"
    assert run["executionRole"] == service.role_arn
    assert run["releaseLabel"] == "emr-7.9.0"
    assert run["jobDriver"] == {"sparkSubmit": {"entryPoint": hello, "entryPointArguments": ["there"]}}
    assert (run["name"], run["tags"]) == ("described", {"team": "data"})
    assert (run["mode"], run["attempt"], run["executionTimeoutMinutes"]) == ("BATCH", 1, 720)
    assert run["createdAt"] <= run["startedAt"] <= run["endedAt"]
    assert run["totalExecutionDurationSeconds"] >= 0


def new_application() -> Application:
    return Application(
        application_id="00f",
        scope=Scope(account_id="1", region="x"),
        release_label="emr-7.9.0",
        engine="Spark",
        members={},
        tags={},
    )


def test_every_member_of_the_model_describes_a_run() -> None:
    run = JobRun(
        job_run_id="00r",
        application=new_application(),
        created_by="",
        request={"executionRoleArn": "", "jobDriver": {"sparkSubmit": {"entryPoint": "a.py"}}},
        tags={},
        release_label="emr-7.9.0",
        configuration=EffectiveConfiguration(cloudwatch=None, s3=None, managed=None, disk=None),
    )
    shape = service_model().shape_for("JobRun")
    assert isinstance(shape, StructureShape)
    assert shape.members.keys() - run.description().keys() == set()


def test_an_ended_run_says_what_it_used_and_what_is_billed(service: Service, crash: str) -> None:
    parameters = (
        "--conf spark.executor.instances=4 --conf spark.executor.cores=8 --conf spark.executor.memory=50g "
        "--conf spark.emr-serverless.executor.disk=60g"
    )
    driver = {"sparkSubmit": {"entryPoint": crash, "sparkSubmitParameters": parameters}}
    run = service.wait(service.start(crash, jobDriver=driver, retryPolicy={"maxAttempts": 2}), "FAILED")
    described = {"applicationId": service.application_id, "jobRunId": run["jobRunId"]}
    attempts = [service.emr.get_job_run(**described, attempt=number)["jobRun"] for number in (1, 2)]
    took = [(attempt["endedAt"] - attempt["startedAt"]).total_seconds() for attempt in attempts]
    # Two attempts of a minute at least: a driver of 4 vCPUs, 16 GB, 20 GB, and executors of 8 vCPUs, 55 GB, 60 GB.
    hours = sum(max(60, math.ceil(seconds)) for seconds in took) / 3600
    assert run["billedResourceUtilization"] == {
        "vCPUHour": pytest.approx(hours * (4 + 4 * 8), abs=0.001),
        "memoryGBHour": pytest.approx(hours * (16 + 4 * 55), abs=0.001),
        "storageGBHour": pytest.approx(hours * 4 * 40, abs=0.001),
    }
    used = run["totalResourceUtilization"]
    assert used["memoryGBHour"] / used["vCPUHour"] == pytest.approx(236 / 36, rel=0.1)
    assert used["storageGBHour"] / used["vCPUHour"] == pytest.approx(260 / 36, rel=0.1)
    hours = max(60, math.ceil(took[0])) / 3600
    assert attempts[0]["billedResourceUtilization"]["vCPUHour"] == pytest.approx(36 * hours, abs=0.001)


def test_a_run_that_did_not_start_used_nothing(service: Service, hello: str) -> None:
    run = service.wait(service.start(hello, executionRoleArn=f"{service.role_arn}-missing"), "FAILED")
    assert "totalResourceUtilization" not in run
    assert "billedResourceUtilization" not in run


def test_a_failed_run_says_why_in_awss_words(service: Service, crash: str) -> None:
    run = service.wait(service.start(crash), "FAILED")
    assert run["stateDetails"] == (
        "Job failed, please check complete logs in configured logging destination. "
        "ExitCode: 1. Last few exceptions: ValueError: it is broken"
    )


def test_a_run_whose_driver_cannot_be_started_says_why(service: Service, hello: str) -> None:
    job_driver = {"sparkSubmit": {"entryPoint": hello, "sparkSubmitParameters": "--conf 'spark.a=b'"}}
    run = service.wait(service.start(hello, jobDriver=job_driver), "FAILED")
    assert run["stateDetails"].startswith(
        "The driver could not be started: it is not known how the service reads single quotes"
    )
    assert "RUNNING" not in service.states(run["jobRunId"])


def test_the_driver_has_the_credentials_of_the_execution_role(service: Service) -> None:
    source = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    job_run_id = service.start(service.script("whoami", source), **monitoring(**CLOUDWATCH))
    service.wait(job_run_id, "SUCCESS")
    stream = f"/applications/{service.application_id}/jobs/{job_run_id}/SPARK_DRIVER/stdout"
    expected = f"arn:aws:sts::{service.aws.account_id}:assumed-role/may-do-everything/{job_run_id}"
    assert log_events(service, "/aws/emr-serverless", stream) == [expected]


def test_the_credentials_of_a_run_end_with_it(service: Service) -> None:
    source = """
        import json, os, sys
        json.dump({name.lower(): value for name, value in os.environ.items() if name.startswith("AWS_")}, sys.stdout)
    """
    job_run_id = service.start(service.script("leak", source), **monitoring(**CLOUDWATCH))
    service.wait(job_run_id, "SUCCESS")
    stream = f"/applications/{service.application_id}/jobs/{job_run_id}/SPARK_DRIVER/stdout"
    leaked = json.loads(log_events(service, "/aws/emr-serverless", stream)[0])
    names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
    client = service.aws.client("sts", **{name: leaked[name] for name in names})
    with pytest.raises(ClientError):
        client.get_caller_identity()


def test_logs_arrive_in_cloudwatch_under_the_services_names(service: Service, hello: str) -> None:
    job_run_id = service.start(hello, "there", **monitoring(**CLOUDWATCH))
    service.wait(job_run_id, "SUCCESS")
    driver = f"/applications/{service.application_id}/jobs/{job_run_id}/SPARK_DRIVER"
    assert log_events(service, "/aws/emr-serverless", f"{driver}/stdout") == ["hello there"]
    assert log_events(service, "/aws/emr-serverless", f"{driver}/stderr") == ["and oops"]


def test_two_runs_may_create_their_log_group_at_the_same_time(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, group = service.aws.client("logs"), {"logGroupName": "of-two-runs"}

    class OtherIsFirst(Connection):
        def exchange(self, *arguments: Any, **options: Any) -> Any:
            if options["headers"]["X-Amz-Target"].endswith(".CreateLogGroup"):
                other.create_log_group(**group)
            return super().exchange(*arguments, **options)

    monkeypatch.setattr(log_delivery, "Connection", OtherIsFirst)
    here = Scope(account_id=service.aws.account_id, region=service.aws.region)
    monkeypatch.setattr(log_delivery, "current_scope", lambda: here)

    authority = service.aws.data_directory / "tls" / "authority.pem"
    delivery = LogDelivery(
        configuration=EffectiveConfiguration(
            cloudwatch=CloudWatchDestination(
                log_group=group["logGroupName"], stream_prefix="", files=("stdout",), key_arn=None
            ),
            s3=None,
            managed=None,
            disk=None,
        ),
        directory="a/run",
        files={"stdout": tmp_path / "stdout"},
        event_logs=tmp_path,
        role=RoleSession(
            caller=cast("Caller", None),
            credentials=Credentials(access_key_id="test", secret_access_key="test"),  # noqa: S106 - ministack's own
            application=new_application(),
        ),
        region=here.region,
        endpoint=Endpoint(url=service.aws.url, authority=authority, ca_bundle=authority),
        managed_storage=tmp_path,
    )
    delivery.open()
    (stream,) = other.describe_log_streams(**group)["logStreams"]
    assert stream["logStreamName"] == "/a/run/stdout"


def test_log_group_prefix_and_types_are_the_users(service: Service, hello: str) -> None:
    configuration = {
        "enabled": True,
        "logGroupName": "/etl/logs",
        "logStreamNamePrefix": "night",
        "logTypes": {"SPARK_DRIVER": ["STDERR"]},
    }
    job_run_id = service.start(hello, **monitoring(cloudWatchLoggingConfiguration=configuration))
    service.wait(job_run_id, "SUCCESS")
    streams = service.aws.client("logs").describe_log_streams(logGroupName="/etl/logs")["logStreams"]
    directory = f"night/applications/{service.application_id}/jobs/{job_run_id}/SPARK_DRIVER"
    assert [stream["logStreamName"] for stream in streams] == [f"{directory}/stderr"]


def test_logs_arrive_in_cloudwatch_while_the_driver_runs(service: Service, sleeper: str) -> None:
    job_run_id = service.start(sleeper, **monitoring(**CLOUDWATCH))
    service.wait(job_run_id, "RUNNING")
    stream = f"/applications/{service.application_id}/jobs/{job_run_id}/SPARK_DRIVER/stdout"
    lines = wait_for_log(service, stream)
    assert service.job_run(job_run_id)["state"] == "RUNNING"
    assert is_running(int(lines[0]))
    service.emr.cancel_job_run(applicationId=service.application_id, jobRunId=job_run_id)
    service.wait(job_run_id, "CANCELLED")
    assert not is_running(int(lines[0]))


def test_logs_arrive_in_s3_under_the_services_names(service: Service, hello: str) -> None:
    s3 = service.aws.client("s3")
    s3.create_bucket(Bucket="run-logs")
    destination = {"logUri": "s3://run-logs/emr/"}
    job_run_id = service.start(hello, "there", **monitoring(s3MonitoringConfiguration=destination))
    service.wait(job_run_id, "SUCCESS")
    directory = f"emr/applications/{service.application_id}/jobs/{job_run_id}/SPARK_DRIVER"
    written = {item["Key"] for item in s3.list_objects_v2(Bucket="run-logs")["Contents"]}
    assert written == {f"{directory}/stdout.gz", f"{directory}/stderr.gz"}
    content = s3.get_object(Bucket="run-logs", Key=f"{directory}/stdout.gz")["Body"].read()
    assert gzip.decompress(content) == b"hello there\n"


def test_event_logs_arrive_in_s3_where_those_of_the_service_do(service: Service) -> None:
    s3 = service.aws.client("s3")
    s3.create_bucket(Bucket="event-logs")
    source = """
import os, pathlib
log = pathlib.Path(os.environ["EVENT_LOGS"]) / "eventlog_v2_local-1"
log.mkdir()
(log / "events_1_local-1").write_text("an event")
(log / ".events_1_local-1.crc").touch()
"""
    run = service.start(
        service.script("events", source), **monitoring(s3MonitoringConfiguration={"logUri": "s3://event-logs/"})
    )
    service.wait(run, "SUCCESS")
    directory = f"applications/{service.application_id}/jobs/{run}/sparklogs/eventlog_v2_local-1"
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket="event-logs")["Contents"]]
    assert [key for key in keys if "SPARK_DRIVER" not in key] == [f"{directory}/events_1_local-1"]
    body = s3.get_object(Bucket="event-logs", Key=f"{directory}/events_1_local-1")["Body"]
    assert body.read() == b"an event"


def test_managed_logs_are_kept_by_the_service(service: Service, hello: str) -> None:
    job_run_id = service.start(hello, "there")
    service.wait(job_run_id, "SUCCESS")
    of_run = f"applications/{service.application_id}/jobs/{job_run_id}/SPARK_DRIVER"
    directory = service.aws.data_directory / "managed-logs" / of_run
    assert gzip.decompress((directory / "stdout.gz").read_bytes()) == b"hello there\n"


def test_each_attempt_has_a_dashboard_of_its_own(service: Service, crash: str) -> None:
    run = service.start(crash, retryPolicy={"maxAttempts": 2})
    service.wait(run, "FAILED")

    def dashboard(**attempt: int) -> str:
        request = {"applicationId": service.application_id, "jobRunId": run, **attempt}
        return str(service.emr.get_dashboard_for_job_run(**request)["url"])

    assert dashboard().endswith(f"/{run}/2")
    assert dashboard(attempt=1).endswith(f"/{run}/1")
    with pytest.raises(service.emr.exceptions.ResourceNotFoundException, match="has no attempt 3"):
        dashboard(attempt=3)


def test_a_run_without_managed_logs_has_no_dashboard(service: Service, hello: str) -> None:
    run = service.start(hello, **monitoring(managedPersistenceMonitoringConfiguration={"enabled": False}))
    with pytest.raises(service.emr.exceptions.ValidationException, match="has no application UI"):
        service.emr.get_dashboard_for_job_run(applicationId=service.application_id, jobRunId=run)
    service.wait(run)


def test_the_applications_monitoring_is_used_unless_the_run_overrides_it(service: Service, hello: str) -> None:
    of_application = {"enabled": True, "logGroupName": "of-application"}
    application_id = create(service, monitoringConfiguration={"cloudWatchLoggingConfiguration": of_application})
    of_run = {"enabled": True, "logGroupName": "of-run"}
    runs = [
        service.start(hello, application_id=application_id),
        service.start(hello, application_id=application_id, **monitoring(cloudWatchLoggingConfiguration=of_run)),
    ]
    logs = service.aws.client("logs")
    for job_run_id, group in zip(runs, ("of-application", "of-run"), strict=True):
        service.wait(job_run_id, "SUCCESS", application_id=application_id)
        streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
        assert {stream["logStreamName"].split("/")[4] for stream in streams} == {job_run_id}


def test_the_same_client_token_starts_one_run(service: Service, hello: str) -> None:
    first = service.start(hello, clientToken="token-1", name="same")
    assert service.start(hello, clientToken="token-1", name="same") == first
    service.wait(first)
    assert service.start(hello, clientToken="token-1", name="same") == first
    request = {"applicationId": service.application_id, "executionRoleArn": service.role_arn, "clientToken": "token-1"}
    driver = {"sparkSubmit": {"entryPoint": hello, "entryPointArguments": ["other"]}}
    code, status, _ = error_of(service.emr.start_job_run, jobDriver=driver, **request)
    assert (code, status) == ("ConflictException", 409)


def test_a_cancelled_run_ends_within_its_grace_period_by_itself(service: Service) -> None:
    source = """
        import signal, sys, time
        signal.signal(signal.SIGTERM, lambda *_: (print("saved", flush=True), sys.exit(0)))
        print("ready", flush=True)
        time.sleep(600)
    """
    job_run_id = service.start(service.script("graceful", source), **monitoring(**CLOUDWATCH))
    service.wait(job_run_id, "RUNNING")
    stream = f"/applications/{service.application_id}/jobs/{job_run_id}/SPARK_DRIVER/stdout"
    wait_for_log(service, stream, "ready")
    service.emr.cancel_job_run(
        applicationId=service.application_id, jobRunId=job_run_id, shutdownGracePeriodInSeconds=1800
    )
    service.wait(job_run_id, "CANCELLED")
    assert log_events(service, "/aws/emr-serverless", stream) == ["ready", "saved"]
    assert service.states(job_run_id)[-3:] == ["RUNNING", "CANCELLING", "CANCELLED"]


ENDS_WHEN_IT_MAY = """
    import signal, sys, time
    from pathlib import Path

    def end(*_):
        print("asked to end", flush=True)
        while not Path(sys.argv[1]).exists():
            time.sleep(0.05)
        sys.exit(0)

    signal.signal(signal.SIGTERM, end)
    print("ready", flush=True)
    time.sleep(3600)
"""


@pytest.mark.parametrize("mode", ["BATCH", "STREAMING"])
def test_a_second_cancellation_is_ignored_and_a_stream_has_a_grace_period_by_default(
    service: Service, mode: str, tmp_path: Path
) -> None:
    script, may_end = service.script("ends-when-it-may", ENDS_WHEN_IT_MAY), tmp_path / "may end"
    job_run_id = service.start(script, str(may_end), mode=mode, **monitoring(**CLOUDWATCH))
    service.wait(job_run_id, "RUNNING")
    attempt = "/attempts/1" if mode == "STREAMING" else ""
    stream = f"/applications/{service.application_id}/jobs/{job_run_id}{attempt}/SPARK_DRIVER/stdout"
    wait_for_log(service, stream, "ready")
    request = {"applicationId": service.application_id, "jobRunId": job_run_id}
    service.emr.cancel_job_run(**request, **({} if mode == "STREAMING" else {"shutdownGracePeriodInSeconds": 1800}))
    assert service.job_run(job_run_id)["state"] == "CANCELLING"
    service.emr.cancel_job_run(**request, shutdownGracePeriodInSeconds=0)
    may_end.touch()
    service.wait(job_run_id, "CANCELLED")
    assert log_events(service, "/aws/emr-serverless", stream) == ["ready", "asked to end"]
    assert service.states(job_run_id)[-3:] == ["RUNNING", "CANCELLING", "CANCELLED"]


def test_a_driver_of_an_old_release_has_no_grace_period(service: Service, tmp_path: Path) -> None:
    application_id = create(service, releaseLabel="emr-7.8.0")
    script = service.script("ends-when-it-may", ENDS_WHEN_IT_MAY)
    job_run_id = service.start(
        script, str(tmp_path / "never"), application_id=application_id, **monitoring(**CLOUDWATCH)
    )
    service.wait(job_run_id, "RUNNING", application_id=application_id)
    stream = f"/applications/{application_id}/jobs/{job_run_id}/SPARK_DRIVER/stdout"
    wait_for_log(service, stream, "ready")
    service.emr.cancel_job_run(applicationId=application_id, jobRunId=job_run_id, shutdownGracePeriodInSeconds=1800)
    service.wait(job_run_id, "CANCELLED", application_id=application_id)
    assert log_events(service, "/aws/emr-serverless", stream) == ["ready"]


def test_a_run_that_does_not_run_yet_is_cancelled_at_once(service: Service, sleeper: str) -> None:
    application_id = create(service, schedulerConfiguration={"maxConcurrentRuns": 1})
    first = service.start(sleeper, application_id=application_id)
    service.wait(first, "RUNNING", application_id=application_id)
    queued = service.start(sleeper, application_id=application_id)
    service.wait(queued, "QUEUED", application_id=application_id)
    service.emr.cancel_job_run(applicationId=application_id, jobRunId=queued, shutdownGracePeriodInSeconds=1800)
    service.wait(queued, "CANCELLED", application_id=application_id)
    service.emr.cancel_job_run(applicationId=application_id, jobRunId=first)
    service.wait(first, "CANCELLED", application_id=application_id)


@pytest.mark.parametrize("seconds", [14, 1801])
def test_a_grace_period_is_limited(service: Service, sleeper: str, seconds: int) -> None:
    job_run_id = service.start(sleeper)
    request = {"applicationId": service.application_id, "jobRunId": job_run_id}
    code, status, _ = error_of(service.emr.cancel_job_run, **request, shutdownGracePeriodInSeconds=seconds)
    assert (code, status) == ("ValidationException", 400)
    service.emr.cancel_job_run(**request, shutdownGracePeriodInSeconds=0)
    service.wait(job_run_id, "CANCELLED")


def test_a_run_that_ended_cannot_be_cancelled(service: Service, hello: str) -> None:
    job_run_id = service.start(hello)
    service.wait(job_run_id, "SUCCESS")
    code, status, message = error_of(
        service.emr.cancel_job_run, applicationId=service.application_id, jobRunId=job_run_id
    )
    assert (code, status) == ("ValidationException", 400)
    assert message == f"JobRun {job_run_id} is not in a cancellable state. Current state: SUCCESS"


def test_a_run_that_is_not_there_is_not_found(service: Service) -> None:
    request = {"applicationId": service.application_id, "jobRunId": "00fdoesnotexist0"}
    for operation in (service.emr.get_job_run, service.emr.cancel_job_run, service.emr.list_job_run_attempts):
        assert error_of(operation, **request)[:2] == ("ResourceNotFoundException", 404)


def test_the_execution_timeout_cancels_a_run(service: Service, sleeper: str) -> None:
    run = service.wait(service.start(sleeper, executionTimeoutMinutes=5), "CANCELLED")
    assert run["stateDetails"] == "The job run exceeded its execution timeout of 5 minutes"
    assert run["totalExecutionDurationSeconds"] >= 5 * SECONDS_PER_MINUTE - 1


def test_a_batch_run_is_tried_as_often_as_its_policy_says(service: Service, crash: str) -> None:
    job_run_id = service.start(crash, retryPolicy={"maxAttempts": 2}, **monitoring(**CLOUDWATCH))
    run = service.wait(job_run_id, "FAILED")
    request = {"applicationId": service.application_id, "jobRunId": job_run_id}
    attempts = service.emr.list_job_run_attempts(**request)["jobRunAttempts"]
    assert run["attempt"] == 2
    assert [(attempt["attempt"], attempt["state"]) for attempt in attempts] == [(1, "FAILED"), (2, "FAILED")]
    assert service.emr.get_job_run(**request, attempt=1)["jobRun"]["attempt"] == 1
    for attempt in (1, 2):
        stream = f"/applications/{service.application_id}/jobs/{job_run_id}/attempts/{attempt}/SPARK_DRIVER/stderr"
        assert log_events(service, "/aws/emr-serverless", stream) == ["ValueError: it is broken"]


def test_a_second_attempt_may_succeed(service: Service, tmp_path: Path) -> None:
    source = """
        import pathlib, sys
        marker = pathlib.Path(sys.argv[1])
        if not marker.exists():
            marker.touch()
            sys.exit("not yet")
    """
    entry_point = service.script("second-time-lucky", source)
    job_run_id = service.start(entry_point, str(tmp_path / "tried"), retryPolicy={"maxAttempts": 3})
    assert service.wait(job_run_id, "SUCCESS")["attempt"] == 2


def test_runs_over_the_limit_are_queued(service: Service, sleeper: str, hello: str) -> None:
    application_id = create(service, schedulerConfiguration={"maxConcurrentRuns": 1})
    first = service.start(sleeper, application_id=application_id)
    service.wait(first, "RUNNING", application_id=application_id)
    second = service.start(hello, application_id=application_id)
    service.wait(second, "QUEUED", application_id=application_id)
    service.emr.cancel_job_run(applicationId=application_id, jobRunId=first)
    run = service.wait(second, "SUCCESS", application_id=application_id)
    assert service.states(second)[:3] == ["SUBMITTED", "QUEUED", "PENDING"]
    assert run["queuedDurationMilliseconds"] > 0


def test_an_application_with_an_active_run_is_not_stopped(service: Service, sleeper: str) -> None:
    application_id = create(service)
    job_run_id = service.start(sleeper, application_id=application_id)
    service.wait(job_run_id, "RUNNING", application_id=application_id)
    code, _, message = error_of(service.emr.stop_application, applicationId=application_id)
    assert code == "ValidationException"
    assert job_run_id in message
    service.emr.cancel_job_run(applicationId=application_id, jobRunId=job_run_id)
    service.wait(job_run_id, "CANCELLED", application_id=application_id)
    service.emr.stop_application(applicationId=application_id)
    wait_for_state(service, application_id, "STOPPED")


class Released(threading.Condition):
    """Looks at something each time that others may look at it, too."""

    def __init__(self, look: Callable[[], object]) -> None:
        super().__init__()
        self._look = look
        self._depth = 0

    def __enter__(self) -> bool:
        entered = super().__enter__()
        self._depth += 1
        return entered

    def __exit__(self, *exception: Any) -> None:
        self._depth -= 1
        if not self._depth:
            self._look()
        super().__exit__(*exception)


def test_nobody_sees_that_a_run_has_ended_while_it_keeps_its_application_from_being_stopped(tmp_path: Path) -> None:
    application, ended = new_application(), ("SUCCESS", "FAILED", "CANCELLED")
    seen: list[tuple[bool, bool]] = []

    def look() -> None:
        seen.extend((run.state in ended, bool(application.active_job_runs)) for run in runs.all(application))

    changed = Released(look)
    applications = Applications(changed=changed, announce=lambda _: None, publish=lambda _: None)
    endpoint = Endpoint(url="https://nowhere.invalid", authority=tmp_path, ca_bundle=tmp_path)
    life_cycle = LifeCycle(
        changed=changed,
        applications=applications,
        engine=PythonEngine(),
        settings=ServiceSettings(endpoint=endpoint, data_directory=tmp_path),
        driver_output=DriverOutput(tmp_path),
    )
    runs = JobRuns(
        changed=changed,
        announce=lambda _: None,
        publish=lambda _: None,
        metrics=JobRunMetrics(lambda _: None),
        life_cycle=lambda run: life_cycle.run(runs, run),
    )
    request = {"executionRoleArn": "", "jobDriver": {"sparkSubmit": {"entryPoint": "a.py"}}, "clientToken": "a"}
    with changed:
        runs.cancel(runs.submit(application, request, job_run_id="00r", created_by=""))
    runs.close()
    assert seen[-1] == (True, False)
    assert (True, True) not in seen


def test_an_application_that_does_not_start_by_itself_refuses_runs(service: Service, hello: str) -> None:
    application_id = create(service, autoStartConfiguration={"enabled": False})
    with pytest.raises(ClientError, match="must be started"):
        service.start(hello, application_id=application_id)


def test_runs_are_listed_the_newest_first_by_state_and_mode(service: Service, hello: str, crash: str) -> None:
    application_id = create(service)
    runs = []
    for script in (hello, crash):
        runs.append(service.start(script, application_id=application_id))
        service.wait(runs[-1], application_id=application_id)  # the next is created milliseconds later

    def listed(**filters: Any) -> list[str]:
        pages = service.emr.get_paginator("list_job_runs").paginate(
            applicationId=application_id, PaginationConfig={"PageSize": 1}, **filters
        )
        return [run["id"] for page in pages for run in page["jobRuns"]]

    assert listed() == runs[::-1]
    assert listed(states=["SUCCESS"]) == runs[:1]
    assert listed(mode="STREAMING") == []
    created = service.job_run(runs[1], application_id=application_id)["createdAt"]
    # The number in the answer is rounded when it becomes a date.
    assert listed(createdAtAfter=created - timedelta(milliseconds=1)) == runs[1:]


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"mode": "STREAMING", "retryPolicy": {"maxAttempts": 2}}, "maxAttempts is not supported for STREAMING"),
        ({"mode": "STREAMING", "flexExecution": {"enabled": True}}, "flexExecution is supported for BATCH"),
        ({"retryPolicy": {"maxFailedAttemptsPerHour": 2}}, "maxFailedAttemptsPerHour is not supported for BATCH"),
        ({"retryPolicy": {"maxAttempts": 11}}, "must be between 1 and 10"),
        ({"jobDriver": {"hive": {"query": "s3://b/q.sql"}}}, "needs a sparkSubmit job driver"),
        ({"jobDriver": {}}, "Member must have exactly one of [sparkSubmit, hive]"),
        ({"executionRoleArn": "arn:aws:iam::1:role/x"}, "'/executionRoleArn' failed to satisfy constraint"),
        ({"clientToken": "a b"}, "'/clientToken' failed to satisfy constraint"),
        ({"executionTimeoutMinutes": 1}, "RunTimeout must be at least 5 minutes."),
        ({"executionTimeoutMinutes": 4, "mode": "STREAMING"}, "RunTimeout must be at least 5 minutes."),
        ({"executionIamPolicy": {"policy": "s3:*"}}, "executionIamPolicy.policy is not a valid IAM policy"),
        ({"executionIamPolicy": {"policy": '"Statement"'}}, "executionIamPolicy.policy is not a valid IAM policy"),
        (monitoring(cloudWatchLoggingConfiguration={"enabled": True, "logTypes": {"DRIVER": ["STDOUT"]}}), "of DRIVER"),
        (
            monitoring(cloudWatchLoggingConfiguration={"enabled": True, "logTypes": {"SPARK_DRIVER": ["SYSLOG"]}}),
            "Log type SYSLOG is not supported for SPARK_DRIVER",
        ),
        (
            monitoring(cloudWatchLoggingConfiguration={"enabled": True, "logTypes": {"TEZ_TASK": ["STDOUT"]}}),
            "Log types of TEZ_TASK are not supported for Spark",
        ),
        (monitoring(s3MonitoringConfiguration={"logUri": "https://logs/"}), "is not a valid S3 URI"),
        (monitoring(s3MonitoringConfiguration={"logUri": "s3://"}), "is not a valid S3 URI"),
        ({"tags": {str(number): "" for number in range(201)}}, "'/tags' failed to satisfy constraint"),
    ],
)
def test_a_run_that_the_service_would_refuse_is_refused(
    service: Service, hello: str, members: dict[str, Any], says: str
) -> None:
    client = service.aws.client("emr-serverless", config=Config(parameter_validation=False))
    request = {
        "applicationId": service.application_id,
        "executionRoleArn": service.role_arn,
        "jobDriver": {"sparkSubmit": {"entryPoint": hello}},
        **members,
    }
    code, _, message = error_of(client.start_job_run, **request)
    assert code == "ValidationException"
    assert says in message


def test_a_role_of_another_account_is_refused(service: Service, hello: str) -> None:
    request = {
        "applicationId": service.application_id,
        "executionRoleArn": "arn:aws:iam::999999999999:role/somebody-elses",
        "jobDriver": {"sparkSubmit": {"entryPoint": hello}},
    }
    refused = error_of(service.emr.start_job_run, **request)
    assert refused == ("AccessDeniedException", 403, "Cross-account pass role is not allowed.")


@pytest.mark.parametrize(
    ("release", "minutes", "says"),
    [
        ("emr-7.11.0", 0, "executionTimeoutMinutes of a BATCH job run must be between 5 and 10080"),
        ("emr-7.11.0", 10_081, "executionTimeoutMinutes of a BATCH job run must be between 5 and 10080"),
        ("emr-7.10.0", 0, None),
        ("emr-7.10.0", 10_081, None),
    ],
)
def test_a_batch_run_takes_a_week_at_most_from_the_release_on_that_has_the_limit(
    service: Service, hello: str, release: str, minutes: int, says: str | None
) -> None:
    application_id = create(service, releaseLabel=release)
    if says:
        with pytest.raises(ClientError, match=says):
            service.start(hello, application_id=application_id, executionTimeoutMinutes=minutes)
        service.start(hello, application_id=application_id, executionTimeoutMinutes=0, mode="STREAMING")
    else:
        service.start(hello, application_id=application_id, executionTimeoutMinutes=minutes)


def test_log_types_may_be_written_in_lower_case(service: Service, hello: str) -> None:
    logging = {"enabled": True, "logTypes": {"spark_driver": ["stdout"]}}
    job_run_id = service.start(hello, **monitoring(cloudWatchLoggingConfiguration=logging))
    service.wait(job_run_id, "SUCCESS")
    stream = f"/applications/{service.application_id}/jobs/{job_run_id}/SPARK_DRIVER/stdout"
    assert log_events(service, "/aws/emr-serverless", stream)


@pytest.mark.parametrize(
    ("release", "scheduler", "is_queued"),
    [
        ("emr-6.15.0", {}, False),
        ("emr-7.2.0", {}, False),
        ("emr-7.2.0", {"queueTimeoutMinutes": 15}, True),
        ("emr-7.3.0", {}, True),
    ],
)
def test_runs_are_queued_where_the_release_or_the_application_says_so(
    release: str, scheduler: dict[str, int], is_queued: bool
) -> None:
    application = Application(
        application_id="00f",
        scope=Scope(account_id="1", region="x"),
        release_label=release,
        engine="Spark",
        members={"schedulerConfiguration": scheduler},
        tags={},
    )
    queue = queue_of(application)
    assert (queue is not None) == is_queued
    if queue:
        assert queue.concurrent_runs == 15


def test_no_more_drivers_run_than_there_is_room_for_and_the_others_wait_in_their_order(tmp_path: Path) -> None:
    source = """
        import sys, time
        from pathlib import Path
        folder, name = Path(sys.argv[1]), sys.argv[2]
        folder.joinpath("order").open("a").write(f"{name} ")
        while not folder.joinpath("end").exists():
            time.sleep(0.01)
        folder.joinpath("order").open("a").write(f"{name} ")
    """
    with LocalAws(server_command=SERVER_COMMAND, concurrent_drivers=1) as aws:
        role = make_role(aws, "any", allow("*"))
        service = Service(aws=aws, application_id="", role_arn=role, scripts=tmp_path, events=[])
        applications = [create(service), create(service)] * 2  # the room is that of the machine
        script, runs = service.script("in-turn", source), []
        for name, application_id in zip("abcd", applications, strict=True):
            runs.append(service.start(script, str(tmp_path), name, application_id=application_id))
            service.wait(runs[-1], "SCHEDULED" if runs[1:] else "RUNNING", application_id=application_id)
        service.emr.cancel_job_run(applicationId=applications[1], jobRunId=runs[1])
        service.wait(runs[1], "CANCELLED", application_id=applications[1])
        (tmp_path / "end").touch()
        for position in (0, 2, 3):
            service.wait(runs[position], "SUCCESS", application_id=applications[position])
    assert (tmp_path / "order").read_text().split() == ["a", "a", "c", "c", "d", "d"]


def test_a_queued_run_has_its_turn_when_more_may_run(service: Service, sleeper: str, hello: str) -> None:
    application_id = create(service, schedulerConfiguration={"maxConcurrentRuns": 1})
    first = service.start(sleeper, application_id=application_id)
    service.wait(first, "RUNNING", application_id=application_id)
    second = service.start(hello, application_id=application_id)
    service.wait(second, "QUEUED", application_id=application_id)
    service.emr.update_application(applicationId=application_id, schedulerConfiguration={"maxConcurrentRuns": 2})
    service.wait(second, "SUCCESS", application_id=application_id)
    service.emr.cancel_job_run(applicationId=application_id, jobRunId=first)


def test_a_page_repeats_no_run_when_one_was_added_meanwhile(service: Service, hello: str) -> None:
    application_id = create(service)
    runs = [service.start(hello, application_id=application_id) for _ in range(3)]
    first = service.emr.list_job_runs(applicationId=application_id, maxResults=2)
    service.start(hello, application_id=application_id)
    second = service.emr.list_job_runs(applicationId=application_id, maxResults=2, nextToken=first["nextToken"])
    assert [run["id"] for page in (first, second) for run in page["jobRuns"]] == runs[::-1]
    assert [run["type"] for run in second["jobRuns"]] == ["Spark"]


def test_a_token_that_no_list_gave_is_refused(service: Service, hello: str) -> None:
    application_id = create(service)
    for _ in range(2):
        service.start(hello, application_id=application_id)
    others = service.emr.list_job_runs(applicationId=application_id, maxResults=1)["nextToken"]
    for token in ("1", "AAAA", "w7g=", others):
        refused = error_of(service.emr.list_job_runs, applicationId=service.application_id, nextToken=token)
        assert refused == ("ValidationException", 400, "The nextToken is not valid")


def test_the_runs_own_policy_narrows_the_role(service: Service) -> None:
    source = "import boto3; boto3.client('s3').list_buckets(); boto3.client('iam').list_roles()"
    only_s3 = {"policy": policy(allow("s3:*"))}
    run = service.wait(service.start(service.script("narrowed", source), executionIamPolicy=only_s3), "FAILED")
    assert "AccessDenied" in run["stateDetails"]
    assert "ListRoles" in run["stateDetails"]
