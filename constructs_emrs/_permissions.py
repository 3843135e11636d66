"""Who needs which permissions for a job run: its execution role, the services, and who starts it."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from aws_cdk import Aws, Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct, IConstruct

from ._acknowledgements import Statement, acknowledge_execution_role
from ._key import key_arn
from ._tree import arn, asked_once, node_of, stack_of
from .handler import contract

if TYPE_CHECKING:
    from .application import IApplication

_SERVICE = "emr-serverless.amazonaws.com"
_USE_KEY = ["kms:Decrypt", "kms:GenerateDataKey"]
_USE_LOG_KEY = ["kms:Encrypt", "kms:ReEncrypt*", "kms:Decrypt", "kms:GenerateDataKey*", "kms:Describe*"]


@functools.cache
def _account_id() -> str:
    return Aws.ACCOUNT_ID


@functools.cache
def _region() -> str:
    return Aws.REGION


@functools.cache
def _url_suffix() -> str:
    return Aws.URL_SUFFIX


def new_execution_role(job: Construct, construct_id: str, job_path: str, stack: Stack) -> iam.Role:
    """A role that EMR Serverless may assume for this account.

    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/getting-started.html#gs-runtime-role
    """
    role = iam.Role(
        job,
        construct_id,
        description=f"Runs the EMR Serverless job {job_path}",
        assumed_by=_service_for_this_account(),
    )
    _role_statements[role] = _RoleStatements(role, stack, is_immutable=False)
    return role


@asked_once
def role_arn(role: iam.IRole) -> str:
    """The role's ARN."""
    return role.role_arn


@functools.cache
def _service_for_this_account() -> iam.ServicePrincipal:
    return iam.ServicePrincipal(_SERVICE, conditions={"StringEquals": {"aws:SourceAccount": _account_id()}})


@functools.cache
def _service_principal(service: str) -> iam.ServicePrincipal:
    return iam.ServicePrincipal(service)


def combined(grants: Sequence[iam.Grant]) -> iam.Grant:
    """The grants as one."""
    return functools.reduce(iam.Grant.combine, grants)


def allow(
    grantee: iam.IGrantable,
    actions: list[str],
    resource_arns: list[str],
    conditions: Mapping[str, Mapping[str, object]] | None = None,
) -> iam.Grant:
    """Allow it, once: jobs ask for much of the same for the one who starts them all."""
    known = _grants.setdefault(grantee, {})
    key = json.dumps([actions, resource_arns, conditions])
    if key not in known:
        known[key] = iam.Grant.add_to_principal(
            grantee=grantee, actions=actions, resource_arns=resource_arns, conditions=conditions
        )
    return known[key]


_grants: WeakKeyDictionary[iam.IGrantable, dict[str, iam.Grant]] = WeakKeyDictionary()


def allow_starting(application: IApplication, grantee: iam.IGrantable, execution_role_arn: str) -> list[iam.Grant]:
    """Let somebody start job runs on the application with the execution role.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_emr-serverless.html
    """
    start = allow(grantee, ["emr-serverless:StartJobRun"], [application.application_arn])
    # The run that StartJobRun tags does not exist yet, so the permission can't name it. Whether the service asks for it
    # on the run or on the application is not documented.
    tag = allow(grantee, ["emr-serverless:TagResource"], [application.application_arn, application.job_run_arns])
    to_service = {"StringEquals": {"iam:PassedToService": _SERVICE}}
    return [start, tag, allow(grantee, ["iam:PassRole"], [execution_role_arn], to_service)]


def allow_submitting(key: kms.IKey, grantee: iam.IGrantable, *, for_logs: bool, for_disks: bool) -> list[iam.Grant]:
    """Let somebody submit runs whose logs or disks are encrypted with the key; the service refuses it otherwise.

    A key for disks is described too, as the service asks whether it is symmetric and enabled; that it is used through
    the service only is documented for disks, not for logs.

    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-log-encryption.html
    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/disk-encryption-cmk.html
    """
    via_service = {"StringEquals": {"kms:ViaService": f"emr-serverless.{_region()}.amazonaws.com"}}
    arns = [key_arn(key)]
    use, describe = ["kms:GenerateDataKey", "kms:Decrypt"], ["kms:DescribeKey"]
    if for_logs:
        return [allow(grantee, use + describe if for_disks else use, arns)]
    used = allow(grantee, use, arns, via_service)
    return [used, allow(grantee, describe, arns)] if for_disks else [used]


