"""The functions behind the custom resources: from process start to their call on the wire, against boto3 scripts.

python benchmarks/handler.py [ROUNDS]

`Start` calls StartExecution, `Step` reads the stack's status and calls StartJobRun; the scripts do the last call alone.
All run by turns in processes of their own and talk to a listener on 127.0.0.1. Seconds are those that a process
computed, as others disturb them less. Prints Markdown.
"""

import io
import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from statistics import median
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

from constructs_emrs.custom_resources.asset import handler_asset
from constructs_emrs.handler import contract

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 9
RATIO_TARGET = 1.0
ASSET_TARGET = 60_000
APPLICATION_ID, JOB_RUN_ID = "00f1982r1uukb925", "00f1982r1uukb926"
JOB_RUN_ARN = f"arn:aws:emr-serverless:us-east-1:123456789012:/applications/{APPLICATION_ID}/jobruns/{JOB_RUN_ID}"
REQUEST: dict[str, Any] = {
    "applicationId": APPLICATION_ID,
    "executionRoleArn": "arn:aws:iam::123456789012:role/Etl",
    "name": "Etl",
    "mode": "BATCH",
    "jobDriver": {"sparkSubmit": {"entryPoint": "s3://code/etl.py", "entryPointArguments": ["--day", "2026-11-24"]}},
    "configurationOverrides": {
        "monitoringConfiguration": {"cloudWatchLoggingConfiguration": {"enabled": True, "logGroupName": "etl"}}
    },
}
STATE_MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:Lake"
SCRIPTS = {
    "start": f"""
import sys, boto3
boto3.client("stepfunctions").start_execution(stateMachineArn="{STATE_MACHINE}", name="1", input=sys.argv[1])
""",
    "step": """
import json, sys, boto3
properties = json.loads(sys.argv[1])["Properties"]
boto3.client("emr-serverless").start_job_run(clientToken="1", **properties)
""",
}
HANDLER = """
import json, sys
from handler import functions
getattr(functions, sys.argv[2])(json.loads(sys.argv[1]))
"""
STACK = """<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult>
<Stacks><member><StackName>Lake</StackName><CreationTime>2026-11-24T00:00:00Z</CreationTime>
<StackStatus>CREATE_IN_PROGRESS</StackStatus></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"""


def event() -> dict[str, Any]:
    """What CloudFormation sends, and what of it the state machine hands on."""
    return {
        "RequestType": "Create",
        "ResourceType": contract.JOB_RUN_TYPE,
        "RequestId": "5f7c0d0e-0000-4000-8000-000000000000",
        "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/Lake/1",
        "LogicalResourceId": "Run",
        "ResponseURL": "http://127.0.0.1:9/",
        "ResourceProperties": {contract.REQUEST: as_strings(REQUEST), contract.WAIT_FOR: "SUBMITTED"},
        "AskedAt": time.time(),
        "AskedAfter": time.time(),
        "Progress": {},
        "Properties": REQUEST,
    }


def as_strings(value: Any) -> Any:
    """What CloudFormation makes of a value: every leaf is a string."""
    match value:
        case dict():
            return {name: as_strings(item) for name, item in value.items()}
        case list():
            return [as_strings(item) for item in value]
        case bool():
            return str(value).lower()
        case _:
            return str(value)


@contextmanager
def listener() -> Iterator[tuple[str, Queue[str]]]:
    """A listener that answers the clients; its URL, and the calls that are waited for as they arrive."""
    arrivals: Queue[str] = Queue()

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            is_start = self.path.endswith("/jobruns") or "StartExecution" in self.headers.get("X-Amz-Target", "")
            if is_start:
                arrivals.put(self.path)
            run = {"applicationId": APPLICATION_ID, "jobRunId": JOB_RUN_ID, "arn": JOB_RUN_ARN}
            body = (json.dumps(run) if is_start else STACK).encode()
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            # Whoever sent StartJobRun is gone by now.
            with suppress(ConnectionError):
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", arrivals
    server.shutdown()


def seconds(command: list[str], folder: str, url: str, arrivals: Queue[str]) -> float:
    """What the process computed until its call arrived."""
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        contract.STATE_MACHINE_ARN: STATE_MACHINE,
        # A Lambda can't write beside its code.
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    process = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.DEVNULL)
    arrivals.get(timeout=60)
    process.kill()
    usage = os.wait4(process.pid, 0)[2]
    return usage.ru_utime + usage.ru_stime


def zipped(folder: str) -> int:
    """The size of the asset as `cdk deploy` uploads it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in filter(Path.is_file, Path(folder).rglob("*")):
            archive.write(file, file.relative_to(folder))
    return len(buffer.getvalue())


def main() -> None:
    """Make the functions' code, and measure it."""
    with TemporaryDirectory() as assets:
        measure(str(handler_asset(Path(assets))))


def measure(asset: str) -> None:
    """Measure the functions' code by turns, and print."""
    text = json.dumps(event())
    commands = {
        name: {
            "boto3 script": [sys.executable, "-c", script, text],
            "handler": [sys.executable, "-c", HANDLER, text, name],
        }
        for name, script in SCRIPTS.items()
    }
    durations: dict[tuple[str, str], list[float]] = {}
    with listener() as (url, arrivals):
        for _ in range(ROUNDS):
            for name, contenders in commands.items():
                for contender, command in contenders.items():
                    durations.setdefault((name, contender), []).append(seconds(command, asset, url, arrivals))
    print("\n## Handler\n\n| from process start to the call | | minimum CPU s | median CPU s |\n|---|---|---|---|")
    for (name, contender), measured in durations.items():
        print(f"| {name.title()} | {contender} | {min(measured):.3f} | {median(measured):.3f} |")
    size = zipped(asset)
    print("\n| target | measured | at most | |\n|---|---|---|---|")
    for name in SCRIPTS:
        ratio = median(durations[name, "handler"]) / median(durations[name, "boto3 script"])
        what = f"cold start of {name.title()}, boto3 script = 1"
        print(f"| {what} | {ratio:.2f} | {RATIO_TARGET} | {met(ratio, RATIO_TARGET)} |")
    print(f"| asset, zipped | {size:,} B | {ASSET_TARGET:,} B | {met(size, ASSET_TARGET)} |")


def met(value: float, limit: float) -> str:
    """Whether a target is met."""
    return "met" if value <= limit else "not met"


if __name__ == "__main__":
    main()
