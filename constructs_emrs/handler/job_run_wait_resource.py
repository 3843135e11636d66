"""Goes on waiting for a job run that takes longer than CloudFormation waits for one custom resource."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import contract, deadlines, job_runs, waiter
from .custom_resource import CustomResource
from .failure import RequestFailed
from .request import Done
from .stack import ROLLING_BACK
from .staleness import StalenessCheck

if TYPE_CHECKING:
    from types_boto3_emr_serverless.type_defs import JobRunTypeDef

    from .request import Outcome


class JobRunWaitResource(CustomResource):
    """A request for a `Custom::EMRServerlessJobRunWait` resource."""

    def step(self) -> Outcome:
        """Wait; deleting the resource does nothing, as the run belongs to another one.

        Raises:
            RequestFailed: The run did not get there.
        """
        request = self._request
        if request.kind == "Delete":
            return Done(request.physical_id)
        staleness = StalenessCheck(request, self._services, self._stack)
        # The run is another resource's, and may be what a rollback goes back to.
        if waiter.is_giving_up(request) or not staleness.is_known:
            staleness.require()
        arn = request.properties[contract.JOB_RUN_ARN]
        run = job_runs.RunId.from_arn(arn)
        if run is None:
            raise RequestFailed(f"{arn} is not the ARN of a job run.")
        answer = waiter.found(run, arn, physical_id=request.logical_id)
        if waiter.is_giving_up(request):
            return waiter.end_failed_runs(request, self._services) or answer
        job_run = job_runs.get(self._services.emr_serverless(), run)
        if self._is_past(arn, job_run, staleness):
            return answer
        try:
            outcome = waiter.look(request, self._services, run, job_run)
        except RequestFailed as error:
            return waiter.give_up(request, error, [run])
        return outcome or answer

    def _is_past(self, arn: str, job_run: JobRunTypeDef | None, staleness: StalenessCheck) -> bool:
        """Whether the run was waited for before, or belongs to what a rollback brings back.

        A longer timeout makes this resource, and keeps the run that there is, which may be of long ago.
        """
        request = self._request
        if request.kind == "Create":
            longest = int(request.properties[contract.WAIT_NUMBER]) * deadlines.CLOUDFORMATION_WAITS
            return job_run is not None and request.now - job_run["createdAt"].timestamp() > longest
        if request.old_properties.get(contract.JOB_RUN_ARN) == arn:
            return True
        return staleness.status == ROLLING_BACK
