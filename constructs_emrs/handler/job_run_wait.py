"""Goes on waiting for a job run that takes longer than CloudFormation waits for one custom resource."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import contract, deadlines, runs, waiting
from .failure import JobRunFailed
from .request import Done
from .resource import Resource
from .stack import ROLLING_BACK
from .standing import Standing

if TYPE_CHECKING:
    from types_boto3_emr_serverless.type_defs import JobRunTypeDef

    from .request import Outcome


class JobRunWait(Resource):
    """A request for a `Custom::EMRServerlessJobRunWait` resource."""

    def step(self) -> Outcome:
        """Wait; deleting the resource does nothing, as the run belongs to another one.

        Raises:
            JobRunFailed: The run did not get there.
        """
        request = self._request
        if request.kind == "Delete":
            return Done(request.physical_id)
        standing = Standing(request, self._services, self._stack)
        if waiting.is_giving_up(request):
            # The run is another resource's, and may be what a rollback goes back to.
            standing.require()
            return waiting.end_failed_runs(request, self._services)
        if not standing.is_known:
            standing.require()
        arn = request.properties[contract.JOB_RUN_ARN]
        run = runs.RunId.from_arn(arn)
        if run is None:
            raise JobRunFailed(f"{arn} is not the ARN of a job run.")
        answer = waiting.found(run, arn, physical_id=request.logical_id)
        job_run = runs.get(self._services.emr_serverless(), run)
        if self._is_past(arn, job_run, standing):
            return answer
        try:
            outcome = waiting.look(request, self._services, run, job_run)
        except JobRunFailed as error:
            return waiting.give_up(request, str(error), [run])
        return outcome or answer

    def _is_past(self, arn: str, job_run: JobRunTypeDef | None, standing: Standing) -> bool:
        """Whether the run was waited for before, or belongs to what a rollback brings back.

        A longer timeout makes this resource, and keeps the run that there is, which may be of long ago.
        """
        request = self._request
        if request.kind == "Create":
            longest = int(request.properties[contract.WAIT_NUMBER]) * deadlines.CLOUDFORMATION_WAITS
            return job_run is not None and request.now - job_run["createdAt"].timestamp() > longest
        if request.old_properties.get(contract.JOB_RUN_ARN) == arn:
            return True
        return standing.status == ROLLING_BACK
