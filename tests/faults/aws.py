"""Lambda, Step Functions and EMR Serverless in the time of a world, with the faults of a history.

The functions are those of the asset, and the state machine is the template's.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

from constructs_emrs.handler import functions
from constructs_emrs.handler.services import Services
from tests.faults.faults import Faults
from tests.faults.world import World
from tests.handler.direct_client import DirectService, Unreachable
from tests.handler.in_memory_cloudformation import MOST_ANSWER_BYTES, StackApi
from tests.handler.in_memory_service import ENDED, Killed, Refused, Run
from tests.handler.state_machine import Execution, TaskFailed, deployed

# Lambda's own, of an event whose function failed.
_REDELIVERIES = (60.0, 120.0)
_BUSY_PAUSE = 5.0
# A test of the state machine's own patience: more often than its Retry allows.
_CURSED_KILLS = 16


class Aws:
    """What the handler runs on and talks to."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.service = DirectService()
        self.world = World(self.service)
        self.service.list_lag = timedelta(seconds=faults.list_lag)
        self.service.interfere = self._interfere
        self.service.cancels_when_asked = False
        self.service.on_start, self.service.on_cancel = self._started, self._cancelled
        self.answers: dict[str, list[tuple[float, str]]] = {}
        self.on_answer: Callable[[str, dict[str, Any]], None] = lambda _url, _body: None
        self.on_start: Callable[[Run, str], None] = lambda _run, _by: None
        self.on_cancel: Callable[[Run, str], None] = lambda _run, _by: None
        self.executions: dict[str, Execution] = {}
        self._kills: dict[str, int] = {}
        self._may_kill = True
        self._callers: list[str] = []
        """The ids of the requests for which a function is running, one inside the other."""
        self._began_at = self.world.now
        self.stacks: list[Any] = []
        self.undelivered: set[str] = set()
        """The ids of requests whose event has not arrived."""
        self.log: list[str] = []

    def say(self, text: str) -> None:
        """Write down what happened, to be read when an invariant is broken."""
        self.log.append(f"{self.world.now - self._began_at:9.2f} {text}")

    def services(self) -> Services:
        """What the handler talks to."""
        return Services(
            emr_serverless=lambda: self.service.client,
            cloudformation=lambda: cast("Any", self._api()),
            step_functions=self._api,
            logs=lambda: cast("Any", SimpleNamespace(get_log_events=lambda **_: {"events": []})),
            s3=lambda: cast("Any", None),
            put=self._put,
            sleep=self.world.pause,
            now=lambda: self.world.now,
        )

    # Lambda

    def deliver(self, event: dict[str, Any], *, tries: int = 0) -> None:
        """Call `Start` with an event, now."""
        if self.world.now < self.faults.lambda_is_busy_until:
            self.world.after(_BUSY_PAUSE, lambda: self.deliver(event, tries=tries))
            return
        # After the third time the event is lost, and CloudFormation is answered by nobody.
        self._may_kill = tries < len(_REDELIVERIES)
        self.undelivered.discard(event["RequestId"])
        try:
            self._call(event["RequestId"], lambda: functions.accept(event, self.services()), deployed().start_seconds)
        except (Killed, Exception) as error:  # noqa: BLE001 - Lambda's function has failed
            self.undelivered.add(event["RequestId"])
            self.say(f"start of {event['RequestId']} failed: {error!r}")
            if tries < len(_REDELIVERIES):
                self.world.after(_REDELIVERIES[tries], lambda: self.deliver(event, tries=tries + 1))
        finally:
            self._may_kill = True

    def _call(self, request_id: str, function: Callable[[], Any], seconds: float) -> Any:
        began = self.world.now
        self._callers.append(request_id)
        try:
            output = function()
        finally:
            self._callers.pop()
        if self.world.now - began > seconds:
            raise Killed
        return output

    # Step Functions

    def start_execution(self, name: str, text: str) -> None:
        """Start an execution of the state machine."""
        now = self.world.now
        execution = Execution(deployed().definition, json.loads(text), now, now)
        self.executions[name] = execution
        self._wake(execution)

    def _wake(self, execution: Execution) -> None:
        if execution.is_running:
            self.world.at(execution.wakes_at, lambda: self._step(execution))

    def _step(self, execution: Execution) -> None:
        if self.world.now > execution.ends_at:
            execution.time_out()
            return
        request_id = execution.data["RequestId"]
        if self.world.now < self.faults.lambda_is_busy_until:
            execution.fail_task(TaskFailed("Lambda.TooManyRequestsException"), self.world.now)
            self._wake(execution)
            return
        state = json.loads(json.dumps(execution.data))
        seconds = min(deployed().step_seconds, execution.task_seconds)
        try:
            output = self._call(request_id, lambda: functions.advance(state, self.services()), seconds)
        except Killed:
            execution.fail_task(TaskFailed("Sandbox.Timedout", "{}"), self.world.now)
        else:
            execution.finish_task(json.loads(json.dumps(output)), self.world.now)
        if execution.status == "FAILED":
            self.say(f"execution of {request_id} failed: {execution.error}")
        self._wake(execution)

    def curse(self, execution: Execution) -> None:
        """Let the function be killed until the state machine gives up."""
        self._kills[execution.data["RequestId"]] = _CURSED_KILLS

    # The calls

    def _api(self) -> StackApi:
        return StackApi(self.service, *self.stacks)

    def _interfere(self, name: str) -> None:
        faults = self.faults
        self.world.pause(faults.latency())
        caller = self._callers[-1] if self._callers else ""
        if self._kills.get(caller, 0):
            self._kills[caller] -= 1
            raise Killed
        if caller and self._may_kill and faults.occurs(faults.kills):
            self.say(f"{caller} is killed at {name}")
            raise Killed
        if name.startswith("Describe") and self.world.now < faults.cloudformation_is_busy_until:
            raise Refused("Throttling", 400, "Rate exceeded")
        if not faults.occurs(faults.calls_fail):
            return
        if name.endswith("Put"):
            raise ConnectionResetError
        if name.startswith("after "):
            if "Describe" not in name and "StartExecution" not in name:
                raise Unreachable
            return
        code, status = faults.random.choice([("ThrottlingException", 429), ("InternalServerException", 500)])
        raise Refused(code, status)

    def _put(self, url: str, body: bytes) -> None:
        self.service.interfere("Put")
        assert len(body) <= MOST_ANSWER_BYTES, "an answer is too long"
        self.answers.setdefault(url, []).append((self.world.now, body.decode()))
        self.on_answer(url, json.loads(body))
        self.service.interfere("after Put")

    # EMR Serverless

    def _started(self, run: Run) -> None:
        caller = self._callers[-1] if self._callers else ""
        self.say(f"{caller} starts {run.run_id} ({run.request.get('name')})")
        self._live(run)
        self.on_start(run, caller)

    def _live(self, run: Run) -> None:
        """Let a run go through its states."""
        draw = self.faults.random
        self.world.after(draw.uniform(0.1, 10), lambda: self._move(run, "SCHEDULED", after="SUBMITTED"))
        begin = draw.uniform(10, 40)
        if self.world.now - self._began_at < self.faults.role_is_late:
            self.world.after(begin, lambda: self._refuse(run))
            return
        self.world.after(begin, lambda: self._move(run, "RUNNING", after="SCHEDULED"))
        if run.request.get("mode") == "STREAMING":
            if self.faults.occurs(self.faults.ends_by_itself):
                self.world.after(begin + draw.uniform(0, 300), lambda: self._move(run, "FAILED"))
            return
        end = draw.choice(["SUCCESS", "SUCCESS", "SUCCESS", "FAILED"])
        self.world.after(begin + draw.choice([5, 60, 300, 1500]) * draw.random(), lambda: self._move(run, end))

    def _refuse(self, run: Run) -> None:
        if run.state not in ENDED and run.state != "CANCELLING":
            run.state, run.state_details = "FAILED", "Could not assume execution role, as it does not exist."

    def _move(self, run: Run, state: str, *, after: str = "") -> None:
        if run.state in ENDED or run.state == "CANCELLING" or (after and run.state != after):
            return
        run.state = state
        self.say(f"{run.run_id} is {state}")

    def _cancelled(self, run: Run) -> None:
        """A run was asked to end: it does so after its grace period."""
        caller = self._callers[-1] if self._callers else ""
        self.say(f"{caller} cancels {run.run_id}")
        self.on_cancel(run, caller)

        def end() -> None:
            if run.state == "CANCELLING":
                run.state = "CANCELLED"
                self.say(f"{run.run_id} is CANCELLED")

        self.world.after(self.faults.grace * self.faults.random.random(), end)
