"""What reviewers' tools say about the templates: cdk-nag, cfn-lint, the CDK itself; and the page that explains them."""

from __future__ import annotations

import functools
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cdk_nag
import pytest
from aws_cdk import Acknowledgment, App, Duration, Size, Stack, Validations
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sns as sns
from aws_cdk.assertions import Annotations, Match, Template
from cfnlint.api import lint  # type: ignore[import-untyped]  # it has annotations and no py.typed

from app import FlightDelays
from constructs_emrs import (
    Application,
    ApplicationAlarms,
    ApplicationDashboard,
    CloudWatchLogs,
    Code,
    InitialCapacity,
    JobMode,
    JobRun,
    JobRunState,
    JobSchedule,
    JobTrigger,
    MaximumCapacity,
    Monitoring,
    ReleaseLabel,
    S3Logs,
    SparkJob,
    WorkerResources,
    WorkerType,
)
from constructs_emrs.custom_resources.provider import Provider
from tests import authorization, everything
from tests.templates import Resources, resolved, resources

PAGE = Path(__file__).parents[2] / "docs" / "what-is-created.md"
PACKS = (
    cdk_nag.AwsSolutionsChecks,
    cdk_nag.NIST80053R5Checks,
    cdk_nag.HIPAASecurityChecks,
    cdk_nag.PCIDSS321Checks,
)
NOT_LINTED = {
    "W3005": "DependsOn that a reference implies: the CDK depends on whole constructs, policies included",
}
MINIMIZE_POLICIES = "@aws-cdk/aws-iam:minimizePolicies"


def defaults(app: App) -> Stack:
    stack = Stack(app, "Lake")
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    JobRun(stack, "EtlOnDeploy", job=SparkJob(stack, "Etl", application=application, entry_point=script()))
    return stack


def all_arguments(app: App) -> Stack:
    stack = Stack(app, "Everything")
    everything.application_of_everything(stack)
    for job in (
        everything.spark_job_of_everything(stack),
        everything.streaming_job(stack),
        everything.hive_job_of_everything(stack),
    ):
        job.grant_catalog("lake", write=True)
        JobRun(stack, f"{job.node.id}OnDeploy", job=job)
    return stack


def logs_in_s3_only(app: App) -> Stack:
    """The functions read the log of a failed run from the bucket."""
    stack = Stack(app, "LogsInS3")
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    bucket = s3.Bucket.from_bucket_name(stack, "Bucket", "logs")
    monitoring = Monitoring(s3_logs=S3Logs(bucket=bucket), cloudwatch_logs=CloudWatchLogs(enabled=False))
    job = SparkJob(stack, "Etl", application=application, entry_point=script(), monitoring=monitoring)
    JobRun(stack, "EtlOnDeploy", job=job)
    return stack


def started_in_all_ways(app: App) -> Stack:
    """By time, on events and by hand: the job has a state machine."""
    stack = Stack(app, "Started")
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    job = SparkJob(stack, "Etl", application=application, entry_point=script())
    schedule = scheduler.ScheduleExpression.rate(Duration.days(1))
    JobSchedule(stack, "Daily", job=job, schedule=schedule, arguments=["--until", JobSchedule.SCHEDULED_TIME])
    key = events.EventField.from_path("$.detail.object.key")
    JobTrigger(stack, "OnObject", job=job, event_pattern=events.EventPattern(source=["aws.s3"]), arguments=[key])
    return stack


