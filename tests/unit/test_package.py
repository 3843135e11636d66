"""The package itself: its public names, and what the handler may import."""

import ast
import gzip
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.session import Session

import constructs_emrs
from constructs_emrs.__main__ import main
from constructs_emrs._version import __version__
from constructs_emrs.custom_resources.asset import OPERATIONS, handler_asset
from constructs_emrs.handler import contract
from constructs_emrs.validation import botocore_data as data
from constructs_emrs.validation.botocore_data import botocore_data

HANDLER = Path(constructs_emrs.__file__).parent / "handler"


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the functions' code."""
    return handler_asset(tmp_path_factory.mktemp("assets"))


def test_all_public_names_are_exported_and_no_others() -> None:
    public = {
        name
        for name, value in vars(constructs_emrs).items()
        if getattr(value, "__module__", "").startswith("constructs_emrs.") and not name.startswith("_")
    }
    types_and_texts = {"JsonObject", "JsonValue", "__version__"}  # know no module
    assert public | types_and_texts == set(constructs_emrs.__all__)


def test_the_functions_import_the_standard_library_and_botocore_only(functions: Path) -> None:
    code = (
        "import sys, handler.functions\n"
        "top = {name.partition('.')[0] for name in sys.modules}\n"
        "print(*sorted(name for name in top - set(sys.stdlib_module_names) if not name.startswith('_')))"
    )
    loaded = subprocess.run(
        [sys.executable, "-I", "-B", "-c", f"import sys; sys.path.insert(0, {str(functions)!r})\n{code}"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    # urllib3 looks for backports.zstd, and finds the folder when any other backport is installed.
    assert set(loaded) <= {
        "backports",
        "botocore",
        "dateutil",
        "handler",
        "jmespath",
        "six",
        "urllib3",
        "certifi",
        "awscrt",
    }


@pytest.mark.parametrize("service", OPERATIONS)
def test_the_functions_bring_what_botocore_knows_of_what_they_call(functions: Path, service: str) -> None:
    (file,) = Path(functions, contract.DATA_FOLDER, service).rglob("service-2.json")
    brought = ServiceModel(json.loads(file.read_text()))
    installed = ServiceModel(botocore_data(f"{service}/{file.parent.name}/service-2"))
    assert sorted(brought.operation_names) == sorted(OPERATIONS[service])
    for name in brought.shape_names:
        shape, whole = brought.shape_for(name), installed.shape_for(name)
        assert (shape.type_name, shape.metadata) == (whole.type_name, whole.metadata)
        assert list(getattr(shape, "members", ())) == list(getattr(whole, "members", ()))


def test_the_functions_bring_what_botocore_knows_of_partitions(
    functions: Path,
) -> None:
    def described(partition: dict[str, Any]) -> dict[str, Any]:
        defaults = {name: its for name, its in partition["defaults"].items() if name != "variants"}
        return {**partition, "partitionName": "", "defaults": defaults, "regions": {}, "services": {}}

    def variants(partition: dict[str, Any]) -> dict[tuple[str, ...], tuple[str, str]]:
        return {tuple(its["tags"]): (its["hostname"], its["dnsSuffix"]) for its in partition["defaults"]["variants"]}

    brought = json.loads(Path(functions, contract.DATA_FOLDER, "endpoints.json").read_text())
    ours, theirs = (
        {its["partition"]: its for its in data["partitions"]} for data in (brought, botocore_data("endpoints"))
    )
    assert ours.keys() >= theirs.keys()
    for name, partition in theirs.items():
        assert described(ours[name]) == described(partition)
        # An isolated partition may have two addresses that are said of it in one of the two places only.
        assert variants(ours[name]).items() >= variants(partition).items()


def test_the_functions_bring_all_that_they_call_and_nothing_else(functions: Path) -> None:
    code = "".join(file.read_text() for file in Path(functions, "handler").iterdir())
    called = {*re.findall(r"\.(\w+)\(", code), *re.findall(r'get_paginator\("(\w+)"\)', code)}
    there_are = {name for service in OPERATIONS for name in Session().get_service_model(service).operation_names}
    brought = {name for operations in OPERATIONS.values() for name in operations}
    assert {name for name in there_are if xform_name(name) in called} == brought


def test_the_functions_run_the_code_that_is_here_and_each_statement_has_its_line(functions: Path) -> None:
    for file in HANDLER.glob("*.py"):
        brought = Path(functions, "handler", file.name).read_text()
        assert statements(brought) == statements(file.read_text()), file
        assert '"""' not in brought
        assert "#" not in brought


def statements(code: str) -> list[tuple[int, str]]:
    """Each statement's line, and what it does; a docstring does nothing."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value = ast.Constant(None)
    return [(node.lineno, ast.dump(node)) for node in ast.walk(tree) if isinstance(node, ast.stmt)]


def test_a_model_in_the_home_of_a_developer_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Botocore reads `~/.aws/models` when it is not told otherwise."""
    of_the_service = f"{contract.SERVICE}/{contract.API_VERSION}/service-2"
    own = tmp_path / f"{of_the_service}.json"
    own.parent.mkdir(parents=True)
    description = botocore_data(of_the_service)
    own.write_text(json.dumps({**description, "operations": {**description["operations"], "Own": {}}}))
    monkeypatch.setattr(Loader, "CUSTOMER_DATA_PATH", str(tmp_path))
    data._data_folder.cache_clear()
    assert "Own" in Loader().load_data(of_the_service)["operations"]
    assert botocore_data(of_the_service) == description


def test_botocore_may_have_compressed_its_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "_data_folder", lambda: tmp_path)
    (tmp_path / "partitions.json.gz").write_bytes(gzip.compress(b'{"version": 1}'))
    assert botocore_data("partitions") == {"version": 1}


def test_the_functions_do_not_bring_the_documentation_of_services(functions: Path) -> None:
    files = list((functions / contract.DATA_FOLDER).rglob("*.json"))
    assert files
    assert all('"documentation":"' not in file.read_text() for file in files)


def test_the_asset_is_small(functions: Path, tmp_path: Path) -> None:
    archive = tmp_path / "asset.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        for file in filter(Path.is_file, functions.rglob("*")):
            zipped.write(file, file.relative_to(functions))
    assert archive.stat().st_size < 60_000


def test_the_package_says_its_version_and_what_it_runs_with(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["constructs_emrs"])
    main()
    assert f"constructs-emrs {__version__}\naws-cdk-lib 2." in capsys.readouterr().out


def test_the_version_alone(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["constructs_emrs", "--version"])
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().out.strip() == __version__
