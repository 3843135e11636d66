"""What the constructs say to arguments that can't be: one ValueError, with a line for each mistake.

Each row makes a mistake, mostly with a construct at the path `Lake/Bad`, and has the whole text of the error. Whatever
else is raised, such as an error of jsii's kernel, fails the row.
"""

# A type checker finds many of these mistakes. The rows are what happens to users who have none.
# mypy: disable-error-code="arg-type,list-item,dict-item"

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import FunctionType
from typing import Any

import jsii
import pytest
from aws_cdk import (
    CfnParameter,
    Duration,
    Environment,
    Fn,
    IStableStringProducer,
    Lazy,
    RemovalPolicy,
    Size,
    Stack,
    Token,
)
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_emrserverless as emrserverless
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3

from constructs_emrs import (
    Application,
    ApplicationType,
    Catalog,
    CloudWatchLogs,
    Code,
    Configuration,
    DiskType,
    Encryption,
    ExecutionIamPolicy,
    HiveJob,
    IApplication,
    IdentityCenter,
    Image,
    InitialCapacity,
    Interactive,
    JobMode,
    JobRun,
    JobRunState,
    LogType,
    LogWorker,
    ManagedLogs,
    MaximumCapacity,
    Monitoring,
    Prometheus,
    ReleaseLabel,
    RetryPolicy,
    S3Logs,
    Scheduler,
    SparkJob,
    WorkerResources,
    WorkerType,
)
from tests.botocore_model import KNOWS_FLEX, needs_flex
from tests.templates import ACCOUNT, REGION, new_stack, only, request_of

CODE = Code.from_uri("s3://code/etl.py")
PARAMETERS = "jobDriver.sparkSubmit.sparkSubmitParameters"
HIVE_CONF = {"hive.exec.scratchdir": "s3://lake/scratch", "hive.metastore.warehouse.dir": "s3://lake/warehouse"}
SERVERLESS_STORAGE = {"spark.aws.serverlessStorage.enabled": "true"}
SMALL = WorkerResources(cpu=1, memory=Size.gibibytes(2))
SHUFFLE = WorkerResources(cpu=1, memory=Size.gibibytes(2), disk_type=DiskType.SHUFFLE_OPTIMIZED)
INITIAL = InitialCapacity(worker_count=1, resources=SMALL)
INSTANCE_ARN = "arn:aws:sso:::instance/ssoins-1234567890abcdef"
WORKSPACE_ARN = "arn:aws:aps:us-east-1:123456789012:workspace/ws-1"
WORKSPACE = Monitoring(prometheus=Prometheus.from_workspace_arn(WORKSPACE_ARN))
REMOTE_WRITE = "https://aps-workspaces.us-east-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write"


@dataclass(frozen=True, kw_only=True)
class Lake:
    """What the rows build on; they leave nothing behind in it."""

    stack: Stack
    spark: Application
    full_spark: Application
    small_spark: Application
    old_spark: Application
    hive: Application
    old_hive: Application
    imported_old_spark: IApplication
    batch: SparkJob
    batch_with_limits: SparkJob
    streaming: SparkJob
    query: HiveJob
    bucket: s3.Bucket
    key: kms.Key
    alias: kms.Alias
    role: iam.Role
    user: iam.User
    managed_policy: iam.IManagedPolicy
    document: iam.PolicyDocument
    odd_log_group: logs.ILogGroup
    vpc: ec2.Vpc
    public_vpc: ec2.Vpc
    security_group: ec2.ISecurityGroup
    repository: ecr.Repository
    l1_application: emrserverless.CfnApplication
    l1_bucket: s3.CfnBucket
    l1_role: iam.CfnRole
    number: float
    string: str


@pytest.fixture(scope="module")
def lake() -> Lake:
    stack = new_stack(env=Environment(account=ACCOUNT, region=REGION))
    spark = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    hive = Application(stack, "Hive", release_label=ReleaseLabel.EMR_7_14_0, application_type=ApplicationType.HIVE)
    vpc = ec2.Vpc(stack, "Vpc", max_azs=1)
    key = kms.Key(stack, "Key")
    return Lake(
        stack=stack,
        spark=spark,
        small_spark=Application(
            stack,
            "SmallSpark",
            release_label=ReleaseLabel.EMR_7_14_0,
            runtime_configuration=[
                Configuration(classification="spark-defaults", properties={"spark.dynamicAllocation.maxExecutors": "8"})
            ],
        ),
        full_spark=Application(
            stack,
            "FullSpark",
            release_label=ReleaseLabel.EMR_7_14_0,
            runtime_configuration=[
                Configuration(
                    classification="spark-defaults", properties={f"spark.{number}": "a" for number in range(100)}
                )
            ],
        ),
        old_spark=Application(stack, "OldSpark", release_label=ReleaseLabel.EMR_7_0_0),
        hive=hive,
        old_hive=Application(
            stack, "OldHive", release_label=ReleaseLabel.EMR_7_10_0, application_type=ApplicationType.HIVE
        ),
        imported_old_spark=Application.from_application_attributes(
            stack, "ImportedOldSpark", application_id="00f1982r1uukb925", release_label=ReleaseLabel.EMR_7_0_0
        ),
        batch=SparkJob(stack, "Batch", application=spark, entry_point=CODE, arguments=["--day", "1"]),
        batch_with_limits=SparkJob(
            stack,
            "Limited",
            application=spark,
            entry_point=CODE,
            execution_timeout=Duration.hours(1),
            retry_policy=RetryPolicy.attempts(2),
            flex_execution=True if KNOWS_FLEX else None,
        ),
        streaming=SparkJob(stack, "Streaming", application=spark, entry_point=CODE, mode=JobMode.STREAMING),
        query=HiveJob(stack, "Query", application=hive, query=CODE, hive_conf=HIVE_CONF),
        bucket=s3.Bucket(stack, "Data"),
        key=key,
        alias=kms.Alias(stack, "Alias", alias_name="alias/lake", target_key=key),
        role=iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("emr-serverless.amazonaws.com")),
        user=iam.User(stack, "User"),
        managed_policy=iam.ManagedPolicy.from_managed_policy_arn(
            stack, "ManagedPolicy", "arn:aws:iam::123456789012:policy/etl"
        ),
        document=iam.PolicyDocument(),
        odd_log_group=logs.LogGroup.from_log_group_name(stack, "OddLogs", "/lake logs"),
        vpc=vpc,
        public_vpc=ec2.Vpc(
            stack,
            "PublicVpc",
            max_azs=1,
            subnet_configuration=[ec2.SubnetConfiguration(name="Web", subnet_type=ec2.SubnetType.PUBLIC)],
        ),
        security_group=ec2.SecurityGroup.from_security_group_id(stack, "SecurityGroup", "sg-1"),
        repository=ecr.Repository(stack, "Images"),
        l1_application=emrserverless.CfnApplication(stack, "L1", release_label="emr-7.14.0", type="Spark"),
        l1_bucket=s3.CfnBucket(stack, "L1Bucket"),
        l1_role=iam.CfnRole(stack, "L1Role", assume_role_policy_document={}),
        number=CfnParameter(stack, "Number", type="Number").value_as_number,
        string=CfnParameter(stack, "String").value_as_string,
    )


Use = Callable[[Lake], object]


