"""Files that are made at synth and are assets: where they are when `cdk deploy` uploads them."""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from aws_cdk import FileAssetLocation, FileAssetPackaging, IStackSynthesizer, NestedStack, Stack, Stage
from constructs import Construct

from .cdk_cache import asked_once, node_of, stack_of

# The CDK runs in another process, which stays in the folder that it was started in: when it was imported.
_FOLDER_OF_THE_CDK = Path.cwd()
_SYNTHESIZER = "constructs-emrs:Synthesizer"


def lasting(scope: Construct, folder: Path) -> Path:
    """A folder with what a temporary one has, for as long as the cloud assembly is there.

    The CDK copies an asset into the assembly as it is defined, unless it is told not to: `cdk synth --no-staging`. The
    assembly says then where the files were, and what is temporary would be gone when it is uploaded. So it is copied
    into the assembly, under a name that the next synth gives it too.

    Args:
        scope: Where the asset is going to be defined.
        folder: The temporary folder.
    """
    stack = stack_of(scope)
    if not _is_not_copied(stack):
        return folder
    return written_once(assets_of(stack) / f"asset.{_digest(folder)}", lambda copy: shutil.copytree(folder, copy))


def written_once(folder: Path, write: Callable[[Path], object]) -> Path:
    """The folder, written if it is not there: under its name it is whole, also if this process is killed.

    Args:
        folder: The folder, whose name tells contents apart.
        write: Writes another one, which is not there yet.
    """
    if not folder.is_dir():
        with TemporaryDirectory(dir=folder.parent, prefix="making-") as temporary:
            made = Path(temporary, "made")
            write(made)
            try:
                made.rename(folder)
            except OSError:
                # Another process may have made it.
                if not folder.is_dir():
                    raise
    return folder


@asked_once
def assets_of(stack: Stack) -> Path:
    """The folder that the CDK copies the assets of a stack to, in the cloud assembly."""
    return Path(_FOLDER_OF_THE_CDK, _stage_of(stack).asset_outdir).resolve()


def add_file_asset(
    stack: Stack, path: Path, *, source_hash: str, packaging: FileAssetPackaging, display_name: str | None = None
) -> FileAssetLocation:
    """Have `cdk deploy` upload a file that the CDK need not copy.

    Args:
        stack: The stack that needs it.
        path: The file or folder.
        source_hash: What tells it from another one.
        packaging: Whether it is a folder, of which a zip is uploaded.
        display_name: What the CDK CLI calls it. Default: its hash.
    """
    manifests = Path(_FOLDER_OF_THE_CDK, _stage_of(stack).outdir).resolve()

    def add(synthesizer: IStackSynthesizer) -> FileAssetLocation:
        return synthesizer.add_file_asset(
            file_name=os.path.relpath(path, manifests),
            source_hash=source_hash,
            packaging=packaging,
            display_name=display_name,
        )

    try:
        return add(stack.synthesizer)
    except RuntimeError:
        # A synthesizer that an app has made itself does not know its stack: the CDK binds a copy, which jsii takes for
        # the original. That of a nested stack hands over to the copy.
        nested = NestedStack(stack, _SYNTHESIZER)
        try:
            return add(nested.synthesizer)
        finally:
            for child in (_SYNTHESIZER, f"{_SYNTHESIZER}.NestedStack"):
                node_of(stack).try_remove_child(child)


@asked_once
def _is_not_copied(stack: Stack) -> bool:
    return bool(node_of(stack).try_get_context("aws:cdk:disable-asset-staging"))


@asked_once
def _stage_of(stack: Stack) -> Stage:
    # A stack that was made without an app has one all the same.
    return cast("Stage", Stage.of(stack))


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(filter(Path.is_file, folder.rglob("*"))):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.relative_to(folder).as_posix()}\n{content}\n".encode())
    return digest.hexdigest()
