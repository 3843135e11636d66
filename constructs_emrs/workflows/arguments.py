"""The arguments that a run, a schedule, a trigger or a state gives to a Spark job in place of the job's own."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from aws_cdk import Tokenization
from aws_cdk import aws_events as events
from aws_cdk import aws_stepfunctions as sfn

from ..validation.model import check_against_model
from ..validation.problems import Problems
from ..validation.shapes import operation_shape, shape_of
from ..validation.tokens import is_token, pieces_of

_SHAPE = "jobDriver.sparkSubmit.entryPointArguments"
"""Where they are in the request."""


def takes_arguments(problems: Problems, request: Mapping[str, Any], arguments: Sequence[str]) -> bool:
    """Whether the job of the request takes arguments; notes that it does not."""
    if "sparkSubmit" in request["jobDriver"]:
        return True
    problems.add("arguments", arguments, "only a Spark job takes arguments", "leave it out")
    return False


class Source(Enum):
    """What an argument may be taken from when a run is started: what is known to whom, and what to do instead."""

    OCCURRENCE = "the time of an occurrence is known to a JobSchedule only", "use one; an event has EventField.time"
    EVENT = "the field of an event is known to a JobTrigger only", "use one, or a text"
    STATE = "a JsonPath is known to a state only", "use EmrServerlessStartJobRun, or a text"


def check_arguments(
    problems: Problems, request: Mapping[str, Any], arguments: Sequence[str] | None, *, source: Source | None = None
) -> None:
    """Note arguments that the job of the request does not take.

    Args:
        problems: Takes them.
        request: The job's.
        arguments: The arguments.
        source: What they may be taken from. Default: nothing.
    """
    if arguments is None or not takes_arguments(problems, request, arguments):
        return
    shape = shape_of(operation_shape("StartJobRun"), _SHAPE)
    check_against_model(list(arguments), shape, problems.add, "arguments")
    for position, argument in enumerate(arguments):
        for piece in pieces_of(argument):
            found = _source_of(piece)
            if found is not None and found is not source:
                problems.add(f"arguments[{position}]", argument, *found.value)


def check_items(problems: Problems, arguments: Sequence[str] | None) -> None:
    """Note a list that is known at deployment only where its items become parts of a text."""
    if arguments is not None and is_token(arguments):
        remedy = "use a list of texts, each of which may be known at deployment only"
        problems.add("arguments", arguments, "how many there are is known at deployment only", remedy)


def event_field(piece: str) -> events.EventField | None:
    """The field of an event that a piece of an argument stands for."""
    found = next(iter(Tokenization.reverse_string(piece).tokens), None) if is_token(piece) else None
    return found if isinstance(found, events.EventField) else None


def _source_of(piece: str) -> Source | None:
    if not is_token(piece):
        return Source.OCCURRENCE if "<aws.scheduler." in piece else None
    if sfn.JsonPath.is_encoded_json_path(piece):
        return Source.STATE
    return Source.EVENT if event_field(piece) else None
