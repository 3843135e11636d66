"""All probes, a module a subject. They are asked in this order."""

from conformance.probe import Probe
from conformance.probes import applications, events, job_runs, logs, permissions, spark, stacks, workflows

CHAPTERS = tuple(
    module.chapter for module in (spark, applications, job_runs, permissions, logs, events, workflows, stacks)
)
PROBES: tuple[Probe, ...] = tuple(
    sorted((probe for chapter in CHAPTERS for probe in chapter.probes), key=lambda probe: probe.last)
)
