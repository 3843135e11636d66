"""The scheduler of the local AWS, put in the place of ministack's."""

from __future__ import annotations

from collections.abc import Callable

from emrs_local.endpoint import Endpoint
from emrs_local.ministack.scheduler.clock import Clock
from emrs_local.ministack.scheduler.delivery import Deliveries
from emrs_local.ministack.scheduler.fire import register_firing
from emrs_local.ministack.scheduler.requests import refuse_what_the_scheduler_refuses


def replace_scheduler(endpoint: Endpoint, announce: Callable[[str], None]) -> None:
    """Let schedules fire as on AWS.

    Args:
        endpoint: Where their targets are called, with their roles.
        announce: Is told how each occurrence went, in a line.
    """
    from ministack.services import scheduler

    deliveries = Deliveries(endpoint, announce)
    refuse_what_the_scheduler_refuses()
    register_firing(deliveries)
    scheduler.start_scheduler = Clock(deliveries).start
