"""One stack with jobs of each kind: streaming, Hive, jar, tables; and one with all monitoring, awkward properties."""

import json
import os
from itertools import pairwise
from pathlib import Path

from aws_cdk import App, Duration, RemovalPolicy, Stack
from aws_cdk import aws_glue as glue
from aws_cdk import aws_s3 as s3

from constructs_emrs import (
    Application,
    ApplicationType,
    Catalog,
    CloudWatchLogs,
    Code,
    HiveJob,
    Job,
    JobMode,
    JobRun,
    LogType,
    LogWorker,
    Monitoring,
    Prometheus,
    ReleaseLabel,
    S3Logs,
    SparkJob,
)

FILES = Path(os.environ["KINDS_FILES"])
CONF, ARGUMENTS, ENVIRONMENT = json.loads((FILES / "awkward.json").read_text())

app = App()
stack = Stack(app, "Kinds")
data = s3.Bucket(stack, "Data", auto_delete_objects=True, removal_policy=RemovalPolicy.DESTROY)
spark = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
hive = Application(stack, "Hive", release_label=ReleaseLabel.EMR_7_14_0, application_type=ApplicationType.HIVE)

stream = SparkJob(
    stack,
    "Stream",
    application=spark,
    entry_point=Code.from_asset(FILES / "stream.py"),
    arguments=[data.s3_url_for_object("stream"), data.s3_url_for_object("checkpoint")],
    mode=JobMode.STREAMING,
)
jar = SparkJob(
    stack,
    "Jar",
    application=spark,
    entry_point=Code.from_asset(FILES / "main.jar"),
    main_class="Main",
    arguments=["two words", "it's"],
)
query = HiveJob(
    stack,
    "Query",
    application=hive,
    query=Code.from_inline(
        "INSERT INTO greetings VALUES ('${hiveconf:greeting}');\n"
        "SELECT concat('said on ${day} ${hivevar:day}: ', text) FROM greetings;\n"
        "SELECT concat('total of ', day, ': ', total) FROM lake.totals ORDER BY day;\n"
    ),
    init_query=Code.from_asset(FILES / "init.sql"),
    hive_conf={
        "hive.exec.scratchdir": data.s3_url_for_object("scratch"),
        "hive.metastore.warehouse.dir": data.s3_url_for_object("warehouse"),
        "greeting": 'good day, it is "fine"',
    },
    hive_variables={"day": "20230203"},
)
monitored = SparkJob(
    stack,
    "Monitored",
    application=spark,
    entry_point=Code.from_asset(FILES / "print_conf.py"),
    py_files=[Code.from_asset(FILES / "greeting.py"), Code.from_asset(FILES / "wheeled-1.0-py3-none-any.whl")],
    files=[FILES / "größe.json", Code.from_inline("named", suffix=".txt").named("named")],
    archives=[FILES / "data.zip"],
    arguments=ARGUMENTS,
    conf=CONF,
    environment=ENVIRONMENT,
    monitoring=Monitoring(
        s3_logs=S3Logs(bucket=data, prefix="logs"),
        cloudwatch_logs=CloudWatchLogs(
            log_stream_name_prefix="monitored",
            log_types={LogWorker.SPARK_DRIVER: [LogType.STDOUT, LogType.STDERR]},
        ),
        prometheus=Prometheus.from_workspace_arn(
            f"arn:aws:aps:us-east-1:{os.environ['CDK_DEFAULT_ACCOUNT']}:workspace/ws-1"
        ),
    ),
)
described = glue.CfnDatabase.DatabaseInputProperty(name="lake", location_uri=data.s3_url_for_object("lake"))
lake = glue.CfnDatabase(stack, "Lake", catalog_id=stack.account, database_input=described)
steps = ["raw", "clean", "totals"]
tables = [
    SparkJob(
        stack,
        step.title(),
        application=spark,
        entry_point=Code.from_asset(FILES / "tables.py"),
        arguments=[step],
        catalog=Catalog.glue(),
    )
    for step in steps
]
for step, made, read in zip(steps, tables, [[], ["raw"], ["clean"]], strict=True):
    made.grant_catalog(lake, tables=[step], write=True)
    if read:
        made.grant_catalog(lake, tables=read)
query.grant_catalog("default", tables=["greetings"], write=True)
query.grant_catalog(lake, tables=["totals"])
before: dict[Job, JobRun] = {}
for job in (stream, jar, monitored, *tables, query):
    data.grant_read_write(job)
    stable_for = Duration.seconds(15) if job is stream else None
    # Each table is made from the one before.
    after = [before[other] for other, this in pairwise([*tables, query]) if this is job]
    run = before[job] = JobRun(stack, f"{job.node.id}OnDeploy", job=job, stable_for=stable_for, after=after)
    stack.export_value(run.job_run_id, name=f"{job.node.id}-run")
    stack.export_value(run.application_id, name=f"{job.node.id}-application")
    stack.export_value(job.log_group.log_group_name, name=f"{job.node.id}-logs")
stack.export_value(data.bucket_name, name="Bucket")
app.synth()
