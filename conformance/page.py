"""Writes docs/conformance.md: each question with what is expected, and what the local AWS and AWS have answered."""

from __future__ import annotations

import json
from pathlib import Path

from conformance.account import RUN_MINUTES
from conformance.cost import ASSUMED
from conformance.known_deviations import KNOWN_DEVIATIONS
from conformance.probe import Anything, Expected, Json, OneOf, Probe, accepts
from conformance.probes import CHAPTERS, PROBES
from conformance.recording import Recording

_ROOT = Path(__file__).parent
PAGE = _ROOT.parent / "docs" / "conformance.md"
LOCAL_RECORDING = _ROOT / "recordings" / "local.json"
AWS_RECORDING = _ROOT / "recordings" / "aws.json"

_TITLES = {
    "spark": "What reaches a Spark driver",
    "application": "Applications",
    "job-run": "Job runs",
    "permissions": "Permissions and keys",
    "logs": "Logs",
    "events": "Events",
    "workflow": "Step Functions",
    "stack": "CloudFormation",
}

# What this project would also like to know, and why the kit does not ask.
NOT_ASKED = {
    "Does Prometheus remote write work without a VPC?": "the project hands the address on, demands no VPC and has no "
    "answer to build on; to ask takes a workspace of Managed Prometheus and its own query language",
    "Does who starts a job run on a stopped application in a VPC need `ec2:CreateNetworkInterface`?": "the service "
    "may keep its network interfaces for a while, and with them the subnet: the kit could not promise to leave "
    "nothing. The project grants it to nobody: a start that is denied for it says so, and who starts can be given it",
    "In which Regions is there flex execution?": "the kit asks in one Region; the releases of that are asked",
    "For how long does the service remember a client token?": "for as long as the kit takes is asked above, "
    "a day can't be: the application that knows the token is deleted when the kit ends",
}

_HEAD = """# What only AWS can say

This project was made without an account. Where AWS's pages say nothing, contradict each other, or only somebody's
record says something, it is built so that being wrong is harmless as far as possible, and the kit below asks.

`make conformance` asks AWS, in the account of the credentials that boto3 finds and the Region of `AWS_REGION` or of
their profile; arguments go into `ARGS`, as in `make conformance ARGS=--clean`. It needs Python with boto3, and
credentials that last for some hours and may make stacks, roles, keys, a bucket, a queue, a rule, a function, a state
machine, applications, and a VPC with nothing in it. `cdk bootstrap` is not needed.

- It prints account, Region, what it will make and an upper bound of the cost, and goes on when you type `yes`, or with
  `--yes`.
- The bound is for the case that every job run goes on until the service ends it, after {minutes} minutes or what
  `--run-minutes` says. More job runs than it is for are not started. Its prices are from memory, and nobody has
  compared them with AWS's pages: ${vcpu_hour:g} for a vCPU and ${gb_hour:g} for a GB of a worker for an hour, which
  is twice what us-east-1 takes, and ${key_month:g} for a KMS key for a month. `--vcpu-hour`, `--gb-hour` and
  `--key-month` say those of your Region ([workers](https://aws.amazon.com/emr/pricing/), [keys](https://aws.amazon.com/kms/pricing/)).
- All that it makes is in stacks and applications that have the tag `constructs-emrs-conformance`. It deletes them when
  it ends, is interrupted or fails. After it was killed, or its credentials have expired, its next start does, and
  `--clean` does nothing else. What somebody else's run of the kit has made is left alone: the kit does not start
  beside it, and `--clean` asks before it deletes that (`--yes` is a yes to this too).
- Each answer is recorded at once, in `aws.json` in `conformance/recordings`; the next start asks only what is missing,
  `--only ID` one question, and `--again` also what has an answer.
- An answer is what the service says to the question. That it throttles, that a permission of yours is missing, or that
  the account has no room for a job run, is none: it is printed, and the question stays open. Before it believes that
  something is denied, the kit waits for some minutes until its roles are known everywhere, and sees a plain job run
  succeed.
- The recording has no account id, ARN, name, address or secret in it: one that has is not written. Please send it as a
  pull request.

`make test` asks the local AWS the same questions. Its answers have to be those of AWS or, as long as there is no
recording, what is expected here; where they are not, the difference is listed, with its reason.

{status}

This page is made by `python -m conformance.page` from the code and the recordings.
"""

_TABLE = """
## {title}

| question | expected | local | AWS |
|---|---|---|---|
"""

_DEVIATIONS = """
## Where the local AWS is known to differ

| question | local | reason |
|---|---|---|
"""

_UNASKED = """
## What is not asked

| question | why |
|---|---|
"""


def page() -> str:
    """The whole page."""
    local, aws = Recording.read(LOCAL_RECORDING), Recording.read(AWS_RECORDING)
    text = _HEAD.format(status=_status(aws), minutes=RUN_MINUTES, **vars(ASSUMED))
    for chapter in CHAPTERS:
        text += _TABLE.format(title=_TITLES[chapter.subject])
        text += "".join(_row(probe, local, aws) for probe in chapter.probes)
    questions = {probe.id: probe.question for probe in PROBES}
    text += _DEVIATIONS + "".join(
        f"| {_plain(questions[probe])} `{probe}` | {_answer(known.answer)} | {_plain(known.reason)} |\n"
        for probe, known in KNOWN_DEVIATIONS.items()
    )
    return text + _UNASKED + "".join(f"| {question} | {why} |\n" for question, why in NOT_ASKED.items())


def _status(aws: Recording) -> str:
    asked = sum(not probe.not_local for probe in PROBES)
    return (
        f"There are {len(PROBES)} questions. {len(aws.answers)} answers of AWS are recorded. The local AWS is asked "
        f"{asked} of them; it differs in {len(KNOWN_DEVIATIONS)}."
    )


def _row(probe: Probe, local: Recording, aws: Recording) -> str:
    question = f"{_plain(probe.question)} `{probe.id}` ([source]({probe.source}))"
    here = _answer(local.answers.get(probe.id))
    if probe.not_local:
        here = f"not asked: {_plain(probe.not_local)}"
    elif local.answers.get(probe.id) == probe.expected:
        here = "as expected"
    there = "not yet recorded"
    if probe.id in aws.answers:
        there = _answer(aws.answers[probe.id])
        there += "" if accepts(probe.expected, aws.answers[probe.id]) else " **differs**"
    return f"| {question} | {_expected(probe.expected)} | {here} | {there} |\n"


def _expected(expected: Expected) -> str:
    match expected:
        case Anything():
            return "nothing is relied on"
        case OneOf(answers=answers):
            several = any(isinstance(answer, dict | list) for answer in answers)
            return ("<br>or<br>" if several else ", or ").join(_answer(answer) for answer in answers)
        case _:
            return _answer(expected)


def _answer(answer: Json) -> str:
    if answer is True or answer is False:
        return "yes" if answer else "no"
    if isinstance(answer, list):
        return "<br>".join(_code(item if isinstance(item, str) else json.dumps(item)) for item in answer)
    if isinstance(answer, dict):
        return "<br>".join(f"{_plain(name)}: {_answer(value)}" for name, value in answer.items())
    return _code(str(answer))


def _code(text: str) -> str:
    fence = "``" if "`" in text else "`"
    return f"{fence}{text.replace('|', chr(92) + '|')}{fence}"


def _plain(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")
