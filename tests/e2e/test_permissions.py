"""Every permission that the library grants is needed: without any one of them something fails, which a table shows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from emrs_local import LocalAws
from tests.e2e import deployment
from tests.e2e.bootstrap import bootstrap
from tests.e2e.deployment import change_handler, synthesise_script
from tests.e2e.permissions import SCRIPT, SERVER_COMMAND, DeployedStack, Grant, Life, Noticed

STACK = "Permissions"
_STATES_TRUST = (
    "Step Functions Developer Guide, 'Creating an IAM role for your state machine': Step Functions has to be trusted. "
    "The local AWS looks at the role's policies only."
)
_LAMBDA_TRUST = (
    "Lambda Developer Guide, 'Defining Lambda function permissions with an execution role': Lambda has to be trusted. "
    "The local AWS runs a function without it."
)
_LOG_GROUP_KEY = "CloudWatch Logs User Guide, 'Encrypt log data', step 3"

# What the local AWS can't notice and AWS documents as needed: policy, action and resource, and where AWS says so.
EXCEPTIONS = {
    ("execution role", "logs:CreateLogGroup", "logs:log-group:EtlLogGroup:*"): (
        "EMR Serverless User Guide, 'Logging', 'Required permissions for CloudWatch'. It is called only for a group "
        "that is not there."
    ),
    ("execution role", "kms:DescribeKey", "kms:key/LogGroupKey"): (
        f"{_LOG_GROUP_KEY}: who calls AssociateKmsKey. Without a condition there; here kms:Describe* covers it."
    ),
    ("execution role", "kms:Describe*", "kms:key/LogGroupKey"): (
        f"{_LOG_GROUP_KEY}: who calls PutLogEvents. Here kms:DescribeKey covers it."
    ),
    ("execution role", "aps:RemoteWrite", "aps:workspace/ws-11111111-2222-3333-4444-555555555555"): (
        "EMR Serverless User Guide, 'Monitor Spark metrics with Amazon Managed Service for Prometheus'. The local AWS "
        "has no workspaces, and without the permission metrics are missing, but no run fails."
    ),
    ("step", "emr-serverless:TagResource", "emr-serverless:/applications/Spark"): (
        "Service Authorization Reference of EMR Serverless: StartJobRun needs TagResource, whose resource may be an "
        "application or a run. On which of them it is asked for is not said, and the run is not there yet."
    ),
    ("step", "cloudformation:ListStackResources", f"cloudformation:stack/{STACK}"): (
        "The stack is being updated all the time; what is asked for after a rollback has a test of its own below."
    ),
    ("step's trust", "sts:AssumeRole", "*"): _LAMBDA_TRUST,
    ("start's trust", "sts:AssumeRole", "*"): _LAMBDA_TRUST,
    ("machine's trust", "sts:AssumeRole", "*"): _STATES_TRUST,
    ("step", "logs:GetLogEvents", f"logs:log-group:/{STACK}-*:*"): (
        "CloudFormation Template Reference, AWS::Logs::LogGroup: in the example of what Ref returns a slash is before "
        "the stack's name. The local AWS names groups without one."
    ),
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedStack]:
    """The stack of `permissions_app.py`, on a local AWS of its own whose drivers are plain Python."""
    folder: Path = tmp_path_factory.mktemp("permissions")
    (folder / "etl.py").write_text(SCRIPT)
    with LocalAws(server_command=SERVER_COMMAND) as aws:
        bootstrap(aws)
        synthesise_script(
            "permissions_app.py",
            folder / "cdk.out",
            PERMISSIONS_STACK=STACK,
            PERMISSIONS_SCRIPT=str(folder / "etl.py"),
        )
        # What the function that starts executions is refused, it is refused for good: IAM has no delay here.
        change_handler(
            folder / "cdk.out", "functions", line="_TOO_EARLY_SECONDS = 90", instead="_TOO_EARLY_SECONDS = 0"
        )
        deployed = deployment.DeployedStack(aws, STACK).deploy(folder / "cdk.out")
        assert deployed.succeeded, str(deployed)
        yield DeployedStack(aws=aws, name=STACK)


@pytest.fixture(scope="module")
def life(stack: DeployedStack) -> Life:
    return Life.of(stack)


def test_with_all_permissions_nothing_is_wrong(life: Life) -> None:
    life.run()
    life.leave()


def test_each_permission_is_needed(stack: DeployedStack, life: Life, capsys: pytest.CaptureFixture[str]) -> None:
    grants = [grant for policy in stack.policies() for grant in policy.grants()]
    noticed = {grant: what_is_wrong_without(grant, life) for grant in grants}
    keys = {grant: (grant.policy.name, grant.action, stack.short(grant.resource)) for grant in grants}
    with capsys.disabled():
        print(f"\n\nWithout one of the {len(grants)} permissions that the library grants:")
        for grant, what in noticed.items():
            exception = EXCEPTIONS.get(keys[grant])
            shown = what or (f"exception: {exception}" if exception else "NOTHING NOTICES IT")
            resource = shortened(keys[grant][2], 56)
            print(f"{grant.who:<52} {grant.action:<36} {resource:<56} {shortened(shown, 110)}")
    unnoticed = {keys[grant] for grant in grants if not noticed[grant]}
    assert unnoticed - EXCEPTIONS.keys() == set(), "nothing notices that they are missing"
    assert EXCEPTIONS.keys() - unnoticed == set(), "exceptions that are none: something notices them, or they are gone"


def test_an_encrypted_log_is_not_read_without_its_key(stack: DeployedStack) -> None:
    (group,) = (name for logical, name in stack.resources("AWS::Logs::LogGroup").items() if logical.startswith("Etl"))
    iam = stack.aws.client("iam")
    iam.create_user(UserName="reader")
    allowed = {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName="reader", PolicyName="reader", PolicyDocument=policy)
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    secrets = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    reader = stack.aws.client("logs", **secrets)
    stream = reader.describe_log_streams(logGroupName=group)["logStreams"][0]["logStreamName"]
    with pytest.raises(ClientError, match="not authorized to perform: kms:Decrypt on resource: arn:aws:kms:"):
        reader.get_log_events(logGroupName=group, logStreamName=stream)
    via_logs = {"StringEquals": {"kms:ViaService": f"logs.{stack.aws.region}.amazonaws.com"}}
    decrypt = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*", "Condition": via_logs}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed, decrypt]})
    iam.put_user_policy(UserName="reader", PolicyName="reader", PolicyDocument=policy)
    assert "events" in reader.get_log_events(logGroupName=group, logStreamName=stream)


def test_streams_come_back_only_if_the_stack_s_resources_may_be_listed(stack: DeployedStack, life: Life) -> None:
    stack.take_update_back()
    (grant,) = (
        grant
        for policy in stack.policies()
        for grant in policy.grants()
        if grant.action == "cloudformation:ListStackResources"
    )
    with grant.removed():
        assert not life.is_done_with_streams()
    assert life.is_done_with_streams()


def what_is_wrong_without(grant: Grant, life: Life) -> str:
    """Empty if nothing is."""
    try:
        with grant.removed():
            life.run()
            life.leave()
    except Noticed as noticed:
        return str(noticed)
    finally:
        life.end_runs()
    return ""


def shortened(text: str, length: int) -> str:
    """The text on one line, without what is the same in all of AWS's refusals."""
    text = " ".join(text.split())
    text = re.sub(r"(ClientError: )?An error occurred \(\w+\) when calling the \w+ operation: ", "", text)
    text = re.sub(r"User: \S+ is not|The execution role is not", "not", text)
    text = re.sub(r"Job run \w+ \(Etl\) of application \w+ FAILED", "the run FAILED", text)
    text = re.sub(r"(it is )?not authorized to perform: (\S+) on resource: .*", r"no \2", text)
    return text if len(text) <= length else f"{text[: length - 1]}…"
