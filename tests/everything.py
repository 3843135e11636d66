"""Jobs and applications that use every typed argument once."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy, Size, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3

from constructs_emrs import (
    Application,
    ApplicationType,
    Architecture,
    CloudWatchLogs,
    Code,
    Configuration,
    DiskType,
    Encryption,
    ExecutionIamPolicy,
    HiveJob,
    IdentityCenter,
    Image,
    InitialCapacity,
    Interactive,
    JobMode,
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
from tests.botocore_model import KNOWS_FLEX
from tests.templates import ACCOUNT, REGION

WORKSPACE_ARN = f"arn:aws:aps:{REGION}:{ACCOUNT}:workspace/ws-1"
BIG_WORKER = WorkerResources(
    cpu=4, memory=Size.gibibytes(16), disk=Size.gibibytes(200), disk_type=DiskType.SHUFFLE_OPTIMIZED
)


def monitoring_of_everything(stack: Stack, name: str, worker: LogWorker) -> Monitoring:
    """All four kinds, each with every field."""
    key = kms.Key(stack, f"{name}Key")
    return Monitoring(
        s3_logs=S3Logs(bucket=s3.Bucket(stack, f"{name}Logs"), prefix="logs", encryption_key=key),
        managed_logs=ManagedLogs(enabled=True, encryption_key=key),
        cloudwatch_logs=CloudWatchLogs(
            enabled=True,
            log_group=logs.LogGroup(stack, f"{name}Group"),
            log_stream_name_prefix="etl",
            encryption_key=key,
            log_types={worker: [LogType.STDOUT, LogType.STDERR]},
        ),
        prometheus=Prometheus.from_workspace_arn(WORKSPACE_ARN) if worker is LogWorker.SPARK_DRIVER else None,
    )


def spark_job_of_everything(stack: Stack) -> SparkJob:
    """A Spark job with every argument."""
    return SparkJob(
        stack,
        "Spark",
        application=Application(stack, "SparkApplication", release_label=ReleaseLabel.EMR_7_14_0),
        entry_point=Code.from_uri("s3://code/etl.jar"),
        arguments=["--day", "1"],
        main_class="com.example.Etl",
        jars=[Code.from_uri("s3://code/a.jar"), Code.from_uri("s3://code/b.jar")],
        py_files=[Code.from_uri("s3://code/lib.zip")],
        files=[Code.from_uri("s3://code/settings.json")],
        archives=[Code.from_uri("s3://code/environment.tar.gz").named("environment")],
        packages=["org.example:tools:1.0"],
        conf={"spark.sql.shuffle.partitions": "8"},
        environment={"STAGE": "test"},
        driver=BIG_WORKER,
        executor=BIG_WORKER,
        mode=JobMode.BATCH,
        execution_timeout=Duration.hours(2),
        retry_policy=RetryPolicy.attempts(3),
        execution_iam_policy=ExecutionIamPolicy(
            document=iam.PolicyDocument(
                statements=[iam.PolicyStatement(actions=["s3:GetObject"], resources=["arn:aws:s3:::data/*"])]
            ),
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name("AmazonS3ReadOnlyAccess")],
        ),
        application_configuration=[
            Configuration(classification="spark-defaults", properties={"spark.sql.ansi.enabled": "true"}),
            Configuration(
                classification="spark-env",
                configurations=[Configuration(classification="export", properties={"STAGE": "test"})],
            ),
        ],
        monitoring=monitoring_of_everything(stack, "Spark", LogWorker.SPARK_DRIVER),
        encryption=Encryption.customer_managed(disk_encryption_context={"team": "lake"}),
        execution_role=iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("emr-serverless.amazonaws.com")),
        flex_execution=True if KNOWS_FLEX else None,
        job_name="everything",
    )


def streaming_job(stack: Stack) -> SparkJob:
    """A streaming job, whose retry policy differs from a batch job's."""
    return SparkJob(
        stack,
        "Stream",
        application=Application(stack, "StreamApplication", release_label=ReleaseLabel.EMR_7_14_0),
        entry_point=Code.from_uri("s3://code/stream.py"),
        mode=JobMode.STREAMING,
        retry_policy=RetryPolicy.failures_per_hour(5),
    )


def hive_job_of_everything(stack: Stack) -> HiveJob:
    """A Hive job with every argument of its own."""
    return HiveJob(
        stack,
        "Hive",
        application=Application(
            stack,
            "HiveApplication",
            release_label=ReleaseLabel.EMR_7_14_0,
            application_type=ApplicationType.HIVE,
        ),
        query=Code.from_uri("s3://code/query.sql"),
        init_query=Code.from_uri("s3://code/init.sql"),
        hive_conf={
            "hive.exec.scratchdir": "s3://data/scratch",
            "hive.metastore.warehouse.dir": "s3://data/warehouse",
        },
        hive_variables={"day": "20230203"},
        monitoring=monitoring_of_everything(stack, "Hive", LogWorker.HIVE_DRIVER),
    )


def application_of_everything(stack: Stack) -> Application:
    """An application with every argument."""
    image = Image(repository=ecr.Repository(stack, "Images"), tag="1.0")
    vpc = ec2.Vpc(stack, "Vpc", max_azs=2)
    return Application(
        stack,
        "Everything",
        release_label=ReleaseLabel.EMR_7_14_0,
        application_type=ApplicationType.SPARK,
        application_name="everything",
        architecture=Architecture.ARM64,
        initial_capacity={
            WorkerType.SPARK_DRIVER: InitialCapacity(worker_count=1, resources=BIG_WORKER),
            WorkerType.SPARK_EXECUTOR: InitialCapacity(worker_count=2, resources=BIG_WORKER),
        },
        maximum_capacity=MaximumCapacity(cpu=400, memory=Size.gibibytes(3000), disk=Size.gibibytes(20000)),
        auto_start=True,
        auto_stop=True,
        auto_stop_after=Duration.minutes(30),
        vpc=vpc,
        vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
        security_groups=[ec2.SecurityGroup(stack, "Workers", vpc=vpc)],
        image=image,
        worker_images={WorkerType.SPARK_EXECUTOR: image},
        scheduler=Scheduler(max_concurrent_runs=50, queue_timeout=Duration.hours(1)),
        interactive=Interactive(livy_endpoint=True, studio=True, sessions=True),
        identity_center=IdentityCenter(instance_arn="arn:aws:sso:::instance/ssoins-1234567890abcdef"),
        runtime_configuration=[
            Configuration(
                classification="spark-defaults",
                properties={"spark.sql.ansi.enabled": "true"},
                configurations=[Configuration(classification="nested", properties={"a": "b"})],
            )
        ],
        monitoring=monitoring_of_everything(stack, "Application", LogWorker.SPARK_DRIVER),
        encryption=Encryption.customer_managed(),
        job_level_cost_allocation=True,
        removal_policy=RemovalPolicy.DESTROY,
    )
