"""A Spark job: what spark-submit is to run."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Unpack

from constructs import Construct

from ..applications.capacity import WorkerResources
from ..applications.configuration import Configuration
from ..applications.interface import IApplication
from ..applications.settings import ApplicationType
from ..validation.argument_names import explained
from ..validation.argument_types import checked
from ..validation.cdk_cache import path_of
from ..validation.json_types import without_none
from ..validation.problems import Problems, warn
from ..workflows.interface import JobMode
from ._classification import Setting, with_settings
from ._dependencies import (
    ARCHIVES,
    configuration_without_merged,
    packages_of,
    python_path,
    without_merged,
)
from ._files import Files, Use
from ._request import JobDriver, worker_properties
from ._rules.files import check_python
from ._rules.spark import check_worker_of_spark
from ._rules.tables import check_catalog
from ._spark_properties import PARAMETERS, SPARK_DEFAULTS, place_in, properties_given
from ._spark_submit import check_arguments, environment_settings, spark_submit
from ._tables import catalog_jars, catalog_settings, warehouse_of
from .catalog import Catalog
from .code import Code
from .job import Job
from .options import JobOptions
from .python_dependencies import PythonDependencies

# Which field of an argument sets a property of a worker.
_FIELD = {
    f"{prefix}{worker}.{name}": f"{worker}.{field}"
    for worker in ("driver", "executor")
    for prefix, name, field in (
        ("", "cores", "cpu"),
        ("", "memory", "memory"),
        ("emr-serverless.", "disk", "disk"),
        ("emr-serverless.", "disk.type", "disk_type"),
    )
}


@explained
class SparkJob(Job):
    """A Spark job for an EMR Serverless application, with the role, log group and key that it needs.

    Example:
        >>> etl = SparkJob(stack, "Etl", application=spark, entry_point=Code.from_asset("jobs/etl.py"))

    Source: https://docs.aws.amazon.com/emr-serverless/latest/APIReference/API_StartJobRun.html
    """

    @checked
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        application: IApplication,
        entry_point: Code | str | Path,
        arguments: Sequence[str] = (),
        main_class: str | None = None,
        jars: Sequence[Code | str | Path] = (),
        py_files: Sequence[Code | str | Path] = (),
        files: Sequence[Code | str | Path] = (),
        archives: Sequence[Code | str | Path] = (),
        packages: Sequence[str] = (),
        python_dependencies: PythonDependencies | None = None,
        catalog: Catalog | None = None,
        conf: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        driver: WorkerResources | None = None,
        executor: WorkerResources | None = None,
        mode: JobMode = JobMode.BATCH,
        flex_execution: bool | None = None,
        **options: Unpack[JobOptions],
    ) -> None:
        """Create the job.

        Args:
            scope: The construct that the job is part of.
            construct_id: The id of the job in its scope.
            application: Where the job runs.
            entry_point: The Python file or jar to run. A string or path is a local file, here and in the lists of
                files.
            arguments: The arguments of the entry point, at most 1,024.
            main_class: The class of a jar whose `main` is run. Default: what the jar's manifest says.
            jars: Jars for the class path of driver and executors.
            py_files: Python files, zips and eggs for the Python path. A local `.py` file, a package (a folder with an
                `__init__.py`), what a folder has of both, or a wheel without compiled code, can be imported by its own
                name.
            files: Files for the working folder of driver and executors, under the name of a local file or of a key, or
                that of `Code.named`.
            archives: Archives that are unpacked in the working folder of driver and executors, in a folder of their
                name, or of that of `Code.named`.
            packages: Maven coordinates of jars, `groupId:artifactId:version`; the workers need a way to a repository.
            python_dependencies: Python packages for driver and executors, behind what `PYTHONPATH` has otherwise.
                Default: those of the release.
            catalog: Where the job's tables are. Default: in the run, and gone after it, unless `conf` names a catalog.
            conf: Spark properties, as `--conf` of spark-submit. One that contradicts another argument is refused. A
                value with double quotes is sent in `spark-defaults`, together with what the application sets there.
            environment: Environment variables of the driver and of the executors, by name. A property of `conf` sets
                one of the driver alone, `spark.emr-serverless.driverEnv.NAME`, or of the executors alone,
                `spark.executorEnv.NAME`.
            driver: The size of the driver's worker. Default: the service's, 4 vCPUs and 16 GB.
            executor: The size of an executor's worker. Default: the service's, 4 vCPUs and 16 GB.
            mode: Whether the job ends by itself. Default: it does.
            flex_execution: Whether executors run on spare capacity at a lower price; batch jobs only. Default: they do
                not.
            **options: What all jobs take.

        Raises:
            ValueError: Arguments are not valid; the text lists all that is wrong.
        """
        self._entry_point = entry_point
        self._arguments = arguments
        self._main_class = main_class
        self._jars = jars
        self._py_files = py_files
        self._files = files
        self._archives = archives
        self._packages = packages
        self._python_dependencies = python_dependencies
        self._catalog = catalog
        self._conf = conf or {}
        self._environment = environment or {}
        self._workers = {name: size for name, size in (("driver", driver), ("executor", executor)) if size is not None}
        super().__init__(
            scope,
            construct_id,
            engine=ApplicationType.SPARK,
            application=application,
            mode=mode,
            flex_execution=flex_execution,
            **options,
        )

    def _job_driver(self, problems: Problems, files: Files, configuration: Sequence[Configuration]) -> JobDriver:
        given = properties_given(self._conf, configuration, self.application)
        uris = {
            "jars": [*catalog_jars(self._catalog), *files.uris("jars", "Jar", self._jars)],
            "py_files": files.uris("py_files", "PyFile", self._py_files, use=Use.MODULE),
            "files": files.uris("files", "File", self._files, use=Use.FILE),
            "archives": files.uris("archives", "Archive", self._archives, use=Use.ARCHIVE),
        }
        conf, environment, on_path = self._conf, self._environment, list[Setting]()
        # The CDK builds nothing for stacks that it only lists or destroys.
        if self._python_dependencies is not None and self._stack.bundling_required:
            archive = packages_of(problems, path_of(self), self._python_dependencies, self.application)
            if archive is not None:
                # The archives of an application, or of a property, would be lost to the job's.
                inherited = None if self._archives else given.get(ARCHIVES)
                brought = [inherited] if inherited else uris["archives"]
                uris["archives"] = [
                    *brought,
                    files.dependencies("PythonDependencies", self._python_dependencies, archive),
                ]
            on_path = list(python_path(environment, conf, given))
            conf = without_merged(conf, archives=not self._archives)
            configuration = configuration_without_merged(configuration, archives=not self._archives)
            environment = {name: value for name, value in environment.items() if name != "PYTHONPATH"}
        check_catalog(problems, self._catalog, self.application.release_label)
        if (warehouse := warehouse_of(self._catalog)) is not None:
            bucket, keys = warehouse
            bucket.grant_read_write(self, keys)
            files.buckets.append(bucket)
        for name, size in self._workers.items():
            check_worker_of_spark(problems, name, size, self.application.release_label, given)
        typed = [
            *(
                Setting(name, *named)
                for name, size in self._workers.items()
                for named in worker_properties(name, size, given.overhead(name)).items()
            ),
            *environment_settings(problems, environment),
            *catalog_settings(self._catalog),
            *on_path,
        ]
        written = [Setting(f"conf[{name!r}]", name, value) for name, value in conf.items()]
        # The application may bring archives of its own, and what an imported one brings is not known.
        if ARCHIVES not in given and self.application.runtime_configuration is not None:
            check_python(problems, [*typed, *written], uris["archives"])
        submit = spark_submit(
            problems,
            main_class=self._main_class,
            uris=uris,
            packages=self._packages,
            conf=conf,
            typed=typed,
            configuration=configuration,
        )
        entry_point = files.uri("entry_point", "EntryPoint", self._entry_point)
        check_arguments(problems, self._arguments)
        members = without_none(
            {
                "entryPoint": entry_point,
                "entryPointArguments": list(self._arguments) or None,
                "sparkSubmitParameters": submit.parameters,
            }
        )
        configuration = with_settings(
            problems,
            partial(warn, self),
            settings=submit.defaults,
            classification=SPARK_DEFAULTS,
            configuration=configuration,
            application=self.application,
        )
        in_parameters = {
            f"{PARAMETERS}[{item.name!r}]": _FIELD.get(item.name.removeprefix("spark."), item.argument)
            for item in typed
        }
        in_defaults = {
            place_in(position, item.name): item.argument
            for position, classified in enumerate(configuration)
            if classified.classification == SPARK_DEFAULTS
            for item in submit.defaults
        }
        return JobDriver(
            members={"sparkSubmit": members}, configuration=configuration, arguments={**in_parameters, **in_defaults}
        )
