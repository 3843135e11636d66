"""What people write from habit, and what the error says: the class, the construct's path, and what to write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Duration, Size
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3

import constructs_emrs
from constructs_emrs import Application, ApplicationType, Code, HiveJob, JobRun, ReleaseLabel, SparkJob
from tests.templates import new_stack
from tests.unit.test_signatures import FUNCTIONS

HIVE_CONF = {"hive.exec.scratchdir": "s3://lake/scratch", "hive.metastore.warehouse.dir": "s3://lake/warehouse"}
ABSENT = object()
"""An argument that is not given, of those that are given for the row."""

# Written with the name of a construct alone, the row has `stack, "Bad"` and the arguments that are needed.
TABLE: list[tuple[str, str]] = [
    (
        "SparkJob(role=role)",
        "Lake/Bad: role=<Role Lake/Role>: SparkJob has no such argument; use execution_role",
    ),
    (
        'SparkJob(execution_role_arn="arn:aws:iam::123456789012:role/etl")',
        "Lake/Bad: execution_role_arn='arn:aws:iam::123456789012:role/etl': SparkJob has no such argument; "
        "use execution_role",
    ),
    (
        "SparkJob(timeout=Duration.hours(1))",
        "Lake/Bad: timeout=<Duration 1 hour>: SparkJob has no such argument; use execution_timeout",
    ),
    (
        'SparkJob(name="etl")',
        "Lake/Bad: name='etl': SparkJob has no such argument; use job_name",
    ),
    (
        "SparkJob(app=spark, application=ABSENT)",
        "Lake/Bad: app=<Application Lake/Spark>: SparkJob has no such argument; use application",
    ),
    (
        'SparkJob(main="com.acme.Main")',
        "Lake/Bad: main='com.acme.Main': SparkJob has no such argument; use main_class",
    ),
    (
        'SparkJob(args=["--day", "1"])',
        "Lake/Bad: args=['--day', '1']: SparkJob has no such argument; use arguments",
    ),
    (
        'SparkJob(spark_defaults={"spark.a": "b"})',
        "Lake/Bad: spark_defaults={'spark.a': 'b'}: SparkJob has no such argument; use conf",
    ),
    (
        'Application(spark_defaults={"spark.a": "b"})',
        "Lake/Bad: spark_defaults={'spark.a': 'b'}: Application has no such argument; use "
        'runtime_configuration=[Configuration(classification="spark-defaults", properties={…})]',
    ),
    (
        'SparkJob(spark_conf={"spark.a": "b"})',
        "Lake/Bad: spark_conf={'spark.a': 'b'}: SparkJob has no such argument; use conf",
    ),
    (
        'SparkJob(spark_submit_parameters="--conf spark.a=b")',
        "Lake/Bad: spark_submit_parameters='--conf spark.a=b': SparkJob has no such argument; use conf={…}, "
        "main_class=…, jars=[…], py_files=[…], files=[…], archives=[…], packages=[…]",
    ),
    (
        'SparkJob(driver_memory="4g")',
        "Lake/Bad: driver_memory='4g': SparkJob has no such argument; use driver=WorkerResources(cpu=…, "
        "memory=Size.gibibytes(…))",
    ),
    (
        "SparkJob(num_executors=3)",
        "Lake/Bad: num_executors=3: SparkJob has no such argument; use "
        'conf={"spark.dynamicAllocation.initialExecutors": "…", "spark.dynamicAllocation.maxExecutors": "…"}',
    ),
    (
        "SparkJob(executor_cores=4)",
        "Lake/Bad: executor_cores=4: SparkJob has no such argument; use executor=WorkerResources(cpu=…, "
        "memory=Size.gibibytes(…))",
    ),
    (
        "SparkJob(max_retries=3)",
        "Lake/Bad: max_retries=3: SparkJob has no such argument; use retry_policy=RetryPolicy.attempts(…)",
    ),
    (
        "SparkJob(retry_policy=3)",
        "Lake/Bad: retry_policy=3: a RetryPolicy is expected, this is of type int; use "
        "RetryPolicy.attempts(3) or RetryPolicy.failures_per_hour(3)",
    ),
    (
        "SparkJob(streaming=True)",
        "Lake/Bad: streaming=True: SparkJob has no such argument; use mode=JobMode.STREAMING",
    ),
    (
        'SparkJob(mode="STREAMING")',
        "Lake/Bad: mode='STREAMING': a JobMode is expected, this is of type str; use JobMode.STREAMING",
    ),
    (
        "SparkJob(log_group=log_group)",
        "Lake/Bad: log_group=<LogGroup Lake/Logs>: SparkJob has no such argument; use "
        "monitoring=Monitoring(cloudwatch_logs=CloudWatchLogs(log_group=…))",
    ),
    (
        "SparkJob(logs=log_group)",
        "Lake/Bad: logs=<LogGroup Lake/Logs>: SparkJob has no such argument; use monitoring",
    ),
    (
        "SparkJob(encryption_key=key)",
        "Lake/Bad: encryption_key=<Key Lake/Key>: SparkJob has no such argument; use "
        "encryption=Encryption.customer_managed(…)",
    ),
    (
        "SparkJob(encryption=key)",
        "Lake/Bad: encryption=<Key Lake/Key>: an Encryption is expected, this is of type Key; use "
        "Encryption.customer_managed(<Key Lake/Key>)",
    ),
    (
        "SparkJob(kms_key=key)",
        "Lake/Bad: kms_key=<Key Lake/Key>: SparkJob has no such argument; use "
        "encryption=Encryption.customer_managed(…)",
    ),
    (
        "SparkJob(vpc=vpc)",
        "Lake/Bad: vpc=<Vpc Lake/Vpc>: SparkJob has no such argument; it is an argument of Application",
    ),
    (
        'SparkJob(requirements="requirements.txt")',
        "Lake/Bad: requirements='requirements.txt': SparkJob has no such argument; use "
        "python_dependencies=PythonDependencies.from_requirements(…, python=…)",
    ),
    (
        'SparkJob(schedule="rate(1 day)")',
        "Lake/Bad: schedule='rate(1 day)': SparkJob has no such argument; a JobRun runs the job on deploy; "
        "for a schedule, use JobSchedule(…, job=…, schedule=…)",
    ),
    (
        'SparkJob(on_failure="topic")',
        "Lake/Bad: on_failure='topic': SparkJob has no such argument; call on_failure(…) of the "
        "JobRun, JobSchedule or JobTrigger",
    ),
    (
        'SparkJob(arguments=["--n", 5])',
        'Lake/Bad: arguments[1]=5: a string is expected, this is of type int; use "5"',
    ),
    (
        'SparkJob(arguments="--a b")',
        "Lake/Bad: arguments='--a b': a list is expected, this is of type str; use ['--a', 'b']",
    ),
    (
        'SparkJob(arguments={"--a": "b"})',
        "Lake/Bad: arguments={'--a': 'b'}: a list is expected, this is of type dict; use ['--a', 'b']",
    ),
    (
        'SparkJob(driver=WorkerResources(cpu="2 vCPU", memory="8g"))',
        "Lake/Bad: driver.cpu='2 vCPU': a whole number is expected, this is of type str; use 2\n"
        "Lake/Bad: driver.memory='8g': a Size is expected, this is of type str; use Size.gibibytes(8)",
    ),
    (
        'SparkJob(tags={"team": "lake"})',
        "Lake/Bad: tags={'team': 'lake'}: SparkJob has no such argument; call Tags.of(…).add(name, value) "
        "with the construct",
    ),
    (
        "SparkJob(entryPoint=CODE, entry_point=ABSENT)",
        "Lake/Bad: entryPoint=Code.from_uri('s3://code/etl.py'): SparkJob has no such argument; use entry_point",
    ),
    (
        "SparkJob(aplication=spark, application=ABSENT)",
        "Lake/Bad: aplication=<Application Lake/Spark>: SparkJob has no such argument; use application",
    ),
    (
        "SparkJob(entry_point=ABSENT)",
        "Lake/Bad: entry_point: SparkJob needs it; use Code.from_asset(…) or Code.from_inline(…) or "
        "Code.from_bucket(…) or Code.from_uri(…)",
    ),
    (
        "SparkJob(application=ABSENT, entry_point=ABSENT)",
        "Lake/Bad: application: SparkJob needs it; pass the construct, or import what exists with a method "
        "Application.from_…\n"
        "Lake/Bad: entry_point: SparkJob needs it; use Code.from_asset(…) or Code.from_inline(…) or "
        "Code.from_bucket(…) or Code.from_uri(…)",
    ),
    (
        'SparkJob(application_id="00f1982r1uukb925", application=ABSENT)',
        "Lake/Bad: application_id='00f1982r1uukb925': SparkJob has no such argument; use application",
    ),
    (
        'SparkJob(hive_conf={"a": "b"})',
        "Lake/Bad: hive_conf={'a': 'b'}: SparkJob has no such argument; use conf",
    ),
    (
        "SparkJob(script=CODE, entry_point=ABSENT)",
        "Lake/Bad: script=Code.from_uri('s3://code/etl.py'): SparkJob has no such argument; use entry_point",
    ),
    (
        "SparkJob(cpu=4)",
        "Lake/Bad: cpu=4: SparkJob has no such argument; use driver=WorkerResources(cpu=…) or "
        "executor=WorkerResources(cpu=…)",
    ),
    (
        "SparkJob(max_executors=10)",
        "Lake/Bad: max_executors=10: SparkJob has no such argument; use "
        'conf={"spark.dynamicAllocation.initialExecutors": "…", "spark.dynamicAllocation.maxExecutors": "…"}',
    ),
    (
        "SparkJob(wait_for=JobRunState.SUCCESS)",
        "Lake/Bad: wait_for=JobRunState.SUCCESS: SparkJob has no such argument; it is an argument of JobRun",
    ),
    (
        'SparkJob(maximum_capacity="8 vCPU")',
        "Lake/Bad: maximum_capacity='8 vCPU': SparkJob has no such argument; it is an argument of Application",
    ),
    (
        "SparkJob(session_policy=None)",
        "Lake/Bad: session_policy=None: SparkJob has no such argument; use execution_iam_policy",
    ),
    (
        'SparkJob(s3_logs="s3://logs")',
        "Lake/Bad: s3_logs='s3://logs': SparkJob has no such argument; use monitoring=Monitoring(s3_logs=…)",
    ),
    (
        "SparkJob(prometheus=None)",
        "Lake/Bad: prometheus=None: SparkJob has no such argument; use monitoring=Monitoring(prometheus=…)",
    ),
    (
        'SparkJob(conf=["spark.a=b"])',
        "Lake/Bad: conf=['spark.a=b']: a mapping is expected, this is of type list; use {'spark.a': 'b'}",
    ),
    (
        "SparkJob(execution_timeout=timedelta(hours=1))",
        "Lake/Bad: execution_timeout=datetime.timedelta(seconds=3600): a Duration is expected, this is of "
        "type timedelta; use Duration.seconds(3600)",
    ),
    (
        "SparkJob(flex=True)",
        "Lake/Bad: flex=True: SparkJob has no such argument; use flex_execution=True",
    ),
    (
        'S3Logs(folder="logs")',
        "folder='logs': S3Logs has no such argument; use bucket",
    ),
    (
        'SparkJob(py_file=CODE, mian_class="com.acme.Main")',
        "Lake/Bad: py_file=Code.from_uri('s3://code/etl.py'): SparkJob has no such argument; use py_files\n"
        "Lake/Bad: mian_class='com.acme.Main': SparkJob has no such argument; use main_class",
    ),
    (
        'spark_job(stack, "Bad", spark, CODE)',
        "Lake/Bad: <Application Lake/Spark>: SparkJob takes it by name only; write application=…\n"
        "Lake/Bad: Code.from_uri('s3://code/etl.py'): SparkJob takes it by name only; write entry_point=…",
    ),
    (
        'spark_job("Bad", application=spark)',
        "scope='Bad': a construct is expected; pass the stack, or self inside of one\n"
        "entry_point: SparkJob needs it; use Code.from_asset(…) or Code.from_inline(…) or Code.from_bucket(…) "
        "or Code.from_uri(…)",
    ),
    (
        "spark_job(stack, application=spark, entry_point=CODE)",
        "Lake: construct_id: SparkJob needs it; use a string",
    ),
    (
        'spark_job(stack, id="Bad", application=spark, entry_point=CODE)',
        "Lake/Bad: id='Bad': SparkJob has no such argument; use construct_id",
    ),
    (
        'spark_job(stack, "Bad", scope=stack, application=spark, entry_point=CODE)',
        "Lake/Bad: scope=<Stack Lake>: it is given twice; give it once",
    ),
    (
        "HiveJob(query=ABSENT)",
        "Lake/Bad: query: HiveJob needs it; use Code.from_asset(…) or Code.from_inline(…) or "
        "Code.from_bucket(…) or Code.from_uri(…)",
    ),
    (
        'HiveJob(parameters="--hiveconf a=b")',
        "Lake/Bad: parameters='--hiveconf a=b': HiveJob has no such argument; use hive_conf",
    ),
    (
        "HiveJob(init_query_file=CODE)",
        "Lake/Bad: init_query_file=Code.from_uri('s3://code/etl.py'): HiveJob has no such argument; use init_query",
    ),
    (
        'HiveJob(conf={"a": "b"})',
        "Lake/Bad: conf={'a': 'b'}: HiveJob has no such argument; use hive_conf",
    ),
    (
        "HiveJob(entry_point=CODE, query=ABSENT)",
        "Lake/Bad: entry_point=Code.from_uri('s3://code/etl.py'): HiveJob has no such argument; use query",
    ),
    (
        "HiveJob(mode=JobMode.BATCH)",
        "Lake/Bad: mode=JobMode.BATCH: HiveJob has no such argument; it is an argument of SparkJob",
    ),
    (
        'Application(release_label="emr-7.14.0")',
        "Lake/Bad: release_label='emr-7.14.0': a ReleaseLabel is expected, this is of type str; use "
        "ReleaseLabel.of('emr-7.14.0')",
    ),
    (
        'Application(release="emr-7.14.0", release_label=ABSENT)',
        "Lake/Bad: release='emr-7.14.0': Application has no such argument; use release_label",
    ),
    (
        'Application(name="spark")',
        "Lake/Bad: name='spark': Application has no such argument; use application_name",
    ),
    (
        'Application(type="SPARK")',
        "Lake/Bad: type='SPARK': Application has no such argument; use application_type",
    ),
    (
        "Application(subnets=[])",
        "Lake/Bad: subnets=[]: Application has no such argument; use vpc_subnets=ec2.SubnetSelection(subnets=[…])",
    ),
    (
        "Application(autostop_minutes=5)",
        "Lake/Bad: autostop_minutes=5: Application has no such argument; use auto_stop_after=Duration.minutes(…)",
    ),
    (
        'Application(tags={"team": "lake"})',
        "Lake/Bad: tags={'team': 'lake'}: Application has no such argument; call Tags.of(…).add(name, value) "
        "with the construct",
    ),
    (
        'Application(arch="ARM64")',
        "Lake/Bad: arch='ARM64': Application has no such argument; use architecture",
    ),
    (
        "Application(max_concurrent_runs=5)",
        "Lake/Bad: max_concurrent_runs=5: Application has no such argument; use "
        "scheduler=Scheduler(max_concurrent_runs=…)",
    ),
    (
        "Application(livy_endpoint=True)",
        "Lake/Bad: livy_endpoint=True: Application has no such argument; use interactive=Interactive(livy_endpoint=…)",
    ),
    (
        'Application(conf={"spark.a": "b"})',
        "Lake/Bad: conf={'spark.a': 'b'}: Application has no such argument; use "
        "runtime_configuration=[Configuration(classification=…, properties={…})]",
    ),
    (
        "Application(entry_point=CODE)",
        "Lake/Bad: entry_point=Code.from_uri('s3://code/etl.py'): Application has no such argument; it is an "
        "argument of SparkJob",
    ),
    (
        'Application(security_group_ids=["sg-1"])',
        "Lake/Bad: security_group_ids=['sg-1']: Application has no such argument; use security_groups",
    ),
    (
        "JobRun(wait=False)",
        "Lake/Bad: wait=False: JobRun has no such argument; use wait_for=JobRunState.SUBMITTED, which does "
        "not wait, RUNNING or SUCCESS",
    ),
    (
        "JobRun(wait_for=False)",
        "Lake/Bad: wait_for=False: a JobRunState is expected, this is of type bool; use one of "
        "JobRunState.SUBMITTED, JobRunState.QUEUED, JobRunState.PENDING, JobRunState.SCHEDULED, JobRunState.RUNNING, "
        "JobRunState.SUCCESS, JobRunState.FAILED, JobRunState.CANCELLING, JobRunState.CANCELLED",
    ),
    (
        'JobRun(wait_for="SUCCEEDED")',
        "Lake/Bad: wait_for='SUCCEEDED': a JobRunState is expected, this is of type str; use JobRunState.SUCCESS",
    ),
    (
        "JobRun(timeout=Duration.hours(2))",
        "Lake/Bad: timeout=<Duration 2 hours>: JobRun has no such argument; use wait_timeout",
    ),
    (
        "JobRun(depends_on=[])",
        "Lake/Bad: depends_on=[]: JobRun has no such argument; call node.add_dependency(…) of the construct",
    ),
    (
        'JobRun(trigger="x")',
        "Lake/Bad: trigger='x': JobRun has no such argument; use triggers",
    ),
    (
        "JobRun(application=spark)",
        "Lake/Bad: application=<Application Lake/Spark>: JobRun has no such argument; it is an argument of "
        "HiveJob and SparkJob and ApplicationAlarms and ApplicationDashboard",
    ),
    (
        "JobRun(job=ABSENT)",
        "Lake/Bad: job: JobRun needs it; use HiveJob(…) or SparkJob(…)",
    ),
    (
        'job_run(stack, "Bad", etl)',
        "Lake/Bad: <SparkJob Lake/Etl>: JobRun takes it by name only; write job=…",
    ),
    (
        "JobRun(job=run)",
        "Lake/Bad: job=<JobRun Lake/Run>: an IJob is expected, this is of type JobRun; use HiveJob(…) or SparkJob(…)",
    ),
    (
        "Monitoring(cloudwatch=True)",
        "cloudwatch=True: Monitoring has no such argument; use cloudwatch_logs",
    ),
    (
        "Monitoring(s3=True)",
        "s3=True: Monitoring has no such argument; use s3_logs",
    ),
    (
        "Monitoring(log_group=log_group)",
        "log_group=<LogGroup Lake/Logs>: Monitoring has no such argument; use "
        "cloudwatch_logs=CloudWatchLogs(log_group=…)",
    ),
    (
        "Monitoring(CloudWatchLogs())",
        "CloudWatchLogs(enabled=True, log_group=None, log_retention=…: Monitoring takes it by name only; "
        "write cloudwatch_logs=…",
    ),
    (
        'CloudWatchLogs(log_group_name="/lake")',
        "log_group_name='/lake': CloudWatchLogs has no such argument; use log_group",
    ),
    (
        'S3Logs(bucket_name="logs")',
        "bucket_name='logs': S3Logs has no such argument; use bucket",
    ),
    (
        'S3Logs(uri="s3://logs")',
        "uri='s3://logs': S3Logs has no such argument; use bucket, and prefix",
    ),
    (
        'Prometheus(workspace_arn="arn:aws:aps:us-east-1:123456789012:workspace/ws-1")',
        "Prometheus(workspace_arn=…): it takes other arguments; use Prometheus.from_workspace_arn(…)",
    ),
    (
        'Image(uri="123456789012.dkr.ecr.us-east-1.amazonaws.com/etl:1")',
        "uri='123456789012.dkr.ecr.us-east-1.amazonaws.com/etl:1': Image has no such argument; use "
        "repository=…, with tag=… or digest=…",
    ),
    (
        "WorkerResources(4, Size.gibibytes(16))",
        "4: WorkerResources takes it by name only; write cpu=…\n"
        "<aws_cdk.Size>: WorkerResources takes it by name only; write memory=…",
    ),
    (
        "WorkerResources(vcpu=4, memory=Size.gibibytes(16))",
        "vcpu=4: WorkerResources has no such argument; use cpu",
    ),
    (
        "MaximumCapacity(vcpus=4, memory=Size.gibibytes(16), storage=Size.gibibytes(20))",
        "vcpus=4: MaximumCapacity has no such argument; use cpu\n"
        "storage=<aws_cdk.Size>: MaximumCapacity has no such argument; use disk",
    ),
    (
        "InitialCapacity(count=2, resources=None)",
        "count=2: InitialCapacity has no such argument; use worker_count",
    ),
    (
        'Configuration("spark-defaults", {"spark.a": "b"})',
        "'spark-defaults': Configuration takes it by name only; write classification=…\n"
        "{'spark.a': 'b'}: Configuration takes it by name only; write properties=…",
    ),
    (
        "Scheduler(max_concurrent_run=5)",
        "max_concurrent_run=5: Scheduler has no such argument; use max_concurrent_runs",
    ),
    (
        "ExecutionIamPolicy(policy=None)",
        "policy=None: ExecutionIamPolicy has no such argument; use document",
    ),
    (
        'Code.from_asset(file="jobs/etl.py")',
        "file='jobs/etl.py': Code.from_asset has no such argument; use path",
    ),
    (
        "Code.from_asset()",
        "path: Code.from_asset needs it; use a string",
    ),
    (
        'Code.from_bucket(bucket, object_key="etl.py")',
        "object_key='etl.py': Code.from_bucket has no such argument; use key",
    ),
    (
        'Code.from_uri(path="s3://code/etl.py")',
        "path='s3://code/etl.py': Code.from_uri has no such argument; use uri",
    ),
    (
        'CODE.named("environment", "deps")',
        "'deps': named() has no such argument; leave it out",
    ),
    (
        "RetryPolicy.attempts(retries=3)",
        "retries=3: RetryPolicy.attempts has no such argument; use count",
    ),
    (
        "RetryPolicy.failures_per_hour()",
        "count: RetryPolicy.failures_per_hour needs it; use a whole number",
    ),
    (
        'ReleaseLabel.of(label="emr-7.14.0")',
        "label='emr-7.14.0': ReleaseLabel.of has no such argument; use name",
    ),
    (
        "Encryption.customer_managed(kms_key=key)",
        "kms_key=<Key Lake/Key>: Encryption.customer_managed has no such argument; use key",
    ),
    (
        'Encryption.customer_managed(key, {"team": "lake"})',
        "{'team': 'lake'}: Encryption.customer_managed takes it by name only; write disk_encryption_context=…",
    ),
    (
        'Prometheus.from_workspace_arn(arn="arn:aws:aps:us-east-1:123456789012:workspace/ws-1")',
        "arn='arn:aws:aps:us-east-1:123456789012:workspace/ws-1': Prometheus.from_workspace_arn has no such "
        "argument; use workspace_arn",
    ),
    (
        'application.from_application_id(stack, "Bad")',
        "Lake/Bad: application_id: Application.from_application_id needs it; use a string",
    ),
    (
        'application.from_application_arn(stack, "Bad", arn="arn")',
        "Lake/Bad: arn='arn': Application.from_application_arn has no such argument; use application_arn",
    ),
    (
        'application.from_application_attributes(stack, "Bad", "00f1982r1uukb925")',
        "Lake/Bad: '00f1982r1uukb925': Application.from_application_attributes takes it by name only; write "
        "application_id=…",
    ),
    (
        "etl.grant_start()",
        "Lake/Etl: grantee: grant_start() needs it; pass a role, a function or another principal",
    ),
    (
        "etl.grant_start(principal=role)",
        "Lake/Etl: principal=<Role Lake/Role>: grant_start() has no such argument; use grantee",
    ),
    (
        'etl.add_override("name")',
        "Lake/Etl: value: add_override() needs it; give it a value",
    ),
    (
        "spark.grant_read(identity=role)",
        "Lake/Spark: identity=<Role Lake/Role>: grant_read() has no such argument; use grantee",
    ),
    (
        "spark.grant_start_job_run(role)",
        "Lake/Spark: execution_role: grant_start_job_run() needs it; pass the construct, or import what "
        "exists with a method Role.from_…",
    ),
    (
        'spark.metric("RunningJobs", stat="Sum")',
        "Lake/Spark: stat='Sum': metric() has no such argument; use statistic",
    ),
    (
        "spark.metric_failed_jobs(interval=Duration.minutes(1))",
        "Lake/Spark: interval=<Duration 1 minute>: metric_failed_jobs() has no such argument; use period",
    ),
    (
        'SparkJob(log_uri="s3://logs")',
        "Lake/Bad: log_uri='s3://logs': SparkJob has no such argument; use "
        "monitoring=Monitoring(s3_logs=S3Logs(bucket=…, prefix=…))",
    ),
    (
        "SparkJob(log_retention=7)",
        "Lake/Bad: log_retention=7: SparkJob has no such argument; use "
        "monitoring=Monitoring(cloudwatch_logs=CloudWatchLogs(log_retention=…))",
    ),
    (
        "CloudWatchLogs(retention=7)",
        "retention=7: CloudWatchLogs has no such argument; use log_retention",
    ),
    (
        'SparkJob(entry_point="s3://code/etl.py")',
        "Lake/Bad: entry_point='s3://code/etl.py': it is not a file on this machine; use "
        "Code.from_uri('s3://code/etl.py')",
    ),
    (
        "SparkJob(entry_point=7)",
        "Lake/Bad: entry_point=7: a Code, a string or a path is expected, "
        "this is of type int; use Code.from_asset(…) or "
        "Code.from_inline(…) or Code.from_bucket(…) or Code.from_uri(…)",
    ),
    (
        'HiveJob(query="SELECT 1")',
        f"Lake/Bad: query='SELECT 1': there is no such file in {Path.cwd()}; correct the path, or use "
        "Code.from_inline(…) for a text",
    ),
    (
        "Encryption(key=key)",
        "Encryption(key=…): it takes other arguments; use Encryption.customer_managed(…) or Encryption.aws_owned(…)",
    ),
    (
        "RetryPolicy(attempts=3)",
        "RetryPolicy(attempts=…): it takes other arguments; use RetryPolicy.attempts(…) or "
        "RetryPolicy.failures_per_hour(…)",
    ),
    (
        "ReleaseLabel()",
        "ReleaseLabel(): it takes other arguments; use ReleaseLabel.of(…)",
    ),
]


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """The names that the rows use."""
    stack = new_stack()
    code = Code.from_uri("s3://code/etl.py")
    spark = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    hive = Application(stack, "Hive", release_label=ReleaseLabel.EMR_7_14_0, application_type=ApplicationType.HIVE)
    etl = SparkJob(stack, "Etl", application=spark, entry_point=code)

    def making(construct: Callable[..., object], **needed: object) -> Callable[..., object]:
        def make(**arguments: object) -> object:
            own = {name: value for name, value in {**needed, **arguments}.items() if value is not ABSENT}
            return construct(stack, "Bad", **own)

        return make

    return {
        **vars(constructs_emrs),
        "Application": making(Application, release_label=ReleaseLabel.EMR_7_14_0),
        "SparkJob": making(SparkJob, application=spark, entry_point=code),
        "HiveJob": making(HiveJob, application=hive, query=code, hive_conf=HIVE_CONF),
        "JobRun": making(JobRun, job=etl),
        "application": Application,
        "spark_job": SparkJob,
        "job_run": JobRun,
        "ABSENT": ABSENT,
        "CODE": code,
        "Duration": Duration,
        "Size": Size,
        "timedelta": timedelta,
        "stack": stack,
        "spark": spark,
        "etl": etl,
        "run": JobRun(stack, "Run", job=etl),
        "role": iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("emr-serverless.amazonaws.com")),
        "key": kms.Key(stack, "Key"),
        "bucket": s3.Bucket(stack, "Bucket"),
        "vpc": ec2.Vpc(stack, "Vpc", max_azs=1),
        "log_group": logs.LogGroup(stack, "Logs"),
    }


@pytest.fixture(autouse=True)
def _without_what_the_row_made(names: dict[str, Any]) -> Iterator[None]:
    yield
    names["stack"].node.try_remove_child("Bad")


@pytest.mark.parametrize(("written", "says"), TABLE, ids=[written for written, _ in TABLE])
def test_the_error_says_what_to_write(names: dict[str, Any], written: str, says: str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011 - all of the text is compared, not a pattern
        eval(written, names)  # noqa: S307 - the rows are ours
    assert str(error.value) == says


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("Code.from_s3", "Code.from_s3: there is no such method or value; use Code.from_bucket or Code.from_uri"),
        ("Code.from_file", "Code.from_file: there is no such method or value; use Code.from_asset"),
        ("Code.from_assets", "Code.from_assets: there is no such method or value; use Code.from_asset"),
        (
            "Code.of",
            "Code.of: there is no such method or value; use Code.from_asset or Code.from_inline or Code.from_bucket or "
            "Code.from_uri",
        ),
        (
            "application.from_id",
            "Application.from_id: there is no such method or value; use Application.from_application_id",
        ),
        (
            "application.from_arn",
            "Application.from_arn: there is no such method or value; use Application.from_application_arn",
        ),
        ("Encryption.kms", "Encryption.kms: there is no such method or value; use Encryption.customer_managed"),
        ("RetryPolicy.times", "RetryPolicy.times: there is no such method or value; use RetryPolicy.attempts"),
        (
            "ReleaseLabel.from_string",
            "ReleaseLabel.from_string: there is no such method or value; use ReleaseLabel.of",
        ),
        (
            "ReleaseLabel.EMR_7_14",
            "ReleaseLabel.EMR_7_14: there is no such method or value; use ReleaseLabel.EMR_7_14_0 or ReleaseLabel.of",
        ),
        ("ReleaseLabel.latest", "ReleaseLabel.latest: there is no such method or value; use ReleaseLabel.of"),
        (
            "Prometheus.from_arn",
            "Prometheus.from_arn: there is no such method or value; use Prometheus.from_workspace_arn",
        ),
    ],
)
def test_a_method_that_there_is_not_is_explained(names: dict[str, Any], written: str, says: str) -> None:
    with pytest.raises(AttributeError) as error:
        eval(written, names)  # noqa: S307 - the rows are ours
    assert str(error.value) == says


def test_a_class_is_asked_for_what_it_does_not_have_as_before() -> None:
    assert not hasattr(Code, "from_s3")
    assert getattr(Application, "__no_such_thing__", None) is None


@pytest.mark.parametrize("path", ["jobs/etl.py", Path("jobs/etl.py")], ids=["string", "path"])
def test_a_local_file_may_be_given_by_its_path(
    names: dict[str, Any], path: str | Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "etl.py").write_text("print('hello')\n")
    monkeypatch.chdir(tmp_path)
    names["SparkJob"](entry_point=path, environment={"STAGE": "test"})


def called(name: str) -> bool:
    """Whether users call the function: a property is read, and a protocol and an abstract class have no constructor."""
    owner, _, member = name.partition(".")
    is_property = isinstance(getattr(getattr(constructs_emrs, owner), member), property)
    return not is_property and owner not in {"IApplication", "IJob"} and name != "Code.__init__"


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if called(name)])
def test_no_public_function_leaves_a_wrong_argument_to_python(name: str) -> None:
    with pytest.raises(ValueError, match=r"zebra=1: .* has no such argument"):
        FUNCTIONS[name](zebra=1)
