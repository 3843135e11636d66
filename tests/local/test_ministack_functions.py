import io
import json
import socket
import ssl
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import trustme

from emrs_local.ministack import function_host, models
from tests.local.cloudformation_support import LAMBDA_TRUST
from tests.local.emr_serverless_support import Service, allow, is_running, make_role

SEEN = """
import os, sys

def handler(event, context):
    main = sys.modules["__main__"]
    print("printed")
    return {
        "modules": sorted({name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names),
        "folder": os.getcwd(),
        "task": os.environ["LAMBDA_TASK_ROOT"],
        "arguments": sys.argv,
        "script": main.__file__,
        "path": sys.path,
        "environment": {name: value for name, value in os.environ.items() if name in ("OWN", "AWS_PROFILE")},
        "process": os.getpid(),
        "interpreter": open("/proc/self/cmdline").read().split(chr(0)) if sys.platform == "linux" else sys.argv,
    }
"""
PRINTS = """
import os, sys, threading

def handler(event, context):
    for number in range(event["lines"]):
        print(number, "x" * 100)
    os.write(2, b"one\\rtwo\\n")
    return event["lines"]
"""
OWN_MODULE = """
import six

def handler(event, context):
    return six.__version__
"""
ENVIRONMENT_OF_THE_INTERPRETER = """
import sys

def handler(event, context):
    return sys.flags.hash_randomization
"""
HOST = """
import os, signal, sys
from types import SimpleNamespace
from emrs_local.ministack.function_host import fork_host
from emrs_local.ministack.function_processes import FunctionHost

orders = fork_host()
host = FunctionHost(orders, SimpleNamespace(authorities=None))
environment = {**os.environ, "CODE": "3"}
process = host.start(sys.argv[1], folder=sys.argv[2], environment=environment)
process.stdin.close()
print(process.stdout.read(), list(process.stderr), process.wait(), process.poll())
running = host.start(sys.argv[1], folder=sys.argv[2], environment=environment)
running.terminate()
print(running.wait(300))
left = host.start(sys.argv[1], folder=sys.argv[2], environment=environment)
(child,) = {int(p) for p in open(f"/proc/self/task/{os.getpid()}/children").read().split()}
if sys.argv[3] == "killed":
    os.kill(child, signal.SIGKILL)
orders.shutdown(2)
os.waitpid(child, 0)
try:
    host.start(sys.argv[1], folder=sys.argv[2], environment=environment)
except OSError:
    print("gone")
left.stdin.close()
left.wait(300)
"""
HOSTED = """
import os, sys
sys.stdin.read()
print("printed", sorted(os.listdir("/proc/self/fd"))[:3], len(os.listdir("/proc/self/fd")))
print("logged", file=sys.stderr)
sys.exit(int(os.environ["CODE"]))
"""
ENDS = """
import os, time
from pathlib import Path

def handler(event, context):
    if event["how"] == "late":
        Path(event["file"]).write_text(str(os.getpid()))
        while True:
            time.sleep(0.1)
    os._exit(3)
"""


class Function:
    """A function of Python."""

    def __init__(self, service: Service, name: str, files: dict[str, str], **options: Any) -> None:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            for file, source in files.items():
                archive.writestr(file, source)
        self.name = name
        self.client = service.aws.client("lambda")
        self.client.create_function(
            FunctionName=name,
            Role=make_role(service.aws, f"{name}-role", allow("*"), trust=LAMBDA_TRUST),
            Runtime="python3.13",
            Handler="index.handler",
            Code={"ZipFile": content.getvalue()},
            **options,
        )

    def __call__(self, **event: Any) -> Any:
        answer = self.client.invoke(FunctionName=self.name, Payload=json.dumps(event).encode())
        return json.loads(answer["Payload"].read())


def test_a_function_sees_its_own_and_what_lambda_has(service: Service, tmp_path: Path) -> None:
    function = Function(service, "seen", {"index.py": SEEN}, Environment={"Variables": {"OWN": "1"}})
    seen = function()
    script = tmp_path / "script.py"
    script.write_text("import json, sys; print(json.dumps([sorted(sys.modules), sys.path]))")
    started = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    modules, path = json.loads(started.stdout)
    imported_by_ministack = {"botocore", "dateutil", "jmespath", "six", "urllib3"}
    assert {*seen["modules"]} <= {name.partition(".")[0] for name in modules} | imported_by_ministack | {"index"}
    assert seen["path"][2:] == path[1:]
    assert seen["folder"] == seen["task"] == seen["path"][0]
    assert seen["arguments"] == [seen["script"]]
    assert Path(seen["script"]).parent == Path(seen["task"]).parent == Path(seen["path"][1])
    assert seen["environment"] == {"OWN": "1"}
    logs = service.aws.client("logs").filter_log_events(logGroupName="/aws/lambda/seen")["events"]
    assert "printed" in [event["message"].strip() for event in logs]
    function.client.delete_function(FunctionName="seen")
    wait_until_gone(seen["process"])


