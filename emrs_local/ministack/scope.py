"""The account and region that something is done in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The account and region that a request is for; every resource lives in one."""

    account_id: str
    region: str


def current_scope() -> Scope:
    """The account and region of the request, or of the stack, that is being handled."""
    from ministack.core.responses import get_account_id, get_region

    return Scope(account_id=get_account_id(), region=get_region())


@contextmanager
def in_scope(scope: Scope) -> Iterator[None]:
    """Look at the resources of `scope`: a thread of ours has no request that says which account it is for."""
    from ministack.core.responses import set_request_account_id, set_request_region

    before = current_scope()
    set_request_account_id(scope.account_id)
    set_request_region(scope.region)
    try:
        yield
    finally:
        set_request_account_id(before.account_id)
        set_request_region(before.region)
