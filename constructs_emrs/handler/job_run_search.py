"""How a custom resource finds its own job runs.

CloudFormation names one run, the physical id; the tag of a run names the one that took its place. Only where neither
knows of a run, as of a create that was interrupted, all there is are the list of the application's runs, which shows no
tags, and the tags of each run that could be it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import contract, deadlines, delays, job_runs

if TYPE_CHECKING:
    from types_boto3_emr_serverless.client import EMRServerlessClient

    from .request import Request

# Nothing says how soon after StartJobRun a run is in the list; a call that starts one may itself hang for a while.
SETTLED_SECONDS = 60.0
# Two clocks may differ, and a call takes a while.
_MARGIN_SECONDS = 60.0
# How many runs the job runs of a stack may ask for together: GetJobRun is allowed ten times a second. What is more is
# put off, as in a stack that is deleted most of them are about to end.
_MOST_QUESTIONS = 10_000
# How many runs that are somebody else's are remembered.
_MOST_OTHERS = 300

# Keys of the request's progress: how far the search has got, and runs that are known not to be meant.
_SEARCH = "Search"
_OTHERS = "Others"


class Search:
    """A search through the lists of active runs, which goes on where it was when a call was throttled."""

    def __init__(
        self,
        request: Request,
        client: EMRServerlessClient,
        *,
        since: float,
        request_id: str = "",
        any_look: bool = False,
    ) -> None:
        """Prepare a search.

        Args:
            request: The request, whose definitions say what the runs look like.
            client: The client of the service.
            since: When the runs were started at the earliest: seconds since the epoch, 0 if it is not known.
            request_id: Only runs that this request has started; those of all of them if empty.
            any_look: Also runs of another name or role than the request's definitions have.
        """
        self._request = request
        self._client = client
        self._since = max(0.0, since - _MARGIN_SECONDS)
        definitions = [
            properties[contract.REQUEST] for properties in (request.properties, request.old_properties) if properties
        ]
        self._applications = list(dict.fromkeys(members["applicationId"] for members in definitions))
        self._looks = {(members.get("name", ""), members["executionRoleArn"]) for members in definitions}
        self._has_any_look = any_look
        self._tags = {contract.STACK_TAG: request.stack_id, contract.LOGICAL_ID_TAG: request.logical_id}
        self.are_applications_gone = False
        """Whether there can't be any runs, when the search is over."""
        if request_id:
            self._tags[contract.REQUEST_ID_TAG] = request_id

    def go_on(self) -> list[job_runs.RunId] | None:
        """The runs that were found, None if it is too early to ask for all that could be meant."""
        search: dict[str, Any] = self._request.progress.setdefault(
            _SEARCH, {"Applications": self._applications, "Token": "", "ToAsk": [], "Found": [], "Asked": 0, "Gone": 0}
        )
        while True:
            self._ask(search)
            if not search["Applications"]:
                break
            page = job_runs.active_page(
                self._client, search["Applications"][0], token=search["Token"], created_after=self._since
            )
            if page is None:
                search["Gone"] += 1
            else:
                search["ToAsk"] = [list(one.run) for one in page.summaries if self._could_be(one)]
                search["Asked"] += len(search["ToAsk"])
            search["Token"] = page.token if page is not None else ""
            if not search["Token"]:
                search["Applications"] = search["Applications"][1:]
            too_many = search["Asked"] * delays.job_run_count() > _MOST_QUESTIONS
            if too_many and self._request.age < deadlines.BROAD_SEARCH:
                del self._request.progress[_SEARCH]
                return None
        self.are_applications_gone = search["Gone"] == len(self._applications)
        del self._request.progress[_SEARCH]
        return [job_runs.RunId(*run) for run in search["Found"]]

    def _could_be(self, summary: job_runs.Summary) -> bool:
        known = self._request.progress.get(_OTHERS, [])
        looks_alike = self._has_any_look or any(
            summary.name == name and summary.role in ("", role) for name, role in self._looks
        )
        return looks_alike and summary.run.job_run_id not in known

    def _ask(self, search: dict[str, Any]) -> None:
        others: list[str] = self._request.progress.setdefault(_OTHERS, [])
        while search["ToAsk"]:
            run = job_runs.RunId(*search["ToAsk"][0])
            job_run = job_runs.get(self._client, run)
            if job_run is None or not self._tags.items() <= job_run.get("tags", {}).items():
                others.append(run.job_run_id)
                del others[:-_MOST_OTHERS]
            elif job_run["state"] not in job_runs.ENDED:
                search["Found"].append(list(run))
            search["ToAsk"] = search["ToAsk"][1:]
