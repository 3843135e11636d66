"""What to run: one StartJobRun request, and the infrastructure that it needs."""

import functools
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jsii
from aws_cdk import Annotations, ITaggableV2, TagManager, TagType
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct, IConstruct

from ..applications.configuration import Configuration
from ..applications.interface import IApplication
from ..applications.request import configurations
from ..applications.settings import ApplicationType
from ..handler import contract
from ..monitoring.brought import check_brought, check_place
from ..monitoring.encryption import Encryption
from ..monitoring.monitoring import Monitoring
from ..monitoring.rules import check_encryption, check_monitoring
from ..monitoring.wiring import Wirer, arns_of_own_log_groups, key_arn_of, log_group_arn_of
from ..permissions.arns import application_arn, key_arn, role_arn
from ..permissions.execution_role import LoggingPermissions, allow_collected, new_execution_role
from ..permissions.missing import Missing, warn_of_missing
from ..permissions.policies import Permission
from ..permissions.submitter import grant, reading_log_group, reading_s3_logs, starting, submitting
from ..permissions.tables import allow_tables
from ..permissions.trust import check_trust
from ..validation.argument_names import explained
from ..validation.argument_types import check_types
from ..validation.cdk_cache import know_place, path_of, stack_of
from ..validation.json_types import JsonObject, JsonValue, without_none
from ..validation.late_checks import check_late
from ..validation.model import check_against_model
from ..validation.problems import Problems, warning
from ..validation.shapes import operation_shape
from ..validation.units import whole_minutes
from ..workflows.interface import JobDefinition, JobMode
from ..workflows.state_machine import JobStateMachine
from ._files import Files
from ._members import argument_of_member
from ._request import JobDriver, copied, execution_iam_policy_members, overridden, retry_policy_members, without_empty
from ._rules import request as rules
from ._rules.driver import check_driver
from ._rules.files import check_entry_point
from ._rules.tables import check_table_names
from .options import JobOptions
from .worst_case import WorstCase, worst_case