def given(lake: Lake, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments, of which those that need the lake are functions of it."""
    return {name: item(lake) if isinstance(item, FunctionType) else item for name, item in arguments.items()}


def spark_job(lake: Lake, **arguments: Any) -> SparkJob:
    own = given(lake, {"application": lake.spark, "entry_point": CODE} | arguments)
    return SparkJob(lake.stack, "Bad", **own)


def spark(**arguments: Any) -> Use:
    return lambda lake: spark_job(lake, **arguments)


def hive(**arguments: Any) -> Use:
    def use(lake: Lake) -> HiveJob:
        own = given(lake, {"application": lake.hive, "query": CODE, "hive_conf": HIVE_CONF} | arguments)
        return HiveJob(lake.stack, "Bad", **own)

    return use


def application(**arguments: Any) -> Use:
    def use(lake: Lake) -> Application:
        return Application(lake.stack, "Bad", **given(lake, {"release_label": ReleaseLabel.EMR_7_14_0} | arguments))

    return use


def run(**arguments: Any) -> Use:
    def use(lake: Lake) -> JobRun:
        return JobRun(lake.stack, "Bad", **given(lake, {"job": lake.batch} | arguments))

    return use


def imported(**arguments: Any) -> Use:
    def use(lake: Lake) -> IApplication:
        own = given(lake, {"application_id": "00f1982r1uukb925"} | arguments)
        return Application.from_application_attributes(lake.stack, "Bad", **own)

    return use


def imported_arn(arn: Any) -> Use:
    return lambda lake: Application.from_application_arn(lake.stack, "Bad", **given(lake, {"application_arn": arn}))


def override(path: Any, value: Any, job: str = "batch") -> Use:
    return lambda lake: getattr(lake, job).add_override(path, value)


def cloudwatch(**arguments: Any) -> Monitoring:
    return Monitoring(cloudwatch_logs=CloudWatchLogs(**arguments))


def session_policy(**statement: Any) -> ExecutionIamPolicy:
    return ExecutionIamPolicy(document=iam.PolicyDocument(statements=[iam.PolicyStatement(**statement)]))


Row = tuple[str, Use, str]

WRONG_TYPES: list[Row] = [
    (
        "an application given by its id",
        spark(application="00f1982r1uukb925"),
        "Lake/Bad: application='00f1982r1uukb925': an IApplication is expected, this is of type str; pass "
        "the construct, or import what exists with a method Application.from_…",
    ),
    (
        "an application given as the class",
        spark(application=Application),
        "Lake/Bad: application=<class 'Application'>: an IApplication is "
        "expected, this is a class; pass the construct, or import what exists with a method "
        "Application.from_…",
    ),
    (
        "an application given as an L1",
        spark(application=lambda lake: lake.l1_application),
        "Lake/Bad: application=<CfnApplication Lake/L1>: an IApplication is expected, this is of type "
        "CfnApplication; pass the construct, or import what exists with a method Application.from_…",
    ),
    (
        "an application that is a bucket",
        spark(application=lambda lake: lake.bucket),
        "Lake/Bad: application=<Bucket Lake/Data>: an IApplication is expected, this is of type Bucket; "
        "pass the construct, or import what exists with a method Application.from_…",
    ),
    (
        "no application",
        spark(application=None),
        "Lake/Bad: application=None: an IApplication is expected, this is of type NoneType; pass the "
        "construct, or import what exists with a method Application.from_…",
    ),
    (
        "an entry point given as a string",
        spark(entry_point="s3://code/etl.py"),
        "Lake/Bad: entry_point='s3://code/etl.py': it is not a file on this machine; use "
        "Code.from_uri('s3://code/etl.py')",
    ),
    (
        "an entry point given as the class Code",
        spark(entry_point=Code),
        "Lake/Bad: entry_point=<class 'Code'>: a Code, a string or a path is expected, this is a class; "
        "use Code.from_asset(…) or Code.from_inline(…) or Code.from_bucket(…) or Code.from_uri(…)",
    ),
    (
        "an entry point in a list",
        spark(entry_point=["etl.py"]),
        "Lake/Bad: entry_point=['etl.py']: a Code, a string or a path is expected, this is of type list; use 'etl.py'",
    ),
    (
        "entry points in place of one",
        spark(entry_point=["etl.py", CODE]),
        "Lake/Bad: entry_point=['etl.py', Code.from_uri('s3://code/etl.py')]: a Code, a string or a path is expected, "
        "this is of type list; use one of them",
    ),
    (
        "arguments given as one string",
        spark(arguments="--day 1"),
        "Lake/Bad: arguments='--day 1': a list is expected, this is of type str; use ['--day', '1']",
    ),
    (
        "arguments that are None",
        spark(arguments=None),
        "Lake/Bad: arguments=None: a list is expected, this is of type NoneType; use [...], or leave it out",
    ),
    (
        "arguments given as a mapping",
        spark(arguments={"--day": "1"}),
        "Lake/Bad: arguments={'--day': '1'}: a list is expected, this is of type dict; use ['--day', '1']",
    ),
    (
        "an argument that is a number",
        spark(arguments=["--day", 1]),
        'Lake/Bad: arguments[1]=1: a string is expected, this is of type int; use "1"',
    ),
    (
        "an argument that is None",
        spark(arguments=["--day", None]),
        "Lake/Bad: arguments[1]=None: a string is expected, this is of type NoneType; use a string",
    ),
    (
        "an argument that is a path",
        spark(arguments=[PurePosixPath("out")]),
        "Lake/Bad: arguments[0]=PurePosixPath('out'): a string is expected, this is of type PurePosixPath; use \"out\"",
    ),
    (
        "a string in a list",
        spark(job_name=["etl"]),
        "Lake/Bad: job_name=['etl']: a string is expected, this is of type list; use 'etl'",
    ),
    (
        "several strings in place of one",
        spark(job_name=("etl", "report")),
        "Lake/Bad: job_name=('etl', 'report'): a string is expected, this is of type tuple; use one of them",
    ),
    (
        "a list without a string",
        spark(job_name=[]),
        "Lake/Bad: job_name=[]: a string is expected, this is of type list; use a string",
    ),
    (
        "a list of mappings in place of a string",
        spark(job_name=[{"name": "etl"}]),
        "Lake/Bad: job_name=[{'name': 'etl'}]: a string is expected, this is of type list; use json.dumps(…)",
    ),
    (
        "a member of an enum in a list",
        spark(mode=[JobMode.STREAMING]),
        "Lake/Bad: mode=[<JobMode.STREAMING: 'STREAMING'>]: a JobMode is expected, this is of type list; use "
        "JobMode.STREAMING",
    ),
    (
        "a main class that is a class",
        spark(main_class=dict),
        "Lake/Bad: main_class=<class 'dict'>: a string is expected, this is a class; use a string",
    ),
    (
        "jars given as one file",
        spark(jars=CODE),
        "Lake/Bad: jars=Code.from_uri('s3://code/etl.py'): a list is expected, this is of type UriCode; "
        "use [Code.from_uri('s3://code/etl.py')]",
    ),
    (
        "a jar given as a string",
        spark(jars=["s3://code/tools.jar"]),
        "Lake/Bad: jars[0]='s3://code/tools.jar': it is not a file on this machine; use "
        "Code.from_uri('s3://code/tools.jar')",
    ),
    (
        "Python files given as a set",
        spark(py_files={"a.py"}),
        "Lake/Bad: py_files={'a.py'}: a list is expected, this is of type set; use […], as a set has no order",
    ),
    (
        "Python dependencies given as a path",
        spark(python_dependencies="requirements.txt"),
        "Lake/Bad: python_dependencies='requirements.txt': a PythonDependencies is expected, this is of type str; use "
        "PythonDependencies.from_requirements(…) or PythonDependencies.from_pyproject(…) or "
        "PythonDependencies.from_packages(…)",
    ),
    (
        "a catalog given as a text",
        spark(catalog="glue"),
        "Lake/Bad: catalog='glue': a Catalog is expected, this is of type str; use Catalog.glue(…) or "
        "Catalog.iceberg(…)",
    ),
    (
        "a catalog that a property contradicts",
        spark(catalog=Catalog.glue(), conf={"spark.sql.catalogImplementation": "in-memory"}),
        "Lake/Bad: conf['spark.sql.catalogImplementation']='in-memory': it contradicts catalog, which sets hive; leave "
        "it out, or change catalog",
    ),
    (
        "a catalog of Iceberg's with the name of Spark's own",
        spark(catalog=Catalog.iceberg(warehouse="s3://lake/tables", name="spark_catalog")),
        "Lake/Bad: catalog.name='spark_catalog': a catalog of Iceberg can't have that name; use letters, digits and "
        "'_', and another name than spark_catalog",
    ),
    (
        "a warehouse that is not in S3",
        spark(catalog=Catalog.iceberg(warehouse="/tables")),
        "Lake/Bad: catalog.warehouse='/tables': it is not an address in S3; use a bucket, or one such as "
        "'s3://lake/warehouse'",
    ),
    (
        "a catalog of a Hive job",
        hive(catalog=Catalog.glue()),
        "Lake/Bad: catalog=Catalog.glue(): HiveJob has no such argument; it is an argument of SparkJob",
    ),
    (
        "a file that is None",
        spark(files=[CODE, None]),
        "Lake/Bad: files[1]=None: a Code, a string or a path is expected, "
        "this is of type NoneType; use Code.from_asset(…) or "
        "Code.from_inline(…) or Code.from_bucket(…) or Code.from_uri(…)",
    ),
    (
        "archives given as a mapping",
        spark(archives={"environment": CODE}),
        "Lake/Bad: archives={'environment': Code.from_uri('s3://code/etl.py')}: a list is expected, this "
        "is of type dict; use [...]",
    ),
    (
        "a package that is a number",
        spark(packages=[1]),
        'Lake/Bad: packages[0]=1: a string is expected, this is of type int; use "1"',
    ),
    (
        "conf given as a list",
        spark(conf=["spark.a=b"]),
        "Lake/Bad: conf=['spark.a=b']: a mapping is expected, this is of type list; use {'spark.a': 'b'}",
    ),
    (
        "a conf value that is a bool",
        spark(conf={"spark.a": True}),
        "Lake/Bad: conf['spark.a']=True: a string is expected, this is of type bool; use \"true\"",
    ),
    (
        "a conf name that is a number",
        spark(conf={1: "b"}),
        'Lake/Bad: conf key=1: a string is expected, this is of type int; use "1"',
    ),
    (
        "a driver given as a mapping",
        spark(driver={"cpu": 4}),
        "Lake/Bad: driver={'cpu': 4}: a WorkerResources is expected, this is of type dict; use "
        "WorkerResources(cpu=…, memory=…)",
    ),
    (
        "vCPUs given as a string",
        spark(driver=WorkerResources(cpu="4", memory=Size.gibibytes(16))),
        "Lake/Bad: driver.cpu='4': a whole number is expected, this is of type str; use 4",
    ),
    (
        "vCPUs that are a bool",
        spark(driver=WorkerResources(cpu=True, memory=Size.gibibytes(16))),
        "Lake/Bad: driver.cpu=True: a whole number is expected, this is of type bool; use a whole number",
    ),
    (
        "vCPUs that are a float",
        spark(driver=WorkerResources(cpu=4.5, memory=Size.gibibytes(16))),
        "Lake/Bad: driver.cpu=4.5: a whole number is expected, this is of type float; use a whole number",
    ),
    (
        "memory given as a Duration",
        spark(executor=WorkerResources(cpu=4, memory=Duration.minutes(16))),
        "Lake/Bad: executor.memory=<Duration 16 minutes>: a Size is expected, this is of type Duration; "
        "use a Size, such as Size.gibibytes(16)",
    ),
    (
        "memory given as a number",
        spark(executor=WorkerResources(cpu=4, memory=16)),
        "Lake/Bad: executor.memory=16: a Size is expected, this is of type int; use Size.gibibytes(16) or "
        "Size.mebibytes(16)",
    ),
    (
        "a disk given as a string",
        spark(driver=WorkerResources(cpu=4, memory=Size.gibibytes(16), disk="20 GB")),
        "Lake/Bad: driver.disk='20 GB': a Size is expected, this is of type str; use Size.gibibytes(20)",
    ),
    (
        "a disk type given as a string",
        spark(driver=WorkerResources(cpu=4, memory=Size.gibibytes(16), disk_type="STANDARD")),
        "Lake/Bad: driver.disk_type='STANDARD': a DiskType is expected, this is of type str; use DiskType.STANDARD",
    ),
    (
        "a mode given as a string",
        spark(mode="STREAMING"),
        "Lake/Bad: mode='STREAMING': a JobMode is expected, this is of type str; use JobMode.STREAMING",
    ),
    (
        "a mode of another enum",
        spark(mode=JobRunState.RUNNING),
        "Lake/Bad: mode=JobRunState.RUNNING: a JobMode is expected, this is of type JobRunState; use one "
        "of JobMode.BATCH, JobMode.STREAMING",
    ),
    (
        "a timeout given as a number",
        spark(execution_timeout=30),
        "Lake/Bad: execution_timeout=30: a Duration is expected, this is of type int; use "
        "Duration.minutes(30) or Duration.seconds(30)",
    ),
    (
        "a timeout given as a Size",
        spark(execution_timeout=Size.mebibytes(30)),
        "Lake/Bad: execution_timeout=<aws_cdk.Size>: a Duration is expected, this is of type Size; use a "
        "Duration, such as Duration.minutes(30)",
    ),
    (
        "a retry policy given as a number",
        spark(retry_policy=3),
        "Lake/Bad: retry_policy=3: a RetryPolicy is expected, this is of type int; use "
        "RetryPolicy.attempts(3) or RetryPolicy.failures_per_hour(3)",
    ),
    (
        "attempts given as a string",
        spark(retry_policy=RetryPolicy.attempts("3")),
        "Lake/Bad: retry_policy.max_attempts='3': a whole number is expected, this is of type str; use 3",
    ),
    (
        "attempts that are a bool",
        spark(retry_policy=RetryPolicy.attempts(True)),
        "Lake/Bad: retry_policy.max_attempts=True: a whole number is expected, this is of type bool; use a "
        "whole number",
    ),
    (
        "a session policy given as a document",
        spark(execution_iam_policy=lambda lake: lake.document),
        "Lake/Bad: execution_iam_policy=<aws_cdk.aws_iam.PolicyDocument>: an ExecutionIamPolicy is "
        "expected, this is of type PolicyDocument; use ExecutionIamPolicy(…)",
    ),
    (
        "a session policy's document given as a dict",
        spark(execution_iam_policy=ExecutionIamPolicy(document={"Statement": []})),
        "Lake/Bad: execution_iam_policy.document={'Statement': []}: a PolicyDocument is expected, this is "
        "of type dict; use PolicyDocument(…) or PolicyDocument.from_json(…)",
    ),
    (
        "a managed policy given by its ARN",
        spark(execution_iam_policy=ExecutionIamPolicy(managed_policies=["arn:aws:iam::aws:policy/ReadOnlyAccess"])),
        "Lake/Bad: execution_iam_policy.managed_policies[0]='arn:aws:iam::aws:policy/ReadOnlyAccess': an "
        "IManagedPolicy is expected, this is of type str; pass the construct, or import what exists with a "
        "method ManagedPolicy.from_…",
    ),
    (
        "configuration given as a mapping",
        spark(application_configuration={"spark-defaults": {}}),
        "Lake/Bad: application_configuration={'spark-defaults': {}}: a list is expected, this is of type "
        "dict; use [...]",
    ),
    (
        "a configuration given as a dict",
        spark(application_configuration=[{"classification": "spark-defaults"}]),
        "Lake/Bad: application_configuration[0]={'classification': 'spark-defaults'}: a Configuration is "
        "expected, this is of type dict; use Configuration(classification=…)",
    ),
    (
        "a classification that is None",
        spark(application_configuration=[Configuration(classification=None)]),
        "Lake/Bad: application_configuration[0].classification=None: a string is expected, this is of type "
        "NoneType; use a string",
    ),
    (
        "properties given as a list",
        spark(application_configuration=[Configuration(classification="a", properties=["b"])]),
        "Lake/Bad: application_configuration[0].properties=['b']: a mapping is expected, this is of type "
        "list; use {name: value}",
    ),
    (
        "a property value that is a number",
        spark(application_configuration=[Configuration(classification="a", properties={"b": 1})]),
        "Lake/Bad: application_configuration[0].properties['b']=1: a string is expected, this is of type "
        'int; use "1"',
    ),
    (
        "a nested configuration that is a string",
        spark(application_configuration=[Configuration(classification="a", configurations=["b"])]),
        "Lake/Bad: application_configuration[0].configurations[0]='b': a Configuration is expected, this is "
        "of type str; use Configuration(classification=…)",
    ),
    (
        "monitoring given as the class",
        spark(monitoring=Monitoring),
        "Lake/Bad: monitoring=<class 'Monitoring'>: a Monitoring is expected, this is a class; use Monitoring(…)",
    ),
    (
        "monitoring given as one of its parts",
        spark(monitoring=ManagedLogs()),
        "Lake/Bad: monitoring=ManagedLogs(enabled=True, encryption_key=None): a Monitoring is expected, "
        "this is of type ManagedLogs; use Monitoring(…)",
    ),
    (
        "managed logs that are None",
        spark(monitoring=Monitoring(managed_logs=None)),
        "Lake/Bad: monitoring.managed_logs=None: a ManagedLogs is expected, this is of type NoneType; use "
        "ManagedLogs(…)",
    ),
    (
        "managed logs enabled by a string",
        spark(monitoring=Monitoring(managed_logs=ManagedLogs(enabled="yes"))),
        "Lake/Bad: monitoring.managed_logs.enabled='yes': True or False is expected, this is of type str; use True",
    ),
    (
        "S3 logs given as a URI",
        spark(monitoring=Monitoring(s3_logs="s3://lake/logs")),
        "Lake/Bad: monitoring.s3_logs='s3://lake/logs': an S3Logs is expected, this is of type str; use "
        "S3Logs(bucket=…)",
    ),
    (
        "a bucket given by its name",
        spark(monitoring=Monitoring(s3_logs=S3Logs(bucket="lake"))),
        "Lake/Bad: monitoring.s3_logs.bucket='lake': an IBucket is expected, this is of type str; pass the "
        "construct, or import what exists with a method Bucket.from_…",
    ),
    (
        "a bucket given as an L1",
        spark(monitoring=lambda lake: Monitoring(s3_logs=S3Logs(bucket=lake.l1_bucket))),
        "Lake/Bad: monitoring.s3_logs.bucket=<CfnBucket Lake/L1Bucket>: an IBucket is expected, this is of "
        "type CfnBucket; pass the construct, or import what exists with a method Bucket.from_…",
    ),
    (
        "a prefix that is None",
        spark(monitoring=lambda lake: Monitoring(s3_logs=S3Logs(bucket=lake.bucket, prefix=None))),
        "Lake/Bad: monitoring.s3_logs.prefix=None: a string is expected, this is of type NoneType; use a string",
    ),
    (
        "a log group given by its name",
        spark(monitoring=cloudwatch(log_group="/aws/etl")),
        "Lake/Bad: monitoring.cloudwatch_logs.log_group='/aws/etl': an ILogGroup is expected, this is of "
        "type str; pass the construct, or import what exists with a method LogGroup.from_…",
    ),
    (
        "a log group that is a bucket",
        spark(monitoring=lambda lake: cloudwatch(log_group=lake.bucket)),
        "Lake/Bad: monitoring.cloudwatch_logs.log_group=<Bucket Lake/Data>: an ILogGroup is expected, this "
        "is of type Bucket; pass the construct, or import what exists with a method LogGroup.from_…",
    ),
    (
        "log types given as a list",
        spark(monitoring=cloudwatch(log_types=[LogType.STDERR])),
        "Lake/Bad: monitoring.cloudwatch_logs.log_types=[<LogType.STDERR: 'STDERR'>]: a mapping is "
        "expected, this is of type list; use {name: value}",
    ),
    (
        "a log worker given as a string",
        spark(monitoring=cloudwatch(log_types={"SPARK_DRIVER": [LogType.STDERR]})),
        "Lake/Bad: monitoring.cloudwatch_logs.log_types key='SPARK_DRIVER': a LogWorker is expected, this "
        "is of type str; use LogWorker.SPARK_DRIVER",
    ),
    (
        "a log type given as a string",
        spark(monitoring=cloudwatch(log_types={LogWorker.SPARK_DRIVER: ["STDERR"]})),
        "Lake/Bad: monitoring.cloudwatch_logs.log_types[LogWorker.SPARK_DRIVER][0]='STDERR': a LogType is "
        "expected, this is of type str; use LogType.STDERR",
    ),
    (
        "Prometheus given by the workspace's ARN",
        spark(monitoring=Monitoring(prometheus="arn:aws:aps:us-east-1:123456789012:workspace/ws-1")),
        "Lake/Bad: monitoring.prometheus='arn:aws:aps:us-east-1:123456789012:workspace/ws-1': a Prometheus "
        "is expected, this is of type str; use "
        "Prometheus.from_workspace_arn('arn:aws:aps:us-east-1:123456789012:workspace/ws-1')",
    ),
    (
        "a workspace ARN that is None",
        spark(monitoring=Monitoring(prometheus=Prometheus.from_workspace_arn(None))),
        "Lake/Bad: monitoring.prometheus.workspace_arn=None: a string is expected, this is of type "
        "NoneType; use a string",
    ),
    (
        "encryption given as a key",
        spark(encryption=lambda lake: lake.key),
        "Lake/Bad: encryption=<Key Lake/Key>: an Encryption is expected, this is of type Key; use "
        "Encryption.customer_managed(<Key Lake/Key>)",
    ),
    (
        "encryption given as the method",
        spark(encryption=Encryption.aws_owned),
        "Lake/Bad: encryption=<bound method Encryption.aws_owned of <class 'constructs_em…: an Encryption "
        "is expected, this is of type method; use Encryption.customer_managed(…) or Encryption.aws_owned(…)",
    ),
    (
        "a key given by its ARN",
        spark(encryption=Encryption.customer_managed("arn:aws:kms:us-east-1:123456789012:key/1")),
        "Lake/Bad: encryption.key='arn:aws:kms:us-east-1:123456789012:key/1': an IKey is expected, this is "
        "of type str; pass the construct, or import what exists with a method Key.from_…",
    ),
    (
        "a key that is a role",
        spark(encryption=lambda lake: Encryption.customer_managed(lake.role)),
        "Lake/Bad: encryption.key=<Role Lake/Role>: an IKey is expected, this is of type Role; pass the "
        "construct, or import what exists with a method Key.from_…",
    ),
    (
        "an encryption context given as a string",
        spark(encryption=Encryption.customer_managed(disk_encryption_context="team=lake")),
        "Lake/Bad: encryption.disk_encryption_context='team=lake': a mapping is expected, this is of type "
        "str; use {name: value}",
    ),
    (
        "an encryption context value that is a number",
        spark(encryption=Encryption.customer_managed(disk_encryption_context={"team": 1})),
        "Lake/Bad: encryption.disk_encryption_context['team']=1: a string is expected, this is of type int; use \"1\"",
    ),
    (
        "a role given by its ARN",
        spark(execution_role="arn:aws:iam::123456789012:role/etl"),
        "Lake/Bad: execution_role='arn:aws:iam::123456789012:role/etl': an IRole is expected, this is of "
        "type str; pass the construct, or import what exists with a method Role.from_…",
    ),
    (
        "a role given as an L1",
        spark(execution_role=lambda lake: lake.l1_role),
        "Lake/Bad: execution_role=<CfnRole Lake/L1Role>: an IRole is expected, this is of type CfnRole; "
        "pass the construct, or import what exists with a method Role.from_…",
    ),
    (
        "a role that is a user",
        spark(execution_role=lambda lake: lake.user),
        "Lake/Bad: execution_role=<User Lake/User>: an IRole is expected, this is of type User; pass the "
        "construct, or import what exists with a method Role.from_…",
    ),
    (
        "Flex given as a string",
        spark(flex_execution="on"),
        "Lake/Bad: flex_execution='on': True or False is expected, this is of type str; use True",
    ),
    (
        "Flex given as a number",
        spark(flex_execution=1),
        "Lake/Bad: flex_execution=1: True or False is expected, this is of type int; use True",
    ),
    (
        "a name that is a number",
        spark(job_name=7),
        'Lake/Bad: job_name=7: a string is expected, this is of type int; use "7"',
    ),
    (
        "a name that is bytes",
        spark(job_name=b"etl"),
        "Lake/Bad: job_name=b'etl': a string is expected, this is of type bytes; use ….decode()",
    ),
    (
        "a query given as a string",
        hive(query="SELECT 1"),
        f"Lake/Bad: query='SELECT 1': there is no such file in {Path.cwd()}; correct the path, or use "
        "Code.from_inline(…) for a text",
    ),
    (
        "an init query given as a list",
        hive(init_query=[CODE]),
        "Lake/Bad: init_query=[Code.from_uri('s3://code/etl.py')]: a Code, a string or a path is expected, "
        "this is of type list; use "
        "Code.from_uri('s3://code/etl.py')",
    ),
    (
        "Hive properties given as a string",
        hive(hive_conf="hive.a=b"),
        "Lake/Bad: hive_conf='hive.a=b': a mapping is expected, this is of type str; use {name: value}",
    ),
    (
        "a Hive property that is a number",
        hive(hive_conf={**HIVE_CONF, "hive.a": 1}),
        "Lake/Bad: hive_conf['hive.a']=1: a string is expected, this is of type int; use \"1\"",
    ),
    (
        "a release given as a string",
        application(release_label="emr-7.14.0"),
        "Lake/Bad: release_label='emr-7.14.0': a ReleaseLabel is expected, this is of type str; use "
        "ReleaseLabel.of('emr-7.14.0')",
    ),
    (
        "a release of a number",
        application(release_label=ReleaseLabel.of(714)),
        'Lake/Bad: release_label.name=714: a string is expected, this is of type int; use "714"',
    ),
    (
        "an engine given as a string",
        application(application_type="Spark"),
        "Lake/Bad: application_type='Spark': an ApplicationType is expected, this is of type str; use "
        "ApplicationType.SPARK",
    ),
    (
        "an architecture given as a string",
        application(architecture="ARM64"),
        "Lake/Bad: architecture='ARM64': an Architecture is expected, this is of type str; use Architecture.ARM64",
    ),
    (
        "initial capacity given as a list",
        application(initial_capacity=[INITIAL]),
        "Lake/Bad: initial_capacity=[InitialCapacity(worker_count=1, resources=WorkerResources(…: a "
        "mapping is expected, this is of type list; use {name: value}",
    ),
    (
        "an initial capacity's worker given as a string",
        application(initial_capacity={"DRIVER": INITIAL}),
        "Lake/Bad: initial_capacity key='DRIVER': a WorkerType is expected, this is of type str; use "
        "WorkerType.SPARK_DRIVER",
    ),
    (
        "an initial capacity given as its size",
        application(initial_capacity={WorkerType.SPARK_DRIVER: SMALL}),
        "Lake/Bad: initial_capacity[WorkerType.SPARK_DRIVER]=WorkerResources(cpu=1, memory=<aws_cdk.Size>, "
        "disk=None, di…: an InitialCapacity is expected, this is of type WorkerResources; use "
        "InitialCapacity(worker_count=…, resources=…)",
    ),
    (
        "a worker count given as a string",
        application(initial_capacity={WorkerType.SPARK_DRIVER: InitialCapacity(worker_count="2", resources=SMALL)}),
        "Lake/Bad: initial_capacity[WorkerType.SPARK_DRIVER].worker_count='2': a whole number is expected, "
        "this is of type str; use 2",
    ),
    (
        "maximum capacity given as a worker's size",
        application(maximum_capacity=SMALL),
        "Lake/Bad: maximum_capacity=WorkerResources(cpu=1, memory=<aws_cdk.Size>, disk=None, di…: a "
        "MaximumCapacity is expected, this is of type WorkerResources; use MaximumCapacity(cpu=…, memory=…)",
    ),
    (
        "a maximum memory given as a number",
        application(maximum_capacity=MaximumCapacity(cpu=400, memory=1000)),
        "Lake/Bad: maximum_capacity.memory=1000: a Size is expected, this is of type int; use "
        "Size.gibibytes(1000) or Size.mebibytes(1000)",
    ),
    (
        "auto start given as a string",
        application(auto_start="yes"),
        "Lake/Bad: auto_start='yes': True or False is expected, this is of type str; use True",
    ),
    (
        "an idle time given as a number",
        application(auto_stop_after=15),
        "Lake/Bad: auto_stop_after=15: a Duration is expected, this is of type int; use "
        "Duration.minutes(15) or Duration.seconds(15)",
    ),
    (
        "a VPC given by its id",
        application(vpc="vpc-1"),
        "Lake/Bad: vpc='vpc-1': an IVpc is expected, this is of type str; pass the construct, or import "
        "what exists with a method Vpc.from_…",
    ),
    (
        "subnets given as a list",
        application(vpc=lambda lake: lake.vpc, vpc_subnets=["subnet-1"]),
        "Lake/Bad: vpc_subnets=['subnet-1']: a SubnetSelection is expected, this is of type list; use "
        "SubnetSelection(…)",
    ),
    (
        "a security group given by its id",
        application(vpc=lambda lake: lake.vpc, security_groups=["sg-1"]),
        "Lake/Bad: security_groups[0]='sg-1': an ISecurityGroup is expected, this is of type str; pass the "
        "construct, or import what exists with a method SecurityGroup.from_…",
    ),
    (
        "an image given by its URI",
        application(image="123456789012.dkr.ecr.us-east-1.amazonaws.com/etl:1"),
        "Lake/Bad: image='123456789012.dkr.ecr.us-east-1.amazonaws.com/etl:1': an Image is expected, this "
        "is of type str; use Image(repository=…)",
    ),
    (
        "an image's repository given by its name",
        application(image=Image(repository="etl")),
        "Lake/Bad: image.repository='etl': an IRepository is expected, this is of type str; pass the "
        "construct, or import what exists with a method Repository.from_…",
    ),
    (
        "a scheduler given as a number",
        application(scheduler=5),
        "Lake/Bad: scheduler=5: a Scheduler is expected, this is of type int; use Scheduler(…)",
    ),
    (
        "a queue timeout given as a number",
        application(scheduler=Scheduler(queue_timeout=30)),
        "Lake/Bad: scheduler.queue_timeout=30: a Duration is expected, this is of type int; use "
        "Duration.minutes(30) or Duration.seconds(30)",
    ),
    (
        "interactive given as a bool",
        application(interactive=True),
        "Lake/Bad: interactive=True: an Interactive is expected, this is of type bool; use Interactive(…)",
    ),
    (
        "identity center given by its ARN",
        application(identity_center="arn:aws:sso:::instance/ssoins-1234567890abcdef"),
        "Lake/Bad: identity_center='arn:aws:sso:::instance/ssoins-1234567890abcdef': an IdentityCenter is "
        "expected, this is of type str; use IdentityCenter(instance_arn=…)",
    ),
    (
        "a removal policy given as a string",
        application(removal_policy="retain"),
        "Lake/Bad: removal_policy='retain': a RemovalPolicy is expected, this is of type str; use RemovalPolicy.RETAIN",
    ),
    (
        "a job given by its name",
        run(job="Etl"),
        "Lake/Bad: job='Etl': an IJob is expected, this is of type str; use HiveJob(…) or SparkJob(…)",
    ),
    (
        "a job given as the application",
        run(job=lambda lake: lake.spark),
        "Lake/Bad: job=<Application Lake/Spark>: an IJob is expected, this is of type Application; use "
        "HiveJob(…) or SparkJob(…)",
    ),
    (
        "a state given as a string",
        run(wait_for="RUNNING"),
        "Lake/Bad: wait_for='RUNNING': a JobRunState is expected, this is of type str; use JobRunState.RUNNING",
    ),
    (
        "a wait timeout given as a number",
        run(wait_timeout=30),
        "Lake/Bad: wait_timeout=30: a Duration is expected, this is of type int; use Duration.minutes(30) "
        "or Duration.seconds(30)",
    ),
    (
        "a run's arguments given as one string",
        run(arguments="--day 2"),
        "Lake/Bad: arguments='--day 2': a list is expected, this is of type str; use ['--day', '2']",
    ),
    (
        "a run's argument that is a number",
        run(arguments=["--day", 2]),
        'Lake/Bad: arguments[1]=2: a string is expected, this is of type int; use "2"',
    ),
    (
        "triggers given as a list",
        run(triggers=["2026-11-22"]),
        "Lake/Bad: triggers=['2026-11-22']: a mapping is expected, this is of type list; use {name: value}",
    ),
    (
        "a trigger that is a number",
        run(triggers={"version": 7}),
        "Lake/Bad: triggers['version']=7: a string is expected, this is of type int; use \"7\"",
    ),
    (
        "an imported id that is a number",
        imported(application_id=982),
        'Lake/Bad: application_id=982: a string is expected, this is of type int; use "982"',
    ),
    (
        "an imported ARN that is None",
        imported_arn(None),
        "Lake/Bad: application_arn=None: a string is expected, this is of type NoneType; use a string",
    ),
    (
        "an imported engine given as a string",
        imported(application_type="Spark"),
        "Lake/Bad: application_type='Spark': an ApplicationType is expected, this is of type str; use "
        "ApplicationType.SPARK",
    ),
    (
        "an imported release given as a string",
        imported(release_label="emr-7.14.0"),
        "Lake/Bad: release_label='emr-7.14.0': a ReleaseLabel is expected, this is of type str; use "
        "ReleaseLabel.of('emr-7.14.0')",
    ),
]

SCOPES_AND_IDS: list[Row] = [
    (
        "a scope that is a string",
        lambda _: SparkJob("Lake", "Bad", application=None, entry_point=CODE),
        "Bad: scope='Lake': a construct is expected; pass the stack, or self inside of one",
    ),
    (
        "a scope that is no construct",
        lambda _: JobRun(None, "Bad", job=None),
        "Bad: scope=None: a construct is expected; pass the stack, or self inside of one",
    ),
    (
        "a scope outside of stacks",
        lambda lake: Application(lake.stack.node.root, "Bad", release_label=ReleaseLabel.EMR_7_14_0),
        "Bad: scope=<App at the root>: it is not in a stack; pass a stack, or a construct in one",
    ),
    (
        "an id that is empty",
        lambda lake: Application(lake.stack, "", release_label=ReleaseLabel.EMR_7_14_0),
        "Lake: construct_id='': it is not a valid construct id; use a string that is not empty",
    ),
    (
        "an id that is a number",
        lambda lake: Application(lake.stack, 7, release_label=ReleaseLabel.EMR_7_14_0),
        "Lake: construct_id=7: it is not a valid construct id; use a string that is not empty",
    ),
    (
        "an id that is taken",
        lambda lake: JobRun(lake.stack, "Batch", job=lake.batch),
        "Lake/Batch: construct_id='Batch': its scope has a construct of that id; use another id",
    ),
]

FILES: list[Row] = [
    (
        "a query that is given as its text, which is longer than a path may be",
        hive(query="SELECT " + "a, " * 2000),
        "Lake/Bad: query='SELECT a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, …: there is no such "
        f"file in {Path.cwd()}; correct the path, or use Code.from_inline(…) for a text",
    ),
    (
        "an entry point with a blank in its URI",
        spark(entry_point=Code.from_uri("s3://code/my etl.py")),
        "Lake/Bad: entry_point=Code.from_uri('s3://code/my etl.py'): a blank can't be in a URI, so "
        "that Spark takes it for a path on the driver's disk; rename the file",
    ),
    (
        "an entry point with a blank in its key",
        spark(entry_point=lambda lake: Code.from_bucket(lake.bucket, "my etl.py")),
        "Lake/Bad: entry_point=Code.from_bucket(<Bucket Lake/Data>, 'my etl.py'): a blank can't be in a "
        "URI, so that Spark takes it for a path on the driver's disk; rename the file",
    ),
    (
        "an entry point given by its ARN",
        spark(entry_point=Code.from_uri("arn:aws:s3:::code/etl.py")),
        "Lake/Bad: entry_point=Code.from_uri('arn:aws:s3:::code/etl.py'): it is an ARN, and Spark takes URIs; "
        "use 's3://code/etl.py'",
    ),
    (
        "an entry point that is a bucket",
        spark(entry_point=Code.from_uri("s3://code/")),
        "Lake/Bad: entry_point=Code.from_uri('s3://code/'): it does not name a file; add the key of an object",
    ),
    (
        "an entry point that is a folder in a bucket",
        spark(entry_point=lambda lake: Code.from_bucket(lake.bucket, "jobs/")),
        "Lake/Bad: entry_point=Code.from_bucket(<Bucket Lake/Data>, 'jobs/'): it does not name a file; add the key "
        "of an object",
    ),
    (
        "an entry point that is an archive",
        spark(entry_point=Code.from_uri("s3://code/etl.tar.gz")),
        "Lake/Bad: entry_point=Code.from_uri('s3://code/etl.tar.gz'): spark-submit does not run "
        ".tar.gz files; give it to archives, and use a Python file or a jar here",
    ),
    (
        "an entry point that is a query",
        spark(entry_point=lambda lake: Code.from_bucket(lake.bucket, "daily.SQL")),
        "Lake/Bad: entry_point=Code.from_bucket(<Bucket Lake/Data>, 'daily.SQL'): spark-submit does "
        "not run .sql files; use a HiveJob, or a Python file that runs it with spark.sql(…)",
    ),
    (
        "a jar with a blank in its URI",
        spark(jars=[CODE, Code.from_uri("s3://code/my tools.jar")]),
        "Lake/Bad: jars[1]=Code.from_uri('s3://code/my tools.jar'): a blank can't be in a URI, so "
        "that Spark takes it for a path on the driver's disk; rename the file",
    ),
    (
        "a local file with a scheme",
        spark(entry_point=Code.from_asset("s3://code/etl.py")),
        "Lake/Bad: entry_point=Code.from_asset('s3://code/etl.py'): it is not a file on this machine; use "
        "Code.from_uri('s3://code/etl.py')",
    ),
    (
        "a local file that is known at deployment only",
        spark(entry_point=lambda lake: lake.string),
        "Lake/Bad: entry_point='${Token[…]}': it is not a file on this machine; use Code.from_uri('${Token[…]}')",
    ),
    (
        "a Python of an archive that is not there",
        spark(
            archives=[Code.from_uri("s3://code/env.tar.gz")],
            conf={"spark.emr-serverless.driverEnv.PYSPARK_PYTHON": "./environment/bin/python"},
        ),
        "Lake/Bad: conf['spark.emr-serverless.driverEnv.PYSPARK_PYTHON']='./environment/bin/python': no "
        "archive is unpacked in a folder 'environment'; give archives a file with .named('environment')",
    ),
    (
        "a Python in the environment without an archive",
        spark(environment={"PYSPARK_PYTHON": "environment/bin/python"}),
        "Lake/Bad: environment['PYSPARK_PYTHON']='environment/bin/python': no archive is unpacked in a "
        "folder 'environment'; give archives a file with .named('environment')",
    ),
    (
        "a local file that is not there",
        spark(entry_point=Code.from_asset("/missing/etl.py")),
        "Lake/Bad: entry_point=Code.from_asset('/missing/etl.py'): there is no such file in "
        f"{Path.cwd()}; correct the path",
    ),
    (
        "a local file that is a folder",
        spark(entry_point=Code.from_asset(Path("/"))),
        "Lake/Bad: entry_point=Code.from_asset('/'): it is a folder; use a file, such as a zip of the folder",
    ),
    (
        "a local file that is a number",
        spark(entry_point=Code.from_asset(7)),
        "Lake/Bad: entry_point=Code.from_asset(7): a path is expected; use a string or a pathlib.Path",
    ),
    (
        "a local file that is None",
        spark(jars=[Code.from_asset(None)]),
        "Lake/Bad: jars[0]=Code.from_asset(None): a path is expected; use a string or a pathlib.Path",
    ),
    (
        "an object's bucket given by its name",
        spark(entry_point=Code.from_bucket("lake", "etl.py")),
        "Lake/Bad: entry_point=Code.from_bucket('lake', 'etl.py'): an IBucket is expected; use a Bucket, or "
        "import one with Bucket.from_…",
    ),
    (
        "an object's key that is a number",
        spark(entry_point=lambda lake: Code.from_bucket(lake.bucket, 7)),
        "Lake/Bad: entry_point=Code.from_bucket(<Bucket Lake/Data>, 7): it is not a valid key of an object; use one "
        "such as 'code/etl.py'",
    ),
    (
        "an object's key that is blank",
        spark(entry_point=lambda lake: Code.from_bucket(lake.bucket, " ")),
        "Lake/Bad: entry_point=Code.from_bucket(<Bucket Lake/Data>, ' '): it is not a valid key of an object; use "
        "one such as 'code/etl.py'",
    ),
    (
        "an object's key with a slash at its start",
        spark(entry_point=lambda lake: Code.from_bucket(lake.bucket, "/code/etl.py")),
        "Lake/Bad: entry_point=Code.from_bucket(<Bucket Lake/Data>, '/code/etl.py'): it is not a "
        "valid key of an object; use one such as 'code/etl.py'",
    ),
    (
        "a URI that is empty",
        spark(entry_point=Code.from_uri("")),
        "Lake/Bad: entry_point=Code.from_uri(''): it is not a valid URI; use one such as 's3://bucket/key'",
    ),
    (
        "a URI that is a path on this machine",
        spark(entry_point=Code.from_uri("jobs/etl.py")),
        "Lake/Bad: entry_point=Code.from_uri('jobs/etl.py'): it is a path; use Code.from_asset for a file "
        "on this machine, or a URI such as 's3://bucket/key'",
    ),
    (
        "a URI that is blank",
        spark(jars=[Code.from_uri("  ")]),
        "Lake/Bad: jars[0]=Code.from_uri('  '): it is not a valid URI; use one such as 's3://bucket/key'",
    ),
    (
        "a URI that is a pathlib path",
        spark(entry_point=Code.from_uri(PurePosixPath("etl.py"))),
        "Lake/Bad: entry_point=Code.from_uri(PurePosixPath('etl.py')): it is not a valid URI; use "
        "one such as 's3://bucket/key'",
    ),
    (
        "a URI that is too long",
        spark(entry_point=Code.from_uri("s3://code/" + "x" * 4087)),
        "Lake/Bad: entry_point='s3://code/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…: it has 4097 "
        "characters; use 1 to 4,096",
    ),
    (
        "a jar's URI with a comma",
        spark(jars=[CODE, Code.from_uri("s3://code/a,b.jar")]),
        "Lake/Bad: jars[1]='s3://code/a,b.jar': spark-submit separates its files with commas; rename it",
    ),
    (
        "two files of one name",
        spark(files=["tests/conftest.py"], archives=[Code.from_uri("s3://code/env.zip").named("conftest.py")]),
        "Lake/Bad: archives[0]=Code.from_uri('s3://code/env.zip').named('conftest.py'): files[0] has the name "
        "'conftest.py' in the working folder too; give one of them another name",
    ),
    (
        "two jars of one name",
        spark(jars=[Code.from_uri("s3://one/a.jar"), Code.from_uri("s3://other/a.jar")]),
        "Lake/Bad: jars[1]=Code.from_uri('s3://other/a.jar'): jars[0] has the name 'a.jar' in the working folder too; "
        "give one of them another name",
    ),
    (
        "a text in files without a name",
        spark(files=[Code.from_inline("{}", suffix=".json")]),
        "Lake/Bad: files[0]=Code.from_inline('{}'): it has no name in the working folder; add .named('…')",
    ),
    (
        "a name for a Python file",
        spark(py_files=[Code.from_uri("s3://code/helper_2.py").named("helper.py")]),
        "Lake/Bad: py_files[0]=Code.from_uri('s3://code/helper_2.py').named('helper.py'): Spark gives no name to it, "
        "only to files and archives; leave .named(…) out",
    ),
    (
        "a name that is known at deployment for a file that is uploaded",
        lambda lake: spark(files=[Code.from_asset("tests/conftest.py").named(lake.string)])(lake),
        "Lake/Bad: files[0]=Code.from_asset('tests/conftest.py').named('${Token[…]}'): the name of a file that is "
        "uploaded has to be known at synth; use a literal string",
    ),
    (
        "a name with a slash",
        spark(archives=[Code.from_uri("s3://code/env.zip").named("a/b")]),
        "Lake/Bad: archives[0]=Code.from_uri('s3://code/env.zip').named('a/b'): it is not a valid file name; "
        "use a name without '/', '#', ',' and '%'",
    ),
    (
        "a file name that is empty",
        spark(archives=[Code.from_uri("s3://code/env.zip").named("")]),
        "Lake/Bad: archives[0]=Code.from_uri('s3://code/env.zip').named(''): it is not a valid file name; use a "
        "name without '/', '#', ',' and '%'",
    ),
    (
        "a name that is None",
        spark(archives=[Code.from_uri("s3://code/env.zip").named(None)]),
        "Lake/Bad: archives[0]=Code.from_uri('s3://code/env.zip').named(None): it is not a valid file name; use "
        "a name without '/', '#', ',' and '%'",
    ),
    (
        "a second name",
        spark(archives=[Code.from_uri("s3://code/env.zip#env").named("other")]),
        "Lake/Bad: archives[0]=Code.from_uri('s3://code/env.zip#env').named('other'): the file has the name "
        "'env' already; name it once",
    ),
    (
        "a query that is not there",
        hive(query=Code.from_asset("/missing/q.sql")),
        f"Lake/Bad: query=Code.from_asset('/missing/q.sql'): there is no such file in {Path.cwd()}; correct the path",
    ),
    (
        "an init query whose URI is too long",
        hive(init_query=Code.from_uri("s3://code/" + "x" * 247)),
        "Lake/Bad: init_query='s3://code/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…: it has 257 "
        "characters; use 1 to 256",
    ),
]

SPARK_SUBMIT_AND_WORKERS: list[Row] = [
    (
        "a main class that is blank",
        spark(main_class=" "),
        "Lake/Bad: main_class=' ': it is not a valid class name; use one such as 'org.example.Etl'",
    ),
    (
        "a main class that is empty",
        spark(main_class=""),
        "Lake/Bad: main_class='': it is not a valid class name; use one such as 'org.example.Etl'",
    ),
    (
        "a package without a version",
        spark(packages=["org.example:tools"]),
        "Lake/Bad: packages[0]='org.example:tools': these are not Maven coordinates; use "
        "groupId:artifactId:version, each package as an item of its own",
    ),
    (
        "packages in one string",
        spark(packages=["org.example:a:1,org.example:b:1"]),
        "Lake/Bad: packages[0]='org.example:a:1,org.example:b:1': these are not Maven coordinates; use "
        "groupId:artifactId:version, each package as an item of its own",
    ),
    (
        "a conf name with =",
        spark(conf={"spark.a=b": "c"}),
        "Lake/Bad: conf['spark.a=b']='c': 'spark.a=b' is not a valid name of a Spark property; use a "
        "name without '=', white space, quotes and backslashes",
    ),
    (
        "a conf name with white space",
        spark(conf={"spark.a ": "c"}),
        "Lake/Bad: conf['spark.a ']='c': 'spark.a ' is not a valid name of a Spark property; use a "
        "name without '=', white space, quotes and backslashes",
    ),
    (
        "a conf name that is empty",
        spark(conf={"": "c"}),
        "Lake/Bad: conf['']='c': '' is not a valid name of a Spark property; use a name without '=', "
        "white space, quotes and backslashes",
    ),
    (
        "conf that contradicts driver",
        spark(driver=SMALL, conf={"spark.driver.cores": "4"}),
        "Lake/Bad: conf['spark.driver.cores']='4': it contradicts driver, which sets 1; leave it out, or change driver",
    ),
    (
        "conf that contradicts executor",
        spark(executor=SMALL, conf={"spark.executor.memory": "4g"}),
        "Lake/Bad: conf['spark.executor.memory']='4g': it contradicts executor, which sets 1664m; leave it "
        "out, or change executor",
    ),
    (
        "conf that contradicts packages",
        spark(packages=["org.example:tools:1"], conf={"spark.jars.packages": "org.example:other:1"}),
        "Lake/Bad: conf['spark.jars.packages']='org.example:other:1': it contradicts packages, which sets "
        "org.example:tools:1; leave it out, or change packages",
    ),
    (
        "conf that contradicts jars",
        spark(jars=[CODE], conf={"spark.jars": "s3://code/other.jar"}),
        "Lake/Bad: conf['spark.jars']='s3://code/other.jar': it contradicts jars, which sets "
        "s3://code/etl.py; leave it out, or change jars",
    ),
    (
        "conf that contradicts environment",
        spark(environment={"A": "b"}, conf={"spark.executorEnv.A": "c"}),
        "Lake/Bad: conf['spark.executorEnv.A']='c': it contradicts environment['A'], which sets b; leave it "
        "out, or change environment['A']",
    ),
    (
        "an environment variable with a dot",
        spark(environment={"a.b": "c"}),
        "Lake/Bad: environment['a.b']='c': 'a.b' is not a valid name of an environment variable; use letters, digits "
        "and '_', and do not begin with a digit",
    ),
    (
        "double quotes and white space at the end",
        spark(conf={"spark.a": '"b" '}),
        "Lake/Bad: conf['spark.a']='\"b\" ': its double quotes need the classification spark-defaults, "
        "where a value can't have white space at its ends; leave that out",
    ),
    (
        "double quotes and line ends",
        spark(environment={"A": '{\n"b": 1}'}),
        "Lake/Bad: environment['A']='{\\n\"b\": 1}': its double quotes need the classification "
        "spark-defaults, where a value can't have line ends; write it in one line",
    ),
    (
        "double quotes in a long value",
        spark(conf={"spark.a": '"' * 1025}),
        'Lake/Bad: conf[\'spark.a\']=\'""""""""""""""""""""""""""""""""""""""""""""""""""""""""""…: its '
        "double quotes need the classification spark-defaults, where a value can't have more than "
        "1,024 characters; have the job read it from a file",
    ),
    (
        "a backslash at the end of a value of two lines",
        spark(conf={"spark.a": "b\nC:\\"}),
        "Lake/Bad: conf['spark.a']='b\\nC:\\\\': its white space, quotes or backslashes need the "
        "classification spark-defaults, where a value can't have line ends; write it in one line",
    ),
    (
        "a NUL character",
        spark(conf={"spark.a": "b \0"}),
        "Lake/Bad: conf['spark.a']='b \\x00': a process can't be given a NUL character; leave it out",
    ),
    (
        "a NUL character alone",
        spark(conf={"spark.a": "\0"}),
        "Lake/Bad: conf['spark.a']='\\x00': a process can't be given a NUL character; leave it out",
    ),
    (
        "a NUL character of an environment variable",
        spark(environment={"A": "b\0"}),
        "Lake/Bad: environment['A']='b\\x00': a process can't be given a NUL character; leave it out",
    ),
    (
        "a NUL character of a Hive property",
        hive(hive_conf=HIVE_CONF | {"hive.a": "b\0"}),
        "Lake/Bad: hive_conf['hive.a']='b\\x00': a process can't be given a NUL character; leave it out",
    ),
    (
        "a NUL character of a Hive variable",
        hive(hive_variables={"a": "b\0"}),
        "Lake/Bad: hive_variables['a']='b\\x00': it is not known how to give a variable white space, "
        "quotes or backslashes; use hive_conf, and ${hiveconf:a} in the query",
    ),
    (
        "double quotes in a property that is not Spark's",
        spark(conf={"a": '"b"'}),
        "Lake/Bad: conf['a']='\"b\"': such a value needs the classification spark-defaults, where "
        "Spark reads only names of its own; use a name that begins with 'spark.'",
    ),
    (
        "more properties in spark-defaults than there can be",
        spark(
            application=lambda lake: lake.full_spark,
            conf={"spark.x": '"b"'},
        ),
        "Lake/Bad: conf['spark.x']='\"b\"': it needs the classification spark-defaults, which has 101 "
        "properties with what the application sets there; use 100 at most",
    ),
    (
        "conf that contradicts the job's own spark-defaults",
        spark(
            conf={"spark.a": "b"},
            application_configuration=[Configuration(classification="spark-defaults", properties={"spark.a": "c"})],
        ),
        "Lake/Bad: application_configuration[0].properties['spark.a']='c': it contradicts conf['spark.a'], which "
        "sets b; leave out one of the two",
    ),
    (
        "a file with double quotes in its name",
        spark(files=[Code.from_uri('s3://code/"a".json')]),
        "Lake/Bad: files[0]=Code.from_uri('s3://code/\"a\".json'): '\"' can't be in a URI, so that "
        "Spark takes it for a path on the driver's disk; rename the file",
    ),
    (
        "a wheel in a bucket",
        spark(py_files=[Code.from_uri("s3://code/a-1.0-py3-none-any.whl")]),
        "Lake/Bad: py_files[0]='s3://code/a-1.0-py3-none-any.whl': Spark does not put a wheel on the "
        "Python path of executors; use Code.from_asset with the wheel, or upload it under a name "
        "that ends with .zip",
    ),
    (
        "a carriage return in an argument",
        spark(arguments=["a", "b\r\n"]),
        "Lake/Bad: arguments[1]='b\\r\\n': Spark's scripts remove carriage returns; leave it out",
    ),
    (
        "a carriage return in a property",
        spark(conf={"spark.a": "b\r\nc"}),
        "Lake/Bad: conf['spark.a']='b\\r\\nc': its white space, quotes or backslashes need the "
        "classification spark-defaults, where a value can't have line ends; write it in one line",
    ),
    (
        "too many arguments",
        spark(arguments=["x"] * 1025),
        "Lake/Bad: arguments=['x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x'…: it has 1025 "
        "items; use 0 to 1,024",
    ),
    (
        "parameters that are too long",
        spark(conf={"spark.a": "x" * 102400}),
        "Lake/Bad: main_class, jars, py_files, files, archives, packages, python_dependencies, catalog, "
        "conf, environment, driver, executor='--conf spark.a=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…: "
        "it has 102415 characters; use 1 to 102,400",
    ),
    (
        "a number of vCPUs that workers do not have",
        spark(driver=WorkerResources(cpu=3, memory=Size.gibibytes(8))),
        "Lake/Bad: driver.cpu=3: no worker has that number of vCPUs; use 1, 2, 4, 8, 16 or 32 vCPUs",
    ),
    (
        "too little memory for the vCPUs",
        spark(driver=WorkerResources(cpu=4, memory=Size.gibibytes(4))),
        "Lake/Bad: driver.memory='4 GiB': workers of 4 vCPUs can't have that memory size; use 8 to 30 GiB",
    ),
    (
        "memory between the steps",
        spark(driver=WorkerResources(cpu=8, memory=Size.gibibytes(18))),
        "Lake/Bad: driver.memory='18 GiB': workers of 8 vCPUs can't have that memory size; use 16 to 60 "
        "in steps of 4 GiB",
    ),
    (
        "memory that 32 vCPUs do not have",
        spark(executor=WorkerResources(cpu=32, memory=Size.gibibytes(128))),
        "Lake/Bad: executor.memory='128 GiB': workers of 32 vCPUs can't have that memory size; use 60, 120 or 244 GiB",
    ),
    (
        "memory that is not whole",
        spark(driver=WorkerResources(cpu=4, memory=Size.mebibytes(8500))),
        "Lake/Bad: driver.memory='8.30078 GiB': it is not in whole GiB; round it",
    ),
    (
        "memory that is known at deployment only",
        spark(driver=lambda lake: WorkerResources(cpu=4, memory=Size.gibibytes(lake.number))),
        "Lake/Bad: driver.memory=<aws_cdk.Size>: Spark's part of it can't be computed at deployment; use a "
        "Size with a number",
    ),
    (
        "a disk that is too small",
        spark(driver=WorkerResources(cpu=4, memory=Size.gibibytes(16), disk=Size.gibibytes(19))),
        "Lake/Bad: driver.disk='19 GiB': a disk can't have that size; use 20 to 200 whole GiB",
    ),
    (
        "a standard disk that is too large",
        spark(driver=WorkerResources(cpu=4, memory=Size.gibibytes(16), disk=Size.gibibytes(201))),
        "Lake/Bad: driver.disk='201 GiB': a disk can't have that size; use 20 to 200 whole GiB",
    ),
    (
        "a disk in a unit that can't be converted at deployment",
        spark(driver=lambda lake: WorkerResources(cpu=4, memory=Size.gibibytes(16), disk=Size.tebibytes(lake.number))),
        "Lake/Bad: driver.disk=<aws_cdk.Size>: a value that is known only at deployment can't be "
        "converted; use Size.gibibytes",
    ),
    (
        "serverless storage before emr-7.12.0",
        spark(application=lambda lake: lake.old_spark, conf=SERVERLESS_STORAGE),
        "Lake/Bad: conf['spark.aws.serverlessStorage.enabled']='true': the application's release emr-7.0.0 "
        "does not have it; use emr-7.12.0 or later",
    ),
    (
        "serverless storage of a streaming job",
        spark(mode=JobMode.STREAMING, conf=SERVERLESS_STORAGE),
        "Lake/Bad: conf['spark.aws.serverlessStorage.enabled']='true': streaming jobs do not have "
        "serverless storage; leave it out",
    ),
    (
        "serverless storage of a long job on small workers",
        spark(execution_timeout=Duration.hours(25), driver=SMALL, conf=SERVERLESS_STORAGE),
        "Lake/Bad: execution_timeout='1500 minutes': jobs with serverless storage run for a day at most; use "
        "1,440 minutes or less\n"
        "Lake/Bad: driver.cpu=1: such workers do not have serverless storage; use 4 vCPUs or more",
    ),
    (
        "an overhead that leaves nothing for the heap",
        spark(executor=SMALL, conf={"spark.executor.memoryOverhead": "1700m"}),
        "Lake/Bad: conf['spark.executor.memoryOverhead']='1700m': it leaves less than 450 MiB of "
        "executor.memory for the heap, which Spark needs; lower spark.executor.memoryOverhead, or raise "
        "executor.memory",
    ),
    (
        "an overhead that is no size",
        spark(executor=SMALL, conf={"spark.executor.memoryOverhead": "much"}),
        "Lake/Bad: conf['spark.executor.memoryOverhead']='much': it can't be subtracted from executor.memory, "
        "of which it is a part; use a size such as '2g', or a number",
    ),
    (
        "serverless storage on small workers that conf sets",
        spark(conf={**SERVERLESS_STORAGE, "spark.executor.cores": "2", "spark.executor.memory": "4g"}),
        "Lake/Bad: conf['spark.executor.cores']=2: such workers do not have serverless storage; use 4 vCPUs or more",
    ),
    (
        "more memory than a worker with such vCPUs has, in conf",
        spark(conf={"spark.driver.cores": "8", "spark.driver.memory": "60g", "spark.executor.memory": "28g"}),
        "Lake/Bad: conf['spark.driver.memory']='60g': spark.driver.memory of 60 GiB and its overhead are 66 "
        "GiB, and a worker of 8 vCPUs has 60 at most; use spark.driver.memory=55854m or less, or more "
        "vCPUs\nLake/Bad: conf['spark.executor.memory']='28g': spark.executor.memory of 28 GiB and its "
        "overhead are 30.8 GiB, and a worker of 4 vCPUs has 30 at most; use spark.executor.memory=27927m or "
        "less, or more vCPUs",
    ),
    (
        "vCPUs that no worker has, in conf",
        spark(conf={"spark.driver.cores": "3"}),
        "Lake/Bad: conf['spark.driver.cores']=3: no worker has that number of vCPUs; use 1, 2, 4, 8, 16 or 32 vCPUs",
    ),
    (
        "a disk that is too small, in conf",
        spark(conf={"spark.emr-serverless.executor.disk": "10g"}),
        "Lake/Bad: conf['spark.emr-serverless.executor.disk']='10g': a disk can't have that size; use 20g to 200g",
    ),
    (
        "a disk that is too large, in the job's configuration",
        spark(
            application_configuration=[
                Configuration(
                    classification="spark-defaults",
                    properties={
                        "spark.emr-serverless.driver.disk": "2001g",
                        "spark.emr-serverless.driver.disk.type": "shuffle_optimized",
                    },
                )
            ]
        ),
        "Lake/Bad: "
        "application_configuration[0].properties['spark.emr-serverless.driver.disk']='2001g': a disk "
        "can't have that size; use 20g to 2000g",
    ),
    (
        "fewer executors at most than a job starts with",
        spark(conf={"spark.dynamicAllocation.maxExecutors": "2"}),
        "Lake/Bad: conf['spark.dynamicAllocation.maxExecutors']='2': a job starts with 3 executors by default, "
        "which is more; set spark.dynamicAllocation.initialExecutors to 2 or less, too",
    ),
    (
        "more executors at least than at most",
        spark(conf={"spark.dynamicAllocation.minExecutors": "5", "spark.dynamicAllocation.maxExecutors": "4"}),
        "Lake/Bad: conf['spark.dynamicAllocation.maxExecutors']='4': it is less than "
        "spark.dynamicAllocation.minExecutors, which is 5; "
        "raise it, or lower the other",
    ),
    (
        "more executors at first than at most, which the application sets",
        spark(application=lambda lake: lake.small_spark, conf={"spark.dynamicAllocation.initialExecutors": "9"}),
        "Lake/Bad: application.runtime_configuration['spark.dynamicAllocation.maxExecutors']='8': it is less "
        "than spark.dynamicAllocation.initialExecutors, which is 9; raise it, or lower the other",
    ),
    (
        "a shuffle-optimized disk before emr-7.1.0",
        spark(application=lambda lake: lake.old_spark, driver=SHUFFLE),
        "Lake/Bad: driver.disk_type=DiskType.SHUFFLE_OPTIMIZED: the application's release emr-7.0.0 does "
        "not have it; use emr-7.1.0 or later",
    ),
]

