"""AWS CDK constructs that run EMR Serverless jobs on deploy."""

from ._version import __version__
from .application import Application, IApplication
from .application_settings import IdentityCenter, Image, Interactive, Scheduler
from .application_type import ApplicationType, Architecture
from .capacity import InitialCapacity, MaximumCapacity, WorkerType
from .code import Code
from .configuration import Configuration
from .encryption import Encryption
from .execution_iam_policy import ExecutionIamPolicy
from .hive_job import HiveJob
from .job import Job
from .job_mode import JobMode
from .job_run import JobRun, JobRunState
from .monitoring import CloudWatchLogs, LogType, LogWorker, ManagedLogs, Monitoring, Prometheus, S3Logs
from .release_label import ReleaseLabel
from .retry_policy import RetryPolicy
from .run_when import RunWhen
from .spark_job import SparkJob
from .worker import DiskType, WorkerResources

__all__ = [
    "Application",
    "ApplicationType",
    "Architecture",
    "CloudWatchLogs",
    "Code",
    "Configuration",
    "DiskType",
    "Encryption",
    "ExecutionIamPolicy",
    "HiveJob",
    "IApplication",
    "IdentityCenter",
    "Image",
    "InitialCapacity",
    "Interactive",
    "Job",
    "JobMode",
    "JobRun",
    "JobRunState",
    "LogType",
    "LogWorker",
    "ManagedLogs",
    "MaximumCapacity",
    "Monitoring",
    "Prometheus",
    "ReleaseLabel",
    "RetryPolicy",
    "RunWhen",
    "S3Logs",
    "Scheduler",
    "SparkJob",
    "WorkerResources",
    "WorkerType",
    "__version__",
]
