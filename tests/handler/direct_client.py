"""The in-memory service without botocore between: for tests that make thousands of calls."""

# ruff: noqa: N803 - the API's names

from __future__ import annotations

import functools
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError, EndpointConnectionError

from tests.handler.in_memory_service import Refused, Service

if TYPE_CHECKING:
    from types_boto3_emr_serverless.client import EMRServerlessClient


class DirectService(Service):
    """A service whose client has the methods, errors and shapes that the handler uses, and no others."""

    @functools.cached_property
    def client(self) -> EMRServerlessClient:
        """Calls the service's methods."""
        return cast("EMRServerlessClient", _DirectClient(self))


@functools.cache
def _made_once() -> EMRServerlessClient:
    """A client of botocore, for what it knows of the service: it takes longer to make than many a history to happen."""
    return Service().client


class Unreachable(Exception):
    """The answer of the service was lost."""


class _DirectClient:
    def __init__(self, service: Service) -> None:
        self._service = service
        self.exceptions = _made_once().exceptions
        self.meta = _made_once().meta

    def start_job_run(self, *, applicationId: str, **members: Any) -> Any:
        return self._call("start_job_run", applicationId, body={**members, "applicationId": applicationId})

    def get_job_run(self, *, applicationId: str, jobRunId: str) -> Any:
        answer = self._call("get_job_run", applicationId, jobRunId)
        for name in ("createdAt", "startedAt"):
            if name in answer["jobRun"]:
                answer["jobRun"][name] = datetime.fromtimestamp(answer["jobRun"][name], UTC)
        return answer

    def cancel_job_run(self, *, applicationId: str, jobRunId: str) -> Any:
        return self._call("cancel_job_run", applicationId, jobRunId)

    def get_application(self, *, applicationId: str) -> Any:
        return self._call("get_application", applicationId)

    def stop_application(self, *, applicationId: str) -> Any:
        return self._call("stop_application", applicationId)

    def update_application(self, *, applicationId: str, **members: Any) -> Any:
        return self._call("update_application", applicationId, body=members)

    def tag_resource(self, *, resourceArn: str, tags: dict[str, str]) -> Any:
        return self._call("tag_resource", resourceArn, body={"tags": tags})

    def untag_resource(self, *, resourceArn: str, tagKeys: list[str]) -> Any:
        return self._call("untag_resource", resourceArn, query={"tagKeys": tagKeys})

    def list_job_runs(self, *, applicationId: str, **options: Any) -> Any:
        query = {name: [str(value)] if not isinstance(value, list) else value for name, value in options.items()}
        return self._call("list_job_runs", applicationId, query=query)

    def _call(self, name: str, *arguments: str, **request: Any) -> Any:
        request = {"body": {}, "query": {}, **request}
        try:
            return self._service.call(name, *arguments, **request)
        except Unreachable as error:
            raise EndpointConnectionError(endpoint_url="https://emr-serverless") from error
        except Refused as refused:
            kind = getattr(self.exceptions, refused.code, ClientError)
            response: Any = {
                "Error": {"Code": refused.code, "Message": refused.message},
                "ResponseMetadata": {"HTTPStatusCode": refused.status},
            }
            raise kind(response, name) from refused
