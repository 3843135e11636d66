import os
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from emrs_local.spark.configuration_files import hadoop_xml, java_properties
from emrs_local.spark.installation import spark_home
from emrs_local.spark.spark_arguments import (
    memory_mebibytes,
    split_parameters,
    submitted_properties,
)
from emrs_local.spark.submission import Submission, lost_tables

SPARK = Path("/opt/spark")
GLUE = "com.amazonaws.glue.catalog.metastore.AWSGlueDataCatalogHiveClientFactory"


def make_submission(
    *,
    parameters: str = "",
    job_driver: dict[str, Any] | None = None,
    configuration: list[dict[str, Any]] | None = None,
    scripts: str = "",
    environment: dict[str, str] | None = None,
    hadoop_properties: dict[str, str] | None = None,
    event_logs: Path | None = None,
    java_options: Sequence[str] = (),
) -> Submission:
    spark_submit = {
        "entryPoint": "s3://code/job.py",
        "entryPointArguments": ["a b", "--conf"],
        "sparkSubmitParameters": parameters,
    }
    return Submission(
        job_driver=job_driver or {"sparkSubmit": spark_submit},
        application_configuration=configuration or [],
        scripts=scripts,
        job_run_name="nightly run",
        work_directory=Path("/work/run"),
        environment=environment or {},
        hadoop_properties=hadoop_properties or {},
        java_home=Path("/opt/java"),
        spark_home=SPARK,
        event_logs=event_logs,
        java_options=java_options,
    )


def defaults(properties: dict[str, str]) -> list[dict[str, Any]]:
    return [{"classification": "spark-defaults", "properties": properties}]


def test_the_entry_point_and_its_arguments_are_passed_unmodified() -> None:
    command = make_submission(parameters='--class Main --conf a="b c"').command

    assert command[:5] == [str(SPARK / "bin/spark-submit"), "--class", "Main", "--conf", "a=b c"]
    assert command[-3:] == ["s3://code/job.py", "a b", "--conf"]


@pytest.mark.parametrize(
    ("parameters", "arguments"),
    [
        ("", []),
        ("  a\tb\n c ", ["a", "b", "c"]),
        ('--conf a="b  c" d', ["--conf", "a=b  c", "d"]),
        ('"a b"c"d"', ["a bcd"]),
        ('a="" ""', ["a=", ""]),
        ("s3://b/a.zip#x $HOME `id` {a,b} * ~ &", ["s3://b/a.zip#x", "$HOME", "`id`", "{a,b}", "*", "~", "&"]),
        (r"C:\n", [r"C:\n"]),
        ('a="C:\\n it\'s"', ["a=C:\\n it's"]),
        (r'a="refresh=\"5 Minutes\" b"', [r"a=refresh=\"5 Minutes\" b"]),
    ],
)
def test_parameters_are_split_as_the_service_was_seen_to(parameters: str, arguments: list[str]) -> None:
    assert split_parameters(parameters) == arguments


@pytest.mark.parametrize("parameters", ["--conf 'a=b c'", "--conf a=it's", "--archives 's3://b/a.zip#x'"])
def test_a_single_quote_is_refused(parameters: str) -> None:
    with pytest.raises(ValueError, match="it is not known how the service reads single quotes"):
        make_submission(parameters=parameters)


def test_a_double_quote_that_is_not_closed_is_refused() -> None:
    with pytest.raises(ValueError, match='the double quote at the start of "b c is not closed'):
        make_submission(parameters='--conf a="b c')


def properties(submission: Submission, file: str) -> dict[str, str]:
    """What one of a submission's files sets."""
    root = Xml.fromstring(submission.configuration_files[file].encode())  # noqa: S314 - it was made here
    return {element[0].text or "": element[1].text or "" for element in root}


FACTORY = "hive.metastore.client.factory.class"


