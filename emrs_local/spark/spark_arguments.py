"""Reads the arguments of a job driver as the service and spark-submit do."""

import re
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Final

_DRIVER_ENVIRONMENT_PREFIX: Final = "spark.emr-serverless.driverEnv."
_MEMORY: Final = re.compile(r"(\d+)([bkmgtp]?)b?", re.IGNORECASE)
# Of each of these the option wins over the property, wherever they are.
_OPTIONS: Final[Mapping[str, str]] = {
    "--archives": "spark.archives",
    "--driver-cores": "spark.driver.cores",
    "--executor-cores": "spark.executor.cores",
    "--executor-memory": "spark.executor.memory",
    "--files": "spark.files",
    "--jars": "spark.jars",
    "--num-executors": "spark.executor.instances",
    "--py-files": "spark.submit.pyFiles",
}
# Of each of these the last wins, be it the option or the property.
_ALIASES: Final[Mapping[str, str]] = {
    "--driver-class-path": "spark.driver.extraClassPath",
    "--driver-memory": "spark.driver.memory",
}
_MEBIBYTES: Final = {"b": 2**-20, "k": 2**-10, "": 1, "m": 1, "g": 2**10, "t": 2**20, "p": 2**30}


# A run of plain characters, or a group in double quotes, in which a backslash keeps the next character company.
_PART: Final = re.compile(r'[^\s"\']+|"((?:[^"\\]|\\.)*)"', re.DOTALL)
_SHOWN: Final = 20  # characters


def split_parameters(parameters: str) -> list[str]:
    r"""The arguments in `sparkSubmitParameters` or in a query's `parameters`, as the service was seen to split them.

    White space separates; double quotes group and go away; backslashes stay, and one before a double quote keeps it
    from ending the group (https://github.com/opensearch-project/opensearch-spark/pull/306,
    https://github.com/opensearch-project/sql/pull/2565). It does not read them as a shell does.

    Raises:
        ValueError: If it is not known how the service reads them.
    """
    arguments: list[str] = []
    end_of_last, position = -1, 0
    while position < len(parameters):
        if parameters[position].isspace():
            position += 1
            continue
        part = _PART.match(parameters, position)
        if part is None:
            rest = parameters[position : position + _SHOWN]
            if parameters[position] == "'":
                raise ValueError(
                    f"it is not known how the service reads single quotes, such as the one at the start of {rest}; "
                    "use double quotes, or the classification spark-defaults or hive-site"
                )
            raise ValueError(f"the double quote at the start of {rest} is not closed")
        text = part[0] if part[1] is None else part[1]
        if position == end_of_last:
            arguments[-1] += text
        else:
            arguments.append(text)
        end_of_last = position = part.end()
    return arguments


def submitted_properties(arguments: Iterable[str]) -> dict[str, str]:
    """The Spark properties that spark-submit arguments set; the later win."""
    properties = {}
    by_option = {}
    remaining = iter(arguments)
    for argument in remaining:
        option, equals, value = argument.partition("=")
        if option not in {"--conf", "-c", *_ALIASES, *_OPTIONS}:
            continue
        value = value if equals else next(remaining, "")
        if option in _OPTIONS:
            by_option[_OPTIONS[option]] = value
        elif option in _ALIASES:
            properties[_ALIASES[option]] = value
        else:
            name, _, setting = value.partition("=")
            properties[name] = setting
    return properties | by_option


def hive_properties(arguments: Iterable[str]) -> dict[str, str]:
    """The Hive properties that a query's arguments set; the later win."""
    settings = [value for option, value in pairwise(arguments) if option == "--hiveconf"]
    return {name: value for name, _, value in (setting.partition("=") for setting in settings)}


def driver_environment(properties: Mapping[str, str]) -> dict[str, str]:
    """The environment variables that properties give to the driver."""
    return {
        name.removeprefix(_DRIVER_ENVIRONMENT_PREFIX): value
        for name, value in properties.items()
        if name.startswith(_DRIVER_ENVIRONMENT_PREFIX)
    }


def memory_mebibytes(size: str) -> int | None:
    """A size such as `14g`, in mebibytes as it is without a unit; `None` if Spark would not understand it."""
    match = _MEMORY.fullmatch(size.strip())
    return round(int(match[1]) * _MEBIBYTES[match[2].lower()]) if match else None
