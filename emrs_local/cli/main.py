"""The command `emrs-local`.

emrs-local exec -- COMMAND…   a local AWS for as long as COMMAND runs, with COMMAND's exit code
emrs-local start              a local AWS in the foreground, until Ctrl-C
emrs-local runs               the job runs of the local AWS that the environment names
emrs-local logs [RUN]         what the driver of a run printed, and prints
emrs-local submit JOB         a deployed job again, with other arguments, without a deploy
emrs-local cancel RUN         the end of a job run
emrs-local ui [RUN]           the Spark UI of a job run
emrs-local fire NAME          a schedule now, without waiting for its time
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from contextlib import closing
from importlib.metadata import version
from types import FrameType
from typing import NoReturn, TypedDict

from emrs_local.cli.aws_account import AwsAccount
from emrs_local.cli.client import RunningLocalAws
from emrs_local.cli.command import run_command
from emrs_local.cli.console import Console
from emrs_local.cli.job_runs import print_job_runs, print_logs, print_outcome, streams_of
from emrs_local.cli.submit import Account, cancel, follow, start_again
from emrs_local.cli.ui import show_event_logs, show_job_run
from emrs_local.local_aws import DEFAULT_REGION, LocalAws, LocalAwsError
from emrs_local.requirements import RequirementMissing
from emrs_local.spark.added_jars import JARS_VARIABLE

_DEFAULT_START_PORT = 4566
_EXIT_USAGE = 2
_LAST_PORT = 65535

_DESCRIPTION = """\
A local AWS with EMR Serverless, to which the real CDK deploys and where real Apache Spark runs the jobs.
It listens on 127.0.0.1, needs no AWS account, no Docker and no Java, and leaves nothing behind but a cache."""
_EXAMPLES = """\
examples:
  emrs-local exec -- npx cdk deploy --require-approval never    deploy to a local AWS that lasts as long
  emrs-local start                                              keep one; then, with the lines that it prints:
  emrs-local runs                                               list its job runs
  emrs-local logs --follow                                      follow the driver of the newest one
  emrs-local submit Etl -- 2026-11-25                           run a job again, with another argument
  emrs-local ui                                                 open the Spark UI of the newest run"""
_EXEC = """\
Start a local AWS of its own, bootstrap it for the CDK, run COMMAND with the environment set to it (endpoint,
credentials, region, certificate), and stop it. The exit code is COMMAND's. Each change of the state of an application
or job run is printed as it happens; a terminal shows in its last row how long the active job runs take. At the end
there is a line for each job run: its state, its duration and the last line that its driver printed."""
_EXEC_EXAMPLES = """\
examples:
  emrs-local exec -- npx cdk deploy --require-approval never
  emrs-local exec --region eu-west-1 -- sh -c 'npx cdk deploy --require-approval never && emrs-local logs'"""
_START = """\
Keep a local AWS in the foreground until Ctrl-C. It is bootstrapped for the CDK and prints the environment to set in
another terminal, and then each change of the state of an application or job run."""
_START_EXAMPLES = """\
example:
  emrs-local start              and in another terminal, once the printed lines are pasted there:
  npx cdk deploy"""
_FINDS = """\
It is the local AWS of the environment: pasted from `emrs-local start`, or set by `emrs-local exec`. The job runs are
those of one region, AWS_REGION."""
_RUNS = f"""\
List the job runs, newest first: id, name, application, state, start, duration, vCPU-hours and GB-hours of the workers
that the job asks AWS for, and state details.
{_FINDS}"""
_RUNS_EXAMPLES = """\
example:
  emrs-local exec -- sh -c 'npx cdk deploy --require-approval never; emrs-local runs'"""
_LOGS = f"""\
Print what the driver of a job run printed, wherever its logs are delivered to and also before they are. The driver's
standard output goes to standard output and its standard error to standard error, the choice of one to standard output.
{_FINDS}"""
_LOGS_EXAMPLES = """\
examples:
  emrs-local logs                       the newest job run
  emrs-local logs Etl --follow          the newest job run of that name, until it ends
  emrs-local logs --stderr | grep WARN"""


_ON_AWS = """\
With --aws it is on AWS, with your own credentials and region; the account is printed first. Without it, only the local
AWS of the environment is asked: pasted from `emrs-local start`, or set by `emrs-local exec`."""
_SUBMIT = f"""\
Run a job again, without a deploy: what its newest run was started with, with other arguments if there are any. JOB is
the name of the job, which its runs have, or the id of a run. What the driver prints is printed, with each change of the
state; a terminal shows the time and the stages in its last row. Ctrl-C leaves the run alone and says how to end it. The
run is none of the deployment's: a deploy does not wait for it, and ends it only where it changes the application. The
exit code is 0 when the run succeeds, else 1.
{_ON_AWS}
There, its output is where its logs go."""
_SUBMIT_EXAMPLES = """\
examples:
  emrs-local submit Etl                       with its own arguments
  emrs-local submit Etl -- 2026-11-25 --full  with these
  emrs-local submit Etl --detach              print the id of the run, and don't wait for it"""
