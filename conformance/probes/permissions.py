"""Permissions: on which ARN an action is looked at, and which condition keys the service sends."""

from __future__ import annotations

from typing import Any

from conformance.account import Account
from conformance.facilities import (
    EMR_SERVERLESS,
    JOBS,
    READ_SCRIPTS,
    WRITE_LOGS,
    WRITE_S3_LOGS,
    Facility,
    allow,
    arn_of,
    key,
    role,
)
from conformance.probe import Chapter, Json, Noted, OneOf
from conformance.probes.outcomes import details, states
from conformance.recording import in_plain_words

chapter = Chapter("permissions")

_GUIDE = "https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide"
_APPLICATION = arn_of("emr-serverless", "/applications/${Application}")
_ITS_RUNS = arn_of("emr-serverless", "/applications/${Application}/jobruns/*")
_ACCOUNT = {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}
_START = (
    allow("emr-serverless:StartJobRun", _APPLICATION),
    allow("emr-serverless:CancelJobRun", _ITS_RUNS),
    allow("iam:PassRole", {"Fn::GetAtt": "Role.Arn"}),
)
_TAGGERS = Facility(
    what="two roles that may start job runs, and tag them on the ARN of the application or of the run",
    resources={
        "TagsApplication": role(*_START, allow("emr-serverless:TagResource", _APPLICATION), trusted=_ACCOUNT),
        "TagsJobRun": role(*_START, allow("emr-serverless:TagResource", _ITS_RUNS), trusted=_ACCOUNT),
    },
)
_TRUSTS_APPLICATIONS = Facility(
    what="an execution role that demands the ARN of an application of its caller",
    resources={
        "TrustsApplicationsRole": role(
            READ_SCRIPTS,
            trusted={"Service": EMR_SERVERLESS},
            condition={"ArnLike": {"aws:SourceArn": arn_of("emr-serverless", "/applications/*")}},
        )
    },
)


def _key_of_the_service(**condition: object) -> dict[str, object]:
    use = ["kms:Decrypt", "kms:GenerateDataKey"]
    return key(allow(use, "*", Principal={"Service": EMR_SERVERLESS}, Condition={"StringLike": condition}))


