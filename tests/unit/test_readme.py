"""The README's example works as it is printed."""

import re
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Size
from aws_cdk.assertions import Template

from constructs_emrs import Application, Code, ReleaseLabel, RetryPolicy, SparkJob, WorkerResources
from constructs_emrs.handler import contract
from tests.templates import new_stack

README = Path(__file__).parent.parent.parent / "README.md"


def test_the_example_synthesises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)[0]
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "etl.py").write_text("print('hello')\n")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(example, str(README), "exec"), names)  # noqa: S102 - the example is ours
    stack = names["app"].node.find_child("Lake")
    Template.from_stack(stack).resource_count_is(contract.JOB_RUN_TYPE, 1)


def test_mistakes_read_as_it_says() -> None:
    stack = new_stack()
    with pytest.raises(ValueError, match="out of range") as raised:
        SparkJob(
            stack,
            "Etl",
            application=Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0),
            entry_point=Code.from_uri("s3://code/etl.py"),
            driver=WorkerResources(cpu=4, memory=Size.gibibytes(3)),
            retry_policy=RetryPolicy.attempts(11),
        )
    (example,) = re.findall(r"```text\n(.*?)```", README.read_text(), flags=re.DOTALL)
    assert str(raised.value) == example.strip()


def test_it_has_no_link_that_is_dead_on_a_package_index() -> None:
    targets = re.findall(r"\]\(([^)]+)\)", README.read_text())
    assert [target for target in targets if not target.startswith(("https://", "#"))] == []