@pytest.mark.parametrize(
    "asking",
    [
        {"parameters": f"--conf spark.hadoop.{FACTORY}={GLUE}"},
        {"configuration": defaults({f"spark.hadoop.{FACTORY}": GLUE})},
        {"configuration": [{"classification": "hive-site", "properties": {FACTORY: GLUE}}]},
        {"configuration": [{"classification": "spark-hive-site", "properties": {FACTORY: GLUE}}]},
        {"job_driver": {"hive": {"query": "s3://code/q.sql"}}},
        {"scripts": f"builder.config('{FACTORY}', '{GLUE}')"},
    ],
    ids=["parameters", "spark-defaults", "hive-site", "spark-hive-site", "Hive", "script"],
)
def test_a_job_that_asks_for_the_data_catalog_has_it(asking: dict[str, Any]) -> None:
    submission = make_submission(**asking)
    assert submission.uses_the_data_catalog
    submission.use_metastore(address="thrift://127.0.0.1:1", secret="s3cret")  # noqa: S106 - it protects nothing
    assert properties(submission, "hive-site.xml")["hive.metastore.uris"] == "thrift://127.0.0.1:1"
    groups = properties(submission, "core-site.xml")["hadoop.user.group.static.mapping.overrides"]
    assert groups == "hadoop=hadoop,s3cret"


ICEBERG = "spark.sql.catalog.lake"
ON_GLUE = "org.apache.iceberg.aws.glue.GlueCatalog"


@pytest.mark.parametrize(
    ("setting", "instead"),
    [
        (f"{ICEBERG}.catalog-impl={ON_GLUE}", f"{ICEBERG}.catalog-impl=org.apache.iceberg.hive.HiveCatalog"),
        (f"{ICEBERG}.type=glue", f"{ICEBERG}.type=hive"),
    ],
)
def test_a_catalog_of_iceberg_s_on_glue_is_one_on_hive(setting: str, instead: str) -> None:
    name, value = setting.split("=")
    parameters = f"--conf {ICEBERG}.io-impl=org.apache.iceberg.aws.s3.S3FileIO --conf spark.sql.catalog.b.type=hadoop"
    for submission in (
        make_submission(parameters=f"{parameters} --conf {setting}"),
        make_submission(parameters=parameters, configuration=defaults({name: value})),
    ):
        assert submission.uses_the_data_catalog
        assert submission.uses_iceberg
        submission.use_metastore(address="thrift://127.0.0.1:1", secret="s3cret")  # noqa: S106 - it protects nothing
        submission.use_metastore_for_iceberg(address="thrift://127.0.0.1:2", secret="other")  # noqa: S106 - as above
        last = [word for option, word in pairwise(submission.command) if option == "--conf"][-3:]
        files = f"{ICEBERG}.io-impl=org.apache.iceberg.hadoop.HadoopFileIO"
        assert sorted(last) == sorted([instead, f"{ICEBERG}.uri=thrift://127.0.0.1:2", files])
        site = properties(submission, "hive-site.xml")
        assert site["hive.metastore.uris"] == "thrift://127.0.0.1:1"
        assert site["iceberg.engine.hive.lock-enabled"] == "false"
        groups = properties(submission, "core-site.xml")["hadoop.user.group.static.mapping.overrides"]
        assert groups == "hadoop=hadoop,s3cret,other"


def test_a_script_that_sets_up_iceberg_itself_is_told_where_to() -> None:
    (notice,) = make_submission(scripts=f"builder.config('{ICEBERG}.catalog-impl', '{ON_GLUE}')").notices
    assert notice.startswith("emrs_local: the script itself names Iceberg's GlueCatalog, which needs AWS's SDK")


@pytest.mark.parametrize(
    "asking",
    [
        {},
        {"parameters": f"--conf {ICEBERG}.type=hadoop"},
        {"parameters": "--conf spark.x=glue"},
        {"parameters": f"--conf spark.hadoop.{FACTORY}={GLUE} --conf spark.hadoop.hive.metastore.uris=thrift://mine:1"},
        {
            "job_driver": {
                "hive": {
                    "query": "s3://code/q.sql",
                    "parameters": "--hiveconf javax.jdo.option.ConnectionURL=jdbc:mysql://mine/hive",
                }
            }
        },
    ],
    ids=[
        "nothing",
        "Iceberg elsewhere",
        "something else",
        "a metastore of one's own",
        "Hive with a database of one's own",
    ],
)
def test_any_other_job_has_not(asking: dict[str, Any]) -> None:
    submission = make_submission(**asking)
    assert not submission.uses_the_data_catalog
    assert not submission.uses_iceberg
    assert "hive.metastore.uris" not in properties(submission, "hive-site.xml")


def test_the_account_of_the_catalog_is_that_of_the_configuration() -> None:
    name = "hive.metastore.glue.catalogid"
    assert make_submission().catalog_id == ""
    assert make_submission(parameters=f"--conf spark.hadoop.{name}=111122223333").catalog_id == "111122223333"
    site = [{"classification": "hive-site", "properties": {name: "444455556666"}}]
    assert make_submission(configuration=site).catalog_id == "444455556666"


