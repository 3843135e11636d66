"""Where logs and metrics go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from aws_cdk import Aws, Fn
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3

from ..validation.argument_names import explained
from ..validation.method_names import NamesMethods
from ..validation.tokens import is_looked_up_later, is_token


class LogWorker(Enum):
    """A kind of worker that writes logs."""

    SPARK_DRIVER = "SPARK_DRIVER"
    """The driver of a Spark job."""
    SPARK_EXECUTOR = "SPARK_EXECUTOR"
    """The executors of a Spark job."""
    HIVE_DRIVER = "HIVE_DRIVER"
    """The driver of a Hive job."""
    TEZ_TASK = "TEZ_TASK"
    """The Tez tasks of a Hive job."""


class LogType(Enum):
    """A log that a worker writes."""

    STDERR = "STDERR"
    """Standard error; every worker."""
    STDOUT = "STDOUT"
    """Standard output; every worker."""
    HIVE_LOG = "HIVE_LOG"
    """The log of Hive; the Hive driver."""
    TEZ_AM = "TEZ_AM"
    """The log of the Tez application master; the Hive driver."""
    SYSTEM_LOGS = "SYSTEM_LOGS"
    """The log of Tez; Tez tasks."""


@explained
@dataclass(frozen=True, kw_only=True)
class S3Logs:
    """Container logs in a bucket of the same account and Region.

    Args:
        bucket: The bucket; the execution role may write below the prefix.
        prefix: The key prefix, such as `logs/etl`, without a slash at its start. Default: the bucket's root.
        encryption_key: The key of the log objects. Default: the bucket's own key if it has one, else the job's.
    """

    bucket: s3.IBucket
    prefix: str = ""
    encryption_key: kms.IKey | None = None


@explained
@dataclass(frozen=True, kw_only=True)
class ManagedLogs:
    """Logs in storage of the service, kept for 30 days; the Spark UI reads them.

    Args:
        enabled: Whether the service keeps logs. Without them and S3 logs there is no Spark UI.
        encryption_key: The key of the logs. Default: the job's.
    """

    enabled: bool = True
    encryption_key: kms.IKey | None = None


@explained
@dataclass(frozen=True, kw_only=True)
class CloudWatchLogs:
    """Logs in CloudWatch, while the job runs.

    Args:
        enabled: Whether logs go to CloudWatch. Without them a failed deploy shows less of the job's own error.
        log_group: The log group. Default: one for the job, deleted with it.
        log_retention: How long the job's own log group keeps the logs. Default: a month.
        log_stream_name_prefix: What the names of the log streams start with. Default: nothing.
        encryption_key: The key of the log group; for a `log_group` of your own, the service gives the group this key.
            Default: the job's for the job's own group; a group of your own keeps the key that it has.
        log_types: The logs of each kind of worker. Default: stdout and stderr of the driver.
    """

    enabled: bool = True
    log_group: logs.ILogGroup | None = None
    log_retention: logs.RetentionDays | None = None
    log_stream_name_prefix: str | None = None
    encryption_key: kms.IKey | None = None
    log_types: Mapping[LogWorker, Sequence[LogType]] | None = None


@explained
@dataclass(frozen=True, kw_only=True)
class Prometheus(metaclass=NamesMethods):
    """Spark metrics in a workspace of Amazon Managed Service for Prometheus; from emr-7.1.0.

    Args:
        remote_write_url: The workspace's remote write endpoint.
        workspace_arn: The workspace's ARN; the execution role may write to it.

    Source: https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/monitor-with-prometheus.html
    """

    remote_write_url: str
    workspace_arn: str

    @classmethod
    def from_workspace_arn(cls, workspace_arn: str) -> "Prometheus":
        """Metrics in the workspace with this ARN, at the endpoint that its Region has."""
        parts = workspace_arn.split(":") if isinstance(workspace_arn, str) else []
        if is_token(workspace_arn) and not is_looked_up_later(workspace_arn):
            region = Fn.select(3, Fn.split(":", workspace_arn))
            workspace_id = Fn.select(1, Fn.split("/", workspace_arn))
            suffix: str = Aws.URL_SUFFIX
        elif len(parts) == 6:
            _, partition, _, region, _, resource = parts
            workspace_id = resource.rpartition("/")[2]
            suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
        else:
            # What is no ARN has no endpoint. The construct that is given it says so, with its own path.
            return cls(remote_write_url=Aws.NO_VALUE, workspace_arn=workspace_arn)
        url = f"https://aps-workspaces.{region}.{suffix}/workspaces/{workspace_id}/api/v1/remote_write"
        return cls(remote_write_url=url, workspace_arn=workspace_arn)


@explained
@dataclass(frozen=True, kw_only=True)
class Monitoring:
    """Where a job's logs and metrics go. CloudWatch and managed logs are on unless they are disabled.

    Args:
        s3_logs: Container logs in S3. Default: none.
        managed_logs: Logs in storage of the service. Default: enabled.
        cloudwatch_logs: Logs in CloudWatch. Default: enabled, in a log group of the job's own.
        prometheus: Metrics in Prometheus. Default: none.

    Source: https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/logging.html
    """

    s3_logs: S3Logs | None = None
    managed_logs: ManagedLogs = field(default_factory=ManagedLogs)
    cloudwatch_logs: CloudWatchLogs = field(default_factory=CloudWatchLogs)
    prometheus: Prometheus | None = None
