"""A Hive job: which query is to run."""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Unpack

from constructs import Construct

from ..applications.configuration import Configuration
from ..applications.interface import IApplication
from ..applications.settings import ApplicationType
from ..validation.argument_names import explained
from ..validation.argument_types import checked
from ..validation.json_types import without_none
from ..validation.problems import Problems, warn
from ..workflows.interface import JobMode
from ._classification import Setting, check_not_contradicted, is_carried, properties_of, with_settings
from ._files import Files
from ._parameters import needs_quotes
from ._request import JobDriver
from .code import Code
from .job import Job
from .options import JobOptions

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
        **options: Unpack[JobOptions],
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
            **options: What all jobs take.

        Raises:
            ValueError: Arguments are not valid; the text lists all that is wrong.
        """
        self._files = (("query", "query", "Query", query), ("initQueryFile", "init_query", "InitQuery", init_query))
        self._conf = hive_conf or {}
        self._variables = hive_variables or {}
        super().__init__(
            scope, construct_id, engine=ApplicationType.HIVE, application=application, mode=JobMode.BATCH, **options
        )

    def _job_driver(self, problems: Problems, files: Files, configuration: Sequence[Configuration]) -> JobDriver:
        _check_conf(problems, self._conf, self.application, configuration)
        uris = {member: files.uri(argument, code_id, code) for member, argument, code_id, code in self._files}
        _check_variables(problems, self._variables)
        _warn_of_sizes(self, self._conf, configuration)
        settings = [Setting(f"hive_conf[{name!r}]", name, value) for name, value in self._conf.items()]
        awkward = [item for item in settings if needs_quotes(item.value)]
        site = [item for item in awkward if is_carried(problems, item, _HIVE_SITE)]
        words = [f"--hiveconf {item.name}={item.value}" for item in settings if item not in awkward]
        words += [f"--hivevar {name}={value}" for name, value in self._variables.items()]
        configuration = with_settings(
            problems,
            partial(warn, self),
            settings=site,
            classification=_HIVE_SITE,
            configuration=configuration,
            application=self.application,
        )
        members = without_none({**uris, "parameters": " ".join(words) or None})
        return JobDriver(members={"hive": members}, configuration=configuration)


def _warn_of_sizes(job: Construct, conf: Mapping[str, str], configuration: Sequence[Configuration]) -> None:
    for argument, properties in (
        ("hive_conf", conf),
        ("application_configuration", properties_of(configuration, _HIVE_SITE)),
    ):
        for name, value in properties.items():
            if name.startswith(_NO_SIZE):
                problem = "it does not set the size of a Hive job's driver"
                remedy = f"use hive.driver.{name.removeprefix(_NO_SIZE)}"
                warn(job, f"{argument}[{name!r}]", value, problem, remedy)


def _check_variables(problems: Problems, variables: Mapping[str, str]) -> None:
    """Note names that are none, and values that parameters are not known to carry."""
    for name, value in variables.items():
        argument = f"hive_variables[{name!r}]"
        if not _VARIABLE.fullmatch(name):
            problem = f"{name!r} is not a valid name of a variable"
            problems.add(argument, value, problem, "use letters, digits and '_', and do not begin with a digit")
        elif needs_quotes(value):
            problem = "it is not known how to give a variable white space, quotes or backslashes"
            problems.add(argument, value, problem, f"use hive_conf, and ${{hiveconf:{name}}} in the query")


def _check_conf(
    problems: Problems, conf: Mapping[str, str], application: IApplication, configuration: Sequence[Configuration]
) -> None:
    """Note required properties that are not set; what an imported application sets is not known."""
    for name in conf:
        if not name or "=" in name or needs_quotes(name):
            problem = f"{name!r} is not a valid name of a Hive property"
            remedy = "use a name without '=', white space, quotes and backslashes"
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