_CANCEL = f"""\
Cancel a job run. RUN is its id, or its name, which is the newest run of that name.
{_ON_AWS}"""
_CANCEL_EXAMPLES = """\
example:
  emrs-local cancel Etl"""
_UI = f"""\
Print the address of the Spark UI of a job run, which runs or has ended, and open it if there is a terminal. RUN is an
id or a name; by default it is the newest run.
{_ON_AWS}
With --event-logs it shows event logs, with the Spark that is installed here, until Ctrl-C: those of a folder, or of an
s3:// address, which is read with your own credentials after the account was printed. On AWS they are below
LOG_URI/applications/APPLICATION/jobs/RUN/sparklogs where the run has S3 logs."""
_UI_EXAMPLES = """\
examples:
  emrs-local ui                         the newest job run
  emrs-local ui Etl --attempt 1
  emrs-local ui --event-logs s3://bucket/logs/applications/00f…/jobs/00f…/sparklogs/"""


_FIRE = """\
Fire a schedule of EventBridge Scheduler now, as the clock would: with its role, retry policy and dead-letter queue.
NAME is its name, GROUP/NAME, or a part of the name that no other schedule's has, such as its logical id. Its flexible
time window is not waited for; its state, start and end are not looked at. Fired twice, it occurs twice.
It is a schedule of the local AWS of the environment: pasted from `emrs-local start`, or set by `emrs-local exec`."""
_FIRE_EXAMPLES = """\
examples:
  emrs-local fire Nightly
  emrs-local fire Nightly --at 2026-11-25T02:00:00         in the schedule's time zone
  emrs-local fire reports/Nightly --at 2026-11-25T02:00:00Z"""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line.

    The exit code is that of the command, 1 if the local AWS fails, 2 for a wrong command line, 130 after Ctrl-C.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    # What is behind -- is the job's, whatever it looks like.
    of_job = given.index("--") if given[:1] == ["submit"] and "--" in given else len(given)
    options = _parser().parse_args(given[:of_job], argparse.Namespace(arguments=given[of_job:]))
    # A shell starts a background job with SIGINT ignored; commands would inherit that too.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        code = options.run(options)
        sys.stdout.flush()
        sys.exit(code)
    except (LocalAwsError, RequirementMissing) as error:
        sys.exit(f"emrs-local: {error}")
    except KeyboardInterrupt as interrupt:
        sys.exit(128 + (interrupt.args[0] if interrupt.args else signal.SIGINT))
    except BrokenPipeError:
        # Whoever read the output, such as `head`, has seen enough; Python would flush it once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)


def _exec(options: argparse.Namespace) -> int:
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        print("emrs-local exec: which command? emrs-local exec -- COMMAND…", file=sys.stderr)
        return _EXIT_USAGE
    with Console() as console, _local_aws(options, console) as local_aws:
        console.line(f"local AWS at {local_aws.url}, account {local_aws.account_id}, region {local_aws.region}")
        if console.is_terminal:
            needed = ("AWS_ENDPOINT_URL", "AWS_CA_BUNDLE", "AWS_REGION")
            settings = " ".join(f"{name}={shlex.quote(local_aws.environment[name])}" for name in needed)
            console.line(f"in another terminal: {settings} emrs-local logs --follow")
        _bootstrap(options, local_aws, console)
        code = run_command(command, environment=local_aws.command_environment())
        # The command may have printed over them, as the CDK's progress does.
        with closing(RunningLocalAws(local_aws.environment)) as running:
            print_outcome(running)
        return code


