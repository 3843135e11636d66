"""The command: `python -m conformance`, or `make conformance`."""

from __future__ import annotations

import argparse
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from conformance.account import Account
from conformance.comparison import surprises
from conformance.kit import Kit
from conformance.probe import Probe
from conformance.probes import PROBES
from conformance.recording import Recording

_HERE = Path(__file__).parent
AWS_RECORDING = _HERE / "recordings" / "aws.json"
_STATE = _HERE / ".left-behind.json"


def main(arguments: Sequence[str] | None = None, *, probes: Sequence[Probe] = PROBES) -> int:
    """Ask AWS; 0 if all was answered as the project expects and all is deleted again."""
    options = _parser(probes).parse_args(arguments)
    if options.again:
        options.recording.unlink(missing_ok=True)
    try:
        account = Account(boto3.Session(), run=secrets.token_hex(4), run_minutes=options.run_minutes)
    except (BotoCoreError, ClientError) as error:
        print(f"There are no credentials that work: {error}", file=sys.stderr)
        return 1
    asked = [probe for probe in probes if not options.only or probe.id in options.only]
    kit = Kit(account=account, probes=asked, recording=options.recording, state=options.state, say=_say)
    if options.clean:
        return _report(kit.clean())
    print(kit.plan())
    if not options.yes and input("Go on? Type yes: ") != "yes":
        return 1
    wrong = kit.ask()
    recording = Recording.read(options.recording)
    unexpected = surprises(recording, probes)
    wrong += [f"{probe}: AWS answers otherwise: {recording.answers[probe]}" for probe in unexpected]
    print(f"{len(recording.answers)} of {len(probes)} answers are in {options.recording}")
    return _report(wrong)


def _report(wrong: Sequence[str]) -> int:
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


def _say(line: str) -> None:
    print(line, flush=True)


def _parser(probes: Sequence[Probe]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m conformance",
        description="Asks AWS what only AWS can say, in the account of the credentials that are found. It costs money.",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask before anything is made")
    parser.add_argument("--clean", action="store_true", help="only delete what an earlier run has left")
    parser.add_argument(
        "--again", action="store_true", help="ask everything again; otherwise only what is not recorded"
    )
    parser.add_argument(
        "--only", action="append", choices=[probe.id for probe in probes], metavar="ID", help="one probe"
    )
    parser.add_argument("--run-minutes", type=int, default=20, help="after how long the service ends a job run")
    parser.add_argument("--recording", type=Path, default=AWS_RECORDING, help="the file of the answers")
    parser.add_argument("--state", type=Path, default=_STATE, help="the file that is there while something may be left")
    return parser


if __name__ == "__main__":
    sys.exit(main())
