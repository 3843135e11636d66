"""Asks the probes: makes what they need, records each answer at once, and deletes all of it whatever happens."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

from conformance.account import Account
from conformance.cleaning import clean, is_clean
from conformance.cost import upper_bound
from conformance.facilities import Facility, template
from conformance.probe import Noted, Probe
from conformance.recording import Recording

Say = Callable[[str], None]


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

    def plan(self) -> str:
        """What would be made and asked, where, and what it may cost at most."""
        account, pending = self.account, self.pending()
        facilities = needs(pending)
        cost = upper_bound(pending, facilities, run_minutes=account.run_minutes)
        lines = [
            f"Account {account.account_id}, Region {account.region}, at {account.emr.meta.endpoint_url}",
            f"{len(pending)} of {len(self.probes)} questions are to be asked; they take an hour or two.",
            "For as long as it takes there will be, tagged and without initial capacity:",
            *(f"  - {facility.what}" for facility in facilities),
            "  - further applications, and stacks with an application or a function, of single questions",
            f"At most {sum(probe.runs for probe in pending)} job runs of the smallest workers are started.",
            f"One that does not end before is ended after {account.run_minutes} minutes.",
            f"Upper bound of the cost, if none of them does: ${cost:.2f}. Usually it is a tenth of that.",
            "The first application of an account makes the role AWSServiceRoleForAmazonEMRServerless, and the first",
            "state machine that waits for a job run a rule of Step Functions. Both stay; they cost nothing.",
        ]
        return "\n".join(lines)

    def ask(self) -> list[str]:
        """Ask what is pending; the probes that got no answer, with the reason, and what could not be deleted."""
        if left := self.clean():
            return left
        account, pending = self.account, self.pending()
        if not pending:
            return []
        unanswered: list[str] = []
        self._remember()
        with _signals_raise():
            try:
                self.say("making what the questions need")
                account.make_stack(account.stack_name, template(needs(pending)))
                for number, probe in enumerate(pending, start=1):
                    self.say(f"{number}/{len(pending)} {probe.id}: {probe.question}")
                    try:
                        self._record(probe)
                    except Exception as error:  # noqa: BLE001 - the other probes may be answered
                        unanswered.append(f"{probe.id}: {type(error).__name__}: {error}")
                        self.say(f"    no answer: {error}")
            finally:
                left = self._clean_whatever_happens()
        return unanswered + left

    def clean(self) -> list[str]:
        """Delete what an earlier run has left; what could not be deleted."""
        if self.state.exists():
            known = json.loads(self.state.read_text())
            if (known["account"], known["region"]) != (self.account.account_id, self.account.region):
                return [
                    f"{self.state}: something may be left in account {known['account']}, Region {known['region']}: "
                    "use its credentials and --clean, or delete the file if you know better"
                ]
        left = [] if is_clean(self.account) else clean(self.account, self.say)
        if not left:
            self.state.unlink(missing_ok=True)
        return left

    def _remember(self) -> None:
        where = {"account": self.account.account_id, "region": self.account.region, "run": self.account.run}
        self.state.write_text(json.dumps(where))

    def _record(self, probe: Probe) -> None:
        answer = probe.ask(self.account)
        recording = Recording.read(self.recording)
        if isinstance(answer, Noted):
            recording.notes[probe.id] = answer.note
            answer = answer.answer
        recording.answers[probe.id] = answer
        recording.write(self.recording, self.account.names())
        self.say(f"    {json.dumps(answer, ensure_ascii=False)}")

    def _clean_whatever_happens(self) -> list[str]:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        self.say("deleting all that was made")
        left = self.clean()
        for thing in left:
            self.say(f"    not deleted: {thing}")
        return left


def needs(probes: Iterable[Probe]) -> list[Facility]:
    """What the probes need, each once."""
    found: list[Facility] = []
    for facility in (facility for probe in probes for facility in probe.needs):
        if facility not in found:
            found.append(facility)
    return found


@contextmanager
def _signals_raise() -> Iterator[None]:
    """Have SIGTERM end the kit as Ctrl-C does, and give both back afterwards."""

    def end(number: int, _frame: FrameType | None) -> NoReturn:
        sys.exit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
