"""What the custom resources have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from .stack import Stack

if TYPE_CHECKING:
    from .request import Outcome, Request
    from .services import Services


class CustomResource(ABC):
    """A custom resource that has a request to answer."""

    def __init__(self, request: Request, services: Services) -> None:
        self._request = request
        self._services = services
        self._stack = Stack(request.stack_id, services.cloudformation)

    @property
    def failed_physical_id(self) -> str:
        """The id of the resource when its request fails: what CloudFormation deletes then."""
        return self._request.failed_physical_id

    @property
    def work(self) -> str:
        """What the function does for the resource, in the words of an error."""
        return "waits for the job run"

    @property
    def goes_on(self) -> bool:
        """Whether there is something to do when the request is answered."""
        return False

    def afterwards(self) -> Outcome | None:
        """Go on after the answer; None when nothing is left to do."""
        return None

    @abstractmethod
    def step(self) -> Outcome:
        """Go on from where the last step stopped.

        Raises:
            RequestFailed: The request failed.
        """
