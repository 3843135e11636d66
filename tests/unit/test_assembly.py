"""What is written into the cloud assembly, and what the stacks' manifests say of it."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from aws_cdk import (
    App,
    BootstraplessSynthesizer,
    CliCredentialsStackSynthesizer,
    DefaultStackSynthesizer,
    IReusableStackSynthesizer,
    LegacyStackSynthesizer,
    NestedStack,
    Stack,
)

from constructs_emrs import Application, Code, JobRun, ReleaseLabel, SparkJob
from constructs_emrs.validation.made_files import written_once

STAGING_OFF = {"aws:cdk:disable-asset-staging": True}


def add_job(stack: Stack, file: Path) -> None:
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    files = [Code.from_asset(file).named("tables.json")]
    job = SparkJob(
        stack, "Etl", application=application, entry_point=Code.from_inline("print(1)", suffix=".py"), files=files
    )
    JobRun(stack, "Run", job=job)


def uploaded(app: App) -> list[tuple[Path, str]]:
    """The file and the key of each asset that is no template, all stacks' together."""
    manifests = sorted(Path(app.synth().directory).glob("*.assets.json"))
    return [
        (manifest.parent / asset["source"]["path"], destination["objectKey"])
        for manifest in manifests
        for asset in json.loads(manifest.read_text())["files"].values()
        for destination in asset["destinations"].values()
        if not asset["source"]["path"].endswith(".template.json")
    ]


@pytest.mark.parametrize("context", [{}, STAGING_OFF], ids=["default", "--no-staging"])
@pytest.mark.parametrize("make", [DefaultStackSynthesizer, CliCredentialsStackSynthesizer])
def test_a_stack_has_its_files_where_its_own_synthesizer_puts_them(
    make: Callable[..., IReusableStackSynthesizer], context: dict[str, bool], script: Path
) -> None:
    app = App(context=context)
    synthesizer = make(bucket_prefix="mine/")
    for name in ("Lake", "Sea"):
        stack = Stack(app, name, synthesizer=synthesizer)
        add_job(stack, script)
        add_job(NestedStack(stack, "Nested"), script)
        children = [child.node.id for child in stack.node.children]
        assert not any("ynthesizer" in child for child in children), "what asks for the synthesizer has to be gone"
    files = uploaded(app)
    assert {path.suffix or "folder" for path, _ in files} >= {".py", ".json"}
    assert all(path.exists() and key.startswith("mine/") for path, key in files)


def test_a_stack_of_an_app_with_a_synthesizer_of_its_own_has_its_files(script: Path) -> None:
    app = App(default_stack_synthesizer=DefaultStackSynthesizer(bucket_prefix="mine/"))
    add_job(Stack(app, "Lake"), script)
    assert all(path.exists() and key.startswith("mine/") for path, key in uploaded(app))


def test_a_stack_with_the_synthesizer_of_the_first_cdk_has_its_files_as_parameters(script: Path) -> None:
    app = App()
    add_job(Stack(app, "Lake", synthesizer=LegacyStackSynthesizer()), script)
    parameters = app.synth().get_stack_by_name("Lake").template["Parameters"]
    assert sum("S3Bucket" in name for name in parameters) == len(["handler", "entry point", "file"])


def test_a_stack_that_can_have_no_files_says_so(script: Path) -> None:
    stack = Stack(App(), "Lake", synthesizer=BootstraplessSynthesizer())
    with pytest.raises(RuntimeError, match="Cannot add assets to a Stack that uses the BootstraplessSynthesizer"):
        add_job(stack, script)


@pytest.mark.parametrize("context", [{}, STAGING_OFF], ids=["default", "--no-staging"])
def test_an_assembly_may_be_named_from_where_the_app_was_started(
    context: dict[str, bool], script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = App(outdir=os.path.relpath(tmp_path / "out"), context=context)
    stack = Stack(app, "Lake")
    monkeypatch.chdir(tmp_path)
    add_job(stack, script)
    stack.node.root.synth()  # type: ignore[attr-defined]  # it is the app
    manifest = json.loads((tmp_path / "out" / "Lake.assets.json").read_text())
    assert all((tmp_path / "out" / asset["source"]["path"]).exists() for asset in manifest["files"].values())


def test_two_synths_may_write_a_folder_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "asset.1"

    def write(made: Path) -> None:
        for it in (made, folder):
            it.mkdir()
            (it / "file").write_text("the same")

    assert written_once(folder, write) == folder
    assert [path.name for path in tmp_path.iterdir()] == ["asset.1"]
    assert (folder / "file").read_text() == "the same"


def test_a_folder_that_could_not_be_written_whole_is_not_there(tmp_path: Path) -> None:
    def write(made: Path) -> None:
        made.mkdir()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        written_once(tmp_path / "asset.1", write)
    assert list(tmp_path.iterdir()) == []
