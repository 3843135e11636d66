"""How Lambda functions fail and start, where ministack, whose inside this module knows, differs from Lambda.

Installed by `emrs_local._ministack`.
"""

from __future__ import annotations

import os
import re
import threading
import time
from typing import Any

# Processes that may start at the same time, and how long one more waits for an idle process or its turn.
_STARTING = 2 * (os.cpu_count() or 1) + 2
_WAIT_SECONDS = 60.0
_LOOK_SECONDS = 0.02

_ANY_ERROR = "Runtime.HandlerError"
_PROCESS_DIED = "Worker process died"


def install_functions() -> None:
    """Correct ministack's functions."""
    _name_errors_as_the_runtime_does()
    _leave_deleted_functions_alone()
    _start_few_processes_at_a_time()


def _name_errors_as_the_runtime_does() -> None:
    """Give a failure the type that Retry and Catch match: the name of the exception, or Runtime.ExitError.

    ministack 1.5.33 calls every failure of a function Runtime.HandlerError.
    """
    from ministack.services import lambda_svc

    original = lambda_svc._execute_function_warm

    def execute(function: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        result: dict[str, Any] = original(function, event, request_id)
        body = result.get("body")
        if result.get("error") and isinstance(body, dict) and body.get("errorType") == _ANY_ERROR:
            message = str(body.get("errorMessage", ""))
            if message == _PROCESS_DIED:
                exited = f"RequestId: {request_id} Error: Runtime exited without providing a reason"
                body.update(errorType="Runtime.ExitError", errorMessage=exited)
            else:
                body["errorType"] = error_type(message, str(result.get("log", "")))
        return result

    lambda_svc._execute_function_warm = execute


def _leave_deleted_functions_alone() -> None:
    """Do not run a function that is deleted, which Lambda's second and third try of an event may meet.

    ministack 1.5.33 tries with what it remembers of the function, and ends its process when it is deleted; so an event
    that was being handled while its stack was deleted would be handled again afterwards.
    """
    from ministack.services import lambda_svc

    original = lambda_svc._execute_function

    def execute(function: dict[str, Any], event: Any) -> dict[str, Any]:
        arn = str((function.get("config") or function)["FunctionArn"])
        _, _, _, region, account, _, name, *_ = arn.split(":")
        if lambda_svc._functions.get_scoped(account, region, name) is None:
            body = {"errorType": "ResourceNotFoundException", "errorMessage": f"Function not found: {arn}"}
            return {"error": True, "body": body, "log": ""}
        result: dict[str, Any] = original(function, event)
        return result

    lambda_svc._execute_function = execute


def error_type(message: str, log: str) -> str:
    """The name of the exception's class, as the traceback in the log has it: `package.Name: message` or `Name`."""
    ending = f": {message.splitlines()[0]}" if message.strip() else ""
    pattern = re.compile(rf"(?:[\w$]+\.)*([\w$]+){re.escape(ending)}")
    for line in reversed(log.splitlines()):
        found = pattern.fullmatch(line)
        if found:
            return found[1]
    return _ANY_ERROR


def _start_few_processes_at_a_time() -> None:
    """Let an invocation take a process that becomes idle, instead of starting one for each that is in flight.

    When a hundred resources ask for a function at once, a hundred processes would start at once, and each take as long
    as all; most of them are not needed when the first have answered. Nobody waits for long: an invocation may be what
    another waits for.
    """
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc

    original_acquire, original_spawn = lambda_svc.acquire_worker, lambda_runtime.Worker._spawn
    turns = threading.BoundedSemaphore(_STARTING)
    starting: set[object] = set()

    def idle(key: str) -> bool:
        with lambda_runtime._lock:
            return any(not worker.in_use for worker in lambda_runtime._workers.get(key, []))

    def acquire(name: str, configuration: dict[str, Any], code: bytes, **options: Any) -> Any:
        key = lambda_runtime._worker_key(name, configuration, options.get("qualifier", "$LATEST"))
        deadline = time.monotonic() + _WAIT_SECONDS
        while len(starting) >= _STARTING and not idle(key) and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)
        worker, how = original_acquire(name, configuration, code, **options)
        if how == "spawn" and type(worker)._spawn is spawn:
            starting.add(worker)
        return worker, how

    def spawn(worker: Any) -> None:
        took_turn = turns.acquire(timeout=_WAIT_SECONDS)
        try:
            original_spawn(worker)
        finally:
            starting.discard(worker)
            if took_turn:
                turns.release()

    lambda_svc.acquire_worker = acquire
    lambda_runtime.Worker._spawn = spawn
