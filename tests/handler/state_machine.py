"""The state machine that the template deploys, played in memory.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html
"""

from __future__ import annotations

import functools
import json
import random
from dataclasses import dataclass, field
from typing import Any

from constructs_emrs import Application, Code, JobRun, ReleaseLabel, SparkJob
from tests.templates import new_stack, resources

MOST_BYTES = 262_144
# An execution that has more of them is ended: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
_MOST_EVENTS = 25_000
_EVENTS_OF_A_STATE = 2
_EVENTS_OF_A_TASK = 3

_DEFAULT_INTERVAL = 1
_DEFAULT_ATTEMPTS = 3
_DEFAULT_BACKOFF = 2.0
_DEFAULT_TASK_SECONDS = 99_999_999
# What States.ALL does not catch.
_TERMINAL = ("States.DataLimitExceeded", "States.Runtime")


@dataclass(frozen=True)
class Deployed:
    """What the template says of the functions and the state machine."""

    definition: dict[str, Any]
    start_seconds: int
    step_seconds: int


@functools.cache
def deployed() -> Deployed:
    """Synthesise a stack with a job run, and read what it deploys."""
    stack = new_stack()
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    job = SparkJob(stack, "Etl", application=application, entry_point=Code.from_uri("s3://code/etl.py"))
    JobRun(stack, "EtlOnDeploy", job=job)
    (machine,) = resources(stack, "AWS::StepFunctions::StateMachine").values()
    functions = {
        resource["Properties"]["Handler"].rpartition(".")[2]: resource["Properties"]
        for resource in resources(stack, "AWS::Lambda::Function").values()
        if resource["Properties"]["Handler"].startswith("handler.")
    }
    _, parts = machine["Properties"]["DefinitionString"]["Fn::Join"]
    definition = json.loads("".join(part if isinstance(part, str) else "arn:step" for part in parts))
    return Deployed(definition, functions["start"]["Timeout"], functions["step"]["Timeout"])


class TaskFailed(Exception):
    """A task that ended with an error that Retry and Catch match."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(error)
        self.error, self.cause = error, cause


@dataclass
class Execution:
    """An execution: where it is, and what it carries.

    `enter` says when it has something to do, `finish_task` or `fail_task` what became of it.
    """

    definition: dict[str, Any]
    data: dict[str, Any]
    started_at: float
    wakes_at: float
    status: str = "RUNNING"
    error: str = ""
    state: str = ""
    _attempts: dict[int, int] = field(default_factory=dict)
    _events: int = 0

    def __post_init__(self) -> None:
        self._limit(self.data)
        self._enter(self.definition["StartAt"], self.started_at)

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.status == "RUNNING"

    @property
    def ends_at(self) -> float:
        """When it is ended whatever it does."""
        return self.started_at + float(self.definition.get("TimeoutSeconds", _DEFAULT_TASK_SECONDS))

    @property
    def task_seconds(self) -> float:
        """How long the task that is due may take."""
        return float(self._definition.get("TimeoutSeconds", _DEFAULT_TASK_SECONDS))

    def time_out(self) -> None:
        """End it as its time is over."""
        self._end("TIMED_OUT", "States.Timeout")

    def finish_task(self, output: Any, now: float) -> None:
        """Take what the task returned, and go on."""
        self._record(_EVENTS_OF_A_TASK)
        self._attempts.clear()
        self.data = output
        if self._limit(output):
            self._enter(self._definition["Next"], now)

    def fail_task(self, failure: TaskFailed, now: float) -> None:
        """Try the task again, go where its Catch says, or fail."""
        self._record(_EVENTS_OF_A_TASK)
        for index, retrier in enumerate(self._definition.get("Retry", [])):
            if _matches(retrier, failure.error):
                attempts = self._attempts.get(index, 0)
                if attempts >= retrier.get("MaxAttempts", _DEFAULT_ATTEMPTS):
                    break
                self._attempts[index] = attempts + 1
                self.wakes_at = now + _delay(retrier, attempts)
                return
        for catcher in self._definition.get("Catch", []):
            if _matches(catcher, failure.error):
                self._attempts.clear()
                key = catcher["ResultPath"].removeprefix("$.")
                self.data = {**self.data, key: {"Error": failure.error, "Cause": failure.cause}}
                if self._limit(self.data):
                    self._enter(catcher["Next"], now)
                return
        self._end("FAILED", failure.error)

    @property
    def _definition(self) -> dict[str, Any]:
        definition: dict[str, Any] = self.definition["States"][self.state]
        return definition

    def _enter(self, name: str, now: float) -> None:
        """Go on until a task is due, and say when."""
        if not self.is_running:
            return
        wakes_at = now
        while self._record(_EVENTS_OF_A_STATE):
            self.state = name
            state = self._definition
            match state["Type"]:
                case "Task":
                    self.wakes_at = wakes_at
                    return
                case "Wait":
                    seconds = self.data[state["SecondsPath"].removeprefix("$.")]
                    if not isinstance(seconds, int) or seconds < 0:
                        self._end("FAILED", "States.Runtime")
                        return
                    wakes_at += seconds
                    name = state["Next"]
                case "Choice":
                    name = next((one["Next"] for one in state["Choices"] if self._is_met(one)), state["Default"])
                case "Succeed":
                    self._end("SUCCEEDED")
                    return
                case "Fail":
                    self._end("FAILED", "by its definition")
                    return
                case unknown:
                    raise AssertionError(f"a state of type {unknown} is not played")

    def _is_met(self, choice: dict[str, Any]) -> bool:
        key = choice["Variable"].removeprefix("$.")
        if "IsPresent" in choice:
            return (key in self.data) is choice["IsPresent"]
        return self.data[key] is choice["BooleanEquals"]

    def _record(self, events: int) -> bool:
        self._events += events
        if self._events > _MOST_EVENTS:
            self._end("FAILED", "States.Runtime")
        return self.is_running

    def _limit(self, data: Any) -> bool:
        if len(json.dumps(data, ensure_ascii=False).encode()) > MOST_BYTES:
            self._end("FAILED", "States.DataLimitExceeded")
            return False
        return True

    def _end(self, status: str, error: str = "") -> None:
        self.status, self.error = status, error


def _matches(rule: dict[str, Any], error: str) -> bool:
    names = rule["ErrorEquals"]
    return error in names or (error not in _TERMINAL and "States.ALL" in names)


def _delay(retrier: dict[str, Any], attempts: int) -> float:
    delay = float(retrier.get("IntervalSeconds", _DEFAULT_INTERVAL))
    delay *= float(retrier.get("BackoffRate", _DEFAULT_BACKOFF)) ** min(attempts, 30)
    delay = min(delay, float(retrier.get("MaxDelaySeconds", delay)))
    if retrier.get("JitterStrategy") == "FULL":
        return random.uniform(0, delay)  # noqa: S311 - a delay, not a secret
    return delay
