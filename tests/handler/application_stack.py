"""What CloudFormation does to a stack with an application and job runs on it, of which any update may fail.

A rollback sends what the update has called, or tried to call, its old properties; nothing else is called.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks.html. Nobody says whether the
application goes back before or after what stands before it: a test says which. So it is not `tests.faults.stack`, which
draws the order, and whose resources other than custom ones have no state that a rollback brings back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from constructs_emrs.handler import contract
from tests.handler.in_memory_cloudformation import CloudFormation, Pending
from tests.handler.in_memory_service import APPLICATION, ENDED, Run, Service

BEFORE_UPDATE, SPARK, STOP, OTHER = "BeforeUpdate", "Spark", "Stop", "Other"
TYPES = {BEFORE_UPDATE: contract.APPLICATION_UPDATE_TYPE, STOP: contract.APPLICATION_STOP_TYPE}
_CHANGEABLE = ("CREATED", "STOPPED")


@dataclass(frozen=True, kw_only=True)
class Definition:
    """What somebody deploys."""

    application: int = 1
    is_refused: bool = False
    """Whether the service refuses this definition of the application."""
    own_tags: tuple[str, ...] = ()
    stack_tags: tuple[str, ...] = ()
    jobs: tuple[tuple[str, int], ...] = (("Stream", 1),)
    """The job runs and the numbers of their definitions; those whose name begins with Stream are streams."""
    seconds: int = 3300
    """What job runs are waited for; changing it starts no run."""

    def properties(self) -> dict[str, Any]:
        """The properties of each resource of the template."""
        own, of_stack = (dict.fromkeys(tags, "1") for tags in (self.own_tags, self.stack_tags))
        properties: dict[str, Any] = {
            BEFORE_UPDATE: {
                contract.APPLICATION_LOGICAL_ID: SPARK,
                contract.APPLICATION_PROPERTIES: {"number": self.application},
                **({contract.STACK_TAGS: of_stack} if of_stack else {}),
            },
            SPARK: {"number": self.application, "tags": of_stack, "is_refused": self.is_refused},
            STOP: {
                contract.APPLICATION_ID: APPLICATION,
                **({contract.APPLICATION_TAGS: own | of_stack} if own | of_stack else {}),
                contract.STOPPED_BY: contract.STOPPED_BY,
            },
        }
        for name, number in self.jobs:
            properties[name] = _job_run(name, number, self.seconds)
        return properties


def _job_run(name: str, number: int, seconds: int) -> dict[str, Any]:
    is_stream = name.startswith("Stream")
    request = {
        "applicationId": APPLICATION,
        "executionRoleArn": "arn:aws:iam::123456789012:role/Etl",
        "name": f"{name}-{number}",
        "mode": "STREAMING" if is_stream else "BATCH",
        "jobDriver": {"sparkSubmit": {"entryPoint": f"s3://code/{number}.py"}},
        "configurationOverrides": {"monitoringConfiguration": {"s3MonitoringConfiguration": {"logUri": "s3://logs"}}},
        "retryPolicy": {"maxFailedAttemptsPerHour": 2} if is_stream else {"maxAttempts": 1},
        "executionTimeoutMinutes": 0 if is_stream else 60,
        "tags": {"team": "lake"},
    }
    waiting = {contract.WAIT_FOR: "RUNNING", contract.WAIT_TIMEOUT_SECONDS: seconds}
    of_stream = {contract.RUN_ON_ROLLBACK: True, contract.APPLICATION_DEFINITION: contract.STOPPED_BY}
    return {contract.REQUEST: request, **waiting, **(of_stream if is_stream else {})}


@dataclass
class ApplicationStack:
    """A stack that is there, with the resources of a definition; `go_on` takes each answer that has arrived."""

    service: Service
    definition: Definition = field(default_factory=Definition)
    last: list[str] = field(default_factory=list)
    """The job runs, in the order in which an update calls them; the others follow."""
    application_first: bool = False
    """Whether a rollback sends the application back before what stands before it."""
    cloudformation: CloudFormation = field(init=False)
    physical_ids: dict[str, str] = field(default_factory=dict)
    data: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[tuple[str, Pending]] = field(default_factory=list)
    refused_as_started: int = 0
    """How often the application was to be updated while it was started."""
    failed: list[str] = field(default_factory=list)
    abandoned: set[str] = field(default_factory=set)
    """Job runs of which something could not be deleted when an update was done: CloudFormation leaves it."""
    _sent: dict[str, dict[str, Any]] = field(default_factory=dict)
    _waiting: list[str] = field(default_factory=list)
    _current: tuple[str, Pending] | None = None
    _called: list[str] = field(default_factory=list)
    """What was called since the stack was last as somebody wanted it."""
    _reached: set[str] = field(default_factory=set)
    """What the present update has called."""
    _retried: list[str] = field(default_factory=list)
    _stable: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What the resources had when the stack was last as somebody wanted it."""
    _new: dict[str, dict[str, Any]] = field(default_factory=dict)
    _before: Definition = field(default_factory=Definition)
    _doomed: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    _fails_at: str = ""
    _rolls_back: bool = True

    def __post_init__(self) -> None:
        self.cloudformation = CloudFormation(self.service)
        self.cloudformation.resources = {SPARK: APPLICATION}
        self.service.application_tags[APPLICATION] = {contract.STACK_TAG: self.cloudformation.stack_id}
        self._begin("CREATE_IN_PROGRESS", self.definition)

    @property
    def status(self) -> str:
        """The stack's status."""
        return self.cloudformation.status

    @property
    def is_stable(self) -> bool:
        """Whether nothing is going on."""
        return not self.status.endswith("_IN_PROGRESS")

    @property
    def goes_forward(self) -> bool:
        """Whether a failure would roll the stack back."""
        return self.status == "UPDATE_IN_PROGRESS"

    @property
    def exists(self) -> bool:
        """Whether the stack is there."""
        return self.status != "DELETE_COMPLETE"

    def deploy(self, definition: Definition, *, fails_at: str = "", rolls_back: bool = True) -> None:
        """Update the stack.

        Args:
            definition: What to deploy.
            fails_at: Another resource fails when it is the turn of this one, or after the last one (`OTHER`).
            rolls_back: Whether a failure is taken back, or left for `take_back` or another deployment.
        """
        self._fails_at, self._rolls_back = fails_at, rolls_back
        self._begin("UPDATE_IN_PROGRESS", definition)

    def fail(self) -> None:
        """Another resource fails: what is in flight is given up, and the stack rolls back."""
        self._has_failed()

    def take_back(self) -> None:
        """Somebody rolls back an update that has failed."""
        self._roll_back()

    def continue_rollback(self) -> None:
        """Somebody continues a rollback that has failed: what has failed is tried again."""
        self._waiting, self.failed = [name for name in self._rollback_order() if name in self.failed], []
        self.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        self._call_next()

    def delete(self) -> None:
        """Delete the stack: job runs, what stands behind the application, the application, what stands before it."""
        self.cloudformation.status = "DELETE_IN_PROGRESS"
        jobs = [name for name in self._sent if name not in (BEFORE_UPDATE, SPARK, STOP)]
        self._waiting = [*jobs, *(name for name in (STOP, SPARK, BEFORE_UPDATE) if name in self._sent)]
        self.failed = []
        self._call_next()

    def go_on(self) -> None:
        """Take the answer that has arrived."""
        if self._current is None or self._current[1].answer is None:
            return
        (name, pending), self._current = self._current, None
        answer = pending.answer or {}
        if answer["Status"] == "SUCCESS":
            self._succeeded(name, answer)
        elif self.status in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"):
            self.failed.append(name)
            self._has_failed()
        elif self.status.endswith("_CLEANUP_IN_PROGRESS"):
            self.abandoned.add(name)
            self._clean_up()
        else:
            self.failed.append(name)
            self._call_next()

    def active(self, name: str) -> list[Run]:
        """The active runs of a job run of the stack."""
        return [
            run
            for run in self.service.active_runs()
            if run.request.get("tags", {}).get(contract.LOGICAL_ID_TAG) == name
            and run.request["tags"].get(contract.STACK_TAG) == self.cloudformation.stack_id
        ]

    def _begin(self, status: str, definition: Definition) -> None:
        # What has failed and was not taken back is called again, whether it changes or not.
        self._retried = [*self.failed, *(self._retried if self.status == "UPDATE_FAILED" else [])]
        if self.status != "UPDATE_FAILED":
            self._stable, self._before = dict(self._sent), self.definition
            self._called, self._doomed = [], []
        self.cloudformation.status = status
        self._reached = set()
        self.definition, self._new, self.failed = definition, definition.properties(), []
        jobs = [name for name in self._new if name not in (BEFORE_UPDATE, SPARK, STOP)]
        order = [name for name in self.last if name in jobs]
        self._waiting = [BEFORE_UPDATE, SPARK, STOP, *order, *(name for name in jobs if name not in order)]
        self._call_next()

    def _call_next(self) -> None:
        while self._waiting and self._current is None:
            name = self._waiting.pop(0)
            if self.goes_forward and self._fails_at == name:
                self._has_failed()
                return
            if self.status == "DELETE_IN_PROGRESS":
                if not self.failed or name not in (STOP, SPARK, BEFORE_UPDATE):
                    self._delete(name)  # else something that depends on it is still there
            elif self.status == "UPDATE_ROLLBACK_IN_PROGRESS":
                if not self._needs(name).isdisjoint(self.failed):
                    self.failed.append(name)  # it is left
                    continue
                # An update that did not reach the resource has changed nothing of what an earlier one sent it.
                before = self._new if name in self._reached else self._sent
                self._call(name, self._stable[name], before.get(name, self._stable[name]))
            else:
                # References are resolved when it is the resource's turn, as they name what was done before.
                self._new[name] = self._resolved(self._new[name])
                if self._new[name] != self._sent.get(name) or name in self._retried:
                    self._called.append(name)
                    self._reached.add(name)
                    self._call(name, self._new[name], self._sent.get(name))
        if not self._waiting and self._current is None:
            self._all_called()

    def _call(self, name: str, properties: dict[str, Any], old: dict[str, Any] | None) -> None:
        if name == SPARK:
            if self._update_application(properties):
                self._sent[name] = properties
            else:
                self.failed.append(name)
                if self.goes_forward:
                    self._has_failed()
            return
        kind = "Create" if old is None else "Update"
        resource_type = TYPES.get(name, contract.JOB_RUN_TYPE)
        pending = self.cloudformation.send(
            kind, name, resource_type, properties, old=old, physical_id=self.physical_ids.get(name)
        )
        self._ask(name, pending)

    def _ask(self, name: str, pending: Pending) -> None:
        self.asked.append((name, pending))
        self._current = (name, pending)

    def _update_application(self, properties: dict[str, Any]) -> bool:
        if not self._sent.get(SPARK):
            return True  # it is created
        if APPLICATION not in self.service.applications:
            return False
        if self.service.applications[APPLICATION] not in _CHANGEABLE:
            self.refused_as_started += 1
            return False
        if properties["is_refused"]:
            return False
        tags = self.service.application_tags[APPLICATION]
        for key in self._sent[SPARK]["tags"].keys() - properties["tags"].keys():
            tags.pop(key, None)
        tags |= properties["tags"]
        return True

    def _succeeded(self, name: str, answer: dict[str, Any]) -> None:
        if self.status == "DELETE_IN_PROGRESS":
            del self._sent[name]
            for record in (self.cloudformation.job_runs, self.cloudformation.resources):
                record.pop(name, None)
            self._call_next()
            return
        if self.status.endswith("_CLEANUP_IN_PROGRESS"):
            self._clean_up()
            return
        rolls_back = self.status == "UPDATE_ROLLBACK_IN_PROGRESS"
        before = self.physical_ids.get(name, "")
        if before and before != answer["PhysicalResourceId"]:
            self._doomed.append((name, before, self._sent[name]))
        self._retried = [other for other in self._retried if other != name]
        self.physical_ids[name], self.data[name] = answer["PhysicalResourceId"], answer.get("Data", {})
        self._sent[name] = (self._stable if rolls_back else self._new)[name]
        if TYPES.get(name, contract.JOB_RUN_TYPE) == contract.JOB_RUN_TYPE:
            self.cloudformation.job_runs[name] = self.cloudformation.resources[name] = self.physical_ids[name]
        self._call_next()

    def _has_failed(self) -> None:
        if self._rolls_back:
            self._roll_back()
            return
        self.failed += [self._current[0]] if self._current else []
        self._current, self._waiting, self._fails_at = None, [], ""
        self.cloudformation.status = "UPDATE_FAILED"

    def _roll_back(self) -> None:
        self._current, self._fails_at = None, ""
        self.definition = self._before
        self.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        self.failed, self._doomed = [], []
        # What was given up, or has failed, may have changed the resource all the same.
        self._waiting = [name for name in self._rollback_order() if name in self._called and name in self._stable]
        self._call_next()

    def _needs(self, name: str) -> set[str]:
        """What has to have gone back before this does."""
        if name == BEFORE_UPDATE:
            return set()
        if name == SPARK:
            return set() if self.application_first else {BEFORE_UPDATE}
        return {BEFORE_UPDATE, SPARK} if name == STOP else {BEFORE_UPDATE, SPARK, STOP}

    def _rollback_order(self) -> list[str]:
        first = [SPARK, BEFORE_UPDATE] if self.application_first else [BEFORE_UPDATE, SPARK]
        return [*first, STOP, *(name for name in self._stable if name not in (*first, STOP))]

    def _all_called(self) -> None:
        match self.status:
            case "CREATE_IN_PROGRESS":
                self.cloudformation.status = "CREATE_COMPLETE"
            case "UPDATE_IN_PROGRESS":
                if self._fails_at == OTHER:
                    self._has_failed()
                    return
                self._doomed += [
                    (name, self.physical_ids[name], self._sent[name]) for name in self._sent if name not in self._new
                ]
                self.cloudformation.status = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
                self._clean_up()
            case "UPDATE_ROLLBACK_IN_PROGRESS":
                if self.failed:
                    self.cloudformation.status = "UPDATE_ROLLBACK_FAILED"
                    return
                for name in dict.fromkeys(self._called):
                    if name not in self._stable and name in (*self._sent, *self._new):
                        # One whose creation was given up is deleted under an invented id.
                        physical_id = self.physical_ids.get(name, f"Lake-{name}-1A2B3C4D5E6F")
                        self._doomed.append((name, physical_id, self._sent.get(name) or self._new[name]))
                self.cloudformation.status = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"
                self._clean_up()
            case "DELETE_IN_PROGRESS":
                self.cloudformation.status = "DELETE_FAILED" if self.failed else "DELETE_COMPLETE"

    def _clean_up(self) -> None:
        if self._doomed:
            name, physical_id, properties = self._doomed.pop(0)
            self._ask(
                name,
                self.cloudformation.send("Delete", name, contract.JOB_RUN_TYPE, properties, physical_id=physical_id),
            )
            if self.physical_ids.get(name) == physical_id:
                cloudformation = self.cloudformation
                for record in (self._sent, self.physical_ids, cloudformation.job_runs, cloudformation.resources):
                    record.pop(name, None)
            return
        self.cloudformation.status = self.status.replace("_CLEANUP_IN_PROGRESS", "")

    def _delete(self, name: str) -> None:
        if name == SPARK:
            if self.service.applications.get(APPLICATION) in (*_CHANGEABLE, None):
                self.service.applications.pop(APPLICATION, None)
                del self._sent[name]
            else:
                self.refused_as_started += 1
                self.failed.append(name)
            return
        resource_type = TYPES.get(name, contract.JOB_RUN_TYPE)
        physical_id = self.physical_ids[name]
        self._ask(
            name, self.cloudformation.send("Delete", name, resource_type, self._sent[name], physical_id=physical_id)
        )

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, dict):
            stopped_by = self.data.get(BEFORE_UPDATE, {}).get(contract.STOPPED_BY)
            return {
                key: stopped_by if item == contract.STOPPED_BY else self._resolved(item) for key, item in value.items()
            }
        return value


def advance(run: Run) -> None:
    """Let the service go on with a run: a stream never ends by itself."""
    following = {"SUBMITTED": "SCHEDULED", "SCHEDULED": "RUNNING", "CANCELLING": "CANCELLED"}
    is_stream = run.request.get("mode") == "STREAMING"
    run.state = following.get(run.state, run.state if run.state in ENDED or is_stream else "SUCCESS")