def watched(app: App) -> Stack:
    """Whoever is told is told of all that can be."""
    stack = Stack(app, "Watched")
    worker = WorkerResources(cpu=4, memory=Size.gibibytes(16))
    application = Application(
        stack,
        "Spark",
        release_label=ReleaseLabel.EMR_7_14_0,
        initial_capacity={WorkerType.SPARK_DRIVER: InitialCapacity(worker_count=1, resources=worker)},
        maximum_capacity=MaximumCapacity(cpu=40, memory=Size.gibibytes(160)),
    )
    stream = SparkJob(stack, "Clicks", application=application, entry_point=script(), mode=JobMode.STREAMING)
    topic = sns.Topic.from_topic_arn(stack, "OnCall", stack.format_arn(service="sns", resource="on-call"))
    target = targets.SnsTopic(topic)
    JobRun(stack, "ClicksOnDeploy", job=stream).on_failure("Failed", target)
    job = SparkJob(stack, "Etl", application=application, entry_point=script())
    daily = JobSchedule(stack, "Daily", job=job, schedule=scheduler.ScheduleExpression.rate(Duration.days(1)))
    daily.on_failure("Failed", target)
    on_object = JobTrigger(stack, "OnObject", job=job, event_pattern=events.EventPattern(source=["aws.s3"]))
    on_object.on_failure("Failed", target)
    application.on_job_run_state_change("Ended", states=[JobRunState.SUCCESS], target=target)
    ApplicationAlarms(stack, "Alarms", application=application, topic=topic, streams=[stream])
    ApplicationDashboard(stack, "Dashboard", application=application, jobs=[stream, job])
    return stack


def demo(app: App) -> Stack:
    return FlightDelays(app, "FlightDelays")


def script() -> Code:
    return Code.from_asset(Path(__file__).parents[2] / "jobs" / "flight_delays.py")


STACKS: dict[str, Callable[[App], Stack]] = {
    function.__name__: function
    for function in (defaults, all_arguments, logs_in_s3_only, started_in_all_ways, watched, demo)
}
every_stack = pytest.mark.parametrize("name", STACKS)


@functools.cache
def stack_of(name: str, *, minimize_policies: bool = True) -> Stack:
    return STACKS[name](App(context={MINIMIZE_POLICIES: minimize_policies}))


@functools.cache
def template_of(name: str) -> Resources:
    return resources(stack_of(name))


class Finding(NamedTuple):
    """What cdk-nag found."""

    path: str
    rule: str


def findings(stack: Stack) -> Counter[Finding]:
    Template.from_stack(stack)  # cdk-nag looks at the app that has been synthesised
    app = stack.node.root
    return Counter(
        Finding(f"/{resource.construct_path}", violation.rule_name)
        for pack in PACKS
        for violation in pack(app).validate_scope(app).violations
        for resource in violation.violating_resources
    )


def acknowledged(stack: Stack) -> dict[Finding, str]:
    """The findings that are acknowledged in the stack, with their reasons."""
    Template.from_stack(stack)
    return {
        Finding(f"/{construct.node.path}", rule): reason
        for construct in stack.node.find_all()
        for entry in construct.node.metadata
        if entry.type == Validations.ACKNOWLEDGED_RULES_METADATA_KEY
        for rule, reason in entry.data.items()
        if not rule.startswith("CloudFormation-Validate::")  # the CDK's own
    }


class UsersOwn(NamedTuple):
    """Findings on what is not the library's: on which resources, by which rules, and why they stay."""

    path: str
    rules: str
    reason: str


USERS_OWN = {
    "defaults": [],
    "logs_in_s3_only": [],
    "started_in_all_ways": [],
    "watched": [],
    "all_arguments": [
        UsersOwn(r"/Everything/\w+Key/", "KMS", "keys that the test brings; the one that is created rotates"),
        UsersOwn(r"/Everything/\w+Logs/", "S3|AwsSolutions-S", "buckets that the test brings"),
        UsersOwn(r"/Everything/\w+Group/", "CloudWatchLogGroupEncrypted", "log groups that the test brings"),
        UsersOwn(r"/Everything/Vpc/", "VPC", "a VPC that the test brings"),
    ],
    "demo": [
        UsersOwn(
            "/FlightDelays/Data/",
            "AwsSolutions-S1$|S3BucketLogging|S3BucketReplication|S3BucketVersioning|S3DefaultEncryptionKMS",
            "the demo's data is public, and deleted with the stack",
        ),
        UsersOwn("/FlightDelays/Custom::CDKBucketDeployment", "Lambda|IAM|-L1$", "what the CDK's BucketDeployment is"),
        UsersOwn(
            "/FlightDelays/FlightDelays/Role/DefaultPolicy/",
            r"AwsSolutions-IAM5\[(Action::s3:(GetObject|GetBucket|List|DeleteObject|Abort)|Resource::<Data)",
            "data.grant_read_write(etl): the demo's own grant, which the library does not acknowledge",
        ),
    ],
}