def _start(options: argparse.Namespace) -> int:
    with Console() as console, _local_aws(options, console) as local_aws:
        try:
            _bootstrap(options, local_aws, console)
            console.line(f"local AWS at {local_aws.url}; in another terminal:\n")
            for name, value in local_aws.environment.items():
                console.line(f"export {name}={shlex.quote(value)}")
            # They would win over, or be sent beside, the credentials above.
            console.line("unset AWS_PROFILE AWS_DEFAULT_PROFILE AWS_SESSION_TOKEN")
            console.line(f"\nlog: {local_aws.data_directory / 'server.log'}; Ctrl-C stops it")
            local_aws.wait()
        except KeyboardInterrupt:
            return 0


def _bootstrap(options: argparse.Namespace, local_aws: LocalAws, console: Console) -> None:
    if options.bootstrap and not local_aws.bootstrap():
        console.line("not bootstrapped: no CDK CLI here (npm install aws-cdk, or --no-bootstrap)")


def _local_aws(options: argparse.Namespace, console: Console) -> LocalAws:
    if options.jars is not None:
        os.environ[JARS_VARIABLE] = options.jars  # which the server inherits
    return LocalAws(
        port=options.port,
        region=options.region,
        enforce_rates=options.enforce_rates,
        concurrent_drivers=options.concurrent_drivers,
        on_event=console.event,
    )


def _runs(_options: argparse.Namespace) -> int:
    print_job_runs(RunningLocalAws())
    return 0


def _logs(options: argparse.Namespace) -> int:
    streams = streams_of(stdout=options.stdout, stderr=options.stderr)
    print_logs(RunningLocalAws(), options.job_run, streams=streams, follow=options.follow, attempt=options.attempt)
    return 0


def _submit(options: argparse.Namespace) -> int:
    with closing(_account(options)) as account:
        run = start_again(account, options.job, arguments=options.arguments[1:] if options.arguments else None)
        if options.detach:
            print(run["jobRunId"])
            return 0
        return 0 if follow(account, run) else 1


def _cancel(options: argparse.Namespace) -> int:
    with closing(_account(options)) as account:
        cancel(account, options.job_run)
    return 0


def _ui(options: argparse.Namespace) -> int:
    if options.event_logs:
        show_event_logs(options.event_logs)
        return 0
    with closing(_account(options)) as account:
        show_job_run(account, options.job_run, attempt=options.attempt)
    return 0


def _account(options: argparse.Namespace) -> Account:
    return AwsAccount() if options.aws else RunningLocalAws()


