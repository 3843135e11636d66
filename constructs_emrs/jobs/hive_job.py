"""A Hive job: which query is to run."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from constructs import Construct

from ..applications.configuration import Configuration
from ..applications.interface import IApplication
from ..applications.settings import ApplicationType
from ..monitoring.encryption import Encryption
from ..monitoring.monitoring import Monitoring
from ..validation.argument_names import explained
from ..validation.argument_types import checked
from ..validation.json_types import JsonObject
from ..validation.problems import Problems
from ._classification import Setting, check_not_contradicted, is_carried, properties_of, with_settings
from ._parameters import needs_quotes
from .code import Code
from .job import Job
from .options import ExecutionIamPolicy, JobMode, RetryPolicy

# https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-hive.html
_HIVE_SITE = "hive-site"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# The page's table of properties has hive.driver.cores, .memory and .disk; an example of another page has these.
# https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-hive.html#hive-defaults
_NO_SIZE = "hive.client."
_REQUIRED_CONF = ("hive.exec.scratchdir", "hive.metastore.warehouse.dir")


@explained
class HiveJob(Job):
    """A Hive job for an EMR Serverless application, with the role, log group and key that it needs.

    Example:
        >>> query = HiveJob(stack, "Query", application=hive, query=Code.from_asset("queries/daily.sql"),
        ...                 hive_conf={"hive.exec.scratchdir": "s3://lake/scratch",
        ...                            "hive.metastore.warehouse.dir": "s3://lake/warehouse"})

    Source: https://docs.aws.amazon.com/emr-serverless/latest/APIReference/API_Hive.html
    """

    @checked
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        application: IApplication,
        query: Code | str | Path,
        init_query: Code | str | Path | None = None,
        hive_conf: Mapping[str, str] | None = None,
        hive_variables: Mapping[str, str] | None = None,
        execution_timeout: Duration | None = None,
        retry_policy: RetryPolicy | None = None,
        execution_iam_policy: ExecutionIamPolicy | None = None,
        application_configuration: Sequence[Configuration] = (),
        monitoring: Monitoring | None = None,
        encryption: Encryption | None = None,
        execution_role: iam.IRole | None = None,
        job_name: str | None = None,
    ) -> None:
        """Create the job.

        Args:
            scope: The construct that the job is part of.
            construct_id: The id of the job in its scope.
            application: Where the job runs.
            query: The file with the query. A string or path is a local file, here and for `init_query`.
            init_query: A file that is run before the query. Default: none.
            hive_conf: Hive properties, as `--hiveconf`. `hive.exec.scratchdir` and `hive.metastore.warehouse.dir` are
                needed, here, in a `hive-site` of `application_configuration` or in the application's. A value that
                needs quotes is sent in `hive-site`, together with what the application sets there.
            hive_variables: Variables of the queries, which write them `${name}` or `${hivevar:name}`. A value that
                needs quotes can't be sent: use `hive_conf`, which a query writes `${hiveconf:name}`.
            execution_timeout: How long a run may take before it is cancelled, in whole minutes, 5 at least; 0 is no
                limit before emr-7.11.0. Default: 12 hours.
            retry_policy: How often a failed run is tried again. Default: never.
            execution_iam_policy: What the job may do at most with its execution role. Default: all that the role may.
            application_configuration: Configuration by classification, which replaces the application's own of the same
                classification.
            monitoring: Where logs go. Default: CloudWatch logs in a log group of the job's own, and managed logs.
            encryption: Which keys encrypt logs and disks. Default: one key that is created for the stack.
            execution_role: The role that the job's code runs with; it is given the permissions that the job's own
                configuration needs. Default: a role of its own.
            job_name: The name of the job's runs, 1 to 256 characters. Default: the construct id.

        Raises:
            ValueError: Arguments that the service would refuse; the text lists all of them.
        """
        conf = hive_conf or {}

        def job_driver(job: Job, problems: Problems) -> tuple[JsonObject, Sequence[Configuration]]:
            _check_conf(problems, conf, application, application_configuration)
            hive: dict[str, Any] = {}
            for member, argument, code_id, code in (
                ("query", "query", "Query", query),
                ("initQueryFile", "init_query", "InitQuery", init_query),
            ):
                uri = job._bind(problems, argument, code_id, code)
                if uri is not None:
                    hive[member] = uri
            _check_variables(problems, hive_variables or {})
            _warn_of_sizes(job, conf, application_configuration)
            settings = [Setting(f"hive_conf[{name!r}]", name, value) for name, value in conf.items()]
            awkward = [item for item in settings if needs_quotes(item.value)]
            site = [item for item in awkward if is_carried(problems, item, _HIVE_SITE)]
            words = [f"--hiveconf {item.name}={item.value}" for item in settings if item not in awkward]
            words += [f"--hivevar {name}={value}" for name, value in (hive_variables or {}).items()]
            if words:
                hive["parameters"] = " ".join(words)
            return {"hive": hive}, with_settings(
                problems,
                job._warn,
                settings=site,
                classification=_HIVE_SITE,
                configuration=application_configuration,
                application=application,
            )

        super().__init__(
            scope,
            construct_id,
            engine=ApplicationType.HIVE,
            application=application,
            mode=JobMode.BATCH,
            execution_timeout=execution_timeout,
            retry_policy=retry_policy,
            execution_iam_policy=execution_iam_policy,
            monitoring=monitoring,
            encryption=encryption,
            execution_role=execution_role,
            flex_execution=None,
            job_name=job_name,
            job_driver=job_driver,
        )


def _warn_of_sizes(job: Job, conf: Mapping[str, str], configuration: Sequence[Configuration]) -> None:
    for argument, properties in (
        ("hive_conf", conf),
        ("application_configuration", properties_of(configuration, _HIVE_SITE)),
    ):
        for name, value in properties.items():
            if name.startswith(_NO_SIZE):
                problem = "it does not size the worker of a Hive job's driver"
                job._warn(f"{argument}[{name!r}]", value, problem, f"use hive.driver.{name.removeprefix(_NO_SIZE)}")


def _check_variables(problems: Problems, variables: Mapping[str, str]) -> None:
    """Note names that are none, and values that parameters are not known to carry."""
    for name, value in variables.items():
        argument = f"hive_variables[{name!r}]"
        if not _VARIABLE.fullmatch(name):
            problem = f"{name!r} is no name of a variable"
            problems.add(argument, value, problem, "use letters, digits and '_', and begin with no digit")
        elif needs_quotes(value):
            problem = "nothing is known to carry white space, quotes or backslashes to a variable"
            problems.add(argument, value, problem, f"use hive_conf, and ${{hiveconf:{name}}} in the query")


def _check_conf(
    problems: Problems, conf: Mapping[str, str], application: IApplication, configuration: Sequence[Configuration]
) -> None:
    """Note required properties that nobody sets; what an imported application sets is not known."""
    for name in conf:
        if not name or "=" in name or needs_quotes(name):
            problem = f"{name!r} is no name of a Hive property"
            remedy = "names have no '=', no white space, quotes or backslashes"
            problems.add(f"hive_conf[{name!r}]", conf[name], problem, remedy)
    set_by = {name: Setting("hive_conf", name, value) for name, value in conf.items()}
    check_not_contradicted(problems, _HIVE_SITE, configuration, set_by)
    of_application = application.runtime_configuration
    if of_application is None:
        return
    known = properties_of([*configuration, *of_application], _HIVE_SITE).keys()
    for name in _REQUIRED_CONF:
        if name not in known | conf.keys():
            problems.add("hive_conf", dict(conf), f"Hive needs {name}", f'add {{"{name}": "s3://…"}}')
