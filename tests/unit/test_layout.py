"""A module can be read and changed by itself: what others use of it, they name so that tools see it."""

import ast
import re
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

import constructs_emrs


def folder_of(package: str) -> Path:
    """Where the package is installed, which is not here when the wheel is tested."""
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


ROOT = folder_of("constructs_emrs").parent
PACKAGES = ("constructs_emrs", "emrs_local")

# Private names that are used in another module than the one that has them, by package, and why.
EXCEPTIONS = {
    "constructs_emrs": {
        **dict.fromkeys(("_request", "_services", "_stack"), "the requests to the functions have a common base class"),
        "_values": "what the CDK's own structures have no public name for",
    },
    "emrs_local": {
        "_exit": "os._exit is documented; only its name is like a private one",
        "_proc": "ministack hands the worker over whose process it is",
    },
}


def private_names_from_elsewhere(source: str) -> set[str]:
    """The private names that a module uses and does not define.

    What is reached through an import from ministack does not count: `import-linter` says who may import it, and it has
    no public names.
    """
    tree = ast.parse(source)
    defined, of_ministack = set(_defined(tree)), _of_ministack(tree)
    imported = {
        name.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and not _is_of_ministack(node)
        for name in node.names
        # `from . import _rules` and `from .._rules import rule` name private modules, which a room shares.
        if not (node.level and node.module is None)
    }
    attributes = {
        node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and _root(node) not in of_ministack
    }
    return {name for name in imported | (attributes - defined) if _is_private(name)}


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _defined(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Name(ctx=ast.Store()):
                yield node.id
            case ast.Attribute(value=ast.Name(id="self" | "cls"), ctx=ast.Store()):
                yield node.attr


def _of_ministack(tree: ast.Module) -> set[str]:
    """The names that stand for something of ministack: imported ones, and those of loops over them."""
    imported = {
        name.asname or name.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and _is_of_ministack(node)
        for name in node.names
    }
    loops = {
        node.target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.For) and isinstance(node.target, ast.Name) and isinstance(node.iter, ast.Tuple)
        if {_root(item) for item in node.iter.elts} <= imported
    }
    return imported | loops


def _is_of_ministack(node: ast.ImportFrom) -> bool:
    return not node.level and (node.module or "").partition(".")[0] == "ministack"


def _root(node: ast.expr) -> str | None:
    """The name at the beginning of `a.b[0].c`."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


@pytest.mark.parametrize("package", PACKAGES)
def test_a_private_name_is_used_in_its_own_module_only(package: str) -> None:
    found: dict[str, list[str]] = {}
    for module in sorted(folder_of(package).rglob("*.py")):
        for name in private_names_from_elsewhere(module.read_text(encoding="utf-8")):
            found.setdefault(name, []).append(str(module.relative_to(ROOT)))
    assert {name: modules for name, modules in found.items() if name not in EXCEPTIONS[package]} == {}
    assert sorted(EXCEPTIONS[package].keys() - found.keys()) == [], "these exceptions are not needed any more"


@pytest.mark.parametrize(
    "source",
    [
        "from package.module import _name",
        "from .module import _name",
        "from package import module\nmodule._name()",
        "def function(other):\n    return other._name",
        "class Derived(Base):\n    def method(self):\n        return self._name",
        "from ministack import app\ndef function(other):\n    return other._name",
    ],
)
def test_the_use_of_a_private_name_of_another_module_is_found(source: str) -> None:
    assert private_names_from_elsewhere(source) == {"_name"}


@pytest.mark.parametrize(
    "source",
    [
        "from . import _module",
        "from ._module import name",
        "def _name(): ...\n_name()",
        "class Thing:\n    def __init__(self):\n        self._name = 1\n    def same(self, other):\n"
        "        return other._name",
        "from ministack import app\napp._name = app._other['key']._last",
        "from ministack.core import _name\n_name()",
        "from ministack import app, core\nfor module in (app, core):\n    module._name = None",
    ],
)
def test_other_names_are_not_found(source: str) -> None:
    assert private_names_from_elsewhere(source) == set()


def _imported_modules(source: str, package: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The modules that relative imports of a module of the package name, as paths from the top of it all."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level:
            outer = (*package[: len(package) - node.level + 1], *(node.module or "").split("."))
            yield from ([(*filter(None, outer), name.name) for name in node.names])


def private_rooms_entered(source: str, package: Sequence[str]) -> set[str]:
    """The private modules of other rooms that a module imports from."""
    return {
        ".".join(path[: place + 1])
        for path in _imported_modules(source, package)
        for place, part in enumerate(path)
        if _is_private(part) and tuple(path[:place]) != tuple(package[:place])
    }


@pytest.mark.parametrize("module", sorted(folder_of("constructs_emrs").rglob("*.py")), ids=str)
def test_a_private_module_is_imported_in_its_own_room_only(module: Path) -> None:
    package = module.relative_to(ROOT).parts[:-1]
    assert private_rooms_entered(module.read_text(encoding="utf-8"), package) == set()


@pytest.mark.parametrize(
    ("source", "entered"),
    [
        ("from ..jobs._rules import request", {"library.jobs._rules"}),
        ("from ..jobs import _request", {"library.jobs._request"}),
        ("from ._request import members", set()),
        ("from . import _request", set()),
        ("from ..jobs.options import JobMode", set()),
    ],
)
def test_a_private_module_of_another_room_is_found(source: str, entered: set[str]) -> None:
    assert private_rooms_entered(source, ("library", "runs")) == entered


def unseen_by_mypy(source: str) -> list[str]:
    """Members that are asked for by a text, and casts to interfaces: mypy notices no rename of either."""
    return [
        ast.unparse(node)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        for asked in node.args[:2]
        if isinstance(asked, ast.Constant) and isinstance(asked.value, str)
        if (node.func.id in {"getattr", "hasattr"} and not asked.value.startswith("__"))
        or (node.func.id == "cast" and re.fullmatch("I[A-Z][a-z]+", asked.value))
    ]


@pytest.mark.parametrize("room", ["applications", "custom_resources", "jobs", "monitoring", "permissions", "runs"])
def test_mypy_sees_what_a_room_asks_of_an_application_or_a_job(room: str) -> None:
    modules = (ROOT / "constructs_emrs" / room).rglob("*.py")
    unseen = {str(module): unseen_by_mypy(module.read_text(encoding="utf-8")) for module in modules}
    of_an_alias = "hasattr(key, 'alias_name')"  # only an alias has it
    assert {call for calls in unseen.values() for call in calls} <= {of_an_alias}


@pytest.mark.parametrize(
    "call", ["getattr(application, 'release_label', None)", "hasattr(job, 'mode')", "cast('IApplication', self)"]
)
def test_what_mypy_does_not_see_is_found(call: str) -> None:
    assert unseen_by_mypy(call) == [call]


# How rules and requests are called, which have homes of their own: values that users meet are data.
INTERNAL = re.compile("check|render|spark_conf|bind|prerequisites")


@pytest.mark.parametrize("name", constructs_emrs.__all__)
def test_the_public_api_has_no_rules_and_writes_no_requests(name: str) -> None:
    exported = getattr(constructs_emrs, name)
    # What a class of the CDK has that is extended is the CDK's.
    classes = [item for item in getattr(exported, "__mro__", ()) if item.__module__.startswith("constructs_emrs")]
    members = {member for item in classes for member in vars(item) if not member.startswith("_")}
    assert {member for member in members if INTERNAL.search(member)} == set()
