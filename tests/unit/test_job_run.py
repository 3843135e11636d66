"""The custom resource that a JobRun makes, and the provider behind it."""

import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Duration, FileSystem, RemovalPolicy, Stack, Tags
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from constructs_emrs import Application, Code, JobMode, JobRun, JobRunState, ReleaseLabel, RunWhen, SparkJob
from constructs_emrs.handler import contract
from constructs_emrs.handler.request import Request
from tests.templates import dependencies, new_stack, only, resources
from tests.unit.conftest import Lake


def test_a_batch_job_is_waited_for_until_it_succeeded(lake: Lake) -> None:
    # Which is what the handler does when it is not said.
    assert contract.DEFAULT_WAIT_FOR == "SUCCESS"
    assert not only(lake.stack, contract.JOB_RUN_TYPE).keys() & {contract.WAIT_FOR, contract.WAIT_TIMEOUT_SECONDS}


def test_a_streaming_job_is_waited_for_until_it_runs() -> None:
    stack = new_stack()
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    job = SparkJob(
        stack, "Etl", application=application, entry_point=Code.from_uri("s3://code/x.py"), mode=JobMode.STREAMING
    )
    JobRun(stack, "Run", job=job)
    properties = only(stack, contract.JOB_RUN_TYPE)
    assert properties[contract.WAIT_FOR] == "RUNNING"
    assert properties[contract.REQUEST]["mode"] == "STREAMING"


def test_what_is_waited_for_the_arguments_and_the_triggers_can_be_given() -> None:
    stack = new_stack()
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    job = SparkJob(stack, "Etl", application=application, entry_point=Code.from_uri("s3://code/x.py"))
    JobRun(
        stack,
        "Run",
        job=job,
        wait_for=JobRunState.SUBMITTED,
        wait_timeout=Duration.minutes(5),
        arguments=["--day", "2"],
        triggers={"version": "7"},
    )
    properties = only(stack, contract.JOB_RUN_TYPE)
    assert properties[contract.WAIT_FOR] == "SUBMITTED"
    assert properties[contract.WAIT_TIMEOUT_SECONDS] == 300
    assert properties[contract.TRIGGERS] == {"version": "7"}
    assert properties[contract.REQUEST]["jobDriver"]["sparkSubmit"]["entryPointArguments"] == ["--day", "2"]


def test_nothing_starts_before_its_permissions_exist_nor_is_deleted_before_the_run_ended(lake: Lake) -> None:
    bucket = s3.Bucket(lake.stack, "Data")
    bucket.grant_read(lake.job)
    template = resources(lake.stack)
    (run_id,) = (name for name in template if name.startswith("EtlOnDeploy"))
    needed = {
        name
        for name, resource in template.items()
        if resource["Type"] in {"AWS::IAM::Policy", "AWS::KMS::Key", "AWS::EMRServerless::Application"}
        or resource["Type"] == contract.APPLICATION_STOP_TYPE
        or (resource["Type"] == "AWS::Logs::LogGroup" and name.startswith("Etl"))
    }
    assert needed
    assert needed <= dependencies(template, run_id)


def test_the_application_is_stopped_while_the_permissions_to_stop_it_still_exist(lake: Lake) -> None:
    template = resources(lake.stack)
    (stop_id,) = resources(lake.stack, contract.APPLICATION_STOP_TYPE)
    needed = json.dumps([template[name] for name in dependencies(template, stop_id)])
    assert "emr-serverless:StopApplication" in needed
    assert "emr-serverless:CancelJobRun" in needed


def test_all_runs_of_a_stack_share_one_provider(lake: Lake) -> None:
    JobRun(lake.stack, "Again", job=lake.job)
    handlers = [item["Properties"]["Handler"] for item in resources(lake.stack, "AWS::Lambda::Function").values()]
    assert handlers.count(contract.START) == handlers.count(contract.STEP) == 1
    tokens = {
        json.dumps(resource["Properties"]["ServiceToken"])
        for resource in resources(lake.stack).values()
        if "ServiceToken" in resource["Properties"]
    }
    assert len(tokens) == 1


