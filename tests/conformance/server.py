"""The server of a local AWS in which most drivers are plain Python, and only what needs Spark has it.

Run as a program it is the server: that of the product, with minutes that last half a second.
"""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

from botocore.exceptions import ClientError

from emrs_local.driver import Driver, DriverRequest, Engine
from emrs_local.endpoint import Endpoint
from emrs_local.server import main, spark
from tests.local.emr_serverless_support import PythonDriver
from tests.short_jobs import JAVA_OPTIONS

SECONDS_PER_MINUTE = 0.5
NEEDS_SPARK = "report.py"


def mostly_python(endpoint: Endpoint, data_directory: Path) -> Engine:
    """The engine of the product, but scripts in S3 are run with Python; the report, and what is not there, stay."""
    engine = spark(endpoint, data_directory, java_options=JAVA_OPTIONS)
    make_driver: Callable[[DriverRequest], Driver] = engine.make_driver

    def make(request: DriverRequest) -> Driver:
        submit = request.job_driver["sparkSubmit"]
        script = None if submit["entryPoint"].endswith(NEEDS_SPARK) else fetched(endpoint, request)
        if script is None:
            return make_driver(request)
        job_driver = {"sparkSubmit": {**submit, "entryPoint": f"local://{script}"}}
        return PythonDriver(dataclasses.replace(request, job_driver=job_driver))

    engine.make_driver = make  # type: ignore[method-assign]  # all else is the product's
    return engine


def fetched(endpoint: Endpoint, request: DriverRequest) -> Path | None:
    bucket, _, key = request.job_driver["sparkSubmit"]["entryPoint"].removeprefix("s3://").partition("/")
    script: Path = request.work_directory / key.rpartition("/")[2]
    client = endpoint.client("s3", region=os.environ["AWS_REGION"], credentials=request.credentials)
    try:
        client.download_file(bucket, key, str(script))
    except ClientError:
        return None
    return script


if __name__ == "__main__":
    main(mostly_python, seconds_per_minute=SECONDS_PER_MINUTE)
