"""What the pages of the documentation print is true; what they splice from examples/ is tested there."""

import re
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import aws_cdk
import pytest
from aws_cdk.assertions import Template

import constructs_emrs
from constructs_emrs.handler import failure
from emrs_local import LocalAws
from tests.templates import new_stack

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted((ROOT / "docs").rglob("*.md"))

FRAGMENTS = [
    pytest.param(fragment, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, fragment in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), flags=re.DOTALL))
    if "--8<--" not in fragment
]


@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_the_fragment_synthesises(fragment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "etl.py").write_text("print('hello')\n")
    monkeypatch.chdir(tmp_path)
    stack = new_stack()
    names: dict[str, Any] = {**vars(aws_cdk), **vars(constructs_emrs), "self": stack}
    # What the local AWS does is tested there; here, that it has what the page calls.
    names["local_aws"] = create_autospec(LocalAws, instance=True)
    if "etl" in fragment and "etl = " not in fragment:
        spark = names["Application"](stack, "Application", release_label=names["ReleaseLabel"].EMR_7_14_0)
        code = names["Code"].from_asset("jobs/etl.py")
        names["etl"] = names["SparkJob"](stack, "Job", application=spark, entry_point=code)
    exec(compile(fragment, "fragment", "exec"), names)  # noqa: S102 - the fragment is ours
    Template.from_stack(stack)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_arguments_that_the_page_names_exist(page: Path) -> None:
    """Names of constructs, methods and arguments in running text, such as `wait_timeout` or `job.grant_start(…)`."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for name, member in re.findall(r"`([A-Z]\w+)\.(\w+)", text):
        if hasattr(constructs_emrs, name):
            assert hasattr(getattr(constructs_emrs, name), member), f"{name}.{member}"
    for name, arguments in re.findall(r"`([A-Z]\w+)\((\w+=[^`]*)\)`", text):
        if hasattr(constructs_emrs, name):
            call = getattr(constructs_emrs, name)
            first = re.match(r"(\w+)=", arguments)
            assert first is not None
            assert first[1] in call.__init__.__annotations__, f"{name}({first[1]}=…)"


def test_the_advice_that_the_page_of_failures_quotes_is_what_is_said() -> None:
    page = (ROOT / "docs" / "failures.md").read_text()
    quoted = [" ".join(advice.split()) for advice in re.findall(r'advises: "([^"]+)"', page)]
    said = [remedy for _, remedy in failure._REMEDIES]
    assert len(quoted) >= 5
    assert [advice for advice in quoted if not any(remedy.startswith(advice) for remedy in said)] == []
