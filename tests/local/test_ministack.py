"""ministack is pinned because emrs_local reaches into it; when ministack moves, this says what is gone."""

import ast
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import emrs_local

PACKAGE = Path(str(emrs_local.__file__)).parent
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


def sources() -> list[Path]:
    """The modules that may know ministack."""
    return sorted((PACKAGE / "ministack").rglob("*.py"))


def names_used() -> list[str]:
    """What these modules import from ministack, and the attributes that they use of what they import."""
    return sorted({name for source in sources() for name in names_used_in(source)})


def names_used_in(source: Path) -> set[str]:
    tree = ast.parse(source.read_text(encoding="utf-8"))
    imported: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "ministack":
            for name in node.names:
                path = f"{node.module}.{name.name}"
                imported[name.name] = f"{path}:" if is_module(path) else f"{node.module}:{name.name}"
    used = {
        imported[node.value.id] + node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and imported.get(node.value.id, "").endswith(":")
    }
    return {*imported.values(), *used}


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
    importing = {
        path
        for path in PACKAGE.rglob("*.py")
        if re.search(r"^\s*(from|import) ministack", path.read_text(encoding="utf-8"), re.M)
    }
    assert importing <= set(sources())


PATCHED = {
    "ministack.services.cloudformation.changesets": ["_add_event", "_deploy_stack_async"],
    "ministack.services.cloudformation.handlers": [
        "_add_event",
        "_continue_update_rollback_async",
        "_delete_stack_async",
        "_deploy_stack_async",
        "_roll_back_operation",
    ],
    "ministack.services.cloudformation.stacks": [
        "_add_event",
        "_continue_update_rollback_async",
        "_delete_stack_async",
        "_deploy_stack_async",
        "_roll_back_operation",
    ],
}


@pytest.mark.parametrize("module", PATCHED)
def test_the_operations_on_stacks_are_called_by_the_names_that_are_replaced(module: str) -> None:
    # What is replaced is assigned, so a name that nobody looks up any more would go unnoticed above.
    tree = ast.parse((PACKAGES / module.replace(".", "/")).with_suffix(".py").read_text(encoding="utf-8"))
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    imported = {name.name for node in tree.body if isinstance(node, ast.ImportFrom) for name in node.names}
    assert set(PATCHED[module]) <= functions | imported


def test_the_operations_on_stacks_are_called_as_they_were() -> None:
    source = PACKAGES / "ministack/services/cloudformation/stacks.py"
    functions = {
        node.name: [argument.arg for argument in node.args.args]
        for node in ast.parse(source.read_text(encoding="utf-8")).body
        if isinstance(node, ast.AsyncFunctionDef)
    }
    assert functions["_deploy_stack_async"] == [
        *("stack_name", "stack_id", "template", "param_values", "disable_rollback", "tags", "is_update"),
        *("previous_stack", "retain_except_on_create", "imports"),
    ]
    assert functions["_delete_stack_async"] == ["stack_name", "stack_id", "retain_resources", "force"]
    assert functions["_roll_back_operation"] == ["stack_name", "stack_id", "stack", "operation", "reason_override"]
    assert functions["_continue_update_rollback_async"] == ["stack_name", "stack_id", "resources_to_skip"]
