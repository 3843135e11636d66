"""The kit asks a local AWS: what it answers is what is expected, what is wrong is found, and nothing is left."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import boto3
import pytest

from conformance.__main__ import main
from conformance.account import TAG, Account
from conformance.cleaning import is_clean
from conformance.comparison import compare
from conformance.facilities import template
from conformance.kit import Kit, needs
from conformance.known_deviations import KNOWN_DEVIATIONS
from conformance.page import AWS_RECORDING, LOCAL_RECORDING
from conformance.probe import Json, Noted, Probe
from conformance.probes import PROBES
from conformance.recording import Recording
from emrs_local import LocalAws
from tests.conformance.conftest import AT_ONCE, RUN_MINUTES, MakeKit
from tests.conformance.late import Late
from tests.conformance.liar import LIES, lying_to
from tests.conformance.proxy import proxy

ROOT = Path(__file__).parent.parent.parent


def all_of(aws: LocalAws | Account) -> dict[str, list[str]]:
    """All that the account has of what the kit makes."""
    keys = aws.client("kms").list_keys()["Keys"]
    states = [aws.client("kms").describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in keys]
    stacks = aws.client("cloudformation").describe_stacks()["Stacks"]
    return {
        "applications": [item["id"] for item in aws.client("emr-serverless").list_applications()["applications"]],
        "stacks": [stack["StackName"] for stack in stacks if stack["StackStatus"] != "DELETE_COMPLETE"],
        "buckets": [bucket["Name"] for bucket in aws.client("s3").list_buckets()["Buckets"]],
        "roles": [role["RoleName"] for role in aws.client("iam").list_roles()["Roles"]],
        "queues": aws.client("sqs").list_queues().get("QueueUrls", []),
        "rules": [rule["Name"] for rule in aws.client("events").list_rules()["Rules"]],
        "functions": [item["FunctionName"] for item in aws.client("lambda").list_functions()["Functions"]],
        "machines": [item["name"] for item in aws.client("stepfunctions").list_state_machines()["stateMachines"]],
        "log groups": [
            group["logGroupName"]
            for group in aws.client("logs").describe_log_groups()["logGroups"]
            if not group["logGroupName"].startswith("/aws/lambda/")  # the local Lambda asks for no permission
        ],
        "keys": [key["KeyId"] for key in states if key["KeyState"] != "PendingDeletion"],
    }


def assert_nothing_is_left(aws: LocalAws | Account) -> None:
    assert {kind: found for kind, found in all_of(aws).items() if found} == {}


def probes_named(*ids: str) -> list[Probe]:
    return [probe for probe in PROBES if probe.id in ids]


def test_the_local_aws_answers_as_aws_does_or_as_is_expected_however_late_it_is(
    server: LocalAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = Late()
    with proxy(server, late) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        account = Account(boto3.Session(), run=secrets.token_hex(4), run_minutes=RUN_MINUTES, delays=AT_ONCE)
        probes = [probe for probe in PROBES if not probe.not_local]
        asked = Kit(
            account=account, probes=probes, recording=tmp_path / "recording.json", state=tmp_path / "state", say=print
        )
        assert asked.ask() == []
    assert late.was == {"roles", "stacks", "execution roles", "events", "log streams", "logs"}
    answers = Recording.read(asked.recording).answers
    differences = compare(answers, PROBES, aws=Recording.read(AWS_RECORDING), known=KNOWN_DEVIATIONS)
    assert vars(differences) == {"unlisted": [], "gone": [], "unasked": []}
    assert answers == Recording.read(LOCAL_RECORDING).answers, "run python -m tests.conformance.record"
    assert_nothing_is_left(server)
    assert not asked.state.exists()


def test_what_says_nothing_here_can_be_asked(account: Account) -> None:
    asked = [probe for probe in PROBES if probe.not_local]
    account.make_stack(account.stack_name, template(needs(asked)))
    here = "{}.{}".format(*sys.version_info)
    answers = {probe.id: answer_of(probe, account) for probe in asked}
    pythons = answers.pop("spark.python-of-the-releases")
    assert isinstance(pythons, dict)
    assert set(pythons.values()) == {here}
    assert answers == {"spark.single-quotes": {"state": "FAILED", "single": None}}
    Kit(account=account, probes=[], recording=Path(), state=Path("/nowhere"), say=print).clean()
    assert_nothing_is_left(account)


def answer_of(probe: Probe, account: Account) -> Json:
    answer = probe.ask(account)
    return answer.answer if isinstance(answer, Noted) else answer


def test_ten_wrong_answers_are_found(server: LocalAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = ("job-run.listed-at-once", "application.start-while-creating", "events.of-another-attempt")
    asked = probes_named(*LIES, *honest)
    told: set[str] = set()
    with proxy(server, lying_to(told)) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        account = Account(boto3.Session(), run=secrets.token_hex(4), run_minutes=RUN_MINUTES, delays=AT_ONCE)
        kit = Kit(account=account, probes=asked, recording=tmp_path / "lies.json", state=tmp_path / "state", say=print)
        assert kit.ask() == []
    answers = Recording.read(kit.recording).answers
    differences = compare(answers, asked, aws=Recording(), known={})
    assert told == set(LIES)
    assert len(differences.unlisted) == 10
    assert set(differences.unlisted) == set(LIES)
    assert_nothing_is_left(server)


QUICK = ("application.spelling-of-the-type", "application.delete-while-started")
ENDLESS = "test.never-ends"


@dataclass(frozen=True, kw_only=True)
class Command:
    """`python -m conformance`, with files of its own."""

    server: LocalAws
    folder: Path

    def asking(self, *probes: str) -> list[str]:
        files = ["--recording", str(self.folder / "aws.json"), "--state", str(self.folder / "state")]
        return ["--run-minutes", str(RUN_MINUTES), *files, *(word for probe in probes for word in ("--only", probe))]

    @property
    def answered(self) -> set[str]:
        return set(Recording.read(self.folder / "aws.json").answers)

    def ended_in_the_middle(self, number: signal.Signals) -> tuple[int, str]:
        """Start it in a process of its own, and send it a signal while a job runs; its exit code and what it said."""
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "tests.conformance.endless", "--yes", *self.asking(*QUICK, ENDLESS)],
            env={**os.environ, **self.server.environment, "PYTHONPATH": str(ROOT)},
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        lines = list(takewhile(lambda line: ENDLESS not in line, process.stdout))
        assert process.poll() is None, lines
        self._start_a_job_run()
        process.send_signal(number)
        rest, _ = process.communicate()
        return process.returncode, "".join([*lines, rest])

    def _start_a_job_run(self) -> None:
        """Start one that does not end, on the kit's own application."""
        emr, s3 = self.server.client("emr-serverless"), self.server.client("s3")
        bucket, role = (all_of(self.server)[kind][0] for kind in ("buckets", "roles"))
        s3.put_object(Bucket=bucket, Key="endless.py", Body=b"import time\nwhile True: time.sleep(1)")
        applications = emr.list_applications()["applications"]
        emr.start_job_run(
            applicationId=next(item["id"] for item in applications if item["name"].endswith("-Application")),
            executionRoleArn=f"arn:aws:iam::{self.server.account_id}:role/{role}",
            jobDriver={"sparkSubmit": {"entryPoint": f"s3://{bucket}/endless.py"}},
        )