def test_an_imported_application_is_used_and_not_stopped(script: Path) -> None:
    stack = new_stack()
    application = Application.from_application_id(stack, "Spark", "00f1982r1uukb925")
    job = SparkJob(stack, "Etl", application=application, entry_point=Code.from_asset(script))
    JobRun(stack, "Run", job=job)
    assert only(stack, contract.JOB_RUN_TYPE)[contract.REQUEST]["applicationId"] == "00f1982r1uukb925"
    assert resources(stack, contract.APPLICATION_STOP_TYPE) == {}
    assert resources(stack, "AWS::EMRServerless::Application") == {}


def test_a_brought_role_is_passed_and_given_what_the_job_needs(script: Path) -> None:
    stack = new_stack()
    role = iam.Role(stack, "Mine", assumed_by=iam.ServicePrincipal("emr-serverless.amazonaws.com"))
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    job = SparkJob(stack, "Etl", application=application, entry_point=Code.from_asset(script), execution_role=role)
    JobRun(stack, "Run", job=job)
    (role_id,) = (name for name in resources(stack, "AWS::IAM::Role") if name.startswith("Mine"))
    assert only(stack, contract.JOB_RUN_TYPE)[contract.REQUEST]["executionRoleArn"] == {"Fn::GetAtt": [role_id, "Arn"]}
    (policy,) = (
        resource["Properties"]
        for resource in resources(stack, "AWS::IAM::Policy").values()
        if {"Ref": role_id} in resource["Properties"]["Roles"]
    )
    assert "logs:PutLogEvents" in json.dumps(policy)


def test_application_and_job_may_be_in_another_stack_than_the_run(lake: Lake) -> None:
    other = Stack(lake.stack.node.root, "Runs")  # type: ignore[arg-type]  # the root is the app
    JobRun(other, "Run", job=lake.job)
    assert only(other, contract.JOB_RUN_TYPE)[contract.REQUEST]["name"] == "Etl"


def new_job(stack: Stack, *, mode: JobMode = JobMode.BATCH, removal_policy: RemovalPolicy | None = None) -> SparkJob:
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0, removal_policy=removal_policy)
    return SparkJob(stack, "Etl", application=application, entry_point=Code.from_uri("s3://code/x.py"), mode=mode)


def properties_of_a_run(*, mode: JobMode = JobMode.BATCH, **arguments: Any) -> dict[str, Any]:
    stack = new_stack()
    JobRun(stack, "Run", job=new_job(stack, mode=mode), **arguments)
    return only(stack, contract.JOB_RUN_TYPE)


def test_a_run_on_every_deploy_is_another_one_each_time() -> None:
    first, second = (properties_of_a_run(run_when=RunWhen.EVERY_DEPLOY, triggers={"a": "1"}) for _ in range(2))
    assert first[contract.TRIGGERS] != second[contract.TRIGGERS]
    assert first[contract.TRIGGERS]["a"] == "1"
    assert first[contract.REQUEST] == second[contract.REQUEST]


def test_a_run_on_change_is_the_same_each_time() -> None:
    assert properties_of_a_run() == properties_of_a_run(run_when=RunWhen.CHANGED)


@pytest.mark.parametrize(
    ("mode", "asked_for", "expected"),
    [
        (JobMode.BATCH, None, False),
        (JobMode.BATCH, True, True),
        (JobMode.STREAMING, None, True),
        (JobMode.STREAMING, False, False),
    ],
)
def test_streams_come_back_on_rollback_and_batch_work_is_not_done_again(
    mode: JobMode, asked_for: bool | None, expected: bool
) -> None:
    properties = properties_of_a_run(mode=mode, run_on_rollback=asked_for)
    assert properties.get(contract.RUN_ON_ROLLBACK, False) is expected


