"""How long an error is borne before CloudFormation is told of it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from . import deadlines, errors
from .failure import RequestFailed

if TYPE_CHECKING:
    from .request import Request

_log = logging.getLogger(__name__)

# How long a refusal may be a role, a policy or a key that the service does not see yet.
_TOO_EARLY_SECONDS = 120

# Key of the request's progress: when it was first refused.
_REFUSED_AT = "RefusedAt"

_REMEDIES = {
    "ResourceNotFoundException": "\n\nThe application is gone or was never there: correct its id, or deploy its stack.",
    "ValidationException": "\n\nCorrect what the job asks for, and deploy again.",
}


def is_retryable(error: Exception, request: Request) -> bool:
    """Whether the step may be done again: the service is busy, or has not seen yet what it needs."""
    if errors.passes(error):
        return request.age < deadlines.ANSWER
    return errors.may_be_propagating(error) and may_still_propagate(request)


def may_still_propagate(request: Request) -> bool:
    """Whether it may be a matter of time that what the service needs and does not see is visible to it."""
    refused_at = request.progress.setdefault(_REFUSED_AT, request.now)
    return bool(request.now - refused_at < _TOO_EARLY_SECONDS)


def reason_of(error: Exception) -> str:
    """What the user is told of an error that was not borne any longer."""
    if isinstance(error, RequestFailed):
        return str(error)
    # The message of the error, and not its traceback: that shows what is in variables.
    _log.error("%s", errors.sentence(error))
    if errors.passes(error):
        return f"{errors.sentence(error)}\n\nIt was tried for an hour. Deploy again, with fewer job runs at a time."
    if errors.code(error) == "ConflictException":
        return f"{errors.sentence(error)}\n\nIt was tried for {_TOO_EARLY_SECONDS // 60} minutes. Deploy again."
    if errors.may_be_propagating(error):
        return (
            f"{errors.sentence(error)}\n\nIt was tried for {_TOO_EARLY_SECONDS // 60} minutes, in which a new role, "
            "policy or key becomes visible: check that they exist, and what they allow."
        )
    remedy = _REMEDIES.get(errors.code(error), "")
    return f"{errors.sentence(error)}{remedy}"