def allow_reading(bucket: s3.IBucket, key: str, grantee: iam.IGrantable) -> None:
    """Let somebody read the objects with that key, which may be a pattern; `IBucket.grant_read` allows more.

    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-spark.html#spark-defaults-executionRoleArn
    """
    allow(grantee, ["s3:GetObject"], [bucket.arn_for_objects(key)])
    if bucket.encryption_key is not None:
        bucket.encryption_key.grant_decrypt(grantee)


def allow_reading_log_group(log_group_arns: Sequence[str], group_key_arn: str | None, grantee: iam.IGrantable) -> None:
    """Let somebody read log groups, which may be encrypted with a key.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    """
    allow(grantee, ["logs:GetLogEvents"], list(log_group_arns))
    if group_key_arn is not None:
        allow(grantee, ["kms:Decrypt"], [group_key_arn], _via_logs())


def _via_logs() -> dict[str, dict[str, str]]:
    # KMS spells it so for all Regions: https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#viaService_table
    return {"StringEquals": {"kms:ViaService": f"logs.{_region()}.amazonaws.com"}}


def allow_pulling(repository: ecr.IRepository, application_arns: str) -> None:
    """Let EMR Serverless pull images of the repository for the applications.

    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/application-custom-image.html
    """
    repository.add_to_resource_policy(
        iam.PolicyStatement(
            sid="EMRServerless",
            principals=[_service_principal(_SERVICE)],
            actions=["ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer"],
            conditions={"ArnLike": {"aws:SourceArn": application_arns}},
        )
    )


