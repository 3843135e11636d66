"""What is imported and asked for in vain by those who only list their stacks, or synthesise them."""

import subprocess
import sys

_IMPORT = """
import aws_cdk
from jsii._kernel.providers.process import _NodeProcess

def refuse(self, request, *_):
    raise AssertionError(f"asked of Node.js: {request}")

_NodeProcess.send = refuse
import constructs_emrs
"""


def test_the_import_asks_nothing_of_node_js() -> None:
    """The first question waits until Node.js has loaded the CDK, and each takes a round trip."""
    done = subprocess.run([sys.executable, "-c", _IMPORT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


_CHECK = """
import sys
import constructs_emrs
from constructs_emrs.validation.model import check_against_model
from constructs_emrs.validation.shapes import operation_shape

check_against_model({"name": 1}, operation_shape("StartJobRun"), print)
assert "botocore" not in sys.modules
"""


def test_botocore_is_not_imported_for_its_model() -> None:
    """It takes longer than all that is made of the model."""
    done = subprocess.run([sys.executable, "-c", _CHECK], capture_output=True, text=True, check=True)
    assert "a string is expected" in done.stdout
