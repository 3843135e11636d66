"""Each permission that AWS evaluates is needed here too: with all of them it works, without any one it does not."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from emrs_local import LocalAws
from tests.local.cloudformation_support import wait_for_stack
from tests.local.emr_serverless_support import SERVICE_PRINCIPAL, Json, Service, allow, make_role, policy, trust_policy

ACCOUNT = "000000000000"
REGION = "us-east-1"
LOG_GROUP = "/iam/logs"
LOG_GROUP_ARN = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{LOG_GROUP}"
LOG_BUCKET = "iam-logs"
VIA_SERVICE = {"StringEquals": {"kms:ViaService": f"emr-serverless.{REGION}.amazonaws.com"}}
VIA_LOGS = {"StringEquals": {"kms:ViaService": f"logs.{REGION}.amazonaws.com"}}

Statements = dict[str, Json]


def account_may_delegate() -> Json:
    return {**allow("kms:*"), "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}


def service_may(principal: str, actions: list[str], **conditions: Any) -> Json:
    return {**allow(actions, **conditions), "Principal": {"Service": principal}}


def logs_may(action: str, group_arn: str) -> Json:
    context = {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": group_arn}}
    return service_may(f"logs.{REGION}.amazonaws.com", [action], **context)


def make_key(aws: LocalAws, *statements: Mapping[str, Any]) -> str:
    return str(aws.client("kms").create_key(Policy=policy(*statements))["KeyMetadata"]["Arn"])


def make_caller(aws: LocalAws, name: str, statements: Statements) -> Any:
    """An EMR Serverless client of a new user with these permissions."""
    iam = aws.client("iam")
    iam.create_user(UserName=name)
    if statements:
        iam.put_user_policy(UserName=name, PolicyName="caller", PolicyDocument=policy(*statements.values()))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    secret = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    return aws.client("emr-serverless", **secret)


def without(statements: Statements, name: str) -> Statements:
    return {other: statement for other, statement in statements.items() if other != name}


# What the caller of the API needs.


@dataclass(kw_only=True)
class Submission:
    """A StartJobRun request that needs every permission there is, and the statements that grant them."""

    service: Service
    request: Json
    statements: Statements


@pytest.fixture(scope="module")
def submission(service: Service) -> Submission:
    application = service.application_arn
    log_key, disk_key = (make_key(service.aws, account_may_delegate()) for _ in range(2))
    context = {
        "kms:EncryptionContext:team": "data",
        "kms:EncryptionContext:applicationId": service.application_id,
        **VIA_SERVICE["StringEquals"],
    }
    return Submission(
        service=service,
        request={
            "applicationId": service.application_id,
            "executionRoleArn": service.role_arn,
            "jobDriver": {"sparkSubmit": {"entryPoint": service.script("submitted", "print('ran')")}},
            "tags": {"team": "data"},
            "configurationOverrides": {
                "monitoringConfiguration": {
                    "managedPersistenceMonitoringConfiguration": {"enabled": True, "encryptionKeyArn": log_key}
                },
                "diskEncryptionConfiguration": {"encryptionKeyArn": disk_key, "encryptionContext": {"team": "data"}},
            },
        },
        statements={
            "StartJobRun": allow("emr-serverless:StartJobRun", application),
            "TagResource": allow(
                "emr-serverless:TagResource",
                f"{application}/jobruns/*",
                StringEquals={"aws:RequestTag/team": "data"},
                **{"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}},
            ),
            "PassRole": allow(
                "iam:PassRole", service.role_arn, StringEquals={"iam:PassedToService": SERVICE_PRINCIPAL}
            ),
            "log GenerateDataKey": allow("kms:GenerateDataKey", log_key, **VIA_SERVICE),
            "log Decrypt": allow("kms:Decrypt", log_key, **VIA_SERVICE),
            "disk DescribeKey": allow("kms:DescribeKey", disk_key),
            "disk GenerateDataKey": allow("kms:GenerateDataKey", disk_key, StringEquals=context),
            "disk Decrypt": allow("kms:Decrypt", disk_key, StringEquals=context),
        },
    )


def test_a_caller_with_the_documented_permissions_submits_a_run(submission: Submission) -> None:
    caller = make_caller(submission.service.aws, "documented", submission.statements)
    job_run_id = caller.start_job_run(**submission.request)["jobRunId"]
    assert submission.service.wait(job_run_id)["createdBy"] == f"arn:aws:iam::{ACCOUNT}:user/documented"


@pytest.mark.parametrize(
    ("missing", "action"),
    [
        ("StartJobRun", "emr-serverless:StartJobRun"),
        ("TagResource", "emr-serverless:TagResource"),
        ("PassRole", "iam:PassRole"),
        ("log GenerateDataKey", "kms:GenerateDataKey"),
        ("log Decrypt", "kms:Decrypt"),
        ("disk DescribeKey", "kms:DescribeKey"),
        ("disk GenerateDataKey", "kms:GenerateDataKey"),
        ("disk Decrypt", "kms:Decrypt"),
    ],
)
def test_a_submission_is_refused_when_one_permission_is_missing(
    submission: Submission, missing: str, action: str
) -> None:
    name = "without-" + missing.replace(" ", "-")
    caller = make_caller(submission.service.aws, name, without(submission.statements, missing))
    with pytest.raises(ClientError) as refused:
        caller.start_job_run(**submission.request)
    error = refused.value.response["Error"]
    assert error["Code"] == "AccessDeniedException"
    assert error["Message"].startswith(
        f"User: arn:aws:iam::{ACCOUNT}:user/{name} is not authorized to perform: {action} on resource: arn:aws:"
    )


def test_a_role_may_not_be_passed_to_another_service_only(submission: Submission) -> None:
    elsewhere = allow(
        "iam:PassRole", submission.service.role_arn, StringEquals={"iam:PassedToService": "lambda.amazonaws.com"}
    )
    caller = make_caller(submission.service.aws, "passes-elsewhere", {**submission.statements, "PassRole": elsewhere})
    with pytest.raises(ClientError, match="iam:PassRole"):
        caller.start_job_run(**submission.request)


def test_a_key_that_is_not_there_is_refused(submission: Submission) -> None:
    missing = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000"
    override = {"configurationOverrides": {"diskEncryptionConfiguration": {"encryptionKeyArn": missing}}}
    with pytest.raises(ClientError, match="does not exist"):
        submission.service.emr.start_job_run(**{**submission.request, **override})


def code_of(call: Callable[..., Any], arguments: Json) -> str:
    """The code of the error that a call raises, empty if it raises none."""
    try:
        call(**arguments)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


OPERATIONS: list[tuple[str, str, Json]] = [
    ("create_application", "*", {"releaseLabel": "emr-7.9.0", "type": "Spark"}),
    ("list_applications", "*", {}),
    ("get_application", "application", {"applicationId": "APPLICATION"}),
    ("update_application", "application", {"applicationId": "APPLICATION"}),
    ("delete_application", "application", {"applicationId": "APPLICATION"}),
    ("start_application", "application", {"applicationId": "APPLICATION"}),
    ("stop_application", "application", {"applicationId": "APPLICATION"}),
    ("list_job_runs", "application", {"applicationId": "APPLICATION"}),
    ("get_job_run", "jobRun", {"applicationId": "APPLICATION", "jobRunId": "00frun"}),
    ("cancel_job_run", "jobRun", {"applicationId": "APPLICATION", "jobRunId": "00frun"}),
    ("list_job_run_attempts", "jobRun", {"applicationId": "APPLICATION", "jobRunId": "00frun"}),
    ("get_dashboard_for_job_run", "jobRun", {"applicationId": "APPLICATION", "jobRunId": "00frun"}),
    ("tag_resource", "application", {"resourceArn": "ARN", "tags": {"team": "data"}}),
    ("untag_resource", "application", {"resourceArn": "ARN", "tagKeys": ["team"]}),
    ("list_tags_for_resource", "application", {"resourceArn": "ARN"}),
]


@pytest.mark.parametrize(("operation", "kind", "request_members"), OPERATIONS, ids=[name for name, *_ in OPERATIONS])
def test_an_operation_needs_its_action_on_its_resource(
    service: Service, operation: str, kind: str, request_members: Json
) -> None:
    application = service.application_arn
    resource = {"*": "*", "application": application, "jobRun": f"{application}/jobruns/00frun"}[kind]
    values = {"APPLICATION": service.application_id, "ARN": application}
    arguments = {
        name: values.get(value, value) if isinstance(value, str) else value for name, value in request_members.items()
    }
    action = "emr-serverless:" + "".join(word.capitalize() for word in operation.split("_"))
    caller = make_caller(service.aws, f"may-not-{operation}", {})
    with pytest.raises(ClientError) as refused:
        getattr(caller, operation)(**arguments)
    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
    assert f"is not authorized to perform: {action} on resource: {resource}" in str(refused.value)
    granted = policy(allow(action, resource))
    service.aws.client("iam").put_user_policy(
        UserName=f"may-not-{operation}", PolicyName="caller", PolicyDocument=granted
    )
    assert code_of(getattr(caller, operation), arguments) != "AccessDeniedException"


def test_the_dashboard_with_system_profile_logs_needs_an_action_of_its_own(service: Service) -> None:
    run = service.start(service.script("nothing", ""))
    service.wait(run)
    arn = f"{service.application_arn}/jobruns/{run}"
    caller = make_caller(service.aws, "looks", {"look": allow("emr-serverless:GetDashboardForJobRun", arn)})
    request = {"applicationId": service.application_id, "jobRunId": run}
    assert caller.get_dashboard_for_job_run(**request)["url"]
    denied = f"emr-serverless:AccessSystemProfileLogs on resource: {arn}"
    with pytest.raises(ClientError, match=denied):
        caller.get_dashboard_for_job_run(**request, accessSystemProfileLogs=True)
    assert caller.get_dashboard_for_job_run(**request, accessSystemProfileLogs=False)["url"]


def test_a_grant_can_depend_on_the_tags_of_the_application(service: Service) -> None:
    tagged = service.emr.create_application(releaseLabel="emr-7.9.0", type="Spark", tags={"team": "data"})
    of_team = allow("emr-serverless:GetApplication", StringEquals={"aws:ResourceTag/team": "data"})
    caller = make_caller(service.aws, "of-team-data", {"get": of_team})
    caller.get_application(applicationId=tagged["applicationId"])
    with pytest.raises(ClientError, match="not authorized to perform: emr-serverless:GetApplication"):
        caller.get_application(applicationId=service.application_id)


# What the execution role, the service and CloudWatch Logs need while the job runs.


@dataclass(kw_only=True)
class RunCase:
    """A run that lacks one thing, and what its state details have to say."""

    role: str = ""
    log_key: str = ""
    log_key_conditions: Mapping[str, Any] = field(default_factory=dict)
    disk_key: str = ""
    group_key: str = ""
    trust: str | None = None
    says: str = ""


LOGS = ("logs:DescribeLogGroups", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams")
GROUP_KEY_ACTIONS = ("DescribeKey", "Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GenerateDataKey")
CANNOT_ASSUME = "Could not assume execution role"
ROLE_LACKS = "The execution role is not authorized to perform: "

CASES: dict[str, RunCase] = {
    "nothing": RunCase(),
    **{
        f"role {action}": RunCase(role=action, says=f"{ROLE_LACKS}{action} on resource: arn:aws:logs:")
        for action in (*LOGS, "logs:PutLogEvents", "logs:AssociateKmsKey")
    },
    "role s3:PutObject": RunCase(role="s3:PutObject", says=f"{ROLE_LACKS}s3:PutObject on resource: arn:aws:s3:::"),
    **{
        f"role {name}": RunCase(role=name, says=f"{ROLE_LACKS}{name.split()[1]} on resource: arn:aws:kms:")
        for name in ("log kms:GenerateDataKey", "log kms:Decrypt", "disk kms:GenerateDataKey", "disk kms:Decrypt")
    },
    **{
        f"role group kms:{action}": RunCase(
            role=f"group kms:{action}", says=f"{ROLE_LACKS}kms:{action} on resource: arn:aws:kms:"
        )
        for action in GROUP_KEY_ACTIONS
    },
    **{
        f"log key policy {action}": RunCase(log_key=action, says=f"not authorized to perform: {action} on resource")
        for action in ("kms:GenerateDataKey", "kms:Decrypt")
    },
    **{
        f"disk key policy {action}": RunCase(disk_key=action, says=f"not authorized to perform: {action} on resource")
        for action in ("kms:GenerateDataKey", "kms:Decrypt")
    },
    **{
        f"group key policy kms:{action}": RunCase(group_key=action, says=f"to perform: kms:{action} on resource")
        for action in GROUP_KEY_ACTIONS
    },
    "log key policy that demands the account": RunCase(
        log_key_conditions={"StringEquals": {"aws:SourceAccount": ACCOUNT}}, says="not authorized to perform: kms:"
    ),
    "trust of another account": RunCase(trust=trust_policy(SourceAccount="111111111111"), says=CANNOT_ASSUME),
    "trust of another application": RunCase(trust=trust_policy(SourceArn="arn:aws:other"), says=CANNOT_ASSUME),
    "trust of another service": RunCase(
        trust=trust_policy().replace(SERVICE_PRINCIPAL, "lambda.amazonaws.com"), says=CANNOT_ASSUME
    ),
    "trust of the account only": RunCase(
        trust=json.dumps({"Statement": {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}}),
        says=CANNOT_ASSUME,
    ),
}


@dataclass(kw_only=True)
class StartedRun:
    """A run and what it was started with."""

    job_run_id: str
    log_group: str


@pytest.fixture(scope="module")
def runs(service: Service) -> dict[str, StartedRun]:
    """A run for each case, all at once."""
    service.aws.client("s3").create_bucket(Bucket=LOG_BUCKET)
    entry_point = service.script("of-iam-case", "print('ran')")
    return {name: start_case(service, number, case, entry_point) for number, (name, case) in enumerate(CASES.items())}


def start_case(service: Service, number: int, case: RunCase, entry_point: str) -> StartedRun:
    group = f"{LOG_GROUP}/{number}"
    group_arn = f"{LOG_GROUP_ARN}/{number}"
    source = {"StringLike": {"aws:SourceArn": f"arn:aws:emr-serverless:{REGION}:{ACCOUNT}:/applications/*"}}
    of_disk = {
        "StringEquals": {
            "kms:EncryptionContext:applicationId": service.application_id,
            "aws:SourceAccount": ACCOUNT,
        },
        **source,
    }
    data_key = ["kms:GenerateDataKey", "kms:Decrypt"]
    log_key, disk_key = (
        make_key(
            service.aws,
            account_may_delegate(),
            service_may(SERVICE_PRINCIPAL, [action for action in data_key if action != missing], **conditions),
        )
        for missing, conditions in ((case.log_key, {**source, **case.log_key_conditions}), (case.disk_key, of_disk))
    )
    group_statements = [
        logs_may(f"kms:{action}", group_arn) for action in GROUP_KEY_ACTIONS if action != case.group_key
    ]
    group_key = make_key(service.aws, account_may_delegate(), *group_statements)
    role = {
        "logs:DescribeLogGroups": allow("logs:DescribeLogGroups", f"arn:aws:logs:*:{ACCOUNT}:*"),
        **{action: allow(action, f"{group_arn}:*") for action in LOGS[1:]},
        "logs:PutLogEvents": allow("logs:PutLogEvents", f"{group_arn}:*"),
        "logs:AssociateKmsKey": allow("logs:AssociateKmsKey", f"{group_arn}:*"),
        "s3:PutObject": allow("s3:PutObject", f"arn:aws:s3:::{LOG_BUCKET}/*"),
        **{f"log {action}": allow(action, log_key) for action in data_key},
        **{f"disk {action}": allow(action, disk_key) for action in data_key},
        **{f"group kms:{action}": allow(f"kms:{action}", group_key, **VIA_LOGS) for action in GROUP_KEY_ACTIONS},
    }
    role_arn = make_role(
        service.aws,
        f"case-{number}",
        *without(role, case.role).values(),
        trust=case.trust or trust_policy(SourceAccount=ACCOUNT, SourceArn=service.application_arn),
    )
    job_run_id = service.start(
        entry_point,
        executionRoleArn=role_arn,
        configurationOverrides={
            "monitoringConfiguration": {
                "managedPersistenceMonitoringConfiguration": {"enabled": True, "encryptionKeyArn": log_key},
                "s3MonitoringConfiguration": {"logUri": f"s3://{LOG_BUCKET}/", "encryptionKeyArn": log_key},
                "cloudWatchLoggingConfiguration": {
                    "enabled": True,
                    "logGroupName": group,
                    "encryptionKeyArn": group_key,
                },
            },
            "diskEncryptionConfiguration": {"encryptionKeyArn": disk_key, "encryptionContext": {"team": "data"}},
        },
    )
    return StartedRun(job_run_id=job_run_id, log_group=group)


def test_a_run_with_the_documented_permissions_succeeds_and_its_logs_are_encrypted(
    service: Service, runs: dict[str, StartedRun]
) -> None:
    started = runs["nothing"]
    run = service.wait(started.job_run_id, "SUCCESS")
    keys = run["configurationOverrides"]["monitoringConfiguration"]
    (group,) = service.aws.client("logs").describe_log_groups(logGroupNamePrefix=started.log_group)["logGroups"][:1]
    assert group["kmsKeyId"] == keys["cloudWatchLoggingConfiguration"]["encryptionKeyArn"]
    directory = f"applications/{service.application_id}/jobs/{started.job_run_id}/SPARK_DRIVER"
    log = service.aws.client("s3").head_object(Bucket=LOG_BUCKET, Key=f"{directory}/stdout.gz")
    assert log["ServerSideEncryption"] == "aws:kms"
    assert log["SSEKMSKeyId"] == keys["s3MonitoringConfiguration"]["encryptionKeyArn"]


@pytest.mark.parametrize("name", [name for name in CASES if name != "nothing"])
def test_a_run_fails_and_says_why_without_one_permission(
    service: Service, runs: dict[str, StartedRun], name: str
) -> None:
    run = service.wait(runs[name].job_run_id, "FAILED")
    assert CASES[name].says in run["stateDetails"]


def test_a_role_that_is_not_there_cannot_be_assumed(service: Service) -> None:
    role_arn = f"arn:aws:iam::{ACCOUNT}:role/nobody"
    entry_point = service.script("of-nobody", "print('ran')")
    run = service.wait(service.start(entry_point, executionRoleArn=role_arn), "FAILED")
    assert run["stateDetails"] == (
        f"Could not assume execution role {role_arn} because it does not exist or is not set up with the required "
        "trust relationship."
    )


# IAM's quotas: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html


def policy_of_length(length: int) -> str:
    """A policy with so many characters beside its white space."""
    empty = json.loads(policy(allow("s3:GetObject", "")))
    used = len(json.dumps(empty, separators=(",", ":")))
    empty["Statement"][0]["Resource"] = "r" * (length - used)
    return json.dumps(empty, indent=4)


def test_the_inline_policies_of_a_role_have_10240_characters_together(service: Service) -> None:
    iam = service.aws.client("iam")
    role = make_role(service.aws, "inline-quota", allow("s3:GetObject")).rpartition("/")[2]
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        iam.delete_role_policy(RoleName=role, PolicyName=name)
    iam.put_role_policy(RoleName=role, PolicyName="first", PolicyDocument=policy_of_length(10_000))
    iam.put_role_policy(RoleName=role, PolicyName="second", PolicyDocument=policy_of_length(240))
    with pytest.raises(ClientError, match="Maximum policy size of 10240 bytes exceeded for role inline-quota"):
        iam.put_role_policy(RoleName=role, PolicyName="second", PolicyDocument=policy_of_length(241))


def test_a_managed_policy_has_6144_characters_and_a_role_ten_of_them(service: Service) -> None:
    iam = service.aws.client("iam")
    role = make_role(service.aws, "managed-quota", allow("s3:GetObject")).rpartition("/")[2]
    arns = [
        iam.create_policy(PolicyName=f"managed-{number}", PolicyDocument=policy_of_length(6_144))["Policy"]["Arn"]
        for number in range(11)
    ]
    with pytest.raises(ClientError, match="Cannot exceed quota for PolicySize: 6144"):
        iam.create_policy(PolicyName="too-long", PolicyDocument=policy_of_length(6_145))
    with pytest.raises(ClientError, match="Cannot exceed quota for PolicySize: 6144"):
        iam.create_policy_version(PolicyArn=arns[0], PolicyDocument=policy_of_length(6_145))
    for arn in arns[:10]:
        iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    with pytest.raises(ClientError, match="Cannot exceed quota for PoliciesPerRole: 10"):
        iam.attach_role_policy(RoleName=role, PolicyArn=arns[10])


@pytest.mark.parametrize(
    ("resource", "says"),
    [
        ({"Type": "AWS::IAM::Policy", "Inline": 10_241}, "Maximum policy size of 10240 bytes exceeded"),
        ({"Type": "AWS::IAM::ManagedPolicy", "Inline": 6_145}, "Cannot exceed quota for PolicySize: 6144"),
        ({"Type": "AWS::IAM::Role", "Inline": 10_241}, "Maximum policy size of 10240 bytes exceeded"),
    ],
    ids=lambda value: value["Type"] if isinstance(value, dict) else "",
)
def test_a_stack_whose_policies_are_too_long_fails(service: Service, resource: Json, says: str) -> None:
    document = json.loads(policy_of_length(resource["Inline"]))
    role: Json = {
        "Type": "AWS::IAM::Role",
        "Properties": {"AssumeRolePolicyDocument": json.loads(trust_policy(SourceAccount=ACCOUNT))},
    }
    resources = {"Role": role}
    if resource["Type"] == "AWS::IAM::Role":
        role["Properties"]["Policies"] = [{"PolicyName": "own", "PolicyDocument": document}]
    else:
        properties = {"PolicyDocument": document, "Roles": [{"Ref": "Role"}]}
        if resource["Type"] == "AWS::IAM::Policy":
            properties["PolicyName"] = "own"
        resources["Policy"] = {"Type": resource["Type"], "Properties": properties}
    client = service.aws.client("cloudformation")
    name = f"Quota-{resource['Type'].rpartition(':')[2]}"
    client.create_stack(
        StackName=name,
        TemplateBody=json.dumps({"Resources": resources}),
        OnFailure="DO_NOTHING",
        Capabilities=["CAPABILITY_IAM"],
    )
    with pytest.raises(WaiterError):
        wait_for_stack(client, "stack_create_complete", name)
    events = client.describe_stack_events(StackName=name)["StackEvents"]
    assert any(says in event.get("ResourceStatusReason", "") for event in events)
    client.delete_stack(StackName=name)
