"""What the server process serves: ministack with EMR Serverless in it, over TLS, on 127.0.0.1."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import os
import queue
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TextIO

from hypercorn.asyncio import serve
from hypercorn.config import Config

from emrs_local.cdk_resources import register_cdk_resources
from emrs_local.certificate import Certificate, make_certificate
from emrs_local.driver import Engine
from emrs_local.emr_serverless.application_type import register_application_type
from emrs_local.emr_serverless.events import SOURCE, Event
from emrs_local.emr_serverless.life_cycle import ServiceSettings
from emrs_local.emr_serverless.metrics import VCPU_QUOTA, VCPUS_IN_USE, Metrics
from emrs_local.emr_serverless.operations import EmrServerless
from emrs_local.emr_serverless.protocol import SERVICE
from emrs_local.emr_serverless.rates import RateLimits
from emrs_local.endpoint import HOST, Endpoint
from emrs_local.ministack.alarms import correct_alarms
from emrs_local.ministack.app import corrected_ministack, register_service
from emrs_local.ministack.emr_serverless_tasks import register_emr_serverless_tasks
from emrs_local.ministack.environment import set_environment
from emrs_local.ministack.event_bus import EventBus, correct_event_rules
from emrs_local.ministack.function_processes import fork_functions
from emrs_local.ministack.metrics import MetricStore
from emrs_local.ministack.scheduler.install import replace_scheduler
from emrs_local.processes import end_recorded_groups

READY = "ready"

_CLOSE_SECONDS = 8.0
_WRITE_SECONDS = 1.0

MakeEngine = Callable[[Endpoint, Path], Engine]


def serve_until_told_to_stop(
    make_engine: MakeEngine, *, seconds_per_minute: float, function_host: socket.socket | None
) -> None:
    """Serve until told to stop; see `emrs_local.server`.

    Args:
        make_engine: Makes what runs the drivers.
        seconds_per_minute: How long the minutes of the API last.
        function_host: Where functions of Python are forked; None if they are not.
    """
    arguments = _arguments()
    data_directory: Path = arguments.data_directory
    output = Output(_take_standard_output())
    listener = _listen(arguments.port)
    port = listener.getsockname()[1]
    certificate = make_certificate(_private_directory(data_directory / "tls"))
    set_environment(
        port=port,
        region=arguments.region,
        account_id=arguments.account_id,
        data_directory=data_directory,
        certificate=certificate,
    )
    endpoint = Endpoint(url=f"https://{HOST}:{port}", authority=certificate.authority, ca_bundle=certificate.ca_bundle)

    def announce(line: str) -> None:
        output.write(f"{time.strftime('%H:%M:%S')}  {line}")

    event_bus = EventBus()

    def publish(event: Event) -> None:
        event_bus.publish(event.scope, source=SOURCE, detail_type=event.detail_type, detail=event.detail)

    metrics = MetricStore(seconds_per_minute=seconds_per_minute)

    def publish_metrics(of_runs: Metrics) -> None:
        metrics.publish(
            of_runs.scope, namespace=of_runs.namespace, dimensions=of_runs.dimensions, values=of_runs.values
        )

    service = EmrServerless(
        engine=make_engine(endpoint, data_directory),
        settings=ServiceSettings(
            endpoint=endpoint,
            data_directory=data_directory,
            concurrent_drivers=arguments.concurrent_drivers,
            seconds_per_minute=seconds_per_minute,
        ),
        announce=announce,
        publish=publish,
        publish_metrics=publish_metrics,
        rate_limits=RateLimits(acceleration=arguments.enforce_rates) if arguments.enforce_rates else None,
    )
    asyncio.run(
        _serve(
            service,
            event_bus=event_bus,
            metrics=metrics,
            announce=announce,
            endpoint=endpoint,
            listener=listener,
            function_host=function_host,
            certificate=certificate,
            data_directory=data_directory,
            ready=lambda: output.write(f"{READY} {port}"),
            written=output.close,
        )
    )


class Output:
    """Lines for whoever has started the server, who may read them as late as they like.

    What happens is told by who holds the service's lock, or on the event loop: neither waits for a reader.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="output", daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Have a line written after those before it."""
        self._lines.put(line)

    def close(self) -> None:
        """Wait for what is to be written, though not for long: nobody may be reading."""
        self._lines.put(None)
        self._thread.join(_WRITE_SECONDS)

    def _run(self) -> None:
        with contextlib.suppress(BrokenPipeError):  # whoever read is gone, and the server ends soon
            while (line := self._lines.get()) is not None:
                print(line, file=self._file, flush=True)


async def _serve(
    service: EmrServerless,
    *,
    event_bus: EventBus,
    metrics: MetricStore,
    announce: Callable[[str], None],
    endpoint: Endpoint,
    listener: socket.socket,
    function_host: socket.socket | None,
    certificate: Certificate,
    data_directory: Path,
    ready: Callable[[], None],
    written: Callable[[], None],
) -> None:
    local_aws = corrected_ministack()
    if function_host:
        fork_functions(function_host, certificate)
    register_service(SERVICE, service.handle_request)
    register_application_type(service.applications)
    register_cdk_resources(endpoint)
    register_emr_serverless_tasks(endpoint, announce)
    correct_event_rules(announce)
    replace_scheduler(endpoint, announce)
    correct_alarms(announce, {frozenset(VCPUS_IN_USE.items()): VCPU_QUOTA})
    event_bus.open()
    metrics.open(each_minute=service.job_runs.tell_metrics)

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
        written()
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
    parser.add_argument("--concurrent-drivers", type=int, help="how many drivers run at a time")
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
