"""The arguments that a run, a schedule or a trigger gives to a Spark job in place of the job's own."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..validation.model import check_against_model, operation_shape, shape_of
from ..validation.problems import Problems
from ..workflows.interface import IJob


def check_arguments(problems: Problems, job: IJob, arguments: Sequence[str] | None) -> None:
    """Note arguments that the job does not take."""
    check_arguments_of(problems, job.definition.request, arguments)


def check_arguments_of(problems: Problems, request: Mapping[str, Any], arguments: Sequence[str] | None) -> None:
    """Note arguments that the job of the request does not take."""
    if arguments is None:
        return
    if "sparkSubmit" not in request["jobDriver"]:
        problems.add("arguments", arguments, "only a Spark job takes arguments", "leave it out")
        return
    shape = shape_of(operation_shape("StartJobRun"), "jobDriver.sparkSubmit.entryPointArguments")
    check_against_model(list(arguments), shape, problems.add, "arguments")
