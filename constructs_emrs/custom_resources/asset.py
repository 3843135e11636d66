"""The asset of the custom resource's functions: the handler, and the service model that speaks for it."""

import atexit
import functools
import json
import shutil
import tempfile
from pathlib import Path

from ..handler import contract
from ..validation.model import MODEL, description_without_texts

_HANDLER = Path(__file__).parent.parent / "handler"


@functools.cache
def handler_asset() -> str:
    """The path of a folder with the functions' code, made once a process.

    Beside the handler stands the `emr-serverless` model of the botocore that is installed now, so that the functions
    know every member that validated the template, whatever botocore their runtime bundles.
    """
    folder = Path(tempfile.mkdtemp(prefix="constructs-emrs-"))
    # The CDK copies the folder into the cloud assembly when the function is made.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    shutil.copytree(_HANDLER, folder / "handler", ignore=shutil.ignore_patterns("__pycache__"))
    target = folder / contract.MODEL_FOLDER / contract.SERVICE / contract.API_VERSION
    target.mkdir(parents=True)
    model = json.dumps(description_without_texts(), separators=(",", ":"))
    (target / f"{MODEL}.json").write_text(model, encoding="utf-8")
    return str(folder)
