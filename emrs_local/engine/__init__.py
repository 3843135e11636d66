"""Runs EMR Serverless jobs on this machine: Apache Spark in local mode, over the local S3."""

from emrs_local.engine.credentials import Credentials
from emrs_local.engine.failure import failure_summary
from emrs_local.engine.installation import missing_requirements
from emrs_local.engine.s3_file_system import Mount, S3FileSystem
from emrs_local.engine.spark import JobProcess

__all__ = ["Credentials", "JobProcess", "Mount", "S3FileSystem", "failure_summary", "missing_requirements"]