def test_a_job_with_a_warehouse_in_s3_and_no_catalog_is_told_what_stays() -> None:
    warehouse = "--conf spark.sql.warehouse.dir=s3://lake/warehouse"
    (notice,) = make_submission(parameters=warehouse).notices
    assert notice.startswith("emrs_local: tables that are made in s3://lake/warehouse are gone with this job run, ")
    for parameters in (
        "",
        f"{warehouse} --conf spark.hadoop.{FACTORY}={GLUE}",
        f"{warehouse} --conf spark.hadoop.hive.metastore.uris=thrift://mine:1",
    ):
        assert make_submission(parameters=parameters).notices == []


def test_a_job_that_made_tables_of_its_own_is_told_so(tmp_path: Path) -> None:
    assert lost_tables(tmp_path) == []
    for folder in ("warehouse/numbers", "warehouse/lake.db/daily", "warehouse/empty.db"):
        (tmp_path / folder).mkdir(parents=True)
    (notice,) = lost_tables(tmp_path)
    assert notice.startswith("emrs_local: gone with this job run: lake.daily, numbers; tables stay where ")


def test_a_job_runs_on_this_machine_whatever_it_asks_for() -> None:
    command = make_submission(parameters="--master yarn --deploy-mode cluster").command

    last = dict(pairwise(command))
    assert last["--master"] == "local[*]"
    assert last["--deploy-mode"] == "client"


def test_more_memory_than_half_of_the_machine_is_not_given() -> None:
    half = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**21

    for submission in (
        make_submission(parameters="--conf spark.driver.memory=900t"),
        make_submission(parameters="--driver-memory 900t"),
        make_submission(configuration=defaults({"spark.driver.memory": "900t"})),
    ):
        last = dict(pairwise(submission.command))
        assert last["--driver-memory"] == f"{half}m"


def test_memory_that_the_machine_has_is_given() -> None:
    assert "--driver-memory" not in make_submission(parameters="--conf spark.driver.memory=512m").command


@pytest.mark.parametrize(
    ("size", "mebibytes"),
    [("14g", 14336), ("14G", 14336), ("512m", 512), ("512mb", 512), ("1024", 1024), ("1t", 2**20), ("x", None)],
)
def test_sizes_are_read_as_spark_reads_them(size: str, mebibytes: int | None) -> None:
    assert memory_mebibytes(size) == mebibytes


def test_the_last_of_the_submitted_properties_wins() -> None:
    arguments = split_parameters("--conf a=1 -c a=2=3 --conf=b=4 --driver-memory 1g --class X")

    assert submitted_properties(arguments) == {"a": "2=3", "b": "4", "spark.driver.memory": "1g"}


def test_the_s3_of_the_image_is_replaced() -> None:
    command = make_submission(
        parameters="--conf spark.hadoop.fs.s3a.impl=S3AFileSystem",
        hadoop_properties={"fs.s3a.impl": "View", "fs.s3.impl": "View"},
    ).command

    assert command.index("spark.hadoop.fs.s3a.impl=View") > command.index("spark.hadoop.fs.s3a.impl=S3AFileSystem")
    assert "spark.hadoop.fs.s3.impl=View" not in command


def test_no_secret_is_in_the_command() -> None:
    submission = make_submission(
        environment={"AWS_SECRET_ACCESS_KEY": "private"}, hadoop_properties={"fs.mount": "webhdfs://here/token"}
    )

    assert "private" not in " ".join(submission.command)
    assert "token" not in " ".join(submission.command)
    assert "token" in submission.configuration_files["core-site.xml"]


def test_the_driver_has_the_variables_that_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAKED", "x")
    configuration = [
        {
            "classification": "spark-env",
            "configurations": [{"classification": "export", "properties": {"EXPORTED": "1", "AWS_REGION": "2"}}],
        },
        *defaults({"spark.emr-serverless.driverEnv.BY_DEFAULT": "3"}),
    ]

    environment = make_submission(
        parameters="--conf spark.emr-serverless.driverEnv.BY_PARAMETER=4",
        configuration=configuration,
        environment={"AWS_REGION": "eu-west-1"},
    ).environment

    expected = {"EXPORTED": "1", "BY_DEFAULT": "3", "BY_PARAMETER": "4", "AWS_REGION": "eu-west-1"}
    assert expected.items() <= environment.items()
    assert environment["TZ"] == "UTC"
    assert "LEAKED" not in environment


