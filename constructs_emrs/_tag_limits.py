"""Checks the tags of a job run or an application when all of them are known."""

from collections.abc import Callable, Mapping
from typing import Any

import jsii
from aws_cdk import Annotations
from constructs import Construct, IValidation

from ._model_rules import check_against_model
from ._problems import Problems
from ._service_model import operation_shape


@jsii.implements(IValidation)
class TagLimits:
    """Checks the merged tags when the app is synthesised: `Tags.of(scope)` adds them only then."""

    def __init__(self) -> None:
        self._tagged: list[tuple[Construct, Callable[[], Mapping[str, str]]]] = []

    def add(self, tagged: Construct, tags: Callable[[], Mapping[str, str]]) -> None:
        """Check the tags of this construct too."""
        self._tagged.append((tagged, tags))

    def validate(self) -> list[str]:
        """Put what is wrong with the tags on the construct as errors, which the CDK CLI prints and stops at."""
        for tagged, tags in self._tagged:
            _check(tags(), tagged)
        return []


def _check(tags: Mapping[str, str], tagged: Construct) -> None:
    def report(member: str, value: Any, problem: str, remedy: str) -> None:
        problems = Problems(tagged.node.path)
        problems.add(member, value, problem, remedy)
        Annotations.of(tagged).add_error(str(problems))

    check_against_model(tags, operation_shape("StartJobRun").members["tags"], report, "tags")
