"""The examples on the local AWS: each is deployed from a copy of its folder, and its jobs did what they are for."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import pytest
from pyarrow import parquet

from tests.e2e.conftest import CDK
from tests.e2e.deployment import DeployedStack
from tests.examples import EXAMPLES
from tests.jars import compile_jar, spark_jars
from tests.local.emr_serverless_support import wait_until

if TYPE_CHECKING:
    from emrs_local import LocalAws


EM_AARCH64 = 183  # https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html


@dataclass
class Example:
    """One example, in a folder of the test's own."""

    local_aws: LocalAws
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def deploy(self, *arguments: str) -> dict[str, str]:
        """Deploy all stacks of the example; their outputs."""
        self._cdk("deploy", "--all", "--require-approval=never", "--outputs-file=outputs.json", *arguments)
        outputs: dict[str, dict[str, str]] = json.loads((self.folder / "outputs.json").read_text())
        return {name: value for of_stack in outputs.values() for name, value in of_stack.items()}

    def destroy(self) -> None:
        """Delete them, each before those that it uses. That `cdk destroy` does so too is tested elsewhere."""
        client = self.local_aws.client("cloudformation")
        artifacts = json.loads((self.folder / "cdk.out" / "manifest.json").read_text())["artifacts"]
        names = {name for name, artifact in artifacts.items() if artifact["type"] == "aws:cloudformation:stack"}
        there = [stack for stack in client.describe_stacks()["Stacks"] if stack["StackStatus"] != "DELETE_COMPLETE"]
        own = [stack for stack in there if stack["StackName"] in names]
        for stack in sorted(own, key=lambda stack: stack["CreationTime"], reverse=True):
            outcome = DeployedStack(self.local_aws, stack["StackName"], stack_ids=[stack["StackId"]]).destroy()
            assert outcome.succeeded, str(outcome)

    def objects(self, bucket: str, prefix: str) -> dict[str, bytes]:
        """What the bucket has below the prefix."""
        s3 = self.local_aws.client("s3")
        found = {}
        for item in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", []):
            with s3.get_object(Bucket=bucket, Key=item["Key"])["Body"] as body:
                found[item["Key"]] = body.read()
        return found

    def rows(self, bucket: str, prefix: str) -> list[dict[str, Any]]:
        """The rows of a Parquet table in the bucket."""
        files = [body for key, body in self.objects(bucket, prefix).items() if key.endswith(".parquet")]
        return [row for file in files for row in parquet.read_table(io.BytesIO(file)).to_pylist()]

    def job_runs(self, application_id: str) -> dict[str, str]:
        """The states of the application's job runs."""
        client = self.local_aws.client("emr-serverless")
        pages = client.get_paginator("list_job_runs").paginate(applicationId=application_id)
        return {run["id"]: run["state"] for page in pages for run in page["jobRuns"]}

    def _cdk(self, *arguments: str) -> None:
        done = subprocess.run(
            [str(CDK), *arguments, "--no-color", "--ci"],
            cwd=self.folder,
            env=self.local_aws.command_environment() | self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def example(bootstrapped: LocalAws, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Example]:
    """The example that the test is named after."""
    name = request.node.name.removeprefix("test_")
    folder = tmp_path / name
    shutil.copytree(EXAMPLES / name, folder, ignore=shutil.ignore_patterns("cdk.out", "__pycache__"))
    example = Example(bootstrapped, folder)
    yield example
    example.destroy()


def test_batch(example: Example) -> None:
    bucket = example.deploy()["Bucket"]
    rows = example.rows(bucket, "squares/")
    assert sorted(row["id"] for row in rows) == list(range(100))
    assert all(row["square"] == row["id"] ** 2 for row in rows)
    (stdout,) = (body for key, body in example.objects(bucket, "logs/").items() if key.endswith("DRIVER/stdout.gz"))
    assert b"rows written: 100" in gzip.decompress(stdout)


def test_python_dependencies(example: Example) -> None:
    """Packages from PyPI and a package of the example's own, on driver and executors."""
    example.environment = {"XDG_CACHE_HOME": str(example.folder.parent / "caches")}
    bucket = example.deploy(f"--context=python={sys.version_info.major}.{sys.version_info.minor}")["Bucket"]
    prices = {even: [price * 0.9 for price in range(2 if even else 1, 101, 2)] for even in (True, False)}
    expected = [{"even": even, "price": round(sum(of) / len(of), 2)} for even, of in prices.items()]
    assert sorted(example.rows(bucket, "prices/"), key=str) == sorted(expected, key=str)


def test_graviton(example: Example) -> None:
    """What is uploaded is for another machine than this."""
    example.environment = {"XDG_CACHE_HOME": str(example.folder.parent / "caches")}
    assert "ApplicationId" in example.deploy()
    (archive,) = (example.folder / "cdk.out").glob("asset.*.zip")
    with ZipFile(archive) as opened:
        libraries = {name: opened.read(name) for name in opened.namelist() if name.endswith(".so")}
    assert "numpy/_core/_multiarray_umath.cpython-39-aarch64-linux-gnu.so" in libraries
    assert {content[18:20] for content in libraries.values()} == {EM_AARCH64.to_bytes(2, "little")}


def test_jar(example: Example) -> None:
    source = (example.folder / "SumOfSquares.java").read_text()
    compile_jar(source, example.folder / "sum-of-squares.jar", *spark_jars())
    results = example.objects(example.deploy()["Bucket"], "sum/part-")
    assert json.loads(b"".join(results.values())) == {"sum": sum(number**2 for number in range(100))}


def test_hive(example: Example) -> None:
    outputs = example.deploy()
    stream = f"/applications/{outputs['ApplicationId']}/jobs/{outputs['JobRunId']}/HIVE_DRIVER/stdout"
    events = example.local_aws.client("logs").get_log_events(
        logGroupName=outputs["LogGroupName"], logStreamName=stream, startFromHead=True
    )["events"]
    assert any("colour: green" in event["message"] for event in events)


def test_streaming(example: Example) -> None:
    outputs = example.deploy()
    assert example.job_runs(outputs["ApplicationId"]) == {outputs["JobRunId"]: "RUNNING"}
    script = example.folder / "stream.py"
    script.write_text(script.read_text().replace('"rowsPerSecond", 5', '"rowsPerSecond", 10'))
    changed = example.deploy()
    states = example.job_runs(outputs["ApplicationId"])
    assert states == {outputs["JobRunId"]: "CANCELLED", changed["JobRunId"]: "RUNNING"}


def test_bring_your_own(example: Example) -> None:
    ec2 = example.local_aws.client("ec2")
    vpc_id = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    for number, zone in enumerate(("a", "b")):
        subnet = ec2.create_subnet(VpcId=vpc_id, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"us-east-1{zone}")
        tags = [{"Key": "aws-cdk:subnet-type", "Value": "Private"}]
        ec2.create_tags(Resources=[subnet["Subnet"]["SubnetId"]], Tags=tags)
    example.environment = {"VPC_ID": vpc_id}
    outputs = example.deploy()
    assert len(example.rows(outputs["BucketName"], "out/")) == 10
    streams = example.local_aws.client("logs").describe_log_streams(logGroupName=outputs["LogGroupName"])["logStreams"]
    assert any(stream["logStreamName"].endswith("SPARK_DRIVER/stdout") for stream in streams)


def test_nightly(example: Example) -> None:
    bucket = example.deploy()["Bucket"]
    example.local_aws.fire_schedule("EveryNight", at=datetime(2026, 3, 22, 1, tzinfo=UTC))
    example.local_aws.client("s3").put_object(Bucket=bucket, Key="in/two lines.txt", Body=b"one\ntwo\n")
    # Nothing but what Spark writes in the end: its other files come and go.
    for folder in ("counts", "reports/day=2026-03-21"):
        wait_until(partial(example.objects, bucket, f"{folder}/_SUCCESS"))
    assert len(example.rows(bucket, "reports/day=2026-03-21/")) == 24
    counts = example.objects(bucket, "counts/part-")
    assert json.loads(b"".join(counts.values())) == {"lines": 2}


def test_workflow(example: Example) -> None:
    outputs = example.deploy()
    states = example.local_aws.client("stepfunctions")
    machine, day = outputs["MachineArn"], json.dumps({"day": "2026-03-21"})
    execution = states.start_execution(stateMachineArn=machine, input=day)["executionArn"]
    wait_until(lambda: states.describe_execution(executionArn=execution)["status"] != "RUNNING")
    done = states.describe_execution(executionArn=execution)
    assert done["status"] == "SUCCEEDED", (done.get("error"), done.get("cause"))
    assert [json.loads(done["output"])[step]["State"] for step in ("clean", "report", "publish")] == ["SUCCESS"] * 3
    published = example.objects(outputs["Bucket"], "published/part-")
    assert json.loads(b"".join(published.values())) == {"day": "2026-03-21", "count": 100}


def test_migration(example: Example) -> None:
    first = example.deploy()
    assert [row["country"] for row in example.rows(first["Bucket"], "customers/v2/")] == ["NZ"] * 10
    assert example.rows(first["Bucket"], "customers/summary/") == [{"country": "NZ", "count": 10}]

    second = example.deploy()
    assert second["Migrated"] == first["Migrated"], "nothing changed: no migration"
    assert second["Summarised"] == first["Summarised"], "nor what follows it"
    assert second["Checked"] != first["Checked"], "the check runs on each deploy"

    third = example.deploy("--context=reload=2026-11-24")
    assert third["Migrated"] != second["Migrated"], "a changed trigger runs the migration again"
    assert third["Summarised"] != second["Summarised"], "and what follows it"
    states = example.job_runs(first["ApplicationId"])
    assert list(states.values()) == ["SUCCESS"] * 7


def test_shared_application(example: Example) -> None:
    report = example.objects(example.deploy()["Bucket"], "report/part-")
    assert b"".join(report.values()).decode().split() == ["numbers,sum", f"1000,{sum(range(1000))}"]


def test_testing(bootstrapped: LocalAws, tmp_path: Path) -> None:
    """The example's own tests, run the way its user runs them: with a local AWS of their own."""
    del bootstrapped  # the CDK CLI is known to be there
    folder = tmp_path / "testing"
    shutil.copytree(EXAMPLES / "testing", folder, ignore=shutil.ignore_patterns("cdk.out", "__pycache__"))
    (tmp_path / "node_modules").symlink_to(CDK.parent.parent)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
