"""Many job runs of real Spark, submitted at once to the local AWS: how long until all have ended, and in what memory.

python benchmarks/many_job_runs.py [NUMBER…]

Prints Markdown, and draws `docs/assets/many-job-runs.svg` of the numbers together. Memory is that of the server and of
all that it has started, with what processes share counted once, looked at once a second; Linux only.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.local_aws import Job, met
from emrs_local import LocalAws

NUMBERS = [int(number) for number in sys.argv[1:]] or [10, 50, 100]
MEMORY_TARGET = 16.0
GRAPH = Path(__file__).parents[1] / "docs" / "assets" / "many-job-runs.svg"
SCRIPT = """
from pyspark.sql import SparkSession
spark = SparkSession.builder.appName("small").getOrCreate()
assert spark.sparkContext.parallelize(range(1000)).count() == 1000
spark.stop()
"""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a number of runs took; `drivers` is how many ran at a time at most, as the process table has it."""

    runs: int
    seconds: float
    gibibytes: float
    drivers: int
    succeeded: int


class Watch:
    """Looks at the processes below one, each second."""

    def __init__(self, root: int) -> None:
        self.gibibytes = 0.0
        self.drivers = 0
        self._root = root
        self._ended = threading.Event()

    @contextmanager
    def looking(self) -> Iterator["Watch"]:
        """Look, until the block ends."""
        thread = threading.Thread(target=self._look)
        thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            thread.join()

    def _look(self) -> None:
        while not self._ended.wait(1):
            processes = descendants(self._root)
            self.gibibytes = max(self.gibibytes, sum(map(proportional_bytes, processes)) / 2**30)
            self.drivers = max(self.drivers, sum(map(is_driver, processes)))


def descendants(root: int) -> list[int]:
    """A process and all that it has started, as long as their parents live."""
    parents = {}
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            with suppress(OSError):
                parents[int(directory.name)] = int((directory / "stat").read_text().rpartition(")")[2].split()[1])
    found = [root]
    for process in found:
        found += [child for child, parent in parents.items() if parent == process]
    return found


def proportional_bytes(process: int) -> int:
    """The memory of a process, its share of what it shares; 0 if it has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def is_driver(process: int) -> bool:
    """Whether it is the Java of a driver."""
    with suppress(OSError):
        return b"org.apache.spark.deploy.SparkSubmit" in Path(f"/proc/{process}/cmdline").read_bytes()
    return False


def measure(number: int, script: Path) -> Measured:
    """Submit so many runs at once to a new local AWS and wait until all have ended."""
    with LocalAws() as local_aws:
        job = Job(local_aws, script)
        root = next(process for process in descendants_of_this() if b"emrs_local.server" in command_of(process))
        with Watch(root).looking() as watch:
            start = time.perf_counter()
            runs = [job.submit() for _ in range(number)]
            states = [job.wait(run) for run in runs]
            seconds = time.perf_counter() - start
        return Measured(
            runs=number,
            seconds=seconds,
            gibibytes=watch.gibibytes,
            drivers=watch.drivers,
            succeeded=states.count("SUCCESS"),
        )


def descendants_of_this() -> list[int]:
    """This process and all that it has started."""
    return descendants(int(Path("/proc/self").resolve().name))


def command_of(process: int) -> bytes:
    """The command line of a process, as the kernel has it."""
    with suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes()
    return b""


def graph(measured: Sequence[Measured]) -> str:
    """An SVG with the time and the memory by the number of runs."""
    width, height, left, top, gap = 300, 200, 50, 40, 90
    most = max(each.runs for each in measured)

    def panel(offset: int, title: str, value: Callable[[Measured], float], at_least: float) -> Iterator[str]:
        highest = max(at_least, *(value(each) for each in measured)) * 1.1
        points = [
            (offset + width * each.runs / most, top + height * (1 - value(each) / highest), each) for each in measured
        ]
        yield f'<text x="{offset}" y="{top - 16}" font-weight="bold">{title}</text>'
        yield f'<path d="M{offset} {top}V{top + height}H{offset + width}" fill="none" stroke="currentColor"/>'
        line = " ".join(f"{x:.0f},{y:.0f}" for x, y, _ in points)
        yield f'<polyline points="{line}" fill="none" stroke="#3f51b5" stroke-width="2"/>'
        for x, y, each in points:
            yield f'<circle cx="{x:.0f}" cy="{y:.0f}" r="4" fill="#3f51b5"/>'
            yield f'<text x="{x:.0f}" y="{y - 10:.0f}" text-anchor="middle">{value(each):.1f}</text>'
            yield f'<text x="{x:.0f}" y="{top + height + 18}" text-anchor="middle">{each.runs}</text>'
        yield f'<text x="{offset + width / 2:.0f}" y="{top + height + 38}" text-anchor="middle">job runs at once</text>'

    parts = [
        *panel(left, "minutes until all have ended", lambda each: each.seconds / 60, 0),
        *panel(left + width + gap, "GiB of memory at most", lambda each: each.gibibytes, 0),
    ]
    size = f'viewBox="0 0 {2 * width + gap + 2 * left} {height + top + 50}"'
    style = 'role="img" aria-labelledby="title" font-family="sans-serif" font-size="13"'
    head = '<title id="title">Time and memory by the number of job runs that are submitted at once</title>'
    head += '<rect width="100%" height="100%" fill="white"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>{head}{"".join(parts)}</svg>\n'


def main() -> None:
    """Measure, print and draw."""
    measured = []
    with TemporaryDirectory() as folder:
        script = Path(folder, "small.py")
        script.write_text(SCRIPT)
        print("\n## Many job runs at once\n\n| runs | succeeded | minutes | drivers at a time | GiB at most |")
        print("|---|---|---|---|---|")
        for number in NUMBERS:
            each = measure(number, script)
            cells = [each.runs, each.succeeded, f"{each.seconds / 60:.1f}", each.drivers, f"{each.gibibytes:.1f}"]
            print(f"| {' | '.join(map(str, cells))} |", flush=True)
            measured.append(each)
    most = max(each.gibibytes for each in measured)
    print("\n| target | measured | at most | |\n|---|---|---|---|")
    print(f"| memory of {max(NUMBERS)} runs | {most:.1f} GiB | {MEMORY_TARGET} GiB | {met(most, MEMORY_TARGET)} |")
    if len(measured) > 1:
        GRAPH.write_text(graph(measured), encoding="utf-8")


if __name__ == "__main__":
    main()
