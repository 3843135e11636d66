"""The models of botocore, by which ministack finds the content type of an answer."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from emrs_local.endpoint import botocore_session

if TYPE_CHECKING:
    from botocore.model import ServiceModel


def load_models_once() -> None:
    """Take models from the session that clients here use, where ministack 1.5.33 makes a session for each service."""
    from ministack.core import responses
    from ministack.services import stepfunctions

    @functools.cache
    def service_model(service: str) -> ServiceModel | None:
        from botocore.exceptions import BotoCoreError

        try:
            return botocore_session().get_service_model(responses._BOTOCORE_NAME.get(service, service))
        except BotoCoreError:  # there is no such service
            return None

    responses._service_model = service_model
    stepfunctions._service_model = service_model
