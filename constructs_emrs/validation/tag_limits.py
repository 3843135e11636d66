"""Checks the tags of a job run or an application when all of them are known."""

from collections.abc import Mapping
from functools import partial

from constructs import Construct

from .model import check_against_model, operation_shape
from .problems import refuse


def check_tag_limits(tags: Mapping[str, str], tagged: Construct) -> None:
    """Put what is wrong with the tags on the construct as errors, which the CDK CLI prints and stops at."""
    check_against_model(tags, operation_shape("StartJobRun").members["tags"], partial(refuse, tagged), "tags")
