"""Starts, waits for and cancels the job run of one `Custom::EMRServerlessJobRun` resource."""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING, Any

from . import contract, failure, pace, runs, streams, waiting
from .patience import is_worth_another_try, reason_of
from .request import FAILED_PREFIX, Again, Done
from .resource import Resource
from .shapes import restore
from .stack import CREATING, ROLLING_BACK, UPDATING

if TYPE_CHECKING:
    from .request import Outcome

_log = logging.getLogger(__name__)

# Keys of the request's progress.
_PHASE = "Phase"
_TO_END = "ToEnd"
_RUN_ARN = "RunArn"
_OTHERS = "Others"

# CloudFormation waits for an hour; what is still being cancelled then is cancelled again by the rollback.
_LONGEST_END_SECONDS = 50 * 60
# How many runs the job runs of a stack may ask for together: GetJobRun is allowed ten times a second.
_MOST_QUESTIONS = 10_000
_LONGEST_PATIENCE_SECONDS = 20 * 60
_PATIENCE_PAUSE = 20


class JobRunResource(Resource):
    """A request for a `Custom::EMRServerlessJobRun` resource.

    Its phases are those of `_PHASES`, in their order; each is done again when the function was ended in the middle of
    it.
    """

    @property
    def failed_physical_id(self) -> str:
        """The id of the resource when its request fails: what CloudFormation deletes then."""
        if self._request.kind == "Create" and _RUN_ARN in self._request.progress:
            return str(self._request.progress[_RUN_ARN])
        return super().failed_physical_id

    def step(self) -> Outcome:
        """Go on from where the last step stopped.

        Raises:
            JobRunFailed: The job run did not do its work, and it has ended.
        """
        if waiting.is_giving_up(self._request):
            return waiting.end_failed_runs(self._request, self._services)
        try:
            return self._advance()
        except Exception as error:
            if self._request.kind == "Delete" or is_worth_another_try(error, self._request):
                raise
            return waiting.give_up(self._request, reason_of(error), self._runs_of_the_request())

    def _advance(self) -> Outcome:
        phase: str = self._request.progress.get(_PHASE, self._begin.__name__)
        outcome: Outcome | str = phase
        while isinstance(outcome, str):
            self._request.progress[_PHASE] = outcome
            outcome = self._PHASES[outcome](self)
        return outcome

    def _begin(self) -> Outcome | str:
        """Find out what CloudFormation wants."""
        request = self._request
        status = request.stack_status
        if request.kind == "Delete":
            return self._end.__name__
        is_unchanged = request.kind == "Update" and _work(request.properties) == _work(request.old_properties)
        if is_unchanged and runs.RunId.from_arn(request.physical_id) is not None:
            self._retag()
            return self._kept()
        if status not in ({CREATING, UPDATING} if request.kind == "Create" else {UPDATING, ROLLING_BACK}):
            raise failure.JobRunFailed(f"The job run was not started, as the stack is {status} by now.")
        # A new stack has no earlier runs to look for.
        return self._start.__name__ if status == CREATING else self._end.__name__

    def _end(self) -> Outcome | str:
        """End this resource's earlier runs, or on Delete all of them."""
        request, client = self._request, self._services.emr_serverless()
        to_end = request.progress.get(_TO_END)
        if to_end is None:
            earlier = self._earlier_runs()
            if earlier is None:
                return Again(pace.jittered(_PATIENCE_PAUSE))
            to_end = [runs.RunId(run["applicationId"], run["jobRunId"]) for run in earlier]
        remaining = runs.end(client, [runs.RunId(*run) for run in to_end])
        if remaining:
            if request.age > _LONGEST_END_SECONDS:
                names = ", ".join(run.job_run_id for run in remaining)
                raise failure.JobRunFailed(f"Job run {names} is still being cancelled; try again when it has ended.")
            request.progress[_TO_END] = [list(run) for run in remaining]
            return Again(pace.until_next_look(0))
        if to_end:
            # Whether there are others is asked again, as these took a while to end.
            del request.progress[_TO_END]
            return self._end.__name__
        if request.kind == "Delete":
            return Done(request.physical_id)
        if request.stack_status == ROLLING_BACK and request.properties.get(contract.RUN_ON_ROLLBACK) != "true":
            return self._kept()
        return self._start.__name__

    def _start(self) -> Outcome | str:
        """Start the run, unless CloudFormation has changed its mind while the request waited for its turn."""
        request = self._request
        self._require_the_stack_goes_on()
        client = self._services.emr_serverless()
        shape = client.meta.service_model.operation_model("StartJobRun").input_shape
        members: dict[str, Any] = restore(request.properties[contract.REQUEST], shape)
        members["tags"] = {**members.get("tags", {}), **self._tags_of_the_run()}
        members["clientToken"] = hashlib.sha256(request.identity.encode()).hexdigest()
        response = client.start_job_run(**members)
        request.progress[_RUN_ARN] = response["arn"]
        _log.info("started job run %s of application %s", response["jobRunId"], response["applicationId"])
        return self._check.__name__

    def _check(self) -> Outcome | str:
        """See that the run is still wanted: who ends this resource's runs has not seen one that started since."""
        self._require_the_stack_goes_on()
        return self._wait.__name__

    def _wait(self) -> Outcome:
        """Wait until the run is where it is waited for."""
        arn = self._request.progress[_RUN_ARN]
        run = runs.RunId.from_arn(arn)
        if run is None:
            raise failure.JobRunFailed(f"The service named the run {arn}, which is no ARN of a job run.")
        if self._request.properties[contract.WAIT_FOR] == waiting.SUBMITTED:
            return waiting.found(run, arn, arn)
        return waiting.look(self._request, self._services, run) or waiting.found(run, arn, arn)

    _PHASES = {phase.__name__: phase for phase in (_begin, _end, _start, _check, _wait)}  # noqa: RUF012 - never changed

    def _require_the_stack_goes_on(self) -> None:
        status = self._stack.status()
        if status != self._request.stack_status:
            raise failure.JobRunFailed(f"The job run was not kept, as the stack is {status} by now.")

    def _earlier_runs(self) -> list[Any] | None:
        """The active runs that have to end: this resource's, of earlier requests; None if it is too early to tell.

        On Delete, those that the physical id stands for: CloudFormation deletes the run that was replaced, what a
        failed Create left, with the id that its answer gave or with one that was never ours, and the resource itself.
        """
        request, client = self._request, self._services.emr_serverless()
        if request.kind != "Delete":
            # This request was delivered before: its own run is what StartJobRun will answer with.
            return [run for run in self._tagged_runs() if run["tags"][contract.REQUEST_ID_TAG] != request.request_id]
        if not self._stands_for_one_run():
            return self._all_runs()
        run = runs.RunId.from_arn(request.physical_id)
        if run is not None:
            found = streams.continuing(client, run)
            return [] if found is None or found["state"] in runs.ENDED else [found]
        failed_request = request.physical_id.removeprefix(FAILED_PREFIX)
        return [run for run in self._tagged_runs() if run["tags"][contract.REQUEST_ID_TAG] == failed_request]

    def _stands_for_one_run(self) -> bool:
        """Whether a Delete is of one run, in a stack that goes on, and not of the resource with all its runs."""
        physical_id, status = self._request.physical_id, self._request.stack_status
        is_one_run = runs.RunId.from_arn(physical_id) is not None or physical_id.startswith(FAILED_PREFIX)
        return is_one_run and bool(status.startswith("UPDATE_"))

    def _runs_of_the_request(self) -> list[runs.RunId]:
        """What this request has started, also if it never heard of it."""
        request = self._request
        if _RUN_ARN in request.progress:
            run = runs.RunId.from_arn(request.progress[_RUN_ARN])
            return [run] if run else []
        if request.progress.get(_PHASE) != self._start.__name__:
            return []
        try:
            found = [run for run in self._tagged_runs() if run["tags"][contract.REQUEST_ID_TAG] == request.request_id]
        except Exception as error:
            if is_worth_another_try(error, request):
                raise
            _log.exception("can't look for runs")
            return []
        return [runs.RunId(run["applicationId"], run["jobRunId"]) for run in found]

    def _all_runs(self) -> list[Any] | None:
        """This resource's active runs, also one with another name, which a rollback that failed may have left.

        For that each run of the application is asked for. In a big stack that is deleted most of them are about to end:
        there it is put off until they are few.
        """
        active = self._active_runs()
        named = self._tagged_runs(active)
        if named:
            return named
        if len(active) * pace.job_run_count() > _MOST_QUESTIONS and self._request.age < _LONGEST_PATIENCE_SECONDS:
            return None
        return self._tagged(active)

    def _tagged_runs(self, active: list[runs.Summary] | None = None) -> list[Any]:
        """This resource's active runs, as its tags tell; names tell first which can be."""
        names = {members.get("name", "") for members in self._requests()}
        return self._tagged([one for one in (self._active_runs() if active is None else active) if one.name in names])

    def _tagged(self, candidates: list[runs.Summary]) -> list[Any]:
        own = {contract.STACK_TAG: self._request.stack_id, contract.LOGICAL_ID_TAG: self._request.logical_id}
        others: list[str] = self._request.progress.setdefault(_OTHERS, [])
        return list(runs.tagged(self._services.emr_serverless(), candidates, tags=own, others=others))

    def _active_runs(self) -> list[runs.Summary]:
        """All active runs, in the application of the old definition and of the new."""
        client = self._services.emr_serverless()
        applications = dict.fromkeys(members["applicationId"] for members in self._requests())
        return [one for application_id in applications for one in runs.active(client, application_id)]

    def _requests(self) -> list[dict[str, Any]]:
        definitions = (self._request.properties, self._request.old_properties)
        return [properties[contract.REQUEST] for properties in definitions if properties]

    def _tags_of_the_run(self) -> dict[str, str]:
        return {
            contract.STACK_TAG: self._request.stack_id,
            contract.LOGICAL_ID_TAG: self._request.logical_id,
            contract.REQUEST_ID_TAG: self._request.request_id,
        }

    def _kept(self) -> Done:
        """The answer that leaves everything as it is."""
        physical_id = self._request.physical_id
        arn = self._arn_of_what_is_kept()
        run = runs.RunId.from_arn(arn)
        return waiting.found(run, arn, physical_id) if run else Done(physical_id)

    def _arn_of_what_is_kept(self) -> str:
        """The run that the resource stands for: another one than CloudFormation knows if that was stopped since."""
        run = runs.RunId.from_arn(self._request.physical_id)
        job_run = streams.continuing(self._services.emr_serverless(), run) if run else None
        return job_run["arn"] if job_run else self._request.physical_id

    def _retag(self) -> None:
        """Give the kept run the tags of the new template: a stack-wide tag must not run a job again."""
        before, after = _tags(self._request.old_properties), _tags(self._request.properties)
        arn, client = self._arn_of_what_is_kept(), self._services.emr_serverless()
        removed = sorted(before.keys() - after.keys())
        added = {key: value for key, value in after.items() if before.get(key) != value}
        try:
            if removed:
                client.untag_resource(resourceArn=arn, tagKeys=removed)
            if added:
                client.tag_resource(resourceArn=arn, tags=added)
        except client.exceptions.ResourceNotFoundException:
            _log.info("job run %s is gone and can't be tagged", arn)


def _work(properties: dict[str, Any]) -> list[Any]:
    """What makes a run a different run: everything requested but its tags, the triggers, the application it is on."""
    work = {name: properties.get(name) for name in contract.WORK}
    request = {name: value for name, value in properties[contract.REQUEST].items() if name != "tags"}
    return [*{**work, contract.REQUEST: request}.values()]


def _tags(properties: dict[str, Any]) -> dict[str, str]:
    tags: dict[str, str] = properties[contract.REQUEST].get("tags", {})
    return tags
