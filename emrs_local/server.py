"""The server process.

Started by `LocalAws`, in a process group of its own. It says on standard output when it is ready and then what happens
to applications and job runs, a line each; everything else goes to standard error, which is a log file. It ends on
SIGTERM, and when its standard input ends: then whoever started it is gone.
"""

# ruff: noqa: PLC0415 - the host of functions is forked before anything else is imported, and tests without Spark need none

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from emrs_local.ministack.function_host import fork_host

if TYPE_CHECKING:
    from emrs_local.driver import Engine
    from emrs_local.endpoint import Endpoint
    from emrs_local.serving import MakeEngine


def spark(endpoint: Endpoint, data_directory: Path, *, java_options: Sequence[str] = ()) -> Engine:
    """The engine of the product; tests have options of Java for short jobs."""
    from emrs_local.emr_serverless.life_cycle import EVENT_LOGS
    from emrs_local.spark.engine import SparkEngine

    return SparkEngine(
        endpoint=endpoint,
        region=os.environ["AWS_REGION"],
        event_logs=data_directory / EVENT_LOGS,
        data_directory=data_directory,
        java_options=java_options,
    )


def main(make_engine: MakeEngine = spark, *, seconds_per_minute: float = 60) -> None:
    """Serve until told to stop.

    Args:
        make_engine: Makes what runs the drivers; tests of the service need no Spark.
        seconds_per_minute: Less than 60 lets the timeouts of the API, which are in minutes, pass faster.
    """
    function_host = fork_host()
    from emrs_local.serving import serve_until_told_to_stop

    serve_until_told_to_stop(make_engine, seconds_per_minute=seconds_per_minute, function_host=function_host)


if __name__ == "__main__":
    main()
