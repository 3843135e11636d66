"""Who needs which permissions for a job run: its execution role, the services, and who starts it."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from aws_cdk import Annotations, Aws, Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct, IConstruct

from ..handler import contract
from ..monitoring.key import key_arn
from ..validation.cdk_cache import arn, asked_once, node_of, path_of, stack_of
from .acknowledgements import Statement, acknowledge_execution_role
from .policies import INLINE_POLICIES, Permission, length

if TYPE_CHECKING:
    from ..applications.application import IApplication

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


def grant(grantee: iam.IGrantable, permissions: Iterable[Permission]) -> iam.Grant:
    """Allow somebody all of it."""
    grants = (
        iam.Grant.add_to_principal(
            grantee=grantee,
            actions=list(permission.actions),
            resource_arns=list(permission.resources),
            conditions=permission.conditions,
        )
        for permission in permissions
    )
    return functools.reduce(iam.Grant.combine, grants)


def starting(application: IApplication, execution_role_arn: str) -> list[Permission]:
    """To start job runs on the application with the execution role.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_emr-serverless.html
    """
    application_arn = application.application_arn
    to_service = {"StringEquals": {"iam:PassedToService": _SERVICE}}
    return [
        Permission(actions=("emr-serverless:StartJobRun",), resources=(application_arn,)),
        # The run that StartJobRun tags does not exist yet, so the permission can't name it. Whether the service asks
        # for it on the run or on the application is not documented.
        Permission(actions=("emr-serverless:TagResource",), resources=(application_arn, application.job_run_arns)),
        Permission(actions=("iam:PassRole",), resources=(execution_role_arn,), conditions=to_service),
    ]


def submitting(key: kms.IKey, *, for_logs: bool, for_disks: bool) -> list[Permission]:
    """To submit runs whose logs or disks are encrypted with the key; the service refuses it otherwise.

    A key for disks is described too, as the service asks whether it is symmetric and enabled; that it is used through
    the service only is documented for disks, not for logs.

    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-log-encryption.html
    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/disk-encryption-cmk.html
    """
    via_service = {"StringEquals": {"kms:ViaService": f"emr-serverless.{_region()}.amazonaws.com"}}
    arns, use = (key_arn(key),), ("kms:GenerateDataKey", "kms:Decrypt")
    permissions = [Permission(actions=use, resources=arns, conditions=None if for_logs else via_service)]
    if for_disks:
        permissions.append(Permission(actions=("kms:DescribeKey",), resources=arns))
    return permissions


def allow_reading(bucket: s3.IBucket, key: str, grantee: iam.IGrantable) -> None:
    """Let somebody read the object with that key; `IBucket.grant_read` allows more.

    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-spark.html#spark-defaults-executionRoleArn
    """
    arn_of_object = bucket.arn_for_objects(key)
    known = _read.setdefault(grantee, set())
    if arn_of_object not in known:
        known.add(arn_of_object)
        grant(grantee, [Permission(actions=("s3:GetObject",), resources=(arn_of_object,))])
        if bucket.encryption_key is not None:
            bucket.encryption_key.grant_decrypt(grantee)


# What roles may read already, which many jobs may share.
_read: WeakKeyDictionary[iam.IGrantable, set[str]] = WeakKeyDictionary()


def reading_s3_logs(bucket: s3.IBucket, prefix: str) -> list[Permission]:
    """To read the objects below the prefix.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    """
    permissions = [Permission(actions=("s3:GetObject",), resources=(bucket.arn_for_objects(_below(prefix)),))]
    if bucket.encryption_key is not None:
        permissions.append(Permission(actions=("kms:Decrypt",), resources=(key_arn(bucket.encryption_key),)))
    return permissions


def _below(prefix: str) -> str:
    return f"{prefix}/*" if prefix else "*"


def reading_log_group(log_group_arns: Sequence[str], group_key_arn: str | None) -> list[Permission]:
    """To read log groups, which may be encrypted with a key.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    """
    permissions = [Permission(actions=("logs:GetLogEvents",), resources=tuple(log_group_arns))]
    if group_key_arn is not None:
        permissions.append(Permission(actions=("kms:Decrypt",), resources=(group_key_arn,), conditions=_via_logs()))
    return permissions


def _via_logs() -> dict[str, dict[str, str]]:
    # KMS spells it so for all Regions: https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#viaService_table
    return {"StringEquals": {"kms:ViaService": f"logs.{_region()}.amazonaws.com"}}


def allow_pulling(application: Construct, repository: ecr.IRepository, application_arns: str) -> None:
    """Let EMR Serverless pull images of the repository for the applications.

    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/application-custom-image.html
    """
    statement = iam.PolicyStatement(
        sid="EMRServerless",
        principals=[_service_principal(_SERVICE)],
        actions=["ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer"],
        conditions={"ArnLike": {"aws:SourceArn": application_arns}},
    )
    if not repository.add_to_resource_policy(statement).statement_added:
        warn_of_missing(application, "image", repository, statement)


Missing = tuple[IConstruct, iam.PolicyStatement]
"""A role, key or repository that can't be changed from here, and a statement that its policy has to have."""


