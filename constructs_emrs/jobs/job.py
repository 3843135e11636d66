"""What to run: one StartJobRun request, and the infrastructure that it needs."""

import functools
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import jsii
from aws_cdk import Annotations, Aws, CfnResource, Duration, ITaggableV2, RemovalPolicy, TagManager, TagType
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct, IConstruct

from ..applications.application import IApplication
from ..applications.application_type import ApplicationType
from ..applications.configuration import Configuration
from ..applications.request import present
from ..handler import contract
from ..monitoring.brought import check_brought, check_trust
from ..monitoring.encryption import Encryption
from ..monitoring.key import key_arn
from ..monitoring.monitoring import Monitoring
from ..monitoring.wiring import arns_of_own_log_groups, key_arn_of, log_group_arn_of, wire_monitoring
from ..permissions.execution_role import (
    LoggingPermissions,
    Missing,
    application_arn,
    grant,
    new_execution_role,
    reading_log_group,
    reading_s3_logs,
    role_arn,
    starting,
    submitting,
    warn_of_missing,
)
from ..permissions.policies import Permission
from ..validation.argument_names import explained
from ..validation.argument_types import check_types
from ..validation.cdk_cache import child_path, node_of, path_of, stack_of
from ..validation.json_types import JsonObject, JsonValue
from ..validation.model_rules import check_against_model
from ..validation.problems import Problems
from ..validation.service_model import operation_shape
from ._rules import service as rules
from ._rules.driver import check_driver
from ._rules.files import check_entry_point, problem_of_entry_point, problem_of_uri
from .code import Code, UnusableCode, code_from, name_of_file
from .execution_iam_policy import ExecutionIamPolicy
from .job_mode import JobMode
from .members import argument_of
from .retry_policy import RetryPolicy

# An asset is uploaded under a SHA-256 hash. So many digits of it tell the files of a job apart.
_DIGITS_OF_HASH = 8
_DOT = re.compile(r"(?<!\\)\.")


