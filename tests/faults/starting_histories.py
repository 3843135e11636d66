"""Histories of state machines that run jobs, in which things go wrong, and what has to hold in all of them.

The definitions, and what schedules and rules start executions with, are the template's.
"""

from __future__ import annotations

import functools
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_stepfunctions as sfn

from constructs_emrs import (
    Application,
    Code,
    EmrServerlessStartJobRun,
    JobSchedule,
    JobTrigger,
    Overlap,
    ReleaseLabel,
    SparkJob,
)
from tests.faults.executions import Execution, Json, Steps, iso
from tests.faults.world import World
from tests.handler.in_memory_service import APPLICATION, ENDED, Refused, Run, Service
from tests.handler.state_machine import TaskFailed
from tests.templates import new_stack, resources

OF_THE_JOB, JSON_PATH, JSONATA, RETRIED = "OfTheJob", "JsonPath", "Jsonata", "Retried"
FIRST, SECOND, BESIDE = "First", "Second", "Beside"
_WEEK = 7 * 86_400.0
_MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:Machine"
# The most entries of one execution into the state of a user's machine, and tries after a failed run there.
_ROUNDS, _RETRIES = 3, 2


@dataclass(frozen=True)
class Deployed:
    """What is deployed, as text: references are the application's id."""

    definitions: Mapping[str, str]
    schedules: Mapping[str, str]
    """What a schedule sends to StartExecution."""
    rule: str
    """What the rule sends, with `<event>` in it."""


@functools.cache
def deployed() -> Deployed:
    """Synthesise it."""
    stack = new_stack()
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    job = SparkJob(stack, "Etl", application=application, entry_point=Code.from_uri("s3://code/etl.py"))
    hourly = scheduler.ScheduleExpression.rate(Duration.hours(1))
    for name, overlap in ((FIRST, Overlap.SKIP), (SECOND, Overlap.SKIP), (BESIDE, Overlap.ALLOW)):
        JobSchedule(stack, name, job=job, schedule=hourly, overlap=overlap, arguments=[JobSchedule.SCHEDULED_TIME])
    pattern = events.EventPattern(source=["tests"])
    JobTrigger(stack, "OnEvent", job=job, event_pattern=pattern, arguments=[events.EventField.event_id])
    _loop(stack, JSON_PATH, job)
    _loop(stack, JSONATA, job)
    _loop(stack, RETRIED, job)
    machines = resources(stack, "AWS::StepFunctions::StateMachine")
    (rule,) = resources(stack, "AWS::Events::Rule").values()
    transformer = rule["Properties"]["Targets"][0]["InputTransformer"]
    (event,) = transformer["InputPathsMap"]
    return Deployed(
        {
            name: _text(_named(machines, prefix)["DefinitionString"])
            for name, prefix in ((OF_THE_JOB, "Etl"), (JSON_PATH, JSON_PATH), (JSONATA, JSONATA), (RETRIED, RETRIED))
        },
        {
            name: _text(_named(resources(stack, "AWS::Scheduler::Schedule"), name)["Target"]["Input"])
            for name in (FIRST, SECOND, BESIDE)
        },
        _text(transformer["InputTemplate"]).replace(f"<{event}>", "<event>"),
    )