@pytest.mark.skipif(sys.platform != "linux", reason="an interpreter is started for each elsewhere")
def test_no_interpreter_is_started_for_a_function(service: Service) -> None:
    seen = Function(service, "forked", {"index.py": SEEN})()
    assert seen["script"] not in seen["interpreter"]


@pytest.mark.parametrize("lines", [0, 2000], ids=["few", "more than a pipe holds"])
def test_all_that_an_invocation_prints_is_in_its_log(service: Service, lines: int) -> None:
    name = f"prints-{lines}"
    function = Function(service, name, {"index.py": PRINTS}, Timeout=900)
    for _ in range(3):
        assert function(lines=lines) == lines
    pages = service.aws.client("logs").get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{name}")
    logged = [event["message"].strip() for page in pages for event in page["events"]]
    printed = [f"{number} {'x' * 100}" for number in range(lines)]
    own = [line for line in logged if not line.startswith(("START", "END", "REPORT"))]
    assert own == 3 * [*printed, "one", "two"]


@pytest.mark.skipif(sys.platform != "linux", reason="nothing is forked elsewhere")
@pytest.mark.parametrize("how", ["killed", "told"])
def test_a_process_ends_as_it_is_told_and_the_host_with_who_gives_orders(tmp_path: Path, how: str) -> None:
    script = tmp_path / "_worker.py"
    script.write_text(HOSTED)
    command = [sys.executable, "-c", HOST, str(script), str(tmp_path), how]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    # Its three streams, and the listing.
    assert told.stdout.splitlines() == [
        "printed ['0', '1', '2'] 4",
        " ['logged\\n'] 3 3",
        "-15",
        "gone",
    ]


def test_a_function_has_the_modules_that_it_brings(service: Service) -> None:
    own = Function(service, "own-module", {"index.py": OWN_MODULE, "six.py": "__version__ = 'own'"})
    assert own() == "own"


def test_a_function_has_the_interpreter_that_its_environment_asks_for(service: Service) -> None:
    variables = {"Variables": {"PYTHONHASHSEED": "0"}}
    assert Function(service, "hash-seed", {"index.py": ENVIRONMENT_OF_THE_INTERPRETER}, Environment=variables)() == 0


def test_a_function_that_is_late_or_exits_is_gone(service: Service, tmp_path: Path) -> None:
    function = Function(service, "ends", {"index.py": ENDS}, Timeout=1)
    file = tmp_path / "process"
    assert "Task timed out after 1.00 seconds" in function(how="late", file=str(file))["errorMessage"]
    wait_until_gone(int(file.read_text()))
    assert function(how="exits")["errorType"] == "Runtime.ExitError"


def wait_until_gone(process: int) -> None:
    deadline = time.monotonic() + 300
    while is_running(process):
        assert time.monotonic() < deadline, f"process {process} has not ended"
        time.sleep(0.02)


def test_of_a_bundle_each_authority_is_trusted_that_its_folder_has(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", ssl.SSLContext.load_verify_locations)
    authority = trustme.CA()
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    bundle = str(tmp_path / "bundle.pem")
    function_host._look_authorities_up(bundle=bundle, authority=str(file), authorities=str(tmp_path))
    context = ssl.create_default_context(cafile=bundle)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server)
    assert handshake(context, server) == "localhost"
    with pytest.raises(FileNotFoundError):
        ssl.create_default_context(cafile=str(tmp_path / "other.pem"))


def handshake(client: ssl.SSLContext, server: ssl.SSLContext) -> str:
    """For whom the certificate is that the client has accepted."""
    near, far = socket.socketpair()
    with far:
        serving = threading.Thread(target=lambda: server.wrap_socket(far, server_side=True).close())
        serving.start()
        with client.wrap_socket(near, server_hostname="localhost") as connected:
            certificate: Any = connected.getpeercert()
        serving.join()
    return str(certificate["subjectAltName"][0][1])


@pytest.mark.parametrize("service_name", ["ssm", "iam", "s3", "stepfunctions", "emr-serverless"])
def test_the_metadata_of_a_model_are_read_without_it(service_name: str) -> None:
    model = botocore.session.get_session().get_service_model(service_name)
    assert models.service_metadata(service_name) == model.metadata


def test_where_metadata_come_later_or_there_is_no_service_none_are_found() -> None:
    assert models.service_metadata("mediapackage") is None
    assert models.service_metadata("no-such-service") is None
