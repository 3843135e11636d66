"""The functions speak the API version of the synth, however old the botocore of their Lambda runtime is."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from constructs_emrs.custom_resources.asset import handler_asset
from constructs_emrs.handler import contract
from constructs_emrs.handler.request import Request
from tests.botocore_model import needs_flex
from tests.handler.in_memory_cloudformation import STACK_ID, stringified

OLD_BOTOCORE = Path(sys.prefix) / "botocore-2024"  # installed by `make install`

REQUEST = {
    "applicationId": "00app1",
    "executionRoleArn": "arn:aws:iam::123456789012:role/Etl",
    "jobDriver": {"sparkSubmit": {"entryPoint": "s3://code/etl.py"}},
    "configurationOverrides": {
        "diskEncryptionConfiguration": {
            "encryptionContext": {"team": "lake"},
            "encryptionKeyArn": "arn:aws:kms:us-east-1:123456789012:key/0000",
        }
    },
    "flexExecution": {"enabled": True},
}

ARN = "arn:aws:emr-serverless:us-east-1:123456789012:/applications/00app1/jobruns/00run1"
STACKS = """<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>Lake</StackName>
<CreationTime>2026-01-01T00:00:00Z</CreationTime><StackStatus>CREATE_IN_PROGRESS</StackStatus></member></Stacks>
</DescribeStacksResult></DescribeStacksResponse>"""

SCRIPT = """
import json, sys, botocore
from handler.functions import step
print(json.dumps([botocore.__version__, step(json.load(sys.stdin))]))
"""


class Server(HTTPServer):
    """Takes one StartJobRun request and keeps its body."""

    body: dict[str, Any]


class Handler(BaseHTTPRequestHandler):
    """Answers StartJobRun."""

    def do_POST(self) -> None:  # the name is http.server's
        assert isinstance(self.server, Server)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if b"Action=DescribeStacks" in body:
            self._answer(STACKS)
            return
        self.server.body = json.loads(body)
        self._answer(json.dumps({"applicationId": "00app1", "jobRunId": "00run1", "arn": ARN}))

    def do_GET(self) -> None:  # the name is http.server's
        created = {"applicationId": "00app1", "jobRunId": "00run1", "state": "RUNNING", "createdAt": time.time()}
        self._answer(json.dumps({"jobRun": created}))

    def _answer(self, text: str) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@needs_flex
def test_botocore_of_2024_sends_members_that_it_does_not_know(server: Server, tmp_path: Path) -> None:
    event = {
        "RequestType": "Create",
        "RequestId": "0000-1",
        "StackId": STACK_ID,
        "LogicalResourceId": "EtlOnDeploy",
        "ResourceType": contract.JOB_RUN_TYPE,
        "ResponseURL": "https://cloudformation/1",
        "ResourceProperties": {
            contract.REQUEST: stringified(REQUEST),
            contract.WAIT_FOR: "SUCCESS",
            contract.WAIT_TIMEOUT_SECONDS: "3300",
        },
    }
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{OLD_BOTOCORE}{os.pathsep}{handler_asset(tmp_path)}",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT],
        input=json.dumps(Request.started(event, now=time.time())),
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    version, state = json.loads(done.stdout)
    assert version == "1.34.162"
    assert ARN in json.dumps(state)
    assert server.body["configurationOverrides"] == REQUEST["configurationOverrides"]
    assert server.body["flexExecution"] == {"enabled": True}
