"""A local AWS to which `cdk deploy` deploys, with EMR Serverless that runs jobs on Apache Spark.

`emrs-local exec -- COMMAND` and `emrs-local start` on the command line, the fixture `local_aws` in pytest, `LocalAws`
in Python.
"""

from emrs_local.local_aws import FiredOccurrence, LocalAws, LocalAwsError

__all__ = ["FiredOccurrence", "LocalAws", "LocalAwsError"]
