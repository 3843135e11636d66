"""Stops an application before CloudFormation deletes it, which needs it CREATED or STOPPED."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import contract, runs

if TYPE_CHECKING:
    from types_boto3_emr_serverless.client import EMRServerlessClient
    from types_boto3_emr_serverless.literals import ApplicationStateType

# UpdateApplication and DeleteApplication are accepted in these states; TERMINATED is deleted already.
_STOPPED: frozenset[ApplicationStateType] = frozenset({"CREATED", "STOPPED", "TERMINATED"})


class ApplicationStop:
    """One event of a `Custom::EMRServerlessApplicationStop` resource."""

    def __init__(self, event: dict[str, Any], *, emr_serverless: EMRServerlessClient) -> None:
        self._event = event
        self._client = emr_serverless
        self._application_id: str = event["ResourceProperties"][contract.APPLICATION_ID]

    def on_event(self) -> dict[str, Any]:
        """Cancel the application's runs on Delete; nothing else needs doing."""
        if self._event["RequestType"] != "Delete":
            return {"PhysicalResourceId": self._application_id}
        for run in runs.active(self._client, self._application_id):
            runs.cancel(self._client, run)
        return {"PhysicalResourceId": self._event["PhysicalResourceId"]}

    def is_complete(self) -> dict[str, Any]:
        """On Delete: whether the application is stopped; asks for it as soon as no run is active."""
        return {"IsComplete": self._event["RequestType"] != "Delete" or self._stopped()}

    def _stopped(self) -> bool:
        client = self._client
        try:
            state = client.get_application(applicationId=self._application_id)["application"]["state"]
            if state in _STOPPED:
                return True
            # A run may have been submitted by somebody else since the Delete arrived: cancel those too.
            still_active = list(runs.active(client, self._application_id))
            for run in still_active:
                runs.cancel(client, run)
            if not still_active and state == "STARTED":
                client.stop_application(applicationId=self._application_id)
        except client.exceptions.ResourceNotFoundException:
            return True
        except client.exceptions.ValidationException:
            # Its state changed between the calls; the next poll sees the new one.
            return False
        return False