def test_a_stream_is_started_again_when_its_application_is_stopped() -> None:
    stack = new_stack()
    JobRun(stack, "Run", job=new_job(stack, mode=JobMode.STREAMING))
    (before_update,) = resources(stack, contract.APPLICATION_UPDATE_TYPE)
    definition = only(stack, contract.JOB_RUN_TYPE)[contract.APPLICATION_DEFINITION]
    assert definition == {"Fn::GetAtt": [before_update, contract.STOPPED_BY]}
    assert contract.APPLICATION_DEFINITION not in properties_of_a_run()


def test_a_stream_in_another_stack_is_started_again_when_the_application_is_defined_differently() -> None:
    definitions = []
    for auto_start in (True, True, False):
        stack = new_stack()
        application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0, auto_start=auto_start)
        other = Stack(stack.node.root, "Runs")  # type: ignore[arg-type]  # the root is the app
        job = SparkJob(
            other,
            "Etl",
            application=application,
            entry_point=Code.from_uri("s3://code/x.py"),
            mode=JobMode.STREAMING,
        )
        JobRun(other, "Run", job=job)
        definitions.append(only(other, contract.JOB_RUN_TYPE)[contract.APPLICATION_DEFINITION])
    assert definitions[0] == definitions[1] != definitions[2]
    assert isinstance(definitions[0], str), "CloudFormation lets no export change that is in use"


def test_an_application_is_stopped_before_it_changes(lake: Lake) -> None:
    template = resources(lake.stack)
    (before_update,) = resources(lake.stack, contract.APPLICATION_UPDATE_TYPE)
    (application,) = resources(lake.stack, "AWS::EMRServerless::Application")
    assert before_update in dependencies(template, application)
    properties = only(lake.stack, contract.APPLICATION_UPDATE_TYPE)
    assert properties[contract.APPLICATION_LOGICAL_ID] == application
    assert properties[contract.APPLICATION_PROPERTIES]["releaseLabel"] == "emr-7.14.0"


def test_a_tag_of_the_application_does_not_stop_it(lake: Lake) -> None:
    before = only(lake.stack, contract.APPLICATION_UPDATE_TYPE)
    stack = new_stack()
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    Tags.of(application).add("team", "lake")
    after = only(stack, contract.APPLICATION_UPDATE_TYPE)[contract.APPLICATION_PROPERTIES]
    assert after == before[contract.APPLICATION_PROPERTIES]


def test_attributes_come_from_the_resource_that_waits_last() -> None:
    stack = new_stack()
    run = JobRun(stack, "Run", job=new_job(stack), wait_timeout=Duration.hours(2))
    names = {name for name in resources(stack) if name.startswith("RunWait3")}
    for attribute in (run.job_run_id, run.job_run_arn, run.application_id):
        (name, _) = stack.resolve(attribute)["Fn::GetAtt"]
        assert {name} == names


def test_a_run_that_is_not_waited_for_takes_one_resource_however_long_it_may_wait() -> None:
    stack = new_stack()
    JobRun(stack, "Run", job=new_job(stack), wait_for=JobRunState.SUBMITTED, wait_timeout=Duration.hours(12))
    assert resources(stack, contract.JOB_RUN_WAIT_TYPE) == {}


def test_what_a_retained_run_needs_is_retained() -> None:
    stack = new_stack()
    job = new_job(stack, removal_policy=RemovalPolicy.RETAIN)
    JobRun(stack, "Run", job=job, removal_policy=RemovalPolicy.RETAIN)
    retained = {name for name, item in resources(stack).items() if item.get("DeletionPolicy") == "Retain"}
    kinds = {resources(stack)[name]["Type"] for name in retained}
    assert kinds == {
        "AWS::EMRServerless::Application",
        "AWS::IAM::Policy",
        "AWS::IAM::Role",
        "AWS::KMS::Key",
        "AWS::Logs::LogGroup",
        contract.APPLICATION_STOP_TYPE,
        contract.JOB_RUN_TYPE,
    }
    assert not any(name.startswith("EMRServerlessProvider") for name in retained)