def warn_of_missing(scope: Construct, suffix: str, owner: IConstruct, statement: iam.PolicyStatement) -> None:
    """Say what has to be added by hand, once in a stack."""
    stack = stack_of(scope)
    text = json.dumps(stack.resolve(statement.to_statement_json()))
    said = _said.setdefault(stack, set())
    if (path_of(owner), text) not in said:
        said.add((path_of(owner), text))
        Annotations.of(scope).add_warning_v2(
            f"constructs-emrs:missing-permission-{suffix}",
            f"{path_of(scope)}: an imported role, key or repository can't be changed from here; the policy of "
            f"{path_of(owner)} has to have {text}",
        )


_said: WeakKeyDictionary[Stack, set[tuple[str, str]]] = WeakKeyDictionary()


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
        self.missing: list[Missing] = []
        """Roles and keys whose policies can't be changed from here, and what they lack."""

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
        equal = {"aws:SourceAccount": [_account_id()]}
        if self._application_id is not None:
            equal["kms:EncryptionContext:applicationId"] = [self._application_id]
        self._allow_service(key, _SERVICE, _USE_KEY, {**self._for_the_application(), "StringEquals": equal})

    def write_bucket(self, bucket: s3.IBucket, prefix: str) -> None:
        """Write S3 logs below the prefix.

        https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/logging.html#jobs-log-storage-s3-buckets
        """
        self._allow("WriteS3Logs", ["s3:PutObject"], [bucket.arn_for_objects(_below(prefix))])

    def write_metrics(self, workspace_arn: str) -> None:
        """Write metrics to the Prometheus workspace.

        https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/monitor-with-prometheus.html
        """
        self._allow("WriteMetrics", ["aps:RemoteWrite"], [workspace_arn])

    def _for_the_application(self) -> dict[str, dict[str, list[str]]]:
        return {"ArnLike": {"aws:SourceArn": [self._source_arn]}}

    def _allow(
        self, sid: str, actions: list[str], resources: list[str], *, conditions: dict[str, dict[str, str]] | None = None
    ) -> None:
        if self._role is not None:
            refused = _statements_of(self._role).allow(sid, actions, resources, conditions)
            self.missing += [(self._role, statement) for statement in refused]

    def _allow_service(
        self, key: kms.IKey, service: str, actions: list[str], conditions: Mapping[str, Mapping[str, list[str]]]
    ) -> None:
        policy = _key_policies.setdefault(key, _KeyPolicy(key))
        self.missing += [(key, statement) for statement in policy.allow(service, actions, conditions)]