def test_python_workers_and_driver_have_the_same_python_unless_the_job_asks_for_another() -> None:
    """`PYSPARK_DRIVER_PYTHON` is not set: it would win over a `PYSPARK_PYTHON` of the job's."""
    environment = make_submission().environment

    assert environment["PYSPARK_PYTHON"] == sys.executable
    assert "PYSPARK_DRIVER_PYTHON" not in environment


def test_an_option_wins_over_its_property_wherever_it_is() -> None:
    arguments = split_parameters("--files=a,b --conf spark.files=c --py-files d.py --conf spark.archives=e.zip")

    assert submitted_properties(arguments) == {
        "spark.files": "a,b",
        "spark.submit.pyFiles": "d.py",
        "spark.archives": "e.zip",
    }


def test_paths_of_the_image_s_home_are_those_of_the_working_folder() -> None:
    submission = make_submission(
        parameters=(
            "--conf spark.emr-serverless.driverEnv.PYTHONPATH=./deps:/home/hadoop/more "
            "--conf spark.executorEnv.PYTHONPATH=/home/hadoop/deps"
        )
    )

    assert submission.environment["PYTHONPATH"] == "./deps:/work/run/home/more"
    assert submission.environment["HOME"] == "/work/run/home"
    assert submission.command.index("spark.executorEnv.PYTHONPATH=/work/run/home/deps") > submission.command.index(
        "spark.executorEnv.PYTHONPATH=/home/hadoop/deps"
    )


@pytest.mark.parametrize(
    ("parameters", "name", "kept"),
    [
        ("--jars /usr/share/aws/x/x.jar,s3://b/a.jar", "spark.jars", "file:///work/run/resources/0/a.jar"),
        (
            "--conf spark.jars=s3://b/a.jar,local:///usr/share/aws/x/x.jar",
            "spark.jars",
            "file:///work/run/resources/0/a.jar",
        ),
        ("--jars /usr/share/aws/x/x.jar", "spark.jars", ""),
        ("--driver-class-path /usr/share/aws/x/x.jar:/", "spark.driver.extraClassPath", "/"),
    ],
)
def test_a_jar_of_the_image_that_is_missing_is_named_and_left_out(parameters: str, name: str, kept: str) -> None:
    submission = make_submission(parameters=parameters)

    (notice,) = submission.notices
    assert notice.startswith(f"emrs_local: {name} names jars that are not on this machine: ")
    assert (
        "x.jar; name jars in S3 that have their classes for Spark 3.5 and Scala 2.12, or have such jars in " in notice
    )
    last = dict(pairwise(submission.command))
    assert kept == last["--jars"] if name == "spark.jars" else f"{name}={kept}" in submission.command


def test_a_jobs_configuration_wins_over_the_defaults() -> None:
    files = make_submission(
        configuration=[
            *defaults({"spark.ui.enabled": "true", "spark.mine": "1"}),
            {"classification": "spark-driver-log4j2", "properties": {"rootLogger.level": "debug"}},
            {"classification": "core-site", "properties": {"mine": "2"}},
            {"classification": "hive-site", "properties": {"hive.metastore.warehouse.dir": "s3://b/warehouse"}},
        ]
    ).configuration_files

    assert "spark.ui.enabled=true\n" in files["spark-defaults.conf"]
    assert "spark.mine=1\n" in files["spark-defaults.conf"]
    assert "spark.app.name=nightly run\n" in files["spark-defaults.conf"]
    assert "spark.sql.warehouse.dir=s3://b/warehouse\n" in files["spark-defaults.conf"]
    assert "rootLogger.level=debug\n" in files["log4j2.properties"]
    assert "<name>mine</name><value>2</value>" in files["core-site.xml"]


def test_event_logs_are_written_unless_the_job_says_otherwise() -> None:
    written = make_submission(event_logs=Path("/work/event logs")).configuration_files["spark-defaults.conf"]
    assert "spark.eventLog.dir=file:///work/event%20logs\n" in written
    assert "spark.eventLog.enabled=true\n" in written
    own = defaults({"spark.eventLog.enabled": "false", "spark.eventLog.dir": "s3://logs/events"})
    of_job = make_submission(event_logs=Path("/work/logs"), configuration=own).configuration_files
    assert "spark.eventLog.dir=s3://logs/events\n" in of_job["spark-defaults.conf"]
    assert "spark.eventLog.enabled=false\n" in of_job["spark-defaults.conf"]
    assert "spark.eventLog" not in make_submission().configuration_files["spark-defaults.conf"]


