"""Stops an application before CloudFormation updates or deletes it, which needs it CREATED or STOPPED."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import contract, errors, pace, runs
from .failure import JobRunFailed
from .request import Again, Done
from .resource import Resource

if TYPE_CHECKING:
    from types_boto3_emr_serverless.literals import ApplicationStateType

    from .request import Outcome

# UpdateApplication and DeleteApplication are accepted in these states; TERMINATED is deleted already.
_STOPPED: frozenset[ApplicationStateType] = frozenset({"CREATED", "STOPPED", "TERMINATED"})
_LONGEST_SECONDS = 57 * 60

# Key of the request's progress: why the service did not stop it.
_REFUSAL = "Refusal"


class ApplicationStop(Resource):
    """A request for a `Custom::EMRServerlessApplicationStop` or `Custom::EMRServerlessApplicationUpdate` resource.

    The first stands behind the application and stops it when it is deleted, the second stands before it and stops it
    when it is updated, which happens when a property of the application changed.
    """

    def step(self) -> Outcome:
        """Stop the application if it is time to, one thing at a time.

        Raises:
            JobRunFailed: It could not be stopped in time.
        """
        request = self._request
        done = Done(request.physical_id or request.logical_id, {contract.STOPPED_BY: request.request_id})
        if request.resource_type == contract.APPLICATION_STOP_TYPE:
            application_id: str | None = request.properties[contract.APPLICATION_ID]
            if request.kind != "Delete":
                # An application that is replaced is deleted by its id.
                return Done(str(application_id))
        elif request.kind == "Update":
            application_id = self._stack.physical_id(request.properties[contract.APPLICATION_LOGICAL_ID])
        else:
            return done
        if application_id is None or self._is_stopped(application_id):
            return done
        if request.age > _LONGEST_SECONDS:
            raise JobRunFailed(
                f"Application {application_id} could not be stopped. "
                f"{request.progress.get(_REFUSAL, 'Its job runs are still being cancelled, or others start new ones.')}"
                "\n\nEnd what runs on it, then deploy again."
            )
        return Again(pace.until_next_look(0))

    def _is_stopped(self, application_id: str) -> bool:
        client = self._services.emr_serverless()
        try:
            # Whoever started them, and also those that were submitted a moment ago and start the application again.
            active = list(runs.active(client, application_id))
            for run, run_state, _ in active:
                if run_state != "CANCELLING":
                    runs.cancel(client, run)
            if active:
                return False
            state = client.get_application(applicationId=application_id)["application"]["state"]
            if state in _STOPPED:
                return True
            if state == "STARTED":
                client.stop_application(applicationId=application_id)
        except client.exceptions.ResourceNotFoundException:
            return True
        except client.exceptions.ValidationException as error:
            # Most likely its state changed between the calls; the next step sees the new one.
            self._request.progress[_REFUSAL] = errors.sentence(error)
            return False
        return False