def _fire(options: argparse.Namespace) -> int:
    with closing(RunningLocalAws()) as running:
        fired = running.fire(options.name, at=options.at)
    print(f"{fired.schedule_arn}  {fired.scheduled_time:%Y-%m-%dT%H:%M:%SZ}  {fired.error or 'invoked'}")
    for name, value in fired.answer.items():
        print(f"{name}: {value}")
    return 1 if fired.error else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="emrs-local", **_described(_DESCRIPTION, _EXAMPLES))
    parser.add_argument("--version", action="version", version=f"emrs-local {version('constructs-emrs')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", title="commands", prog="emrs-local")
    execute = commands.add_parser(
        "exec",
        help="run a command against a local AWS of its own",
        usage="emrs-local exec [OPTION…] -- COMMAND…",
        **_described(_EXEC, _EXEC_EXAMPLES),
    )
    execute.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND…", help="the command and its arguments")
    execute.set_defaults(run=_exec, port=0)
    start = commands.add_parser(
        "start", help="keep a local AWS in the foreground", **_described(_START, _START_EXAMPLES)
    )
    start.set_defaults(run=_start, port=_DEFAULT_START_PORT)
    for command in (execute, start):
        default = "a free one" if command is execute else str(_DEFAULT_START_PORT)
        command.add_argument(
            "--port", type=_port, default=command.get_default("port"), help=f"port to listen on; default: {default}"
        )
        command.add_argument(
            "--region", default=DEFAULT_REGION, help=f"region of the environment; default: {DEFAULT_REGION}"
        )
        rates = "refuse calls of EMR Serverless that come faster than AWS allows; default: take them"
        command.add_argument("--enforce-rates", action="store_true", help=rates)
        jars = "a folder with jars for all job runs, such as Iceberg's; default: $EMRS_LOCAL_JARS"
        command.add_argument("--jars", metavar="FOLDER", help=jars)
        drivers = (
            "how many drivers run at a time, others wait as SCHEDULED; default: what half of the memory is enough for"
        )
        command.add_argument("--concurrent-drivers", type=_drivers, metavar="NUMBER", help=drivers)
        command.add_argument(
            "--no-bootstrap", dest="bootstrap", action="store_false", help="skip cdk bootstrap; default: bootstrap"
        )
    runs = commands.add_parser("runs", help="list the job runs", **_described(_RUNS, _RUNS_EXAMPLES))
    runs.set_defaults(run=_runs)
    logs = commands.add_parser("logs", help="print what a driver printed", **_described(_LOGS, _LOGS_EXAMPLES))
    logs.add_argument("job_run", nargs="?", metavar="RUN", help="id or name of a job run; default: the newest")
    logs.add_argument(
        "-f", "--follow", action="store_true", help="print until the run ends; default: what there is now"
    )
    logs.add_argument("--stdout", action="store_true", help="only standard output; default: both")
    logs.add_argument("--stderr", action="store_true", help="only standard error; default: both")
    logs.add_argument("--attempt", type=_attempt, metavar="N", help="which attempt, from 1; default: the last")
    logs.set_defaults(run=_logs)
    submit = commands.add_parser(
        "submit",
        help="run a deployed job again",
        usage="emrs-local submit [OPTION…] JOB [-- ARGUMENT…]",
        **_described(_SUBMIT, _SUBMIT_EXAMPLES),
    )
    submit.add_argument("job", metavar="JOB", help="name of the job, or id of one of its runs")
    submit.add_argument("--detach", action="store_true", help="print the id of the run; default: follow it")
    submit.set_defaults(run=_submit)
    cancel_ = commands.add_parser("cancel", help="cancel a job run", **_described(_CANCEL, _CANCEL_EXAMPLES))
    cancel_.add_argument("job_run", metavar="RUN", help="id or name of a job run")
    cancel_.set_defaults(run=_cancel)
    ui = commands.add_parser("ui", help="open the Spark UI", **_described(_UI, _UI_EXAMPLES))
    ui.add_argument("job_run", nargs="?", metavar="RUN", help="id or name of a job run; default: the newest")
    ui.add_argument("--attempt", type=_attempt, metavar="N", help="which attempt, from 1; default: the last")
    ui.add_argument("--event-logs", metavar="LOCATION", help="a folder or an s3:// address; default: those of RUN")
    ui.set_defaults(run=_ui)
    for command in (submit, cancel_, ui):
        command.add_argument("--aws", action="store_true", help="on AWS; default: on the local AWS")
    fire = commands.add_parser("fire", help="fire a schedule now", **_described(_FIRE, _FIRE_EXAMPLES))
    fire.add_argument("name", metavar="NAME", help="name of the schedule, or a part that only its name has")
    fire.add_argument("--at", metavar="TIME", help="the time that the occurrence is for; default: now")
    fire.set_defaults(run=_fire)
    return parser


class _Described(TypedDict):
    description: str
    epilog: str
    formatter_class: type[argparse.HelpFormatter]


def _described(description: str, examples: str) -> _Described:
    return {
        "description": description,
        "epilog": examples,
        "formatter_class": argparse.RawDescriptionHelpFormatter,
    }


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text} is not a valid port; use 0 to {_LAST_PORT}, 0 for a free one")
    return int(text)


def _drivers(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a valid number of drivers; use 1 or more")
    return int(text)


def _attempt(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a valid attempt; they are numbered from 1")
    return int(text)


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt(number)
