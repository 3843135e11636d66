"""Histories of a stack with an application and job runs on it, whose updates fail anywhere, and what has to hold."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from constructs_emrs.handler import contract
from tests.handler.application_stack import BEFORE_UPDATE, OTHER, SPARK, STOP, ApplicationStack, Definition, advance
from tests.handler.direct_client import DirectService, Unreachable
from tests.handler.in_memory_service import APPLICATION, Killed, Refused, Run
from tests.handler.state_machine import Execution

SECONDS_BETWEEN_DEPLOYMENTS = 30
MOST_STEPS = 3000
# More often than the state machine tries a step again, and less often in all than it tries to give it up.
KILLS, MOST_SERIES_OF_KILLS = 20, 5
FAULTS = ("throttled", "5xx", "killed before", "killed after", "answer lost")
# Nothing is expected of what somebody has cancelled, or of a stack in which something could not be done.
AS_SOMEBODY_WANTED_IT = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
OWN_TAGS = [(), ("cost",), ("cost", "team")]
# Of other names: CloudFormation takes a tag away that it gave, also one that the application has of its own; what sets
# that again is not called when a rollback comes before its turn. The page on the life cycle says so.
STACK_TAGS = [(), ("stage",), ("stage", "owner")]
NAMES = ("Stream", "Stream2", "Batch")

JOBS = st.lists(st.tuples(st.sampled_from(NAMES), st.integers(1, 2)), unique_by=lambda job: job[0], max_size=3)


class ApplicationHistories(RuleBasedStateMachine):
    """Each example that hypothesis makes of these rules is one history."""

    histories: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).histories += 1
        random.seed(0)  # the handler's jitter
        self.service = DirectService()
        self.cancelled_by_others: set[str] = set()
        self.is_lost = False
        self.foreign = 0
        self.series_of_kills = 0

    @initialize(application_first=st.booleans(), jobs=JOBS, behind=st.permutations(NAMES))
    def create(self, *, application_first: bool, jobs: list[tuple[str, int]], behind: list[str]) -> None:
        """The stack is there, and what it has runs."""
        definition = Definition(jobs=tuple(jobs))
        self.stack = ApplicationStack(self.service, definition, last=behind, application_first=application_first)
        self._quiesce()

    @rule(
        application=st.integers(1, 2),
        is_refused=st.sampled_from([False, False, True]),
        own_tags=st.sampled_from(OWN_TAGS),
        stack_tags=st.sampled_from(STACK_TAGS),
        jobs=st.none() | JOBS,
        seconds=st.sampled_from([600, 3300]),
        fails_at=st.sampled_from(["", "", BEFORE_UPDATE, SPARK, STOP, *NAMES, OTHER]),
        rolls_back=st.sampled_from([True, True, False]),
    )
    @precondition(lambda self: self.stack.status in (*AS_SOMEBODY_WANTED_IT, "UPDATE_FAILED"))
    def deploy(
        self, *, is_refused: bool, jobs: list[tuple[str, int]] | None, fails_at: str, rolls_back: bool, **others: Any
    ) -> None:
        """Somebody deploys a definition."""
        self._let_time_pass(SECONDS_BETWEEN_DEPLOYMENTS)
        definition = replace(self.stack.definition, is_refused=is_refused, **others)
        if is_refused:
            definition = replace(definition, application=3)
        if jobs is not None:
            definition = replace(definition, jobs=tuple(jobs))
        self.stack.deploy(definition, fails_at=fails_at, rolls_back=rolls_back and self.stack.status != "UPDATE_FAILED")

    @rule()
    @precondition(lambda self: self.stack.status == "UPDATE_FAILED")
    def take_back(self) -> None:
        """Somebody rolls an update back that has failed."""
        self._let_time_pass(SECONDS_BETWEEN_DEPLOYMENTS)
        self.stack.take_back()

    @rule()
    @precondition(lambda self: self.stack.status == "UPDATE_ROLLBACK_FAILED")
    def continue_rollback(self) -> None:
        """Somebody continues a rollback that has failed."""
        self._let_time_pass(SECONDS_BETWEEN_DEPLOYMENTS)
        self.stack.continue_rollback()

    @rule()
    @precondition(lambda self: self.stack.is_stable and self.stack.exists)
    def delete(self) -> None:
        """Somebody deletes the stack."""
        self._let_time_pass(SECONDS_BETWEEN_DEPLOYMENTS)
        self.stack.delete()

    @rule()
    @precondition(lambda self: self.stack.goes_forward)
    def fail_another_resource(self) -> None:
        """Another resource fails, whatever is in flight.

        Not in the second in which that was asked for: dates have whole seconds, so it may then be taken for a part of
        the rollback, and a tag of the failed update stays until tags change again.
        """
        self._let_time_pass(2)
        if self.stack.goes_forward:
            self.stack.fail()

    @rule()
    @precondition(lambda self: self.stack.cloudformation.active())
    def do_well(self) -> None:
        """What is in flight ends well, and what goes on after an answer does."""
        self._quiesce()

    @rule(which=st.integers(0, 20))
    @precondition(lambda self: self.stack.asked)
    def deliver_again(self, *, which: int) -> None:
        """An event, however old, arrives once more."""
        _, pending = self.stack.asked[which % len(self.stack.asked)]
        self.stack.cloudformation.deliver(pending.event)

    @rule(which=st.integers(0, 3), fault=st.sampled_from(["", "", *FAULTS]), call=st.integers(1, 8))
    @precondition(lambda self: self.stack.cloudformation.active())
    def step(self, *, which: int, fault: str, call: int) -> None:
        """An execution does a step, in which one call goes wrong."""
        active = self.stack.cloudformation.active()
        self._step(active[which % len(active)], fault, call)

    @rule(which=st.integers(0, 3))
    @precondition(lambda self: self.stack.cloudformation.active() and self.series_of_kills < MOST_SERIES_OF_KILLS)
    def kill_again_and_again(self, *, which: int) -> None:
        """The function is killed so often that the state machine gives up."""
        self.series_of_kills += 1
        active = self.stack.cloudformation.active()
        execution = active[which % len(active)]
        for _ in range(KILLS):
            if execution.is_running:
                self._step(execution, "killed before", 1)

    @rule(which=st.integers(0, 3))
    @precondition(lambda self: self.stack.cloudformation.active())
    def lose_a_start(self, *, which: int) -> None:
        """The function is killed when it has just started a run."""
        active = self.stack.cloudformation.active()
        self._step(active[which % len(active)], "killed after", 0, operation="start_job_run")

    @rule(which=st.integers(0, 3))
    @precondition(lambda self: self.service.active_runs())
    def let_a_run_go_on(self, *, which: int) -> None:
        """The service goes on with a run."""
        active = self.service.active_runs()
        advance(active[which % len(active)])

    @rule(which=st.integers(0, 3))
    @precondition(lambda self: self.service.active_runs())
    def cancel_a_run(self, *, which: int) -> None:
        """Somebody cancels a run."""
        active = self.service.active_runs()
        run = active[which % len(active)]
        run.state = "CANCELLED"
        self.cancelled_by_others.add(run.request.get("tags", {}).get(contract.LOGICAL_ID_TAG, ""))

    @rule(is_of_another_stack=st.booleans())
    @precondition(lambda self: self.stack.is_stable and not self.is_lost and self.stack.exists)
    def run_somebody_else_s_stream(self, *, is_of_another_stack: bool) -> None:
        """Another stack, or somebody, has a stream on the application."""
        self.foreign += 1
        tags = {contract.STACK_TAG: "another", contract.LOGICAL_ID_TAG: "Stream"} if is_of_another_stack else {}
        request = {
            "executionRoleArn": "arn:aws:iam::123456789012:role/Theirs",
            "clientToken": f"theirs-{self.foreign}",
            "mode": "STREAMING",
            "tags": tags,
        }
        run = Run(f"theirs{self.foreign}", APPLICATION, request, self.service.now, "RUNNING")
        self.service.runs[run.run_id] = run
        self.service.applications[APPLICATION] = "STARTED"

    @rule()
    @precondition(lambda self: not self.is_lost and len(self.stack.asked) > 8)
    def lose_the_application(self) -> None:
        """Somebody deletes the application with all its runs."""
        self.service.applications.clear()
        for run in self.service.active_runs():
            run.state = "CANCELLED"
        self.is_lost = True

    @invariant()
    def at_most_one_run_of_a_job_run_is_active(self) -> None:
        """The first rule, and that one cause starts one run."""
        for name in NAMES:
            assert len(self.stack.active(name)) <= 1, [run.request["name"] for run in self.stack.active(name)]
        own = [run.request["tags"] for run in self.service.runs.values() if not run.run_id.startswith("theirs")]
        causes = [(tags[contract.LOGICAL_ID_TAG], tags[contract.REQUEST_ID_TAG]) for tags in own]
        assert len(causes) == len(set(causes)), "one request started two runs"

    @invariant()
    def requests_have_one_answer(self) -> None:
        """The fourth rule, and the fifth."""
        for _, pending in self.stack.asked:
            answers = self.stack.cloudformation.answers.get(pending.event["ResponseURL"], [])
            assert len(set(answers)) <= 1, answers
            for answer in map(json.loads, answers):
                assert "Throttling" not in answer.get("Reason", "")
                assert "InternalServer" not in answer.get("Reason", "")

    @invariant()
    def somebody_else_s_streams_are_never_started_nor_marked(self) -> None:
        """What comes back is the stack's own."""
        theirs = [run for run in self.service.runs.values() if run.request["executionRoleArn"].endswith("Theirs")]
        assert len(theirs) == self.foreign
        assert not any(contract.STOPPED_TAG in run.request["tags"] for run in theirs)

    @invariant()
    def the_application_is_stopped_before_it_is_updated(self) -> None:
        """Unless a rollback sends it back before anybody is asked."""
        assert self.stack.refused_as_started == 0 or self.stack.application_first

    def teardown(self) -> None:
        """In the end the stack is gone, and with it all that it has started."""
        self._quiesce()
        if self.stack.status == "UPDATE_ROLLBACK_FAILED":
            self.stack.continue_rollback()
            self._quiesce()
        if self.stack.exists:
            self.stack.delete()
            self._quiesce()
        assert not self.stack.exists or self.is_lost or self.stack.failed, self.stack.status
        names = {run.request["tags"].get(contract.LOGICAL_ID_TAG) for run in self.service.active_runs()}
        assert not self.stack.exists or self.stack.failed
        assert names <= {None, *self.stack.abandoned}, "something of the stack runs on"
        for name, pending in self.stack.asked:
            url = pending.event["ResponseURL"]
            assert self.stack.cloudformation.answers.get(url), f"{pending.event['RequestType']} of {name}: no answer"

    def _is_as_somebody_wanted_it(self) -> None:
        """The sixth rule: whatever has failed, the streams that the stack's template has run."""
        stack = self.stack
        if stack.status not in AS_SOMEBODY_WANTED_IT or self.is_lost:
            return
        for name, number in stack.definition.jobs:
            if name.startswith("Stream") and name not in self.cancelled_by_others:
                active = [run.request["name"] for run in stack.active(name)]
                assert active == [f"{name}-{number}"], f"{name}: {active} in {stack.status}"
        for name in NAMES:
            if name not in dict(stack.definition.jobs) and name not in stack.abandoned:
                assert stack.active(name) == [], "what left the stack runs on"
        wanted = {contract.STACK_TAG, *stack.definition.own_tags, *stack.definition.stack_tags}
        assert self.service.application_tags[APPLICATION].keys() == wanted

    def _step(self, execution: Execution, fault: str, call: int, *, operation: str = "") -> None:
        """A step in which a call goes wrong: the first, second, … one, or the one of an operation."""
        calls = 0

        def interfere(name: str) -> None:
            nonlocal calls
            after = name.startswith("after ")
            calls += not after
            is_the_one = name.removeprefix("after ") == operation if operation else calls == call
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
            self.stack.cloudformation.step(execution)
        finally:
            self.service.interfere = lambda _: None
        self.stack.go_on()

    def _let_time_pass(self, seconds: float) -> None:
        """Executions that are due in that time do their steps."""
        until = self.stack.cloudformation.now + seconds
        for _ in range(MOST_STEPS):
            active = self.stack.cloudformation.active()
            if not active or active[0].wakes_at > until:
                break
            self._step(active[0], "", 0)
        self.service.sleep(max(0.0, until - self.stack.cloudformation.now))

    def _quiesce(self) -> None:
        """Everything ends well from now on, until all that is left waits for somebody to go on."""
        for _ in range(MOST_STEPS):
            active = self.stack.cloudformation.active()
            waits = self.stack.is_stable and self.stack.status not in AS_SOMEBODY_WANTED_IT
            if not active or (waits and self.stack.exists and all(_is_afterwards(one) for one in active)):
                self.stack.go_on()
                if self.stack.is_stable:
                    break
                continue
            for run in self.service.active_runs():
                advance(run)
            self._step(active[0], "", 0)
            self.at_most_one_run_of_a_job_run_is_active()
        else:
            raise AssertionError(f"it does not come to an end: {self.stack.status}")
        self._is_as_somebody_wanted_it()


def _is_afterwards(execution: Execution) -> bool:
    return contract.IS_AFTERWARDS in execution.data