JOBS: list[Row] = [
    (
        "the log group of a job without logs in CloudWatch",
        lambda lake: spark_job(lake, monitoring=cloudwatch(enabled=False)).log_group,
        "Lake/Bad: there is no log group, as monitoring.cloudwatch_logs are disabled; enable them",
    ),
    (
        "the key of a job without a key",
        lambda lake: spark_job(lake, encryption=Encryption.aws_owned()).encryption_key,
        "Lake/Bad: there is no key, as encryption is Encryption.aws_owned(); use Encryption.customer_managed(…)",
    ),
    (
        "a SparkJob on a Hive application",
        spark(application=lambda lake: lake.hive),
        "Lake/Bad: application=<Application Lake/Hive>: it is a Hive application; use a HiveJob",
    ),
    (
        "a HiveJob on a Spark application",
        hive(application=lambda lake: lake.spark),
        "Lake/Bad: application=<Application Lake/Spark>: it is a Spark application; use a SparkJob",
    ),
    (
        "streaming before emr-7.1.0",
        spark(application=lambda lake: lake.old_spark, mode=JobMode.STREAMING),
        "Lake/Bad: mode=JobMode.STREAMING: the application's release emr-7.0.0 does not have it; use "
        "emr-7.1.0 or later",
    ),
    (
        "streaming before emr-7.1.0 on an imported application",
        spark(application=lambda lake: lake.imported_old_spark, mode=JobMode.STREAMING),
        "Lake/Bad: mode=JobMode.STREAMING: the application's release emr-7.0.0 does not have it; use "
        "emr-7.1.0 or later",
    ),
    (
        "a timeout for streaming",
        spark(mode=JobMode.STREAMING, execution_timeout=Duration.hours(1)),
        "Lake/Bad: execution_timeout='60 minutes': a streaming job has no time limit; leave it out",
    ),
    (
        "a timeout of nothing",
        spark(execution_timeout=Duration.minutes(0)),
        "Lake/Bad: execution_timeout='0 minutes': a batch job can't have that limit; use 5 to 10,080 minutes",
    ),
    (
        "an execution timeout that is too short",
        spark(execution_timeout=Duration.minutes(4)),
        "Lake/Bad: execution_timeout='4 minutes': a batch job can't have that limit; use 5 to 10,080 minutes",
    ),
    (
        "an execution timeout that is too short, on a release that has no limit too",
        hive(application=lambda lake: lake.old_hive, execution_timeout=Duration.minutes(1)),
        "Lake/Bad: execution_timeout='1 minutes': a batch job can't have that limit; use 5 to 1,000,000 minutes, "
        "or 0 for no limit",
    ),
    (
        "a timeout that is not in whole minutes",
        spark(execution_timeout=Duration.seconds(90)),
        "Lake/Bad: execution_timeout=<Duration 1 minute 30 seconds>: it is not a whole number of minutes; round it",
    ),
    (
        "a timeout of more than a week",
        spark(execution_timeout=Duration.days(8)),
        "Lake/Bad: execution_timeout='11520 minutes': a batch job can't have that limit; use 5 to 10,080 minutes",
    ),
    (
        "a timeout that no release allows",
        spark(application=lambda lake: lake.old_spark, execution_timeout=Duration.days(700)),
        "Lake/Bad: execution_timeout=1008000: it is out of range; use 0 to 1,000,000",
    ),
    (
        "a timeout that can't be converted at deployment",
        spark(execution_timeout=lambda lake: Duration.hours(lake.number)),
        "Lake/Bad: execution_timeout=<Duration <token> hours>: a value that is known only at "
        "deployment can't be converted; use Duration.minutes",
    ),
    (
        "attempts for streaming",
        spark(mode=JobMode.STREAMING, retry_policy=RetryPolicy.attempts(3)),
        "Lake/Bad: retry_policy={'maxAttempts': 3}: streaming jobs are always restarted; use "
        "RetryPolicy.failures_per_hour(…)",
    ),
    (
        "failures an hour for batch",
        spark(retry_policy=RetryPolicy.failures_per_hour(3)),
        "Lake/Bad: retry_policy={'maxFailedAttemptsPerHour': 3}: a limit of failures an hour is for streaming jobs; "
        "use RetryPolicy.attempts(…)",
    ),
    (
        "no attempts",
        spark(retry_policy=RetryPolicy.attempts(0)),
        "Lake/Bad: retry_policy.max_attempts=0: it is out of range; use at least 1",
    ),
    (
        "too many attempts",
        spark(retry_policy=RetryPolicy.attempts(11)),
        "Lake/Bad: retry_policy.max_attempts=11: it is out of range; use 1 to 10",
    ),
    (
        "too many failures an hour",
        spark(mode=JobMode.STREAMING, retry_policy=RetryPolicy.failures_per_hour(11)),
        "Lake/Bad: retry_policy.max_failed_attempts_per_hour=11: it is out of range; use 1 to 10",
    ),
    (
        "a retry policy that says nothing",
        spark(retry_policy=RetryPolicy()),
        "Lake/Bad: retry_policy=RetryPolicy(max_attempts=None, max_failed_attempts_per_hour…: it is "
        "empty; use attempts(…) or failures_per_hour(…)",
    ),
    (
        "a retry policy that says two things",
        spark(retry_policy=RetryPolicy(max_attempts=1, max_failed_attempts_per_hour=1)),
        "Lake/Bad: retry_policy={'maxAttempts': 1, 'maxFailedAttemptsPerHour': 1}: a limit of "
        "failures an hour is for streaming jobs; use RetryPolicy.attempts(…)",
    ),
    (
        "retries before emr-7.1.0",
        spark(application=lambda lake: lake.old_spark, retry_policy=RetryPolicy.attempts(2)),
        "Lake/Bad: retry_policy={'maxAttempts': 2}: the application's release emr-7.0.0 does not have it; "
        "use emr-7.1.0 or later",
    ),
    (
        "Flex for streaming",
        spark(mode=JobMode.STREAMING, flex_execution=True),
        "Lake/Bad: flex_execution=True: flex execution is for batch jobs of Spark; leave it out",
    ),
    (
        "a name that is empty",
        spark(job_name=""),
        "Lake/Bad: job_name='': it has 0 characters; use 1 to 256",
    ),
    (
        "a name that is blank",
        spark(job_name=" "),
        "Lake/Bad: job_name=' ': the service does not accept it; it can't be blank",
    ),
    (
        "a name that is too long",
        spark(job_name="x" * 257),
        "Lake/Bad: job_name='xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…: it has 257 "
        "characters; use 1 to 256",
    ),
    (
        "Hive without its scratch folder",
        hive(hive_conf={"hive.metastore.warehouse.dir": "s3://lake/warehouse"}),
        "Lake/Bad: hive_conf={'hive.metastore.warehouse.dir': 's3://lake/warehouse'}: Hive needs "
        'hive.exec.scratchdir; add {"hive.exec.scratchdir": "s3://…"}',
    ),
    (
        "Hive without any properties",
        hive(hive_conf=None),
        'Lake/Bad: hive_conf={}: Hive needs hive.exec.scratchdir; add {"hive.exec.scratchdir": "s3://…"}\n'
        "Lake/Bad: hive_conf={}: Hive needs hive.metastore.warehouse.dir; add "
        '{"hive.metastore.warehouse.dir": "s3://…"}',
    ),
    (
        "a Hive property's name with =",
        hive(hive_conf={**HIVE_CONF, "hive.a=b": "c"}),
        "Lake/Bad: hive_conf['hive.a=b']='c': 'hive.a=b' is not a valid name of a Hive property; use "
        "a name without '=', white space, quotes and backslashes",
    ),
    (
        "a Hive property with white space at its end",
        hive(hive_conf={**HIVE_CONF, "hive.a": "b "}),
        "Lake/Bad: hive_conf['hive.a']='b ': its white space, quotes or backslashes need the "
        "classification hive-site, where a value can't have white space at its ends; leave that out",
    ),
    (
        "a Hive variable with a dot",
        hive(hive_variables={"a.b": "c"}),
        "Lake/Bad: hive_variables['a.b']='c': 'a.b' is not a valid name of a variable; use letters, "
        "digits and '_', and "
        "do not begin with a digit",
    ),
    (
        "a Hive variable with white space",
        hive(hive_variables={"a": "b c"}),
        "Lake/Bad: hive_variables['a']='b c': it is not known how to give a variable white space, "
        "quotes or backslashes; use hive_conf, and ${hiveconf:a} in the query",
    ),
    (
        "an inline query that is empty",
        hive(query=Code.from_inline(" ")),
        "Lake/Bad: query=Code.from_inline(' '): it is not a text; use a string with the query or the code",
    ),
    (
        "an inline query with another name",
        hive(query=Code.from_inline("SELECT 1", suffix="q.sql")),
        "Lake/Bad: query=Code.from_inline('SELECT 1'): 'q.sql' is not a valid file name extension; "
        "use one such as '.sql'",
    ),
    (
        "hive_conf that contradicts the job's own hive-site",
        hive(
            hive_conf={**HIVE_CONF, "hive.a": "b"},
            application_configuration=[Configuration(classification="hive-site", properties={"hive.a": "c"})],
        ),
        "Lake/Bad: application_configuration[0].properties['hive.a']='c': it contradicts hive_conf, which sets b; "
        "leave out one of the two",
    ),
]

