"""A Spark job: what spark-submit is to run."""

import shlex
from collections.abc import Mapping, Sequence

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from constructs import Construct

from .application import IApplication
from .code import Code
from .job import Job, JobMode


class SparkJob(Job):
    """A Spark job for an EMR Serverless application, with the role, log group and key that it needs.

    Example:
        >>> etl = SparkJob(stack, "Etl", application=spark, entry_point=Code.from_asset("jobs/etl.py"))

    Source: https://docs.aws.amazon.com/emr-serverless/latest/APIReference/API_SparkSubmit.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        application: IApplication,
        entry_point: Code,
        arguments: Sequence[str] = (),
        conf: Mapping[str, str] | None = None,
        mode: JobMode = JobMode.BATCH,
        execution_timeout: Duration | None = None,
        execution_role: iam.IRole | None = None,
        job_name: str | None = None,
    ) -> None:
        """Create the job.

        Args:
            scope: The construct that the job is part of.
            construct_id: The id of the job in its scope.
            application: Where the job runs.
            entry_point: The Python file or jar to run.
            arguments: The arguments of the entry point.
            conf: Spark properties, as `--conf` of spark-submit.
            mode: Whether the job ends by itself.
            execution_timeout: How long a run may take before it is cancelled, in whole minutes. Default: 12 hours.
            execution_role: The role that the job's code runs with; it is given the permissions that the job's own
                configuration needs. Default: a role of its own.
            job_name: The name of the job's runs, 1 to 256 characters. Default: the construct id.
        """
        super().__init__(
            scope,
            construct_id,
            application=application,
            mode=mode,
            execution_timeout=execution_timeout,
            execution_role=execution_role,
            job_name=job_name,
        )
        spark_submit: dict[str, str | list[str]] = {"entryPoint": entry_point.bind(self, "EntryPoint", self)}
        if arguments:
            spark_submit["entryPointArguments"] = list(arguments)
        if conf:
            parameters = [word for name, value in conf.items() for word in ("--conf", f"{name}={value}")]
            spark_submit["sparkSubmitParameters"] = shlex.join(parameters)
        self._request["jobDriver"] = {"sparkSubmit": spark_submit}
