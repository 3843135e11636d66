"""CloudWatch's alarms: which metrics they look at, when their state changes, and whether a topic takes what they say.

CloudWatch User Guide, "Using Amazon CloudWatch alarms", "Configuring how CloudWatch alarms treat missing data" and "Use
metric math". An alarm is looked at as soon as there is a value; the last period ends then, so that nobody waits for it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from emrs_local.ministack.iam import key_description, key_policy, service_may_use
from emrs_local.ministack.metric_math import NotUnderstoodError, Query, evaluate, query_of
from emrs_local.ministack.scope import current_scope

_log = logging.getLogger(__name__)

USAGE = "AWS/Usage"
"""The namespace of metrics that tell how much is used of a quota."""

_SERVICE = "cloudwatch.amazonaws.com"
_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}

Alarm = dict[str, Any]
Quotas = Mapping[frozenset[tuple[str, str]], float]
"""The quotas of the account, by the dimensions of the metrics in `AWS/Usage` that tell how much is used of each."""


def correct_alarms(announce: Callable[[str], None], quotas: Quotas) -> None:
    """Have alarms look at their own metric, one value a period, and at what is missing; announce their changes.

    ministack 1.5.33 takes all values of a name for one metric whatever their dimensions are, forgets `Metrics`, and
    asks for no permission on the topic.
    """
    from ministack.services import cloudwatch
    from ministack.services.cloudformation import provisioners

    original_dispatch, original_put = cloudwatch._dispatch_alarm_actions, cloudwatch._put_metric_alarm
    original_record = provisioners._cw_metric_alarm_record

    def evaluate_alarm(alarm: Alarm) -> None:
        state, reason = _state(alarm, quotas)
        if state == alarm["StateValue"]:
            return
        before, alarm["StateValue"], alarm["StateReason"] = alarm["StateValue"], state, reason
        alarm["StateUpdatedTimestamp"] = int(time.time())
        announce(f"alarm {alarm['AlarmName']}  {before} → {state}: {reason}")
        cloudwatch._record_history(alarm["AlarmName"], before, state, reason)
        dispatch(alarm, before, state, reason)
        cloudwatch._evaluate_parent_alarms(alarm)

    def dispatch(alarm: Alarm, old_state: str, new_state: str, reason: str) -> None:
        named = ("AlarmActions", "OKActions", "InsufficientDataActions")
        refused = {}
        for topic in {action for name in named for action in alarm.get(name) or () if ":sns:" in action}:
            if words := _refusal(topic, alarm["AlarmArn"]):
                refused[topic] = words
        taken = {name: [action for action in alarm.get(name) or () if action not in refused] for name in named}
        for topic, words in refused.items():
            announce(f"alarm {alarm['AlarmName']}  not delivered to {topic}: {words}")
        original_dispatch({**alarm, **taken}, old_state, new_state, reason)

    def put(params: Any, cbor_data: Any, is_cbor: bool, is_json: bool = False) -> Any:  # noqa: FBT001, FBT002 - ministack's
        answer = original_put(params, cbor_data, is_cbor, is_json)
        alarm = cloudwatch._alarms.get(cbor_data.get("AlarmName", ""))
        if alarm and cbor_data.get("Metrics"):
            alarm["Metrics"] = cbor_data["Metrics"]
            cloudwatch._evaluate_alarm(alarm)
        return answer

    def record(name: str, props: Mapping[str, Any]) -> Alarm:
        metrics = props.get("Metrics")
        if not metrics:
            return dict(original_record(name, props))
        single = {key: value for key, value in props.items() if key != "Metrics"}
        alarm = original_record(name, {**single, "MetricName": "-", "Namespace": "-"})
        return {**alarm, "MetricName": None, "Namespace": None, "Metrics": metrics}

    cloudwatch._evaluate_alarm = evaluate_alarm
    cloudwatch._dispatch_alarm_actions = dispatch
    cloudwatch._put_metric_alarm = put
    provisioners._cw_metric_alarm_record = record


def _state(alarm: Alarm, quotas: Quotas) -> tuple[str, str]:
    """The state that an alarm has now, and why."""
    count = int(alarm.get("EvaluationPeriods") or 1)
    compare = _COMPARISONS.get(alarm.get("ComparisonOperator") or "")
    if compare is None:
        return alarm["StateValue"], alarm["StateReason"]  # one of the operators of anomaly detection
    try:
        values = _values(alarm, count, quotas)
    except NotUnderstoodError as error:
        return "INSUFFICIENT_DATA", f"The local CloudWatch does not understand {error}"
    threshold = float(alarm.get("Threshold") or 0)
    breaching = [compare(value, threshold) for value in values if value is not None]
    missing, treated = len(values) - len(breaching), alarm.get("TreatMissingData") or "missing"
    if treated in {"breaching", "notBreaching"}:
        breaching += [treated == "breaching"] * missing
    elif not breaching:
        unknown = "INSUFFICIENT_DATA", "Insufficient Data: no datapoints were received"
        return unknown if treated == "missing" else (alarm["StateValue"], alarm["StateReason"])
    needed = min(int(alarm.get("DatapointsToAlarm") or count), len(breaching))
    crossed = sum(breaching) >= needed
    shown = ", ".join("missing" if value is None else f"{value:g}" for value in values)
    words = f"{sum(breaching)} of {count} datapoints [{shown}] were {alarm['ComparisonOperator']} ({threshold:g})"
    return ("ALARM", f"Threshold Crossed: {words}") if crossed else ("OK", f"Threshold not crossed: {words}")


def _values(alarm: Alarm, count: int, quotas: Quotas) -> list[float | None]:
    """The value of each period, the last first; None where there is none."""
    metrics = alarm.get("Metrics")
    if not metrics:
        return _of_metric(
            namespace=alarm.get("Namespace") or "",
            name=alarm.get("MetricName") or "",
            dimensions=alarm.get("Dimensions") or (),
            statistic=alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average",
            period=int(alarm.get("Period") or 60),
            count=count,
        )
    known: dict[str, list[float | None]] = {}
    expressions: dict[str, str] = {}
    quota_of: dict[str, float | None] = {}
    for metric in metrics:
        stat = metric.get("MetricStat")
        if stat:
            quota_of[metric["Id"]] = _quota(quotas, stat["Metric"])
            known[metric["Id"]] = _of_metric(
                namespace=stat["Metric"].get("Namespace") or "",
                name=stat["Metric"].get("MetricName") or "",
                dimensions=stat["Metric"].get("Dimensions") or (),
                statistic=stat["Stat"],
                period=int(stat["Period"]),
                count=count,
            )
        elif query := query_of(metric["Expression"]):
            known[metric["Id"]] = _of_query(query, period=int(metric.get("Period") or 60), count=count)
        else:
            expressions[metric["Id"]] = metric["Expression"]
    returned = [metric["Id"] for metric in metrics if metric.get("ReturnData") in (None, True, "true")]

    def series(identifier: str) -> list[float | None]:
        if identifier not in known:
            if identifier not in expressions:
                raise NotUnderstoodError(identifier)
            known[identifier] = evaluate(expressions.pop(identifier), series, count, quota=quota_of.get)
        return known[identifier]

    return series(returned[0] if returned else metrics[0]["Id"])


def _quota(quotas: Quotas, metric: Mapping[str, Any]) -> float | None:
    if metric.get("Namespace") != USAGE:
        return None
    return quotas.get(frozenset((item["Name"], item["Value"]) for item in metric.get("Dimensions") or ()))


def _of_metric(
    *,
    namespace: str,
    name: str,
    dimensions: Sequence[Mapping[str, str]],
    statistic: str,
    period: int,
    count: int,
) -> list[float | None]:
    from ministack.services import cloudwatch

    key = cloudwatch._dims_key({item["Name"]: item["Value"] for item in dimensions})
    points = cloudwatch._metrics.get((namespace, name, key)) or []
    return _of_periods(points, statistic=statistic, period=period, count=count)


def _of_query(query: Query, *, period: int, count: int) -> list[float | None]:
    from ministack.services import cloudwatch

    points = [
        point
        for (namespace, name, _), found in cloudwatch._metrics.items()
        if (namespace, name) == (query.namespace, query.name)
        for point in found
        if query.dimensions.items() <= point["Dimensions"].items()
    ]
    return _of_periods(points, statistic=query.statistic, period=period, count=count)


def _of_periods(points: Sequence[Mapping[str, Any]], *, statistic: str, period: int, count: int) -> list[float | None]:
    from ministack.services import cloudwatch

    now = time.time()
    by_period: list[list[Any]] = [[] for _ in range(count)]
    for point in points:
        age = int((now - point["Timestamp"]) // period)
        if 0 <= age < count:
            by_period[age].append(point)
    return [
        cloudwatch._stat_value(cloudwatch._calc_stats(found), statistic, found) if found else None
        for found in by_period
    ]


def _refusal(topic_arn: str, alarm_arn: str) -> str | None:
    """Why CloudWatch may not publish to the topic, in words; None if it may.

    "Alarm actions" and the Amazon SNS Developer Guide, "Enable compatibility between event sources from AWS services
    and encrypted topics".
    """
    from ministack.services import sns

    scope = current_scope()
    if not sns.topic_policy_allows(topic_arn, _SERVICE, alarm_arn, scope.account_id):
        return f"its policy does not allow sns:Publish to {_SERVICE}"
    topic = sns._topic_by_arn_any_scope(topic_arn) or {}
    key = topic.get("attributes", {}).get("KmsMasterKeyId")
    if not key:
        return None
    described = key_description(key)
    policy = key_policy(described["Arn"]) if described else None
    for action in ("kms:Decrypt", "kms:GenerateDataKey"):
        if policy is None or not service_may_use(
            policy,
            service=_SERVICE,
            action=action,
            resource=described["Arn"] if described else key,
            scope=scope,
            context={},
        ):
            return f"the policy of its key {key} does not allow {action} to {_SERVICE}"
    return None
