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


FOR_CONTRIBUTORS = [ROOT / name for name in ("CONTRIBUTING.md", "RELEASING.md", "docs/architecture.md")]
FOR_USERS = [*(page for page in PAGES if page not in FOR_CONTRIBUTORS), ROOT / "README.md", ROOT / "SECURITY.md"]
# What users are shown may be of theirs, such as `jobs/etl.py`. This is not.
OURS = ("benchmarks", "constructs_emrs", "docs", "emrs_local", "examples", "scripts", "tests")
PATH = re.compile(r"\.?\w[\w.*-]*(/[\w.*-]+)*/?")
SUFFIXES = (".json", ".md", ".py", ".svg", ".toml", ".txt", ".yml", ".yaml")


def quoted(text: str) -> set[str]:
    """What stands between backticks, blocks of code left out."""
    return set(re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)))


def paths_named_in(text: str) -> set[str]:
    """The files and folders of this project that a page names, also as arguments of a command."""
    words = {word for code in quoted(text) for word in code.split()}
    return {word for word in words if PATH.fullmatch(word) and ("/" in word or word.endswith(SUFFIXES))}


def is_there(path: str) -> bool:
    if "*" in path and "/" not in path:
        return any(ROOT.rglob(path))
    return any(ROOT.glob(path)) if "*" in path else (ROOT / path).exists()


@pytest.mark.parametrize("page", FOR_CONTRIBUTORS, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_files_that_contributors_are_shown_are_there(page: Path) -> None:
    named = paths_named_in(page.read_text(encoding="utf-8"))
    assert len(named) > 2
    assert sorted(path for path in named if not is_there(path)) == []


def test_the_files_of_this_project_that_users_are_shown_are_there() -> None:
    named = {
        path
        for page in FOR_USERS
        for path in paths_named_in(page.read_text(encoding="utf-8"))
        if path.partition("/")[0] in OURS and "/" in path
    }
    assert len(named) > 10
    assert sorted(path for path in named if not is_there(path)) == []


@pytest.mark.parametrize("page", FOR_CONTRIBUTORS, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_tests_and_targets_that_contributors_are_shown_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    targets = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert {name for name in quoted(text) if name.startswith("test_") and f"def {name}(" not in tests} <= {
        "test_spark_*.py"
    }
    assert {name for name in quoted(text) if name.startswith("make ") and f"\n{name[5:]}:" not in targets} == set()


def test_a_file_that_is_not_there_is_found() -> None:
    text = "`make test` of `tests/unit/test_gone.py` and `pytest gone/folder`, not `s3://a/b.py` or `/_a/b/`"
    named = paths_named_in(text)
    assert named == {"tests/unit/test_gone.py", "gone/folder"}
    assert [path for path in named if is_there(path)] == []


@pytest.mark.parametrize(("package", "of"), [("constructs_emrs", "packages"), ("emrs_local", "packages and modules")])
def test_every_room_is_shown_to_contributors(package: str, of: str) -> None:
    named = paths_named_in((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    folders = {path.parent for path in (ROOT / package).glob("*/__init__.py")}
    modules = {path for path in (ROOT / package).glob("*.py") if not path.stem.startswith("__")}
    rooms = folders | (modules if "modules" in of else set())
    assert {str(path.relative_to(ROOT)) for path in rooms} - named == set()


def test_the_picture_has_the_rooms() -> None:
    picture = (ROOT / "docs" / "assets" / "architecture.svg").read_text(encoding="utf-8")
    rooms, local = (re.findall(rf'class="{kind}"[^>]*>([^<]+)<', picture) for kind in ("room", "room-local"))
    assert set(rooms) == {path.parent.name for path in (ROOT / "constructs_emrs").glob("*/__init__.py")}
    assert len(local) > 3
    assert [path for path in local if not (ROOT / "emrs_local" / path).exists()] == []
