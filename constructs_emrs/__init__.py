"""AWS CDK constructs that run EMR Serverless jobs on deploy."""

from ._version import __version__
from .application import Application, ApplicationType, Architecture, IApplication
from .code import Code
from .job import Job, JobMode
from .job_run import JobRun, JobRunState
from .release_label import ReleaseLabel
from .spark_job import SparkJob

__all__ = [
    "Application",
    "ApplicationType",
    "Architecture",
    "Code",
    "IApplication",
    "Job",
    "JobMode",
    "JobRun",
    "JobRunState",
    "ReleaseLabel",
    "SparkJob",
    "__version__",
]
