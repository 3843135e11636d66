"""What CloudFormation does not do for an application.

It neither stops it, nor tags one that is started, nor has it a property for the allocation of costs to job runs.
"""

from __future__ import annotations

import hashlib
import json
import logging
from typing import TYPE_CHECKING

from . import contract, deadlines, delays, errors, job_runs, stream_recovery, tags
from .custom_resource import CustomResource
from .failure import RequestFailed
from .request import Again, Done
from .staleness import StalenessCheck

if TYPE_CHECKING:
    from types_boto3_emr_serverless.literals import ApplicationStateType

    from .request import Outcome

_log = logging.getLogger(__name__)

# UpdateApplication and DeleteApplication are accepted in these states; TERMINATED is deleted already.
_STOPPED: frozenset[ApplicationStateType] = frozenset({"CREATED", "STOPPED", "TERMINATED"})

# Key of the request's progress: why the service did not stop it.
_REFUSAL = "Refusal"


class _StoppableApplicationResource(CustomResource):
    @property
    def _staleness(self) -> StalenessCheck:
        return StalenessCheck(self._request, self._services, self._stack)

    @property
    def work(self) -> str:
        """What the function does for the resource."""
        return "stops the application"

    def _stop(self, application_id: str) -> Outcome | None:
        """Do what is next to stop the application, None when it is stopped or gone.

        Raises:
            RequestFailed: It could not be stopped in time.
        """
        request = self._request
        if self._is_stopped(application_id):
            return None
        if request.age > deadlines.STOP_APPLICATION:
            raise RequestFailed(
                f"Application {application_id} could not be stopped. "
                f"{request.progress.get(_REFUSAL, 'Its job runs are still being cancelled, or others start new ones.')}"
                "\n\nEnd what runs on it, also interactive sessions of Livy or EMR Studio, then deploy again."
            )
        return Again(delays.poll(0))

    def _is_stopped(self, application_id: str) -> bool:
        client = self._services.emr_serverless()
        try:
            # Whoever started them, and also those that were submitted a moment ago and start the application again.
            active = list(job_runs.active(client, application_id))
            for summary in active:
                if summary.state != "CANCELLING":
                    self._before_cancelling(summary)
                    job_runs.cancel(client, summary.run)
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

    def _before_cancelling(self, summary: job_runs.Summary) -> None:
        """Do what has to be done before the run is cancelled."""


class ApplicationUpdateResource(_StoppableApplicationResource):
    """A request for a `Custom::EMRServerlessApplicationUpdate` resource.

    It stands before the application and stops it when it is updated, which happens when CloudFormation is going to
    change the application. When that fails, the streams come back that were stopped for it.
    """

    def step(self) -> Outcome:
        """Stop the application if there is one, one thing at a time.

        Raises:
            RequestFailed: It could not be stopped in time.
        """
        request = self._request
        if request.kind == "Update":
            self._staleness.require()
            application_id = self._stack.physical_id(request.properties[contract.APPLICATION_LOGICAL_ID])
            outcome = self._stop(application_id) if application_id else None
            if outcome is not None:
                return outcome
        return Done(request.physical_id or request.logical_id, {contract.STOPPED_BY: self._definition()})

    @property
    def goes_on(self) -> bool:
        """Whether streams may have been stopped, now or by an update that failed and was not rolled back."""
        return self._request.kind == "Update"

    def afterwards(self) -> Outcome | None:
        """Bring back the streams whose own resources do not, whatever becomes of the update."""
        application = self._request.properties[contract.APPLICATION_LOGICAL_ID]
        return stream_recovery.Return(self._request, self._services, self._stack, application).go_on()

    def _before_cancelling(self, summary: job_runs.Summary) -> None:
        stream_recovery.mark(self._services.emr_serverless(), summary, self._request)

    def _definition(self) -> str:
        """What changes when the application does, and is what it was when a change is rolled back."""
        properties = self._request.properties
        definition = [properties[contract.APPLICATION_PROPERTIES], properties.get(contract.STACK_TAGS, {})]
        return hashlib.sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest()


class ApplicationStopResource(_StoppableApplicationResource):
    """A request for a `Custom::EMRServerlessApplicationStop` resource.

    It stands behind the application: it gives it its tags, and what CloudFormation has no property for, and stops it
    when it is deleted. An application that was replaced is stopped and deleted by its id, which is the resource's.
    """

    @property
    def work(self) -> str:
        """What the function does for the resource."""
        return super().work if self._request.kind == "Delete" else "tags the application"

    def step(self) -> Outcome:
        """Change and tag the application, or stop it, one thing at a time.

        Raises:
            RequestFailed: It could not be stopped in time.
        """
        request = self._request
        application_id: str = request.properties[contract.APPLICATION_ID]
        if request.kind == "Delete":
            return self._stop(application_id) or Done(request.physical_id)
        outcome = self._allocate_costs(application_id)
        if outcome is not None:
            return outcome
        self._tag(application_id)
        return Done(application_id)

    def _allocate_costs(self, application_id: str) -> Outcome | None:
        """Do what is next to have costs allocated to job runs, or not; None when it is as it is to be.

        https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-job-level-cost-allocation.html: off unless
        somebody says otherwise, and changed of an application that is not started only.
        """
        request, client, name = self._request, self._services.emr_serverless(), contract.JOB_LEVEL_COST_ALLOCATION
        is_same = request.old_properties.get(contract.APPLICATION_ID) == application_id
        wanted = request.properties.get(name) or ("false" if is_same and name in request.old_properties else None)
        if wanted is None:
            return None
        try:
            application = client.get_application(applicationId=application_id)["application"]
        except client.exceptions.ResourceNotFoundException:
            return None
        configuration = application.get("jobLevelCostAllocationConfiguration") or {}
        if configuration.get("enabled", False) is (wanted == "true"):
            return None
        self._staleness.require()
        outcome = self._stop(application_id)
        if outcome is not None:
            return outcome
        try:
            client.update_application(
                applicationId=application_id,
                clientToken=hashlib.sha256(request.identity.encode()).hexdigest(),
                jobLevelCostAllocationConfiguration={"enabled": wanted == "true"},
            )
        except client.exceptions.ValidationException as error:
            if request.age > deadlines.STOP_APPLICATION:
                raise
            # Most likely a job run has started it again.
            request.progress[_REFUSAL] = errors.sentence(error)
            return Again(delays.poll(0))
        return None

    def _tag(self, application_id: str) -> None:
        request, client = self._request, self._services.emr_serverless()
        is_same = request.old_properties.get(contract.APPLICATION_ID) == application_id
        before: dict[str, str] = request.old_properties.get(contract.APPLICATION_TAGS, {}) if is_same else {}
        after: dict[str, str] = request.properties.get(contract.APPLICATION_TAGS, {})
        removed = before.keys() - after.keys()
        if not (after or removed):
            return
        self._staleness.require()
        try:
            arn = client.get_application(applicationId=application_id)["application"]["arn"]
        except client.exceptions.ResourceNotFoundException:
            _log.info("application %s is gone and can't be tagged", application_id)
            return
        # All of them, whatever was there before: somebody else may have changed them.
        tags.change(client, arn, after, removed=removed)
