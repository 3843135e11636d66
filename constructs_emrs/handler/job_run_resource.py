"""Starts, waits for and cancels the job run of one `Custom::EMRServerlessJobRun` resource."""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING, Any

from . import contract, deadlines, delays, errors, failure, job_runs, retries, stream_recovery, tags, waiter
from .custom_resource import CustomResource
from .job_run_search import SETTLED_SECONDS, Search
from .request import FAILED_PREFIX, LOST_PREFIX, TAG_KEYS, Again, Done, work
from .retries import is_retryable, reason_of
from .stack import BEING_DELETED, ROLLING_BACK, UPDATING
from .staleness import StalenessCheck, StaleRequest
from .type_restoration import restore

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from types_boto3_emr_serverless.type_defs import JobRunTypeDef

    from .request import Outcome, Request
    from .services import Services

_log = logging.getLogger(__name__)

# Keys of the request's progress.
_PHASE = "Phase"
_TO_END = "ToEnd"
_SEARCH_FOR = "SearchFor"
_IS_ANNOUNCED = "IsAnnounced"
_RUN_ARN = "RunArn"
_ATTEMPT = "Attempt"
_MAY_HAVE_STARTED = "MayHaveStarted"
_HAS_RUN = "HasRun"
_LOST_SINCE = "LostSince"
_LOOKED_AT = "LookedAt"
_FAILURE = "Failure"
_FAILED_AT = "FailedAt"

# In which the service starts no run, but soon will.
_CHANGING = frozenset({"CREATING", "STARTING", "STOPPING"})
# Each try is a run that fails.
_ROLE_PAUSE_SECONDS = 20.0
# How many runs in a row may have taken each other's place without CloudFormation hearing of it.
_MOST_SUCCESSORS = 50


