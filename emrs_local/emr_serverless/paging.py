"""Lists in pages."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import TypeVar

from emrs_local.emr_serverless.errors import ValidationException

_PAGE_SIZE = 50
_Item = TypeVar("_Item")


def page(
    items: Sequence[_Item],
    *,
    identity: Callable[[_Item], str],
    shown: Callable[[_Item], bool] = lambda _: True,
    token: str | None,
    size: int | None,
) -> tuple[list[_Item], str | None]:
    """One page of a list, and the token for the page after it; None after the last.

    A token names the last item of its page, so that an item that is added meanwhile moves nothing.

    Args:
        items: Everything, in the order of the list.
        identity: What distinguishes an item from the others.
        shown: Whether an item is in the list that is asked for.
        token: The token of the page before; None for the first page.
        size: How many items a page has.

    Raises:
        ValidationException: The token is not of this list.
    """
    begin = 0
    if token is not None:
        wanted = _decoded(token)
        begin = next((at for at, item in enumerate(items, start=1) if identity(item) == wanted), 0)
        if not begin:
            raise ValidationException("The nextToken is not valid")
    found = [item for item in items[begin:] if shown(item)]
    size = size or _PAGE_SIZE
    following = _encoded(identity(found[size - 1])) if len(found) > size else None
    return found[:size], following


def _encoded(identity: str) -> str:
    return base64.urlsafe_b64encode(identity.encode()).decode()


def _decoded(token: str) -> str | None:
    try:
        return base64.urlsafe_b64decode(token).decode()
    except (binascii.Error, ValueError):
        return None
