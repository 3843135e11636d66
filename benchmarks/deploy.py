"""Where the processor seconds of a first `cdk deploy` to the local AWS go.

python benchmarks/deploy.py [ROUNDS]

Deploys the stack of the README with the CDK CLI, synthesised before. Ours are the local AWS and the functions behind
the job run; the others are what deploys, and what runs the job. Linux only. Prints Markdown.
"""

import os
import re
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.local_aws import processor_seconds_of, processor_seconds_of_children, server_of_this_process
from emrs_local import LocalAws

ROOT = Path(__file__).parent.parent
CDK = str(ROOT / "node_modules" / ".bin" / "cdk")
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 and __name__ == "__main__" else 3
SERVER, FUNCTIONS, DRIVER = "the local AWS", "the functions behind the job run", "the driver of the job"
CLOCK = "`cdk deploy` of what is synthesised, by the clock"


def descendants(process: int) -> list[int]:
    """The processes that a process has started, and those that these have."""
    children = [
        int(child) for tasks in Path(f"/proc/{process}/task").glob("*/children") for child in tasks.read_text().split()
    ]
    return children + [deeper for child in children for deeper in descendants(child)]


def command_of(process: int) -> bytes:
    """The command line of a process."""
    return Path(f"/proc/{process}/cmdline").read_bytes()


def seconds_of_the_server(process: int) -> dict[str, float]:
    """Those of the local AWS itself, of the functions, and of the driver: the rest of what it has started."""

    def own(of: int) -> float:
        times = Path(f"/proc/{of}/stat").read_text().rpartition(")")[2].split()[11:13]
        return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")

    seconds: dict[str, float] = defaultdict(float)
    seconds[SERVER] = own(process)
    seconds[DRIVER] = processor_seconds_of(process) - seconds[SERVER]  # of those that have ended
    command_of_the_server = command_of(process)
    for started in descendants(process):
        command = command_of(started)
        if b"class_archive" not in command:
            # Those that were forked, and from which, have the command of the server.
            function = b"ministack-lambda" in command or command == command_of_the_server
            seconds[FUNCTIONS if function else DRIVER] += processor_seconds_of(started)
    return seconds


def deploy(folder: Path) -> dict[str, float]:
    """Processor seconds of each part of a deploy, and how long it took by the clock."""
    measured: dict[str, float] = {}
    clock: list[float] = []
    with LocalAws() as local_aws:
        server = server_of_this_process()

        def run(part: str, *arguments: str) -> None:
            before, start = processor_seconds_of_children(), time.perf_counter()
            environment = {**os.environ, **local_aws.environment}
            subprocess.run([CDK, *arguments], cwd=folder, env=environment, check=True, capture_output=True)
            measured[part] = processor_seconds_of_children() - before
            clock.append(time.perf_counter() - start)

        run("`cdk bootstrap`: the CLI", "bootstrap", "aws://000000000000/us-east-1")
        run("synthesis: the CLI, the app, Node.js", "synth", "--quiet", "--app", f"{sys.executable} app.py")
        before = seconds_of_the_server(server)
        run("`cdk deploy` of what is synthesised: the CLI", "deploy", "--app", "cdk.out", "--require-approval", "never")
        after = seconds_of_the_server(server)
        measured |= {part: after[part] - before[part] for part in (SERVER, FUNCTIONS, DRIVER)}
        return measured | {CLOCK: clock[-1]}


def main() -> None:
    """Measure and print."""
    app, script = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[:2]
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "jobs").mkdir()
        (folder / "app.py").write_text(app)
        (folder / "jobs" / "etl.py").write_text(script)
        rounds = [deploy(folder) for _ in range(ROUNDS)]
    print("\n## `cdk deploy` of the README's stack\n\n| processor seconds | median |\n|---|---|")
    for part in rounds[0]:
        print(f"| {part} | {median(measured[part] for measured in rounds):.2f} |")
    ours = median(measured[SERVER] + measured[FUNCTIONS] for measured in rounds)
    print(f"\nOurs are {ours:.2f} s.")


if __name__ == "__main__":
    main()
