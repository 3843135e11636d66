"""Tells errors that pass from errors that stay.

https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
"""

from __future__ import annotations

import re
from http.client import HTTPException
from urllib.error import HTTPError

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, ParamValidationError
from botocore.exceptions import ConnectionError as BotocoreConnectionError

_THROTTLED = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestLimitExceeded",
        "TooManyRequestsException",
        "SlowDown",
    }
)
# A role, a policy or a key takes some time until every service sees it.
_PERHAPS_NOT_VISIBLE = frozenset(
    {"AccessDenied", "AccessDeniedException", "ConflictException", "StateMachineDoesNotExist"}
)
_VALUE = re.compile(r" value: .*?, (?=type: |valid )", re.DOTALL)
_WORDS_OF_WHAT_IS_NOT_VISIBLE = ("role", "key", "kms")
_WORDS_OF_A_STATE = ("state", "status", "stopping", "starting", "creating")
_WORDS_OF_A_ROLE = ("could not assume", "assume execution role", "assume the execution role")


class NotYetConsistent(Exception):
    """What AWS answers does not fit together, as a part of it is of before."""


def passes(error: Exception) -> bool:
    """Whether the same call may well succeed a little later: throttled, a fault of the service or of the network."""
    if isinstance(error, NotYetConsistent):
        return True
    if isinstance(error, HTTPError):
        return error.code >= 500
    if not isinstance(error, ClientError):
        return isinstance(error, HTTPClientError | BotocoreConnectionError | HTTPException | OSError)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status == 429 or status >= 500 or error.response["Error"]["Code"] in _THROTTLED


def may_be_propagating(error: Exception) -> bool:
    """Whether the service may have refused what it does not see yet: a role, a policy or a key of a moment ago.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
    """
    if not isinstance(error, ClientError):
        return False
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "").lower()
    if code == "ValidationException":
        # An application that was stopping when it was asked may have stopped when its state is read.
        if is_about_a_state(error):
            return True
        return any(word in message for word in _WORDS_OF_WHAT_IS_NOT_VISIBLE)
    return code in _PERHAPS_NOT_VISIBLE


def is_about_a_state(error: Exception) -> bool:
    """Whether the service may have refused what it takes as soon as an application has stopped, or has started."""
    message = error.response["Error"].get("Message", "").lower() if isinstance(error, ClientError) else ""
    return any(word in message for word in _WORDS_OF_A_STATE)


def is_about_a_role(details: str) -> bool:
    """Whether a run ended as the service could not assume its role."""
    return any(words in details.lower() for words in _WORDS_OF_A_ROLE)


def code(error: Exception) -> str:
    """The service's code for the error, empty if it comes from elsewhere."""
    return error.response["Error"]["Code"] if isinstance(error, ClientError) else ""


def sentence(error: Exception) -> str:
    """The error in words."""
    if isinstance(error, ClientError):
        details = error.response["Error"]
        return f"{error.operation_name} was refused: {details['Code']}: {details.get('Message', '')}"
    if isinstance(error, ParamValidationError):
        # It shows the values of members, of which some are sensitive.
        return f"The request is not valid: {_VALUE.sub(' ', str(error))}"
    if isinstance(error, BotoCoreError):
        return f"AWS could not be reached: {error}"
    return f"{type(error).__name__}: {error}"
