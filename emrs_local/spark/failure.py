"""What the output of a failed job says about the failure."""

import re
from typing import Final

_MOST_LINES: Final = 5
_LONGEST_LINE: Final = 400  # characters
_LONGEST_SUMMARY: Final = 1000  # characters

_EXCEPTION: Final = re.compile(
    r"""
    (?: Caused\ by:\s | :\s )?                                      # a Java cause; what py4j says below its own line
    (?: [\w$]+ [./] )* [\w$]* (?: Error | Exception ) (?: :\s | $ )   # java.io.IOException: …, ValueError: …, Error: …
    | Exception\ in\ thread\s
    | \[ [A-Z][A-Z_.]+ \]\s                                           # spark-sql: [TABLE_OR_VIEW_NOT_FOUND] …
    """,
    re.VERBOSE,
)
_TRACEBACK: Final = "Traceback (most recent call last):"
_UNPRINTABLE: Final = re.compile(r"[^\t\x20-\x7e\xa0-\U0010ffff]")


def failure_summary(output: str) -> str:
    """The last few exceptions in a driver's output, one a line, a thousand characters at most; empty without any.

    Spark writes what a Python driver says on stderr to stdout, so it takes both to see everything.
    """
    found: list[str] = []
    in_traceback = False
    for raw in output.splitlines():
        line = _UNPRINTABLE.sub("", raw).rstrip()
        # The first line after a Python traceback's frames is the exception, whatever it is called.
        ends_traceback = in_traceback and line and not line[0].isspace()
        if ends_traceback or _EXCEPTION.match(line):
            shortened = line.removeprefix(": ")[:_LONGEST_LINE]
            found = [*(other for other in found if other != shortened), shortened][-_MOST_LINES:]
        in_traceback = line.endswith(_TRACEBACK) or (in_traceback and not ends_traceback)
    while len(summary := "\n".join(found)) > _LONGEST_SUMMARY:
        found = found[1:]
    return summary