@every_stack
def test_cdk_nag_finds_nothing_in_what_the_constructs_create(name: str) -> None:
    found = findings(STACKS[name](App()))
    explained = {
        own: {item for item in found if re.match(own.path, item.path) and re.search(own.rules, item.rule)}
        for own in USERS_OWN[name]
    }
    assert found.keys() - set().union(*explained.values()) == set()
    assert [own for own, items in explained.items() if not items] == []


def test_the_readme_s_stack_passes_with_the_plugins_of_cdk_nag() -> None:
    app = App()
    STACKS["defaults"](app)
    Validations.of(app).add_plugins(*(pack(app) for pack in PACKS))
    app.synth()


@pytest.fixture
def without_cdk_nag(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an app that does not import cdk-nag."""
    monkeypatch.delitem(sys.modules, "cdk_nag")


@pytest.mark.usefixtures("without_cdk_nag")
@every_stack
def test_an_app_without_cdk_nag_acknowledges_nothing(name: str) -> None:
    assert acknowledged(STACKS[name](App())) == {}


@every_stack
def test_nothing_of_cdk_nag_is_in_the_template(name: str) -> None:
    keys = {key for resource in template_of(name).values() for key in resource.get("Metadata", {})}
    assert keys & {"cdk_nag", Validations.ACKNOWLEDGED_RULES_METADATA_KEY} == set()


def test_the_constructs_acknowledge_nothing_that_cdk_nag_would_not_find(request: pytest.FixtureRequest) -> None:
    with_reasons = acknowledged(STACKS["defaults"](App()))
    request.getfixturevalue("without_cdk_nag")
    assert with_reasons.keys() == findings(STACKS["defaults"](App())).keys()


def test_cdk_nag_finds_nothing_in_the_policies_that_many_jobs_take() -> None:
    stack = STACKS["defaults"](App())
    application = Application.from_application_id(stack, "Theirs", "00f1982r1uukb925")
    for number in range(100):
        role = iam.Role.from_role_arn(stack, f"Role{number}", f"arn:aws:iam::123456789012:role/{number:064}")
        job = SparkJob(stack, f"Job{number}", application=application, entry_point=script(), execution_role=role)
        JobRun(stack, f"Run{number}", job=job)
    provider = f"/{Provider.of(stack).node.path}/"
    assert [finding for finding in findings(stack) if finding.path.startswith(provider)] == []
    assert len(resources(stack, "AWS::IAM::ManagedPolicy")) > 1


def test_each_acknowledgement_has_a_reason() -> None:
    for reason in acknowledged(STACKS["all_arguments"](App())).values():
        assert re.fullmatch(r"[A-Z].{20,150}\.", reason)


def test_what_is_acknowledged_may_have_brackets_without_a_partner() -> None:
    stack = Stack(App(), "Lake")
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    s3_logs = S3Logs(bucket=s3.Bucket.from_bucket_name(stack, "Bucket", "logs"), prefix="runs (new")
    job = SparkJob(stack, "Etl", application=application, entry_point=script(), monitoring=Monitoring(s3_logs=s3_logs))
    JobRun(stack, "EtlOnDeploy", job=job)
    assert findings(stack) == Counter()


def test_what_the_user_granted_and_acknowledged_is_the_user_s() -> None:
    stack = Stack(App(), "Lake")
    role = iam.Role(stack, "Mine", assumed_by=iam.ServicePrincipal("emr-serverless.amazonaws.com"))
    s3.Bucket.from_bucket_name(stack, "Data", "data").grant_read(role)
    Validations.of(role).acknowledge(Acknowledgment(id="AwsSolutions-IAM5[Action::s3:List*]", reason="it reads data"))
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    SparkJob(stack, "Etl", application=application, entry_point=script(), execution_role=role)
    found = {rule for path, rule in findings(stack) if path.startswith("/Lake/Mine/")}
    assert "AwsSolutions-IAM5[Action::s3:List*]" not in found  # the user's, acknowledged by the user
    assert "AwsSolutions-IAM5[Action::s3:GetObject*]" in found  # the user's
    assert not any("kms:" in rule for rule in found)  # the library's


@every_stack
def test_cfn_lint_is_content(name: str) -> None:
    template = Template.from_stack(stack_of(name)).to_json()
    found = lint(json.dumps(template), config={"regions": ["us-east-1"], "ignore_checks": [*NOT_LINTED]})
    assert [str(match) for match in found] == []


@every_stack
@pytest.mark.parametrize("minimize_policies", [True, False])
def test_the_cdk_warns_of_nothing(name: str, minimize_policies: bool) -> None:
    stack = stack_of(name, minimize_policies=minimize_policies)
    Annotations.from_stack(stack).has_no_warning("*", Match.any_value())
    Annotations.from_stack(stack).has_no_error("*", Match.any_value())


@every_stack
def test_the_service_authorization_reference_knows_every_statement(name: str) -> None:
    assert list(authorization.statements(template_of(name)))
    assert authorization.problems(template_of(name)) == []


def test_the_service_authorization_reference_knows_what_is_granted_to_others() -> None:
    stack = Stack(App(), "Lake")
    role = iam.Role(stack, "Reader", assumed_by=iam.AccountRootPrincipal())
    application = Application.from_application_id(stack, "Spark", "00f1982r1uukb925")
    application.grant_read(role)
    application.grant_start_job_run(role, role)
    SparkJob(stack, "Etl", application=application, entry_point=script()).grant_start(role)
    assert authorization.problems(resources(stack)) == []


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ({"Action": "s3:GetObjects", "Resource": "*"}, "s3:GetObjects: there is no such action"),
        ({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::data"}, "is on none of"),
        (
            {"Action": "s3:GetObject", "Resource": ["arn:aws:s3:::data/*", "arn:aws:s3:::data"]},
            "arn:aws:s3:::data: none",
        ),
        (
            {
                "Action": "emr-serverless:GetJobRun",
                "Resource": "arn:aws:emr-serverless:us-east-1:123456789012:/applications/00f1982r1uukb925",
            },
            "emr-serverless:GetJobRun: it is on none",
        ),
        (
            {"Action": "s3:GetObject", "Condition": {"StringEquals": {"kms:ViaService": "s3"}}},
            "s3:GetObject: it has no condition key kms:ViaService",
        ),
    ],
)
def test_what_the_service_authorization_reference_does_not_know_is_found(
    statement: dict[str, Any], problem: str
) -> None:
    assert any(problem in found for found in authorization.problems_of_statement(statement))


def test_no_test_looks_at_a_template_with_a_statement_that_the_service_authorization_reference_does_not_know() -> None:
    stack = Stack(App(), "Lake")
    statement = iam.PolicyStatement(actions=["s3:GetObjects"], resources=["arn:aws:s3:::data/*"])
    iam.ManagedPolicy(stack, "Policy", statements=[statement])
    with pytest.raises(AssertionError, match="s3:GetObjects: there is no such action"):
        resources(stack)


@every_stack
def test_statement_ids_are_unique_in_each_policy(name: str) -> None:
    for policy, statements in policies(template_of(name)).items():
        sids = [statement["Sid"] for statement in statements if "Sid" in statement]
        assert len(sids) == len(set(sids)), policy
        assert all(re.fullmatch("[A-Za-z0-9]+", sid) for sid in sids)


def test_the_library_s_roles_have_no_managed_policies_of_aws_and_no_policy_allows_everything() -> None:
    for resource in template_of("defaults").values():
        for arn in resource.get("Properties", {}).get("ManagedPolicyArns", []):
            assert template_of("defaults")[arn["Ref"]]["Type"] == "AWS::IAM::ManagedPolicy"
    for policy, statements in policies(template_of("defaults")).items():
        for statement in statements:
            # In a key's policy, * is the key.
            assert "KeyPolicy" in policy or "*" not in as_list(statement.get("Resource", ""))
            assert "KeyPolicy" in policy or not any(action.endswith(":*") for action in as_list(statement["Action"]))


def test_an_execution_lasts_longer_than_the_hour_that_cloudformation_waits_for_its_answer() -> None:
    (machine,) = (
        item for item in template_of("defaults").values() if item["Type"] == "AWS::StepFunctions::StateMachine"
    )
    definition = json.loads(
        resolved(machine["Properties"]["DefinitionString"], authorization.references(template_of("defaults")))
    )
    assert definition["TimeoutSeconds"] > 60 * 60


def test_the_provider_is_small() -> None:
    provider = [name for name in template_of("defaults") if name.startswith("EMRServerlessProvider")]
    assert len(provider) == 9


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def policies(template: Resources) -> dict[str, list[dict[str, Any]]]:
    """The statements of each policy document, by logical id and property."""
    documents = {
        f"{logical_id}.{document}": resource["Properties"][document]["Statement"]
        for logical_id, resource in template.items()
        for document in ("AssumeRolePolicyDocument", "PolicyDocument", "KeyPolicy", "RepositoryPolicyText")
        if document in resource.get("Properties", {})
    }
    inline = {
        f"{logical_id}.{policy['PolicyName']}": policy["PolicyDocument"]["Statement"]
        for logical_id, resource in template.items()
        for policy in resource.get("Properties", {}).get("Policies", [])
    }
    return documents | inline


# Which policies a section of the page is about.
SECTIONS = {
    "Execution role": r"EtlRole",
    "Key": r"EMRServerlessKey",
    "Role of the function Step": r"EMRServerlessProviderRole",
    "Role of the function Start": r"EMRServerlessProviderStartRole",
    "Role of the state machine": r"EMRServerlessProviderStateMachineRole",
}


def statements_on_the_page() -> Iterator[tuple[str, str, frozenset[str]]]:
    """Section, statement id and actions of each row of the page's tables of statements."""
    section = ""
    for line in PAGE.read_text().splitlines():
        if line.startswith("#"):
            section = line.strip("# ")
        elif section in SECTIONS and line.startswith("| ") and not line.startswith("| statement"):
            cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
            sid = re.match("`(.*)`", cells[0])
            yield section, sid[1] if sid else "", frozenset(re.findall("`([^`]+)`", cells[1]))


def statements_in_the_template() -> Iterator[tuple[str, str, frozenset[str]]]:
    for policy, statements in policies(template_of("defaults")).items():
        (section,) = (section for section, pattern in SECTIONS.items() if re.match(pattern, policy))
        for statement in statements:
            yield section, statement.get("Sid", ""), frozenset(as_list(statement["Action"]))


def test_the_page_explains_exactly_the_statements_that_there_are() -> None:
    assert set(statements_on_the_page()) == set(statements_in_the_template())


def test_the_page_names_every_type_of_resource_that_is_created() -> None:
    page = PAGE.read_text()
    for resource_type in {resource["Type"] for resource in template_of("defaults").values()}:
        assert f"`{resource_type}`" in page


def conditions_on_the_page() -> str:
    return PAGE.read_text().partition("### Conditions")[2].partition("\n## ")[0]


@every_stack
def test_the_page_has_a_source_for_each_condition(name: str) -> None:
    on_the_page = {
        key
        for line in conditions_on_the_page().splitlines()
        for key in re.findall(r"`([\w:/-]+)`", line.split(" | ")[0])
    }
    demanded = {
        key
        for policy, statements in policies(template_of(name)).items()
        if not re.match(r"Data|\w+LogsPolicy", policy)  # of the buckets that the user brings
        for statement in statements
        for keys in statement.get("Condition", {}).values()
        for key in keys
    }
    assert demanded
    assert demanded <= on_the_page


def test_each_statement_on_the_page_has_a_reason_and_a_source() -> None:
    page = PAGE.read_text().replace(conditions_on_the_page(), "")
    rows = [line for line in page.splitlines() if line.startswith("| ") and "`sts:" not in line]
    for row in rows:
        if re.search(r"`[a-z-]+:\w+\*?`", row):
            cells = [cell.strip() for cell in row.strip("| ").split(" | ")]
            assert len(cells) == 5, row
            assert len(cells[3]) > 20, row
            assert cells[4].startswith("["), row