@pytest.fixture
def command(server: LocalAws, tmp_path: Path, account: Account) -> Command:
    assert_nothing_is_left(account)
    return Command(server=server, folder=tmp_path)


def test_a_kit_that_was_killed_is_cleaned_up_after(command: Command) -> None:
    server = command.server
    assert command.ended_in_the_middle(signal.SIGKILL)[0] == -signal.SIGKILL
    left = all_of(server)
    assert left["applications"]
    assert left["stacks"]
    assert left["roles"]
    bystander = server.client("emr-serverless").create_application(
        name="conformance-not-of-the-kit", releaseLabel="emr-7.9.0", type="SPARK"
    )
    theirs = server.client("iam").create_role(RoleName="theirs", AssumeRolePolicyDocument="{}")["Role"]["RoleName"]

    assert main(["--clean", *command.asking()], delays=AT_ONCE) == 0
    found = {kind: things for kind, things in all_of(server).items() if things}
    assert found == {"applications": [bystander["applicationId"]], "roles": [theirs]}, "what others have stays"
    server.client("emr-serverless").delete_application(applicationId=bystander["applicationId"])
    server.client("iam").delete_role(RoleName=theirs)
    assert not (command.folder / "state").exists()


def test_the_next_start_deletes_what_was_left_and_asks_what_is_missing(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    command.ended_in_the_middle(signal.SIGKILL)
    assert command.answered == set(QUICK)
    assert (command.folder / "state").exists()
    assert main(["--yes", *command.asking(*QUICK, "job-run.when-cancelled")], delays=AT_ONCE) == 0
    assert "1/1 job-run.when-cancelled" in capsys.readouterr().out
    assert command.answered == {*QUICK, "job-run.when-cancelled"}
    assert_nothing_is_left(command.server)
    assert not (command.folder / "state").exists()


def test_a_kit_that_is_interrupted_deletes_all_itself(command: Command) -> None:
    code, said = command.ended_in_the_middle(signal.SIGTERM)
    assert code == 128 + signal.SIGTERM, said
    assert_nothing_is_left(command.server)


def test_nothing_is_made_without_a_yes(
    command: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("builtins.input", lambda _: "y")
    assert main(command.asking(*QUICK), delays=AT_ONCE) == 1
    said = capsys.readouterr().out
    assert f"Account {command.server.account_id}, Region {command.server.region}, at {command.server.url}" in said
    assert "Upper bound of the cost" in said
    assert_nothing_is_left(command.server)
    assert list(command.folder.iterdir()) == []


def test_what_is_left_in_another_region_is_not_forgotten(kit: MakeKit) -> None:
    elsewhere = kit([])
    elsewhere.state.write_text('{"account": "111111111111", "region": "eu-west-1", "run": "0a"}')
    (said,) = elsewhere.ask()
    assert "something may be left in account 111111111111, Region eu-west-1" in said
    assert elsewhere.state.exists()


def test_a_probe_without_an_answer_keeps_none_of_the_others_from_theirs(kit: MakeKit, account: Account) -> None:
    def fails(_: Account) -> Json:
        raise KeyError("what")

    first, second = probes_named("application.spelling-of-the-type", "application.stopping-by-default")
    broken = Probe(**{**vars(first), "id": "application.broken", "ask": fails})
    asked = kit([broken, second])
    assert asked.ask() == ["application.broken: KeyError: 'what'"]
    assert Recording.read(asked.recording).answers.keys() == {second.id}
    assert is_clean(account)
    assert TAG not in asked.recording.read_text()
