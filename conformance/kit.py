"""Asks the probes: makes what they need, records each answer at once, and deletes all of it whatever happens."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from botocore.exceptions import BotoCoreError, ClientError

from conformance.account import Account, Shared, Unanswered, is_of_credentials
from conformance.cleaning import Say, clean, runs_found
from conformance.cost import ASSUMED, Prices, upper_bound
from conformance.facilities import RUNS, Facility, template
from conformance.probe import Noted, Probe
from conformance.recording import Recording


class Left(Exception):
    """Something is in the way of a new run of the kit."""


def _succeeds(aws: Account) -> None:
    for _ in range(_PLAIN_RUNS):
        ended = aws.outcome()
        if ended["state"] == "SUCCESS":
            return
    raise Unanswered(f"it is {ended['state']}: {ended.get('stateDetails')}")


_PLAIN_RUNS = 2
_PLAIN_RUN = Shared(
    name="a job run that has to succeed before the end of another is an answer", runs=_PLAIN_RUNS, make=_succeeds
)


@dataclass(frozen=True, kw_only=True)
class Kit:
    """One run of the kit.

    Attributes:
        account: Who is asked.
        probes: What is asked.
        recording: The file of the answers; what it has already is not asked again.
        state: The file that is there while something of the kit may be in an account.
        say: Is told what happens, a line at a time.
    """

    account: Account
    probes: Sequence[Probe]
    recording: Path
    state: Path
    say: Say

    def pending(self) -> list[Probe]:
        """The probes whose answers are not recorded yet."""
        answered = Recording.read(self.recording).answers
        return [probe for probe in self.probes if probe.id not in answered]

    def forget(self) -> None:
        """Take the answers of the probes out of the recording, so that they are asked again."""
        recording = Recording.read(self.recording)
        for probe in self.probes:
            recording.answers.pop(probe.id, None)
            recording.notes.pop(probe.id, None)
        if self.recording.exists():
            recording.write(self.recording)

    def plan(self, probes: Sequence[Probe], prices: Prices = ASSUMED) -> str:
        """What would be made for the probes and asked, where, and what it may cost at most."""
        account, facilities, runs = self.account, needs(probes), job_runs(probes)
        cost = upper_bound(runs, facilities, run_minutes=account.run_minutes, prices=prices)
        whose = "from memory, and twice those of us-east-1 but for keys" if prices == ASSUMED else "as given"
        lines = [
            f"Account {account.account_id}, Region {account.region}, at {account.emr.meta.endpoint_url}",
            f"{len(probes)} questions are to be asked. All that there are take some three hours, by estimate.",
            "For as long as it takes there will be, tagged and without initial capacity:",
            *(f"  - {facility.what}" for facility in facilities),
            "  - further applications, and stacks with an application, a function or a VPC, of single questions",
            f"At most {runs} job runs of the smallest workers are started.",
            f"One that does not end before is ended after {account.run_minutes} minutes.",
            f"Upper bound of the cost, if none of them ends before: ${cost:.2f}.",
            f"That is with these prices, {whose}:",
            f"${prices.vcpu_hour:g} for a vCPU and ${prices.gb_hour:g} for a GB of a worker for an hour, "
            f"${prices.key_month:g} for a KMS key for a month.",
            "The first application of an account makes the role AWSServiceRoleForAmazonEMRServerless, and the first",
            "state machine that waits for a job run a rule of Step Functions. Both stay; they cost nothing.",
        ]
        return "\n".join(lines)

    def ask(self) -> list[str]:
        """Ask what is pending; the probes that got no answer, with the reason, and what could not be deleted."""
        with _alone(self.state):
            if left := self._clean_up():
                return left
            if others := runs_found(self.account):
                return [
                    f"Something of another run of the kit is there: {', '.join(sorted(others))}. "
                    "If somebody runs it now, wait until it has ended; what was left is deleted with --clean"
                ]
            pending = self.pending()
            return self._ask(pending) if pending else []

    def clean(self, others: Collection[str] = ()) -> list[str]:
        """Delete what an earlier run has left; what could not be deleted.

        Args:
            others: Runs of the kit whose things are deleted too, whoever started them.
        """
        with _alone(self.state):
            return self._clean_up(others)

    def others(self) -> set[str]:
        """The runs of the kit that were not started here, and of which something is there."""
        return runs_found(self.account) - {self.account.run, self._left_behind().get("run", "")}

    def _ask(self, pending: Sequence[Probe]) -> list[str]:
        account, facilities = self.account, needs(pending)
        unanswered: list[str] = []
        left: list[str] = []
        self._remember()
        with _signals_raise():
            try:
                if facilities:
                    self.say("making what the questions need")
                    account.make_stack(account.stack_name, template(facilities))
                    self._wait_for_permissions()
                for number, probe in enumerate(pending, start=1):
                    self.say(f"{number}/{len(pending)} {probe.id}: {probe.question}")
                    try:
                        self._record(probe)
                    except Exception as error:  # noqa: BLE001 - the other probes may be answered
                        unanswered.append(f"{probe.id}: {type(error).__name__}: {error}")
                        self.say(f"    no answer: {error}")
                        if is_of_credentials(error):
                            unanswered.append("nothing more was asked: the credentials do not work any more")
                            break
            except (ClientError, BotoCoreError, Unanswered) as error:
                unanswered.append(f"nothing was asked: {error}")
            finally:
                left = self._clean_whatever_happens()
        return unanswered + left

    def _wait_for_permissions(self) -> None:
        minutes = self.account.delays.permissions
        self.say(f"waiting for {minutes:g} minutes, until what is allowed is known everywhere")
        time.sleep(minutes * 60)

    def _clean_up(self, others: Collection[str] = ()) -> list[str]:
        known = self._left_behind()
        if known and (known["account"], known["region"]) != (self.account.account_id, self.account.region):
            return [
                f"{self.state}: something may be left in account {known['account']}, Region {known['region']}: "
                "use its credentials and --clean, or delete the file if you know better"
            ]
        left = clean(self.account, {self.account.run, known.get("run", ""), *others}, self.say)
        if not left:
            self.state.unlink(missing_ok=True)
        return left

    def _left_behind(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.state.read_text()) if self.state.exists() else {}
        return found

    def _remember(self) -> None:
        where = {"account": self.account.account_id, "region": self.account.region, "run": self.account.run}
        self.state.write_text(json.dumps(where))

    def _record(self, probe: Probe) -> None:
        if RUNS in probe.needs:
            self.account.once(_PLAIN_RUN)
        self.account.runs_left = probe.runs
        answer = probe.ask(self.account)
        recording = Recording.read(self.recording)
        if isinstance(answer, Noted):
            recording.notes[probe.id] = answer.note
            answer = answer.answer
        recording.answers[probe.id] = answer
        recording.write(self.recording, self.account.names())
        self.say(f"    {json.dumps(answer, ensure_ascii=False)}")

    def _clean_whatever_happens(self) -> list[str]:
        for number in _ENDING:
            signal.signal(number, signal.SIG_IGN)
        self.say("deleting all that was made; this takes some minutes, and Ctrl-C does not end it")
        left = self._clean_up()
        for thing in left:
            self.say(f"    not deleted: {thing}")
        if left:
            self.say("--clean tries again")
        return left


def needs(probes: Iterable[Probe]) -> list[Facility]:
    """What the probes need, each once."""
    found: list[Facility] = []
    for facility in (facility for probe in probes for facility in probe.needs):
        if facility not in found:
            found.append(facility)
    return found


def job_runs(probes: Iterable[Probe]) -> int:
    """How many job runs the probes take at most, with those that they share."""
    of_each = list(probes)
    shared = {each.name: each.runs for probe in of_each for each in probe.shares}
    if any(RUNS in probe.needs for probe in of_each):
        shared[_PLAIN_RUN.name] = _PLAIN_RUN.runs
    return sum(probe.runs for probe in of_each) + sum(shared.values())


@contextmanager
def _alone(state: Path) -> Iterator[None]:
    """Nobody else asks or cleans with the same file: a lock on its folder, which a process that is killed gives back.

    Raises:
        Left: Somebody does.
    """
    folder = os.open(state.parent, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Left(f"{state}: the kit runs already, in another terminal") from None
        yield
    finally:
        os.close(folder)


# Ctrl-C, what ends a process, and a terminal that is closed.
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def _signals_raise() -> Iterator[None]:
    """Have each signal end the kit as Ctrl-C does, and give them back afterwards."""

    def end(number: int, _frame: FrameType | None) -> NoReturn:
        sys.exit(128 + number)

    # What nohup ignores is to be ignored.
    heeded = [number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, end) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
