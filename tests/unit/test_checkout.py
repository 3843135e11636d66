"""What is true of a checkout as a whole, and not of the installed wheel: its files are where pages say they are."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted((ROOT / "docs").rglob("*.md"))
FOR_CONTRIBUTORS = [ROOT / name for name in ("CONTRIBUTING.md", "RELEASING.md", "docs/architecture.md")]
FOR_USERS = [*(page for page in PAGES if page not in FOR_CONTRIBUTORS), ROOT / "README.md", ROOT / "SECURITY.md"]
# What users are shown may be of theirs, such as `jobs/etl.py`. This is not.
OURS = ("benchmarks", "conformance", "constructs_emrs", "docs", "emrs_local", "examples", "scripts", "tests")
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


def _python_files() -> Iterator[Path]:
    yield ROOT / "app.py"
    for folder in (
        "conformance",
        "constructs_emrs",
        "emrs_local",
        "benchmarks",
        "examples",
        "jobs",
        "scripts",
        "tests",
    ):
        yield from sorted((ROOT / folder).rglob("*.py"))


def test_a_lint_rule_that_is_switched_off_has_its_reason_beside_it() -> None:
    switched_off = re.compile(r"#(?: ruff:)? noqa\b(?P<rest>.*)")
    with_reason = re.compile(r": [A-Z]+[0-9]+(, [A-Z]+[0-9]+)* - \S.*")
    found = {
        f"{file.relative_to(ROOT)}:{number}": match["rest"]
        for file in _python_files()
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
        if (match := switched_off.search(line))
    }
    assert len(found) > 20
    assert {place: rest for place, rest in found.items() if not with_reason.fullmatch(rest)} == {}