CONFIGURATION_AND_ENCRYPTION: list[Row] = [
    (
        "a classification that is empty",
        spark(application_configuration=[Configuration(classification="")]),
        "Lake/Bad: application_configuration[0].classification='': it has 0 characters; use 1 to 1,024",
    ),
    (
        "a classification that is blank",
        spark(application_configuration=[Configuration(classification=" ")]),
        "Lake/Bad: application_configuration[0].classification=' ': the service does not accept it; it can't be blank",
    ),
    (
        "a classification that is too long",
        spark(application_configuration=[Configuration(classification="x" * 1025)]),
        "Lake/Bad: application_configuration[0].classification='xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        "xxxxxxxxxxxxxxx…: it has 1025 characters; use 1 to 1,024",
    ),
    (
        "too many configurations",
        spark(application_configuration=[Configuration(classification="a")] * 101),
        "Lake/Bad: application_configuration=[{'classification': 'a'}, {'classification': 'a'}, {'classi…: "
        "it has 101 items; use 0 to 100",
    ),
    (
        "too many properties",
        spark(
            application_configuration=[Configuration(classification="a", properties={str(n): "b" for n in range(101)})]
        ),
        "Lake/Bad: application_configuration[0].properties={'0': 'b', '1': 'b', '2': 'b', '3': 'b', '4': "
        "'b', '5': 'b'…: it has 101 entries; use 0 to 100",
    ),
    (
        "a property name that is blank",
        spark(application_configuration=[Configuration(classification="a", properties={" ": "b"})]),
        "Lake/Bad: application_configuration[0].properties key=' ': the service does not accept it; it can't be blank",
    ),
    (
        "a property value that is too long",
        spark(application_configuration=[Configuration(classification="a", properties={"b": "x" * 1025})]),
        "Lake/Bad: application_configuration[0].properties['b']='xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        "xxxxxxxxxxxxxxxx…: it has 1025 characters; use 0 to 1,024",
    ),
    (
        "a nested property value that is too long",
        spark(
            application_configuration=[
                Configuration(
                    classification="a", configurations=[Configuration(classification="b", properties={"c": "x" * 1025})]
                )
            ]
        ),
        "Lake/Bad: application_configuration[0].configurations[0].properties['c']='xxxxxxxxxxxxxxxxxxxxxxxx"
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…: it has 1025 characters; use 0 to 1,024",
    ),
    (
        "a session policy that says nothing",
        spark(execution_iam_policy=ExecutionIamPolicy()),
        "Lake/Bad: execution_iam_policy=ExecutionIamPolicy(document=None, managed_policies=()): it "
        "is empty; give it a document or managed policies",
    ),
    (
        "a session policy without statements",
        spark(execution_iam_policy=lambda _: ExecutionIamPolicy(document=iam.PolicyDocument())),
        "Lake/Bad: execution_iam_policy.document=<aws_cdk.aws_iam.PolicyDocument>: it has no statements; "
        "add statements, or leave it out",
    ),
    (
        "a session policy's statement without resources",
        spark(execution_iam_policy=lambda _: session_policy(actions=["s3:GetObject"])),
        "Lake/Bad: execution_iam_policy.document=<aws_cdk.aws_iam.PolicyDocument>: A PolicyStatement used "
        "in an identity-based policy must specify at least one resource.; correct the statement",
    ),
    (
        "a session policy that is too long",
        spark(
            execution_iam_policy=lambda _: session_policy(
                actions=["s3:GetObject"], resources=["arn:aws:s3:::" + "x" * 2048]
            )
        ),
        'Lake/Bad: execution_iam_policy.document=\'{"Statement":[{"Action":"s3:GetObject","Effect":"Allow","'
        "R…: it has 2156 characters; use 1 to 2,048",
    ),
    (
        "a session policy that is too long whatever its tokens are",
        spark(
            execution_iam_policy=lambda lake: session_policy(
                actions=["s3:GetObject"], resources=[lake.bucket.arn_for_objects("x" * 2048)]
            )
        ),
        'Lake/Bad: execution_iam_policy.document=\'{"Statement":[{"Action":"s3:GetObject","Effect":"Allow","'
        "R…: it has 2144 characters; use 1 to 2,048",
    ),
    (
        "a session policy with letters that the service does not take",
        spark(
            execution_iam_policy=lambda _: session_policy(actions=["s3:GetObject"], resources=["arn:aws:s3:::lake/数"])
        ),
        "Lake/Bad: "
        'execution_iam_policy.document=\'{"Statement":[{"Action":"s3:GetObject","Effect":"Allow","R…: the '
        "service does not accept '数' in it; use a text that matches ([    -ÿ]+)",
    ),
    (
        "too many managed policies",
        spark(execution_iam_policy=lambda lake: ExecutionIamPolicy(managed_policies=[lake.managed_policy] * 11)),
        "Lake/Bad: execution_iam_policy.managed_policies=['arn:aws:iam::123456789012:policy/etl', "
        "'arn:aws:iam::1234…: it has 11 items; use 0 to 10",
    ),
    (
        "too many entries of an encryption context",
        spark(encryption=Encryption.customer_managed(disk_encryption_context={str(n): "x" for n in range(9)})),
        "Lake/Bad: encryption.disk_encryption_context={'0': 'x', '1': 'x', '2': 'x', '3': 'x', '4': 'x', "
        "'5': 'x'…: it has 9 entries; use 0 to 8",
    ),
    (
        "an encryption context name that is too long",
        spark(encryption=Encryption.customer_managed(disk_encryption_context={"x" * 129: "y"})),
        "Lake/Bad: encryption.disk_encryption_context "
        "key='xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…: it has 129 characters; use 1 to "
        "128",
    ),
    (
        "an encryption context value that is empty",
        spark(encryption=Encryption.customer_managed(disk_encryption_context={"team": ""})),
        "Lake/Bad: encryption.disk_encryption_context['team']='': it has 0 characters; use 1 to 384",
    ),
    (
        "an encryption context value that is too long",
        spark(encryption=Encryption.customer_managed(disk_encryption_context={"team": "x" * 385})),
        "Lake/Bad: encryption.disk_encryption_context['team']='xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        "xxxxxxxxxxxxxx…: it has 385 characters; use 1 to 384",
    ),
    (
        "an encryption context for keys of AWS",
        spark(encryption=Encryption(is_customer_managed=False, disk_encryption_context={"team": "lake"})),
        "Lake/Bad: encryption.disk_encryption_context={'team': 'lake'}: keys that AWS owns have no such setting; "
        "use Encryption.customer_managed(…)",
    ),
    (
        "a key of one's own for keys of AWS",
        spark(encryption=lambda lake: Encryption(is_customer_managed=False, key=lake.key)),
        "Lake/Bad: encryption.key=<Key Lake/Key>: keys that AWS owns have no such setting; use "
        "Encryption.customer_managed(…)",
    ),
    (
        "an alias of a bucket's logs instead of a key",
        spark(monitoring=lambda lake: Monitoring(s3_logs=S3Logs(bucket=lake.bucket, encryption_key=lake.alias))),
        "Lake/Bad: monitoring.s3_logs.encryption_key=<Alias Lake/Alias>: the service does not take aliases; use "
        "the key that it stands for",
    ),
    (
        "an alias instead of a key",
        spark(encryption=lambda lake: Encryption.customer_managed(lake.alias)),
        "Lake/Bad: encryption.key=<Alias Lake/Alias>: the service does not take aliases; use the key "
        "that it stands for",
    ),
]

