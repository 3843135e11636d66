"""Histories of a stack in which everything goes wrong, and what has to hold in all of them."""

from __future__ import annotations

import json
import random
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from constructs_emrs.handler import contract
from tests.handler.direct_client import Unreachable, direct_client
from tests.handler.in_memory_cloudformation import Execution
from tests.handler.in_memory_service import APPLICATION, Killed, Refused, Run, Service
from tests.handler.stack_life import StackLife

# A rollback and the start of another deployment take CloudFormation longer than that.
SECONDS_BETWEEN_DEPLOYMENTS = 30
MOST_STEPS = 3000

NEXT_STATES = {
    "SUBMITTED": ["SCHEDULED", "QUEUED", "CANCELLED"],
    "QUEUED": ["SCHEDULED", "CANCELLED"],
    "SCHEDULED": ["RUNNING", "FAILED"],
    "RUNNING": ["SUCCESS", "FAILED", "CANCELLED"],
    "CANCELLING": ["CANCELLED"],
}
FAULTS = ("throttled", "5xx", "killed before", "killed after", "answer lost")


def properties(*, number: int, is_stream: bool, tags: dict[str, str]) -> dict[str, Any]:
    """A job run, the first, second, … definition of it."""
    request = {
        "applicationId": APPLICATION,
        "executionRoleArn": "arn:aws:iam::123456789012:role/Etl",
        "name": f"etl-{number}",
        "jobDriver": {"sparkSubmit": {"entryPoint": "s3://code/etl.py"}},
        "tags": tags,
    }
    waiting = {contract.WAIT_FOR: "RUNNING" if is_stream else "SUCCESS", contract.WAIT_TIMEOUT_SECONDS: 3300}
    return {contract.REQUEST: request, **waiting} | ({contract.RUN_ON_ROLLBACK: True} if is_stream else {})


