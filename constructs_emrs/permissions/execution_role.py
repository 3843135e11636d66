"""What execution roles are allowed."""

import functools
import json
from collections.abc import Mapping
from typing import cast
from weakref import WeakKeyDictionary

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from ..validation.cdk_cache import node_of, path_of, stack_of
from .acknowledgements import Statement, acknowledge_execution_role
from .arns import EMR_SERVERLESS, account_id, all_log_groups, arn_of_objects, key_arn, region, url_suffix, via_service
from .missing import Missing
from .policies import INLINE_POLICIES, SHARE_LESS, Permission, Policies, length_of_resource, merged
from .resource_policies import allow_using
from .submitter import grant, grants

_USE_KEY = ["kms:Decrypt", "kms:GenerateDataKey"]
_USE_LOG_KEY = ["kms:Encrypt", "kms:ReEncrypt*", "kms:Decrypt", "kms:GenerateDataKey*", "kms:Describe*"]


def new_execution_role(job: Construct, construct_id: str, stack: Stack) -> iam.Role:
    """A role that EMR Serverless may assume for this account; what it is allowed waits for `allow_collected`.

    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/getting-started.html#gs-runtime-role
    """
    role = iam.Role(
        job,
        construct_id,
        assumed_by=_service_for_this_account(),
    )
    _role_statements[role] = _RoleStatements(role, stack, is_immutable=False, collects=True)
    return role


def allow_collected(role: iam.IRole) -> None:
    """Allow the role what was collected for it, if it is a new one."""
    if role in _role_statements:
        _role_statements[role].allow_collected()


@functools.cache
def _service_for_this_account() -> iam.ServicePrincipal:
    return iam.ServicePrincipal(EMR_SERVERLESS, conditions={"StringEquals": {"aws:SourceAccount": account_id()}})


def allow_reading(bucket: s3.IBucket, key: str, grantee: iam.IGrantable) -> None:
    """Allow the grantee to read the object with that key; `IBucket.grant_read` allows more.

    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-spark.html#spark-defaults-executionRoleArn
    """
    arn_of_object = bucket.arn_for_objects(key)
    known = _read.setdefault(grantee, set())
    # Each asset has a bucket of its own, which is the same one when it is deployed.
    written = json.dumps(stack_of(bucket).resolve(arn_of_object))
    if written not in known:
        known.add(written)
        if isinstance(grantee, iam.Role):
            _statements_of(grantee).allow("", ["s3:GetObject"], [arn_of_object], None)
        else:
            grant(grantee, [Permission(actions=("s3:GetObject",), resources=(arn_of_object,))])
        if bucket.encryption_key is not None:
            bucket.encryption_key.grant_decrypt(grantee)


def allow(role: iam.IRole, sid: str, actions: list[str], resources: list[str]) -> list[Missing]:
    """Allow a role actions on resources, in the statement of that id; what it does not take is returned."""
    return [(role, statement) for statement in _statements_of(role).allow(sid, actions, resources, None)]


# What roles may read already, which many jobs may share.
_read: WeakKeyDictionary[iam.IGrantable, set[str]] = WeakKeyDictionary()


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
        self._allow("ListLogGroups", ["logs:DescribeLogGroups"], [all_log_groups(stack)])
        actions = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        self._allow("WriteLogs", actions, log_group_arns)

    def use_log_group_key(self, group_key_arn: str) -> None:
        """Write to a log group that is encrypted with the key.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
        """
        self._allow("UseLogGroupKey", _USE_LOG_KEY, [group_key_arn], conditions=via_service("logs"))

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
            f"logs.{region()}.{url_suffix()}",
            _USE_LOG_KEY,
            {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": encrypted_arns}},
        )

    def encrypt_logs(self, key: kms.IKey) -> None:
        """Use the key for managed logs and S3 logs.

        https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-log-encryption.html
        """
        self._allow("Encrypt", _USE_KEY, [key_arn(key)])
        # The page shows aws:SourceArn alone, which has the account: who knows whether aws:SourceAccount is sent.
        self._allow_service(key, EMR_SERVERLESS, _USE_KEY, self._for_the_application())

    def encrypt_disks(self, key: kms.IKey) -> None:
        """Use the key for local disks, whose encryption the service binds to the application.

        https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/disk-encryption-cmk.html
        """
        self._allow("Encrypt", _USE_KEY, [key_arn(key)])
        equal = {"aws:SourceAccount": [account_id()]}
        if self._application_id is not None:
            equal["kms:EncryptionContext:applicationId"] = [self._application_id]
        self._allow_service(key, EMR_SERVERLESS, _USE_KEY, {**self._for_the_application(), "StringEquals": equal})

    def write_bucket(self, bucket: s3.IBucket, prefix: str) -> None:
        """Write S3 logs below the prefix.

        https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/logging.html#jobs-log-storage-s3-buckets
        """
        self._allow("WriteS3Logs", ["s3:PutObject"], [arn_of_objects(bucket, prefix)])

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
        self.missing += [(key, statement) for statement in allow_using(key, service, actions, conditions)]


