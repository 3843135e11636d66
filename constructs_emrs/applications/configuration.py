"""Configuration of the engine by classification."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..validation.argument_names import explained


@explained
@dataclass(frozen=True, kw_only=True)
class Configuration:
    """Properties of one classification, such as `spark-defaults`, and nested classifications.

    Args:
        classification: The name, 1 to 1,024 characters, such as `spark-defaults` or `hive-site`.
        properties: Property values by name, at most 100, each of 1,024 characters at most. Default: the request has
            no such member; with an empty mapping it has an empty one.
        configurations: Classifications inside this one, at most 100.

    Source: https://docs.aws.amazon.com/emr-serverless/latest/APIReference/API_Configuration.html
    """

    classification: str
    properties: Mapping[str, str] | None = None
    configurations: "Sequence[Configuration]" = ()
