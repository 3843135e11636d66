"""The local AWS as users have it, whose Spark is told that all jobs are short.

Java compiles what runs often a second time, with more care. That pays for a job of half a minute; one of a few seconds
spends a third of its processor time on it, and ends first.
"""

import sys
from functools import partial
from typing import Final

JAVA_OPTIONS: Final = ("-XX:TieredStopAtLevel=1",)
SERVER_COMMAND: Final = (sys.executable, "-m", "tests.short_jobs")

if __name__ == "__main__":
    from emrs_local.server import main, spark

    main(partial(spark, java_options=JAVA_OPTIONS))
