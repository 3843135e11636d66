"""What the custom resources have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from .stack import Stack

if TYPE_CHECKING:
    from .request import Outcome, Request
    from .services import Services


class Resource(ABC):
    """A custom resource that has a request to answer."""

    def __init__(self, request: Request, services: Services) -> None:
        self._request = request
        self._services = services
        self._stack = Stack(request.stack_id, services.cloudformation)

    @property
    def failed_physical_id(self) -> str:
        """The id of the resource when its request fails: what CloudFormation deletes then."""
        return self._request.failed_physical_id

    @abstractmethod
    def step(self) -> Outcome:
        """Go on from where the last step stopped.

        Raises:
            JobRunFailed: The request failed.
        """
