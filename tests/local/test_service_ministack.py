"""ministack is pinned because `emrs_local._ministack` reaches into it; when ministack moves, this says what is gone."""

import ast
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from emrs_local import _ministack

PACKAGES = Path(sysconfig.get_path("purelib"))

LOOK = """
import importlib, sys
for name in sys.argv[1:]:
    module, _, attributes = name.partition(":")
    try:
        found = importlib.import_module(module)
        for attribute in filter(None, attributes.split(".")):
            found = getattr(found, attribute)
    except (ImportError, AttributeError):
        print(name)
"""


def names_used() -> list[str]:
    """What the module imports from ministack, and the attributes that it uses of what it imports."""
    tree = ast.parse(Path(str(_ministack.__file__)).read_text(encoding="utf-8"))
    imported: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "ministack":
            for name in node.names:
                path = f"{node.module}.{name.name}"
                imported[name.name] = f"{path}:" if is_module(path) else f"{node.module}:{name.name}"
    used = [
        imported[node.value.id] + node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and imported.get(node.value.id, "").endswith(":")
    ]
    return sorted({*imported.values(), *used})


def is_module(name: str) -> bool:
    # Not with importlib.util.find_spec, which imports the packages around the module.
    file = PACKAGES / name.replace(".", "/")
    return file.is_dir() or file.with_suffix(".py").exists()


@pytest.fixture(scope="module")
def missing() -> set[str]:
    # In a process of its own: ministack changes logging and hypercorn when it is imported.
    looked = subprocess.run(
        [sys.executable, "-c", LOOK, *names_used(), "ministack:_is_not_there"],
        env={**os.environ, "AUTH": "true"},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(looked.stdout.split())


@pytest.mark.parametrize("name", names_used())
def test_what_is_used_of_ministack_is_where_it_was(missing: set[str], name: str) -> None:
    assert "ministack:_is_not_there" in missing
    assert name not in missing


def test_no_other_module_imports_ministack() -> None:
    package = Path(str(_ministack.__file__)).parent
    sources = {path: path.read_text(encoding="utf-8") for path in package.rglob("*.py")}
    importing = [
        path.name for path, source in sources.items() if re.search(r"^\s*(from|import) ministack", source, re.M)
    ]
    assert importing == ["_ministack.py"]
