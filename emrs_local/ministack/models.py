"""The models of botocore, of which ministack reads more, and more often, than a request needs."""

from __future__ import annotations

import functools
import gzip
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from emrs_local.endpoint import botocore_session

if TYPE_CHECKING:
    from botocore.model import ServiceModel

_METADATA = re.compile(r'\s*\{\s*(?:"version"\s*:\s*"[^"]*"\s*,\s*)?"metadata"\s*:\s*')
_METADATA_CHARACTERS = 4096
# What a tag's name is in a body of JSON; a name may be written with escapes, too.
_TAG_IN_JSON = re.compile(rb'"[Tt]ag|\\u')


def read_little_of_models() -> None:
    """Read of a service's model what a request needs: that of Systems Manager takes longer than all else of a call."""
    _load_models_once()
    _name_content_types_by_metadata()
    _look_for_tags_in_requests_first()


def _load_models_once() -> None:
    """Take models from the session that clients here use, where ministack 1.5.33 makes a session for each service."""
    from ministack.services import stepfunctions

    stepfunctions._service_model = _service_model


def _name_content_types_by_metadata() -> None:
    """Read only the metadata of a model: ministack 1.5.33 names the content type of an answer by them."""
    from ministack.core import responses

    @functools.cache
    def metadata_of(service: str) -> SimpleNamespace | ServiceModel | None:
        found = service_metadata(responses._BOTOCORE_NAME.get(service, service))
        return _service_model(service) if found is None else SimpleNamespace(metadata=found)

    responses._service_model = metadata_of


def _look_for_tags_in_requests_first() -> None:
    """Ask the model whether an operation takes tags if the request has any; ministack 1.5.33 reads it for each service.

    Of a request without, it says the same whatever the operation.
    """
    from ministack.core import iam_actions

    original = iam_actions.request_tag_context

    def request_tag_context(service: str, iam_action: str, body: bytes, params: dict[str, Any]) -> dict[str, Any]:
        # What is sent to S3 as JSON is an object.
        in_body = service != "s3" and body[:1] == b"{" and _TAG_IN_JSON.search(body)
        in_query = (iam_actions._QUERY_TAG_RE, iam_actions._QUERY_TAG_KEY_RE)
        if not in_body and not any(pattern.match(name) for name in params for pattern in in_query):
            return {}
        context: dict[str, Any] = original(service, iam_action, body, params)
        return context

    iam_actions.request_tag_context = request_tag_context


def service_metadata(service: str) -> dict[str, Any] | None:
    """The metadata of a service's model, if they are where nearly all models have them: at its beginning."""
    from botocore.exceptions import DataNotFoundError

    loader = botocore_session().get_component("data_loader")
    try:
        version = loader.determine_latest_version(service, "service-2")
    except DataNotFoundError:
        return None
    for folder in loader.search_paths:
        for name, opened in (("service-2.json", open), ("service-2.json.gz", gzip.open)):
            file = Path(folder, service, version, name)
            if file.exists():
                with opened(file, "rt", encoding="utf-8") as model:
                    return _leading_metadata(model.read(_METADATA_CHARACTERS))
    return None


def _leading_metadata(text: str) -> dict[str, Any] | None:
    begins = _METADATA.match(text)
    if not begins:
        return None
    try:
        metadata: dict[str, Any] = json.JSONDecoder().raw_decode(text, begins.end())[0]
    except ValueError:
        return None
    return metadata


@functools.cache
def _service_model(service: str) -> ServiceModel | None:
    from botocore.exceptions import BotoCoreError
    from ministack.core import responses

    try:
        return botocore_session().get_service_model(responses._BOTOCORE_NAME.get(service, service))
    except BotoCoreError:  # there is no such service
        return None
