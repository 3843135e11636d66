"""Rules of what spark-submit and Hive are asked for, as arguments or in an override."""

from collections.abc import Mapping
from typing import Any

from ...applications.interface import IApplication
from ...validation.model import Report, member_of
from .._spark_properties import PARAMETERS, properties_requested
from .capacity import check_capacity
from .parameters import check_hive_parameters, check_spark_parameters
from .spark import check_properties, warn_of_names

_HIVE_PARAMETERS = "jobDriver.hive.parameters"


def check_driver(
    request: Mapping[str, Any],
    application: IApplication,
    *,
    by_hand: bool,
    report: Report,
    warn: Report,
) -> None:
    """Report what spark-submit or Hive would refuse, and warn of what they would not do.

    Args:
        request: The request; members of types that the model does not have are left to the model's own rules.
        application: Where the job runs.
        by_hand: Whether parameters may have been written by hand.
        report: Takes what can't work.
        warn: Takes what may be wrong.
    """
    for member, check in ((PARAMETERS, check_spark_parameters), (_HIVE_PARAMETERS, check_hive_parameters)):
        parameters = member_of(request, member, str)
        if by_hand and parameters is not None:
            check(parameters, member, report, warn)
    if "sparkSubmit" in (member_of(request, "jobDriver", dict) or {}):
        properties = properties_requested(request, application)
        warn_of_names(properties, warn)
        check_properties(request, properties, application.release_label, report=report, warn=warn)
        if application.maximum_capacity is not None:
            check_capacity(properties, application.maximum_capacity, report, warn)
