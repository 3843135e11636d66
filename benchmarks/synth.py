"""What jobs cost at synth with this library, by hand, with another library, and above an app with nothing in it.

python benchmarks/synth.py [ROUNDS]

Every contender runs in processes of its own, by turns, so that what else the machine does disturbs all of them alike.
Seconds are those that the process and its jsii kernel computed, without the CDK's own validation of the template: that
takes each contender 1.3 seconds or more, and half a second more or less from one process to the next. Prints Markdown,
and draws docs/assets/synth.svg.
"""

import functools
import importlib.resources
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "assets" / "synth.svg"
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 3
JOBS = (1, 10, 50)
GROWTH = (1, 10, 50, 100, 400)
CONTENDERS = {"by_hand": "by hand", "ours": "ours"}
GROWING = {"ours": "jobs that share a role", "schedules": "schedules", "triggers": "triggers"}
MOST_BYTES = {"own": 2_450, "shared": 800}
MOST_RESOURCES = {"own": 4, "shared": 1}
CLOUDFORMATION_RESOURCES, CLOUDFORMATION_BYTES = 500, 1_000_000
# How much more a further one may take when there are 400 than when there are 100.
LINEAR = 1.25

OLD, NEW = PROJECTS = ("without flags", "flags of a new project")

Case = tuple[str, int, str, str]
Results = dict[Case, dict[str, float]]
EMPTY = "empty", 0, "own"


@functools.cache
def flags(project: str) -> str:
    """The feature flags of a project as JSON: those that `cdk init` writes into a new one, or none."""
    if project == OLD:
        return "{}"
    (archive,) = (file for file in importlib.resources.files("aws_cdk._jsii").iterdir() if file.name.endswith(".tgz"))
    with archive.open("rb") as file, tarfile.open(fileobj=file, mode="r:gz") as files:
        found = files.extractfile("package/recommended-feature-flags.json")
        assert found is not None
        return found.read().decode()


def run(contender: str, jobs: int, roles: str, project: str = OLD) -> dict[str, Any]:
    """One process."""
    command = [sys.executable, "-m", "benchmarks.contenders", contender, str(jobs), roles, flags(project)]
    environment = {**os.environ, "CDK_VALIDATION": "false"}
    output = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout
    measured: dict[str, Any] = json.loads(output.splitlines()[-1])
    return measured


def measure(cases: list[Case], rounds: int) -> Results:
    """The median of each figure, the cases by turns."""
    measured: dict[Case, list[dict[str, float]]] = {case: [] for case in cases}
    for number in range(rounds):
        for case in cases:
            print(f"round {number + 1} of {rounds}: {case}", file=sys.stderr)
            measured[case].append(run(*case))
    return {
        case: {figure: median(result[figure] for result in results) for figure in results[0]}
        for case, results in measured.items()
    }


def above_floor(results: Results, case: Case) -> float:
    """Seconds to construct and synthesise, without those of an app with nothing in it."""
    floor = results[*EMPTY, case[3]]
    return sum(results[case][figure] - floor[figure] for figure in ("construct CPU", "synth CPU"))


def ratio(results: Results, jobs: int, roles: str, project: str) -> float:
    """What is above the floor, by hand = 1."""
    ours, by_hand = (above_floor(results, (contender, jobs, roles, project)) for contender in ("ours", "by_hand"))
    return ours / by_hand


