"""What jobs cost at synth with this library, by hand, with another library, and above an app with nothing in it.

python benchmarks/synth.py [ROUNDS]

Every contender runs in processes of its own, by turns, so that what else the machine does disturbs all of them alike.
Seconds are those that the process and its jsii kernel computed. Prints Markdown.
"""

import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parent.parent
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 3
JOBS = (1, 10, 50, 100)
GROWTH = (100, 200, 400)
CONTENDERS = {"by_hand": "by hand", "ours": "ours", "data_solutions_framework": "DSF"}
CLOUDFORMATION_RESOURCES, CLOUDFORMATION_BYTES = 500, 1_000_000

Case = tuple[str, int, str]
Results = dict[Case, dict[str, float]]


def run(contender: str, jobs: int, roles: str) -> dict[str, Any]:
    """One process."""
    command = [sys.executable, "-m", "benchmarks.contenders", contender, str(jobs), roles]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
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
    floor = results["empty", 0, "own"]
    return sum(results[case][figure] - floor[figure] for figure in ("construct CPU", "synth CPU"))


def table(results: Results, roles: str) -> None:
    """All contenders and numbers of jobs."""
    print(
        f"\n| jobs, {roles} roles | | import s | construct s | synth s | above floor, by hand = 1 | kernel calls ",
        end="",
    )
    print("| Python MB | node MB | resources | functions | template kB, compact (written) |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    cases: list[tuple[Case, str]] = [(("empty", 0, "own"), "empty app")]
    cases += [((contender, jobs, roles), name) for jobs in JOBS for contender, name in CONTENDERS.items()]
    for case, name in cases:
        figures = results[case]
        by_hand = ("by_hand", case[1], roles)
        ratio = f"{above_floor(results, case) / above_floor(results, by_hand):.2f}" if case[1] else ""
        print(
            f"| {case[1]} | {name} | {figures['import CPU']:.2f} | {figures['construct CPU']:.2f} "
            f"| {figures['synth CPU']:.2f} | {ratio} | {figures['calls']:.0f} "
            f"| {figures['python MB']:.0f} | {figures['node MB']:.0f} "
            f"| {figures['resources']:.0f} | {figures['functions']:.0f} "
            f"| {figures['bytes'] / 1000:.1f} ({figures['written'] / 1000:.1f}) |"
        )


def further_job(results: Results, contender: str, roles: str) -> tuple[float, float]:
    """Resources and bytes that one more job costs."""
    few, many = results[contender, 10, roles], results[contender, 50, roles]
    return (many["resources"] - few["resources"]) / 40, (many["bytes"] - few["bytes"]) / 40


def target(what: str, value: float, limit: float, unit: str = "") -> None:
    """A line of the table of targets."""
    print(f"| {what} | {value:,.2f}{unit} | {limit:,.2f}{unit} | {'met' if value <= limit else 'not met'} |")


def targets(results: Results, growth: Results) -> None:
    """Each target with what was measured."""
    print("\n| target | measured | at most | |\n|---|---|---|---|")
    for roles in ("own", "shared"):
        ratio = above_floor(results, ("ours", 50, roles)) / above_floor(results, ("by_hand", 50, roles))
        target(f"construct and synth 50 jobs, {roles} roles, by hand = 1", ratio, 1.0)
    for roles, most_resources, most_bytes in (("own", 4, 2200), ("shared", 1, 1200)):
        resources, size = further_job(results, "ours", roles)
        target(f"resources of a further job, {roles} role", resources, most_resources)
        target(f"template of a further job, {roles} role", size, most_bytes, " B")
    imports = [figures["import CPU"] for (contender, *_), figures in results.items() if contender == "ours"]
    target("import over that of the CDK", 1000 * median(imports), 50, " ms")
    most = growth["ours", GROWTH[-1], "shared"]
    target(f"resources of {GROWTH[-1]} jobs", most["resources"], CLOUDFORMATION_RESOURCES)
    target(f"template of {GROWTH[-1]} jobs as written", most["written"], CLOUDFORMATION_BYTES, " B")


def main() -> None:
    """Measure and print."""
    cases: list[Case] = [("empty", 0, "own")]
    cases += [(contender, jobs, roles) for roles in ("own", "shared") for jobs in JOBS for contender in CONTENDERS]
    results = measure(cases, ROUNDS)
    growth = measure([("ours", jobs, "shared") for jobs in GROWTH], 1)
    print("\n## Synth")
    for roles in ("own", "shared"):
        table(results, roles)
    print("\n| jobs that share a role | construct and synth s | ms a job | template kB, compact (written) |")
    print("|---|---|---|---|")
    for (_, jobs, _), figures in growth.items():
        seconds = figures["construct CPU"] + figures["synth CPU"] - results["empty", 0, "own"]["synth CPU"]
        sizes = f"{figures['bytes'] / 1000:.0f} ({figures['written'] / 1000:.0f})"
        print(f"| {jobs} | {seconds:.2f} | {1000 * seconds / jobs:.1f} | {sizes} |")
    targets(results, growth)


if __name__ == "__main__":
    main()