MONITORING: list[Row] = [
    (
        "a retention for a log group of your own",
        spark(
            monitoring=lambda lake: cloudwatch(log_group=lake.odd_log_group, log_retention=logs.RetentionDays.ONE_WEEK)
        ),
        "Lake/Bad: monitoring.cloudwatch_logs.log_retention=RetentionDays.ONE_WEEK: the log group has its "
        "own; give it to the log group, or leave out log_group\n"
        "Lake/Bad: monitoring.cloudwatch_logs.log_group='/lake logs': the service does not accept ' ' in "
        "it; use a text that matches [\\.\\-_/#A-Za-z0-9]+",
    ),
    (
        "a retention given as a number of days",
        spark(monitoring=cloudwatch(log_retention=7)),
        "Lake/Bad: monitoring.cloudwatch_logs.log_retention=7: a RetentionDays is expected, this is of type "
        "int; use one of RetentionDays.ONE_DAY, RetentionDays.THREE_DAYS, RetentionDays.FIVE_DAYS, "
        "RetentionDays.ONE_WEEK, RetentionDays.TWO_WEEKS, RetentionDays.ONE_MONTH, "
        "RetentionDays.TWO_MONTHS, RetentionDays.THREE_MONTHS, RetentionDays.FOUR_MONTHS, "
        "RetentionDays.FIVE_MONTHS, …",
    ),
    (
        "a log type that the worker does not write",
        spark(monitoring=cloudwatch(log_types={LogWorker.SPARK_DRIVER: [LogType.HIVE_LOG]})),
        "Lake/Bad: monitoring.cloudwatch_logs.log_types['SPARK_DRIVER']='HIVE_LOG': the worker does not "
        "write such a log; use LogType.STDERR, LogType.STDOUT",
    ),
    (
        "log types of a Hive worker for Spark",
        spark(monitoring=cloudwatch(log_types={LogWorker.TEZ_TASK: [LogType.STDERR]})),
        "Lake/Bad: monitoring.cloudwatch_logs.log_types['TEZ_TASK']=['STDERR']: Spark has no such worker; "
        "use LogWorker.SPARK_DRIVER or LogWorker.SPARK_EXECUTOR",
    ),
    (
        "log types of a Spark worker for Hive",
        hive(monitoring=cloudwatch(log_types={LogWorker.SPARK_DRIVER: [LogType.STDERR]})),
        "Lake/Bad: monitoring.cloudwatch_logs.log_types['SPARK_DRIVER']=['STDERR']: Hive has no such "
        "worker; use LogWorker.HIVE_DRIVER or LogWorker.TEZ_TASK",
    ),
    (
        "no log types",
        spark(monitoring=cloudwatch(log_types={})),
        "Lake/Bad: monitoring.cloudwatch_logs.log_types={}: it has 0 entries; use 1 to 4",
    ),
    (
        "no log types of a worker",
        spark(monitoring=cloudwatch(log_types={LogWorker.SPARK_DRIVER: []})),
        "Lake/Bad: monitoring.cloudwatch_logs.log_types['SPARK_DRIVER']=[]: it has 0 items; use 1 to 5",
    ),
    (
        "a stream name prefix with a colon",
        spark(monitoring=cloudwatch(log_stream_name_prefix="a:b")),
        "Lake/Bad: monitoring.cloudwatch_logs.log_stream_name_prefix='a:b': the service does not accept ':' "
        "in it; use a text that matches [^:*]*",
    ),
    (
        "a stream name prefix that is empty",
        spark(monitoring=cloudwatch(log_stream_name_prefix="")),
        "Lake/Bad: monitoring.cloudwatch_logs.log_stream_name_prefix='': it has 0 characters; use 1 to 512",
    ),
    (
        "a log group name that the service does not take",
        spark(monitoring=lambda lake: cloudwatch(log_group=lake.odd_log_group)),
        "Lake/Bad: monitoring.cloudwatch_logs.log_group='/lake logs': the service does not accept ' ' in "
        "it; use a text that matches [\\.\\-_/#A-Za-z0-9]+",
    ),
    (
        "settings of CloudWatch logs that are disabled",
        spark(monitoring=cloudwatch(enabled=False, log_stream_name_prefix="etl")),
        "Lake/Bad: monitoring.cloudwatch_logs.log_stream_name_prefix='etl': the logs are disabled; leave "
        "it out, or enable them",
    ),
    (
        "a key of managed logs that are disabled",
        spark(monitoring=lambda lake: Monitoring(managed_logs=ManagedLogs(enabled=False, encryption_key=lake.key))),
        "Lake/Bad: monitoring.managed_logs.encryption_key=<Key Lake/Key>: the logs are disabled; leave it "
        "out, or enable them",
    ),
    (
        "an S3 prefix with a slash at its start",
        spark(monitoring=lambda lake: Monitoring(s3_logs=S3Logs(bucket=lake.bucket, prefix="/logs/"))),
        "Lake/Bad: monitoring.s3_logs.prefix='/logs/': it begins with a slash, or names a bucket; use 'logs'",
    ),
    (
        "an S3 prefix that is a URI",
        spark(monitoring=lambda lake: Monitoring(s3_logs=S3Logs(bucket=lake.bucket, prefix="s3://lake/logs"))),
        "Lake/Bad: monitoring.s3_logs.prefix='s3://lake/logs': it begins with a slash, or names a "
        "bucket; leave out the bucket",
    ),
    (
        "Prometheus before emr-7.1.0",
        spark(application=lambda lake: lake.old_spark, monitoring=WORKSPACE),
        "Lake/Bad: monitoring.prometheus='https://aps-workspaces.us-east-1.amazonaws.com/workspaces/…: the "
        "application's release emr-7.0.0 does not have it; use emr-7.1.0 or later",
    ),
    (
        "Prometheus for Hive",
        hive(monitoring=WORKSPACE),
        "Lake/Bad: monitoring.prometheus='Hive': Prometheus gets metrics of Spark jobs; leave it out",
    ),
    (
        "a workspace ARN that is none",
        spark(monitoring=Monitoring(prometheus=Prometheus.from_workspace_arn("ws-1"))),
        "Lake/Bad: monitoring.prometheus.workspace_arn='ws-1': it is not the ARN of a workspace; use "
        "arn:aws:aps:REGION:ACCOUNT:workspace/ID",
    ),
    (
        "a workspace ARN of something else",
        spark(
            monitoring=Monitoring(
                prometheus=Prometheus(workspace_arn="arn:aws:s3:::lake", remote_write_url=REMOTE_WRITE)
            )
        ),
        "Lake/Bad: monitoring.prometheus.workspace_arn='arn:aws:s3:::lake': it is not the ARN of a workspace; "
        "use arn:aws:aps:REGION:ACCOUNT:workspace/ID",
    ),
    (
        "a remote write URL of something else",
        spark(
            monitoring=Monitoring(
                prometheus=Prometheus(
                    workspace_arn=WORKSPACE_ARN, remote_write_url="https://prometheus.example.org/write"
                )
            )
        ),
        "Lake/Bad: monitoring.prometheus.remote_write_url='https://prometheus.example.org/write': the "
        "service does not accept it; use a text that matches "
        "https://aps-workspaces.([a-z]{2}-[a-z-]{1,20}-[1-9]).amazonaws(.[0-9A-Za-z]{2,4})+/workspaces/[-_."
        "0-9A-Za-z]{1,100}/api/v1/remote_write",
    ),
]

