"""Tags reach the job run, and are checked when all of them are known."""

from aws_cdk import Tags
from aws_cdk.assertions import Annotations, Match

from constructs_emrs.handler import contract
from tests.templates import only
from tests.unit.conftest import Lake


def test_tags_of_the_job_win_over_those_around_it(lake: Lake) -> None:
    Tags.of(lake.stack).add("team", "lake")
    Tags.of(lake.stack).add("stage", "test")
    Tags.of(lake.job).add("team", "etl")
    request = only(lake.stack, contract.JOB_RUN_TYPE)[contract.REQUEST]
    assert request["tags"] == {"team": "etl", "stage": "test"}


def test_tags_of_the_run_are_added_to_the_job_s(lake: Lake) -> None:
    Tags.of(lake.job).add("team", "etl")
    Tags.of(lake.run).add("team", "lake")
    Tags.of(lake.run).add("when", "deploy")
    request = only(lake.stack, contract.JOB_RUN_TYPE)[contract.REQUEST]
    assert request["tags"] == {"team": "etl", "when": "deploy"}


def test_tags_that_the_service_takes_are_no_error(lake: Lake) -> None:
    for number in range(200 - len(contract.OWN_TAGS)):
        Tags.of(lake.job).add(f"tag{number}", "value")
    Annotations.from_stack(lake.stack).has_no_error("*", Match.any_value())


def test_too_many_tags_after_merging_are_an_error_on_the_job(lake: Lake) -> None:
    for number in range(150):
        Tags.of(lake.stack).add(f"stack{number}", "value")
        Tags.of(lake.job).add(f"job{number}", "value")
    Annotations.from_stack(lake.stack).has_error(
        "/Lake/EtlOnDeploy", Match.string_like_regexp(r"Lake/EtlOnDeploy: tags=\{.*: it has 306 entries; use 0 to 200")
    )


def test_a_tag_with_characters_that_the_service_refuses_is_an_error_on_the_job(lake: Lake) -> None:
    Tags.of(lake.job).add("owner", "jane(at)example.com")
    Annotations.from_stack(lake.stack).has_error(
        "/Lake/EtlOnDeploy",
        Match.string_like_regexp(
            r"Lake/EtlOnDeploy: tags\['owner'\]='jane\(at\)example.com': .* use a text that matches"
        ),
    )
