"""The ASGI application that is the local AWS, and services that are added to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

from emrs_local.ministack.buckets import keep_the_tags_of_buckets
from emrs_local.ministack.cloudformation.install import replace_stack_operations
from emrs_local.ministack.event_bus import deliver_where_requests_are_answered
from emrs_local.ministack.functions import correct_functions
from emrs_local.ministack.glue.install import correct_glue
from emrs_local.ministack.iam import Headers, Query, check_the_signatures_of_root
from emrs_local.ministack.iam_quotas import enforce_the_quotas_of_iam
from emrs_local.ministack.logs import correct_logs
from emrs_local.ministack.models import read_little_of_models
from emrs_local.ministack.object_events import correct_object_events
from emrs_local.ministack.state_machines import correct_state_machines

RequestHandler = Callable[[str, str, Headers, bytes, Query], Awaitable[tuple[int, Headers, bytes]]]
Asgi = Callable[..., Awaitable[None]]


def corrected_ministack() -> Asgi:
    """The ASGI application that is the local AWS; the environment has been set."""
    from ministack.app import app

    check_the_signatures_of_root()
    enforce_the_quotas_of_iam()
    keep_the_tags_of_buckets()
    correct_object_events()
    deliver_where_requests_are_answered()
    correct_logs()
    read_little_of_models()
    correct_glue()
    correct_functions()
    correct_state_machines()
    replace_stack_operations()
    return cast("Asgi", app)


def register_service(name: str, handler: RequestHandler) -> None:
    """Answer requests that are signed for the service `name` with `handler`.

    ministack checks a request's signature before it calls a handler and sets its account and region; the handler
    authorizes it (`denial`), because ministack knows no actions of the service.
    """
    from ministack import app
    from ministack.core import router

    router.SERVICE_PATTERNS[name] = {"credential_scope": name}
    app.SERVICE_HANDLERS[name] = handler