APPLICATIONS: list[Row] = [
    (
        "the connections of an application without a VPC",
        lambda lake: lake.spark.connections,
        "Lake/Spark: there are no connections, as the application is in no VPC; give it a vpc",
    ),
    (
        "an image with a tag and a digest",
        application(image=lambda lake: Image(repository=lake.repository, tag="1", digest=f"sha256:{0:064x}")),
        "Lake/Bad: image.digest='sha256:000000000000000000000000000000000000000000000000000…: the image has "
        "a tag too; leave out one of the two",
    ),
    (
        "an image's digest without its algorithm",
        application(image=lambda lake: Image(repository=lake.repository, digest=f"{0:064x}")),
        "Lake/Bad: image.digest='0000000000000000000000000000000000000000000000000000000000…: it is "
        "not a valid image digest; use 'sha256:' and 64 hexadecimal digits",
    ),
    (
        "a release without emr-",
        application(release_label=ReleaseLabel.of("7.14")),
        "Lake/Bad: release_label='7.14': it is not a valid release label; use one such as emr-7.14.0",
    ),
    (
        "a release with a letter that the service does not take",
        application(release_label=ReleaseLabel.of("emr-7.14.0 ")),
        "Lake/Bad: release_label='emr-7.14.0 ': it is not a valid release label; use one such as emr-7.14.0",
    ),
    (
        "a release that has no Hive",
        application(release_label=ReleaseLabel.EMR_SPARK_8_0_0, application_type=ApplicationType.HIVE),
        "Lake/Bad: release_label='emr-spark-8.0.0': it has no Hive; use one such as emr-7.14.0",
    ),
    (
        "an application name that is empty",
        application(application_name=""),
        "Lake/Bad: application_name='': it has 0 characters; use 1 to 64",
    ),
    (
        "an application name that is too long",
        application(application_name="x" * 65),
        "Lake/Bad: application_name='xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…: it has "
        "65 characters; use 1 to 64",
    ),
    (
        "an application name with a space",
        application(application_name="my lake"),
        "Lake/Bad: application_name='my lake': the service does not accept ' ' in it; use a text that matches "
        "[A-Za-z0-9._/#-]+",
    ),
    (
        "a worker of the other engine",
        application(initial_capacity={WorkerType.TEZ_TASK: INITIAL}),
        "Lake/Bad: initial_capacity[WorkerType.TEZ_TASK]=WorkerType.TEZ_TASK: a Spark application has no "
        "such worker; use WorkerType.SPARK_DRIVER or WorkerType.SPARK_EXECUTOR",
    ),
    (
        "no workers of a kind",
        application(initial_capacity={WorkerType.SPARK_DRIVER: InitialCapacity(worker_count=0, resources=SMALL)}),
        "Lake/Bad: initial_capacity[WorkerType.SPARK_DRIVER].worker_count=0: it is out of range; use 1 or more",
    ),
    (
        "an initial worker of a size that there is not",
        application(
            initial_capacity={
                WorkerType.SPARK_DRIVER: InitialCapacity(
                    worker_count=1, resources=WorkerResources(cpu=2, memory=Size.gibibytes(20))
                )
            }
        ),
        "Lake/Bad: initial_capacity[WorkerType.SPARK_DRIVER].resources.memory='20 GiB': workers of 2 vCPUs "
        "can't have that memory size; use 4 to 16 GiB",
    ),
    (
        "shuffle-optimized initial workers before emr-7.1.0",
        application(
            release_label=ReleaseLabel.EMR_7_0_0,
            initial_capacity={WorkerType.SPARK_DRIVER: InitialCapacity(worker_count=1, resources=SHUFFLE)},
        ),
        "Lake/Bad: initial_capacity[WorkerType.SPARK_DRIVER].resources.disk_type=DiskType.SHUFFLE_OPTIMIZED"
        ": the application's release emr-7.0.0 does not have it; use emr-7.1.0 or later",
    ),
    (
        "a maximum of no vCPUs",
        application(maximum_capacity=MaximumCapacity(cpu=0, memory=Size.gibibytes(8))),
        "Lake/Bad: maximum_capacity.cpu=0: it is out of range; use 1 or more",
    ),
    (
        "a maximum of memory that is not whole",
        application(maximum_capacity=MaximumCapacity(cpu=4, memory=Size.mebibytes(1500))),
        "Lake/Bad: maximum_capacity.memory='1.46484 GiB': it is not in whole GiB; round it",
    ),
    (
        "a maximum of no disk",
        application(maximum_capacity=MaximumCapacity(cpu=4, memory=Size.gibibytes(8), disk=Size.gibibytes(0))),
        "Lake/Bad: maximum_capacity.disk='0 GiB': it is out of range; use 1 GiB or more",
    ),
    (
        "an idle time that is too long",
        application(auto_stop_after=Duration.days(8)),
        "Lake/Bad: auto_stop_after='11520 minutes': it is out of range; use 1 to 10,080 minutes",
    ),
    (
        "an idle time of nothing",
        application(auto_stop_after=Duration.minutes(0)),
        "Lake/Bad: auto_stop_after='0 minutes': it is out of range; use 1 to 10,080 minutes",
    ),
    (
        "an idle time that is not in whole minutes",
        application(auto_stop_after=Duration.seconds(90)),
        "Lake/Bad: auto_stop_after=<Duration 1 minute 30 seconds>: it is not a whole number of minutes; round it",
    ),
    (
        "an idle time of what never stops",
        application(auto_stop=False, auto_stop_after=Duration.minutes(5)),
        "Lake/Bad: auto_stop_after='5 minutes': auto_stop=False says that it never stops; leave out one of the two",
    ),
    (
        "subnets without a VPC",
        application(vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC)),
        "Lake/Bad: vpc_subnets=SubnetSelection(subnet_type=<SubnetType.PUBLIC: 'PUBLIC'>): it belongs to a "
        "VPC; give vpc too, or leave it out",
    ),
    (
        "security groups without a VPC",
        application(security_groups=[]),
        "Lake/Bad: security_groups=[]: it belongs to a VPC; give vpc too, or leave it out",
    ),
    (
        "too many security groups",
        application(vpc=lambda lake: lake.vpc, security_groups=lambda lake: [lake.security_group] * 6),
        "Lake/Bad: security_groups=['sg-1', 'sg-1', 'sg-1', 'sg-1', 'sg-1', 'sg-1']: it has 6 items; use 0 to 5",
    ),
    (
        "subnets that the VPC does not have",
        application(vpc=lambda lake: lake.vpc, vpc_subnets=ec2.SubnetSelection(subnet_group_name="Data")),
        "Lake/Bad: vpc_subnets=SubnetSelection(subnet_group_name='Data'): There are no subnet groups with "
        "name 'Data' in this VPC. Available names: Public,Private; select subnets that the VPC has",
    ),
    (
        "a VPC without private subnets",
        application(vpc=lambda lake: lake.public_vpc),
        "Lake/Bad: vpc_subnets=None: There are no 'Private' subnet groups in this VPC. Available types: "
        "Public; select subnets that the VPC has",
    ),
    (
        "an image before emr-6.9.0",
        application(release_label=ReleaseLabel.of("emr-6.8.0"), image=lambda lake: Image(repository=lake.repository)),
        "Lake/Bad: image='latest': the application's release emr-6.8.0 does not have it; use emr-6.9.0 or later",
    ),
    (
        "an image's tag that is empty",
        application(image=lambda lake: Image(repository=lake.repository, tag="")),
        "Lake/Bad: image.tag='': it is not a valid image tag; use one such as 'latest'",
    ),
    (
        "an image of a worker of the other engine",
        application(worker_images=lambda lake: {WorkerType.HIVE_DRIVER: Image(repository=lake.repository)}),
        "Lake/Bad: worker_images[WorkerType.HIVE_DRIVER]=WorkerType.HIVE_DRIVER: a Spark application has "
        "no such worker; use WorkerType.SPARK_DRIVER or WorkerType.SPARK_EXECUTOR",
    ),
    (
        "a scheduler before emr-7.0.0",
        application(release_label=ReleaseLabel.EMR_6_15_0, scheduler=Scheduler(max_concurrent_runs=5)),
        "Lake/Bad: scheduler=5: the application's release emr-6.15.0 does not have it; use emr-7.0.0 or later",
    ),
    (
        "too many concurrent runs",
        application(scheduler=Scheduler(max_concurrent_runs=1001)),
        "Lake/Bad: scheduler.max_concurrent_runs=1001: it is out of range; use 1 to 1,000",
    ),
    (
        "a queue timeout that is too short",
        application(scheduler=Scheduler(queue_timeout=Duration.minutes(14))),
        "Lake/Bad: scheduler.queue_timeout='14 minutes': it is out of range; use 15 to 720 minutes",
    ),
    (
        "interactive before emr-6.14.0",
        application(release_label=ReleaseLabel.of("emr-6.13.0"), interactive=Interactive(studio=True)),
        "Lake/Bad: interactive=Interactive(livy_endpoint=False, studio=True, sessions=Fals…: the "
        "application's release emr-6.13.0 does not have it; use emr-6.14.0 or later",
    ),
    (
        "sessions before emr-7.13.0",
        application(release_label=ReleaseLabel.EMR_7_12_0, interactive=Interactive(sessions=True)),
        "Lake/Bad: interactive.sessions=True: the application's release emr-7.12.0 does not have it; use "
        "emr-7.13.0 or later",
    ),
    (
        "interactive Hive",
        application(application_type=ApplicationType.HIVE, interactive=Interactive(studio=True)),
        "Lake/Bad: interactive=Interactive(livy_endpoint=False, studio=True, sessions=Fals…: interactive "
        "endpoints are for Spark; leave it out",
    ),
    (
        "identity center before emr-7.8.0",
        application(release_label=ReleaseLabel.EMR_7_7_0, identity_center=IdentityCenter(instance_arn=INSTANCE_ARN)),
        "Lake/Bad: identity_center='arn:aws:sso:::instance/ssoins-1234567890abcdef': the application's "
        "release emr-7.7.0 does not have it; use emr-7.8.0 or later",
    ),
    (
        "an identity center ARN that is none",
        application(identity_center=IdentityCenter(instance_arn="ssoins-1234567890abcdef")),
        "Lake/Bad: identity_center.instance_arn='ssoins-1234567890abcdef': the service does not accept it; "
        "use a text that matches arn:(aws[a-zA-Z0-9-]*):sso:::instance/(sso)?ins-[a-zA-Z0-9-.]{16}",
    ),
    (
        "an empty property value",
        application(runtime_configuration=[Configuration(classification="spark-defaults", properties={"spark.a": ""})]),
        "Lake/Bad: runtime_configuration[0].properties['spark.a']='': CloudFormation does not take "
        "empty values; leave it out",
    ),
    (
        "Prometheus for a Hive application",
        application(application_type=ApplicationType.HIVE, monitoring=WORKSPACE),
        "Lake/Bad: monitoring.prometheus='Hive': Prometheus gets metrics of Spark jobs; leave it out",
    ),
    (
        "a stream name prefix of an application with a colon",
        application(monitoring=cloudwatch(log_stream_name_prefix="a:b")),
        "Lake/Bad: monitoring.cloudwatch_logs.log_stream_name_prefix='a:b': the service does not accept ':' "
        "in it; use a text that matches [^:*]*",
    ),
    (
        "snapshots of an application",
        application(removal_policy=RemovalPolicy.SNAPSHOT),
        "Lake/Bad: removal_policy=RemovalPolicy.SNAPSHOT: there are no snapshots of applications; use "
        "RemovalPolicy.DESTROY or RemovalPolicy.RETAIN",
    ),
    (
        "an imported id that is an ARN",
        imported(application_id="arn:aws:emr-serverless:us-east-1:123456789012:/applications/00f1"),
        "Lake/Bad: application_id='arn:aws:emr-serverless:us-east-1:123456789012:/application…: the service "
        "does not accept ':' in it; use a text that matches [0-9a-z]+",
    ),
    (
        "an imported id that is empty",
        imported(application_id=""),
        "Lake/Bad: application_id='': it has 0 characters; use 1 to 64",
    ),
    (
        "an imported ARN that is an id",
        imported_arn("00f1982r1uukb925"),
        "Lake/Bad: application_arn='00f1982r1uukb925': it is not the ARN of an application; use "
        "arn:aws:emr-serverless:REGION:ACCOUNT:/applications/ID",
    ),
    (
        "an imported ARN of a job run",
        imported_arn("arn:aws:emr-serverless:us-east-1:123456789012:/applications/00f1/jobruns/00f2"),
        "Lake/Bad: application_arn='arn:aws:emr-serverless:us-east-1:123456789012:/application…: it "
        "is not the ARN of an application; use arn:aws:emr-serverless:REGION:ACCOUNT:/applications/ID",
    ),
    (
        "an imported ARN of another Region",
        imported_arn("arn:aws:emr-serverless:eu-west-1:123456789012:/applications/00f1"),
        "Lake/Bad: application_arn='arn:aws:emr-serverless:eu-west-1:123456789012:/application…: the stack "
        "is in Region us-east-1; use a stack in Region eu-west-1",
    ),
    (
        "an imported ARN of another account",
        imported_arn("arn:aws:emr-serverless:us-east-1:999999999999:/applications/00f1"),
        "Lake/Bad: application_arn='arn:aws:emr-serverless:us-east-1:999999999999:/application…: the stack "
        "is in account 123456789012; use a stack in account 999999999999",
    ),
]

