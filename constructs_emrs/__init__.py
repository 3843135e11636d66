"""AWS CDK constructs that run EMR Serverless jobs on deploy."""

from ._version import __version__
from .applications.application import Application, IApplication
from .applications.application_type import ApplicationType, Architecture
from .applications.capacity import InitialCapacity, MaximumCapacity, WorkerType
from .applications.configuration import Configuration
from .applications.release_label import ReleaseLabel
from .applications.settings import IdentityCenter, Image, Interactive, Scheduler
from .applications.worker import DiskType, WorkerResources
from .jobs.code import Code
from .jobs.execution_iam_policy import ExecutionIamPolicy
from .jobs.hive_job import HiveJob
from .jobs.job import Job
from .jobs.job_mode import JobMode
from .jobs.retry_policy import RetryPolicy
from .jobs.spark_job import SparkJob
from .monitoring.encryption import Encryption
from .monitoring.monitoring import CloudWatchLogs, LogType, LogWorker, ManagedLogs, Monitoring, Prometheus, S3Logs
from .runs.job_run import JobRun, JobRunState
from .runs.run_when import RunWhen

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
