"""What goes wrong for who asks AWS is no answer of AWS, costs no more than was said, and leaves nothing."""

from __future__ import annotations

import fcntl
import io
import itertools
import json
import os
import secrets
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from conformance import cleaning
from conformance.__main__ import _say, main
from conformance.account import SMALL, TAG, Account, Delays, Shared, Unanswered, is_of_credentials, said
from conformance.cost import upper_bound
from conformance.facilities import template
from conformance.kit import _ENDING, Kit, Left, _signals_raise, job_runs, needs
from conformance.probe import Json, Probe
from conformance.probes import PROBES
from conformance.probes.applications import _said_while
from conformance.recording import Recording
from emrs_local import LocalAws
from tests.conformance.conftest import AT_ONCE, RUN_MINUTES, MakeAccount, MakeKit
from tests.conformance.proxy import Answer, Exchange, proxy
from tests.conformance.test_kit import assert_nothing_is_left, probes_named

QUICK = ("application.spelling-of-the-type", "application.stopping-by-default", "application.delete-while-started")


def refusal(code: str, status: int = 400) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Call")  # type: ignore[typeddict-item]


def refuses(error: Exception) -> Callable[[], None]:
    def call() -> None:
        raise error

    return call


# What is an answer.


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ThrottlingException", 400),
        ("TooManyRequestsException", 429),
        ("Whatever", 429),
        ("ServiceQuotaExceededException", 402),
        ("LimitExceededException", 400),
        ("ExpiredTokenException", 403),
        ("UnrecognizedClientException", 400),
        ("InvalidSignatureException", 403),
        ("SubscriptionRequiredException", 400),
        ("InternalServerException", 500),
        ("ServiceUnavailable", 503),
        ("AccessDeniedException", 403),
        ("AccessDenied", 403),
    ],
)
def test_what_is_said_of_who_asks_or_of_the_moment_is_no_answer(code: str, status: int) -> None:
    with pytest.raises(Unanswered, match=code):
        said(refuses(refusal(code, status)))


def test_what_is_said_of_the_question_is_an_answer() -> None:
    assert said(lambda: None) == "accepted"
    for code in ("ValidationException", "ConflictException", "ResourceNotFoundException"):
        assert said(refuses(refusal(code))) == code
    assert said(refuses(refusal("AccessDeniedException", 403)), may_be_denied=True) == "AccessDeniedException"


def test_credentials_that_do_not_work_are_known_by_any_of_their_errors() -> None:
    for error in (refusal("ExpiredToken"), refusal("RequestExpired"), NoCredentialsError()):
        assert is_of_credentials(error)
    with pytest.raises(Unanswered) as raised:
        said(refuses(refusal("ExpiredTokenException")))
    assert is_of_credentials(raised.value)
    assert not is_of_credentials(refusal("AccessDenied"))


