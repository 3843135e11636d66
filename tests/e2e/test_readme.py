"""The README's steps, done in their order with what it prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.e2e.conftest import CDK, ROOT


def test_a_newcomer_gets_from_the_stack_to_a_script_to_a_test(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text()
    app, script, test = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    (settings,) = re.findall(r"```json\n(.*?)```", readme, flags=re.DOTALL)
    folder = tmp_path / "lake"
    for name, text in (("app.py", app), ("cdk.json", settings), ("jobs/etl.py", script), ("test_lake.py", test)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (tmp_path / "node_modules").symlink_to(CDK.parent.parent)
    # What `source .venv/bin/activate` does.
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    def run(*command: str) -> str:
        done = subprocess.run(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    (command,) = re.findall(r"^emrs-local exec -- (.*)$", readme, flags=re.MULTILINE)
    printed = run("sh", "-c", f"emrs-local exec -- {command}")
    assert re.search(r"^job run \w+ \(\S+\)  SUCCESS  [0-9:]+  rows written: 100$", printed, flags=re.MULTILINE)
    assert "1 passed" in run("pytest", "-p", "no:cacheprovider", "test_lake.py")
