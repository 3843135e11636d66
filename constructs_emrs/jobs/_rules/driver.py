"""Rules of what spark-submit and Hive are asked for, as arguments or in an override."""

from collections.abc import Mapping, Sequence
from typing import Any

from ...applications.capacity import MaximumCapacity
from ...applications.configuration import Configuration
from ...applications.release_label import ReleaseLabel
from ...validation.model_rules import Report
from .._spark_properties import PARAMETERS, properties_requested
from .capacity import check_capacity
from .parameters import check_hive_parameters, check_spark_parameters
from .spark import check_properties, warn_of_names

_HIVE_PARAMETERS = "jobDriver.hive.parameters"


def check_driver(
    request: Mapping[str, Any],
    release: ReleaseLabel | None,
    of_application: Sequence[Configuration] | None,
    *,
    maximum: MaximumCapacity | None,
    by_hand: bool,
    report: Report,
    warn: Report,
) -> None:
    """Report what spark-submit or Hive would refuse, and warn of what they would not do.

    Args:
        request: The request; members of types that the model does not have are left to the model's own rules.
        release: The application's release, None if it is not known.
        of_application: The application's own configuration, None if it is not known.
        maximum: What all workers of the application may have together, None if that is not known or not limited.
        by_hand: Whether parameters may have been written by hand.
        report: Takes what can't work.
        warn: Takes what may be wrong.
    """
    for member, check in ((PARAMETERS, check_spark_parameters), (_HIVE_PARAMETERS, check_hive_parameters)):
        value: Any = request
        for name in member.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        if by_hand and isinstance(value, str):
            check(value, member, report, warn)
    drivers = request.get("jobDriver")
    if isinstance(drivers, dict) and "sparkSubmit" in drivers:
        properties = properties_requested(request, of_application, release)
        warn_of_names(properties, warn)
        check_properties(request, properties, release, report=report, warn=warn)
        if maximum is not None:
            check_capacity(properties, maximum, report, warn)
