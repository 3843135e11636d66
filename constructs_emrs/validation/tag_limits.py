"""Checks the tags of a job run or an application when all of them are known."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import Annotations
from constructs import Construct

from .model import check_against_model, operation_shape
from .problems import Problems


def check_tag_limits(tags: Mapping[str, str], tagged: Construct) -> None:
    """Put what is wrong with the tags on the construct as errors, which the CDK CLI prints and stops at."""

    def report(member: str, value: Any, problem: str, remedy: str) -> None:
        problems = Problems(tagged.node.path)
        problems.add(member, value, problem, remedy)
        Annotations.of(tagged).add_error(str(problems))

    check_against_model(tags, operation_shape("StartJobRun").members["tags"], report, "tags")
