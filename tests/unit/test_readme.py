"""The README's example works as it is printed."""

import re
from pathlib import Path
from typing import Any

import pytest
from aws_cdk.assertions import Template

from constructs_emrs.handler import contract

README = Path(__file__).parent.parent.parent / "README.md"


def test_the_example_synthesises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)[0]
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "etl.py").write_text("print('hello')\n")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(example, str(README), "exec"), names)  # noqa: S102  # the example is ours
    stack = names["app"].node.find_child("Lake")
    Template.from_stack(stack).resource_count_is(contract.JOB_RUN_TYPE, 1)
