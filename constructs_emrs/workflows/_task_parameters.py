"""What a state of a state machine sends to StartJobRun, in both query languages of Step Functions.

https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from aws_cdk import aws_stepfunctions as sfn

from ..validation.model import check_against_model
from ..validation.problems import Problems
from ..validation.shapes import Shape, operation_shape
from ..validation.tokens import is_token, pieces_of
from .arguments import Source, takes_arguments
from .arguments import check_arguments as check_list

_WAITS_FOR = "{% $states.context.Task.Token %}"
_OF_THE_TASK = "$$.Task.Token"
_ARGUMENTS = "EntryPointArguments"
_AND = " & ' ' & "
_JSONATA = re.compile(r"\{%.*%\}", re.DOTALL)
# https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html, "Reserved characters".
_RESERVED = re.compile(r"(['{}\\])")


def task_token(language: sfn.QueryLanguage) -> str:
    """The token that the state waits for."""
    return _WAITS_FOR if language is sfn.QueryLanguage.JSONATA else sfn.JsonPath.task_token


def is_expression(value: str | Sequence[str]) -> bool:
    """Whether a text, or a list in place of texts, is known when the state is entered.

    Raises:
        ValueError: A path is in the middle of a text.
    """
    if not isinstance(value, str):
        return is_token(value)
    if _JSONATA.fullmatch(value):
        return True
    if not is_token(value):
        return False
    try:
        return sfn.JsonPath.is_encoded_json_path(value)
    except RuntimeError:
        raise ValueError("a JsonPath is a part of the text") from None


def has_task_token(arguments: Sequence[str] | str | None) -> bool:
    """Whether the token that the state waits for is among the arguments, or may be."""
    if isinstance(arguments, str) or is_token(arguments):
        return True
    return any("Task.Token" in _path(item) if is_token(item) else "Task.Token" in item for item in arguments or ())


def check_arguments(problems: Problems, request: Mapping[str, Any], arguments: Sequence[str] | str | None) -> None:
    """Note arguments that can't be."""
    if arguments is None or not takes_arguments(problems, request, arguments):
        return
    if isinstance(arguments, str):
        if not _JSONATA.fullmatch(arguments):
            remedy = "use a list of texts, sfn.JsonPath.list_at(…), or {% … %} with JSONata"
            problems.add("arguments", arguments, "a list is expected", remedy)
        return
    check_list(problems, request, arguments, source=Source.STATE)
    if not is_token(arguments):
        for position, item in enumerate(arguments):
            _is_known(problems, f"arguments[{position}]", item)


def check_text(problems: Problems, argument: str, text: str, shape: Shape) -> None:
    """Note a text that the service does not take; what is known later is left alone."""
    if _is_known(problems, argument, text):
        check_against_model(text, shape, problems.add, argument)


def _is_known(problems: Problems, argument: str, text: str) -> bool:
    """Whether a text is no expression; notes one that a state can't have."""
    try:
        return not is_expression(text)
    except ValueError as error:
        remedy = 'use sfn.JsonPath.format("…{}…", sfn.JsonPath.string_at(…))'
        problems.add(argument, text, str(error), remedy)
        return False


