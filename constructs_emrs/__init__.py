"""AWS CDK constructs that run EMR Serverless jobs on deploy."""

from ._version import __version__
from .applications.application import Application
from .applications.capacity import DiskType, InitialCapacity, MaximumCapacity, WorkerResources, WorkerType
from .applications.configuration import Configuration
from .applications.interface import IApplication
from .applications.job_run_state import JobRunState
from .applications.release_label import ReleaseLabel
from .applications.settings import ApplicationType, Architecture, IdentityCenter, Image, Interactive, Scheduler
from .jobs.catalog import Catalog
from .jobs.code import Code
from .jobs.hive_job import HiveJob
from .jobs.job import Job
from .jobs.options import ExecutionIamPolicy, JobOptions, RetryPolicy
from .jobs.python_dependencies import PythonDependencies
from .jobs.spark_job import SparkJob
from .jobs.worst_case import WorstCase
from .monitoring.encryption import Encryption
from .monitoring.metric_options import MetricOptions
from .monitoring.monitoring import CloudWatchLogs, LogType, LogWorker, ManagedLogs, Monitoring, Prometheus, S3Logs
from .runs.job_run import JobRun, RunWhen
from .runs.job_schedule import JobSchedule, Overlap
from .runs.job_trigger import JobTrigger
from .validation.json_types import JsonObject, JsonValue
from .watching.alarms import ApplicationAlarms
from .watching.dashboard import ApplicationDashboard
from .workflows.interface import IJob, JobMode
from .workflows.start_job_run import EmrServerlessStartJobRun

__all__ = [
    "Application",
    "ApplicationAlarms",
    "ApplicationDashboard",
    "ApplicationType",
    "Architecture",
    "Catalog",
    "CloudWatchLogs",
    "Code",
    "Configuration",
    "DiskType",
    "EmrServerlessStartJobRun",
    "Encryption",
    "ExecutionIamPolicy",
    "HiveJob",
    "IApplication",
    "IJob",
    "IdentityCenter",
    "Image",
    "InitialCapacity",
    "Interactive",
    "Job",
    "JobMode",
    "JobOptions",
    "JobRun",
    "JobRunState",
    "JobSchedule",
    "JobTrigger",
    "JsonObject",
    "JsonValue",
    "LogType",
    "LogWorker",
    "ManagedLogs",
    "MaximumCapacity",
    "MetricOptions",
    "Monitoring",
    "Overlap",
    "Prometheus",
    "PythonDependencies",
    "ReleaseLabel",
    "RetryPolicy",
    "RunWhen",
    "S3Logs",
    "Scheduler",
    "SparkJob",
    "WorkerResources",
    "WorkerType",
    "WorstCase",
    "__version__",
]
