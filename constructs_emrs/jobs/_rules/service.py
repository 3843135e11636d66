"""Rules of the service that its model does not have.

A rule about the request reports the path of a member, so that it holds for `add_override` too; a rule about arguments
notes the argument. Both leave tokens alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from ...applications.application_type import ApplicationType
from ...applications.release_label import ReleaseLabel
from ...monitoring.encryption import Encryption
from ...monitoring.monitoring import LogType, LogWorker, Monitoring
from ...validation.model_rules import Report, check_against_model, shape_of
from ...validation.problems import Problems
from ...validation.service_model import operation_shape
from ...validation.tokens import is_token
from ..execution_iam_policy import ExecutionIamPolicy
from ..job_mode import JobMode
from ..retry_policy import RetryPolicy

if TYPE_CHECKING:
    from ...applications.application import IApplication

_T = TypeVar("_T")

_DAYS_7 = 7 * 24 * 60
_SHORTEST_TIMEOUT = 5  # minutes, as the others
_LONGEST_TIMEOUT = 1_000_000
_MILLISECONDS = {"seconds": 1_000, "minutes": 60_000}
_WORKSPACE_ARN = re.compile(r"arn:aws[a-z-]*:aps:[a-z0-9-]+:[0-9]{12}:workspace/[A-Za-z0-9_.-]+")

# https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/logging.html#jobs-log-storage-cw
_LOG_TYPES: dict[ApplicationType, dict[LogWorker, Sequence[LogType]]] = {
    ApplicationType.SPARK: {
        LogWorker.SPARK_DRIVER: (LogType.STDERR, LogType.STDOUT),
        LogWorker.SPARK_EXECUTOR: (LogType.STDERR, LogType.STDOUT),
    },
    ApplicationType.HIVE: {
        LogWorker.HIVE_DRIVER: (LogType.STDERR, LogType.STDOUT, LogType.HIVE_LOG, LogType.TEZ_AM),
        LogWorker.TEZ_TASK: (LogType.STDERR, LogType.STDOUT, LogType.SYSTEM_LOGS),
    },
}


def require_release(
    problems: Problems, release: ReleaseLabel | None, minimum: tuple[int, int], argument: str, value: object
) -> None:
    """Note that the feature needs a later release, if the release is known."""
    report_release(problems.add, release, minimum, argument, value)


def report_release(
    report: Report, release: ReleaseLabel | None, minimum: tuple[int, int], member: str, value: object
) -> None:
    """Report that the feature needs a later release, if the release is known."""
    if release is not None and release.version is not None and release.version < minimum:
        needed = f"emr-{minimum[0]}.{minimum[1]}.0"
        report(member, value, f"the application's release {release.name} does not have it", f"use {needed} or later")


def whole_minutes(problems: Problems, argument: str, duration: Duration | None) -> int | None:
    """The duration in minutes; notes one that is not whole."""
    return None if duration is None else _whole(problems, argument, duration, "minutes")


def whole_seconds(problems: Problems, argument: str, duration: Duration) -> int | None:
    """The duration in seconds; notes one that is not whole."""
    return _whole(problems, argument, duration, "seconds")


def _whole(problems: Problems, argument: str, duration: Duration, unit: str) -> int | None:
    if duration.is_unresolved():
        if duration.unit_label() == unit:
            return cast("int", duration.to_seconds() if unit == "seconds" else duration.to_minutes())
        problems.add(argument, duration, "what is known at deployment only can't be converted", f"use Duration.{unit}")
        return None
    count, rest = divmod(duration.to_milliseconds(), _MILLISECONDS[unit])
    if rest:
        problems.add(argument, duration, f"it is not a whole number of {unit}", "round it")
        return None
    return int(count)


def check_engine(problems: Problems, application: IApplication, engine: ApplicationType) -> None:
    """Jobs run on applications of their own engine."""
    actual = getattr(application, "application_type", None)
    if actual is not None and actual is not engine:
        job = "SparkJob" if actual is ApplicationType.SPARK else "HiveJob"
        problems.add("application", application, f"it is a {actual.value} application", f"use a {job}")


def check_request(
    request: dict[str, Any], engine: ApplicationType, release: ReleaseLabel | None, report: Report
) -> None:
    """Report what the service would refuse of a StartJobRun request, or would not do.

    Args:
        request: The request; members of types that the model does not have are left to the model's own rules.
        engine: The engine that the job is for.
        release: The application's release, None if it is not known.
        report: Takes the problems.
    """
    streaming = _member(request, "mode", str) == JobMode.STREAMING.value
    if streaming:
        _check_streaming(engine, release, report)
    driver = "sparkSubmit" if engine is ApplicationType.SPARK else "hive"
    drivers = request.get("jobDriver")
    if not isinstance(drivers, dict) or driver not in drivers:
        report(f"jobDriver.{driver}", None, f"a {engine.value} job needs it", "give it a value")
    _check_timeout(request, release, report, streaming=streaming)
    _check_retry_policy(request, release, report, streaming=streaming)
    flex = _member(request, "flexExecution.enabled", bool)
    if flex and (streaming or engine is not ApplicationType.SPARK):
        # https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-flex-execution.html
        report("flexExecution.enabled", flex, "Flex runs batch jobs of Spark", "leave it out")
    check_monitoring_request(request, "configurationOverrides.monitoringConfiguration", engine, release, report)


def check_monitoring_request(
    request: dict[str, Any], path: str, engine: ApplicationType, release: ReleaseLabel | None, report: Report
) -> None:
    """Log types belong to engines; Prometheus takes metrics of Spark from emr-7.1.0.

    Args:
        request: The request that the monitoring configuration is in.
        path: Where in the request it is.
        engine: The engine of the application or job.
        release: The application's release, None if it is not known.
        report: Takes the problems.
    """
    prometheus = f"{path}.prometheusMonitoringConfiguration"
    if _member(request, prometheus, dict):
        url = f"{prometheus}.remoteWriteUrl"
        if engine is not ApplicationType.SPARK:
            report(prometheus, engine.value, "Prometheus gets metrics of Spark jobs", "leave it out")
        report_release(report, release, (7, 1), prometheus, _member(request, url, str))
    log_types = f"{path}.cloudWatchLoggingConfiguration.logTypes"
    for worker, types in (_member(request, log_types, dict) or {}).items():
        _check_log_types(engine, worker, types, report, f"{log_types}[{worker!r}]")


def check_retry_policy(problems: Problems, policy: RetryPolicy | None) -> None:
    """A retry policy says one thing."""
    if policy is not None and policy == RetryPolicy():
        problems.add("retry_policy", policy, "it says nothing", "use attempts(…) or failures_per_hour(…)")


def check_monitoring(problems: Problems, monitoring: Monitoring) -> None:
    """Prefixes are prefixes, workspaces are workspaces, and what is disabled has no settings."""
    if monitoring.s3_logs is not None:
        prefix = monitoring.s3_logs.prefix
        if prefix.startswith("/") or "://" in prefix:
            remedy = (
                f"use {prefix.rpartition('://')[2].strip('/')!r}" if "://" not in prefix else "leave out the bucket"
            )
            problems.add("monitoring.s3_logs.prefix", prefix, "keys in a bucket do not start like that", remedy)
    if monitoring.prometheus is not None:
        arn = monitoring.prometheus.workspace_arn
        if not is_token(arn) and not _WORKSPACE_ARN.fullmatch(arn):
            remedy = "use arn:aws:aps:REGION:ACCOUNT:workspace/ID"
            problems.add("monitoring.prometheus.workspace_arn", arn, "it is no ARN of a workspace", remedy)
    retention, group = monitoring.cloudwatch_logs.log_retention, monitoring.cloudwatch_logs.log_group
    if retention is not None and group is not None:
        remedy = "give it to the log group, or leave out log_group"
        problems.add("monitoring.cloudwatch_logs.log_retention", retention, "the log group has its own", remedy)
    for argument in ("s3_logs", "managed_logs", "cloudwatch_logs"):
        destination = getattr(monitoring, argument)
        if destination is not None:
            _check_key(problems, f"monitoring.{argument}.encryption_key", destination.encryption_key)
    for argument in ("managed_logs", "cloudwatch_logs"):
        logs = getattr(monitoring, argument)
        for name, value in vars(logs).items():
            if not logs.enabled and name != "enabled" and value is not None:
                remedy = "leave it out, or enable them"
                problems.add(f"monitoring.{argument}.{name}", value, "the logs are disabled", remedy)


def check_encryption(problems: Problems, encryption: Encryption | None) -> None:
    """The service takes keys; keys of AWS have no settings."""
    if encryption is None:
        return
    _check_key(problems, "encryption.key", encryption.key)
    for name in ("key", "disk_encryption_context"):
        value = getattr(encryption, name)
        if not encryption.is_customer_managed and value is not None:
            remedy = "use Encryption.customer_managed(…)"
            problems.add(f"encryption.{name}", value, "keys of AWS have no such setting", remedy)


def _check_key(problems: Problems, argument: str, key: kms.IKey | None) -> None:
    # An alias is an IKey, too. The service takes ARNs of keys only.
    if hasattr(key, "alias_name"):
        problems.add(argument, key, "the service takes no aliases", "use the key that it stands for")


def check_execution_iam_policy(problems: Problems, scope: Construct, policy: ExecutionIamPolicy | None) -> None:
    """A session policy says something, and its document is valid and not too long.

    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-cli-execution.html
    """
    if policy is None:
        return
    argument, document = "execution_iam_policy.document", policy.document
    if document is None:
        if not policy.managed_policies:
            problems.add("execution_iam_policy", policy, "it says nothing", "give it a document or managed policies")
    elif document.is_empty:
        problems.add(argument, document, "it has no statements", "add statements, or leave it out")
    elif invalid := document.validate_for_identity_policy():
        problems.add(argument, document, " ".join(invalid), "correct the statement")
    else:
        # A copy, as the CDK allows no changes to statements that have been resolved.
        resolved = Stack.of(scope).resolve(iam.PolicyDocument.from_json(document.to_json()))
        # What is known at deployment only counts as nothing: what is too long without it is too long.
        text = json.dumps(_literal(resolved), separators=(",", ":"), ensure_ascii=False)
        shape = shape_of(operation_shape("StartJobRun"), "executionIamPolicy.policy")
        check_against_model(text, shape, problems.add, argument)


def _literal(resolved: Any) -> Any:
    """The part of a resolved value that is no intrinsic function of CloudFormation."""
    match resolved:
        case {"Fn::Join": [str(separator), list(parts)]}:
            return separator.join(str(_literal(part)) for part in parts)
        case dict() if any(name == "Ref" or name.startswith("Fn::") for name in resolved):
            return ""
        case dict():
            return {name: _literal(item) for name, item in resolved.items()}
        case list():
            return [_literal(item) for item in resolved]
        case _:
            return resolved


def _check_streaming(engine: ApplicationType, release: ReleaseLabel | None, report: Report) -> None:
    """Streaming is for Spark, from emr-7.1.0.

    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-streaming.html
    """
    mode = JobMode.STREAMING
    if engine is not ApplicationType.SPARK:
        report("mode", mode, "streaming jobs are Spark jobs", "use a SparkJob")
    report_release(report, release, (7, 1), "mode", mode)


def _check_timeout(request: dict[str, Any], release: ReleaseLabel | None, report: Report, *, streaming: bool) -> None:
    """A batch job has a limit, of 7 days since emr-7.11.0; a streaming job has none, which 0 says too.

    https://docs.aws.amazon.com/emr-serverless/latest/APIReference/API_StartJobRun.html. The shortest is not documented:
    the service was seen to say "RunTimeout must be at least 5 minutes.", which moto repeats
    (https://github.com/getmoto/moto/blob/master/moto/emrserverless/exceptions.py).
    """
    minutes = _member(request, "executionTimeoutMinutes", int)
    if minutes is None:
        return
    member, value = "executionTimeoutMinutes", f"{minutes} minutes"
    # A release that is not known may be one of either kind.
    limited = release is not None and release.version is not None and release.version >= (7, 11)
    if streaming:
        if minutes != 0:
            report(member, value, "a streaming job has no time limit", "leave it out")
        return
    longest = _DAYS_7 if limited else _LONGEST_TIMEOUT
    # The model has the longest of all.
    if (minutes < _SHORTEST_TIMEOUT and (minutes != 0 or limited)) or longest < minutes <= _LONGEST_TIMEOUT:
        remedy = f"use {_SHORTEST_TIMEOUT} to {longest:,} minutes" + ("" if limited else ", or 0 for no limit")
        report(member, value, "batch jobs do not have that limit", remedy)


def _check_retry_policy(
    request: dict[str, Any], release: ReleaseLabel | None, report: Report, *, streaming: bool
) -> None:
    """Batch jobs are tried so many times, streaming jobs fail so many times an hour; both from emr-7.1.0.

    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-resiliency.html
    """
    policy = _member(request, "retryPolicy", dict)
    if not policy:
        return
    report_release(report, release, (7, 1), "retryPolicy", policy)
    if streaming and "maxAttempts" in policy:
        report("retryPolicy", policy, "streaming jobs are always restarted", "use RetryPolicy.failures_per_hour(…)")
    if not streaming and "maxFailedAttemptsPerHour" in policy:
        report("retryPolicy", policy, "failures an hour are for streaming jobs", "use RetryPolicy.attempts(…)")
    for name in ("maxAttempts", "maxFailedAttemptsPerHour"):
        count = _member(policy, name, int)
        # The model has the lower limit.
        if count is not None and count > 10:
            report(f"retryPolicy.{name}", count, "it is out of range", "use 1 to 10")


def _check_log_types(engine: ApplicationType, worker: str, types: Any, report: Report, path: str) -> None:
    known = {known.value: allowed for known, allowed in _LOG_TYPES[engine].items()}
    if worker not in known:
        own = " or ".join(map(str, _LOG_TYPES[engine]))
        report(path, types, f"{engine.value} has no such worker", f"use {own}")
        return
    for log_type in types if isinstance(types, list) else ():
        if log_type not in {allowed.value for allowed in known[worker]}:
            remedy = "use " + ", ".join(map(str, known[worker]))
            report(path, log_type, "the worker does not write such a log", remedy)


def _member(request: dict[str, Any], path: str, kind: type[_T]) -> _T | None:
    """The member of a request, if it has that type and is known at synth."""
    value: Any = request
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        return None
    return None if is_token(value) else value