def _loop(stack: Stack, name: str, job: SparkJob) -> None:
    """A machine that enters the state again and again."""
    done = sfn.Succeed(stack, f"{name} done")
    if name == JSONATA:
        language = sfn.QueryLanguage.JSONATA
        count = sfn.Pass.jsonata(stack, f"{name} count", outputs={"rounds": "{% $states.input.rounds - 1 %}"})
        again = sfn.Choice.jsonata(stack, f"{name} again")
        is_more = sfn.Condition.jsonata("{% $states.input.rounds > 0 %}")
    else:
        language = sfn.QueryLanguage.JSON_PATH
        less = sfn.JsonPath.math_add(sfn.JsonPath.number_at("$.rounds"), -1)
        count = sfn.Pass(stack, f"{name} count", parameters={"rounds": less})
        again = sfn.Choice(stack, f"{name} again")
        is_more = sfn.Condition.number_greater_than("$.rounds", 0)
    run = EmrServerlessStartJobRun(
        stack,
        f"{name} run",
        job=job,
        query_language=language,
        outputs="{% $states.input %}" if name == JSONATA else None,
        result_path=None if name == JSONATA else "$.run",
    )
    if name == RETRIED:
        run.add_retry(errors=["States.TaskFailed"], max_attempts=_RETRIES)
    again.when(is_more, run).otherwise(done)
    body = sfn.DefinitionBody.from_chainable(run.next(count).next(again))
    sfn.StateMachine(stack, name, definition_body=body)


def _named(found: Mapping[str, Json], prefix: str) -> Json:
    (properties,) = [item["Properties"] for name, item in found.items() if name.startswith(prefix)]
    return dict(properties)


def _text(value: Any) -> str:
    parts = [value] if isinstance(value, str) else value["Fn::Join"][1]
    return "".join(part if isinstance(part, str) else APPLICATION for part in parts)


@dataclass(frozen=True)
class Cause:
    """What an execution is started for."""

    of: str
    """A schedule, a rule, a person, or a machine of a user."""
    which: str

    @property
    def is_one_at_a_time(self) -> bool:
        """Whether it is left out while an earlier one runs."""
        return self.of in {FIRST, SECOND}


