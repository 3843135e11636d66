"""The Spark properties that are in effect for a job, and where each was set."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ..applications.capacity import WorkerResources
from ..applications.configuration import Configuration
from ..applications.interface import IApplication
from ..validation.model import member_of
from ..validation.tokens import is_token
from ._classification import merges_by_property, properties_of
from ._parameters import split

SPARK_DEFAULTS = "spark-defaults"
PARAMETERS = "jobDriver.sparkSubmit.sparkSubmitParameters"

_CONFIGURATION = "configurationOverrides.applicationConfiguration"
# https://spark.apache.org/docs/latest/submitting-applications.html
_PROPERTY_OF_OPTION = {
    "--driver-cores": "spark.driver.cores",
    "--driver-memory": "spark.driver.memory",
    "--executor-cores": "spark.executor.cores",
    "--executor-memory": "spark.executor.memory",
    "--num-executors": "spark.executor.instances",
}
_SIZE = re.compile(r"(\d+)\s*(?:([kmgtp])i?b?|(b))?", re.IGNORECASE)
_FACTOR = re.compile(r"\d*\.?\d+")
_MEBIBYTES = {"b": 1 / 1024**2, "k": 1 / 1024, "m": 1, "g": 1024, "t": 1024**2, "p": 1024**3}
# Spark's overhead unless it is set. https://spark.apache.org/docs/latest/configuration.html#application-properties
_OVERHEAD_FACTOR = 0.1
_LEAST_OVERHEAD = 384

# What the service sets where nothing else does, and the heap by the number of cores, as far as that is documented.
# https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-spark.html#spark-defaults
DEFAULT_CORES = 4
DEFAULT_HEAP_MIB = dict.fromkeys((4, 8, 16), 14 * 1024) | {32: 109 * 1024}
DEFAULT_DISK_MIB = 20 * 1024
DEFAULT_EXECUTORS = 3

Layer = Iterable[tuple[str, str, str]]
"""Names and values of properties, and the member or argument that sets each."""


@dataclass(frozen=True)
class Overhead:
    """What a worker's memory has beside the heap.

    Args:
        mebibytes: Its size, if that is set.
        factor: Its size as a part of the heap, otherwise.
        set_by: The property that sets it, None if it is Spark's own default.
    """

    mebibytes: float | None = None
    factor: float = _OVERHEAD_FACTOR
    set_by: str | None = None

    def heap_mebibytes(self, total: int) -> int:
        """The heap of a worker that has so much memory altogether."""
        if self.mebibytes is not None:
            return int(total - self.mebibytes)
        return min(int(total / (1 + self.factor)), total - _LEAST_OVERHEAD)

    def heap_of(self, resources: WorkerResources) -> int:
        """The heap of a worker of that size, in MiB."""
        return self.heap_mebibytes(int(resources.memory.to_bytes()) // 1024**2)

    def total_mebibytes(self, heap: float) -> float:
        """The memory of a worker that has such a heap."""
        return heap + (max(heap * self.factor, _LEAST_OVERHEAD) if self.mebibytes is None else self.mebibytes)


class Properties:
    """Spark properties in effect; those that are known at deployment only have no value.

    Args:
        layers: The properties, the weakest first.
    """

    def __init__(self, *layers: Layer) -> None:
        self._set = {name: (value, place) for layer in layers for name, value, place in layer}

    def get(self, name: str) -> str | None:
        """The value, None without one."""
        value, _ = self._set.get(name, (None, ""))
        return None if value is None or is_token(value) else value

    def place(self, name: str) -> str:
        """The member or argument that sets the property."""
        return self._set[name][1]

    def __contains__(self, name: object) -> bool:
        return name in self._set

    def __iter__(self) -> Iterator[tuple[str, str, str]]:
        for name, (value, place) in self._set.items():
            yield name, value, place

    def number(self, name: str) -> int | None:
        """The value as a whole number, None if it is not set or none."""
        value = self.get(name)
        return int(value) if value is not None and re.fullmatch(r"\d+", value.strip()) else None

    def is_on(self, name: str, *, default: bool = False) -> bool:
        """Whether the property is `true`."""
        value = self.get(name)
        return default if value is None else value.strip().lower() == "true"

    def mebibytes(self, name: str, *, unit: str = "m") -> float | None:
        """The value as a size, None if it is not set or none."""
        return size_in_mebibytes(self.get(name), unit=unit)

    def overhead(self, worker: str) -> Overhead | None:
        """The memory overhead of the driver or the executor, None if it is not known.

        https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/app-behavior.html#worker-configs. Whether the
        service adds `spark.emr-serverless.memoryOverheadFactor` to an overhead that is set too is not documented.
        """
        fixed, *factors = overhead_names(worker)
        if fixed in self:
            mebibytes = self.mebibytes(fixed)
            return None if mebibytes is None else Overhead(mebibytes=mebibytes, set_by=fixed)
        for name in factors:
            if name in self:
                factor = self.get(name) or ""
                return Overhead(factor=float(factor), set_by=name) if _FACTOR.fullmatch(factor) else None
        return Overhead()


def overhead_names(worker: str) -> Sequence[str]:
    """The properties of which the first that is set says what the overhead is; only the first of them is a size."""
    own = f"spark.{worker}.memoryOverhead"
    return own, f"{own}Factor", "spark.emr-serverless.memoryOverheadFactor"


def size_in_mebibytes(value: str | None, *, unit: str = "m") -> float | None:
    """A size as Spark reads it, such as `14g`, None if it is none."""
    match = _SIZE.fullmatch(value.strip()) if value is not None else None
    return int(match[1]) * _MEBIBYTES[(match[2] or match[3] or unit).lower()] if match else None


def properties_given(
    conf: Mapping[str, str],
    configuration: Sequence[Configuration],
    application: IApplication,
) -> Properties:
    """What arguments set."""
    own = [
        (name, value, f"application_configuration[{position}].properties[{name!r}]")
        for position, item in enumerate(configuration)
        if item.classification == SPARK_DEFAULTS
        for name, value in (item.properties or {}).items()
    ]
    is_replaced = any(item.classification == SPARK_DEFAULTS for item in configuration)
    return Properties(
        [] if is_replaced and not merges_by_property(application.release_label) else _of_application(application),
        own,
        ((name, value, f"conf[{name!r}]") for name, value in conf.items()),
    )


def place_in(position: int, name: str) -> str:
    """The member that a property has in a request's configuration."""
    return f"{_CONFIGURATION}[{position}].properties[{name!r}]"