class _KeyPolicy:
    """The statements that jobs added to the policy of one key, which many may share.

    One statement for each application would be more than the 32 KB that KMS allows from some hundred applications on:
    what differs in the values of conditions alone is one statement with all of them.
    """

    def __init__(self, key: kms.IKey) -> None:
        self._key = key
        self._statements: dict[str, tuple[iam.PolicyStatement, dict[str, dict[str, list[str]]]]] = {}
        self._refused: dict[str, list[iam.PolicyStatement]] = {}

    def allow(
        self, service: str, actions: list[str], conditions: Mapping[str, Mapping[str, list[str]]]
    ) -> list[iam.PolicyStatement]:
        """Allow it; the statements that the key does not take are returned."""
        keys = {operator: sorted(values) for operator, values in conditions.items()}
        kind = json.dumps([service, actions, keys], sort_keys=True)
        if kind in self._statements:
            self._add_values(*self._statements[kind], conditions)
            return []
        asked = json.dumps([kind, conditions], sort_keys=True)
        if asked not in self._refused:
            # No statement id: ids have to be unique in a policy.
            statement = iam.PolicyStatement(
                principals=[_service_principal(service)],
                actions=actions,
                resources=["*"],
                conditions={operator: _short(values) for operator, values in conditions.items()},
            )
            if self._key.add_to_resource_policy(statement).statement_added:
                known = {operator: dict(values) for operator, values in conditions.items()}
                self._statements[kind] = (statement, known)
                return []
            self._refused[asked] = [statement]
        return self._refused[asked]

    @staticmethod
    def _add_values(
        statement: iam.PolicyStatement,
        known: dict[str, dict[str, list[str]]],
        conditions: Mapping[str, Mapping[str, list[str]]],
    ) -> None:
        for operator, values in conditions.items():
            merged = {key: list(dict.fromkeys(known[operator][key] + value)) for key, value in values.items()}
            if merged != known[operator]:
                known[operator] = merged
                statement.add_condition(operator, _short(merged))


def _short(values: Mapping[str, list[str]]) -> dict[str, str | list[str]]:
    return {key: value[0] if len(value) == 1 else value for key, value in values.items()}


_key_policies: WeakKeyDictionary[kms.IKey, _KeyPolicy] = WeakKeyDictionary()


class _RoleStatements:
    """The statements that jobs added to one role, which may be shared by many."""

    # A statement can't be split over policies, which have a limit of 6,144 characters.
    _MOST_RESOURCES = 20

    def __init__(self, role: iam.IRole, stack: Stack, *, is_immutable: bool) -> None:
        self._role = role
        self._is_immutable = is_immutable
        self._known: dict[str, list[tuple[iam.PolicyStatement, set[str]]]] = {}
        self._all: list[Statement] = []
        self._length = 0
        acknowledge_execution_role(stack, role, self._all)

    def allow(
        self, sid: str, actions: list[str], resources: list[str], conditions: Mapping[str, Mapping[str, str]] | None
    ) -> list[iam.PolicyStatement]:
        """Allow it; the statements that the role does not take are returned.

        Resources are added to the statement that is there: statement ids have to be unique in a policy.

        Raises:
            ValueError: IAM would not let the role have that much.
        """
        self._all.append(Statement(sid, actions, resources))
        statements = self._known.setdefault(sid, [])
        new = [arn for arn in resources if not any(arn in known for _, known in statements)]
        if not new:
            return []
        self._length += sum(length(arn, tuple(actions)) + len('"",') for arn in new)
        self._check_length()
        if statements and len(statements[-1][1]) + len(new) <= self._MOST_RESOURCES:
            statement, known = statements[-1]
            statement.add_resources(*new)
            known.update(new)
            return []
        number = str(len(statements) + 1) if statements else ""
        statement = iam.PolicyStatement(sid=sid + number, actions=actions, resources=new, conditions=conditions)
        statements.append((statement, set(new)))
        return [] if self._add(statement) and not self._is_immutable else [statement]

    def _check_length(self) -> None:
        # The CDK spreads the statements of its own roles over policies, and warns when they are too many. What it gives
        # an imported role is one inline policy.
        if self._length > INLINE_POLICIES and not self._is_immutable and not isinstance(self._role, iam.Role):
            size = f"more than {self._length:,} characters of the {INLINE_POLICIES:,} that IAM allows"
            remedy = "let fewer jobs share it, or have them share keys and log groups"
            raise ValueError(f"{path_of(self._role)}: the policy of this imported role would have {size}; {remedy}")

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
