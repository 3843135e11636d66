"""The command of the driver's Java virtual machine, put together as Spark's own launcher does.

`spark-submit` starts a virtual machine, `org.apache.spark.launcher.Main`, for nothing but to print this command.
Whatever is unusual is left to it.
"""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

SPARK_SQL: Final = "org.apache.spark.sql.hive.thriftserver.SparkSQLCLIDriver"

# What follows is known of this version: SparkSubmitOptionParser, SparkSubmitCommandBuilder, AbstractCommandBuilder and
# JavaModuleOptions of https://github.com/apache/spark/tree/v3.5.9, and its `bin/spark-class`.
_LAUNCHER: Final = "spark-launcher_2.12-3.5.9.jar"
_SPARK_SUBMIT: Final = "org.apache.spark.deploy.SparkSubmit"
_OPENED_PACKAGES: Final = (
    "java.base/java.lang",
    "java.base/java.lang.invoke",
    "java.base/java.lang.reflect",
    "java.base/java.io",
    "java.base/java.net",
    "java.base/java.nio",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/jdk.internal.ref",
    "java.base/sun.nio.ch",
    "java.base/sun.nio.cs",
    "java.base/sun.security.action",
    "java.base/sun.util.calendar",
    "java.security.jgss/sun.security.krb5",
)
MODULE_OPTIONS: Final = (
    "-XX:+IgnoreUnrecognizedVMOptions",
    *(f"--add-opens={package}=ALL-UNNAMED" for package in _OPENED_PACKAGES),
    "-Djdk.reflect.useDirectMethodHandle=false",
)
_SETS_A_PROPERTY: Final[Mapping[str, str]] = {
    "--driver-class-path": "spark.driver.extraClassPath",
    "--driver-java-options": "spark.driver.extraJavaOptions",
    "--driver-library-path": "spark.driver.extraLibraryPath",
    "--driver-memory": "spark.driver.memory",
}
_PASSED_ON: Final = frozenset(
    [
        "--archives",
        "--class",
        "--deploy-mode",
        "--driver-cores",
        "--exclude-packages",
        "--executor-cores",
        "--executor-memory",
        "--files",
        "--jars",
        "--keytab",
        "--master",
        "--name",
        "--num-executors",
        "--packages",
        "--principal",
        "--proxy-user",
        "--py-files",
        "--queue",
        "--repositories",
        "--total-executor-cores",
    ]
)
_WITH_A_VALUE: Final = frozenset(["--conf", "-c", *_SETS_A_PROPERTY, *_PASSED_ON])
_UNUSUAL: Final = frozenset(
    [
        "--help",
        "-h",
        "--kill",
        "--properties-file",
        "--remote",
        "--status",
        "--supervise",
        "--usage-error",
        "--verbose",
        "-v",
        "--version",
        "pyspark-shell",
        "sparkr-shell",
    ]
)
_READ_BY_THE_LAUNCHER: Final = frozenset(
    [
        "SPARK_PREPEND_CLASSES",
        "SPARK_PRINT_LAUNCH_COMMAND",
        "SPARK_SQL_TESTING",
        "SPARK_SUBMIT_OPTS",
        "SPARK_TESTING",
        "YARN_CONF_DIR",
    ]
)
_OPTION_AND_VALUE: Final = re.compile(r"(--[^=]+)=(.+)")
# An escape, and white space that separates no words in a shell, are not read as a shell reads them.
_UNLIKE_A_SHELL: Final = re.compile(r"\\|[^\S \t\r\n]")


class LeftToTheLauncherError(Exception):
    """Only the launcher knows what to do, or has the words for what is wrong: `spark-submit` has to be called."""


def java_command(
    arguments: Sequence[str],
    *,
    defaults: Mapping[str, str],
    environment: Mapping[str, str],
    java_options: Iterable[str] = (),
) -> list[str]:
    """The command that `spark-submit` executes in the end.

    There is one difference: the configuration directory comes after the jars in the class path, not before them. A
    class archive is valid for class paths that begin with what it was made for. Spark's jars have no file of a name
    that is in the directory.

    Args:
        arguments: Those of `spark-submit`; they choose client mode.
        defaults: What `spark-defaults.conf` has, `spark.driver.memory` among it.
        environment: That of the process, with `JAVA_HOME`, `SPARK_HOME` and `SPARK_CONF_DIR`.
        java_options: More options for Java; all others win over them.

    Raises:
        LeftToTheLauncherError: There is something unusual.
    """
    spark_home = Path(environment["SPARK_HOME"])
    if _READ_BY_THE_LAUNCHER & environment.keys() or not (spark_home / "jars" / _LAUNCHER).is_file():
        raise LeftToTheLauncherError
    properties, rewritten = _rewritten(arguments)
    effective = {name: value.strip() for name, value in defaults.items()} | properties
    if "spark.driver.extraLibraryPath" in effective:
        raise LeftToTheLauncherError
    class_path = [
        effective.get("spark.driver.extraClassPath", ""),
        f"{spark_home}/jars/*",
        environment["SPARK_CONF_DIR"],
        environment.get("SPARK_DIST_CLASSPATH", ""),
    ]
    command = [
        f"{environment['JAVA_HOME']}/bin/java",
        "-cp",
        ":".join(filter(None, class_path)),
        *java_options,
        f"-Xmx{effective['spark.driver.memory']}",
        *_options(effective.get("spark.driver.defaultJavaOptions", "")),
        *_options(effective.get("spark.driver.extraJavaOptions", "")),
        *MODULE_OPTIONS,
        _SPARK_SUBMIT,
        *rewritten,
    ]
    return [word.replace("\r", "") for word in command]  # so does `bin/spark-class`


def _rewritten(arguments: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The properties that arguments of `spark-submit` set, and the arguments as its launcher passes them on."""
    properties: dict[str, str] = {}
    passed_on: list[str] = []
    application: list[str] = []
    mixed = False
    remaining = iter(arguments)
    for argument in remaining:
        match = _OPTION_AND_VALUE.fullmatch(argument)
        option = match[1] if match else argument
        if option in _WITH_A_VALUE:
            value = match[2] if match else next(remaining, None)
            if value is None:
                raise LeftToTheLauncherError
            if option in {"--conf", "-c"}:
                name, equals, value = value.partition("=")
                if not equals:
                    raise LeftToTheLauncherError
                properties[name] = value
            elif option in _SETS_A_PROPERTY:
                properties[_SETS_A_PROPERTY[option]] = value
            else:
                passed_on += [option, value]
            if option == "--class" and value == SPARK_SQL:
                mixed, application = True, ["spark-internal"]
        elif mixed and option not in _UNUSUAL and not match:  # spark-sql has arguments of its own among the others
            application.append(argument)
        elif option in _UNUSUAL or option.startswith("-"):
            raise LeftToTheLauncherError
        else:
            application = [argument, *remaining]
    configuration = [word for name, value in properties.items() for word in ("--conf", f"{name}={value}")]
    return properties, [*passed_on, *configuration, *application]


def _options(text: str) -> list[str]:
    if _UNLIKE_A_SHELL.search(text) or "-Xmx" in text:
        raise LeftToTheLauncherError
    try:
        return shlex.split(text)
    except ValueError as error:
        raise LeftToTheLauncherError from error