def test_a_run_that_ends_for_want_of_quota_is_no_answer(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = {"state": "FAILED", "stateDetails": "The account has reached its vCPU quota."}
    monkeypatch.setattr(account, "job_run", lambda _: ended)
    with pytest.raises(Unanswered, match="FAILED for want of quota"):
        account.ended(("application", "run"))


class Passing:
    """An account whose applications are in a state that passes by itself, for as many looks as is said."""

    def __init__(self, *states: str) -> None:
        self.states = iter(states)

    def application_state(self, _: str) -> str:
        return next(self.states)


@pytest.mark.parametrize(
    ("states", "error", "answer"),
    [
        (["STOPPING"], None, "accepted"),
        (["STOPPED", "STOPPING"], None, "accepted"),
        (["STOPPING", "STOPPING"], refusal("ValidationException"), "ValidationException"),
        (["STOPPING", "STOPPED", "STOPPING", "STOPPING"], refusal("ValidationException"), "ValidationException"),
    ],
)
def test_what_is_asked_in_a_state_that_passes_is_asked_again_when_it_has_passed(
    states: list[str], error: Exception | None, answer: str
) -> None:
    def call(applicationId: str) -> None:  # noqa: ARG001, N803 - as the member of the request is called
        if error:
            raise error

    account: Any = Passing(*states)
    assert _said_while(account, "STOPPING", lambda _: "application", call) == ("application", answer)
    assert list(account.states) == []


def test_a_state_that_is_never_seen_is_no_answer() -> None:
    account: Any = Passing(*["STOPPED"] * 100)
    with pytest.raises(Unanswered, match="no application was STOPPING"):
        _said_while(account, "STOPPING", lambda _: "application", lambda **_: None)


def test_no_end_of_a_job_run_is_an_answer_where_a_plain_one_does_not_succeed(
    server: LocalAws, kit_behind: Callable[..., Kit]
) -> None:
    def fails(exchange: Exchange) -> Answer | None:
        if "/jobruns/" not in exchange.path or b'"SUCCESS"' not in exchange.body:
            return None
        found = json.loads(exchange.body)
        found["jobRun"] |= {"state": "FAILED", "stateDetails": "there is no room"}
        return 200, json.dumps(found).encode()

    asked = kit_behind(probes_named("job-run.without-its-script", "job-run.client-token-with-a-colon"), lie=fails)
    wrong = asked.ask()
    assert [line.partition(":")[0] for line in wrong] == [probe.id for probe in asked.probes]
    assert all("FAILED: there is no room" in line for line in wrong)
    assert Recording.read(asked.recording).answers == {}
    assert_nothing_is_left(server)


# What it costs.


class Started:
    """Counts the runs that are started."""

    def __init__(self) -> None:
        self.runs = 0

    def start_job_run(self, **_: object) -> dict[str, str]:
        self.runs += 1
        return {"applicationId": "application", "jobRunId": str(self.runs)}


def test_no_more_job_runs_are_started_than_were_said(account: Account) -> None:
    service = Started()
    account.runs_left = 2
    account.start({}, service)
    account.start({}, service)
    with pytest.raises(Unanswered, match="more job runs than it was to take at most"):
        account.start({}, service)
    assert service.runs == 2


def test_what_is_shared_has_job_runs_of_its_own_and_is_not_made_again_when_it_fails(account: Account) -> None:
    service = Started()

    def make(aws: Account) -> None:
        aws.start({}, service)
        raise Unanswered("it is late")

    account.runs_left = 0
    shared = Shared(name="something", runs=1, make=make)
    for said_so in ("it is late", "something: it is late"):
        with pytest.raises(Unanswered, match=f"^{said_so}$"):
            account.once(shared)
    assert service.runs == 1
    assert account.runs_left == 0


def test_what_questions_share_is_counted_for_any_of_them_and_once() -> None:
    (one,) = probes_named("spark.arguments")
    plain = job_runs(probes_named("job-run.role-of-another-account")) - 1
    assert job_runs([one]) == plain + 1
    assert job_runs(probes_named("spark.arguments", "spark.environment")) == job_runs([one])
    assert job_runs(probes_named("stack.tags-of-an-application")) == 0


def test_all_job_runs_of_the_kit_are_small(account: Account) -> None:
    machine = next(
        resource
        for name, resource in json.loads(template(needs(probes_named("workflow.output-of-sync"))))["Resources"].items()
        if name == "Machine"
    )
    task = json.loads(machine["Properties"]["DefinitionString"])["States"]["Run"]["Parameters"]
    (classification,) = task["ConfigurationOverrides"]["ApplicationConfiguration"]
    assert classification["Properties"] == SMALL
    assert task["ExecutionTimeoutMinutes.$"] == "$.minutes"
    account.physical_id = lambda logical_id, **_: logical_id  # type: ignore[method-assign]
    account.script = lambda name: name  # type: ignore[assignment]
    (classification,) = account.request()["configurationOverrides"]["applicationConfiguration"]
    assert classification["properties"] == SMALL


def test_the_bound_is_with_the_prices_that_are_given(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    del account  # whose credentials do
    monkeypatch.setattr("builtins.input", lambda _: "no")
    files = ["--recording", str(tmp_path / "aws.json"), "--state", str(tmp_path / "state")]
    assert main(files, delays=AT_ONCE) == 1
    assumed = capsys.readouterr().out
    assert "from memory, and twice those of us-east-1 but for keys:\n$0.105248 for a vCPU" in assumed
    assert main([*files, "--vcpu-hour", "1", "--gb-hour", "0.5", "--key-month", "3"], delays=AT_ONCE) == 1
    given = capsys.readouterr().out
    assert "as given:\n$1 for a vCPU and $0.5 for a GB of a worker for an hour, $3 for a KMS key" in given
    runs = job_runs(PROBES)
    assert f"At most {runs} job runs" in given
    keys = 4 * 3 / 30
    assert f"${runs * 3 * (1 + 4 * 0.5) / 4 + keys + 0.1:.2f}.\nThat is" in given
    assert f"${upper_bound(runs, needs(PROBES), run_minutes=15):.2f}.\nThat is" in assumed


@pytest.mark.parametrize("region", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_the_region_may_be_said_as_to_any_sdk(
    account: Account, region: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    del account  # whose credentials do
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    monkeypatch.setenv(region, "eu-west-3")
    monkeypatch.setattr("builtins.input", lambda _: "no")
    assert main(["--state", str(tmp_path / "state"), "--recording", str(tmp_path / "aws.json")]) == 1
    assert "Region eu-west-3," in capsys.readouterr().out


def test_who_says_no_region_is_asked_for_one(
    account: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    del account
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    assert main([]) == 1
    assert "There is no Region: set AWS_REGION" in capsys.readouterr().err


def test_a_question_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "stack.nonsense"])
    assert "stack.nonsense: no such question; docs/conformance.md has their ids" in capsys.readouterr().err


@pytest.mark.parametrize("minutes", ["0", "5", "2000"])
def test_minutes_in_which_no_job_run_is_done_are_refused(minutes: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--run-minutes", minutes])
    assert f"--run-minutes: {minutes}: from 10 minutes" in capsys.readouterr().err


# What is left.


@pytest.fixture
def kit_behind(server: LocalAws, tmp_path: Path) -> Iterator[Callable[..., Kit]]:
    """Makes a kit that asks the server through a proxy."""
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:

        def make(probes: list[Probe], **lies: Any) -> Kit:
            for name, value in stack.enter_context(proxy(server, **{"lie": lambda _: None, **lies})).items():
                patch.setenv(name, value)
            account = Account(boto3.Session(), run=secrets.token_hex(4), run_minutes=RUN_MINUTES, delays=AT_ONCE)
            recording, state = tmp_path / "recording.json", tmp_path / "state"
            return Kit(account=account, probes=probes, recording=recording, state=state, say=print)

        yield make


def probe(name: str, ask: Callable[[Account], Json]) -> Probe:
    (first,) = probes_named(QUICK[0])
    return Probe(**{**vars(first), "id": name, "ask": ask})


def test_credentials_that_expire_in_the_middle_end_the_asking_and_what_is_left_is_deleted_with_others(
    server: LocalAws, kit_behind: Callable[..., Kit]
) -> None:
    expired = False

    def refuse(_: Exchange) -> Answer | None:
        return (403, b'{"code": "ExpiredTokenException", "message": "expired"}') if expired else None

    def expires(aws: Account) -> Json:
        nonlocal expired
        expired = True
        return said(aws.make_application, release="emr-7.14.0")

    first, second = probes_named(*QUICK[:2])
    asked = kit_behind([first, probe("test.expires", expires), second], refuse=refuse)
    wrong = asked.ask()
    assert [line.partition(":")[0] for line in wrong[:2]] == ["test.expires", "nothing more was asked"]
    assert "ExpiredTokenException" in wrong[-1]
    assert Recording.read(asked.recording).answers.keys() == {first.id}
    assert asked.state.exists()
    expired = False
    assert asked.clean() == []
    assert not asked.state.exists()
    assert_nothing_is_left(server)


def test_the_kit_does_not_start_beside_another_and_deletes_nothing_of_it(
    kit: MakeKit, account: Account, make_account: MakeAccount, tmp_path: Path
) -> None:
    theirs = make_account()
    application_id = theirs.make_application("emr-7.14.0")
    ours = kit(probes_named(QUICK[0]))
    (said_so,) = ours.ask()
    assert f"Something of another run of the kit is there: {theirs.run}." in said_so
    assert ours.clean() == []
    assert theirs.application_state(application_id) != "TERMINATED"

    files = ["--recording", str(tmp_path / "aws.json"), "--state", str(tmp_path / "state")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("builtins.input", lambda question: pytest.fail(question) if "Delete" not in question else "no")
        assert main(["--clean", *files], delays=AT_ONCE) == 0
        assert theirs.application_state(application_id) != "TERMINATED"
        patch.setattr("builtins.input", lambda _: "yes")
        assert main(["--clean", *files], delays=AT_ONCE) == 0
    assert cleaning.is_clean(account)


def test_two_do_not_run_at_once_with_the_same_files(kit: MakeKit) -> None:
    asked = kit([])
    folder = os.open(asked.state.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        with pytest.raises(Left, match="the kit runs already"):
            asked.ask()
        with pytest.raises(Left, match="the kit runs already"):
            asked.clean()
    finally:
        os.close(folder)
    assert asked.clean() == []


def test_a_cleaning_deletes_what_is_on_no_list_yet_and_what_comes_late(
    server: LocalAws, kit_behind: Callable[..., Kit], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run is not on the list, so the application is not to be stopped; a log comes when the bucket was emptied."""
    unlisted = 2

    def late(exchange: Exchange) -> Answer | None:
        nonlocal unlisted
        if exchange.method == "GET" and exchange.path.endswith("/jobruns") and unlisted:
            unlisted -= 1
            return 200, b'{"jobRuns": []}'
        return None

    empty = cleaning._empty
    logs = iter(["late"])

    def emptied(aws: Account, bucket: str) -> None:
        empty(aws, bucket)
        for log in logs:
            aws.client("s3").put_object(Bucket=bucket, Key=log, Body=b"")

    def starts(aws: Account) -> Json:
        run = aws.submit("sleeps")
        aws.ended(run, "RUNNING")
        return True

    monkeypatch.setattr(cleaning, "_empty", emptied)
    (plain,) = probes_named("job-run.listed-at-once")
    asked = kit_behind([Probe(**{**vars(plain), "id": "test.starts", "ask": starts})], lie=late)
    assert asked.ask() == []
    assert unlisted == 0
    assert next(logs, None) is None
    assert_nothing_is_left(server)


def test_a_cleaning_looks_again_when_it_sees_nothing(server: LocalAws, kit_behind: Callable[..., Kit]) -> None:
    """An application that was made a moment ago may be on no list yet."""
    hidden = 0

    def late(exchange: Exchange) -> Answer | None:
        nonlocal hidden
        if exchange.method == "GET" and exchange.path == "/applications" and hidden:
            hidden -= 1
            return 200, b'{"applications": []}'
        return None

    def makes(aws: Account) -> Json:
        nonlocal hidden
        aws.make_application("emr-7.14.0")
        hidden = 1
        return True

    (first,) = probes_named("application.stopping-by-default")
    asked = kit_behind([Probe(**{**vars(first), "id": "test.makes", "ask": makes})], lie=late)
    assert asked.ask() == []
    assert hidden == 0
    assert_nothing_is_left(server)


def test_the_kit_waits_until_what_is_allowed_is_known_everywhere(
    kit: MakeKit, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr("conformance.kit.time", SimpleNamespace(sleep=waited.append))
    account.delays = Delays(permissions=7, lists=0)
    assert kit(probes_named("application.stopping-by-default")).ask() == []
    assert waited == [], "nothing was made"
    assert kit(probes_named(QUICK[0])).ask() == []
    assert waited == [7 * 60]


def test_one_thing_that_can_not_be_deleted_keeps_no_other_and_is_named(
    server: LocalAws, kit_behind: Callable[..., Kit], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cleaning, "_ROUNDS", 2)
    denied = True

    def refuse(exchange: Exchange) -> Answer | None:
        if exchange.path.startswith("/applications/") and exchange.path.endswith("/stop") and denied:
            return 403, b'{"code": "AccessDeniedException", "message": "not you"}'
        return None

    def makes(aws: Account) -> Json:
        made.append(aws.make_application("emr-7.14.0"))
        aws.start_application(made[0])
        return True

    made: list[str] = []
    asked = kit_behind([probe("test.makes", makes)], refuse=refuse)
    (left,) = asked.ask()
    assert left.startswith(f"application {made[0]}: ")
    assert "AccessDeniedException" in left
    assert server.client("cloudformation").describe_stacks()["Stacks"] == []
    assert asked.state.exists()
    denied = False
    assert asked.clean() == []
    assert_nothing_is_left(server)


def test_a_cleaning_that_does_not_get_on_ends(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the permission to cancel a job run is missing, each round waits for the run for many minutes."""
    minutes = itertools.count(step=20)
    monkeypatch.setattr(cleaning, "time", SimpleNamespace(monotonic=lambda: next(minutes) * 60, sleep=lambda _: None))
    monkeypatch.setattr(cleaning, "_applications", lambda *_: ["one"])
    rounds: list[str] = []

    def does_not_stop(*_: object) -> Iterator[str]:
        rounds.append("")
        yield "it does not stop"

    monkeypatch.setattr(cleaning, "_delete", does_not_stop)
    assert cleaning.clean(account, {account.run}, print) == ["it does not stop"]
    assert len(rounds) == 2


def test_a_stack_that_can_not_be_made_is_said_and_deleted(server: LocalAws, kit_behind: Callable[..., Kit]) -> None:
    def refuse(exchange: Exchange) -> Answer | None:
        if exchange.request.startswith("Action=CreateStack"):
            return 403, b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"
        return None

    asked = kit_behind(probes_named(QUICK[0]), refuse=refuse)
    (wrong,) = asked.ask()
    assert wrong.startswith("nothing was asked: An error occurred (AccessDenied)")
    assert not asked.state.exists()
    assert_nothing_is_left(server)


def test_no_stack_is_made_for_questions_that_need_nothing(
    kit: MakeKit, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CloudFormation takes no template without resources."""
    monkeypatch.setattr(account, "try_stack", lambda *_: pytest.fail("a stack was made"))
    asked = kit(probes_named("application.stopping-by-default"))
    assert asked.ask() == []
    assert len(Recording.read(asked.recording).answers) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_every_way_to_end_the_kit_lets_it_delete_what_it_has_made(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as ended, _signals_raise():
        os.kill(os.getpid(), number)
    assert ended.value.code == 128 + number
    assert number in _ENDING
    assert signal.getsignal(number) is before


def test_what_nohup_ignores_is_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with _signals_raise():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_nobody_has_to_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with `make conformance | tee log`, whose reader Ctrl-C ends before what was made is deleted."""
    nobody = io.StringIO()
    nobody.flush = refuses(BrokenPipeError())  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stdout", nobody)
    with pytest.raises(BrokenPipeError):
        print(flush=True)
    _say("deleting")


# What is recorded.


def test_answers_are_forgotten_only_when_they_are_asked_again(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    del account  # whose credentials do
    recording = tmp_path / "aws.json"
    before = Recording(answers={QUICK[0]: "old", QUICK[1]: "old"}, notes={QUICK[1]: "of before"})
    before.write(recording)
    command = ["--again", "--only", QUICK[1], "--recording", str(recording), "--state", str(tmp_path / "state")]
    monkeypatch.setattr("builtins.input", lambda _: "no")
    assert main(command, delays=AT_ONCE) == 1
    assert Recording.read(recording) == before
    monkeypatch.setattr("builtins.input", lambda _: refuses(EOFError())())
    assert main(command, delays=AT_ONCE) == 1
    assert "nobody is here to say yes" in capsys.readouterr().out
    assert Recording.read(recording) == before
    main([*command, "--yes"], delays=AT_ONCE)
    answers = Recording.read(recording)
    assert answers.answers[QUICK[0]] == "old"
    assert answers.answers[QUICK[1]] != "old"
    assert answers.notes == {}
    assert TAG not in recording.read_text()
