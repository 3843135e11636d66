"""The arguments that a run, a schedule, a trigger or a state gives to a Spark job in place of the job's own."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..validation.model import check_against_model, operation_shape, shape_of
from ..validation.problems import Problems

SHAPE = "jobDriver.sparkSubmit.entryPointArguments"
"""Where they are in the request."""


def takes_arguments(problems: Problems, request: Mapping[str, Any], arguments: Sequence[str]) -> bool:
    """Whether the job of the request takes arguments; notes that it does not."""
    if "sparkSubmit" in request["jobDriver"]:
        return True
    problems.add("arguments", arguments, "only a Spark job takes arguments", "leave it out")
    return False


def check_arguments(problems: Problems, request: Mapping[str, Any], arguments: Sequence[str] | None) -> None:
    """Note arguments that the job of the request does not take."""
    if arguments is not None and takes_arguments(problems, request, arguments):
        shape = shape_of(operation_shape("StartJobRun"), SHAPE)
        check_against_model(list(arguments), shape, problems.add, "arguments")
