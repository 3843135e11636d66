"""Files that are made at synth and are assets: where they are when `cdk deploy` uploads them."""

import hashlib
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from aws_cdk import Stack, Stage
from constructs import Construct

from .cdk_cache import asked_once, node_of, stack_of


def lasting(scope: Construct, folder: Path) -> Path:
    """A folder with what a temporary one has, for as long as the cloud assembly is there.

    The CDK copies an asset into the assembly as it is defined, unless it is told not to: `cdk synth --no-staging`. The
    assembly says then where the files were, and what is temporary would be gone when it is uploaded. So it is copied
    into the assembly, under a name that the next synth gives it too.

    Args:
        scope: Where the asset is going to be defined.
        folder: The temporary folder.
    """
    assembly = _assembly_without_copies(stack_of(scope))
    if assembly is None:
        return folder
    copy = assembly / f"asset.{_digest(folder)}"
    if not copy.is_dir():
        # Under its name it is whole, also if this process is killed.
        with TemporaryDirectory(dir=assembly, prefix="making-") as temporary:
            shutil.copytree(folder, Path(temporary, "copy")).rename(copy)
    return copy


@asked_once
def _assembly_without_copies(stack: Stack) -> Path | None:
    """Where assets of the stack would be copied to, if the CDK copies none."""
    is_off = node_of(stack).try_get_context("aws:cdk:disable-asset-staging")
    stage = Stage.of(stack) if is_off else None
    return Path(stage.asset_outdir).resolve() if stage else None


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(filter(Path.is_file, folder.rglob("*"))):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.relative_to(folder).as_posix()}\n{content}\n".encode())
    return digest.hexdigest()
