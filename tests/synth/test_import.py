"""What the import of the library costs those who only list their stacks."""

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
