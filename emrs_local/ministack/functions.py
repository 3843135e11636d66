"""How Lambda functions fail, start and log, where ministack differs from Lambda."""

from __future__ import annotations

import contextvars
import os
import re
import threading
import time
from collections import defaultdict
from typing import Any, cast

from emrs_local.ministack.iam import role_may

# Processes that may start at the same time, and how long one more waits for its turn.
_STARTING = 2 * (os.cpu_count() or 1) + 2
_WAIT_SECONDS = 60.0
# When a function has so many, an invocation waits for one of them, unless none has become idle for so long.
_ENOUGH = _STARTING
_STALLED_SECONDS = 1.0
_LOOK_SECONDS = 0.2

_THROTTLED_SECONDS = 1.0

_ANY_ERROR = "Runtime.HandlerError"
_PROCESS_DIED = "Worker process died"

_asynchronous: contextvars.ContextVar[bool] = contextvars.ContextVar("asynchronous_invocation", default=False)


def function_role(function_arn: str) -> str:
    """The ARN of the execution role of a function."""
    from ministack.services import lambda_svc

    _, configuration, _ = lambda_svc._get_func_record_for_ref(function_arn)
    if configuration is None:
        raise LookupError(f"there is no function {function_arn}")
    return cast("str", configuration["Role"])


def correct_functions() -> None:
    """Correct ministack's functions."""
    _let_functions_log_what_their_roles_allow()
    _name_errors_as_the_runtime_does()
    _retry_events_as_lambda_does()
    _let_invocations_end()
    _start_few_processes()


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


def _retry_events_as_lambda_does() -> None:
    """Keep an event while its function is throttled, and drop it when the function is deleted.

    ministack 1.5.33 counts a throttled invocation (ReservedConcurrentExecutions) as one of the three that an event has,
    and tries again with what it remembers of a function that is gone.
    """
    from ministack.services import lambda_svc

    original, original_asynchronous = lambda_svc._execute_function, lambda_svc.invoke_async_with_retry

    def execute(function: dict[str, Any], event: Any) -> dict[str, Any]:
        while True:
            if not _exists(function):
                body = {"errorType": "ResourceNotFoundException", "errorMessage": "Function not found"}
                return {"error": True, "body": body, "log": ""}
            result: dict[str, Any] = original(function, event)
            if not (result.get("throttle") and _asynchronous.get()):
                return result
            time.sleep(_THROTTLED_SECONDS)

    def invoke_asynchronously(function: dict[str, Any], event: Any) -> None:
        # ministack copies the context for the thread that delivers the event.
        token = _asynchronous.set(True)
        try:
            original_asynchronous(function, event)
        finally:
            _asynchronous.reset(token)

    lambda_svc._execute_function = execute
    lambda_svc.invoke_async_with_retry = invoke_asynchronously


def _let_functions_log_what_their_roles_allow() -> None:
    """Write a function's log with the permissions of its role, as Lambda does.

    ministack 1.5.33 writes it without asking; a function that is still ending when its stack is deleted would bring the
    deleted log group back.
    """
    from ministack.core.responses import get_region
    from ministack.services import cloudwatch_logs, lambda_svc

    original = lambda_svc._emit_lambda_logs

    def emit(function: dict[str, Any], *arguments: Any, **options: Any) -> None:
        configuration = function.get("config") or function
        own = f"/aws/lambda/{configuration.get('FunctionName')}"
        group = configuration.get("LoggingConfig", {}).get("LogGroup") or own
        role_arn = configuration["Role"]
        resource = f"arn:aws:logs:{get_region()}:{role_arn.split(':')[4]}:log-group:{group}:log-stream:"
        if not all(role_may(role_arn, f"logs:{action}", resource) for action in ("CreateLogStream", "PutLogEvents")):
            return
        # In the end: it may have been deleted since, and is made when it is not there.
        if group in cloudwatch_logs._log_groups or role_may(role_arn, "logs:CreateLogGroup", resource):
            original(function, *arguments, **options)

    lambda_svc._emit_lambda_logs = emit


