"""A stack for each failure that docs/failures.md describes and that can be had for sure."""

import os
from pathlib import Path

from aws_cdk import App, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from constructs_emrs import Application, ApplicationType, Code, HiveJob, JobRun, ReleaseLabel, SparkJob

FILES = Path(os.environ["FAILURES_FILES"])

app = App()


def spark(stack: Stack) -> Application:
    return Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)


def bucket(stack: Stack) -> s3.Bucket:
    return s3.Bucket(stack, "Data", auto_delete_objects=True, removal_policy=RemovalPolicy.DESTROY)


missing = Stack(app, "ScriptMissing")
scripts = bucket(missing)
of_missing_script = SparkJob(
    missing, "Etl", application=spark(missing), entry_point=Code.from_bucket(scripts, "jobs/etl.py")
)
scripts.grant_read(of_missing_script)  # who may not list a bucket is told AccessDenied of an object that is not there
JobRun(missing, "Run", job=of_missing_script)

denied = Stack(app, "DataDenied")
data = bucket(denied)
JobRun(
    denied,
    "Run",
    job=SparkJob(
        denied,
        "Etl",
        application=spark(denied),
        entry_point=Code.from_asset(FILES / "etl.py"),
        arguments=[data.s3_url_for_object("out")],
    ),
)

role = Stack(app, "WrongRole")
JobRun(
    role,
    "Run",
    job=SparkJob(
        role,
        "Etl",
        application=spark(role),
        entry_point=Code.from_asset(FILES / "etl.py"),
        execution_role=iam.Role(role, "Role", assumed_by=iam.ServicePrincipal("glue.amazonaws.com")),
    ),
)

exits = Stack(app, "ExitMessage")
script = Code.from_asset(FILES / "exit.py")
JobRun(exits, "Run", job=SparkJob(exits, "Etl", application=spark(exits), entry_point=script))

query = Stack(app, "BadQuery")
hive = Application(query, "Hive", application_type=ApplicationType.HIVE, release_label=ReleaseLabel.EMR_7_14_0)
warehouse = bucket(query)
job = HiveJob(
    query,
    "Query",
    application=hive,
    query=Code.from_asset(FILES / "query.sql"),
    hive_conf={
        "hive.exec.scratchdir": warehouse.s3_url_for_object("scratch"),
        "hive.metastore.warehouse.dir": warehouse.s3_url_for_object("warehouse"),
    },
)
warehouse.grant_read_write(job)
job.grant_catalog("default")
JobRun(query, "Run", job=job)

app.synth()