class Made:
    """The parameters of one state."""

    def __init__(self, language: sfn.QueryLanguage, arguments: Sequence[str] | str | None, *, tries: bool) -> None:
        """Prepare them.

        Args:
            language: The query language of the state.
            arguments: The arguments in place of the job's own.
            tries: Whether each try of the state is a run of its own.
        """
        self._is_jsonata = language is sfn.QueryLanguage.JSONATA
        self._arguments = arguments
        self._tries = tries

    @property
    def member(self) -> str:
        """Which member of the state has them."""
        return "Arguments" if self._is_jsonata else "Parameters"

    def parameters(self, request: Mapping[str, Any], client_token: str | None) -> dict[str, Any]:
        """The request as Step Functions spells it, with the arguments and the token."""
        members = {name: value for name, value in request.items() if value is not None}
        made = cast("dict[str, Any]", _spelt(members, operation_shape("StartJobRun")))
        if self._arguments is not None:
            submit = made["JobDriver"]["SparkSubmit"]
            submit.pop(_ARGUMENTS, None)
            submit |= self._spelt_arguments(self._arguments)
        made |= {"ClientToken": client_token} if client_token is not None else self._token()
        return made if self._is_jsonata else _rendered(made)

    def _spelt_arguments(self, arguments: Sequence[str] | str) -> dict[str, Any]:
        if isinstance(arguments, str) or self._is_jsonata or is_token(arguments):
            return {_ARGUMENTS: arguments if isinstance(arguments, str) else list(arguments)}
        if not any(map(is_expression, arguments)):
            return {_ARGUMENTS: list(arguments)}
        return {f"{_ARGUMENTS}.$": f"States.Array({', '.join(map(_in_expression, arguments))})"}

    def _token(self) -> dict[str, str]:
        """What is the same for all tries of an entry into the state, and for no other entry.

        An entry's time has milliseconds, so that two iterations of a Map state may have the same: their arguments tell
        them apart. A redrive is an entry of its own. https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html
        """
        names = ["Execution.Id", "Execution.RedriveCount", "State.Name", "State.EnteredTime"]
        names += ["State.RetryCount"] if self._tries else []
        if self._is_jsonata:
            parts = [f"$string($states.context.{name})" for name in (*names, "Map.Item.Index")]
            if self._arguments is not None:
                parts.append(f"$string({self._arguments_in_jsonata()})")
            return {"ClientToken": f"{{% $hash({_AND.join(parts)}, 'SHA-256') %}}"}
        paths = [f"$$.{name}" for name in names]
        if dynamic := self._dynamic_arguments():
            paths.append(f"States.JsonToString({dynamic})")
        texts = ", ".join(paths)
        form = " ".join(["{}"] * len(paths))
        return {"ClientToken.$": f"States.Hash(States.Format('{form}', {texts}), 'SHA-256')"}

    def _dynamic_arguments(self) -> str | None:
        """An expression for those arguments that are not the same in each entry."""
        if self._arguments is None or isinstance(self._arguments, str):
            return None
        if is_token(self._arguments):
            return _path(self._arguments)
        # Should each try have another task token, they are tries to start one run all the same.
        paths = [
            path
            for item in self._arguments
            if is_expression(item) and (path := _path(item)) != _path(sfn.JsonPath.task_token)
        ]
        return f"States.Array({', '.join(paths)})" if paths else None

    def _arguments_in_jsonata(self) -> str:
        def inner(text: str) -> str:
            return f"({text[2:-2].strip()})" if _JSONATA.fullmatch(text) else json.dumps(text)

        if isinstance(self._arguments, str):
            return inner(self._arguments)
        known = [item for item in self._arguments or () if item != _WAITS_FOR]
        return f"[{', '.join(map(inner, known))}]"


def _rendered(members: Mapping[str, Any]) -> dict[str, Any]:
    """The members with paths in the place of the CDK's tokens for them."""
    return dict(sfn.FieldUtils.render_object(members) or {})


def _path(value: str | Sequence[str]) -> str:
    """The path, or the intrinsic function, that a token stands for."""
    rendered = _rendered({"value": value if isinstance(value, str) else list(value)})
    return str(rendered.get("value.$", value))


def _in_expression(item: str) -> str:
    if is_expression(item):
        return _path(item)
    # What is known at deployment only is a name, a URI or an ARN, which have no reserved characters.
    pieces = [piece if is_token(piece) else _RESERVED.sub(_ESCAPED, piece) for piece in pieces_of(item)]
    return f"'{''.join(pieces)}'"


_ESCAPED = r"\\\1"


def _spelt(value: Any, shape: Shape) -> Any:
    """The value with the names of members as Step Functions has them; keys of maps are data."""
    match value, shape.type_name:
        case dict(), "structure":
            return {name[:1].upper() + name[1:]: _spelt(item, shape.members[name]) for name, item in value.items()}
        case dict(), "map":
            return {name: _spelt(item, shape.value) for name, item in value.items()}
        case list(), "list":
            return [_spelt(item, shape.member) for item in value]
        case _:
            return value
