"""The command: `python -m conformance`, or `make conformance`."""

from __future__ import annotations

import argparse
import contextlib
import os
import secrets
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from conformance.account import RUN_MINUTES, Account, Delays, is_of_credentials
from conformance.comparison import surprises
from conformance.cost import ASSUMED, Prices
from conformance.kit import Kit, Left
from conformance.probe import Probe
from conformance.probes import PROBES
from conformance.recording import Recording

_HERE = Path(__file__).parent
AWS_RECORDING = _HERE / "recordings" / "aws.json"
_STATE = _HERE / ".left-behind.json"
_RUN_MINUTES = range(10, 24 * 60 + 1)


def main(
    arguments: Sequence[str] | None = None, *, probes: Sequence[Probe] = PROBES, delays: Delays | None = None
) -> int:
    """Ask AWS; 0 if all was answered as the project expects and all is deleted again."""
    options = _parser(probes).parse_args(arguments)
    session = boto3.Session(region_name=os.environ.get("AWS_REGION"))  # which boto3 does not look at
    if session.region_name is None:
        return _report(["There is no Region: set AWS_REGION"])
    try:
        account = Account(session, run=secrets.token_hex(4), run_minutes=options.run_minutes, delays=delays)
        asked = [probe for probe in probes if not options.only or probe.id in options.only]
        kit = Kit(account=account, probes=asked, recording=options.recording, state=options.state, say=_say)
        return _clean(kit, options) if options.clean else _ask(kit, options, probes)
    except EndpointConnectionError as error:
        return _report([f"Nobody answers in the Region {session.region_name}: {error}"])
    except (BotoCoreError, ClientError) as error:
        what = "There are no credentials that work" if is_of_credentials(error) else "AWS refuses"
        return _report([f"{what}: {error}"])
    except (Left, ValueError) as error:
        return _report([str(error)])


def _ask(kit: Kit, options: argparse.Namespace, probes: Sequence[Probe]) -> int:
    pending = kit.probes if options.again else kit.pending()
    if pending:
        given = {name: price for name in ASSUMED.__dict__ if (price := getattr(options, name)) is not None}
        print(kit.plan(pending, Prices(**{**ASSUMED.__dict__, **given})))
        if not _is_yes(options, "Go on?"):
            return 1
        if options.again:
            kit.forget()
    wrong = kit.ask()
    recording = Recording.read(options.recording)
    unexpected = surprises(recording, probes)
    wrong += [f"{probe}: AWS answers otherwise: {recording.answers[probe]}" for probe in unexpected]
    print(f"{len(recording.answers)} of {len(probes)} answers are in {options.recording}")
    return _report(wrong)


def _clean(kit: Kit, options: argparse.Namespace) -> int:
    others = kit.others()
    if others:
        print(f"Something is there of runs of the kit that were not started here: {', '.join(sorted(others))}.")
        print("If somebody runs it now, it will fail.")
        if not _is_yes(options, "Delete it?"):
            others = set()
    return _report(kit.clean(others))


def _is_yes(options: argparse.Namespace, question: str) -> bool:
    if options.yes:
        return True
    try:
        return input(f"{question} Type yes: ") == "yes"
    except EOFError:
        print("nobody is here to say yes; --yes does")
        return False


def _report(wrong: Sequence[str]) -> int:
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


def _say(line: str) -> None:
    # Whoever reads it may have gone, as with a terminal that was closed: that is no reason not to delete what was made.
    with contextlib.suppress(OSError):
        print(line, flush=True)


def _one_of(ids: Collection[str]) -> Callable[[str], str]:
    def known(text: str) -> str:
        if text not in ids:
            raise argparse.ArgumentTypeError(f"{text}: no such question; docs/conformance.md has their ids")
        return text

    return known


def _minutes(text: str) -> int:
    minutes = int(text)
    if minutes not in _RUN_MINUTES:
        raise argparse.ArgumentTypeError(
            f"{minutes}: from {_RUN_MINUTES.start} minutes, in which every job run of the kit has begun, to a day"
        )
    return minutes


def _parser(probes: Sequence[Probe]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m conformance",
        description="Asks AWS what only AWS can say, in the account of the credentials that are found. It costs money.",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask before anything is made or deleted")
    parser.add_argument("--clean", action="store_true", help="only delete what an earlier run has left")
    parser.add_argument("--again", action="store_true", help="ask again what is recorded; otherwise only what is not")
    parser.add_argument(
        "--only", action="append", type=_one_of({probe.id for probe in probes}), metavar="ID", help="one question"
    )
    parser.add_argument(
        "--run-minutes", type=_minutes, default=RUN_MINUTES, help="after how long the service ends a job run"
    )
    for name, what in (
        ("vcpu-hour", "a vCPU of a worker for an hour"),
        ("gb-hour", "a GB of a worker for an hour"),
        ("key-month", "a KMS key for a month"),
    ):
        assumed = getattr(ASSUMED, name.replace("-", "_"))
        parser.add_argument(
            f"--{name}",
            type=float,
            metavar="DOLLARS",
            help=f"the price of {what}, for the bound; assumed is {assumed:g}",
        )
    parser.add_argument("--recording", type=Path, default=AWS_RECORDING, help="the file of the answers")
    parser.add_argument("--state", type=Path, default=_STATE, help="the file that is there while something may be left")
    return parser


if __name__ == "__main__":
    sys.exit(main())
