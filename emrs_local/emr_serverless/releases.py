"""Release labels, and from which release on the service has what.

Source: User Guide, "Release versions" and the page of each feature.
"""

from __future__ import annotations

import re

CUSTOM_IMAGES = (6, 9, 0)
INTERACTIVE_ENDPOINTS = (6, 14, 0)
SCHEDULER = (7, 0, 0)
STREAMING_AND_RETRIES = (7, 1, 0)
SHUFFLE_OPTIMIZED_DISKS = (7, 1, 0)
PROMETHEUS = (7, 1, 0)
SCHEDULER_BY_DEFAULT = (7, 3, 0)
IDENTITY_CENTER = (7, 8, 0)
GRACE_PERIODS = (7, 9, 0)
NAMES_IN_METRICS = (7, 10, 0)
NO_ENDLESS_BATCH = (7, 11, 0)
SESSIONS = (7, 13, 0)

# emr-6.6.0 is the first release of EMR Serverless; newer ones appear every few months, so the shape is what is checked.
_LABEL = re.compile(r"emr-(?P<version>[67]\.\d+\.\d+)|emr-spark-\d+\.\d+(\.\d+|-preview)")
_FIRST = (6, 6, 0)
_NEWER = (8, 0, 0)


def is_release(label: str) -> bool:
    """Whether EMR Serverless has, or may have by now, a release of this label."""
    return _LABEL.fullmatch(label) is not None and has(label, _FIRST)


def is_for_spark_only(label: str) -> bool:
    """Whether the release has no other engine."""
    return label.startswith("emr-spark-")


def has(label: str, feature: tuple[int, int, int]) -> bool:
    """Whether a release is `feature`, the first that has something, or a later one."""
    found = _LABEL.fullmatch(label)
    if not found or not found["version"]:
        return feature <= _NEWER
    return tuple(int(part) for part in found["version"].split(".")) >= feature


def named(feature: tuple[int, int, int]) -> str:
    """The label of a release."""
    return "emr-" + ".".join(map(str, feature))
