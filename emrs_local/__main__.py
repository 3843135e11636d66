"""The command `emrs-local`.

emrs-local exec -- COMMAND…   a local AWS for as long as COMMAND runs, with COMMAND's exit code
emrs-local start              a local AWS in the foreground, until Ctrl-C
"""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from emrs_local._command import run_command
from emrs_local._requirements import RequirementMissing
from emrs_local.local_aws import DEFAULT_REGION, LocalAws, LocalAwsError

_DEFAULT_START_PORT = 4566
_EXIT_USAGE = 2


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line; the exit code is that of the command, 1 if the local AWS fails, 130 after Ctrl-C."""
    options = _parser().parse_args(arguments)
    # A shell starts a background job with SIGINT ignored; commands would inherit that too.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        sys.exit(options.run(options))
    except (LocalAwsError, RequirementMissing) as error:
        sys.exit(f"emrs-local: {error}")
    except KeyboardInterrupt as interrupt:
        sys.exit(128 + (interrupt.args[0] if interrupt.args else signal.SIGINT))


def _exec(options: argparse.Namespace) -> int:
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        print("emrs-local exec: which command? emrs-local exec -- COMMAND…", file=sys.stderr)
        return _EXIT_USAGE
    with _local_aws(options) as local_aws:
        _print(f"local AWS at {local_aws.url}, account {local_aws.account_id}, region {local_aws.region}")
        if options.bootstrap and not local_aws.bootstrap():
            _print("not bootstrapped: no CDK CLI here (npm install aws-cdk, or --no-bootstrap)")
        return run_command(command, environment=local_aws.command_environment())


def _start(options: argparse.Namespace) -> int:
    with _local_aws(options) as local_aws:
        try:
            _print(f"local AWS at {local_aws.url}; in another terminal:\n")
            for name, value in local_aws.environment.items():
                _print(f"export {name}={shlex.quote(value)}")
            _print(f"\nlog: {local_aws.data_directory / 'server.log'}; Ctrl-C stops it")
            local_aws.wait()
        except KeyboardInterrupt:
            return 0


def _local_aws(options: argparse.Namespace) -> LocalAws:
    return LocalAws(port=options.port, region=options.region, enforce_rates=options.enforce_rates, on_event=_print)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="emrs-local", description="A local AWS with EMR Serverless, to which the CDK deploys."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    execute = commands.add_parser("exec", help="run a command against a local AWS of its own")
    execute.add_argument("--no-bootstrap", dest="bootstrap", action="store_false", help="skip cdk bootstrap")
    execute.add_argument("command", nargs=argparse.REMAINDER, help="the command, after --")
    execute.set_defaults(run=_exec, port=0)
    start = commands.add_parser("start", help="keep a local AWS in the foreground")
    start.set_defaults(run=_start, port=_DEFAULT_START_PORT)
    for command in (execute, start):
        default = "a free one" if command is execute else str(_DEFAULT_START_PORT)
        command.add_argument("--port", type=int, default=command.get_default("port"), help=f"default: {default}")
        command.add_argument("--region", default=DEFAULT_REGION, help=f"default: {DEFAULT_REGION}")
        rates = "refuse calls of EMR Serverless that come faster than AWS allows"
        command.add_argument("--enforce-rates", action="store_true", help=rates)
    return parser


def _print(line: str) -> None:
    print(line, flush=True)


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt(number)


if __name__ == "__main__":
    main()
