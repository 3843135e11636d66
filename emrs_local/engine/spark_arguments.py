"""Reads the arguments of a job driver as spark-submit does."""

import re
import shlex
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Final

_DRIVER_ENVIRONMENT_PREFIX: Final = "spark.emr-serverless.driverEnv."
_IMAGE_SPARK_HOME: Final = re.compile(r"\A(?:(?:local|file):(?://)?)?/usr/lib/spark/")
_MEMORY: Final = re.compile(r"(\d+)([bkmgtp]?)b?", re.IGNORECASE)
_MEBIBYTES: Final = {"b": 2**-20, "k": 2**-10, "": 1, "m": 1, "g": 2**10, "t": 2**20, "p": 2**30}


def split_parameters(parameters: str) -> list[str]:
    """The arguments in `sparkSubmitParameters` or in a query's `parameters`, split as a shell does."""
    return shlex.split(parameters)


def submitted_properties(arguments: Iterable[str]) -> dict[str, str]:
    """The Spark properties that spark-submit arguments set; the later win."""
    properties = {}
    remaining = iter(arguments)
    for argument in remaining:
        option, equals, value = argument.partition("=")
        if option not in {"--conf", "-c", "--driver-memory"}:
            continue
        value = value if equals else next(remaining, "")
        if option == "--driver-memory":
            properties["spark.driver.memory"] = value
        else:
            name, _, setting = value.partition("=")
            properties[name] = setting
    return properties


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


def local_entry_point(entry_point: str, *, spark_home: Path) -> str:
    """The entry point; what the EMR image has below `/usr/lib/spark` is found in the Spark that is here."""
    return _IMAGE_SPARK_HOME.sub(lambda _: f"{spark_home}/", entry_point, count=1)