def test_policies_of_a_role_that_is_allowed_much_are_retained_with_it() -> None:
    stack = new_stack()
    application = Application(
        stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0, removal_policy=RemovalPolicy.RETAIN
    )
    jars = [
        Code.from_bucket(s3.Bucket.from_bucket_name(stack, f"Jars{n}", f"jars-{n:050}"), f"{n}.jar") for n in range(90)
    ]
    job = SparkJob(stack, "Etl", application=application, entry_point=Code.from_uri("s3://b/e.py"), jars=jars)
    JobRun(stack, "Run", job=job, removal_policy=RemovalPolicy.RETAIN)
    packed = [
        item
        for name, item in resources(stack, "AWS::IAM::ManagedPolicy").items()
        if not name.startswith("EMRServerlessProvider")
    ]
    assert packed
    assert {item.get("DeletionPolicy") for item in packed} == {"Retain"}


def test_the_state_machine_goes_on_until_the_request_is_answered(lake: Lake) -> None:
    (machine,) = resources(lake.stack, "AWS::StepFunctions::StateMachine").values()
    separator, parts = machine["Properties"]["DefinitionString"]["Fn::Join"]
    states = json.loads(separator.join(part if isinstance(part, str) else "arn" for part in parts))["States"]
    tasks = {name for name, state in states.items() if state["Type"] == "Task"}
    assert tasks == {"Step", "Give up"}
    assert {states[name]["Next"] for name in tasks} == {"Is answered"}, "what a task decided is sent by the next step"
    assert states["Is answered"]["Default"] == "Wait"
    assert states["Wait"]["Next"] == "Step"


def test_a_script_that_a_bucket_deployment_uploads_is_run_again_when_its_folder_is_a_trigger(tmp_path: Path) -> None:
    requested = []
    for text in ("print(1)", "print(2)"):
        (tmp_path / "etl.py").write_text(text)
        stack = new_stack()
        application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
        code = Code.from_bucket(s3.Bucket.from_bucket_name(stack, "Code", "code"), "etl.py")
        job = SparkJob(stack, "Etl", application=application, entry_point=code)
        JobRun(stack, "Run", job=job, triggers={"scripts": FileSystem.fingerprint(str(tmp_path))})
        requested.append(only(stack, contract.JOB_RUN_TYPE))
    assert requested[0][contract.REQUEST] == requested[1][contract.REQUEST]
    assert requested[0][contract.TRIGGERS] != requested[1][contract.TRIGGERS]


def test_request_of_300_kb_is_refused_with_its_size_and_the_remedy() -> None:
    stack = new_stack()
    application = Application(stack, "A", release_label=ReleaseLabel.EMR_7_14_0)
    entry_point = Code.from_uri("s3://code/job.py")
    job = SparkJob(stack, "J", application=application, entry_point=entry_point, arguments=["x" * 3000] * 100)
    with pytest.raises(ValueError, match=r"Lake/R: arguments=<300,[0-9]{3} bytes>: .*; put them into a file"):
        JobRun(stack, "R", job=job)


def test_a_request_just_below_the_limit_is_deployed_updated_and_rolled_back() -> None:
    stack = new_stack()
    application = Application(stack, "A", release_label=ReleaseLabel.EMR_7_14_0)
    entry_point = Code.from_uri("s3://code/job.py")
    job = SparkJob(stack, "J", application=application, entry_point=entry_point, arguments=["x" * 1000] * 185)
    JobRun(stack, "R", job=job)
    (properties,) = (found["Properties"] for found in resources(stack, contract.JOB_RUN_TYPE).values())
    tags = {f"{number:03}{'k' * 120}": "v" * 250 for number in range(190)}
    old = {**properties, contract.REQUEST: {**properties[contract.REQUEST], "tags": tags}}
    event = {
        "RequestType": "Update",
        "RequestId": "0000-1",
        "StackId": "s" * 200,
        "LogicalResourceId": "R",
        "ResourceType": contract.JOB_RUN_TYPE,
        "ResponseURL": "u" * 2000,
        "ResourceProperties": properties,
        "OldResourceProperties": old,
    }
    size = len(json.dumps(Request.started(event, now=0)).encode())
    assert size < contract.STATE_BYTES - contract.RESERVED_BYTES