class _RoleStatements:
    """The statements that jobs added to one role, which may be shared by many.

    A role of this app is given what is beyond some thousand characters in policies that are packed: the CDK takes each
    reference for 150 characters, and moves whole statements.
    """

    _MOST_RESOURCES = 20
    _MOST_UNPACKED = 5_000

    def __init__(self, role: iam.IRole, stack: Stack, *, is_immutable: bool, collects: bool = False) -> None:
        self._role = role
        self._collected: list[Permission] | None = [] if collects else None
        self._is_immutable = is_immutable
        self._known: dict[str, set[str]] = {}
        self._statements: dict[str, list[tuple[iam.PolicyStatement, int]]] = {}
        self._all: list[Statement] = []
        self._length = 0
        acknowledge_execution_role(stack, role, self._all)

    def allow(
        self, sid: str, actions: list[str], resources: list[str], conditions: Mapping[str, Mapping[str, str]] | None
    ) -> list[iam.PolicyStatement]:
        """Allow it; the statements that the role does not take are returned.

        Resources are added to the statement that is there.

        Raises:
            ValueError: IAM would not let the role have that much.
        """
        if sid:
            self._all.append(Statement(sid, actions, resources))
        known = self._known.setdefault(sid, set())
        new = [arn for arn in resources if arn not in known]
        if not new:
            return []
        known.update(new)
        self._length += sum(length_of_resource(arn, tuple(actions)) for arn in new)
        self._check_length()
        permission = Permission(actions=tuple(actions), resources=tuple(new), conditions=conditions)
        if isinstance(self._role, iam.Role) and self._length > self._MOST_UNPACKED:
            self._pack(permission)
            return []
        if self._collected is not None:
            self._collected.append(permission)
            return []
        statements = self._statements.setdefault(sid, [])
        if statements and statements[-1][1] + len(new) <= self._MOST_RESOURCES:
            statement, count = statements[-1]
            statement.add_resources(*new)
            statements[-1] = (statement, count + len(new))
            return []
        statement = iam.PolicyStatement(actions=actions, resources=new, conditions=conditions)
        statements.append((statement, len(new)))
        return [] if self._add(statement) and not self._is_immutable else [statement]

    def allow_collected(self) -> None:
        """Add what was collected to the role; what is allowed from now on is added at once, as to any other role."""
        collected, self._collected = self._collected, None
        if collected:
            grants(self._role, merged(collected))

    def _check_length(self) -> None:
        # What the CDK gives an imported role is one inline policy.
        if self._length > INLINE_POLICIES and not self._is_immutable and not isinstance(self._role, iam.Role):
            size = f"more than {self._length:,} characters of the {INLINE_POLICIES:,} that IAM allows"
            raise ValueError(f"{path_of(self._role)}: the policy of this imported role would have {size}; {SHARE_LESS}")

    def _pack(self, permission: Permission) -> None:
        try:
            self._packed.allow([permission])
        except ValueError as error:
            raise ValueError(f"{path_of(self._role)}: the role would have {error}; {SHARE_LESS}") from None

    @functools.cached_property
    def _packed(self) -> Policies:
        return Policies(cast("iam.Role", self._role), "EMRServerlessJobs", is_shared=True)

    def _add(self, statement: iam.PolicyStatement) -> bool:
        if isinstance(self._role, iam.Role):
            # The same as below, in one round trip to Node.js instead of three.
            return self._role.add_to_policy(statement)
        return self._role.add_to_principal_policy(statement).statement_added


def _is_immutable(role: iam.IRole) -> bool:
    """Whether the role is one that the CDK does not change, but pretends to when it is asked.

    Such a role stands in front of the one that could be changed, which has its id with this prefix.
    """
    if isinstance(role, iam.Role):
        return False
    node = node_of(role)
    return node.scope is not None and node_of(node.scope).try_find_child(f"MutableRole{node.id}") is not None


_role_statements: WeakKeyDictionary[iam.IRole, _RoleStatements] = WeakKeyDictionary()


def _statements_of(role: iam.IRole) -> _RoleStatements:
    if role not in _role_statements:
        _role_statements[role] = _RoleStatements(role, stack_of(role), is_immutable=_is_immutable(role))
    return _role_statements[role]
