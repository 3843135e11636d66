"""A recording says nothing of whose account it is of; answers are compared; the page is what the code says."""

from pathlib import Path

import pytest

from conformance.comparison import Deviation, compare, surprises
from conformance.cost import upper_bound
from conformance.facilities import RUNS
from conformance.kit import job_runs, needs
from conformance.known_deviations import KNOWN_DEVIATIONS
from conformance.page import AWS_RECORDING, LOCAL_RECORDING, PAGE, page
from conformance.probe import Anything, Json, OneOf, Probe
from conformance.probes import PROBES
from conformance.recording import SCHEMA, NotFitToBeSeen, Recording, in_plain_words, private_parts

PRIVATE = [
    ("<account>", "123456789012"),
    ("<arn>", "arn:aws:emr-serverless:us-east-1:123456789012:/applications/00f1982r1uukb925/jobruns/00f1cbn5g4bb0c01"),
    ("<arn>", "arn:aws:sts::123456789012:assumed-role/Admin/jane.doe@example.com"),
    ("<access key>", "AKIAIOSFODNN7EXAMPLE"),
    ("<access key>", "ASIAIOSFODNN7EXAMPLE"),
    ("<secret>", "wJalrXUtnFEMIbK7MDENGbPxRfiCYEXAMPLEKEY1"),
    ("<uuid>", "00df3ec6-5da1-36e6-ab71-20f0de68f8a0"),
    ("<id>", "00f1982r1uukb925"),
    ("<id>", "vpce-0a1b2c3d4e5f60718"),
    ("<address>", "s3://conformance-0a1b2c3d-bucket-abc/logs/"),
    ("<address>", "https://sqs.eu-west-1.amazonaws.com/queue"),
    ("<name>", "conformance-0a1b2c3d-Role-9XYZ"),
    ("<host>", "ip-10-0-12-7.ec2.internal"),
    ("<host>", "10.0.12.7"),
    ("<host>", "prod.us-east-1.appinfo.amazonaws.com"),
]


@pytest.mark.parametrize(("stands_for", "private"), PRIVATE)
def test_what_is_private_is_taken_out_of_texts_and_found_in_them(stands_for: str, private: str) -> None:
    text = f'Role "{private}" is not authorized (state: FAILED), 3 times'
    assert in_plain_words(text) == f'Role "{stands_for}" is not authorized (state: FAILED), 3 times'
    assert private_parts(text) != []
    assert private_parts(in_plain_words(text)) == []


@pytest.mark.parametrize("private", [private for _, private in PRIVATE] + ["known-by-name"])
@pytest.mark.parametrize("place", ["answer", "key", "note"])
def test_a_recording_with_something_private_is_not_written(tmp_path: Path, private: str, place: str) -> None:
    answers: dict[str, Json] = {"answer": [f"x {private} y"], "key": {private: 1}, "note": "fine"}
    recording = Recording(answers={"a.probe": answers[place]}, notes={"a.probe": private} if place == "note" else {})
    with pytest.raises(NotFitToBeSeen, match="is not written"):
        recording.write(tmp_path / "aws.json", ["known-by-name"])
    assert list(tmp_path.iterdir()) == []


def test_a_recording_is_read_as_it_was_written(tmp_path: Path) -> None:
    written = Recording(answers={"a.probe": {"state": "FAILED"}, "b.probe": None}, notes={"a.probe": ["é"]})
    written.write(tmp_path / "aws.json", ["other"])
    assert Recording.read(tmp_path / "aws.json") == written
    assert Recording.read(tmp_path / "missing.json") == Recording()


def test_a_recording_of_another_form_is_refused(tmp_path: Path) -> None:
    (tmp_path / "aws.json").write_text('{"schema": 99, "answers": {}}')
    with pytest.raises(ValueError, match=f"schema=99: this version reads {SCHEMA}"):
        Recording.read(tmp_path / "aws.json")


@pytest.mark.parametrize("recording", [AWS_RECORDING, LOCAL_RECORDING], ids=lambda path: path.name)
def test_the_recordings_here_say_nothing_private_and_answer_questions_that_there_are(recording: Path) -> None:
    read = Recording.read(recording)
    assert private_parts(read.text()) == []
    assert read.answers.keys() - {probe.id for probe in PROBES} == set()


def probe(expected: object, *, not_local: str = "") -> Probe:
    return Probe(
        id="a.probe",
        question="?",
        expected=expected,  # type: ignore[arg-type]
        source="",
        needs=(),
        runs=0,
        shares=(),
        last=False,
        not_local=not_local,
        ask=lambda _: None,
    )


@pytest.mark.parametrize(
    ("expected", "local", "aws", "known", "found"),
    [
        ("yes", "yes", None, None, ""),
        ("yes", "no", None, None, "unlisted"),
        ("yes", "no", None, "no", ""),
        ("yes", "perhaps", None, "no", "unlisted"),
        ("yes", "yes", None, "no", "gone"),
        ("yes", "yes", "no", None, "unlisted"),
        ("yes", "no", "no", None, ""),
        ("yes", "no", "no", "no", "gone"),
        (OneOf(answers=("yes", "no")), "no", None, None, ""),
        (OneOf(answers=("yes", "no")), "perhaps", None, None, "unlisted"),
        (OneOf(answers=("yes", "no")), "no", "yes", None, "unlisted"),
        (Anything(), "perhaps", None, None, ""),
        ("yes", None, None, None, "unasked"),
    ],
)
def test_local_answers_are_compared(
    expected: object, local: str | None, aws: str | None, known: str | None, found: str
) -> None:
    answers = {} if local is None else {"a.probe": local}
    recording = Recording(answers={} if aws is None else {"a.probe": aws})
    listed = {} if known is None else {"a.probe": Deviation(answer=known, reason="")}
    differences = compare(answers, [probe(expected)], aws=recording, known=listed)
    assert [name for name, probes in vars(differences).items() if probes] == ([found] if found else [])


def test_what_says_nothing_locally_is_not_compared() -> None:
    differences = compare({}, [probe("yes", not_local="it is so")], aws=Recording(), known={})
    assert not any(vars(differences).values())


def test_an_answer_of_aws_that_is_not_expected_is_a_surprise() -> None:
    assert surprises(Recording(answers={"a.probe": "no"}), [probe("yes")]) == ["a.probe"]
    assert surprises(Recording(answers={"a.probe": "yes"}), [probe("yes")]) == []


def test_probes_read_like_a_document() -> None:
    assert len({item.id for item in PROBES}) == len(PROBES)
    for item in PROBES:
        assert item.question.endswith("?"), item.id
        assert item.source.startswith("https://"), item.id
        assert not (item.not_local and item.id in KNOWN_DEVIATIONS), item.id
    assert KNOWN_DEVIATIONS.keys() - {item.id for item in PROBES} == set()


def test_the_upper_bound_grows_with_runs_time_and_keys() -> None:
    bounds = [
        upper_bound(job_runs(probes), needs(probes), run_minutes=minutes)
        for probes, minutes in (([], 15), ([p for p in PROBES if RUNS not in p.needs], 15), (PROBES, 15), (PROBES, 60))
    ]
    assert bounds == sorted(set(bounds))
    assert bounds[2] < 10, "dollars"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m conformance.page"
