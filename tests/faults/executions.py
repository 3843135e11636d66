"""Executions of any state machine in the time of a world; ministack evaluates the expressions of both languages.

The local AWS has each execution in a thread of its own and waits in real time: a history of a week takes a week there.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from ministack.services import stepfunctions

from emrs_local.ministack.state_machines import retry_delay
from tests.faults.world import World
from tests.handler.state_machine import TaskFailed

Json = dict[str, Any]
Steps = Generator[float, None, Any]
"""Yields the seconds until it goes on."""


@dataclass(eq=False)
class Execution:
    """An execution; `stop` and `redrive` are what people do to it."""

    world: World
    definition: Json
    machine_arn: str
    name: str
    data: Any
    perform: Callable[[Execution, str, Json], Steps]
    """Does what a task asks for: gets its resource and its parameters."""
    status: str = "RUNNING"
    error: str = ""
    cause: str = ""
    output: Any = None
    state: str = ""
    entries: int = 0
    """How often a task was entered."""
    tries: int = 0
    """How often the task that was entered last has failed since."""
    redrives: int = 0
    on_abort: Callable[[], None] | None = None
    """What Step Functions does when the execution is stopped in this moment."""
    _variables: Json = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.started_at = iso(self.world.now)
        self._begin(self.definition["StartAt"])

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.status == "RUNNING"

    def stop(self) -> None:
        """Have it ABORTED."""
        self._steps.close()
        self.status = "ABORTED"
        if self.on_abort is not None:
            self.on_abort()

    def redrive(self) -> None:
        """Have it go on where it did not succeed: a Task is done again, and a Fail state fails again."""
        self.status, self.redrives = "RUNNING", self.redrives + 1
        self._begin(self.state)

    def _begin(self, state: str) -> None:
        self._steps = self._run(state)
        self.world.after(0, partial(self._go_on, self._steps))

    def _go_on(self, steps: Steps) -> None:
        try:
            seconds = next(steps)
        except StopIteration as done:
            # Steps that were closed end too.
            if self.is_running:
                self.status, self.output = "SUCCEEDED", done.value
        except TaskFailed as failure:
            self.status, self.error, self.cause = "FAILED", failure.error, failure.cause
        else:
            self.world.after(seconds, lambda: self._go_on(steps))

    def _run(self, name: str | None) -> Steps:
        while name is not None:
            self.state, state = name, self.definition["States"][name]
            yield 0.001
            context: Json = {
                "QueryLanguage": self.definition.get("QueryLanguage", "JSONPath"),
                "Execution": {
                    "Id": f"{self.machine_arn}:{self.name}",
                    "Name": self.name,
                    "StartTime": self.started_at,
                    "RedriveCount": self.redrives,
                },
                "StateMachine": {"Id": self.machine_arn},
                "State": {"Name": name, "EnteredTime": iso(self.world.now), "RetryCount": 0},
                "variables": self._variables,
            }
            try:
                match state["Type"]:
                    case "Pass":
                        self.data, name = stepfunctions._execute_pass(state, self.data, context)
                    case "Choice":
                        self.data, name = stepfunctions._execute_choice(state, self.data, context)
                    case "Task":
                        self.data, name = yield from self._task(state, context)
                    case "Wait":
                        yield state["Seconds"]
                        stepfunctions._apply_state_assign(state, self.data, context)
                        name = state["Next"]
                    case "Succeed":
                        name = None
                    case "Fail":
                        raise TaskFailed(*stepfunctions._fail_state_error(state, self.data, context))
                    case unknown:
                        raise AssertionError(f"a state of type {unknown} is not played")
            except stepfunctions._ExecutionError as error:
                raise TaskFailed(error.error, error.cause) from None
        return self.data

    def _task(self, state: Json, context: Json) -> Generator[float, None, tuple[Any, str | None]]:
        language = stepfunctions._state_query_language(state, context)
        is_jsonata = language == "JSONata"
        counts: dict[int, int] = {}
        self.entries, self.tries = self.entries + 1, 0
        while True:
            context["State"]["RetryCount"] = self.tries
            make = stepfunctions._apply_jsonata_arguments if is_jsonata else stepfunctions._apply_parameters
            try:
                result = yield from self.perform(
                    self, state["Resource"], make(state, copy.deepcopy(self.data), context)
                )
            except TaskFailed as failure:
                retrier, index = stepfunctions._find_matching_retrier(state.get("Retry", []), failure.error, counts)
                if retrier is not None:
                    yield retry_delay(retrier, counts.get(index, 0))
                    counts[index] = counts.get(index, 0) + 1
                    self.tries += 1
                    continue
                catcher = stepfunctions._find_matching_catcher(state.get("Catch", []), failure.error)
                if catcher is None:
                    raise
                caught = {"Error": failure.error, "Cause": failure.cause}
                return stepfunctions._apply_catcher(catcher, self.data, context, language, caught), catcher["Next"]
            next_state = state.get("Next")
            if is_jsonata:
                output = stepfunctions._apply_jsonata_output(state, self.data, context, result=result, default=result)
                stepfunctions._apply_state_assign(state, self.data, context, result=result)
                return output, next_state
            return stepfunctions._apply_result_path(state, self.data, result), next_state


def iso(time: float) -> str:
    """A time as Step Functions writes it."""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