class StartingHistory:
    """What happened to one state machine, whose seed was this."""

    def __init__(self, seed: int, stacks: Deployed) -> None:
        self.seed = seed
        self.stacks = stacks
        self.random = draw = random.Random(seed)  # noqa: S311 - a history, not a secret
        random.seed(seed)  # the jitter of retries
        self.service = Service()
        self.world = World(self.service)
        self.began_at = self.world.now
        self.machine = draw.choice([OF_THE_JOB, OF_THE_JOB, OF_THE_JOB, JSON_PATH, JSONATA, RETRIED])
        self.calls_fail = draw.choice([0.0, 0.1, 0.2])
        self.answers_are_lost = draw.choice([0.0, 0.1, 0.3])
        self.list_lag = draw.choice([0.0, 0.0, 3.0])
        self.runs_fail = draw.choice([0.0, 0.3])
        self.stops = draw.choice([0.0, 0.5])
        self.application_changes_until = draw.choice([0.0, 0.0, draw.uniform(0, 240)])
        """After how many seconds the application has stopped, and the service takes runs."""
        self.executions: list[Execution] = []
        self.causes: dict[Execution, Cause] = {}
        self.started_by: dict[str, tuple[Execution, int, int, int]] = {}
        """By run: the execution, its redrive, its entry into the state, and the try."""
        self.known: dict[Execution, dict[str, tuple[int, int]]] = {}
        """The runs that an execution got as answers, with entry and try."""
        self.lost: dict[Execution, int] = {}
        self.log: list[str] = []
        self._undelivered = 0

    @classmethod
    def without_faults(cls, machine: str) -> StartingHistory:
        """One in which nothing happens by itself, and nothing goes wrong."""
        history = cls(0, deployed())
        history.machine, history.list_lag = machine, 0.0
        history.calls_fail = history.answers_are_lost = history.runs_fail = history.stops = 0.0
        history.application_changes_until = 0.0
        return history

    def live(self) -> None:
        """Let it happen.

        Raises:
            AssertionError: An invariant is broken; the text has the seed and what happened.
        """
        try:
            self._draw_deliveries()
            self.come_to_rest()
        except AssertionError as broken:
            raise AssertionError(f"{broken}\nseed {self.seed}, {self.machine}\n" + "\n".join(self.log)) from broken

    def come_to_rest(self) -> None:
        """Let all that was begun end.

        Raises:
            AssertionError: An invariant is broken.
        """
        assert self.world.run(until=lambda: not self._is_busy(), most_seconds=_WEEK), "it does not come to rest"
        for execution in self.executions:
            self._ended(execution)

    def _say(self, text: str) -> None:
        self.log.append(f"{iso(self.world.now)} {text}")

    def _is_busy(self) -> bool:
        is_active = any(one.is_running for one in self.executions) or bool(self.service.active_runs())
        return is_active or self._undelivered > 0

    # What people and services do

    def _draw_deliveries(self) -> None:
        draw = self.random
        for number in range(draw.randint(1, 4)):
            late = draw.choice([0.0, number * 60.0, draw.uniform(0, 3 * 3600)])
            deliver = self._draw_delivery(number)
            # A delivery whose answer was lost is repeated, soon or late.
            again = [draw.choice([0.0, 0.002, 30.0, draw.uniform(0, 7200)]) for _ in range(draw.choice([0, 1, 2]))]
            for later in (0.0, *again):
                self.after(late + later, deliver)

    def after(self, seconds: float, deliver: Callable[[], None]) -> None:
        """Have something delivered then."""
        self._undelivered += 1
        self.world.after(seconds, deliver)

    def _draw_delivery(self, number: int) -> Callable[[], None]:
        draw = self.random
        if self.machine != OF_THE_JOB:
            return lambda: self.start(draw.randint(0, _ROUNDS - 1))
        match draw.choice([FIRST, FIRST, FIRST, SECOND, BESIDE, "rule", "person"]):
            case "person":
                return lambda: self._start(self._new_name(), {"arguments": ["by hand"]} if number % 2 else {})
            case "rule":
                return lambda: self.deliver_event(f"event-{number}")
            case schedule:
                return lambda: self.deliver_occurrence(schedule, f"2026-01-01T0{number}:00:00Z")

    def start(self, more_rounds: int) -> None:
        """Start a user's machine."""
        self._start(self._new_name(), {"rounds": more_rounds})

    def deliver_event(self, event_id: str) -> None:
        """Let the rule start an execution."""
        sent = self.stacks.rule.replace("<event>", json.dumps({"id": event_id, "detail": {}}))
        self._start(self._new_name(), json.loads(sent), Cause("rule", event_id))

    def deliver_occurrence(self, schedule: str, time: str) -> None:
        """Let the schedule start an execution; each attempt to do so has an id of its own."""
        text = self.stacks.schedules[schedule].replace("<aws.scheduler.scheduled-time>", time)
        attempt = f"{self.random.getrandbits(64):016x}"
        sent = json.loads(text.replace("<aws.scheduler.execution-id>", attempt))
        self._start(sent["Name"], json.loads(sent["Input"]), Cause(schedule, time))

    def _new_name(self) -> str:
        return f"by-hand-{self.random.getrandbits(32):08x}"

    def _start(self, name: str, data: Json, cause: Cause | None = None) -> None:
        self._undelivered -= 1
        definition = json.loads(self.stacks.definitions[self.machine])
        execution = Execution(self.world, definition, _MACHINE, name, data, self._perform)
        self.executions.append(execution)
        self.causes[execution] = cause or Cause("person", name)
        self.known[execution], self.lost[execution] = {}, 0
        self._say(f"{name} begins with {json.dumps(data)}")
        if self.random.random() < self.stops:
            seconds = self.random.choice([0.0, 1.0, 20.0, 1200.0]) * self.random.random()
            self.world.after(seconds, lambda: self._stop(execution))

    def _stop(self, execution: Execution) -> None:
        if not execution.is_running:
            return
        self._say(f"{execution.name} is stopped")
        known = set(self.known[execution])
        execution.stop()
        active = {run.run_id for run in self.service.active_runs() if run.state != "CANCELLING"}
        left = [run for run in known & active if self._is_for(execution, run)]
        assert not left, f"{execution.name} was stopped, and {left} goes on"
        if self.random.random() < 0.5:
            self.world.after(self.random.choice([0.0, 60.0, 3600.0]), lambda: self._redrive(execution))

    def _redrive(self, execution: Execution) -> None:
        if not execution.is_running and execution.status != "SUCCEEDED":
            self._say(f"{execution.name} is redriven")
            execution.redrive()

    # Tasks

    def _perform(self, execution: Execution, resource: str, parameters: Json) -> Steps:
        name = resource.removeprefix(f"arn:{APPLICATION}:states:::")
        yield self.random.uniform(0.01, 0.5)
        if name == "aws-sdk:sfn:listExecutions":
            self._may_fail("Sfn.SfnException")
            return self._listed(execution)
        started = yield from self._start_run(execution, parameters)
        if not name.endswith(".sync"):
            return started
        return (yield from self._wait(execution, self.service.runs[started["JobRunId"]]))

    def _may_fail(self, error: str) -> None:
        if self.random.random() < self.calls_fail:
            raise TaskFailed(error)

    def _listed(self, execution: Execution) -> Json:
        """The running executions; the list may lag, but not by so much that it lacks what asks for it."""
        seen = iso(self.world.now - self.list_lag)
        listed = [one for one in self.executions if one.is_running and (one.started_at <= seen or one is execution)]
        return {"Executions": [{"Name": one.name, "StartDate": one.started_at} for one in listed]}

    def _start_run(self, execution: Execution, parameters: Json) -> Steps:
        self._may_fail(
            self.random.choice(["EMRServerless.ThrottlingException", "EMRServerless.InternalServerException"])
        )
        if self.machine == OF_THE_JOB and self.world.now < self.began_at + self.application_changes_until:
            raise TaskFailed("EMRServerless.ValidationException", f"Application {APPLICATION} is in state STOPPING")
        # What a client of AWS does with a request that has no token.
        token = parameters.get("ClientToken", f"{self.random.getrandbits(64)}")
        request = {"clientToken": token, "driver": parameters["JobDriver"], "executionRoleArn": "role"}
        try:
            run_id = self.service.call("start_job_run", parameters["ApplicationId"], body=request)["jobRunId"]
        except Refused as refused:
            raise TaskFailed(f"EMRServerless.{refused.code}") from refused
        run, entry = self.service.runs[run_id], (execution.entries, execution.tries)
        if run_id not in self.started_by:
            self.started_by[run_id] = (execution, execution.redrives, *entry)
            self._say(f"{execution.name} starts {run_id}, entry {entry[0]}, try {entry[1]}")
            self._live(run)
            self._started(execution, run)
        yield self.random.uniform(0.01, 0.5)
        if self.random.random() < self.answers_are_lost:
            self._say(f"{execution.name} loses the answer")
            self.lost[execution] += 1
            names = ("EMRServerless.SdkClientException", "EMRServerless.InternalServerException")
            raise TaskFailed(self.random.choice(names))
        self._answered(execution, run, entry)
        self.known[execution][run_id] = entry
        return {"JobRunId": run_id, "ApplicationId": run.application_id}

    def _wait(self, execution: Execution, run: Run) -> Steps:
        execution.on_abort = lambda: self._cancel(run)
        while run.state not in ENDED:
            yield self.random.uniform(1, 30)
        execution.on_abort = None
        found = {"JobRunId": run.run_id, "State": run.state, "StateDetails": run.state_details}
        if run.state != "SUCCESS":
            raise TaskFailed("States.TaskFailed", json.dumps(found))
        return found

    def _cancel(self, run: Run) -> None:
        if run.state not in ENDED:
            run.state = "CANCELLING"
            self.world.after(self.random.uniform(0, 60), lambda: setattr(run, "state", "CANCELLED"))

    def _live(self, run: Run) -> None:
        end = "FAILED" if self.random.random() < self.runs_fail else "SUCCESS"

        def finish() -> None:
            if run.state not in ENDED and run.state != "CANCELLING":
                run.state, run.state_details = end, "the data is wrong" if end == "FAILED" else ""
                self._say(f"{run.run_id} is {end}")

        self.world.after(self.random.choice([5.0, 300.0, 5400.0]) * self.random.random(), finish)

    # What has to hold

    def _is_for(self, execution: Execution, run_id: str) -> bool:
        """Whether the run is the one of the present entry."""
        return self.known[execution][run_id] == (execution.entries, execution.tries)

    def _started(self, execution: Execution, run: Run) -> None:
        """A run has begun."""
        _, redrive, entry, tried = self.started_by[run.run_id]
        for other_id, (other, of_redrive, of_entry, of_try) in self.started_by.items():
            if other_id == run.run_id or of_redrive != redrive:
                continue
            if self.machine == OF_THE_JOB:
                assert self.causes[other] != self.causes[execution], f"{run.run_id} is a second run of one cause"
            elif other is execution and of_entry == entry:
                is_another_try = self.machine == RETRIED and of_try != tried
                assert is_another_try, f"{run.run_id} is a second run of one entry"
        if self.machine == RETRIED:
            own = [one for one in self.started_by.values() if one[:3] == (execution, redrive, entry)]
            assert len(own) <= 1 + _RETRIES + self.lost[execution], "tries that failed for nothing have started runs"
        if self.causes[execution].is_one_at_a_time and not execution.redrives and not self.list_lag:
            older = [one.name for one in self._older_of_its_schedule(execution) if not one.redrives]
            assert not older, f"{run.run_id} begins while {older} of the same schedule runs"

    def _older_of_its_schedule(self, execution: Execution) -> list[Execution]:
        cause, place = self.causes[execution], (execution.started_at, execution.name)
        return [
            one
            for one in self.executions
            if one.is_running and self.causes[one].of == cause.of and (one.started_at, one.name) < place
        ]

    def _answered(self, execution: Execution, run: Run, entry: tuple[int, int]) -> None:
        """An execution is told which run it has."""
        other, redrive, of_entry, _ = self.started_by[run.run_id]
        assert redrive == execution.redrives, f"{run.run_id} is of before the redrive"
        if self.machine == OF_THE_JOB:
            assert self.causes[other] == self.causes[execution], f"{run.run_id} is of another cause"
            return
        assert other is execution, f"{run.run_id} is of another execution"
        assert of_entry == entry[0], f"{run.run_id} is of an earlier entry"
        had = self.known[execution].get(run.run_id)
        assert had is None, f"a try after a failed run has {run.run_id} again"

    def _ended(self, execution: Execution) -> None:
        cause = self.causes[execution]
        if execution.status == "ABORTED" or execution.redrives:
            return
        if execution.status == "FAILED":
            runs = [self.service.runs[run] for run in self.known[execution]]
            assert runs, f"{execution.name} failed without a run: {execution.error} {execution.cause}"
            if self.machine == OF_THE_JOB:
                (run,) = runs
                assert execution.error == run.state, execution.error
                told = f"Job run {run.run_id} is {run.state}: {run.state_details}"
                assert execution.cause == told, execution.cause
        elif self.known[execution]:
            run = self.service.runs[list(self.known[execution])[-1]]
            assert run.state == "SUCCESS", f"{execution.name} succeeded, and {run.run_id} is {run.state}"
        else:
            assert execution.output == {"skipped": "an earlier occurrence still runs"}, execution.output
            assert cause.is_one_at_a_time, f"{execution.name} is skipped"
            older = [one for one in self.executions if self.causes[one].of == cause.of and one is not execution]
            assert any((one.started_at, one.name) < (execution.started_at, execution.name) for one in older), (
                f"{execution.name} is skipped, and is the oldest"
            )
