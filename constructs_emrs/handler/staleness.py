"""Whether the stack still wants what a request asks for.

CloudFormation does not take a request back. It goes on to roll back or to another deployment, while a request that was
delivered late, or waits for its turn, knows nothing of it. What such a request asks for is not wanted any more.

Which request is current is decided by when CloudFormation asked, against the time since when the stack does what it is
doing. The date of a request has whole seconds: one that was asked for in the second in which the stack changed its mind
may be wanted, and is done, if nothing else proves that it is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import contract, job_runs
from .errors import NotYetConsistent
from .failure import RequestFailed
from .request import work
from .stack import BEING_DELETED, CREATING, ROLLING_BACK, UPDATING, is_in_progress

if TYPE_CHECKING:
    from .request import Request
    from .services import Services
    from .stack import Stack

# What a stack may be doing that asks for a Create or an Update.
_POSSIBLE = {"Create": {CREATING, UPDATING}, "Update": {UPDATING, ROLLING_BACK}}
# How long CloudFormation's answers may show what was before. It promises nothing.
_LAG_SECONDS = 60.0

# Keys of the request's progress: since when CloudFormation's answers do not fit together; what the stack was doing when
# the request was found to be wanted; since when, as far as that is known; until when its events were read.
_LAGS_SINCE = "LagsSince"
_STATUS = "StackStatus"
_SINCE = "StackStatusSince"
_READ_UNTIL = "EventsReadUntil"


class StaleRequest(RequestFailed):
    """The stack does not want any more what the request asks for."""


class StalenessCheck:
    """What a request is to its stack."""

    def __init__(self, request: Request, services: Services, stack: Stack) -> None:
        self._request = request
        self._services = services
        self._stack = stack

    @property
    def status(self) -> str:
        """What the stack was doing when `require` was asked last, which is what the request is a part of."""
        return str(self._request.progress[_STATUS])

    @property
    def is_known(self) -> bool:
        """Whether `require` was asked before."""
        return _STATUS in self._request.progress

    def require(self) -> str:
        """See that the stack wants the request, and return what the stack is doing.

        Raises:
            StaleRequest: The stack does not want it any more.
            NotYetConsistent: CloudFormation's answers do not fit together yet.
        """
        request, status = self._request, self._stack.status()
        # A stack is created once, and what is being deleted does not come back: no need to look at the time.
        is_certain = status in BEING_DELETED if request.kind == "Delete" else status == CREATING
        if not is_certain:
            known = request.progress.get(_STATUS)
            if known is None:
                self._place(status)
            elif status != known or self._has_changed(known):
                raise self._left_behind(status)
        request.progress[_STATUS] = status
        return status

    def require_status(self) -> None:
        """See that the stack is still doing the same, with one quick question.

        Raises:
            StaleRequest: It is not.
        """
        status = self._stack.status()
        if status != self._request.progress[_STATUS]:
            raise self._left_behind(status)

    def _place(self, status: str) -> None:
        """Find out whether the request is a part of what the stack is doing."""
        request = self._request
        since = None
        for number, event in enumerate(self._stack.events(since=request.asked_after - 1, at_least=1)):
            if event.status != status:
                if number == 0 and self._may_lag():
                    raise NotYetConsistent(f"The stack is {status}, and its events say {event.status}.")
                break
            since = event.at if event.at >= request.asked_after - 1 else None
        if since is not None and since >= request.asked_before:
            raise self._left_behind(status)
        if not is_in_progress(status):
            # Either the operation has ended within the second in which it asked, or its begin is not visible yet.
            if self._may_lag():
                raise NotYetConsistent(f"The stack is {status}.")
            raise self._left_behind(status)
        if request.kind in _POSSIBLE and status not in _POSSIBLE[request.kind]:
            raise self._left_behind(status)
        may_be_of_before = since is not None or not request.has_date
        if request.kind == "Update" and status == ROLLING_BACK and may_be_of_before and self._is_what_is_rolled_back():
            raise self._left_behind(status)
        request.progress[_SINCE] = since or request.asked_after
        request.progress[_READ_UNTIL] = request.progress[_SINCE]

    def _may_lag(self) -> bool:
        now = self._request.now
        return bool(now - self._request.progress.setdefault(_LAGS_SINCE, now) < _LAG_SECONDS)

    def _has_changed(self, known: str) -> bool:
        """Whether the stack was doing something else in the meantime."""
        progress = self._request.progress
        began_at = float(progress[_SINCE])
        # Events may come late, and out of order then.
        since = max(began_at, float(progress[_READ_UNTIL]) - _LAG_SECONDS)
        read_at = self._request.now
        if any(event.status != known and event.at > began_at for event in self._stack.events(since=since)):
            return True
        progress[_READ_UNTIL] = read_at
        return False

    def _is_what_is_rolled_back(self) -> bool:
        """Whether the request is the update that the stack takes back, where the time does not tell.

        An update begins with a run of the old definition, from before the update; a rollback goes back to the
        definition of that run, or begins with a run that the update has started.
        """
        request = self._request
        if request.resource_type != contract.JOB_RUN_TYPE:
            return False
        run = job_runs.RunId.from_arn(request.physical_id)
        job_run = job_runs.get(self._services.emr_serverless(), run) if run else None
        if job_run is None or job_run.get("tags", {}).get(contract.DEFINITION_TAG) != request.old_work:
            return False
        if request.old_work == work(request.properties):
            return False
        unstable = self._stack.unstable()
        return unstable is not None and job_run["createdAt"].timestamp() < unstable.began_at

    def _left_behind(self, status: str) -> StaleRequest:
        return StaleRequest(
            f"Nothing more was done for {self._request.logical_id}: the stack is {status} by now, and does not "
            "want what this request asks for."
        )
