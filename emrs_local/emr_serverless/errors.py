"""The errors of the EMR Serverless API, each with the HTTP status that AWS answers with."""

from __future__ import annotations


class ServiceError(Exception):
    """An error that a client receives: `code` in `x-amzn-errortype`, the message in the body."""

    status = 400

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).__name__


class ValidationException(ServiceError):
    """The input fails the constraints of the service."""


class AccessDeniedException(ServiceError):
    """The caller is not authorized, or its credentials are not valid."""

    status = 403


class ResourceNotFoundException(ServiceError):
    """The application, job run or tagged resource does not exist."""

    status = 404


class ConflictException(ServiceError):
    """A client token was used before with other parameters."""

    status = 409


class ThrottlingException(ServiceError):
    """The account calls the operation more often than the service allows."""

    status = 429


class UnknownOperationException(ServiceError):
    """No operation of the service has this method and path, or this local service does not have it."""

    status = 404


class InternalServerException(ServiceError):
    """The service itself failed; the server's log has the reason."""

    status = 500


class JobRunFailed(Exception):
    """A run cannot go on; the message becomes its state details."""


class JobRunCancelled(Exception):
    """A run was cancelled while it was on its way to another state."""
