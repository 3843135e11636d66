"""A streaming job, a Hive job, a jar job, jobs with tables and one with all monitoring, deployed and really run."""

from __future__ import annotations

import gzip
import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from zipfile import ZipFile

import pytest

from tests.e2e.deployment import DeployedStack, synthesise_script
from tests.jars import compile_jar
from tests.local.emr_serverless_support import wait_until
from tests.unit.test_spark_submit import AWKWARD

if TYPE_CHECKING:
    from types_boto3_emr_serverless.type_defs import JobRunTypeDef

    from emrs_local import LocalAws

STREAM = """
import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
rows = spark.readStream.format("rate").option("rowsPerSecond", 5).load()
query = rows.writeStream.format("parquet").option("path", sys.argv[1]).option("checkpointLocation", sys.argv[2])
query.trigger(processingTime="1 second").start().awaitTermination()
"""

PRINT_CONF = """
import json, os, sys
from greeting import GREETING
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
conf = spark.sparkContext.getConf()
print(GREETING)
print("arguments:", json.dumps(sys.argv[1:]))
import wheeled
def brought(_):
    from greeting import GREETING
    return [GREETING, *(open(name).read() for name in ("größe.json", "named", "data.zip/a.txt"))]
print("brought:", brought(0), brought(0) == spark.sparkContext.parallelize([0], 1).map(brought).first())
print("wheel in the driver:", wheeled.ROUND)
def wheel(_):
    return __import__("wheeled").ROUND
print("wheel in an executor:", spark.sparkContext.parallelize([0], 1).map(wheel).first())
def variables(_):
    return {name: os.environ[name] for name in ("JSON", "BLANKS")}
print("environment:", json.dumps(variables(0)))
print("of executors:", json.dumps(spark.sparkContext.parallelize([0], 1).map(variables).first()))
print("conf:", json.dumps({name: value for name, value in conf.getAll() if name.startswith("spark.test.")}))
"""

MAIN = """
public class Main {
    public static void main(String[] arguments) {
        System.out.println("arguments: " + java.util.Arrays.toString(arguments));
    }
}
"""

TABLES = """
import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
step = sys.argv[1]
if step == "raw":
    rows = [(1, "monday", 2.0), (1, "monday", 2.0), (2, "monday", 3.0), (3, "friday", 4.0)]
    spark.createDataFrame(rows, "id INT, day STRING, price DOUBLE").write.saveAsTable("lake.raw")
elif step == "clean":
    spark.table("lake.raw").distinct().write.partitionBy("day").saveAsTable("lake.clean")
else:
    spark.sql("CREATE TABLE lake.totals USING parquet AS SELECT day, sum(price) AS total FROM lake.clean GROUP BY day")
print(step, spark.table(f"lake.{step}").count())
"""

INIT = "CREATE TABLE greetings (text STRING);\n"

CONF = {f"spark.test.{number}": value for number, value in enumerate(AWKWARD)}
ARGUMENTS = [
    *AWKWARD,
    *("--conf", "--", "-", "#", "*", "?", "~", "$(id)", "${HOME}", "a;b|c>d&e", "\\", '"', "'", "\n\n", "%s %d"),
]
ENVIRONMENT = {"JSON": """{"a": "it's $HOME"}""", "BLANKS": " a\\b "}


@dataclass
class Kinds:
    """The deployed stack."""

    local_aws: LocalAws
    exports: dict[str, str]

    def run(self, job: str) -> JobRunTypeDef:
        client = self.local_aws.client("emr-serverless")
        run = client.get_job_run(applicationId=self.exports[f"{job}-application"], jobRunId=self.exports[f"{job}-run"])
        job_run: JobRunTypeDef = run["jobRun"]
        return job_run

    def state(self, job: str) -> str:
        return str(self.run(job)["state"])

    def log(self, job: str, worker: str = "SPARK_DRIVER", prefix: str = "") -> str:
        """What the driver printed, from CloudWatch Logs."""
        path = f"/applications/{self.exports[f'{job}-application']}/jobs/{self.exports[f'{job}-run']}"
        events = self.local_aws.client("logs").get_log_events(
            logGroupName=self.exports[f"{job}-logs"],
            logStreamName=f"{prefix}{path}/{worker}/stdout",
            startFromHead=True,
        )["events"]
        return "\n".join(event["message"] for event in events)


