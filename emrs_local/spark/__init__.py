"""Runs EMR Serverless jobs on this machine: Apache Spark in local mode, over the local S3."""

from emrs_local.spark.credentials import Credentials
from emrs_local.spark.driver import JobProcess
from emrs_local.spark.failure import failure_summary
from emrs_local.spark.installation import missing_requirements
from emrs_local.spark.s3_file_system import Mount, S3FileSystem

__all__ = ["Credentials", "JobProcess", "Mount", "S3FileSystem", "failure_summary", "missing_requirements"]
