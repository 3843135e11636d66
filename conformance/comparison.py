"""Compares what one AWS answered with what the other did, or with what the project expects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from conformance.probe import Json, Probe, accepts
from conformance.recording import Recording


@dataclass(frozen=True, kw_only=True)
class Deviation:
    """Where the local AWS is known to answer otherwise.

    Attributes:
        answer: What it answers.
        reason: Why that is so, and stays.
    """

    answer: Json
    reason: str


@dataclass
class Differences:
    """The ids of probes whose answers are not what they should be."""

    unlisted: list[str] = field(default_factory=list)
    """The answer is neither that of AWS nor the known deviation."""
    gone: list[str] = field(default_factory=list)
    """The deviation is known, and there is none."""
    unasked: list[str] = field(default_factory=list)
    """There is no answer."""


def compare(
    answers: Mapping[str, Json], probes: Iterable[Probe], *, aws: Recording, known: Mapping[str, Deviation]
) -> Differences:
    """Hold the answers of the local AWS against those of AWS or, where it was not asked, against what is expected."""
    found = Differences()
    for probe in probes:
        if probe.not_local:
            continue
        if probe.id not in answers:
            found.unasked.append(probe.id)
            continue
        answer = answers[probe.id]
        agrees = answer == aws.answers[probe.id] if probe.id in aws.answers else accepts(probe.expected, answer)
        deviation = known.get(probe.id)
        if agrees and deviation:
            found.gone.append(probe.id)
        if not agrees and (deviation is None or deviation.answer != answer):
            found.unlisted.append(probe.id)
    return found


def surprises(aws: Recording, probes: Iterable[Probe]) -> list[str]:
    """The probes that AWS has answered otherwise than the project relies on."""
    return [
        probe.id for probe in probes if probe.id in aws.answers and not accepts(probe.expected, aws.answers[probe.id])
    ]