@pytest.fixture(scope="module")
def kinds(bootstrapped: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kinds]:
    folder = tmp_path_factory.mktemp("kinds")
    files = {"stream.py": STREAM, "print_conf.py": PRINT_CONF, "greeting.py": 'GREETING = "hello"', "init.sql": INIT}
    files["tables.py"] = TABLES
    files |= {"awkward.json": json.dumps([CONF, ARGUMENTS, ENVIRONMENT])}
    for name, text in files.items():
        (folder / name).write_text(text)
    with ZipFile(folder / "wheeled-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("wheeled/__init__.py", 'ROUND = "round"')
    (folder / "größe.json").write_text("a size")
    with ZipFile(folder / "data.zip", "w") as archive:
        archive.writestr("a.txt", "an archive")
    compile_jar(MAIN, folder / "main.jar")
    assembly = folder / "cdk.out"
    synthesise_script("kinds_app.py", assembly, KINDS_FILES=str(folder), CDK_DEFAULT_ACCOUNT=bootstrapped.account_id)
    stack = DeployedStack(bootstrapped, "Kinds")
    deployed = stack.deploy(assembly)
    assert deployed.succeeded, str(deployed)
    exports = bootstrapped.client("cloudformation").list_exports()["Exports"]
    yield Kinds(bootstrapped, {item["Name"]: item["Value"] for item in exports})
    destroyed = stack.destroy()
    assert destroyed.succeeded, str(destroyed)


def test_the_stream_runs_when_the_deploy_is_done(kinds: Kinds) -> None:
    assert kinds.state("Stream") == "RUNNING"


def test_the_deploy_waited_until_the_stream_had_been_running_for_a_while(kinds: Kinds) -> None:
    run = kinds.run("Stream")
    events = kinds.local_aws.client("cloudformation").describe_stack_events(StackName="Kinds")["StackEvents"]
    (done,) = (
        event["Timestamp"]
        for event in events
        if event["LogicalResourceId"].startswith("StreamOnDeploy") and event["ResourceStatus"] == "CREATE_COMPLETE"
    )
    assert done - run["startedAt"] >= timedelta(seconds=15)


def test_the_spark_ui_shows_a_stream_that_runs_and_a_job_that_has_ended(kinds: Kinds) -> None:
    for job, completed in (("Stream", False), ("Monitored", True)):
        run = kinds.run(job)
        request = {"applicationId": run["applicationId"], "jobRunId": run["jobRunId"]}
        address = kinds.local_aws.client("emr-serverless").get_dashboard_for_job_run(**request)["url"]
        # A stream may run for a while before it has a Spark context, and its first batch takes its time, too.
        shown, page = wait_until(partial(opened, address))
        assert "Spark Jobs" in page
        parts = urlsplit(shown)
        application = f"http://{parts.netloc}/api/v1/applications/{parts.path.split('/')[2]}"
        described = json_of(application)
        assert (described["name"], described["attempts"][0]["completed"]) == (run["name"], completed)
        wait_until(partial(json_of, f"{application}/jobs?status=succeeded"))


def opened(address: str) -> tuple[str, str] | None:
    """Where the address leads to, and the page there; None while there is none."""
    try:
        with urllib.request.urlopen(address) as page:  # noqa: S310 - of this machine
            return page.url, page.read().decode()
    except HTTPError as error:
        if error.code != HTTPStatus.NOT_FOUND:
            raise
        return None


def json_of(address: str) -> Any:
    """What is answered there."""
    with urllib.request.urlopen(address) as answer:  # noqa: S310 - as above
        return json.loads(answer.read())


def test_the_jar_s_main_class_got_its_arguments(kinds: Kinds) -> None:
    assert kinds.state("Jar") == "SUCCESS"
    assert "arguments: [two words, it's]" in kinds.log("Jar")


def test_the_hive_query_ran_after_its_init_file_with_its_parameters(kinds: Kinds) -> None:
    assert kinds.state("Query") == "SUCCESS"
    assert 'said on 20230203 20230203: good day, it is "fine"' in kinds.log("Query", "HIVE_DRIVER")


def test_each_job_has_the_tables_of_the_one_before_and_so_have_hive_and_the_api(kinds: Kinds) -> None:
    printed = {step: kinds.log(step.title()) for step in ("raw", "clean", "totals")}
    assert printed == {"raw": "raw 4", "clean": "clean 3", "totals": "totals 2"}
    lines = kinds.log("Query", "HIVE_DRIVER").splitlines()
    assert [line for line in lines if line.startswith("total of")] == ["total of friday: 4.0", "total of monday: 5.0"]
    glue = kinds.local_aws.client("glue")
    tables = {table["Name"]: table for table in glue.get_tables(DatabaseName="lake")["TableList"]}
    assert set(tables) == {"raw", "clean", "totals"}
    place = f"s3://{kinds.exports['Bucket']}/lake"
    assert tables["totals"]["StorageDescriptor"]["Location"] == f"{place}/totals"
    partitions = glue.get_partitions(DatabaseName="lake", TableName="clean")["Partitions"]
    assert {partition["StorageDescriptor"]["Location"] for partition in partitions} == {
        f"{place}/clean/day=friday",
        f"{place}/clean/day=monday",
    }


def test_awkward_values_reach_the_job_as_they_were_given(kinds: Kinds) -> None:
    printed = kinds.log("Monitored", prefix="monitored")
    assert "hello" in printed
    seen = dict(line.split(": ", 1) for line in printed.splitlines() if ": " in line)
    assert seen["brought"] == "['hello', 'a size', 'named', 'an archive'] True"
    assert seen["wheel in the driver"] == seen["wheel in an executor"] == "round"
    assert len(ARGUMENTS) == 26
    assert json.loads(seen["arguments"]) == ARGUMENTS
    assert json.loads(seen["conf"]) == CONF
    assert json.loads(seen["environment"]) == json.loads(seen["of executors"]) == ENVIRONMENT


def test_the_logs_are_in_s3_too(kinds: Kinds) -> None:
    path = f"applications/{kinds.exports['Monitored-application']}/jobs/{kinds.exports['Monitored-run']}"
    answer = kinds.local_aws.client("s3").get_object(
        Bucket=kinds.exports["Bucket"], Key=f"logs/{path}/SPARK_DRIVER/stdout.gz"
    )
    with answer["Body"] as body:
        assert b"hello" in gzip.decompress(body.read())