def file_names(folder: Path, **arguments: Any) -> dict[str, str]:
    """The user's names of the files, by the names that they are uploaded under."""
    stack = new_stack()
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    options = {"entry_point": Code.from_uri("s3://code/x.py"), **arguments}
    JobRun(stack, "Run", job=SparkJob(stack, "Etl", application=application, **options))
    properties = only(stack, contract.JOB_RUN_TYPE)
    names: dict[str, str] = properties.get(contract.FILE_NAMES, {})
    assert all(f"/{digits}" in json.dumps(properties[contract.REQUEST]) for digits in names)
    assert str(folder) not in json.dumps(properties)
    return names


def test_the_functions_are_told_what_the_user_calls_the_files_that_are_uploaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, name in enumerate(["jobs/etl.py", "lib/helpers.py", "pkg/__init__.py", "both/one.py", "env.tar.gz"]):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"# {number}\n")
    monkeypatch.chdir(tmp_path)

    def names(**arguments: Any) -> list[str]:
        return [*file_names(tmp_path, **arguments).values()]

    assert names(entry_point="jobs/etl.py") == ["jobs/etl.py"]
    assert names(entry_point=Code.from_asset(Path("./jobs/etl.py"))) == ["jobs/etl.py"]
    # What is in the zip comes after the name, as in lib/helpers.py.
    assert names(py_files=["lib/helpers.py", "pkg", Path("both")]) == ["lib", ".", "both"]
    assert names(archives=[Code.from_asset("env.tar.gz").named("environment")]) == ["env.tar.gz"]
    assert names() == []


def test_a_text_of_the_app_is_called_what_it_was_written_with(tmp_path: Path) -> None:
    text = Code.from_inline("print('hello')", suffix=".py")
    assert [*file_names(tmp_path, entry_point=text).values()] == ["Code.from_inline"]


def test_the_names_of_files_count_in_the_size_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folders = Path(*(["f" * 200] * 5))
    folders.mkdir(parents=True)
    for path in (Path("etl.py"), folders / "etl.py"):
        path.write_text("print('hello')\n")

    def run(path: Path, arguments: list[str]) -> SparkJob:
        stack = new_stack()
        application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
        job = SparkJob(stack, "Etl", application=application, entry_point=path, arguments=arguments)
        JobRun(stack, "Run", job=job)
        return job

    few = ["x" * 10_000] * 18
    size = len(json.dumps(run(Path("etl.py"), few).start_job_run_request, default=str))
    most = [*few, "x" * (contract.PROPERTIES_BYTES - size - 500)]
    run(Path("etl.py"), most)
    with pytest.raises(ValueError, match="a job run of a deploy can have 190,000"):
        run(folders / "etl.py", most)


def test_the_folders_of_one_machine_are_not_in_the_template(script: Path) -> None:
    assert [*file_names(script.parent, entry_point=script).values()] == [script.name]


def test_a_run_that_is_waited_for_by_several_resources_tells_each_the_names_of_files(script: Path) -> None:
    stack = new_stack()
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    job = SparkJob(stack, "Etl", application=application, entry_point=script)
    JobRun(stack, "Long", job=job, wait_timeout=Duration.hours(1))
    JobRun(stack, "Submitted", job=job, wait_for=JobRunState.SUBMITTED)
    told = [
        item["Properties"].get(contract.FILE_NAMES)
        for kind in (contract.JOB_RUN_TYPE, contract.JOB_RUN_WAIT_TYPE)
        for item in resources(stack, kind).values()
    ]
    (digits,) = told[0]
    assert told == [{digits: script.name}, None, {digits: script.name}]