if TYPE_CHECKING:
    from aws_cdk.interfaces import aws_glue as glue


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
        flex_execution: bool | None = None,
        **options: Unpack[JobOptions],
    ) -> None:
        super().__init__(scope, construct_id)
        know_place(self, scope, construct_id)
        self._told_of_changes: list[Callable[[], None]] = []
        monitoring = options.get("monitoring") or Monitoring()
        encryption = options.get("encryption") or Encryption.customer_managed()
        retry_policy, execution_role = options.get("retry_policy"), options.get("execution_role")
        execution_iam_policy, job_name = options.get("execution_iam_policy"), options.get("job_name")
        path = path_of(self)
        self._stack = stack_of(self)
        problems = Problems(path)
        timeout_minutes = whole_minutes(problems, "execution_timeout", options.get("execution_timeout"))
        rules.check_engine(problems, application, engine)
        rules.check_retry_policy(problems, retry_policy)
        rules.check_execution_iam_policy(problems, self, execution_iam_policy)
        check_encryption(problems, encryption)
        check_monitoring(problems, monitoring)
        check_brought(problems, self._stack, monitoring=monitoring, encryption=encryption, role=execution_role)
        if execution_role is not None:
            check_trust(self, execution_role)

        self.application = application
        """Where the job runs."""
        self._engine = engine
        self.monitoring = monitoring
        """Where its logs and metrics go."""
        self.execution_role: iam.IRole = execution_role or new_execution_role(self, "Role", self._stack)
        """The role that the job's code runs with: the one that was brought, or one of its own."""
        self._execution_role_arn = role_arn(self.execution_role)
        # With all of its policies. What else is needed is named in the request.
        self._dependencies: list[IConstruct] = [self.execution_role]
        if monitoring.s3_logs is not None:
            self._dependencies.append(monitoring.s3_logs.bucket)
        permissions = self._permissions()
        wiring = Wirer(self, encryption, permissions, has_own_role=execution_role is None).wire(monitoring)
        self._keys = wiring.keys
        self._log_key_arns = wiring.log_key_arns
        self._allow_inherited_monitoring(monitoring, permissions)
        self._warn_of(permissions.missing)
        self._log_group = wiring.log_group
        self._encryption_key = wiring.encryption_key
        self._created_for_runs = [
            created
            for created, is_own in (
                (self.execution_role, execution_role is None),
                (self._log_group, monitoring.cloudwatch_logs.log_group is None),
                (self._encryption_key, encryption.key is None),
            )
            if created is not None and is_own
        ]
        self._warnings: dict[tuple[str, str, str], tuple[str, str]] = {}
        files = Files(self, problems, engine, self.execution_role)
        driver = self._job_driver(problems, files, options.get("application_configuration", ()))
        allow_collected(self.execution_role)
        self._file_names = files.names
        self._dependencies += files.buckets
        self._request: dict[str, Any] = without_none(
            {
                "applicationId": application.application_id,
                "executionRoleArn": self._execution_role_arn,
                "name": construct_id if job_name is None else job_name,
                "mode": mode.value,
                "executionTimeoutMinutes": timeout_minutes,
                "retryPolicy": retry_policy_members(retry_policy),
                "flexExecution": None if flex_execution is None else {"enabled": flex_execution},
                "executionIamPolicy": execution_iam_policy_members(self._stack, execution_iam_policy),
                "jobDriver": driver.members,
                "configurationOverrides": without_none(
                    {
                        "applicationConfiguration": configurations(driver.configuration) or None,
                        "monitoringConfiguration": wiring.monitoring_configuration,
                        "diskEncryptionConfiguration": wiring.disk_encryption_configuration,
                    }
                ),
            }
        )
        self._own_driver = copied(driver.members)
        self._check(problems, lambda member: driver.arguments.get(member) or argument_of_member(member))

    @abstractmethod
    def _job_driver(self, problems: Problems, files: Files, configuration: Sequence[Configuration]) -> JobDriver:
        """What the engine is asked for.

        Args:
            problems: Takes what is wrong with it.
            files: Takes the job's files.
            configuration: The argument `application_configuration`.
        """

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

    @functools.cached_property
    def _tags(self) -> TagManager:
        # Most jobs have no tags of their own, and each question is a round trip to Node.js.
        self._tell_of_change()
        return TagManager(TagType.MAP, contract.JOB_RUN_TYPE)

    @property
    def start_job_run_request(self) -> JsonObject:
        """The request with the service's own member names; tokens are unresolved. A copy: changing it has no effect."""
        return {**copied(self._request), "tags": self._tags.rendered_tags}

    @property
    def worst_case(self) -> WorstCase:
        """What one run may use at most: vCPU-hours and GB-hours, by its timeout, its workers and their number.

        Its `price` is what that costs, with prices that you give.
        """
        return worst_case(self._request, self.mode, self.application)

    @property
    def definition(self) -> JobDefinition:
        """What a run needs of the job, as it is now."""
        return JobDefinition(
            request=copied(self._request),
            # The CDK is not asked for tags when nothing has been tagged.
            tags=dict(self._tags.tag_values()) if "_tags" in vars(self) else {},
            starting=self._starting(),
            reading_logs=self._reading_logs(),
            file_names=self._file_names,
            dependencies=tuple(self._dependencies),
            created_for_runs=tuple(self._created_for_runs),
        )

    def when_changed(self, tell: Callable[[], None]) -> None:
        """Have it told whenever an override was added, and as soon as the runs may have tags.

        Args:
            tell: What is called, at once too where there may be tags already.
        """
        self._told_of_changes.append(tell)
        if "_tags" in vars(self):
            tell()

    def _tell_of_change(self) -> None:
        for tell in self._told_of_changes:
            tell()

    @functools.cached_property
    def state_machine(self) -> JobStateMachine:
        """The state machine that runs the job, made when it is first asked for.

        `JobSchedule` and `JobTrigger` start it, and so may you: the input of an execution is an object that may have
        `arguments`, a list of texts, and `cause`, a text that is the same for all executions that are to be one run.
        An execution ends with the run's state and state details as error and cause when the run fails; stopping it
        cancels the run. Who may start executions: `job.state_machine.grant_start_execution`.
        """
        return JobStateMachine(self, "StateMachine", job=self)

    def add_override(self, path: str, value: JsonValue) -> None:
        r"""Set a member of the request, for what no argument sets.

        Nothing is granted for it: grant what it needs to the job yourself.

        Args:
            path: Names of members, separated by dots, as the service spells them:
                `configurationOverrides.monitoringConfiguration`. A dot inside a name is written `\.`; a number is the
                position in a list.
            value: The value with the service's own types and member names, or None to remove the member. A structure
                without members is removed too.

        Raises:
            ValueError: There is no such member, or the request is not valid with that value.
        """
        problems = Problems(self.node.path)
        changed = overridden(problems, self._request, path, value)
        before, self._request = (self._request, self._warnings), changed
        try:
            self._check(problems, str)
        except ValueError:
            self._request, self._warnings = before
            raise
        self._request = without_empty(changed)
        self._tell_of_change()

    def _reading_logs(self) -> list[Permission]:
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
        """Allow a principal to start runs of this job: on its application, with its execution role and its keys.

        Args:
            grantee: The principal.
        """
        check_types(path_of(self), grantee=(grantee, iam.IGrantable))
        return grant(grantee, self._starting())

    def grant_catalog(
        self, database: "str | glue.IDatabaseRef", *, tables: Sequence[str] = ("*",), write: bool = False
    ) -> None:
        """Allow the job to use tables of the AWS Glue Data Catalog, in the stack's account and Region.

        Their data is granted apart from it: `bucket.grant_read(job)`. The job may look for the databases `default` and
        `global_temp` too, and make the first where there is none, as each job does that connects to the catalog. Where
        the database is governed by Lake Formation, grant it there as well. Names are those that the catalog stores, in
        lower case.

        Args:
            database: The database, or its name.
            tables: The names of tables; `*` in one stands for anything. Default: all tables of the database.
            write: Whether the job may also create, change and drop tables and partitions, and create the database.
                Default: it reads.

        Raises:
            ValueError: A name is not valid, or the database is of another account or Region.

        Source: https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/metastore-config.html
        """
        from aws_cdk.interfaces import aws_glue as glue  # noqa: PLC0415 - it takes long, and few jobs use it

        path = path_of(self)
        check_types(
            path,
            database=(database, str | glue.IDatabaseRef),
            tables=(tables, Sequence[str]),
            write=(write, bool),
        )
        name = database if isinstance(database, str) else database.database_ref.database_name
        problems = Problems(path)
        check_table_names(problems, name, tables)
        if not isinstance(database, str):
            check_place(problems, self._stack, "database", database)
        problems.raise_if_any()
        is_hive = self._engine is ApplicationType.HIVE
        self._warn_of(allow_tables(self.execution_role, self._stack, name, tables, write=write, is_hive=is_hive))
        if not isinstance(database, str):
            self._dependencies.append(database)

    def _starting(self) -> list[Permission]:
        permissions = starting(self.application.application_arn, self._execution_role_arn)
        for key in self._keys:
            for_logs, for_disks = key_arn(key) in self._log_key_arns, key is self._encryption_key
            permissions += submitting(key, for_logs=for_logs, for_disks=for_disks)
        return permissions

    def _permissions(self) -> LoggingPermissions:
        # An application that names keys in its own monitoring can't be named by their policies: it would be a circle.
        names_keys = self.application.monitoring is not None
        return LoggingPermissions(
            role=self.execution_role,
            source_arn=application_arn(self.application, "*") if names_keys else self.application.application_arn,
            application_id=None if names_keys else self.application.application_id,
        )

    def _warn_of(self, missing: Sequence[Missing]) -> None:
        """Say which statements have to be added by hand, to an imported role or key that can't be changed from here."""
        for number, (owner, statement) in enumerate(missing):
            warn_of_missing(self, str(number), owner, statement)

    def _allow_inherited_monitoring(self, monitoring: Monitoring, permissions: LoggingPermissions) -> None:
        """Give the role what S3 logs and metrics need that the application configures and the job does not replace."""
        inherited = self.application.monitoring
        if inherited is None:
            return
        if inherited.s3_logs is not None and monitoring.s3_logs is None:
            permissions.write_bucket(inherited.s3_logs.bucket, inherited.s3_logs.prefix.strip("/"))
            key = self.application.s3_logs_key
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

        said_before, self._warnings = self._warnings, {}

        def warn(member: str, value: Any, problem: str, remedy: str) -> None:
            # An override checks again what the arguments set, and they are spelt as before.
            said = member, str(value), problem
            self._warnings[said] = said_before.get(said) or warning(self, spelt(member), value, problem, remedy)

        check_against_model(self._request, operation_shape("StartJobRun"), report)
        if self._engine is ApplicationType.SPARK and not problems.mentions("entry_point"):
            check_entry_point(self._request, report)
        rules.check_request(self._request, self._engine, self.application.release_label, report)
        is_by_hand = self._request.get("jobDriver") != self._own_driver
        check_driver(self._request, self.application, by_hand=is_by_hand, report=report_once, warn=warn)
        problems.raise_if_any()
        if self._warnings and not said_before:
            check_late(self, self._say_warnings)

    def _say_warnings(self) -> None:
        """Say what is still true when nothing is changed any more; the CDK says a text once."""
        for name, text in self._warnings.values():
            Annotations.of(self).add_warning_v2(name, text)
