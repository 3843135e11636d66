"""What a metric can be given."""

from collections.abc import Mapping
from typing import TypedDict

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch


class MetricOptions(TypedDict, total=False):
    """The keyword arguments of `aws_cloudwatch.Metric` beside namespace and name."""

    account: str
    color: str
    dimensions_map: Mapping[str, str]
    label: str
    period: Duration
    region: str
    statistic: str
    unit: cloudwatch.Unit