def properties_requested(request: Mapping[str, Any], application: IApplication) -> Properties:
    """What a request sets; what the service can't read, or has another type, counts as not set."""
    own: list[tuple[str, str, str]] = []
    is_replaced = False
    inherited = {name: (value, place) for name, value, place in _of_application(application)}
    for position, item in enumerate(member_of(request, _CONFIGURATION, list) or ()):
        if isinstance(item, dict) and item.get("classification") == SPARK_DEFAULTS:
            is_replaced = True
            for name, value in (member_of(item, "properties", dict) or {}).items():
                if isinstance(value, str):
                    of_other, place = inherited.get(name, (None, ""))
                    # What replaces the application's properties begins with a copy of them.
                    own.append((name, value, place if value == of_other else place_in(position, name)))
    parameters = member_of(request, PARAMETERS, str)
    return Properties(
        [] if is_replaced and not merges_by_property(application.release_label) else _of_application(application),
        own,
        _of_parameters(parameters or ""),
    )


def _of_application(application: IApplication) -> Layer:
    for name, value in properties_of(application.runtime_configuration or (), SPARK_DEFAULTS).items():
        yield name, value, f"application.runtime_configuration[{name!r}]"


def _of_parameters(parameters: str) -> Layer:
    try:
        words = split(parameters)
    except ValueError:
        return
    for option, value in pairwise(words):
        if option in {"--conf", "-c"}:
            name, equals, setting = value.partition("=")
            if equals:
                yield name, setting, f"{PARAMETERS}[{name!r}]"
        elif option in _PROPERTY_OF_OPTION:
            name = _PROPERTY_OF_OPTION[option]
            yield name, value, f"{PARAMETERS}[{name!r}]"
