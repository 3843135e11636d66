"""How job runs have ended, as answers and as notes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.probe import Json
from conformance.recording import in_plain_words


def states(runs: Mapping[str, Mapping[str, Any]]) -> Json:
    """How each of some job runs has ended."""
    return {name: run["state"] for name, run in runs.items()}


def details(runs: Mapping[str, Mapping[str, Any]]) -> Json:
    """Why each of some job runs has ended so, in the service's words."""
    return {name: in_plain_words(run.get("stateDetails") or "") for name, run in runs.items()}
