"""One history of a stack with a job run, in which things go wrong, and what has to hold in all of them."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from typing import Any

from constructs_emrs.handler import contract
from tests.faults.aws import Aws
from tests.faults.faults import LATEST_DELIVERY, MANY_KILLS, Faults
from tests.faults.stack import PLAIN, Asked, Spec, Stack, Template
from tests.handler.in_memory_cloudformation import LIMIT_SECONDS
from tests.handler.in_memory_service import APPLICATION, ENDED, Run

RUN, OTHER = "EtlOnDeploy", "Other"
# How long a call may hang that was begun in time.
_LONGEST_CALL = 25.0
_DAY = 86_400.0
# What no request fails for.
_PASSING = ("Throttling", "InternalServer", "could not be reached", "KeyError", "Error: ")
# Nor for this, unless functions are ended very often.
_DIES = "was ended before it was done"


def properties(*, number: int, is_stream: bool, tag: str, wait_for: str) -> dict[str, Any]:
    """A job run, the first, second, … definition of it."""
    request: dict[str, Any] = {
        "applicationId": APPLICATION,
        "executionRoleArn": "arn:aws:iam::123456789012:role/Etl",
        "name": f"etl-{number}",
        "jobDriver": {"sparkSubmit": {"entryPoint": "s3://code/etl.py"}},
        "mode": "STREAMING" if is_stream else "BATCH",
        "tags": {"team": tag} if tag else {},
    }
    waiting = {contract.WAIT_FOR: wait_for, contract.WAIT_TIMEOUT_SECONDS: 3300}
    return {contract.REQUEST: request, **waiting} | ({contract.RUN_ON_ROLLBACK: True} if is_stream else {})


class History:
    """What happened in a stack whose seed was this."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = random.Random(seed)  # noqa: S311 - a history, not a secret
        random.seed(seed)  # the handler's jitter, and the state machine's
        self.faults = Faults(self.random)
        self.aws = Aws(self.faults)
        self.aws.on_start = lambda run, by: self._hold(lambda: self._started(run, by))
        self.aws.on_cancel = lambda run, by: self._hold(lambda: self._cancelled(run, by))
        self.broken: list[AssertionError] = []
        self.is_stream = self.random.random() < 0.5
        self.is_retained = self.random.random() < 0.1
        self.stacks: list[Stack] = []
        self.is_application_lost = False
        self.is_cursed = False
        self.kills_are_many = self.faults.kills > MANY_KILLS
        self.ended_by_somebody: set[str] = set()
        self.retained: set[str] = set()
        self.theirs = self._run_of_somebody_else()

    def live(self) -> None:
        """Let it happen.

        Raises:
            AssertionError: An invariant is broken; the text has the seed and what happened.
        """
        os.environ[contract.JOB_RUN_COUNT] = str(self.faults.job_run_count)
        try:
            for _ in range(self.random.randint(1, 5)):
                self._operate()
            self._finish()
        except AssertionError as broken:
            raise AssertionError(f"{broken}\nseed {self.seed}\n" + "\n".join(self.aws.log)) from broken

    @property
    def stack(self) -> Stack:
        """The present stack."""
        return self.stacks[-1]

    # What people do

    def _operate(self) -> None:
        draw = self.random
        if not self.stacks or not self.stack.exists:
            self.stacks.append(Stack(self.aws, number=len(self.stacks) + 1))
            self._deploy()
        elif self.stack.can_be_rolled_back and draw.random() < 0.5:
            self.stack.roll_back()
        elif self.stack.can_be_deployed and draw.random() < 0.85:
            self._deploy()
        else:
            self.stack.delete()
        self._interfere()
        self._come_to_rest()
        if not self.faults.has_dates:
            # Without a date nobody knows that what arrives in the next deployment is of the last one.
            self.aws.world.run(until=lambda: not self.aws.undelivered, most_seconds=_DAY)
        self.aws.world.pause(draw.choice([1.0, draw.uniform(1, 120), 400.0]))

    def _deploy(self) -> None:
        self.stack.deploy(self._template(), rolls_back=self.random.random() < 0.8)

    def _template(self) -> Template:
        draw = self.random
        order = draw.choice(["before", "beside", "after"])
        run = Spec(
            contract.JOB_RUN_TYPE,
            properties(
                number=draw.randint(1, 3),
                is_stream=self.is_stream,
                tag=draw.choice(["", "", "lake"]),
                wait_for=draw.choice(["RUNNING" if self.is_stream else "SUCCESS", "SUBMITTED"]),
            ),
            after=(OTHER,) if order == "before" else (),
            is_retained=self.is_retained,
        )
        other = Spec(
            PLAIN,
            {"Number": draw.random()},
            after=(RUN,) if order == "after" else (),
            seconds=draw.choice([0.5, draw.uniform(0, 30), draw.uniform(0, 200)]),
            fails=draw.random() < 0.5,
        )
        return {OTHER: other} if self.stack.specs and draw.random() < 0.15 else {RUN: run, OTHER: other}

    def _interfere(self) -> None:
        """Draw what goes wrong while the stack is busy."""
        draw, world, faults = self.random, self.aws.world, self.faults
        when = world.now + draw.uniform(0, 60)
        match draw.randint(0, 11):
            case 0:
                seconds = draw.choice([120.0, 180.0, 600.0])
                world.at(when, lambda: setattr(faults, "lambda_is_busy_until", when + seconds))
            case 1:
                seconds = draw.choice([60.0, 480.0, 600.0])
                world.at(when, lambda: setattr(faults, "cloudformation_is_busy_until", when + seconds))
            case 2:
                world.at(when, self._curse)
            case 3:
                world.at(when, self._end_a_run)
            case 4 if len(self.stacks) > 1 or draw.random() < 0.2:
                world.at(when, self._lose_the_application)
            case 5:
                world.at(when, self._let_the_application_stop)
            case 6:
                world.at(when, self._deliver_an_old_request)

    def _curse(self) -> None:
        active = [one for one in self.aws.executions.values() if one.is_running]
        if active:
            self.is_cursed = True
            self.aws.say("a function is killed again and again")
            self.aws.curse(active[-1])

    def _end_a_run(self) -> None:
        for run in self._own():
            if run.state not in ENDED:
                run.state = "CANCELLED"
                self.ended_by_somebody.add(run.run_id)
                self.aws.say(f"somebody ends {run.run_id}")

    def _lose_the_application(self) -> None:
        self.aws.say("somebody deletes the application")
        self.is_application_lost = True
        for run in self.aws.service.active_runs():
            run.state = "CANCELLED"
        self.aws.service.applications.clear()

    def _let_the_application_stop(self) -> None:
        applications = self.aws.service.applications
        if APPLICATION in applications:
            applications[APPLICATION] = "STOPPING"
            self.aws.world.after(45, lambda: applications.update({APPLICATION: "STOPPED"} if applications else {}))

    def _deliver_an_old_request(self) -> None:
        asked = self.random.choice(self.stack.asked) if self.stack.asked else None
        if asked:
            self.aws.deliver(asked.event)

    def _run_of_somebody_else(self) -> Run:
        """A run with the same name, which nobody here may touch."""
        request = {"executionRoleArn": "arn:aws:iam::123456789012:role/Etl", "clientToken": "theirs", "name": "etl-1"}
        run = Run("00theirs", APPLICATION, {**request, "tags": {}}, self.aws.service.now, "RUNNING")
        self.aws.service.runs[run.run_id] = run
        return run

    # What has to hold

    def _hold(self, check: Callable[[], None]) -> None:
        """Check in the middle of a call: the handler must not see what is wrong, as it bears every error."""
        try:
            check()
        except AssertionError as broken:
            self.aws.say(f"BROKEN: {broken}")
            self.broken.append(broken)

    def _started(self, run: Run, by: str) -> None:
        asked = self._asked(by)
        own = [one for one in self._own() if one.run_id not in self.retained]
        active = [one.run_id for one in own if one.state not in ENDED]
        assert len(active) <= 1, f"two runs are active: {active}"
        same = [one for one in own if one.request["tags"][contract.REQUEST_ID_TAG] == by]
        assert sum(one.started_at is not None for one in same) <= 1, f"{by} has two runs that ran"
        assert all(one is run or (one.state == "FAILED" and one.started_at is None) for one in same), (
            f"{by} has started two runs"
        )
        self._require_wanted(asked, "starts a run")
        is_rollback = asked.status == "UPDATE_ROLLBACK_IN_PROGRESS"
        assert not is_rollback or self.is_stream, "a rollback does batch work again"

    def _cancelled(self, run: Run, by: str) -> None:
        assert run is not self.theirs, "somebody else's run is cancelled"
        if run.request["tags"][contract.REQUEST_ID_TAG] != by:
            assert run.run_id not in self.retained or not self.is_retained, "a retained run is cancelled"
            self._require_wanted(self._asked(by), f"cancels {run.run_id}")

    def _require_wanted(self, asked: Asked, what: str) -> None:
        given_up_at = asked.given_up_at
        late = given_up_at is not None and self.aws.world.now - given_up_at > _LONGEST_CALL
        # A request of a stack that is deleted may end what it wants.
        harmless = asked.event["RequestType"] == "Delete"
        if late and not harmless and not self._is_undecidable(asked):
            raise AssertionError(f"{asked.event['RequestId']}, which is left behind, {what}")

    def _is_undecidable(self, asked: Asked) -> bool:
        """Whether nothing tells the request from the one that takes it back.

        Its time does not, and neither does what the run is a run of that CloudFormation knows: an update before this
        one has started it, failed, and was not rolled back. The page on the life cycle says so.
        """
        stack = next(stack for stack in self.stacks if asked in stack.asked)
        before = [
            event["ResourceStatus"]
            for event in stack.events
            if event["PhysicalResourceId"] == stack.stack_id and event["Timestamp"].timestamp() <= asked.asked_at
        ]
        last_complete = max((number for number, status in enumerate(before) if status.endswith("_COMPLETE")), default=0)
        is_tie = asked.given_up_at is not None and int(asked.given_up_at) == int(asked.asked_at)
        return "UPDATE_FAILED" in before[last_complete:] and (is_tie or not self.faults.has_dates)

    def _come_to_rest(self) -> None:
        stack = self.stack
        is_at_rest = self.aws.world.run(until=lambda: not stack.is_busy or bool(self.broken), most_seconds=_DAY)
        for broken in self.broken:
            raise broken
        assert is_at_rest, f"the stack stays {stack.status}"
        self._require_answers()
        if RUN not in stack.specs and stack.status not in ("DELETE_FAILED", "ROLLBACK_FAILED"):
            if self.is_retained:
                self.retained |= {run.run_id for run in self._own()}
            self._require_none("the stack has no job run any more")
        elif stack.is_complete and self.is_stream and not self.is_application_lost:
            self._require_stream()

    def _require_none(self, why: str) -> None:
        active = [run.run_id for run in self._own() if run.state not in ENDED and run.run_id not in self.retained]
        if self.is_cursed and any(self._has_failed_to_delete(asked) for asked in self.stack.asked):
            # CloudFormation was told, and abandons in a cleanup what can't be deleted.
            self.retained |= set(active)
            return
        assert not active, f"{why}, and {active} are active"

    @staticmethod
    def _has_failed_to_delete(asked: Asked) -> bool:
        return (
            asked.event["RequestType"] == "Delete" and asked.answer is not None and asked.answer["Status"] == "FAILED"
        )

    def _require_stream(self) -> None:
        """The stream runs that the stack has by now, if it did not end by itself."""
        own = list(self._own())
        if not own:
            return
        # `RUNNING` is not waited for by everybody.
        wanted = self.stack.specs[RUN].properties[contract.REQUEST]["name"]
        last = own[-1]
        may_have_ended = self.faults.ends_by_itself or self.faults.role_is_late or self.ended_by_somebody
        if not may_have_ended:
            assert last.state not in ENDED | {"CANCELLING"}, f"the stream {last.run_id} is {last.state}"
            assert last.request["name"] == wanted, f"the stack has {wanted}, and {last.request['name']} runs"

    def _require_answers(self) -> None:
        for asked in self.stack.asked:
            sent = self.aws.answers.get(asked.event["ResponseURL"], [])
            assert len({body for _, body in sent}) <= 1, f"{asked.event['RequestId']} is answered in two ways"
            reason = asked.answer.get("Reason", "") if asked.answer else ""
            timed_out = asked.given_up_at and asked.given_up_at - asked.asked_at >= LIMIT_SECONDS
            assert not timed_out, f"{asked.event['RequestId']} is not answered within the hour"
            if self.is_cursed:
                continue
            for passing in (*_PASSING, *([] if self.kills_are_many else [_DIES])):
                assert passing not in reason, f"{asked.event['RequestId']} fails as {reason}"
            assert asked.given_up_at is not None or "does not want" not in reason, (
                f"{asked.event['RequestId']}, which is wanted, is refused"
            )

    def _finish(self) -> None:
        """In the end nothing is left: no run, no request without its answer."""
        faults = self.faults
        faults.kills = faults.calls_fail = faults.late = faults.slow_calls = 0.0
        for _ in range(4):
            if not self.stack.exists:
                break
            self.stack.delete()
            self._come_to_rest()
        assert not self.stack.exists or self.is_cursed, f"the stack is {self.stack.status}"
        if self.is_retained:
            return
        self.aws.world.pause(LATEST_DELIVERY * 2)
        self.aws.world.run(until=lambda: not (self._is_busy() or self.aws.undelivered), most_seconds=_DAY)
        for broken in self.broken:
            raise broken
        if not self.stack.exists:
            self._require_none("the stack is deleted")
        assert self.theirs.state == "RUNNING" or self.is_application_lost
        for stack in self.stacks:
            for asked in stack.asked:
                answered = self.aws.answers.get(asked.event["ResponseURL"])
                assert answered, f"{asked.event['RequestId']} is never answered"

    def _is_busy(self) -> bool:
        return any(one.is_running for one in self.aws.executions.values())

    def _own(self) -> list[Run]:
        return [run for run in self.aws.service.runs.values() if run is not self.theirs]

    def _asked(self, request_id: str) -> Asked:
        for stack in self.stacks:
            for asked in stack.asked:
                if asked.event["RequestId"] == request_id:
                    return asked
        raise AssertionError(f"nobody has asked for {json.dumps(request_id)}")
