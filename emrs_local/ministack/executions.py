"""How executions of state machines end: once, and as a whole."""

from __future__ import annotations

import contextlib
import contextvars
import json
import threading
from typing import Any

_RUNNING = "RUNNING"
_ENDING = threading.Condition()


class AlreadyEnded(BaseException):
    """An execution was to end a second time; no error of a state, which ministack would have it fail with."""


class Execution(dict[str, Any]):
    """What is known of an execution.

    How it ends is decided by whoever sets the status first, and seen when all is there that is known of the end.
    """

    _end: str | None = None

    def __setitem__(self, name: str, value: Any) -> None:
        """Set a value.

        Raises:
            AlreadyEnded: if it is the status, and it has been decided.
        """
        if name != "status":
            super().__setitem__(name, value)
            return
        with _ENDING:
            if self._end is not None:
                raise AlreadyEnded
            self._end = value

    def show_end(self) -> None:
        """Let everyone see how it has ended."""
        with _ENDING:
            super().__setitem__("status", self._end)
            _ENDING.notify_all()

    def wait_until_shown(self) -> None:
        """Wait for whoever ends it, which has nothing to wait for."""
        with _ENDING:
            _ENDING.wait_for(lambda: self["status"] != _RUNNING)


def end_executions_once() -> None:
    """Let what has ended stay as it ended, and end an execution after the state machine's TimeoutSeconds.

    ministack 1.5.33 sees that an execution runs, and says a moment later how it ended: one that was stopped meanwhile
    succeeds, or fails with the task that it was in. It has neither an output nor an event of its end at first, and
    events after it. TimeoutSeconds of a state machine are not known to it.
    """
    from ministack.core.responses import AccountRegionScopedDict, now_iso
    from ministack.services import stepfunctions

    class Executions(AccountRegionScopedDict):  # type: ignore[misc, no-any-unimported]  # ministack has no types
        """All executions; the items of a distributed Map are none that anyone stops."""

        def __setitem__(self, arn: str, execution: dict[str, Any]) -> None:
            super().__setitem__(arn, execution if "mapRunArn" in execution else Execution(execution))

    original_run, original_add = stepfunctions._run_execution, stepfunctions._add_event
    original_fail, original_stop = stepfunctions._fail_execution, stepfunctions._stop_execution

    def add(execution: Execution, event: str, details: dict[str, Any] | None = None) -> None:
        with _ENDING:
            if execution["status"] == _RUNNING:
                original_add(execution, event, details)
                if event.startswith("Execution"):
                    execution.show_end()

    def fail(execution: Execution, error: str, cause: str) -> None:
        with contextlib.suppress(AlreadyEnded):
            original_fail(execution, error, cause)

    def stop(request: dict[str, Any]) -> Any:
        try:
            return original_stop(request)
        except AlreadyEnded:
            stepfunctions._executions[request["executionArn"]].wait_until_shown()
            return original_stop(request)

    def time_out(execution: Execution) -> None:
        with contextlib.suppress(AlreadyEnded):
            execution["status"] = "TIMED_OUT"
            execution.update(stopDate=now_iso(), error="States.Timeout", cause="")
            stepfunctions._add_event(execution, "ExecutionTimedOut", {})
            stepfunctions._emit_execution_status_event(execution)

    def run(execution_arn: str) -> None:
        execution = stepfunctions._executions.get(execution_arn) or {}
        machine = stepfunctions._state_machines.get(execution.get("stateMachineArn", "")) or {}
        seconds = json.loads(machine.get("definition") or "{}").get("TimeoutSeconds")
        with contextlib.ExitStack() as stack:
            if seconds is not None:
                # The context says which account the execution belongs to.
                timer = threading.Timer(seconds, contextvars.copy_context().run, (time_out, execution))
                timer.daemon = True
                timer.start()
                stack.callback(timer.cancel)
            stack.enter_context(contextlib.suppress(AlreadyEnded))
            original_run(execution_arn)

    stepfunctions._executions = Executions()
    stepfunctions._run_execution, stepfunctions._add_event = run, add
    stepfunctions._fail_execution, stepfunctions._stop_execution = fail, stop
