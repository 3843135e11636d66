"""Rules of the service that its model does not have.

A rule about the request reports the path of a member, so that it holds for `add_override` too; a rule about arguments
notes the argument. Both leave tokens alone.
"""

import json
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from ...applications.engine_rules import check_monitoring_request, require_release
from ...applications.interface import IApplication
from ...applications.release_label import ReleaseLabel
from ...applications.settings import ApplicationType
from ...validation.model import Report, check_against_model, known_member_of
from ...validation.problems import Problems
from ...validation.shapes import operation_shape, shape_of
from ...workflows.interface import JobMode
from ..options import ExecutionIamPolicy, RetryPolicy

_DAYS_7 = 7 * 24 * 60
_SHORTEST_TIMEOUT = 5  # minutes, as the others
_LONGEST_TIMEOUT = 1_000_000


def check_engine(problems: Problems, application: IApplication, engine: ApplicationType) -> None:
    """Jobs run on applications of their own engine."""
    actual = application.application_type
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
    streaming = known_member_of(request, "mode", str) == JobMode.STREAMING.value
    if streaming:
        _check_streaming(engine, release, report)
    driver = "sparkSubmit" if engine is ApplicationType.SPARK else "hive"
    drivers = request.get("jobDriver")
    if not isinstance(drivers, dict) or driver not in drivers:
        report(f"jobDriver.{driver}", None, f"a {engine.value} job needs it", "give it a value")
    _check_timeout(request, release, report, streaming=streaming)
    _check_retry_policy(request, release, report, streaming=streaming)
    flex = known_member_of(request, "flexExecution.enabled", bool)
    if flex and (streaming or engine is not ApplicationType.SPARK):
        # https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-flex-execution.html
        report("flexExecution.enabled", flex, "flex execution is for batch jobs of Spark", "leave it out")
    check_monitoring_request(request, "configurationOverrides.monitoringConfiguration", engine, release, report)


def check_retry_policy(problems: Problems, policy: RetryPolicy | None) -> None:
    """A retry policy says one thing."""
    if policy is not None and policy == RetryPolicy():
        problems.add("retry_policy", policy, "it is empty", "use attempts(…) or failures_per_hour(…)")


def check_execution_iam_policy(problems: Problems, scope: Construct, policy: ExecutionIamPolicy | None) -> None:
    """A session policy says something, and its document is valid and not too long.

    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-cli-execution.html
    """
    if policy is None:
        return
    argument, document = "execution_iam_policy.document", policy.document
    if document is None:
        if not policy.managed_policies:
            problems.add("execution_iam_policy", policy, "it is empty", "give it a document or managed policies")
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
    require_release(report, release, (7, 1), "mode", mode)


def _check_timeout(request: dict[str, Any], release: ReleaseLabel | None, report: Report, *, streaming: bool) -> None:
    """A batch job has a limit, of 7 days since emr-7.11.0; a streaming job has none, which 0 says too.

    https://docs.aws.amazon.com/emr-serverless/latest/APIReference/API_StartJobRun.html. The shortest is not documented:
    the service was seen to say "RunTimeout must be at least 5 minutes.", which moto repeats
    (https://github.com/getmoto/moto/blob/master/moto/emrserverless/exceptions.py).
    """
    minutes = known_member_of(request, "executionTimeoutMinutes", int)
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
        report(member, value, "a batch job can't have that limit", remedy)


def _check_retry_policy(
    request: dict[str, Any], release: ReleaseLabel | None, report: Report, *, streaming: bool
) -> None:
    """Batch jobs are tried so many times, streaming jobs fail so many times an hour; both from emr-7.1.0.

    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-resiliency.html
    """
    policy = known_member_of(request, "retryPolicy", dict)
    if not policy:
        return
    require_release(report, release, (7, 1), "retryPolicy", policy)
    if streaming and "maxAttempts" in policy:
        report("retryPolicy", policy, "streaming jobs are always restarted", "use RetryPolicy.failures_per_hour(…)")
    if not streaming and "maxFailedAttemptsPerHour" in policy:
        report(
            "retryPolicy", policy, "a limit of failures an hour is for streaming jobs", "use RetryPolicy.attempts(…)"
        )
    for name in ("maxAttempts", "maxFailedAttemptsPerHour"):
        count = known_member_of(policy, name, int)
        # The model has the lower limit.
        if count is not None and count > 10:
            report(f"retryPolicy.{name}", count, "it is out of range", "use 1 to 10")
