"""What the service tells EventBridge: the changes of the states of applications and job runs, and new attempts.

User Guide, "Automating EMR Serverless with Amazon EventBridge". The update of a run's resource utilization, about every
30 minutes, is not sent: nothing is billed here.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from emrs_local.ministack.scope import Scope

SOURCE = "aws.emr-serverless"


@dataclass(frozen=True, kw_only=True)
class Event:
    """An event of the service, for the default event bus of an account and region."""

    scope: Scope
    detail_type: str
    detail: dict[str, Any]


Publish = Callable[[Event], None]


def timestamp(moment: datetime.datetime) -> str:
    """A moment as the service's events have it: UTC, with microseconds."""
    return moment.astimezone(datetime.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