def test_a_hive_query_runs_after_its_init_query() -> None:
    query = {"query": "s3://b/q.sql", "initQueryFile": "s3://b/i.sql", "parameters": "--hiveconf a=b"}

    command = make_submission(job_driver={"hive": query}).command

    assert command[:2] == [str(SPARK / "bin/spark-submit"), "--class"]
    assert command[2].endswith("SparkSQLCLIDriver")
    assert command[-6:] == ["--hiveconf", "a=b", "-i", "s3://b/i.sql", "-f", "s3://b/q.sql"]


def test_a_hive_query_substitutes_what_is_in_hive_site() -> None:
    site = [{"classification": "hive-site", "properties": {"a": 'say "b"'}}]
    query = {"query": "s3://b/q.sql", "parameters": "--hivevar c=d"}

    command = make_submission(job_driver={"hive": query}, configuration=site).command

    assert command[-6:] == ["--hiveconf", 'a=say "b"', "--hivevar", "c=d", "-f", "s3://b/q.sql"]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("plain value", "plain value"),
        (" #!=:", "\\ #!=:"),
        ("#", "\\#"),
        ("C:\\dir", "C:\\\\dir"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\n#", "\\n#"),
        ("é€😀", "\\u00e9\\u20ac\\ud83d\\ude00"),
        ("", ""),
    ],
)
def test_a_property_is_written_as_java_reads_it(value: str, written: str) -> None:
    assert java_properties({"k": value}) == f"k={written}\n"


def test_separators_in_the_key_of_a_property_are_escaped() -> None:
    assert java_properties({"#a b:c=d": "x"}) == "\\#a\\ b\\:c\\=d=x\n"


def test_hadoop_properties_are_escaped_as_xml() -> None:
    root = Xml.fromstring(hadoop_xml({"a<b": "c&d"}).encode())  # noqa: S314 - it was made here

    assert [(entry.findtext("name"), entry.findtext("value")) for entry in root] == [("a<b", "c&d")]


@pytest.fixture
def two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Spark that is here, and no more than two processors."""
    spark = spark_home()
    assert spark
    monkeypatch.setattr(f"{__name__}.SPARK", spark)
    monkeypatch.setattr("os.cpu_count", lambda: 2)


@pytest.mark.usefixtures("two_processors")
@pytest.mark.parametrize(
    "chosen",
    [
        {"configuration": defaults({"spark.driver.extraJavaOptions": "-XX:+UseG1GC"})},
        {"parameters": "--conf spark.driver.defaultJavaOptions=-XX:+UseZGC"},
        {"environment": {"JAVA_TOOL_OPTIONS": "-XX:+UseG1GC"}},
    ],
)
def test_the_garbage_collector_that_a_job_chooses_is_the_only_one(
    chosen: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "-XX:+UseSerialGC" in make_submission().command
    assert "-XX:+UseSerialGC" not in make_submission(**chosen).command
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    assert "-XX:+UseSerialGC" not in make_submission().command


@pytest.mark.usefixtures("two_processors")
def test_what_a_job_says_of_the_compilers_comes_last(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = "-XX:Tier4InvocationThreshold=1"

    command = make_submission(configuration=defaults({"spark.driver.extraJavaOptions": asked})).command

    thresholds = [word for word in command if word.startswith("-XX:Tier4InvocationThreshold")]
    assert thresholds == ["-XX:Tier4InvocationThreshold=25000", asked]
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    assert not [word for word in make_submission().command if "Tier4" in word]


@pytest.mark.usefixtures("two_processors")
@pytest.mark.parametrize(
    "agent",
    [
        "-javaagent:/agent.jar",
        "-agentlib:jdwp=transport=dt_socket",
        "-agentpath:/agent.so",
        "-XX:StartFlightRecording",
        "-XX:+FlightRecorder",
    ],
)
def test_java_starts_without_an_archive_for_an_agent(agent: str) -> None:
    archive = "-XX:SharedArchiveFile=/spark.jsa"

    def share(configuration: list[dict[str, Any]]) -> list[str]:
        command = make_submission(configuration=configuration, java_options=[archive]).command
        return [word for word in command if word in {archive, "-Xshare:off"}]

    assert share([]) == [archive]
    assert share(defaults({"spark.driver.extraJavaOptions": f"-Da=b {agent}"})) == [archive, "-Xshare:off"]
