"""The command that is put together here is the one that Spark's own launcher prints."""

import shlex
import subprocess
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import pytest

from emrs_local.spark.configuration_files import java_properties
from emrs_local.spark.installation import java_home, spark_home
from emrs_local.spark.java_command import SPARK_SQL, LeftToTheLauncherError, java_command

CLIENT = ["--master", "local[*]", "--deploy-mode", "client"]
JOB = ["s3://b/job.py", "two words", "--conf", "größe", ""]
DEFAULTS = {
    "spark.driver.memory": "4g ",
    "spark.driver.defaultJavaOptions": "'-Djava.io.tmpdir=/a b' -Dfile.encoding=UTF-8",
}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    java, spark = java_home(), spark_home()
    assert java
    assert spark
    return {"JAVA_HOME": str(java), "SPARK_HOME": str(spark), "SPARK_CONF_DIR": str(tmp_path)}


def printed_by_the_launcher(
    arguments: Iterable[str], *, defaults: dict[str, str], environment: dict[str, str]
) -> list[str]:
    Path(environment["SPARK_CONF_DIR"], "spark-defaults.conf").write_text(java_properties(defaults))
    launcher = ["org.apache.spark.launcher.Main", "org.apache.spark.deploy.SparkSubmit", *arguments]
    java = [f"{environment['JAVA_HOME']}/bin/java", "-XX:TieredStopAtLevel=1", "-cp"]
    printed = subprocess.run(
        [*java, f"{environment['SPARK_HOME']}/jars/*", *launcher],
        env={"SPARK_SCALA_VERSION": "2.12", "LC_ALL": "C.UTF-8", **environment},
        capture_output=True,
        check=True,
    ).stdout.decode()  # as it is, a carriage return too
    return printed.lstrip("\0\n").removesuffix("\0").split("\0")


def in_parts(command: list[str]) -> tuple[set[str], list[str], dict[str, str], set[tuple[str, str]], list[str]]:
    """The class path, Java's options, the last of each option of SparkSubmit, the properties, and the application."""
    main = command.index("org.apache.spark.deploy.SparkSubmit")
    class_path = set(command[command.index("-cp") + 1].rstrip("/").replace("/:", ":").split(":"))
    arguments = command[main + 1 :]
    options: dict[str, str] = {}
    properties = set()
    while arguments[:1] and arguments[0].startswith("--"):
        option, value, *arguments = arguments
        if option == "--conf":
            properties.add((option, value))
        else:
            options[option] = value
    return class_path, command[command.index("-cp") + 2 : main], options, properties, arguments


@pytest.mark.parametrize(
    ("arguments", "defaults"),
    [
        pytest.param([*CLIENT, *JOB], {}, id="nothing"),
        pytest.param(
            ["--master", "yarn", "--deploy-mode=cluster", "--class=Main", "--jars", "a.jar,b.jar", *CLIENT, *JOB],
            {"spark.driver.memory": "1g"},
            id="what the job asks for",
        ),
        pytest.param(
            ["--conf", "spark.driver.memory=2g", "-c", "a=b=c d", "--conf=e=", "--driver-memory", "3g", *CLIENT, *JOB],
            {"a": "x"},
            id="the last wins",
        ),
        pytest.param(
            ["--driver-memory", "3g", "--conf", "spark.driver.memory=2g", *CLIENT, *JOB], {}, id="the other last wins"
        ),
        pytest.param(
            ["--driver-class-path", "/x/*", "--driver-java-options", "-Da='b  c' -Dd=\"e'f\" -Dg=", *CLIENT, *JOB],
            {"spark.driver.extraJavaOptions": "-Dlost=1", "spark.driver.extraClassPath": "/lost"},
            id="java options",
        ),
        pytest.param([*CLIENT, *JOB], {"spark.driver.extraJavaOptions": " -Dmine=1\t-Dtwo=2 "}, id="by default"),
        pytest.param([*CLIENT, "--name", "a\nb", "--py-files=x.zip", "job.jar", "-v", "a\rb"], {}, id="white space"),
        pytest.param(
            ["--class", SPARK_SQL, *CLIENT, "--hiveconf", "a=b", "--conf", "c=d", "--hivevar", "e=f", "-f", "s3://b/q"],
            {},
            id="spark-sql",
        ),
    ],
)
def test_the_command_is_that_of_the_launcher(
    arguments: list[str], defaults: dict[str, str], environment: dict[str, str]
) -> None:
    defaults = DEFAULTS | defaults

    command = java_command(arguments, defaults=defaults, environment=environment)

    expected = printed_by_the_launcher(arguments, defaults=defaults, environment=environment)
    assert command[0] == expected[0]
    # What `bin/spark-class` does with the words.
    assert in_parts(command) == in_parts([word.replace("\r", "") for word in expected])


@pytest.mark.parametrize(
    "arguments",
    [
        ["--properties-file", "x", *CLIENT, *JOB],
        ["--verbose", *CLIENT, *JOB],
        ["--version"],
        ["--unknown", *CLIENT, *JOB],
        ["--unknown=1", *CLIENT, *JOB],
        ["--conf", "without", *CLIENT, *JOB],
        [*CLIENT, "--conf"],
        [*CLIENT, "--driver-java-options", "-Dbackslash=a\\ b", *JOB],
        [*CLIENT, "--driver-java-options", "-Dopen='", *JOB],
        [*CLIENT, "--driver-java-options", "-Xmx1g", *JOB],
        [*CLIENT, "--driver-library-path", "/lib", *JOB],
        [*CLIENT, "--class", SPARK_SQL, "--hiveconf=a=b"],
        [*CLIENT, "pyspark-shell"],
    ],
    ids=shlex.join,
)
def test_what_is_unusual_is_left_to_the_launcher(arguments: list[str], environment: dict[str, str]) -> None:
    with pytest.raises(LeftToTheLauncherError):
        java_command(arguments, defaults=DEFAULTS, environment=environment)


def test_a_variable_that_the_launcher_reads_is_left_to_it(environment: dict[str, str]) -> None:
    with pytest.raises(LeftToTheLauncherError):
        java_command([*CLIENT, *JOB], defaults=DEFAULTS, environment={**environment, "SPARK_SUBMIT_OPTS": "-Da=b"})


def test_another_version_of_spark_is_left_to_its_launcher(environment: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(LeftToTheLauncherError):
        java_command([*CLIENT, *JOB], defaults=DEFAULTS, environment={**environment, "SPARK_HOME": str(tmp_path)})


def test_the_options_of_the_job_win_over_those_that_are_added(environment: dict[str, str]) -> None:
    arguments = [*CLIENT, "--driver-java-options", "-XX:SharedArchiveFile=mine", *JOB]

    command = java_command(
        arguments, defaults=DEFAULTS, environment=environment, java_options=["-XX:SharedArchiveFile=ours"]
    )

    assert command.index("-XX:SharedArchiveFile=mine") > command.index("-XX:SharedArchiveFile=ours")


def test_what_a_run_has_of_its_own_is_after_the_jars_in_the_class_path(environment: dict[str, str]) -> None:
    environment = {**environment, "SPARK_DIST_CLASSPATH": "/home of it"}

    command = java_command([*CLIENT, *JOB], defaults=DEFAULTS, environment=environment)

    expected = f"{environment['SPARK_HOME']}/jars/*:{environment['SPARK_CONF_DIR']}:/home of it"
    assert dict(pairwise(command))["-cp"] == expected
    launched = printed_by_the_launcher([*CLIENT, *JOB], defaults=DEFAULTS, environment=environment)
    assert in_parts(command) == in_parts(launched)