def table(results: Results) -> None:
    """All contenders and numbers of jobs."""
    print("\n| jobs | roles | project | | construct s | synth s | above floor, by hand = 1 | kernel calls ", end="")
    print("| node MB | resources | functions | template bytes, compact (written) |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for case, figures in results.items():
        contender, jobs, roles, project = case
        compared = f"{ratio(results, jobs, roles, project):.2f}" if contender == "ours" else ""
        print(
            f"| {jobs} | {roles} | {project} | {CONTENDERS.get(contender, contender)} | {figures['construct CPU']:.2f} "
            f"| {figures['synth CPU']:.2f} | {compared} | {figures['calls']:.0f} | {figures['node MB']:.0f} "
            f"| {figures['resources']:.0f} | {figures['functions']:.0f} "
            f"| {figures['bytes']:,.0f} ({figures['written']:,.0f}) |"
        )


def further_job(results: Results, contender: str, roles: str, figure: str) -> float:
    """How much one more job adds."""
    few, many = (results[contender, jobs, roles, OLD][figure] for jobs in (10, 50))
    return (many - few) / 40


def target(what: str, value: float, limit: float, unit: str = "") -> None:
    """A line of the table of targets."""
    print(f"| {what} | {value:,.2f}{unit} | {limit:,.2f}{unit} | {'met' if value <= limit else 'not met'} |")


def targets(results: Results, growth: Results) -> None:
    """Each target with what was measured."""
    print("\n| target | measured | at most | |\n|---|---|---|---|")
    for project in PROJECTS:
        for roles in MOST_BYTES:
            what = f"construct and synth 50 jobs, {roles} roles, {project}, by hand = 1"
            target(what, ratio(results, 50, roles, project), 1.0)
    by_hand, calls = (further_job(results, contender, "own", "calls") for contender in ("by_hand", "ours"))
    target("round trips to Node.js of a further job, own role; those by hand", calls, by_hand)
    for roles, most in MOST_BYTES.items():
        created, size = (further_job(results, "ours", roles, figure) for figure in ("resources", "bytes"))
        target(f"resources of a further job, {roles} role", created, MOST_RESOURCES[roles])
        target(f"template of a further job, {roles} role", size, most, " B")
    target("template of 50 jobs, own roles", results["ours", 50, "own", OLD]["bytes"], 140_000, " B")
    own = results["ours", 1, "own", OLD]
    target("import over that of the CDK", own["import CPU"] * 1000, 50, " ms")
    largest = growth["ours", GROWTH[-1], "shared", OLD]
    target(f"resources of {GROWTH[-1]} jobs", largest["resources"], CLOUDFORMATION_RESOURCES)
    target(f"template of {GROWTH[-1]} jobs as written", largest["written"], CLOUDFORMATION_BYTES, " B")
    for contender, name in GROWING.items():
        few, middle, many = (growth[contender, number, "shared", OLD] for number in (10, 100, 400))
        for figure, unit in (("calls", "round trips"), ("bytes", "bytes")):
            first, last = (middle[figure] - few[figure]) / 90, (many[figure] - middle[figure]) / 300
            target(f"{name}: {unit} of one between 100 and 400, between 10 and 100 = 1", last / first, LINEAR)


def growth_table(growth: Results) -> None:
    """How cost grows with the number."""
    print("\n| | number | construct and synth s | kernel calls | template bytes, compact |\n|---|---|---|---|---|")
    for (contender, number, *_), figures in growth.items():
        seconds = figures["construct CPU"] + figures["synth CPU"]
        print(f"| {GROWING[contender]} | {number} | {seconds:.2f} | {figures['calls']:.0f} | {figures['bytes']:,.0f} |")


def picture(growth: Results) -> str:
    """Round trips and bytes by the number, each as a line; twice the number is twice as high when it is linear."""
    colours = dict(zip(GROWING, ("#1f77b4", "#d62728", "#2ca02c"), strict=True))
    parts = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 300" font-family="sans-serif" font-size="12">']
    for left, figure, title in ((50, "calls", "round trips to Node.js"), (430, "bytes", "bytes of the template")):
        top = max(figures[figure] for figures in growth.values())
        parts.append(f'<text x="{left}" y="20">{title}, up to {top:,.0f}</text>')
        parts.append(f'<path d="M{left} 40V250H{left + 300}" fill="none" stroke="#888"/>')
        parts += [
            f'<text x="{left + 300 * number / GROWTH[-1]:.0f}" y="268" text-anchor="middle">{number}</text>'
            for number in (0, 100, 400)
        ]
        for contender, colour in colours.items():
            heights = {number: growth[contender, number, "shared", OLD][figure] / top for number in GROWTH}
            points = " ".join(
                f"{left + 300 * number / GROWTH[-1]:.0f},{250 - 210 * height:.0f}" for number, height in heights.items()
            )
            parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
    for position, (contender, colour) in enumerate(colours.items()):
        parts.append(f'<text x="{50 + 200 * position}" y="292" fill="{colour}">{GROWING[contender]}</text>')
    return "\n".join([*parts, "</svg>", ""])


def main() -> None:
    """Measure and print."""
    cases: list[Case] = []
    for project in PROJECTS:
        cases.append((*EMPTY, project))
        # Bytes and round trips of a further job are those of 50 jobs less those of 10.
        for jobs in JOBS if project == OLD else JOBS[-1:]:
            cases += [(contender, jobs, roles, project) for roles in MOST_BYTES for contender in CONTENDERS]
    results = measure(cases, ROUNDS)
    growth = measure([(contender, number, "shared", OLD) for contender in GROWING for number in GROWTH], 1)
    print("\n## Synth")
    table(results)
    growth_table(growth)
    targets(results, growth)
    PICTURE.write_text(picture(growth), encoding="utf-8")


if __name__ == "__main__":
    main()
