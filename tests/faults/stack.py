"""CloudFormation: what it does to one stack, and what it asks of the custom resources in it.

Sources: the request types of custom resources in the CloudFormation User Guide, and, for what is sent during a
rollback, https://github.com/aws/aws-cdk/pull/29581 and
https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1814. Where no page says in which order
something happens, the history draws it, and time is that of a world: the CloudFormation of the local AWS has one order
and the time of the machine.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.faults.aws import Aws
from tests.handler.in_memory_cloudformation import LIMIT_SECONDS, response_url, stringified

PLAIN = "AWS::SomeOther::Resource"


@dataclass(frozen=True)
class Spec:
    """A resource of a template."""

    resource_type: str
    properties: dict[str, Any]
    after: tuple[str, ...] = ()
    seconds: float = 1.0
    """How long a plain resource takes."""
    fails: bool = False
    """Whether a plain resource fails when it is changed."""
    is_retained: bool = False


Template = dict[str, Spec]


@dataclass
class Resource:
    """A resource of the stack."""

    spec: Spec
    physical_id: str
    has_failed: bool = False


@dataclass
class Asked:
    """A request, and what came of it."""

    event: dict[str, Any]
    logical_id: str
    status: str
    """What the stack was doing."""
    asked_at: float
    on_answer: Callable[[dict[str, Any]], None]
    answer: dict[str, Any] | None = None
    given_up_at: float | None = None

    @property
    def is_over(self) -> bool:
        """Whether CloudFormation does not wait any more."""
        return self.answer is not None or self.given_up_at is not None


@dataclass
class _Step:
    """What a deployment does to one resource."""

    name: str
    old: Resource | None
    state: str = ""
    """"busy", "done" or "failed"."""
    physical_id: str = ""


@dataclass
class Stack:
    """One stack."""

    aws: Aws
    number: int = 1
    asked: list[Asked] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    is_busy: bool = False
    exists: bool = True

    def __post_init__(self) -> None:
        self.stack_id = f"arn:aws:cloudformation:us-east-1:123456789012:stack/Lake/{self.number}"
        self.created_at: datetime = self.aws.service.now
        self.executions = self.aws.executions
        self.start_execution = self.aws.start_execution
        self.status = ""
        self._present: dict[str, Resource] = {}
        self._stable: dict[str, Resource] = {}
        self._leftovers: list[tuple[str, Spec, str]] = []
        self._steps: dict[str, _Step] = {}
        self._template: Template = {}
        self._rolls_back = True
        self._is_forward = False
        self.known_ids: set[str] = set()
        """All physical ids that CloudFormation has heard of."""
        self.aws.stacks.append(self)
        self.aws.on_answer = self._answered

    @property
    def resources(self) -> dict[str, str]:
        """The physical ids."""
        return {name: resource.physical_id for name, resource in self._present.items()}

    @property
    def specs(self) -> Template:
        """What the stack has."""
        return {name: resource.spec for name, resource in self._present.items()}

    @property
    def is_complete(self) -> bool:
        """Whether the stack is as somebody wanted it."""
        return not self.is_busy and self.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")

    @property
    def can_be_rolled_back(self) -> bool:
        """Whether an update has failed and was left as it is."""
        return not self.is_busy and self.status in ("UPDATE_FAILED", "UPDATE_ROLLBACK_FAILED")

    @property
    def can_be_deployed(self) -> bool:
        """Whether CloudFormation takes a new template."""
        return self.is_complete or (not self.is_busy and self.status in ("CREATE_FAILED", "UPDATE_FAILED"))

    def deploy(self, template: Template, *, rolls_back: bool) -> None:
        """Create or update the stack."""
        self._begin("UPDATE_IN_PROGRESS" if self.status else "CREATE_IN_PROGRESS")
        self._template, self._rolls_back, self._is_forward = template, rolls_back, True
        self._steps = {}
        self.aws.world.after(self._takes(), self._go_forward)

    def roll_back(self) -> None:
        """Take back an update that failed, or go on with a rollback that failed."""
        self._begin("UPDATE_ROLLBACK_IN_PROGRESS")
        self.aws.world.after(self._takes(), self._revert)

    def delete(self) -> None:
        """Delete the stack."""
        self._begin("DELETE_IN_PROGRESS")
        doomed = [(name, one.spec, one.physical_id) for name, one in self._present.items()] + self._leftovers
        doomed = [one for one in doomed if not one[1].is_retained]

        def ended(failed: list[str]) -> None:
            for name in list(self._present):
                if name not in failed:
                    del self._present[name]
            self._leftovers = [one for one in self._leftovers if one[0] in failed]
            self.exists = bool(failed)
            self._end("DELETE_FAILED" if failed else "DELETE_COMPLETE")

        self._delete_all(doomed, ended)

    def fail(self) -> None:
        """Somebody cancels, or a resource that nobody sees here fails."""
        self._fail()

    # Forward

    def _go_forward(self) -> None:
        if not self._is_forward:
            return
        for name, spec in self._template.items():
            is_ready = all(self._is_done(other) for other in spec.after if other in self._template)
            if name in self._steps or not is_ready:
                continue
            step = self._steps[name] = _Step(name, self._present.get(name), "busy")
            old = step.old
            if old is not None and not old.has_failed and old.spec.properties == spec.properties:
                old.spec = spec
                step.state, step.physical_id, step.old = "done", old.physical_id, None
                self._go_forward()
                return
            if old is not None and old.has_failed and not old.physical_id.startswith("arn:"):
                # It was never made: it is made anew, and what there is of it is deleted in the end.
                self._leftovers.append((name, old.spec, old.physical_id))
                del self._present[name]
                step.old = old = None
            self._do(step, spec)
        if all(self._is_done(name) for name in self._template):
            self._is_forward = False
            self.aws.world.after(self._takes(), self._clean_up)

    def _is_done(self, name: str) -> bool:
        return name in self._steps and self._steps[name].state == "done"

    def _do(self, step: _Step, spec: Spec) -> None:
        old, name = step.old, step.name
        self._event(name, "UPDATE_IN_PROGRESS" if old else "CREATE_IN_PROGRESS", old.physical_id if old else "")
        if spec.resource_type == PLAIN:
            self.aws.world.after(spec.seconds, lambda: self._done(step, spec, {"fails": spec.fails}))
            return
        self._ask(
            "Update" if old else "Create",
            name,
            spec,
            lambda answer: self._done(step, spec, answer),
            old=old.spec.properties if old else None,
            physical_id=old.physical_id if old else None,
        )

    def _done(self, step: _Step, spec: Spec, answer: dict[str, Any]) -> None:
        if step.state != "busy" or self._steps.get(step.name) is not step:
            return
        if answer.get("fails") or answer.get("Status") == "FAILED":
            step.state = "failed"
            if step.old is None:
                physical_id = answer.get("PhysicalResourceId") or f"Lake-{step.name}-1A2B3C4D5E6F"
                self._present[step.name] = Resource(spec, physical_id, has_failed=True)
            else:
                step.old.has_failed = True
            self._event(step.name, "UPDATE_FAILED" if step.old else "CREATE_FAILED")
            self._fail()
            return
        step.state, step.physical_id = "done", answer.get("PhysicalResourceId", step.name)
        self._present[step.name] = Resource(spec, step.physical_id)
        self._event(step.name, "UPDATE_COMPLETE" if step.old else "CREATE_COMPLETE", step.physical_id)
        self._go_forward()

    def _fail(self) -> None:
        if not self._is_forward:
            return
        self._is_forward = False
        self._give_up()
        for step in self._steps.values():
            if step.state == "busy":
                step.state = "failed"
                if step.old is None:
                    spec = self._template[step.name]
                    self._present[step.name] = Resource(spec, f"Lake-{step.name}-1A2B3C4D5E6F", has_failed=True)
                else:
                    step.old.has_failed = True
        if not self._rolls_back:
            self._end("CREATE_FAILED" if self.status == "CREATE_IN_PROGRESS" else "UPDATE_FAILED")
        elif not self._stable:
            self.aws.world.after(self._takes(), self._roll_back_create)
        else:
            self.aws.world.after(self._takes(), self.roll_back)

    def _roll_back_create(self) -> None:
        self._begin("ROLLBACK_IN_PROGRESS")
        doomed = [(name, one.spec, one.physical_id) for name, one in self._present.items()]

        def ended(failed: list[str]) -> None:
            for name in list(self._present):
                if name not in failed:
                    del self._present[name]
            self._end("ROLLBACK_FAILED" if failed else "ROLLBACK_COMPLETE")

        self._delete_all(doomed, ended)

    def _clean_up(self) -> None:
        self._enter("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" if self.status == "UPDATE_IN_PROGRESS" else self.status)
        doomed = list(self._leftovers)
        for name, resource in self._stable.items():
            if name not in self._template and name in self._present:
                doomed.append((name, self._present[name].spec, self._present[name].physical_id))
            elif name in self._present and self._present[name].physical_id != resource.physical_id:
                doomed.append((name, resource.spec, resource.physical_id))
        doomed += [
            (name, one.spec, one.physical_id)
            for name, one in self._present.items()
            if name not in self._template and name not in self._stable
        ]
        doomed = [one for one in doomed if not one[1].is_retained]

        def ended(_: list[str]) -> None:
            # What can't be deleted is abandoned.
            for name in list(self._present):
                if name not in self._template:
                    del self._present[name]
            self._leftovers = []
            self._is_stable()
            self._end("UPDATE_COMPLETE" if "UPDATE" in self.status else "CREATE_COMPLETE")

        self._delete_all(doomed, ended)

    def _is_stable(self) -> None:
        self._stable = {name: Resource(one.spec, one.physical_id) for name, one in self._present.items()}

    # Back

    def _revert(self) -> None:
        """Send back what was changed since the stack was complete."""
        names = [name for name, old in self._stable.items() if self._was_touched(name, old)]
        self.aws.faults.random.shuffle(names)

        def revert_next(answer: dict[str, Any] | None = None, name: str = "") -> None:
            if answer is not None:
                if answer["Status"] == "FAILED":
                    self._end("UPDATE_ROLLBACK_FAILED")
                    return
                replaced = self._present[name].physical_id
                self._present[name] = Resource(self._stable[name].spec, answer["PhysicalResourceId"])
                if replaced not in (answer["PhysicalResourceId"], self._stable[name].physical_id):
                    self._leftovers.append((name, self._stable[name].spec, replaced))
                if answer["PhysicalResourceId"] != self._stable[name].physical_id:
                    self._leftovers.append((name, self._stable[name].spec, self._stable[name].physical_id))
            if not names:
                self._clean_up_rollback()
                return
            following = names.pop()
            spec, present = self._stable[following].spec, self._present[following]
            if spec.resource_type == PLAIN:
                self._present[following] = Resource(spec, present.physical_id)
                self.aws.world.after(self._takes(), revert_next)
                return
            is_attempted = following in self._steps and self._steps[following].old is not None
            attempted = self._template[following] if is_attempted else present.spec
            self._event(following, "UPDATE_IN_PROGRESS", present.physical_id)
            self._ask(
                "Update",
                following,
                spec,
                lambda answer: revert_next(answer, following),
                old=attempted.properties,
                physical_id=present.physical_id,
            )

        revert_next()

    def _was_touched(self, name: str, old: Resource) -> bool:
        present = self._present[name]
        return present.has_failed or present.spec.properties != old.spec.properties

    def _clean_up_rollback(self) -> None:
        self._enter("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        created = [name for name in self._present if name not in self._stable]
        doomed = [(name, self._present[name].spec, self._present[name].physical_id) for name in created]
        doomed = [one for one in doomed + self._leftovers if not one[1].is_retained]

        def ended(_: list[str]) -> None:
            for name in created:
                del self._present[name]
            self._leftovers = []
            self._is_stable()
            self._end("UPDATE_ROLLBACK_COMPLETE")

        self._delete_all(doomed, ended)

    def _delete_all(self, doomed: list[tuple[str, Spec, str]], ended: Callable[[list[str]], None]) -> None:
        """Delete what there is, all at once or one by one; `ended` is told what failed."""
        failed: list[str] = []
        left = [one for one in doomed if one[1].resource_type != PLAIN]
        waiting = len(left)

        def deleted(name: str, answer: dict[str, Any]) -> None:
            nonlocal waiting
            waiting -= 1
            if answer["Status"] == "FAILED":
                failed.append(name)
            if not waiting:
                self.aws.world.after(self._takes(), lambda: ended(failed))

        if not left:
            self.aws.world.after(self._takes(), lambda: ended(failed))
        for name, spec, physical_id in left:
            self._event(name, "DELETE_IN_PROGRESS", physical_id)
            self._ask("Delete", name, spec, functools.partial(deleted, name), physical_id=physical_id)

    # Requests and events

    def _ask(
        self,
        kind: str,
        name: str,
        spec: Spec,
        on_answer: Callable[[dict[str, Any]], None],
        *,
        old: dict[str, Any] | None = None,
        physical_id: str | None = None,
    ) -> None:
        aws, faults = self.aws, self.aws.faults
        request_id = f"{self.number}-{len(self.asked) + 1}"
        event: dict[str, Any] = {
            "RequestType": kind,
            "RequestId": request_id,
            "StackId": self.stack_id,
            "LogicalResourceId": name,
            "ResourceType": spec.resource_type,
            "ResponseURL": response_url(request_id, aws.world.now, has_date=faults.has_dates),
            "ResourceProperties": {"ServiceToken": "arn:aws:lambda:…", **stringified(spec.properties)},
        }
        if physical_id is not None:
            event["PhysicalResourceId"] = physical_id
        if old is not None:
            event["OldResourceProperties"] = {"ServiceToken": "arn:aws:lambda:…", **stringified(old)}
        asked = Asked(event, name, self.status, aws.world.now, on_answer)
        self.asked.append(asked)
        aws.say(f"{self.status}: {kind} {name} {physical_id or ''} as {request_id}")
        aws.undelivered.add(request_id)
        aws.world.after(faults.delivery(), lambda: aws.deliver(event))
        if faults.occurs(faults.repeated):
            aws.world.after(faults.delivery() + faults.random.uniform(0, 180), lambda: aws.deliver(event))
        aws.world.after(LIMIT_SECONDS, lambda: self._time_out(asked))

    def _time_out(self, asked: Asked) -> None:
        if not asked.is_over:
            asked.given_up_at = self.aws.world.now
            self.aws.say(f"{asked.event['RequestId']} was not answered")
            asked.on_answer({"Status": "FAILED", "PhysicalResourceId": ""})

    def _answered(self, url: str, answer: dict[str, Any]) -> None:
        for asked in self.asked:
            if asked.event["ResponseURL"] == url and not asked.is_over:
                asked.answer = answer
                self.known_ids.add(answer["PhysicalResourceId"])
                self.aws.say(f"{asked.event['RequestId']} {answer['Status']} {answer.get('Reason', '')[:150]!r}")
                self.aws.world.after(self._takes(), functools.partial(asked.on_answer, answer))

    def _give_up(self) -> None:
        for asked in self.asked:
            if not asked.is_over:
                asked.given_up_at = self.aws.world.now
                self.aws.say(f"{asked.event['RequestId']} is given up")

    def _takes(self) -> float:
        return self.aws.faults.operation()

    def _begin(self, status: str) -> None:
        self.is_busy = True
        self._enter(status)

    def _end(self, status: str) -> None:
        self.is_busy = False
        self._enter(status)

    def _enter(self, status: str) -> None:
        if status != self.status:
            self.status = status
            self.aws.say(status)
            self._event("Lake", status, self.stack_id)

    def _event(self, name: str, status: str, physical_id: str = "") -> None:
        self.events.append(
            {
                "LogicalResourceId": name,
                "PhysicalResourceId": physical_id,
                "ResourceStatus": status,
                "Timestamp": self.aws.service.now,
            }
        )
