"""What is looked at when an app is synthesised."""

from aws_cdk import Tags
from aws_cdk.assertions import Annotations, Match, Template

from constructs_emrs import Application, Code, JobRun, ReleaseLabel, SparkJob
from constructs_emrs.validation.late_checks import LateChecks
from tests.templates import new_stack


def test_the_checks_of_many_constructs_do_not_overflow_the_stack_of_node_js() -> None:
    stack = new_stack()
    checks = LateChecks(stack)
    checked = []

    def check() -> None:
        checked.extend([stack.node.path for _ in range(25)])

    for _ in range(200):
        checks.add(check)
    Template.from_stack(stack)
    # More questions than Node.js has room for in one call; how many it has differs with the version of jsii.
    assert checked == ["Lake"] * 200 * 25


def test_the_tags_of_every_one_of_many_runs_are_checked() -> None:
    stack = new_stack()
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    job = SparkJob(stack, "Job", application=application, entry_point=Code.from_uri("s3://code/etl.py"))
    runs = [JobRun(stack, f"Run{number}", job=job) for number in range(45)]
    for run in runs:
        Tags.of(run).add("k" * 129, "too long")
    found = Annotations.from_stack(stack).find_error("*", Match.string_like_regexp("k{50}"))
    assert {error.id.split("/")[2] for error in found} == {f"Run{number}" for number in range(45)}
