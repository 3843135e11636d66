"""A stack with a job on the local AWS, from deploy to destroy: real CDK CLI, real Spark, IAM enforced."""

import threading
import time

import pytest

from tests.e2e.conftest import Lake

pytestmark = pytest.mark.aws

WRITES = """
import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
spark.range({rows}).write.mode("overwrite").parquet(sys.argv[1])
print("rows written:", spark.read.parquet(sys.argv[1]).count())
"""

RAISES = """
from pyspark.sql import SparkSession
SparkSession.builder.getOrCreate()
raise ValueError("no such column: arr_delay")
"""

SLEEPS = """
import time
from pyspark.sql import SparkSession
SparkSession.builder.getOrCreate()
time.sleep(600)
"""


def assert_done(done: object) -> None:
    """The CDK CLI succeeded; if not, what it said is in the failure."""
    assert getattr(done, "returncode", None) == 0, f"{getattr(done, 'stdout', '')}\n{getattr(done, 'stderr', '')}"


def test_deploy_update_and_destroy(lake: Lake) -> None:
    lake.write_script(WRITES.format(rows=3))
    assert_done(lake.deploy())
    (run,) = lake.job_runs()
    assert run["state"] == "SUCCESS"
    assert lake.status() == "CREATE_COMPLETE"

    assert_done(lake.deploy())
    assert len(lake.job_runs()) == 1, "an unchanged stack runs nothing"

    lake.write_script(WRITES.format(rows=5))
    assert_done(lake.deploy())
    newest, oldest = lake.job_runs()
    assert oldest["id"] == run["id"]
    assert newest["state"] == "SUCCESS"
    assert lake.status() == "UPDATE_COMPLETE"

    assert_done(lake.destroy())
    assert lake.leftovers() == []


def test_failing_job_fails_the_deploy(lake: Lake) -> None:
    lake.write_script(RAISES)
    done = lake.deploy()
    assert done.returncode != 0
    assert "ValueError: no such column: arr_delay" in done.stdout + done.stderr
    assert "Traceback (most recent call last)" in done.stdout + done.stderr
    assert "Logs: CloudWatch log group" in done.stdout + done.stderr
    assert lake.status() == "ROLLBACK_COMPLETE"


def test_destroy_cancels_a_running_job(lake: Lake) -> None:
    lake.write_script(SLEEPS)
    lake.wait_for = "RUNNING"
    assert_done(lake.deploy())
    (run,) = lake.job_runs()
    assert run["state"] == "RUNNING"
    (application,) = lake.applications()
    assert application["state"] == "STARTED"

    states: list[str] = []
    client = lake.aws.client("emr-serverless")

    def watch() -> None:
        while not states or states[-1] != "CANCELLED":
            answer = client.get_job_run(applicationId=application["id"], jobRunId=run["id"])
            states.append(answer["jobRun"]["state"])
            time.sleep(0.1)

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    assert_done(lake.destroy())
    watching.join(timeout=300)
    assert states[-1] == "CANCELLED"
    assert lake.leftovers() == []