class LoggingPermissions:
    """Adds to an execution role, and to the policies of keys, what logs, metrics and encrypted disks need."""

    def __init__(self, *, role: iam.IRole | None, source_arn: str, application_id: str | None) -> None:
        """Collect permissions.

        Args:
            role: The execution role; None for what an application configures for roles that are not known here.
            source_arn: Which applications EMR Serverless may use the keys for: an ARN or a pattern.
            application_id: The id of the application, None if keys may not name it.
        """
        self._role = role
        self._source_arn = source_arn
        self._application_id = application_id
        self.missing: list[iam.PolicyStatement] = []
        """Statements for roles and keys whose policies can't be changed from here."""

    def write_log_group(self, log_group_arns: list[str], stack: Stack) -> None:
        """Write driver logs to groups.

        https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/logging.html#jobs-log-storage-cw
        """
        self._allow("ListLogGroups", ["logs:DescribeLogGroups"], [log_group_arn(stack, "*")])
        actions = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        self._allow("WriteLogs", actions, log_group_arns)

    def use_log_group_key(self, group_key_arn: str) -> None:
        """Write to a log group that is encrypted with the key.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
        """
        self._allow("UseLogGroupKey", _USE_LOG_KEY, [group_key_arn], conditions=_via_logs())

    def encrypt_log_group(self, log_group_arns: list[str], key: kms.IKey, encrypted_arns: list[str]) -> None:
        """Let the service give the groups the key, and CloudWatch Logs use the key for groups with ARNs like these.

        https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-log-encryption.html
        https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
        """
        self._allow("EncryptLogGroup", ["logs:AssociateKmsKey"], log_group_arns)
        self._allow("DescribeLogGroupKey", ["kms:DescribeKey"], [key_arn(key)])
        self.use_log_group_key(key_arn(key))
        self._allow_service(
            key,
            # As the CDK's region-info has it: in China the name of the service ends in .amazonaws.com.cn.
            f"logs.{_region()}.{_url_suffix()}",
            _USE_LOG_KEY,
            {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": encrypted_arns}},
        )

    def encrypt_logs(self, key: kms.IKey) -> None:
        """Use the key for managed logs and S3 logs.

        https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-log-encryption.html
        """
        self._allow("Encrypt", _USE_KEY, [key_arn(key)])
        # The page shows aws:SourceArn alone, which has the account: who knows whether aws:SourceAccount is sent.
        self._allow_service(key, _SERVICE, _USE_KEY, self._for_the_application())

    def encrypt_disks(self, key: kms.IKey) -> None:
        """Use the key for local disks, whose encryption the service binds to the application.

        https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/disk-encryption-cmk.html
        """
        self._allow("Encrypt", _USE_KEY, [key_arn(key)])
        equal = {"aws:SourceAccount": _account_id()}
        if self._application_id is not None:
            equal["kms:EncryptionContext:applicationId"] = self._application_id
        self._allow_service(key, _SERVICE, _USE_KEY, {**self._for_the_application(), "StringEquals": equal})

    def write_bucket(self, bucket: s3.IBucket, prefix: str) -> None:
        """Write S3 logs below the prefix.

        https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/logging.html#jobs-log-storage-s3-buckets
        """
        self._allow("WriteS3Logs", ["s3:PutObject"], [bucket.arn_for_objects(f"{prefix}/*" if prefix else "*")])

    def write_metrics(self, workspace_arn: str) -> None:
        """Write metrics to the Prometheus workspace.

        https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/monitor-with-prometheus.html
        """
        self._allow("WriteMetrics", ["aps:RemoteWrite"], [workspace_arn])

    def _for_the_application(self) -> dict[str, dict[str, str]]:
        return {"ArnLike": {"aws:SourceArn": self._source_arn}}

    def _allow(
        self, sid: str, actions: list[str], resources: list[str], *, conditions: dict[str, dict[str, str]] | None = None
    ) -> None:
        if self._role is not None:
            self.missing += _statements_of(self._role).allow(sid, actions, resources, conditions)

    def _allow_service(
        self, key: kms.IKey, service: str, actions: list[str], conditions: Mapping[str, Mapping[str, object]]
    ) -> None:
        refused = _refused_by_keys.setdefault(key, {})
        asked = json.dumps([service, actions, conditions])
        if asked not in refused:
            # No statement id: ids have to be unique in a policy.
            statement = iam.PolicyStatement(
                principals=[_service_principal(service)], actions=actions, resources=["*"], conditions=conditions
            )
            refused[asked] = [] if key.add_to_resource_policy(statement).statement_added else [statement]
        self.missing += refused[asked]


# What keys have been asked to allow, which is the same for many jobs, and the statements that they do not take.
_refused_by_keys: WeakKeyDictionary[kms.IKey, dict[str, list[iam.PolicyStatement]]] = WeakKeyDictionary()


class _RoleStatements:
    """The statements that jobs added to one role, which may be shared by many."""

    # A statement can't be split over policies, which have a limit of 6,144 characters.
    _MOST_RESOURCES = 20

    def __init__(self, role: iam.IRole, stack: Stack, *, is_immutable: bool) -> None:
        self._role = role
        self._is_immutable = is_immutable
        self._known: dict[str, list[tuple[iam.PolicyStatement, set[str]]]] = {}
        self._all: list[Statement] = []
        acknowledge_execution_role(stack, role, self._all)

    def allow(
        self, sid: str, actions: list[str], resources: list[str], conditions: Mapping[str, Mapping[str, str]] | None
    ) -> list[iam.PolicyStatement]:
        """Allow it; the statements that the role does not take are returned.

        Resources are added to the statement that is there: statement ids have to be unique in a policy.
        """
        self._all.append(Statement(sid, actions, resources))
        statements = self._known.setdefault(sid, [])
        new = [arn for arn in resources if not any(arn in known for _, known in statements)]
        if not new:
            return []
        if statements and len(statements[-1][1]) + len(new) <= self._MOST_RESOURCES:
            statement, known = statements[-1]
            statement.add_resources(*new)
            known.update(new)
            return []
        number = str(len(statements) + 1) if statements else ""
        statement = iam.PolicyStatement(sid=sid + number, actions=actions, resources=new, conditions=conditions)
        statements.append((statement, set(new)))
        return [] if self._add(statement) and not self._is_immutable else [statement]

    def _add(self, statement: iam.PolicyStatement) -> bool:
        if isinstance(self._role, iam.Role):
            # The same as below, in one round trip to Node.js instead of three.
            return self._role.add_to_policy(statement)
        return self._role.add_to_principal_policy(statement).statement_added


def _is_immutable(role: iam.IRole) -> bool:
    """Whether the role is one that the CDK does not change, but pretends to when it is asked.

    Such a role stands in front of the one that could be changed, which has its id with this prefix.
    """
    node = node_of(role)
    return node.scope is not None and node_of(node.scope).try_find_child(f"MutableRole{node.id}") is not None


_role_statements: WeakKeyDictionary[iam.IRole, _RoleStatements] = WeakKeyDictionary()


def _statements_of(role: iam.IRole) -> _RoleStatements:
    if role not in _role_statements:
        _role_statements[role] = _RoleStatements(role, stack_of(role), is_immutable=_is_immutable(role))
    return _role_statements[role]


def application_arn(scope: IConstruct, application_id: str) -> str:
    """The ARN of an application in the account and Region of the scope's stack."""
    return arn(stack_of(scope), contract.SERVICE, f"/applications/{application_id}")


def log_group_arn(stack: Stack, name: str) -> str:
    """The ARN of the stack's log groups with that name, which may be a pattern."""
    return arn(stack, "logs", f"log-group:{name}")
