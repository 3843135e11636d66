"""A Spark job: what spark-submit is to run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from constructs import Construct

from ..applications.capacity import WorkerResources
from ..applications.configuration import Configuration
from ..applications.interface import IApplication
from ..applications.settings import ApplicationType
from ..monitoring.encryption import Encryption
from ..monitoring.monitoring import Monitoring
from ..validation.argument_names import explained
from ..validation.argument_types import checked
from ..validation.json_types import JsonObject
from ..validation.problems import Problems
from ._classification import Setting, with_settings
from ._request import worker_properties
from ._rules.files import check_python
from ._rules.spark import check_worker_of_spark
from ._spark_properties import PARAMETERS, SPARK_DEFAULTS, place_in, properties_given
from ._spark_submit import check_arguments, environment_settings, spark_submit
from .code import Code
from .job import Job
from .options import ExecutionIamPolicy, JobMode, RetryPolicy

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
        conf: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        driver: WorkerResources | None = None,
        executor: WorkerResources | None = None,
        mode: JobMode = JobMode.BATCH,
        execution_timeout: Duration | None = None,
        retry_policy: RetryPolicy | None = None,
        execution_iam_policy: ExecutionIamPolicy | None = None,
        application_configuration: Sequence[Configuration] = (),
        monitoring: Monitoring | None = None,
        encryption: Encryption | None = None,
        execution_role: iam.IRole | None = None,
        flex_execution: bool | None = None,
        job_name: str | None = None,
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
            files: Files for the working folder of each executor. The name of a local file is not kept there, only its
                extension.
            archives: Archives that are unpacked in the working folder of each executor; `Code.named` says under which
                name.
            packages: Maven coordinates of jars, `groupId:artifactId:version`; the workers need a way to a repository.
            conf: Spark properties, as `--conf` of spark-submit. One that contradicts another argument is refused. A
                value with double quotes is sent in `spark-defaults`, together with what the application sets there.
            environment: Environment variables of the driver and of the executors, by name. A property of `conf` sets
                one of the driver alone, `spark.emr-serverless.driverEnv.NAME`, or of the executors alone,
                `spark.executorEnv.NAME`.
            driver: The size of the driver's worker. Default: the service's, 4 vCPUs and 16 GB.
            executor: The size of an executor's worker. Default: the service's, 4 vCPUs and 16 GB.
            mode: Whether the job ends by itself. Default: it does.
            execution_timeout: How long a run may take before it is cancelled, in whole minutes, 5 at least; batch jobs
                only. 0 is no limit before emr-7.11.0. Default: 12 hours.
            retry_policy: How often a failed run is tried again. Default: never for a batch job, up to 5 failures an
                hour for a streaming job.
            execution_iam_policy: What the job may do at most with its execution role. Default: all that the role may.
            application_configuration: Configuration by classification, which replaces the application's own of the same
                classification.
            monitoring: Where logs and metrics go. Default: CloudWatch logs in a log group of the job's own, and
                managed logs.
            encryption: Which keys encrypt logs and disks. Default: one key that is created for the stack.
            execution_role: The role that the job's code runs with; it is given the permissions that the job's own
                configuration needs. Default: a role of its own.
            flex_execution: Whether executors run on spare capacity at a lower price; batch jobs only. Default: they do
                not.
            job_name: The name of the job's runs, 1 to 256 characters. Default: the construct id.

        Raises:
            ValueError: Arguments that the service would refuse; the text lists all of them.
        """
        workers = {name: size for name, size in (("driver", driver), ("executor", executor)) if size is not None}

        def job_driver(job: Job, problems: Problems) -> tuple[JsonObject, Sequence[Configuration]]:
            given = properties_given(conf or {}, application_configuration, application)
            uris = {
                "jars": job._bind_all(problems, "jars", "Jar", jars),
                "py_files": job._bind_all(problems, "py_files", "PyFile", py_files, are_modules=True),
                "files": job._bind_all(problems, "files", "File", files),
                "archives": job._bind_all(problems, "archives", "Archive", archives),
            }
            for name, size in workers.items():
                check_worker_of_spark(problems, name, size, application.release_label, given)
            typed = [
                *(
                    Setting(name, *named)
                    for name, size in workers.items()
                    for named in worker_properties(name, size, given.overhead(name)).items()
                ),
                *environment_settings(problems, environment or {}),
            ]
            written = [Setting(f"conf[{name!r}]", name, value) for name, value in (conf or {}).items()]
            # The application may bring archives of its own, and what an imported one brings is not known.
            if "spark.archives" not in given and application.runtime_configuration is not None:
                check_python(problems, [*typed, *written], uris["archives"])
            job._argument_of_property |= {
                f"{PARAMETERS}[{item.name!r}]": _FIELD.get(item.name.removeprefix("spark."), item.argument)
                for item in typed
            }
            submit = spark_submit(
                problems,
                main_class=main_class,
                uris=uris,
                packages=packages,
                conf=conf or {},
                typed=typed,
                configuration=application_configuration,
            )
            driver: dict[str, Any] = {}
            uri = job._bind(problems, "entry_point", "EntryPoint", entry_point)
            if uri is not None:
                driver["entryPoint"] = uri
            check_arguments(problems, arguments)
            if arguments:
                driver["entryPointArguments"] = list(arguments)
            if submit.parameters is not None:
                driver["sparkSubmitParameters"] = submit.parameters
            configuration = with_settings(
                problems,
                job._warn,
                settings=submit.defaults,
                classification=SPARK_DEFAULTS,
                configuration=application_configuration,
                application=application,
            )
            for position, classified in enumerate(configuration):
                if classified.classification == SPARK_DEFAULTS:
                    job._argument_of_property |= {
                        place_in(position, item.name): item.argument for item in submit.defaults
                    }
            return {"sparkSubmit": driver}, configuration

        super().__init__(
            scope,
            construct_id,
            engine=ApplicationType.SPARK,
            application=application,
            mode=mode,
            execution_timeout=execution_timeout,
            retry_policy=retry_policy,
            execution_iam_policy=execution_iam_policy,
            monitoring=monitoring,
            encryption=encryption,
            execution_role=execution_role,
            flex_execution=flex_execution,
            job_name=job_name,
            job_driver=job_driver,
        )