RUNS: list[Row] = [
    (
        "a time to be stable of a run that is waited for to the end",
        run(stable_for=Duration.minutes(3)),
        "Lake/Bad: stable_for=<Duration 3 minutes>: the deploy waits for JobRunState.SUCCESS; use "
        "wait_for=JobRunState.RUNNING",
    ),
    (
        "a time to be stable that is too long",
        run(job=lambda lake: lake.streaming, stable_for=Duration.hours(1), wait_timeout=Duration.hours(2)),
        "Lake/Bad: stable_for=<Duration 1 hour>: it is out of range; use 10 seconds to 50 minutes",
    ),
    (
        "a time to be stable that is longer than the wait",
        run(job=lambda lake: lake.streaming, stable_for=Duration.minutes(3), wait_timeout=Duration.minutes(2)),
        "Lake/Bad: stable_for=<Duration 3 minutes>: it is not less than wait_timeout; use a longer wait_timeout",
    ),
    (
        "a run that is to outlive an application that is deleted",
        run(removal_policy=RemovalPolicy.RETAIN),
        "Lake/Bad: removal_policy=RemovalPolicy.RETAIN: the application is deleted with the stack, and its runs are "
        "cancelled before; give the application removal_policy=RemovalPolicy.RETAIN too, or use one of another stack",
    ),
    (
        "a snapshot of a run",
        run(removal_policy=RemovalPolicy.SNAPSHOT),
        "Lake/Bad: removal_policy=RemovalPolicy.SNAPSHOT: a job run has no snapshots; use DESTROY or RETAIN",
    ),
    (
        "a string for when to run",
        run(run_when="EVERY_DEPLOY"),
        "Lake/Bad: run_when='EVERY_DEPLOY': a RunWhen is expected, this is of type str; use RunWhen.EVERY_DEPLOY",
    ),
    (
        "a streaming job that is waited for to succeed",
        run(job=lambda lake: lake.streaming, wait_for=JobRunState.SUCCESS),
        "Lake/Bad: wait_for=JobRunState.SUCCESS: a streaming job never succeeds, as it does not end; use "
        "JobRunState.RUNNING or JobRunState.SUBMITTED",
    ),
    (
        "a wait that is too short",
        run(wait_timeout=Duration.seconds(59)),
        "Lake/Bad: wait_timeout=<Duration 59 seconds>: it is out of range; use 1 minute to 12 "
        "hours; for what takes longer, use wait_for=JobRunState.SUBMITTED and on_failure(…) "
        "of the JobRun",
    ),
    (
        "a wait that is too long",
        run(wait_timeout=Duration.minutes(721)),
        "Lake/Bad: wait_timeout=<Duration 12 hours 1 minute>: it is out of range; use 1 minute to 12 "
        "hours; for what takes longer, use wait_for=JobRunState.SUBMITTED and on_failure(…) "
        "of the JobRun",
    ),
    (
        "a wait that is not in whole seconds",
        run(wait_timeout=Duration.millis(90500)),
        "Lake/Bad: wait_timeout=<Duration 1 minute 30 seconds>: it is not a whole number of seconds; round it",
    ),
    (
        "a wait that can't be converted at deployment",
        run(wait_timeout=lambda lake: Duration.minutes(lake.number)),
        "Lake/Bad: wait_timeout=<Duration <token> minutes>: a value that is known only at deployment "
        "can't be converted; use Duration.seconds",
    ),
    (
        "arguments for a Hive job",
        run(job=lambda lake: lake.query, arguments=["x"]),
        "Lake/Bad: arguments=['x']: only a Spark job takes arguments; leave it out",
    ),
    (
        "too many arguments of a run",
        run(arguments=["x"] * 1025),
        "Lake/Bad: arguments=['x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x'…: it has 1025 "
        "items; use 0 to 1,024",
    ),
]

OVERRIDES: list[Row] = [
    (
        "a session policy with line breaks",
        override("executionIamPolicy.policy", '{\n  "Statement": []\n}'),
        "Lake/Batch: executionIamPolicy.policy='{\\n  \"Statement\": []\\n}': the service does not accept '\\n' "
        "in it; leave out line breaks",
    ),
    (
        "an entry point with a blank",
        override("jobDriver.sparkSubmit.entryPoint", "s3://code/my etl.py"),
        "Lake/Batch: jobDriver.sparkSubmit.entryPoint='s3://code/my etl.py': a blank can't be in a "
        "URI, so that Spark takes it for a path on the driver's disk; rename the file",
    ),
    (
        "a path that is a list",
        override(["mode"], "BATCH"),
        "Lake/Batch: path=['mode']: a dotted path of members is expected; use a string such as 'retryPolicy'",
    ),
    (
        "a path that is empty",
        override("", {}),
        "Lake/Batch: path='': a dotted path of members is expected; use a string such as 'retryPolicy'",
    ),
    (
        "a member that does not exist",
        override("retryPolicy.maxAttempt", 3),
        "Lake/Batch: retryPolicy.maxAttempt=3: the installed botocore does not know such a member; "
        "did you mean maxAttempts?",
    ),
    (
        "a member that is like no other",
        override("flexExecution.zzz", 3),
        "Lake/Batch: flexExecution.zzz=3: the installed botocore does not know such a member; use one of enabled",
    ),
    (
        "a member of a string",
        override("name.first", "x"),
        "Lake/Batch: path='name.first': name has no members; use a path of members",
    ),
    (
        "a position that is not there",
        override("jobDriver.sparkSubmit.entryPointArguments.5", "x"),
        "Lake/Batch: path='jobDriver.sparkSubmit.entryPointArguments.5': 5 is not a position in a list of 2; "
        "use a number below that",
    ),
    (
        "a position that is no number",
        override("jobDriver.sparkSubmit.entryPointArguments.last", "x"),
        "Lake/Batch: path='jobDriver.sparkSubmit.entryPointArguments.last': last is not a position "
        "in a list of 2; use a number below that",
    ),
    (
        "a number where a string belongs",
        override("name", 5),
        'Lake/Batch: name=5: a string is expected, this is of type int; use "5"',
    ),
    (
        "a conf without =",
        override(PARAMETERS, "--conf spark.a b"),
        "Lake/Batch: jobDriver.sparkSubmit.sparkSubmitParameters='spark.a': the service reads --conf with "
        "'spark.a', which is not name=value; write --conf spark.a=b, without blanks around =",
    ),
    (
        "a conf without = before another option",
        override(PARAMETERS, "--conf spark.a --class X"),
        "Lake/Batch: jobDriver.sparkSubmit.sparkSubmitParameters='spark.a': the service reads --conf with "
        "'spark.a', which is not name=value; write --conf spark.a=value, without blanks around =",
    ),
    (
        "blanks around =",
        override(PARAMETERS, "--conf spark.a = b"),
        "Lake/Batch: jobDriver.sparkSubmit.sparkSubmitParameters='spark.a': the service reads --conf with "
        "'spark.a', which is not name=value; write --conf spark.a=value, without blanks around =",
    ),
    (
        "a property without its option",
        override(PARAMETERS, "spark.a=b"),
        "Lake/Batch: jobDriver.sparkSubmit.sparkSubmitParameters='spark.a=b': it belongs to no option; write "
        "--conf spark.a=b",
    ),
    (
        "a word before the first option",
        override(PARAMETERS, "spark-submit --conf spark.a=b"),
        "Lake/Batch: jobDriver.sparkSubmit.sparkSubmitParameters='spark-submit': it belongs to no option; leave it out",
    ),
    (
        "a blank behind =",
        override(PARAMETERS, "--conf spark.a= b"),
        "Lake/Batch: jobDriver.sparkSubmit.sparkSubmitParameters='b': the service reads --conf spark.a=, and "
        "then 'b', which belongs to no option; leave it out, or quote the value that it is part of",
    ),
    (
        "a value with a blank and without quotes",
        override(PARAMETERS, "--conf spark.driver.extraJavaOptions=-Da=1 b --class X"),
        "Lake/Batch: jobDriver.sparkSubmit.sparkSubmitParameters='b': the service reads --conf "
        "spark.driver.extraJavaOptions=-Da=1, and then 'b', which belongs to no option; write --conf "
        'spark.driver.extraJavaOptions="-Da=1 b"',
    ),
    (
        "a second Java option without quotes",
        override(PARAMETERS, "--conf spark.driver.extraJavaOptions=-Da=1 -Db=2"),
        "Lake/Batch: jobDriver.sparkSubmit.sparkSubmitParameters='-Db=2': the service reads --conf "
        "spark.driver.extraJavaOptions=-Da=1, and then '-Db=2', which belongs to no option; write --conf "
        'spark.driver.extraJavaOptions="-Da=1 -Db=2"',
    ),
    (
        "an option that is spelt wrongly",
        override(PARAMETERS, "--jar s3://code/a.jar"),
        "Lake/Batch: jobDriver.sparkSubmit.sparkSubmitParameters='--jar': there is no such option; did you "
        "mean --jars?",
    ),
    (
        "an option without a value",
        override(PARAMETERS, "--class"),
        "Lake/Batch: jobDriver.sparkSubmit.sparkSubmitParameters='--class': --class has no value; write "
        "--class with its value, or leave it out",
    ),
    (
        "an option with another one for its value",
        override(PARAMETERS, "--class --conf spark.a=b"),
        "Lake/Batch: jobDriver.sparkSubmit.sparkSubmitParameters='--class --conf spark.a=b': --class has no "
        "value: what follows it is '--conf'; write --class with its value, or leave it out",
    ),
    (
        "a double quote that is not closed",
        override(PARAMETERS, '--conf spark.a="b c'),
        "Lake/Batch: jobDriver.sparkSubmit.sparkSubmitParameters='--conf spark.a=\"b c': the double quote at "
        'the start of "b c is not closed; close it',
    ),
    (
        "too much memory in parameters",
        override(PARAMETERS, "--executor-memory 60g"),
        "Lake/Batch: jobDriver.sparkSubmit.sparkSubmitParameters['spark.executor.memory']='60g': "
        "spark.executor.memory of 60 GiB and its overhead are 66 GiB, and a worker of 4 vCPUs has 30 at most; "
        "use spark.executor.memory=27927m or less, or more vCPUs",
    ),
    (
        "a flag that Hive does not have",
        override("jobDriver.hive.parameters", "-hivevar a=b", job="query"),
        "Lake/Query: jobDriver.hive.parameters='-hivevar': there is no such option; did you mean --hivevar?",
    ),
    (
        "a Hive variable without =",
        override("jobDriver.hive.parameters", "--hivevar a", job="query"),
        "Lake/Query: jobDriver.hive.parameters='a': the service reads --hivevar with 'a', which is "
        "not name=value; write --hivevar a=value, without blanks around =",
    ),
    (
        "a string where a number belongs",
        override("executionTimeoutMinutes", "30"),
        "Lake/Batch: executionTimeoutMinutes='30': a whole number is expected; use 30",
    ),
    (
        "a Duration where a number belongs",
        override("executionTimeoutMinutes", Duration.minutes(30)),
        "Lake/Batch: executionTimeoutMinutes=<Duration 30 minutes>: a whole number is expected; use a whole number",
    ),
    (
        "a bool where a number belongs",
        override("executionTimeoutMinutes", True),
        "Lake/Batch: executionTimeoutMinutes=True: a whole number is expected; use a whole number",
    ),
    (
        "a number where a bool belongs",
        override("flexExecution.enabled", 1),
        "Lake/Batch: flexExecution.enabled=1: True or False is expected; use True",
    ),
    (
        "a string where a structure belongs",
        override("retryPolicy", "3"),
        "Lake/Batch: retryPolicy='3': a structure is expected; use a dict of members: maxAttempts, "
        "maxFailedAttemptsPerHour",
    ),
    (
        "tags as an override",
        override("tags.team", "lake"),
        "Lake/Batch: path='tags.team': tags are merged when the app is synthesised; use Tags.of(job).add(…)",
    ),
    (
        "a string where a list belongs",
        override("configurationOverrides.applicationConfiguration", "spark-defaults"),
        "Lake/Batch: configurationOverrides.applicationConfiguration='spark-defaults': a list is expected; use [...]",
    ),
    (
        "None in a list",
        override("jobDriver.sparkSubmit.entryPointArguments", [None]),
        "Lake/Batch: jobDriver.sparkSubmit.entryPointArguments[0]=None: a string is expected, this is of "
        "type NoneType; use a string",
    ),
    (
        "an enum member that the service does not know",
        override("mode", "INTERACTIVE"),
        "Lake/Batch: mode='INTERACTIVE': the service does not know it; use one of BATCH, STREAMING",
    ),
    (
        "an enum of Python where a string belongs",
        override("mode", JobMode.BATCH),
        'Lake/Batch: mode=JobMode.BATCH: a string is expected, this is of type JobMode; use "BATCH"',
    ),
    (
        "two members of a union",
        override("jobDriver.hive", {"query": "s3://code/q.sql"}),
        "Lake/Batch: jobDriver={'sparkSubmit': {'entryPoint': 's3://code/etl.py', 'entryPo…: exactly one "
        "member is expected; use one of sparkSubmit, hive",
    ),
    (
        "no member of a union",
        override("jobDriver", {}),
        "Lake/Batch: jobDriver={}: exactly one member is expected; use one of sparkSubmit, hive\n"
        "Lake/Batch: jobDriver.sparkSubmit=None: a Spark job needs it; give it a value",
    ),
    (
        "a required member that is removed",
        override("jobDriver.sparkSubmit.entryPoint", None),
        "Lake/Batch: jobDriver.sparkSubmit.entryPoint=None: it is required; give it a value",
    ),
    (
        "the role that is removed",
        override("executionRoleArn", None),
        "Lake/Batch: executionRoleArn=None: it is required; give it a value",
    ),
    (
        "the driver that is removed",
        override("jobDriver", None),
        "Lake/Batch: jobDriver.sparkSubmit=None: a Spark job needs it; give it a value",
    ),
    (
        "a value that is too large",
        override("executionTimeoutMinutes", 1000001),
        "Lake/Batch: executionTimeoutMinutes=1000001: it is out of range; use 0 to 1,000,000",
    ),
    (
        "a value that is too long",
        override("name", "x" * 257),
        "Lake/Batch: name='xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…: it has 257 "
        "characters; use 1 to 256",
    ),
    (
        "a value that does not match its pattern",
        override("executionRoleArn", "arn:aws:iam::1:role/etl-of-the-lake"),
        "Lake/Batch: executionRoleArn='arn:aws:iam::1:role/etl-of-the-lake': the service does not accept "
        "it; use a text that matches arn:(aws[a-zA-Z0-9-]*):iam::([0-9]{12}):(role((\\u002F)|(\\u002F[\\u0021-\\u007F]+"
        "\\u002F))[\\w+=,.@-]+)",
    ),
    (
        "a mode that contradicts the rest",
        override("mode", "STREAMING", "batch_with_limits"),
        "Lake/Limited: executionTimeoutMinutes='60 minutes': a streaming job has no time limit; leave it "
        "out\n"
        "Lake/Limited: retryPolicy={'maxAttempts': 2}: streaming jobs are always restarted; use "
        "RetryPolicy.failures_per_hour(…)\n"
        "Lake/Limited: flexExecution.enabled=True: flex execution is for batch jobs of Spark; leave it out",
    ),
    (
        "attempts that the service does not take",
        override("retryPolicy", {"maxAttempts": 11}),
        "Lake/Batch: retryPolicy.maxAttempts=11: it is out of range; use 1 to 10",
    ),
    (
        "a log type that no worker writes",
        override(
            "configurationOverrides.monitoringConfiguration.cloudWatchLoggingConfiguration.logTypes",
            {"SPARK_DRIVER": ["stdout"]},
        ),
        "Lake/Batch: configurationOverrides.monitoringConfiguration.cloudWatchLoggingConfiguration.logTypes"
        "['SPARK_DRIVER']='stdout': the worker does not write such a log; use LogType.STDERR, "
        "LogType.STDOUT",
    ),
]