@explained
@jsii.implements(iam.IGrantable, ITaggableV2)
class Job(Construct):
    """What is common to Spark and Hive jobs: execution role, log group, key, and the request.

    A job does not run by itself: `JobRun` runs it on deploy. Permissions for its data are granted to it like to any
    other principal: `bucket.grant_read(job)`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        engine: ApplicationType,
        application: IApplication,
        mode: JobMode,
        execution_timeout: Duration | None,
        retry_policy: RetryPolicy | None,
        execution_iam_policy: ExecutionIamPolicy | None,
        monitoring: Monitoring | None,
        encryption: Encryption | None,
        execution_role: iam.IRole | None,
        flex_execution: bool | None,
        job_name: str | None,
        job_driver: "Callable[[Job, Problems], tuple[JsonObject, Sequence[Configuration]]]",
    ) -> None:
        super().__init__(scope, construct_id)
        monitoring = monitoring or Monitoring()
        path = child_path(scope, construct_id)
        self._stack = stack_of(scope)
        problems = Problems(path)
        timeout_minutes = rules.whole_minutes(problems, "execution_timeout", execution_timeout)
        rules.check_engine(problems, application, engine)
        rules.check_retry_policy(problems, retry_policy)
        rules.check_execution_iam_policy(problems, self, execution_iam_policy)
        rules.check_encryption(problems, encryption)
        rules.check_monitoring(problems, monitoring)
        encryption = encryption or Encryption.customer_managed()
        check_brought(problems, self._stack, monitoring=monitoring, encryption=encryption, role=execution_role)
        if execution_role is not None:
            check_trust(self, execution_role)

        self.application = application
        """Where the job runs."""
        self._engine = engine
        self.monitoring = monitoring
        """Where its logs and metrics go."""
        self.execution_role: iam.IRole = execution_role or new_execution_role(self, "ExecutionRole", path, self._stack)
        """The role that the job's code runs with: the one that was brought, or one of its own."""
        self._execution_role_arn = role_arn(self.execution_role)
        self._prerequisites: list[IConstruct] = [self, self.execution_role, application]
        if monitoring.s3_logs is not None:
            self._prerequisites.append(monitoring.s3_logs.bucket)
        permissions = self._permissions()
        wiring = wire_monitoring(
            self,
            self._stack,
            monitoring=monitoring,
            encryption=encryption,
            permissions=permissions,
            has_own_role=execution_role is None,
        )
        self._keys = wiring.keys
        self._owns_key = encryption.key is None
        self._log_key_arns = wiring.log_key_arns
        self._allow_inherited_monitoring(monitoring, permissions)
        self._warn_of(permissions.missing)
        self._log_group = wiring.log_group
        self._encryption_key = wiring.encryption_key
        self._argument_of_property: dict[str, str] = {}
        self._file_names: dict[str, str] = {}
        self._warned: set[tuple[str, str, str]] = set()
        driver, configuration = job_driver(self, problems)
        self._request: dict[str, Any] = present(
            {
                "applicationId": application.application_id,
                "executionRoleArn": self._execution_role_arn,
                "name": construct_id if job_name is None else job_name,
                "mode": mode.value,
                "executionTimeoutMinutes": timeout_minutes,
                "retryPolicy": retry_policy.render() if retry_policy else None,
                "flexExecution": None if flex_execution is None else {"enabled": flex_execution},
                "executionIamPolicy": self._render_policy(execution_iam_policy),
                "jobDriver": driver,
                "configurationOverrides": present(
                    {
                        "applicationConfiguration": [item.render() for item in configuration] or None,
                        "monitoringConfiguration": wiring.monitoring_configuration,
                        "diskEncryptionConfiguration": wiring.disk_encryption_configuration,
                    }
                ),
            }
        )
        self._check(problems, self._argument_of)

    def _argument_of(self, member: str) -> str:
        """The argument that sets the member, which may be a property inside of a member."""
        return self._argument_of_property.get(member) or argument_of(member)

    @property
    def mode(self) -> JobMode:
        """How long a run is meant to take."""
        return JobMode.STREAMING if self._request.get("mode") == JobMode.STREAMING.value else JobMode.BATCH

    @property
    def grant_principal(self) -> iam.IPrincipal:
        """The execution role: what is granted to the job is granted to it."""
        return self.execution_role.grant_principal

    @property
    def log_group(self) -> logs.ILogGroup:
        """The log group that the driver writes to.

        Raises:
            ValueError: CloudWatch logs are disabled.
        """
        if self._log_group is None:
            raise ValueError(
                f"{self.node.path}: there is no log group, as monitoring.cloudwatch_logs are disabled; enable them"
            )
        return self._log_group

    @property
    def encryption_key(self) -> kms.IKey:
        """The key of logs and disks.

        Raises:
            ValueError: The keys belong to AWS: `Encryption.aws_owned()`.
        """
        if self._encryption_key is None:
            problem = "there is no key, as encryption is Encryption.aws_owned()"
            raise ValueError(f"{self.node.path}: {problem}; use Encryption.customer_managed(…)")
        return self._encryption_key

    @property
    def cdk_tag_manager(self) -> TagManager:
        """The tags of the job's runs: `Tags.of(scope).add` reaches them."""
        return self._tags

    def _tag_values(self) -> dict[str, str]:
        """The tags of the job; the CDK is not asked for them when nothing has been tagged."""
        return dict(self._tags.tag_values()) if "_tags" in vars(self) else {}

    @functools.cached_property
    def _tags(self) -> TagManager:
        # Most jobs have no tags of their own, and each question is a round trip to Node.js.
        return TagManager(TagType.MAP, contract.JOB_RUN_TYPE)

    @property
    def start_job_run_request(self) -> JsonObject:
        """The request with the service's own member names; tokens are unresolved. A copy: changing it has no effect."""
        return {**self._copy_of_request(), "tags": self._tags.rendered_tags}

    def _copy_of_request(self) -> dict[str, Any]:
        return cast("dict[str, Any]", _copy(self._request))

    def add_override(self, path: str, value: JsonValue) -> None:
        r"""Set a member of the request, for what no argument sets.

        Nothing is granted for it: grant what it needs to the job yourself.

        Args:
            path: Names of members, separated by dots, as the service spells them:
                `configurationOverrides.monitoringConfiguration`. A dot inside a name is written `\.`; a number is the
                position in a list.
            value: The value with the service's own types and member names, or None to remove the member.

        Raises:
            ValueError: There is no such member, or the request is not valid with that value.
        """
        problems = Problems(self.node.path)
        if not isinstance(path, str) or not path.strip("."):
            problems.add("path", path, "a dotted path of members is expected", "use a string such as 'retryPolicy'")
            problems.raise_if_any()
        if path.partition(".")[0] == "tags":
            problems.add("path", path, "tags are merged when the app is synthesised", "use Tags.of(job).add(…)")
            problems.raise_if_any()
        changed = self._copy_of_request()
        *outer, last = [part.replace("\\.", ".") for part in _DOT.split(path)]
        place: Any = changed
        for part in outer:
            place = (
                place[_index(place, part, problems, path)] if isinstance(place, list) else place.setdefault(part, {})
            )
            if not isinstance(place, dict | list):
                problems.add("path", path, f"{part} has no members", "use a path of members")
                problems.raise_if_any()
        if isinstance(place, list):
            place[_index(place, last, problems, path)] = value
        elif value is None:
            place.pop(last, None)
        else:
            place[last] = value
        before, self._request = self._request, changed
        try:
            self._check(problems, str)
        except ValueError:
            self._request = before
            raise

    def _retain(self) -> None:
        """Keep what was created for the job's runs when the stack is deleted: a run may go on after that."""
        owned: list[IConstruct] = [child for child in self.node.children if isinstance(child, iam.Role | logs.LogGroup)]
        if self._owns_key and self._encryption_key is not None:
            owned.append(self._encryption_key)
        for construct in owned:
            for resource in construct.node.find_all():
                if isinstance(resource, CfnResource):
                    resource.apply_removal_policy(RemovalPolicy.RETAIN)

    def _permissions_of_reading_logs(self) -> list[Permission]:
        """To read the driver's log, wherever it goes that can be read."""
        if self._log_group is not None:
            is_own = self.monitoring.cloudwatch_logs.log_group is None
            arns = arns_of_own_log_groups(self._stack) if is_own else [log_group_arn_of(self._log_group)]
            # Who may start the job may use the keys of its logs; a brought group may have another.
            is_named = is_own or self.monitoring.cloudwatch_logs.encryption_key is not None
            group_key_arn = None if is_named else key_arn_of(self._log_group)
            return reading_log_group(arns, None if group_key_arn in self._log_key_arns else group_key_arn)
        if self.monitoring.s3_logs is not None:
            return reading_s3_logs(self.monitoring.s3_logs.bucket, self.monitoring.s3_logs.prefix.strip("/"))
        return []

    def grant_start(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let somebody start runs of this job: on its application, with its execution role and its keys.

        Args:
            grantee: Who may.
        """
        check_types(path_of(self), grantee=(grantee, iam.IGrantable))
        return grant(grantee, self._permissions_of_starting())

    def _permissions_of_starting(self) -> list[Permission]:
        permissions = starting(self.application, self._execution_role_arn)
        for key in self._keys:
            for_logs, for_disks = key_arn(key) in self._log_key_arns, key is self._encryption_key
            permissions += submitting(key, for_logs=for_logs, for_disks=for_disks)
        return permissions

    @property
    def prerequisites(self) -> Sequence[IConstruct]:
        """What has to be there before a run starts, with its policies, and until it ended."""
        return tuple(self._prerequisites)

    def _permissions(self) -> LoggingPermissions:
        # An application that names keys in its own monitoring can't be named by their policies: it would be a circle.
        names_keys = getattr(self.application, "monitoring", None) is not None
        return LoggingPermissions(
            role=self.execution_role,
            source_arn=application_arn(self.application, "*") if names_keys else self.application.application_arn,
            application_id=None if names_keys else self.application.application_id,
        )

    def _warn_of(self, missing: Sequence[Missing]) -> None:
        """Say which statements have to be added by hand, to an imported role or key that can't be changed from here."""
        for number, (owner, statement) in enumerate(missing):
            warn_of_missing(self, str(number), owner, statement)

    def _warn(self, argument: str, value: Any, problem: str, remedy: str) -> None:
        """Say at synth what may be wrong, in the words of an error."""
        text = Problems(self.node.path)
        text.add(argument, value, problem, remedy)
        Annotations.of(self).add_warning_v2(f"constructs-emrs:{argument}", str(text))

    def _allow_inherited_monitoring(self, monitoring: Monitoring, permissions: LoggingPermissions) -> None:
        """Give the role what S3 logs and metrics need that the application configures and the job does not replace."""
        inherited: Monitoring | None = getattr(self.application, "monitoring", None)
        if inherited is None:
            return
        if inherited.s3_logs is not None and monitoring.s3_logs is None:
            permissions.write_bucket(inherited.s3_logs.bucket, inherited.s3_logs.prefix.strip("/"))
            key: kms.IKey | None = getattr(self.application, "_s3_log_key", None)
            if key is not None:
                permissions.encrypt_logs(key)
                self._keys.append(key)
                self._log_key_arns.add(key_arn(key))
        if inherited.prometheus is not None and monitoring.prometheus is None:
            permissions.write_metrics(inherited.prometheus.workspace_arn)

    def _check(self, problems: Problems, spelt: Callable[[str], str]) -> None:
        """Check the request against the service's model and rules, and raise all that is wrong with it.

        Args:
            problems: What is known to be wrong already.
            spelt: How the user spelt a member: as an argument, or as itself in an override.
        """

        def report(member: str, value: Any, problem: str, remedy: str) -> None:
            problems.add(spelt(member), value, problem, remedy)

        def report_once(member: str, value: Any, problem: str, remedy: str) -> None:
            # The size of a worker that is an argument has been checked as such.
            if not problems.mentions(spelt(member)) or "[" in spelt(member):
                report(member, value, problem, remedy)

        def warn(member: str, value: Any, problem: str, remedy: str) -> None:
            # An override checks again what the arguments set.
            if (member, str(value), problem) not in self._warned:
                self._warned.add((member, str(value), problem))
                self._warn(spelt(member), value, problem, remedy)

        check_against_model(self._request, operation_shape("StartJobRun"), report)
        if self._engine is ApplicationType.SPARK and not problems.mentions("entry_point"):
            check_entry_point(self._request, report)
        release = getattr(self.application, "release_label", None)
        rules.check_request(self._request, self._engine, release, report)
        inherited = getattr(self.application, "runtime_configuration", None)
        check_driver(
            self._request,
            release,
            inherited,
            maximum=getattr(self.application, "maximum_capacity", None),
            by_hand=spelt is str,
            report=report_once,
            warn=warn,
        )
        problems.raise_if_any()

    def _render_policy(self, policy: ExecutionIamPolicy | None) -> dict[str, Any] | None:
        if policy is None:
            return None
        document = policy.document
        arns = [managed.managed_policy_arn for managed in policy.managed_policies]
        return present(
            {
                "policy": None if document is None else self._stack.to_json_string(document),
                "policyArns": arns or None,
            }
        )

    def _bind(
        self,
        problems: Problems,
        argument: str,
        construct_id: str,
        given: Code | str | Path | None,
        *,
        is_module: bool = False,
    ) -> str | None:
        """The URI of a file, readable by the job; notes a file that can't be used."""
        if given is None:
            return None
        code = code_from(given)
        if code.bucket is not None:
            self._prerequisites.append(code.bucket)
        bind = code.bind_module if is_module else code.bind
        try:
            uri = bind(self, construct_id, self.execution_role)
        except UnusableCode as error:
            problems.add_written(argument, repr(code), error.problem, error.remedy)
            # It has been noted what is wrong with the file. That it has no URI is not to be noted too.
            return Aws.NO_VALUE
        if name := name_of_file(code, is_module=is_module):
            asset = cast("s3_assets.Asset", node_of(self).find_child(construct_id))
            self._file_names[asset.asset_hash[:_DIGITS_OF_HASH]] = name
        problem_of = problem_of_entry_point if argument == "entry_point" else problem_of_uri
        if self._engine is ApplicationType.SPARK and (problem := problem_of(uri)):
            problems.add_written(argument, repr(code), *problem)
        return uri

    def _bind_all(
        self,
        problems: Problems,
        argument: str,
        construct_id: str,
        codes: Sequence[Code | str | Path],
        *,
        are_modules: bool = False,
    ) -> list[str]:
        uris = [
            self._bind(problems, f"{argument}[{position}]", f"{construct_id}{position}", code, is_module=are_modules)
            for position, code in enumerate(codes)
        ]
        return [uri for uri in uris if uri is not None]


def _index(items: list[Any], part: str, problems: Problems, path: str) -> int:
    if not part.isdigit() or int(part) >= len(items):
        problems.add("path", path, f"{part} is no position in a list of {len(items)}", "use a number below that")
        problems.raise_if_any()
    return int(part)


def _copy(value: Any) -> Any:
    """A copy of a request that keeps tokens, which `copy.deepcopy` would try to copy through jsii."""
    if isinstance(value, dict):
        return {name: _copy(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_copy(item) for item in value]
    return value