class JobRunResource(CustomResource):
    """A request for a `Custom::EMRServerlessJobRun` resource.

    Its phases are those of `_PHASES`; each is done again when the function was ended in the middle of it.
    """

    def __init__(self, request: Request, services: Services) -> None:
        super().__init__(request, services)
        self._staleness = StalenessCheck(request, services, self._stack)

    @property
    def failed_physical_id(self) -> str:
        """The id of the resource when its request fails: what CloudFormation deletes then."""
        if self._request.kind == "Create" and _RUN_ARN in self._request.progress:
            return str(self._request.progress[_RUN_ARN])
        return super().failed_physical_id

    def step(self) -> Outcome:
        """Go on from where the last step stopped.

        Raises:
            RequestFailed: The job run did not do its work, and it has ended.
        """
        progress = self._request.progress
        try:
            return self._advance()
        except Exception as error:
            may_pass = not isinstance(error, StaleRequest) and is_retryable(error, self._request)
            if self._request.kind == "Delete" or may_pass:
                raise
            if _FAILURE in progress:
                raise failure.RequestFailed(progress[_FAILURE]) from error
            progress[_FAILURE] = reason_of(error)
            waiter.note_kind(self._request, error)
            if isinstance(error, StaleRequest):
                # A step that was killed may have started a run, and nobody heard of it.
                progress[_MAY_HAVE_STARTED] = True
            for key in (_TO_END, _SEARCH_FOR):
                progress.pop(key, None)
            progress[_PHASE] = self._undo.__name__
            return Again(0)

    def _advance(self) -> Outcome:
        phase: str = self._request.progress.get(_PHASE, self._begin.__name__)
        outcome: Outcome | str = phase
        while isinstance(outcome, str):
            self._request.progress[_PHASE] = outcome
            outcome = self._PHASES[outcome](self)
        return outcome

    def _begin(self) -> Outcome | str:
        """Find out what CloudFormation wants, and whether it still does."""
        request = self._request
        status = self._staleness.require()
        if request.kind == "Update" and self._is_unchanged() and self._stands():
            return self._keep.__name__
        if request.kind == "Create":
            # A new stack has no earlier runs to look for; neither has a new resource, if nothing has failed before.
            unstable = self._stack.unstable() if status == UPDATING else None
            if unstable is None or not unstable.has_failed:
                return self._announce.__name__
            self._search_for(since=unstable.began_at, any_look=True)
            return self._search.__name__
        return self._find.__name__

    def _stands(self) -> bool:
        """Whether CloudFormation knows a run, which is still the resource's.

        One that an update has ended, which failed and was not taken back, is not. Batch work is not done again for it.
        """
        request = self._request
        run = job_runs.RunId.from_arn(request.physical_id)
        if run is None or request.properties.get(contract.RUN_ON_ROLLBACK) != "true":
            return run is not None
        job_run = stream_recovery.continuing(self._services.emr_serverless(), run)
        return job_run is None or job_runs.Successor.of(job_run) is None

    def _keep(self) -> Done:
        """Give the kept run the tags of the new template: a stack-wide tag must not run a job again."""
        arn = self._arn_of_what_is_kept()
        after: dict[str, str] = self._request.properties[contract.REQUEST].get("tags", {})
        before: list[str] = self._request.old_properties[contract.REQUEST][TAG_KEYS]
        self._tag(arn, after, removed=set(before) - after.keys())
        return self._kept(arn)

    def _find(self) -> str:
        """Find the runs that have to end: the one that CloudFormation names, and those that took its place."""
        request, status = self._request, self._staleness.status
        run: job_runs.RunId | None = job_runs.RunId.from_arn(request.physical_id)
        if run is None:
            self._search_for_what_has_no_name()
            return self._search.__name__
        is_one = request.kind == "Delete" and status not in BEING_DELETED
        found: list[job_runs.RunId] = []
        for number in range(_MOST_SUCCESSORS):
            job_run = job_runs.get(self._services.emr_serverless(), run)
            if job_run is None:
                if number == 0 and not is_one:
                    # It is of long ago, or of an application that is gone.
                    self._search_for(since=self._stack.created_at())
                break
            successor = job_runs.Successor.of(job_run)
            if job_run["state"] not in job_runs.ENDED:
                found.append(run)
                if number == 0 and successor is None and request.kind == "Update":
                    # Who ends the run that CloudFormation knows says so first.
                    self._write_successor(None, request_id=_NOBODY)
            if successor is not None and successor.request_id == request.request_id:
                request.progress[_IS_ANNOUNCED] = True
                break
            if successor is None or successor.request_id == _NOBODY:
                break
            is_continued = stream_recovery.is_stopped_by(job_run, successor)
            if is_one and not is_continued and not self._was_left_by_a_failure(successor):
                break
            if successor.run is None:
                # What it is a run of, this request may not know.
                request_id = successor.request_id if is_one else ""
                self._search_for(since=successor.at, request_id=request_id, any_look=True)
                break
            run = successor.run
        return self._end_all(found)

    def _was_left_by_a_failure(self, successor: job_runs.Successor) -> bool:
        """Whether the successor of the only run to delete has to end too.

        CloudFormation deletes a run whose place was taken, and then its successor is the run that the stack has; or it
        deletes the resource, and then what took the run's place is of an earlier update that failed.
        """
        if self._stack.physical_id(self._request.logical_id) not in (None, self._request.physical_id):
            return False
        unstable = self._stack.unstable()
        return unstable is not None and successor.at < unstable.last_began_at - 1

    def _search_for_what_has_no_name(self) -> None:
        """Prepare the search for the runs of a resource whose physical id names none."""
        request, status = self._request, self._staleness.status
        physical_id, request_id = request.physical_id, ""
        goes_on = request.kind == "Delete" and status not in BEING_DELETED
        if goes_on:
            for prefix in (FAILED_PREFIX, LOST_PREFIX):
                if physical_id.startswith(prefix):
                    request_id = physical_id.removeprefix(prefix)
            named = self._stack.physical_id(request.logical_id)
            if not request_id and named and job_runs.RunId.from_arn(named):
                # The resource was made anew in the meantime, and what was left of the first attempt ended then.
                self._request.progress[_SEARCH_FOR] = None
                return
        unstable = self._stack.unstable()
        since = unstable.began_at if unstable and goes_on else self._stack.created_at()
        # What an attempt before this one has started may have another name.
        any_look = unstable is not None and unstable.has_failed and not request_id
        is_settled = physical_id.startswith(FAILED_PREFIX)
        self._search_for(since=since, request_id=request_id, is_settled=is_settled, any_look=any_look)

    def _search_for(
        self, *, since: float, request_id: str = "", is_settled: bool = False, any_look: bool = False
    ) -> None:
        self._request.progress[_SEARCH_FOR] = {
            "Since": since,
            "RequestId": request_id,
            "IsSettled": is_settled,
            "AnyLook": any_look,
        }

    def _end_all(self, found: list[job_runs.RunId]) -> str:
        self._request.progress[_TO_END] = [[*run, False] for run in found]
        return self._end.__name__

    def _end(self) -> Outcome | str:
        """End the runs that were found, if the stack wants that."""
        remaining = self._end_runs(before_cancelling=self._staleness.require)
        if not remaining:
            return self._search.__name__
        if self._request.age > deadlines.END_EARLIER_RUNS:
            names = ", ".join(run.job_run_id for run in remaining)
            raise failure.RequestFailed(f"Job run {names} is still being cancelled; try again when it has ended.")
        return Again(delays.poll(0))

    def _end_runs(self, *, before_cancelling: Callable[[], object] = lambda: None) -> list[job_runs.RunId]:
        """Cancel each run once, and see which of them have not ended."""
        client, to_end = self._services.emr_serverless(), self._request.progress.get(_TO_END, [])
        for item in to_end:
            application_id, job_run_id, is_cancelled = item
            if not is_cancelled:
                # What is asked for again and again, as one cancellation a second is allowed, is this one call.
                before_cancelling()
                job_runs.cancel(client, job_runs.RunId(application_id, job_run_id))
                item[2] = True
        remaining = []
        for item in list(to_end):
            application_id, job_run_id, _ = item
            job_run = job_runs.get(client, job_runs.RunId(application_id, job_run_id))
            if job_run is None or job_run["state"] in job_runs.ENDED:
                to_end.remove(item)
                continue
            # A run may refuse to be cancelled while it changes its state.
            item[2] = job_run["state"] == "CANCELLING"
            remaining.append(job_runs.RunId(application_id, job_run_id))
        return remaining

    def _search(self) -> Outcome | str:
        """Look for runs that no name leads to, until there are none and none can appear any more."""
        request, wanted = self._request, self._request.progress.get(_SEARCH_FOR)
        if not wanted:
            return self._ended.__name__
        searched_at = request.now
        search = Search(
            request,
            self._services.emr_serverless(),
            since=wanted["Since"],
            request_id=wanted["RequestId"],
            any_look=wanted["AnyLook"],
        )
        found = search.go_on()
        if found is None:
            return Again(delays.search_again())
        found = [run for run in found if not self._is_own(run)]
        if found:
            return self._end_all(found)
        settles_in = request.asked_at + SETTLED_SECONDS - searched_at
        if wanted["IsSettled"] or search.are_applications_gone or settles_in <= 0:
            return self._ended.__name__
        return Again(delays.at_least(settles_in))

    def _is_own(self, run: job_runs.RunId) -> bool:
        """Whether the run was started by this request, of which an earlier delivery of a step did not hear."""
        if self._request.kind == "Delete":
            return False
        job_run = job_runs.get(self._services.emr_serverless(), run)
        return job_run is not None and job_run.get("tags", {}).get(contract.REQUEST_ID_TAG) == self._request.request_id

    def _ended(self) -> Outcome | str:
        """Go on when the earlier runs have ended."""
        request = self._request
        if request.kind == "Delete":
            return Done(request.physical_id)
        is_rollback = request.kind == "Update" and self._staleness.status == ROLLING_BACK
        if is_rollback and request.properties.get(contract.RUN_ON_ROLLBACK) != "true":
            self._stands_for_what_was_before()
            return self._kept(self._arn_of_what_is_kept())
        return self._announce.__name__

    def _announce(self) -> str:
        """Write on the run that CloudFormation knows that another one takes its place; then start that one.

        Who comes later either finds it written, or has begun before, and then this request finds itself left behind.
        """
        if self._request.physical_id:
            # What a request has written that the stack wants must not be lost.
            self._staleness.require()
        if _IS_ANNOUNCED not in self._request.progress:
            self._write_successor(None)
        return self._start.__name__

    def _start(self) -> Outcome | str:
        """Start the run, unless CloudFormation has changed its mind while the request waited for its turn."""
        request, client = self._request, self._services.emr_serverless()
        self._staleness.require()
        shape = client.meta.service_model.operation_model("StartJobRun").input_shape
        members: dict[str, Any] = restore(request.properties[contract.REQUEST], shape)
        members["tags"] = {**members.get("tags", {}), **self._tags_of_the_run()}
        members["clientToken"] = self._client_token()
        try:
            response = client.start_job_run(**members)
        except client.exceptions.ValidationException as error:
            if self._is_application_changing(members["applicationId"]) and errors.is_about_a_state(error):
                return Again(delays.retry())
            raise
        except Exception as error:
            request.progress[_MAY_HAVE_STARTED] = request.progress.get(_MAY_HAVE_STARTED) or errors.passes(error)
            raise
        request.progress[_RUN_ARN] = response["arn"]
        _log.info("started job run %s of application %s", response["jobRunId"], response["applicationId"])
        return self._check.__name__

    def _is_application_changing(self, application_id: str) -> bool:
        """Whether the service refuses to start runs only until the application has stopped, or has started."""
        if self._request.age > deadlines.END_EARLIER_RUNS:
            return False
        application = self._services.emr_serverless().get_application(applicationId=application_id)["application"]
        return application["state"] in _CHANGING

    def _check(self) -> Outcome | str:
        """Write down which run it is, and see that it is still wanted."""
        self._write_successor(self._own_run())
        self._staleness.require()
        return self._wait.__name__

    def _wait(self) -> Outcome | str:
        """Wait until the run is where it is waited for."""
        request, arn, run = self._request, self._request.progress[_RUN_ARN], self._own_run()
        if request.properties.get(contract.WAIT_FOR) == waiter.SUBMITTED:
            return waiter.found(run, arn, arn)
        job_run = job_runs.get(self._services.emr_serverless(), run)
        if job_run is not None and self._was_refused_too_early(job_run):
            del request.progress[_RUN_ARN]
            request.progress[_ATTEMPT] = request.progress.get(_ATTEMPT, 1) + 1
            request.progress[_PHASE] = self._start.__name__
            return Again(delays.jittered(_ROLE_PAUSE_SECONDS))
        outcome = waiter.look(request, self._services, run, job_run)
        if outcome is not None:
            self._require_now_and_then()
        return outcome or waiter.found(run, arn, arn)

    def _require_now_and_then(self) -> None:
        """See that the run is still wanted: who ends this resource's runs may wait for this request to end its own."""
        now = self._request.now
        if now - self._request.progress.setdefault(_LOOKED_AT, now) < delays.status_check():
            return
        self._request.progress[_LOOKED_AT] = now
        try:
            self._staleness.require_status()
        except StaleRequest:
            raise
        except Exception as error:
            if not errors.passes(error):
                raise
            _log.warning("%s", errors.sentence(error))

    def _was_refused_too_early(self, job_run: JobRunTypeDef) -> bool:
        """Whether the run failed as the service did not see its role yet, without having run.

        The service takes some requests at once and assumes the role later.
        """
        progress = self._request.progress
        if job_run["state"] == "RUNNING" or "startedAt" in job_run:
            progress[_HAS_RUN] = True
        is_refused = job_run["state"] == "FAILED" and errors.is_about_a_role(job_run.get("stateDetails", ""))
        return is_refused and _HAS_RUN not in progress and retries.may_still_propagate(self._request)

    def _undo(self) -> Outcome:
        """End what this request has started, then fail, unless that has succeeded after all.

        Raises:
            RequestFailed: It ended, or there is no more time.
        """
        request, progress = self._request, self._request.progress
        if _TO_END not in progress:
            found = [self._own_run()] if _RUN_ARN in progress else self._lost_runs()
            if found is None:
                return Again(delays.at_least(SETTLED_SECONDS))
            progress[_TO_END] = [[*run, False] for run in found]
            progress[_FAILED_AT] = request.now
        if self._end_runs() and request.age < deadlines.ANSWER:
            return Again(delays.poll(0))
        if _RUN_ARN not in progress and self._announced() is not None:
            self._write_successor(None, request_id=_NOBODY)
        run = self._own_run() if _RUN_ARN in progress else None
        if run is not None and waiter.succeeded_after_all(request, self._services, run):
            return waiter.found(run, progress[_RUN_ARN], progress[_RUN_ARN])
        raise waiter.failed(
            request, self._services, progress[_FAILURE], run=run, since=progress.get(_FAILED_AT, request.now)
        )

    def _lost_runs(self) -> list[job_runs.RunId] | None:
        """Runs of this request that it never heard of; None if they may yet appear."""
        request, progress = self._request, self._request.progress
        if not progress.get(_MAY_HAVE_STARTED):
            return []
        if job_runs.RunId.from_arn(request.physical_id) is not None:
            announced = self._announced()
            if announced is None or announced.run is not None:
                return [announced.run] if announced and announced.run else []
        if request.now - progress.setdefault(_LOST_SINCE, request.now) < SETTLED_SECONDS:
            return None
        search = Search(
            request, self._services.emr_serverless(), since=request.asked_after, request_id=request.request_id
        )
        return search.go_on()

    def _announced(self) -> job_runs.Successor | None:
        """What the run that CloudFormation knows says of this request, if it says that it takes its place."""
        run = job_runs.RunId.from_arn(self._request.physical_id)
        job_run = job_runs.get(self._services.emr_serverless(), run) if run else None
        successor = job_runs.Successor.of(job_run) if job_run else None
        return successor if successor and successor.request_id == self._request.request_id else None

    _PHASES = {  # noqa: RUF012 - never changed
        phase.__name__: phase
        for phase in (_begin, _keep, _find, _end, _search, _ended, _announce, _start, _check, _wait, _undo)
    }

    def _own_run(self) -> job_runs.RunId:
        arn = self._request.progress[_RUN_ARN]
        run = job_runs.RunId.from_arn(arn)
        if run is None:
            raise failure.RequestFailed(f"The service named the run {arn}, which is not the ARN of a job run.")
        return run

    def _write_successor(self, run: job_runs.RunId | None, *, request_id: str = "") -> None:
        request = self._request
        if job_runs.RunId.from_arn(request.physical_id) is not None:
            successor = job_runs.Successor(request_id or request.request_id, request.asked_at, run)
            job_runs.succeed(self._services.emr_serverless(), request.physical_id, successor)

    def _client_token(self) -> str:
        """The same for each try of one start, so that it starts one run."""
        attempt = self._request.progress.get(_ATTEMPT, 1)
        identity = self._request.identity if attempt == 1 else f"{self._request.identity}/{attempt}"
        return hashlib.sha256(identity.encode()).hexdigest()

    def _tags_of_the_run(self) -> dict[str, str]:
        return {
            contract.STACK_TAG: self._request.stack_id,
            contract.LOGICAL_ID_TAG: self._request.logical_id,
            contract.REQUEST_ID_TAG: self._request.request_id,
            contract.DEFINITION_TAG: work(self._request.properties),
        }

    def _is_unchanged(self) -> bool:
        return self._request.old_work == work(self._request.properties)

    def _kept(self, arn: str) -> Done:
        """The answer that leaves everything as it is."""
        physical_id, run = self._request.physical_id, job_runs.RunId.from_arn(arn)
        return waiter.found(run, arn, physical_id) if run else Done(physical_id)

    def _arn_of_what_is_kept(self) -> str:
        """The run that the resource stands for: another one than CloudFormation knows if that was stopped since."""
        run = job_runs.RunId.from_arn(self._request.physical_id)
        job_run = stream_recovery.continuing(self._services.emr_serverless(), run) if run else None
        return job_run["arn"] if job_run else self._request.physical_id

    def _stands_for_what_was_before(self) -> None:
        """Let the run that stays CloudFormation's stand for the definition of before, though it is another one's."""
        arn = self._request.physical_id
        self._tag(arn, {contract.DEFINITION_TAG: work(self._request.properties)})

    def _tag(self, arn: str, changed: dict[str, str], *, removed: Collection[str] = ()) -> None:
        if job_runs.RunId.from_arn(arn) is not None:
            tags.change(self._services.emr_serverless(), arn, changed, removed=removed)


# In place of a request's id, when it did not start a run after all.
_NOBODY = "nobody"