_ITS_APPLICATIONS = arn_of("emr-serverless", "/applications/*")
_LOG_KEYS = Facility(
    what="two keys for logs that demand the ARN or the account of their user, and a role that may use them",
    resources={
        "ArnKey": _key_of_the_service(**{"aws:SourceArn": _ITS_APPLICATIONS}),
        "AccountKey": _key_of_the_service(**{"aws:SourceAccount": {"Ref": "AWS::AccountId"}}),
        "KeyRole": role(
            READ_SCRIPTS,
            WRITE_S3_LOGS,
            allow(
                ["kms:Decrypt", "kms:GenerateDataKey"], [{"Fn::GetAtt": "ArnKey.Arn"}, {"Fn::GetAtt": "AccountKey.Arn"}]
            ),
            trusted={"Service": EMR_SERVERLESS},
        ),
    },
)
_LOG_GROUP_KEY_USE = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
_ENCRYPTED_GROUP = Facility(
    what="an encrypted log group with its key",
    resources={
        "GroupKey": key(
            allow(
                _LOG_GROUP_KEY_USE,
                "*",
                Principal={"Service": {"Fn::Sub": "logs.${AWS::Region}.${AWS::URLSuffix}"}},
                Condition={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": arn_of("logs", "*")}},
            )
        ),
        "EncryptedGroup": {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {"RetentionInDays": 1, "KmsKeyId": {"Fn::GetAtt": "GroupKey.Arn"}},
        },
        "GroupRole": role(
            READ_SCRIPTS,
            WRITE_LOGS[0],
            allow(
                ["logs:PutLogEvents", "logs:CreateLogStream", "logs:DescribeLogStreams"],
                arn_of("logs", "log-group:${EncryptedGroup}:*"),
            ),
            trusted={"Service": EMR_SERVERLESS},
        ),
    },
)


@chapter.probe(
    "On which ARN has who starts a tagged job run to be allowed emr-serverless:TagResource?",
    expected=OneOf(
        answers=(
            {"job run": "accepted", "application": "AccessDeniedException"},
            {"job run": "AccessDeniedException", "application": "accepted"},
            {"job run": "accepted", "application": "accepted"},
        )
    ),
    source="https://docs.aws.amazon.com/service-authorization/latest/reference/list_emr-serverless.html",
    needs=(_TAGGERS, *JOBS),
    runs=2,
)
def tagging_a_run(aws: Account) -> Json:
    """The run is not there yet when it is tagged. The project grants both."""
    roles = {"job run": "TagsJobRun", "application": "TagsApplication"}
    return {
        name: aws.attempt(client=aws.client_as(role, "emr-serverless"), may_be_denied=True)
        for name, role in roles.items()
    }


@chapter.probe(
    "Does the service send aws:SourceArn when it assumes an execution role?",
    expected=OneOf(answers=("SUCCESS", "FAILED")),
    source=f"{_GUIDE}/getting-started.html",
    needs=(_TRUSTS_APPLICATIONS, *JOBS),
    runs=1,
)
def trust_with_the_application(aws: Account) -> Json | Noted:
    """Public policies demand it, AWS's pages show aws:SourceAccount only. The project demands the latter."""
    run = aws.outcome(role=aws.role_arn("TrustsApplicationsRole"))
    return Noted(answer=run["state"], note=in_plain_words(run.get("stateDetails") or ""))


@chapter.probe(
    "Which of aws:SourceArn and aws:SourceAccount does the service send when it uses the key of logs?",
    expected=OneOf(
        answers=(
            {"aws:SourceArn": "SUCCESS", "aws:SourceAccount": "FAILED"},
            {"aws:SourceArn": "SUCCESS", "aws:SourceAccount": "SUCCESS"},
        )
    ),
    source=f"{_GUIDE}/jobs-log-encryption.html",
    needs=(_LOG_KEYS, *JOBS),
    runs=2,
)
def key_of_logs(aws: Account) -> Json | Noted:
    """The page shows aws:SourceArn, and that is what the project demands."""
    runs: dict[str, dict[str, Any]] = {}
    for condition, name in (("aws:SourceArn", "ArnKey"), ("aws:SourceAccount", "AccountKey")):
        logs = {**aws.s3_logs()["s3MonitoringConfiguration"], "encryptionKeyArn": aws.key_arn(name)}
        monitoring = {"s3MonitoringConfiguration": logs}
        runs[condition] = aws.outcome(role=aws.role_arn("KeyRole"), monitoring=monitoring)
    return Noted(answer=states(runs), note=details(runs))


@chapter.probe(
    "Does a run fail whose role may not use the key that its log group is encrypted with?",
    expected=OneOf(answers=("FAILED", "SUCCESS")),
    source="https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html",
    needs=(_ENCRYPTED_GROUP, *JOBS),
    runs=1,
)
def key_of_a_log_group(aws: Account) -> Json | Noted:
    """CloudWatch's page says that who writes needs the key. The project grants it."""
    run = aws.outcome(role=aws.role_arn("GroupRole"), monitoring=aws.cloudwatch_logs("EncryptedGroup"))
    return Noted(answer=run["state"], note=in_plain_words(run.get("stateDetails") or ""))


@chapter.probe(
    "Does a run with an execution policy that says nothing of logs fail to write them?",
    expected="FAILED",
    source=f"{_GUIDE}/jobs-cli-execution.html",
    needs=JOBS,
    runs=1,
)
def execution_policy_without_logs(aws: Account) -> Json | Noted:
    """The policy and the role's intersect, says the page; whether for the service's own writing too, it does not."""
    bucket = aws.physical_id("Bucket")
    arns = [f"arn:{aws.partition}:s3:::{bucket}", f"arn:{aws.partition}:s3:::{bucket}/*"]
    statements = ",".join(
        f'{{"Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],"Resource":"{arn}"}}' for arn in arns
    )
    policy = f'{{"Version":"2012-10-17","Statement":[{statements}]}}'
    run = aws.outcome(executionIamPolicy={"policy": policy}, monitoring=aws.cloudwatch_logs())
    return Noted(answer=run["state"], note=in_plain_words(run.get("stateDetails") or ""))
