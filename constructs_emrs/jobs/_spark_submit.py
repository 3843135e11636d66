"""The parameters of spark-submit, and the properties that these can't carry."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..applications.configuration import Configuration
from ..validation.problems import Problems
from ..validation.tokens import LATER, is_token, without_tokens
from ._classification import Setting, check_not_contradicted, is_carried
from ._parameters import can_be_quoted, needs_quotes, quoted, setting
from ._spark_properties import SPARK_DEFAULTS

# Spark splits coordinates at colons and slashes.
_COORDINATES = re.compile(r"""[^\s,:/"'\\]+[:/][^\s,:/"'\\]+[:/][^\s,:/"'\\]+""")

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# What the options of spark-submit set. https://spark.apache.org/docs/latest/configuration.html
_PROPERTY_OF_ARGUMENT = {
    "jars": "spark.jars",
    "py_files": "spark.submit.pyFiles",
    "files": "spark.files",
    "archives": "spark.archives",
    "packages": "spark.jars.packages",
}


@dataclass(frozen=True)
class SparkSubmit:
    """What spark-submit is asked for.

    Args:
        parameters: `sparkSubmitParameters`, None without any.
        defaults: Properties that have to go into `spark-defaults`.
    """

    parameters: str | None
    defaults: Sequence[Setting]


def spark_submit(
    problems: Problems,
    *,
    main_class: str | None,
    uris: Mapping[str, Sequence[str]],
    packages: Sequence[str],
    conf: Mapping[str, str],
    typed: Sequence[Setting] = (),
    configuration: Sequence[Configuration] = (),
) -> SparkSubmit:
    """Write the parameters.

    Args:
        problems: Takes what contradicts or can't be expressed.
        main_class: The class whose `main` is run.
        uris: The files of the arguments `jars`, `py_files`, `files` and `archives`.
        packages: Maven coordinates.
        conf: Spark properties as the user gave them.
        typed: Properties that other arguments set.
        configuration: The job's own configuration by classification.
    """
    if main_class is not None and (not main_class or needs_quotes(main_class)):
        problems.add("main_class", main_class, "it is not a valid class name", "use one such as 'org.example.Etl'")
    for position, item in enumerate(packages):
        # A token may stand for several parts.
        if not is_token(item) and not _COORDINATES.fullmatch(item):
            remedy = "use groupId:artifactId:version, each package as an item of its own"
            problems.add(f"packages[{position}]", item, "these are not Maven coordinates", remedy)
    for argument, items in uris.items():
        for position, item in enumerate(items):
            if "," in item:
                problem = "spark-submit separates its files with commas"
                problems.add(f"{argument}[{position}]", item, problem, "rename it")
            if argument == "py_files" and item.endswith(".whl"):
                # https://github.com/apache/spark/pull/29806
                problem = "Spark does not put a wheel on the Python path of executors"
                remedy = "use Code.from_asset with the wheel, or upload it under a name that ends with .zip"
                problems.add(f"py_files[{position}]", item, problem, remedy)
    lists = {argument: ",".join(items) for argument, items in {**uris, "packages": packages}.items() if items}
    files = [Setting(argument, _PROPERTY_OF_ARGUMENT[argument], items) for argument, items in lists.items()]
    set_by = {item.name: item for item in (*typed, *files)}
    own = [Setting(f"conf[{name!r}]", name, value) for name, value in conf.items()]
    for given in own:
        _check_conf(problems, given, set_by)
    set_by = {given.name: given for given in own} | set_by
    check_not_contradicted(problems, SPARK_DEFAULTS, configuration, set_by)

    words = [f"--class {main_class}"] if main_class else []
    words += [f"--{argument.replace('_', '-')} {quoted(items)}" for argument, items in lists.items()]
    defaults = []
    for given in {given.name: given for given in (*typed, *own)}.values():
        if needs_quotes(given.value) and not can_be_quoted(given.value):
            defaults.append(given)
        else:
            words.append(f"--conf {setting(given.name, given.value)}")
    # One argument may set two properties.
    refused = {
        given.argument
        for given in {given.argument: given for given in defaults}.values()
        if not _is_default(problems, given)
    }
    return SparkSubmit(" ".join(words) or None, [given for given in defaults if given.argument not in refused])


def check_arguments(problems: Problems, arguments: Sequence[str]) -> None:
    """Note arguments that no process takes, or that Spark's own scripts change.

    https://github.com/apache/spark/blob/v3.5.6/bin/spark-class
    """
    for position, argument in enumerate(arguments):
        for character, problem in (
            ("\0", "a process can't be given a NUL character"),
            ("\r", "Spark's scripts remove carriage returns"),
        ):
            if character in argument:
                problems.add(f"arguments[{position}]", argument, problem, "leave it out")


def environment_settings(problems: Problems, environment: Mapping[str, str]) -> Iterator[Setting]:
    """The properties that set environment variables of the driver and of the executors; notes names that are none.

    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-spark.html#spark-defaults
    """
    for name, value in environment.items():
        argument = f"environment[{name!r}]"
        if not _VARIABLE.fullmatch(name):
            remedy = "use letters, digits and '_', and do not begin with a digit"
            problems.add(argument, value, f"{name!r} is not a valid name of an environment variable", remedy)
        for prefix in ("spark.emr-serverless.driverEnv.", "spark.executorEnv."):
            yield Setting(argument, f"{prefix}{name}", value)


def _check_conf(problems: Problems, item: Setting, set_by: Mapping[str, Setting]) -> None:
    other = set_by.get(item.name)
    if other is not None and other.value != item.value:
        problem = f"it contradicts {other.argument}, which sets {without_tokens(other.value, LATER)}"
        problems.add(item.argument, item.value, problem, f"leave it out, or change {other.argument}")
    elif "=" in item.name or not item.name or needs_quotes(item.name):
        problem = f"{item.name!r} is not a valid name of a Spark property"
        problems.add(item.argument, item.value, problem, "use a name without '=', white space, quotes and backslashes")


def _is_default(problems: Problems, item: Setting) -> bool:
    """Whether `spark-defaults` carries the value; notes why it does not."""
    if item.name.startswith("spark."):
        return is_carried(problems, item, SPARK_DEFAULTS)
    problem = f"such a value needs the classification {SPARK_DEFAULTS}, where Spark reads only names of its own"
    problems.add(item.argument, item.value, problem, "use a name that begins with 'spark.'")
    return False