def _exists(function: dict[str, Any]) -> bool:
    from ministack.services import lambda_svc

    arn = str((function.get("config") or function)["FunctionArn"])
    _, _, _, region, account, _, name, *_ = arn.split(":")
    return lambda_svc._functions.get_scoped(account, region, name) is not None


def _let_invocations_end() -> None:
    """Let an invocation that is running end when its function is changed or deleted; later ones get the new code.

    ministack 1.5.33 ends its process, and that of every other invocation when a process of the function cannot start.
    """
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc

    original_invalidate, original_release = lambda_svc.invalidate_worker, lambda_svc.release_worker
    retired: set[object] = set()

    def invalidate(name: str, **scope: Any) -> None:
        with lambda_runtime._lock:
            for key, workers in lambda_runtime._workers.items():
                if key.split(":")[2] == name:
                    retired.update(worker for worker in workers if worker.in_use)
                    lambda_runtime._workers[key] = [worker for worker in workers if not worker.in_use]
        original_invalidate(name, **scope)

    def release(worker: Any) -> None:
        original_release(worker)
        if worker in retired:
            retired.discard(worker)
            threading.Thread(target=lambda_runtime.kill_workers, args=([worker],), daemon=True).start()

    lambda_svc.invalidate_worker, lambda_svc.release_worker = invalidate, release


def error_type(message: str, log: str) -> str:
    """The name of the exception's class, as the traceback in the log has it: `package.Name: message` or `Name`."""
    ending = f": {message.splitlines()[0]}" if message.strip() else ""
    pattern = re.compile(rf"(?:[\w$]+\.)*([\w$]+){re.escape(ending)}")
    for line in reversed(log.splitlines()):
        found = pattern.fullmatch(line)
        if found:
            return found[1]
    return _ANY_ERROR


def _start_few_processes() -> None:
    """Let an invocation take a process that becomes idle, instead of starting one for each that is in flight.

    When a hundred resources ask for a function at once, a hundred processes would start at once, and each take as long
    as all; few of them are needed when the first have answered. An invocation waits as long as others of its function
    come to their end. When none does, it may be what they wait for.
    """
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc

    original_acquire, original_release = lambda_svc.acquire_worker, lambda_svc.release_worker
    original_spawn = lambda_runtime.Worker._spawn
    turns = threading.BoundedSemaphore(_STARTING)
    starting: set[object] = set()
    conditions: defaultdict[str, threading.Condition] = defaultdict(threading.Condition)
    released_at: dict[str, float] = {}

    def must_wait(name: str, key: str, since: float) -> bool:
        with lambda_runtime._lock:
            workers = list(lambda_runtime._workers.get(key, []))
        if len(workers) < _ENOUGH or any(not worker.in_use for worker in workers):
            return False
        stalled = time.monotonic() - max(since, released_at.get(name, since)) > _STALLED_SECONDS
        return len(starting) >= _STARTING or not stalled

    def acquire(name: str, configuration: dict[str, Any], code: bytes, **options: Any) -> Any:
        key = lambda_runtime._worker_key(name, configuration, options.get("qualifier", "$LATEST"))
        since = time.monotonic()
        with conditions[name]:
            while must_wait(name, key, since) and time.monotonic() - since < _WAIT_SECONDS:
                conditions[name].wait(_LOOK_SECONDS)
            worker, how = original_acquire(name, configuration, code, **options)
        if how == "spawn" and type(worker) is lambda_runtime.Worker:
            starting.add(worker)
        return worker, how

    def release(worker: Any) -> None:
        original_release(worker)
        if worker is not None:
            with conditions[worker.func_name]:
                released_at[worker.func_name] = time.monotonic()
                conditions[worker.func_name].notify()

    def spawn(worker: Any) -> None:
        took_turn = turns.acquire(timeout=_WAIT_SECONDS)
        try:
            original_spawn(worker)
        except Exception:
            lambda_runtime.kill_workers([worker])
            raise
        finally:
            starting.discard(worker)
            if took_turn:
                turns.release()

    lambda_svc.acquire_worker, lambda_svc.release_worker = acquire, release
    lambda_runtime.Worker._spawn = spawn
