"""Records what the local AWS answers, in conformance/recordings/local.json, and writes the page that shows it."""

import os
import secrets
import sys
import tempfile
from pathlib import Path

import boto3

from conformance.account import Account
from conformance.kit import Kit
from conformance.page import LOCAL_RECORDING, PAGE, page
from conformance.probes import PROBES
from conformance.recording import Recording
from emrs_local import LocalAws
from tests.conformance.conftest import AT_ONCE, RUN_MINUTES


def main() -> int:
    """Ask everything again."""
    server_command = (sys.executable, "-m", "tests.conformance.server")
    with tempfile.TemporaryDirectory() as folder, LocalAws(server_command=server_command) as server:
        os.environ.update(server.environment)
        account = Account(boto3.Session(), run=secrets.token_hex(4), run_minutes=RUN_MINUTES, delays=AT_ONCE)
        recording = Path(folder, "recording.json")
        probes = [probe for probe in PROBES if not probe.not_local]
        if wrong := Kit(
            account=account, probes=probes, recording=recording, state=Path(folder, "state"), say=print
        ).ask():
            print("\n".join(wrong), file=sys.stderr)
            return 1
        Recording(answers=Recording.read(recording).answers).write(LOCAL_RECORDING)
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
