"""What a metric can be given."""

from collections.abc import Mapping
from typing import TypedDict

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch


class MetricOptions(TypedDict, total=False):
    """The keyword arguments of `aws_cloudwatch.Metric` beside namespace and name."""

    account: str
    """The account that the metric is of. Default: the application's."""
    color: str
    """The colour in graphs, as six hexadecimal digits. Default: chosen by CloudWatch."""
    dimensions_map: Mapping[str, str]
    """The dimensions. Default: the application's."""
    label: str
    """The name in graphs. Default: the metric's."""
    period: Duration
    """The time that one value is of. Default: 5 minutes."""
    region: str
    """The Region that the metric is of. Default: the application's."""
    statistic: str
    """How values are put together, such as `Maximum`. Default: `Sum` of runs that have ended, else `Maximum`."""
    unit: cloudwatch.Unit
    """The unit that values have to have. Default: any."""
