"""The kit with a question that gets no answer, so that a test decides when it ends."""

import sys

from conformance.__main__ import main
from conformance.account import Account
from conformance.facilities import JOBS
from conformance.probe import Chapter, Json
from conformance.probes import PROBES
from tests.conformance.conftest import AT_ONCE

chapter = Chapter("test")


@chapter.probe("Does it end?", expected=True, source="https://example.com", needs=JOBS)
def never_ends(aws: Account) -> Json:
    """Not before the test wants it to."""
    return aws.until(lambda: None, "the end", minutes=24 * 60)


if __name__ == "__main__":
    sys.exit(main(probes=(*PROBES, *chapter.probes), delays=AT_ONCE))
