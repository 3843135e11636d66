"""The server process: ministack with EMR Serverless in it, over TLS, on 127.0.0.1.

Started by `LocalAws`, in a process group of its own. It says on standard output when it is ready and then what happens
to applications and job runs, a line each; everything else goes to standard error, which is a log file. It ends on
SIGTERM, and when its standard input ends: then whoever started it is gone.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TextIO

from hypercorn.asyncio import serve
from hypercorn.config import Config

from emrs_local.certificate import Certificate, make_certificate
from emrs_local.emr_serverless.executor import Executor
from emrs_local.emr_serverless.life_cycle import ExecutionSettings
from emrs_local.emr_serverless.operations import EmrServerless
from emrs_local.emr_serverless.protocol import SERVICE
from emrs_local.emr_serverless.rates import RateLimits
from emrs_local.endpoint import Endpoint
from emrs_local.processes import end_recorded_groups
from emrs_local.requirements import node_directory

READY = "ready"
HOST = "127.0.0.1"

_CLOSE_SECONDS = 8.0

MakeExecutor = Callable[[Endpoint, Path], Executor]


def spark_executor(endpoint: Endpoint, data_directory: Path) -> Executor:
    """The executor of the product."""
    from emrs_local.emr_serverless.spark_executor import SparkExecutor  # noqa: PLC0415 - tests without Spark need none

    return SparkExecutor(endpoint=endpoint, region=os.environ["AWS_REGION"], groups=data_directory / "groups")


def main(make_executor: MakeExecutor = spark_executor, *, seconds_per_minute: float = 60) -> None:
    """Serve until told to stop.

    Args:
        make_executor: makes what runs the drivers; tests of the service need no Spark.
        seconds_per_minute: less than 60 lets the timeouts of the API, which are in minutes, pass faster.
    """
    arguments = _arguments()
    data_directory: Path = arguments.data_directory
    output = _take_standard_output()
    listener = _listen(arguments.port)
    port = listener.getsockname()[1]
    certificate = make_certificate(_private_directory(data_directory / "tls"))
    os.environ.update(
        server_environment(
            port=port,
            region=arguments.region,
            account_id=arguments.account_id,
            data_directory=data_directory,
            certificate=certificate,
        )
    )
    endpoint = Endpoint(url=f"https://{HOST}:{port}", ca_bundle=certificate.ca_bundle)
    service = EmrServerless(
        executor=make_executor(endpoint, data_directory),
        settings=ExecutionSettings(
            endpoint=endpoint, data_directory=data_directory, seconds_per_minute=seconds_per_minute
        ),
        announce=lambda line: print(f"{time.strftime('%H:%M:%S')}  {line}", file=output, flush=True),
        rate_limits=RateLimits(acceleration=arguments.enforce_rates) if arguments.enforce_rates else None,
    )
    asyncio.run(
        _serve(
            service,
            endpoint=endpoint,
            listener=listener,
            certificate=certificate,
            data_directory=data_directory,
            ready=lambda: print(READY, port, file=output, flush=True),
        )
    )


def server_environment(
    *, port: int, region: str, account_id: str, data_directory: Path, certificate: Certificate
) -> dict[str, str]:
    """What ministack, the functions' workers and the service's own clients find in their environment."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "LOCALSTACK_", "MINISTACK_"))]:
        # Functions inherit the environment; the user's endpoint, profile or credentials would mislead them.
        del os.environ[name]
    temporary = _private_directory(data_directory / "tmp")
    bundle = str(certificate.ca_bundle)
    return {
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "GATEWAY_PORT": str(port),
        "BIND_HOST": HOST,
        "MINISTACK_HOST": HOST,
        "MINISTACK_REGION": region,
        "MINISTACK_ACCOUNT_ID": account_id,
        "MINISTACK_SSL_CERT": str(certificate.certificate),
        "MINISTACK_SSL_KEY": str(certificate.key),
        "USE_SSL": "1",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LAMBDA_EXECUTOR": "local",
        # ministack removes the containers it finds on a Docker daemon; it shall find none.
        "DOCKER_HOST": f"unix://{data_directory / 'no-docker.sock'}",
        "PERSIST_STATE": "0",
        "STATE_DIR": str(data_directory / "state"),
        "S3_PERSIST": "0",
        "S3_DATA_DIR": str(data_directory / "s3"),
        "TMPDIR": str(temporary),
        "PATH": os.pathsep.join([*node_directory(), str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "NO_PROXY": ",".join(filter(None, [os.environ.get("NO_PROXY"), HOST, "localhost"])),
        "no_proxy": ",".join(filter(None, [os.environ.get("no_proxy"), HOST, "localhost"])),
        "AWS_CA_BUNDLE": bundle,
        "NODE_EXTRA_CA_CERTS": bundle,
        "REQUESTS_CA_BUNDLE": bundle,
        "CURL_CA_BUNDLE": bundle,
        "SSL_CERT_FILE": bundle,
    }


async def _serve(
    service: EmrServerless,
    *,
    endpoint: Endpoint,
    listener: socket.socket,
    certificate: Certificate,
    data_directory: Path,
    ready: Callable[[], None],
) -> None:
    from emrs_local.cdk_resources import register_cdk_resources  # noqa: PLC0415
    from emrs_local.emr_serverless.application_type import register_application_type  # noqa: PLC0415
    from emrs_local.ministack import app  # noqa: PLC0415 - only now is the environment what ministack has to read

    local_aws = app.application()
    app.register_service(SERVICE, service.handle_request)
    register_application_type(service.applications)
    register_cdk_resources(endpoint)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        async def send_and_tell(message: Any) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                ready()

        await local_aws(scope, receive, send_and_tell if scope["type"] == "lifespan" else send)

    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.certfile, config.keyfile = str(certificate.certificate), str(certificate.key)
    config.keep_alive_timeout = 75
    config.accesslog = None
    stop = _stop_event()

    async def stopped() -> None:
        await stop.wait()
        # Runs are cancelled while the server still answers: their logs are delivered over HTTPS.
        await asyncio.wait([asyncio.create_task(asyncio.to_thread(service.close))], timeout=_CLOSE_SECONDS)
        # Everything is in memory and nothing to be saved; hypercorn would wait for clients to say goodbye.
        _leave_nothing(data_directory)

    await serve(application, config, shutdown_trigger=stopped)


def _stop_event() -> asyncio.Event:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def read_lifeline() -> None:
        if not os.read(sys.stdin.fileno(), 1):
            loop.remove_reader(sys.stdin.fileno())
            stop.set()

    loop.add_reader(sys.stdin.fileno(), read_lifeline)
    return stop


def _leave_nothing(data_directory: Path) -> NoReturn:
    """End the server and all that it started and remove its files: its parent may be gone."""
    end_recorded_groups(data_directory / "groups")
    shutil.rmtree(data_directory, ignore_errors=True)
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m emrs_local.server")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--region", required=True)
    parser.add_argument("--account-id", required=True)
    parser.add_argument("--data-directory", type=Path, required=True)
    parser.add_argument("--enforce-rates", type=float, default=0, help="how many times faster than on AWS")
    return parser.parse_args()


def _take_standard_output() -> TextIO:
    """Standard output for ourselves alone: what libraries and functions print goes to the log."""
    own = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return own


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        sys.exit(error.errno or errno.EADDRINUSE)
    listener.listen()
    return listener


def _private_directory(directory: Path) -> Path:
    directory.mkdir(mode=0o700, exist_ok=True)
    return directory


if __name__ == "__main__":
    main()