SEVERAL_AT_ONCE: list[Row] = [
    (
        "several arguments of wrong types",
        spark(conf=["a"], job_name=7, flex_execution="on"),
        "Lake/Bad: conf=['a']: a mapping is expected, this is of type list; use {name: value}\n"
        "Lake/Bad: flex_execution='on': True or False is expected, this is of type str; use True\n"
        'Lake/Bad: job_name=7: a string is expected, this is of type int; use "7"',
    ),
    (
        "several limits of the model",
        spark(job_name="", arguments=["x"] * 1025),
        "Lake/Bad: job_name='': it has 0 characters; use 1 to 256\n"
        "Lake/Bad: arguments=['x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x'…: it has 1025 "
        "items; use 0 to 1,024",
    ),
    (
        "limits of the model, rules of the service and files",
        spark(
            job_name="",
            retry_policy=RetryPolicy.failures_per_hour(3),
            entry_point=Code.from_asset("/missing/etl.py"),
            driver=WorkerResources(cpu=3, memory=Size.gibibytes(8)),
        ),
        "Lake/Bad: driver.cpu=3: no worker has that number of vCPUs; use 1, 2, 4, 8, 16 or 32 vCPUs\n"
        "Lake/Bad: entry_point=Code.from_asset('/missing/etl.py'): there is no such file in "
        f"{Path.cwd()}; correct the path\n"
        "Lake/Bad: job_name='': it has 0 characters; use 1 to 256\n"
        "Lake/Bad: retry_policy={'maxFailedAttemptsPerHour': 3}: a limit of failures an hour is for streaming jobs; "
        "use RetryPolicy.attempts(…)",
    ),
    (
        "several mistakes in an application",
        application(application_name="", auto_stop_after=Duration.days(8), scheduler=Scheduler(max_concurrent_runs=0)),
        "Lake/Bad: auto_stop_after='11520 minutes': it is out of range; use 1 to 10,080 minutes\n"
        "Lake/Bad: scheduler.max_concurrent_runs=0: it is out of range; use 1 to 1,000\n"
        "Lake/Bad: application_name='': it has 0 characters; use 1 to 64",
    ),
    (
        "several mistakes in a run",
        run(
            job=lambda lake: lake.streaming,
            wait_for=JobRunState.SUCCESS,
            wait_timeout=Duration.minutes(721),
            arguments=["x"] * 1025,
        ),
        "Lake/Bad: wait_for=JobRunState.SUCCESS: a streaming job never succeeds, as it does not end; use "
        "JobRunState.RUNNING or JobRunState.SUBMITTED\n"
        "Lake/Bad: arguments=['x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x'…: it has 1025 "
        "items; use 0 to 1,024\n"
        "Lake/Bad: wait_timeout=<Duration 12 hours 1 minute>: it is out of range; use 1 minute to 12 "
        "hours; for what takes longer, use wait_for=JobRunState.SUBMITTED and on_failure(…) "
        "of the JobRun",
    ),
]

ROWS = [
    *WRONG_TYPES,
    *SCOPES_AND_IDS,
    *FILES,
    *SPARK_SUBMIT_AND_WORKERS,
    *JOBS,
    *CONFIGURATION_AND_ENCRYPTION,
    *MONITORING,
    *APPLICATIONS,
    *RUNS,
    *OVERRIDES,
    *SEVERAL_AT_ONCE,
]


@jsii.implements(IStableStringProducer)
class Late:
    """A string that is made when the app is synthesised."""

    def produce(self) -> str:
        return "late"


def configuration(value: str) -> Configuration:
    return Configuration(classification="spark-defaults", properties={"spark.a": value})


def deployed(lake: Lake) -> WorkerResources:
    gibibytes: Any = lake.number
    return WorkerResources(cpu=gibibytes, memory=Size.gibibytes(gibibytes), disk=Size.gibibytes(gibibytes))


def imported_role(lake: Lake) -> iam.IRole:
    return iam.Role.from_role_arn(lake.spark, "ImportedRole", lake.string)


# What is known at deployment only may stand for any string and most numbers.
TOKENS: list[tuple[str, Use]] = [
    ("a job's name", spark(job_name=lambda lake: lake.string)),
    ("arguments", spark(arguments=lambda lake: ["--day", lake.string])),
    ("a list of arguments", spark(arguments=lambda lake: Fn.split(",", lake.string))),
    ("a part of an argument", spark(arguments=lambda lake: [f"--day={lake.string}"])),
    ("an attribute of another resource", spark(arguments=lambda lake: [lake.bucket.bucket_name])),
    ("a lazy value", spark(arguments=[Lazy.string(Late())])),
    ("a main class", spark(main_class=lambda lake: lake.string)),
    ("a package", spark(packages=lambda lake: [lake.string])),
    ("conf", spark(conf=lambda lake: {"spark.a": lake.string})),
    ("conf of a number", spark(conf=lambda lake: {"spark.a": Token.as_string(lake.number)})),
    ("a URI", spark(entry_point=lambda lake: Code.from_uri(lake.string))),
    ("a jar's URI", spark(jars=lambda lake: [Code.from_uri(lake.string)])),
    ("an object's key", spark(entry_point=lambda lake: Code.from_bucket(lake.bucket, lake.string))),
    ("a file's name", spark(archives=lambda lake: [CODE.named(lake.string)])),
    ("a timeout", spark(execution_timeout=lambda lake: Duration.minutes(lake.number))),
    ("attempts", spark(retry_policy=lambda lake: RetryPolicy.attempts(lake.number))),
    (
        "failures an hour",
        spark(mode=JobMode.STREAMING, retry_policy=lambda lake: RetryPolicy.failures_per_hour(lake.number)),
    ),
    ("a driver's vCPUs", spark(driver=lambda lake: WorkerResources(cpu=lake.number, memory=Size.gibibytes(16)))),
    (
        "an executor's disk",
        spark(
            executor=lambda lake: WorkerResources(cpu=4, memory=Size.gibibytes(16), disk=Size.gibibytes(lake.number))
        ),
    ),
    ("a property", spark(application_configuration=lambda lake: [configuration(lake.string)])),
    (
        "an encryption context",
        spark(encryption=lambda lake: Encryption.customer_managed(disk_encryption_context={"team": lake.string})),
    ),
    (
        "an S3 prefix",
        spark(monitoring=lambda lake: Monitoring(s3_logs=S3Logs(bucket=lake.bucket, prefix=lake.string))),
    ),
    ("a stream name prefix", spark(monitoring=lambda lake: cloudwatch(log_stream_name_prefix=lake.string))),
    (
        "a workspace's ARN",
        spark(monitoring=lambda lake: Monitoring(prometheus=Prometheus.from_workspace_arn(lake.string))),
    ),
    (
        "a session policy's resource",
        spark(
            execution_iam_policy=lambda lake: session_policy(
                actions=["s3:GetObject"], resources=[lake.bucket.arn_for_objects("*"), lake.string]
            )
        ),
    ),
    ("an imported role", spark(execution_role=imported_role)),
    ("a query", hive(query=lambda lake: Code.from_uri(lake.string))),
    ("a Hive property", hive(hive_conf=lambda lake: {**HIVE_CONF, "hive.a": lake.string})),
    ("an application's name", application(application_name=lambda lake: lake.string)),
    ("a release", application(release_label=lambda lake: ReleaseLabel.of(lake.string))),
    (
        "initial capacity",
        application(
            initial_capacity=lambda lake: {
                WorkerType.SPARK_DRIVER: InitialCapacity(worker_count=lake.number, resources=deployed(lake))
            }
        ),
    ),
    (
        "maximum capacity",
        application(
            maximum_capacity=lambda lake: MaximumCapacity(
                cpu=lake.number, memory=Size.gibibytes(lake.number), disk=Size.gibibytes(lake.number)
            )
        ),
    ),
    ("an idle time", application(auto_stop_after=lambda lake: Duration.minutes(lake.number))),
    (
        "a scheduler",
        application(
            scheduler=lambda lake: Scheduler(
                max_concurrent_runs=lake.number, queue_timeout=Duration.minutes(lake.number)
            )
        ),
    ),
    ("an image's tag", application(image=lambda lake: Image(repository=lake.repository, tag=lake.string))),
    ("an identity center's ARN", application(identity_center=lambda lake: IdentityCenter(instance_arn=lake.string))),
    ("a property of an application", application(runtime_configuration=lambda lake: [configuration(lake.string)])),
    ("an imported id", imported(application_id=lambda lake: lake.string)),
    ("an imported ARN", imported_arn(lambda lake: lake.string)),
    ("a wait", run(wait_timeout=lambda lake: Duration.seconds(lake.number))),
    ("a run's arguments", run(arguments=lambda lake: [lake.string])),
    ("a trigger", run(triggers=lambda lake: {"version": lake.string})),
]


@pytest.fixture(autouse=True)
def _without_what_the_row_made(lake: Lake) -> Iterator[None]:
    yield
    lake.stack.node.try_remove_child("Bad")


@pytest.mark.parametrize(
    ("use", "message"),
    [
        pytest.param(use, message, id=name, marks=needs_flex if "flex" in message.lower() else ())
        for name, use, message in ROWS
    ],
)
def test_a_mistake_is_told_with_path_argument_value_and_remedy(lake: Lake, use: Use, message: str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011 - all of the text is compared, not a pattern
        use(lake)
    assert str(error.value) == message


def test_there_are_mistakes_of_many_kinds_and_no_two_rows_are_of_one_name() -> None:
    assert len({name for name, _, _ in ROWS}) == len(ROWS) >= 120


@pytest.mark.parametrize("use", [pytest.param(use, id=name) for name, use in TOKENS])
def test_what_is_known_at_deployment_only_may_be(lake: Lake, use: Use) -> None:
    use(lake)


def test_numbers_that_are_known_at_deployment_only_are_references_in_texts() -> None:
    stack = new_stack()
    number: Any = CfnParameter(stack, "Number", type="Number").value_as_number
    Application(
        stack,
        "Spark",
        release_label=ReleaseLabel.EMR_7_14_0,
        maximum_capacity=MaximumCapacity(cpu=number, memory=Size.gibibytes(number)),
        auto_stop_after=Duration.minutes(number),
    )
    properties = only(stack, "AWS::EMRServerless::Application")
    assert properties["MaximumCapacity"] == {
        "Cpu": {"Fn::Join": ["", [{"Ref": "Number"}, " vCPU"]]},
        "Memory": {"Fn::Join": ["", [{"Ref": "Number"}, " GB"]]},
    }
    assert properties["AutoStopConfiguration"]["IdleTimeoutMinutes"] == {"Ref": "Number"}


def test_a_large_capacity_is_written_out() -> None:
    stack = new_stack()
    capacity = MaximumCapacity(cpu=2_000_000, memory=Size.gibibytes(16_000_000))
    Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0, maximum_capacity=capacity)
    expected = {"Cpu": "2000000 vCPU", "Memory": "16000000 GB"}
    assert only(stack, "AWS::EMRServerless::Application")["MaximumCapacity"] == expected


def test_a_session_policy_may_be_extended_after_the_job_was_made(lake: Lake) -> None:
    statement = iam.PolicyStatement(actions=["s3:GetObject"], resources=["*"])
    document = iam.PolicyDocument(statements=[statement])
    job = spark(execution_iam_policy=ExecutionIamPolicy(document=document))(lake)
    statement.add_actions("s3:PutObject")
    assert isinstance(job, SparkJob)
    assert "s3:PutObject" in str(lake.stack.resolve(request_of(job)["executionIamPolicy"]))


def test_an_imported_alias_is_no_key(lake: Lake) -> None:
    alias = kms.Alias.from_alias_name(lake.bucket, "ImportedAlias", "alias/other")
    with pytest.raises(ValueError, match=r"Lake/Bad: encryption\.key=.*: the service does not take aliases"):
        spark(encryption=Encryption.customer_managed(alias))(lake)