class Histories(RuleBasedStateMachine):
    """Each example that hypothesis makes of these rules is one history."""

    histories: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).histories += 1
        random.seed(0)  # the handler's jitter
        self.service = Service()
        self.service.__dict__["client"] = direct_client(self.service)
        self.life = StackLife(self.service)
        self.cloudformation = self.life.cloudformation
        self.is_stream = False
        self.is_lost = False

    @initialize(is_stream=st.booleans(), is_deployed=st.booleans())
    def choose(self, *, is_stream: bool, is_deployed: bool) -> None:
        """The job's mode, and whether the history begins with a stack that is there."""
        self.is_stream = is_stream
        if is_deployed:
            self.life.deploy(properties(number=1, is_stream=is_stream, tags={}))
            self._quiesce()
            self.life.succeed()

    @rule(number=st.integers(1, 3), tag=st.sampled_from(["", "lake"]))
    @precondition(lambda self: self.life.is_stable and not self.life.is_broken)
    def deploy(self, *, number: int, tag: str) -> None:
        """Somebody deploys a definition of the job run."""
        self._let_time_pass(SECONDS_BETWEEN_DEPLOYMENTS)
        tags = {"team": tag} if tag else {}
        self.life.deploy(properties(number=number, is_stream=self.is_stream, tags=tags))

    @rule()
    @precondition(lambda self: self.life.goes_forward and self.cloudformation.active())
    def do_well(self) -> None:
        """What is in flight ends well, and the other resources are not done yet."""
        self._quiesce()

    @rule()
    @precondition(lambda self: self.life.is_stable and self.life.in_stack and not self.life.is_broken)
    def remove(self) -> None:
        """Somebody deploys the stack without the job run."""
        self._let_time_pass(SECONDS_BETWEEN_DEPLOYMENTS)
        self.life.remove()

    @rule()
    @precondition(lambda self: self.life.is_stable and self.life.exists)
    def delete(self) -> None:
        """Somebody deletes the stack."""
        self._let_time_pass(SECONDS_BETWEEN_DEPLOYMENTS)
        self.life.delete()

    @rule()
    @precondition(lambda self: self.life.goes_forward)
    def fail_another_resource(self) -> None:
        """Another resource of the stack fails, whatever the job run is doing."""
        self.life.fail()

    @rule()
    @precondition(lambda self: self.life.goes_forward and self.life.current is None)
    def succeed(self) -> None:
        """All other resources are done."""
        self.life.succeed()

    @rule(which=st.integers(0, 20))
    @precondition(lambda self: self.life.asked)
    def deliver_again(self, *, which: int) -> None:
        """An event, however old, arrives once more."""
        asked = self.life.asked[which % len(self.life.asked)]
        self.cloudformation.deliver(asked.pending.event)

    @rule(which=st.integers(0, 3), fault=st.sampled_from(["", "", *FAULTS]), call=st.integers(1, 8))
    @precondition(lambda self: self.cloudformation.active())
    def step(self, *, which: int, fault: str, call: int) -> None:
        """An execution does a step, in which one call goes wrong."""
        active = self.cloudformation.active()
        self._step(active[which % len(active)], fault, call)

    @rule(which=st.integers(0, 3))
    @precondition(lambda self: self.cloudformation.active())
    def throttle_the_start(self, *, which: int) -> None:
        """An execution gets as far as to StartJobRun, for which it has to wait."""
        active = self.cloudformation.active()
        self._step(active[which % len(active)], "throttled", 0, operation="start_job_run")

    @rule(which=st.integers(0, 3))
    @precondition(lambda self: self.cloudformation.active())
    def kill_again_and_again(self, *, which: int) -> None:
        """The function is killed so often that the state machine gives up."""
        active = self.cloudformation.active()
        active[which % len(active)].retries = 100
        self._step(active[which % len(active)], "killed before", 1)

    @rule(which=st.integers(0, 3), choice=st.integers(0, 2))
    @precondition(lambda self: self.service.active_runs())
    def change_a_run(self, *, which: int, choice: int) -> None:
        """A run goes on, ends, or is cancelled by somebody."""
        active = self.service.active_runs()
        run = active[which % len(active)]
        states = NEXT_STATES[run.state]
        run.state = states[choice % len(states)]

    @rule()
    @precondition(lambda self: not self.is_lost)
    def lose_the_application(self) -> None:
        """Somebody deletes the application with all its runs."""
        if len(self.life.asked) > 4:
            self.service.applications.clear()
            for run in self.service.active_runs():
                run.state = "CANCELLED"
            self.is_lost = True

    @invariant()
    def at_most_one_run_is_active(self) -> None:
        """The first rule, and the third."""
        assert len(self.service.active_runs()) <= 1, [run.request["name"] for run in self.service.active_runs()]
        starters = [run.request["tags"][contract.REQUEST_ID_TAG] for run in self.service.runs.values()]
        assert len(starters) == len(set(starters)), "one request started two runs"

    @invariant()
    def answers_are_one_each_and_say_nothing_that_passes(self) -> None:
        """The fourth rule, and the fifth."""
        for asked in self.life.asked:
            answers = self.cloudformation.answers.get(asked.pending.event["ResponseURL"], [])
            assert len(set(answers)) <= 1, answers
            for answer in map(json.loads, answers):
                assert "Throttling" not in answer.get("Reason", "")
                assert "InternalServer" not in answer.get("Reason", "")
                assert "could not be reached" not in answer.get("Reason", "")

    @invariant()
    def a_stack_without_the_job_run_has_no_run(self) -> None:
        """The second rule."""
        if self.life.is_stable and not self.life.in_stack and not self.life.is_broken:
            assert self.service.active_runs() == []

    @invariant()
    def a_rollback_brings_streams_back_and_does_no_batch_work(self) -> None:
        """What is started when an update is rolled back."""
        for asked in self.life.asked:
            if asked.operation == "roll back":
                started = self._started_by(asked.pending.event["RequestId"])
                answer = asked.pending.answer
                if not self.is_stream:
                    assert started == [], "batch work was done again"
                elif answer and answer["Status"] == "SUCCESS" and self._is_other_work(asked.pending.event):
                    assert len(started) == 1, "the stream did not come back"

    def teardown(self) -> None:
        """In the end nothing is left: no run, no request without its answer."""
        if not self.life.asked:
            return
        self._quiesce()
        if self.life.goes_forward:
            self.life.succeed()
            self._quiesce()
        if self.life.exists and self.life.is_stable:
            self.life.delete()
            self._quiesce()
        assert not self.life.exists, self.cloudformation.status
        assert self.service.active_runs() == []
        for asked in self.life.asked:
            url = asked.pending.event["ResponseURL"]
            assert self.cloudformation.answers.get(url), f"{asked.pending.event['RequestType']} was never answered"
            answer = asked.pending.answer
            assert answer is not None
            if asked.is_over and answer["Status"] == "FAILED" and not self.is_lost and not asked.is_given_up:
                assert "by now" not in answer["Reason"], "a request that was still wanted was refused"

    def _step(self, execution: Execution, fault: str, call: int, *, operation: str = "") -> None:
        """A step in which a call goes wrong: the first, second, … one, or the one of an operation."""
        calls = 0

        def interfere(name: str) -> None:
            nonlocal calls
            after = name.startswith("after ")
            calls += not after
            is_the_one = name == operation if operation else calls == call
            if not fault or not is_the_one or (after is not (fault in ("killed after", "answer lost"))):
                return
            if fault.startswith("killed"):
                raise Killed
            if name.endswith("Put"):
                raise ConnectionResetError
            if fault == "answer lost":
                raise Unreachable
            code, status = ("ThrottlingException", 429) if fault == "throttled" else ("InternalServerException", 500)
            raise Refused(code, status)

        self.service.interfere = interfere
        try:
            self.cloudformation.step(execution)
        finally:
            self.service.interfere = lambda _: None
        self.life.go_on()

    def _let_time_pass(self, seconds: float) -> None:
        """Executions that are due in that time do their steps."""
        until = self.cloudformation.now + seconds
        for _ in range(MOST_STEPS):
            active = self.cloudformation.active()
            if not active or active[0].wakes_at > until:
                break
            self._step(active[0], "", 0)
        self.service.sleep(max(0.0, until - self.cloudformation.now))

    def _quiesce(self) -> None:
        """Everything ends well from now on."""
        for _ in range(MOST_STEPS):
            active = self.cloudformation.active()
            if not active and self.life.current is None:
                return
            for run in self.service.active_runs():
                self._advance(run)
            if active:
                self._step(active[0], "", 0)
            self.at_most_one_run_is_active()
        raise AssertionError("it does not come to an end")

    def _advance(self, run: Run) -> None:
        if run.state == "RUNNING":
            run.state = "RUNNING" if self.is_stream else "SUCCESS"
        else:
            run.state = "CANCELLED" if run.state == "CANCELLING" else "RUNNING"

    def _started_by(self, request_id: str) -> list[Run]:
        runs = self.service.runs.values()
        return [run for run in runs if run.request["tags"][contract.REQUEST_ID_TAG] == request_id]

    @staticmethod
    def _is_other_work(event: dict[str, Any]) -> bool:
        def work(of: dict[str, Any]) -> dict[str, Any]:
            return {**of, contract.REQUEST: {**of[contract.REQUEST], "tags": None}}

        return work(event["ResourceProperties"]) != work(event["OldResourceProperties"])
