"""Tables: the catalog of a job, and what it is allowed on it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import botocore.session
import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Annotations, Match, Template

from constructs_emrs import (
    Application,
    ApplicationType,
    Catalog,
    Code,
    Configuration,
    HiveJob,
    JobRun,
    ReleaseLabel,
    SparkJob,
)
from tests.templates import new_stack

CLIENT = "spark.hadoop.hive.metastore.client.factory.class"
HIVE_CONF = {"hive.exec.scratchdir": "s3://lake/scratch", "hive.metastore.warehouse.dir": "s3://lake/warehouse"}


@pytest.fixture
def stack() -> Stack:
    return new_stack()


def spark_job(stack: Stack, construct_id: str = "Etl", **arguments: Any) -> SparkJob:
    spark = stack.node.try_find_child("Spark") or Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    return SparkJob(
        stack, construct_id, **{"application": spark, "entry_point": Code.from_uri("s3://code/etl.py"), **arguments}
    )


def parameters(job: SparkJob) -> str:
    request: Any = job.start_job_run_request
    return str(request["jobDriver"]["sparkSubmit"].get("sparkSubmitParameters", ""))


def properties(job: SparkJob) -> dict[str, str]:
    """What the job sets with --conf."""
    return dict(word.split("=", 1) for word in re.findall(r"--conf (\S+)", parameters(job)))


# An action that a statement alone has, or that it alone begins with.
SIGNS: dict[str, Callable[[list[str]], bool]] = {
    "connect": lambda actions: actions == ["glue:GetDatabase", "glue:GetUserDefinedFunction"],
    "make default": lambda actions: actions == ["glue:CreateDatabase"],
    "read": lambda actions: "glue:GetTable" in actions,
    "write": lambda actions: "glue:CreateTable" in actions,
    "drop partitions in Hive": lambda actions: actions == ["glue:BatchDeletePartition"],
    "start Hive": lambda actions: actions == ["glue:GetDatabases", "glue:GetUserDefinedFunctions"],
}


def statements(stack: Stack) -> dict[str, dict[str, Any]]:
    """What policies say of Glue, by what it is for; what ARNs refer to is in angle brackets."""
    policies = Template.from_stack(stack).find_resources("AWS::IAM::Policy").values()
    every = [statement for policy in policies for statement in policy["Properties"]["PolicyDocument"]["Statement"]]
    of_glue = [statement for statement in every if "glue:" in str(statement["Action"])]
    found = {}
    for statement in of_glue:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        (name,) = (name for name, is_it in SIGNS.items() if is_it(actions))
        found[name] = {"Action": actions, "Resource": [_short(arn) for arn in statement["Resource"]]}
    return found


def _short(arn: Any) -> str:
    parts = arn["Fn::Join"][1] if isinstance(arn, dict) else [arn]
    text = "".join(part if isinstance(part, str) else f"<{next(iter(part.values()))}>" for part in parts)
    return text.removeprefix("arn:<AWS::Partition>:glue:<AWS::Region>:<AWS::AccountId>:")


def test_a_job_without_a_catalog_sets_nothing(stack: Stack) -> None:
    assert parameters(spark_job(stack)) == ""


def test_the_data_catalog_is_the_catalog_of_a_job_that_asks_for_it(stack: Stack) -> None:
    assert properties(spark_job(stack, catalog=Catalog.glue())) == {
        CLIENT: "com.amazonaws.glue.catalog.metastore.AWSGlueDataCatalogHiveClientFactory",
        "spark.sql.catalogImplementation": "hive",
    }


def test_iceberg_has_the_properties_that_aws_documents(stack: Stack) -> None:
    job = spark_job(
        stack,
        catalog=Catalog.iceberg(warehouse="s3://lake/tables", name="dev"),
        jars=[Code.from_uri("s3://lake/x.jar")],
    )
    assert properties(job) == {
        CLIENT: "com.amazonaws.glue.catalog.metastore.AWSGlueDataCatalogHiveClientFactory",
        "spark.sql.catalogImplementation": "hive",
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        "spark.sql.catalog.dev": "org.apache.iceberg.spark.SparkCatalog",
        "spark.sql.catalog.dev.catalog-impl": "org.apache.iceberg.aws.glue.GlueCatalog",
        "spark.sql.catalog.dev.warehouse": "s3://lake/tables",
    }
    assert "--jars /usr/share/aws/iceberg/lib/iceberg-spark3-runtime.jar,s3://lake/x.jar" in parameters(job)


def test_the_bucket_that_is_a_warehouse_may_be_read_and_written_below_its_prefix(stack: Stack) -> None:
    bucket = s3.Bucket(stack, "Tables")
    job = spark_job(stack, catalog=Catalog.iceberg(warehouse=bucket, prefix="tables/"))
    JobRun(stack, "Run", job=job)
    assert stack.resolve(properties(job)["spark.sql.catalog.glue_catalog.warehouse"]) == stack.resolve(
        bucket.s3_url_for_object("tables")
    )
    template = Template.from_stack(stack)
    arn = stack.resolve(bucket.bucket_arn)
    template.has_resource_properties(
        "AWS::IAM::Policy",
        {
            "PolicyDocument": {
                "Statement": Match.array_with(
                    [
                        Match.object_like(
                            {
                                "Action": Match.array_with(["s3:DeleteObject*", "s3:PutObject"]),
                                "Resource": [arn, {"Fn::Join": ["", [arn, "/tables/*"]]}],
                            }
                        )
                    ]
                )
            }
        },
    )
    bucket_id = stack.get_logical_id(bucket.node.default_child)  # type: ignore[arg-type]
    (run,) = template.find_resources("Custom::EMRServerlessJobRun").values()
    assert bucket_id in run["DependsOn"]


def test_what_contradicts_the_catalog_is_refused(stack: Stack) -> None:
    for arguments, place in (
        ({"conf": {CLIENT: "mine"}}, f"conf[{CLIENT!r}]"),
        (
            {
                "application_configuration": [
                    Configuration(classification="spark-defaults", properties={CLIENT: "mine"})
                ]
            },
            f"application_configuration[0].properties[{CLIENT!r}]",
        ),
    ):
        with pytest.raises(ValueError, match=re.escape(f"{place}='mine': it contradicts catalog, which sets com.amaz")):
            spark_job(stack, place, catalog=Catalog.glue(), **arguments)
    same = {CLIENT: properties(spark_job(stack, catalog=Catalog.glue()))[CLIENT]}
    assert properties(spark_job(stack, "Same", catalog=Catalog.glue(), conf=same)).items() >= same.items()


def test_iceberg_is_for_spark_3_as_aws_documents_no_library_for_spark_4(stack: Stack) -> None:
    application = Application(stack, "Spark4", release_label=ReleaseLabel.EMR_SPARK_8_0_0)
    with pytest.raises(
        ValueError, match=r"Lake/Etl: catalog=.*: AWS documents a library of Iceberg for Spark 3, and emr-"
    ):
        spark_job(stack, application=application, catalog=Catalog.iceberg(warehouse="s3://lake/tables"))
    assert CLIENT in properties(spark_job(stack, "Glue", application=application, catalog=Catalog.glue()))


def test_reading_is_of_the_tables_of_one_database(stack: Stack) -> None:
    spark_job(stack, catalog=Catalog.glue()).grant_catalog("lake")
    found = statements(stack)
    assert set(found) == {"connect", "make default", "read"}
    assert found["connect"]["Resource"] == [
        "database/default",
        "database/global_temp",
        "userDefinedFunction/default/*",
    ]
    assert found["make default"]["Resource"] == ["catalog", "database/default"]
    assert all(re.match("glue:(Batch)?Get", action) for action in found["read"]["Action"])
    assert found["read"]["Resource"] == [
        "catalog",
        "database/lake",
        "table/lake/*",
        "userDefinedFunction/lake/*",
    ]


def test_writing_is_of_the_tables_that_are_named(stack: Stack) -> None:
    job = spark_job(stack)
    job.grant_catalog("raw", tables=["events"])
    job.grant_catalog("lake", tables=["daily", "tmp_*"], write=True)
    found = statements(stack)
    assert found["write"]["Resource"] == ["catalog", "database/lake", "table/lake/daily", "table/lake/tmp_*"]
    assert {"table/raw/events", "table/lake/daily"} < set(found["read"]["Resource"])
    assert {"glue:CreateTable", "glue:UpdateTable", "glue:DeleteTable"} < set(found["write"]["Action"])


def test_names_are_granted_in_lower_case_as_the_catalog_has_them_and_hive_asks_for_them(stack: Stack) -> None:
    spark_job(stack).grant_catalog("Lake", tables=["DailyTotals"])
    assert statements(stack)["read"]["Resource"][1:3] == ["database/lake", "table/lake/dailytotals"]


def test_every_action_is_an_operation_of_glue(stack: Stack) -> None:
    query = HiveJob(
        stack,
        "Query",
        application=Application(
            stack, "Hive", release_label=ReleaseLabel.EMR_7_14_0, application_type=ApplicationType.HIVE
        ),
        query=Code.from_uri("s3://code/q.sql"),
        hive_conf=HIVE_CONF,
    )
    query.grant_catalog("lake", write=True)
    found = statements(stack)
    assert set(found) == set(SIGNS)
    operations = botocore.session.get_session().get_service_model("glue").operation_names
    actions = {action for statement in found.values() for action in statement["Action"]}
    assert {action.removeprefix("glue:") for action in actions} - set(operations) == set()
    assert found["drop partitions in Hive"]["Resource"] == ["catalog", "database/lake", "table/lake/*"]
    assert found["start Hive"]["Resource"] == ["database/*", "userDefinedFunction/*/*"]


def test_spark_reads_no_other_databases(stack: Stack) -> None:
    spark_job(stack).grant_catalog("lake")
    assert "start Hive" not in statements(stack)


# The oldest CDK that is supported has no L2 of a database.
@pytest.mark.parametrize("is_l2", [False, True] if hasattr(glue, "Database") else [False])
def test_a_database_of_the_stack_is_there_before_a_run(stack: Stack, is_l2: bool) -> None:
    if is_l2:
        database: Any = glue.Database(stack, "Database", database_name="lake")
    else:
        described = glue.CfnDatabase.DatabaseInputProperty(name="lake")
        database = glue.CfnDatabase(stack, "Database", catalog_id=stack.account, database_input=described)
    job = spark_job(stack, catalog=Catalog.glue())
    job.grant_catalog(database)
    JobRun(stack, "Run", job=job)
    resource = database if not is_l2 else database.node.default_child
    name = stack.get_logical_id(resource)
    (run,) = Template.from_stack(stack).find_resources("Custom::EMRServerlessJobRun").values()
    assert name in run["DependsOn"]
    assert {f"database/<{name}>", f"table/<{name}>/*"} <= set(statements(stack)["read"]["Resource"])


def test_jobs_that_share_a_role_share_its_statements(stack: Stack) -> None:
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("emr-serverless.amazonaws.com"))
    for name in ("a", "b"):
        job = spark_job(stack, name, execution_role=role)
        job.grant_catalog("lake")
        job.grant_catalog(name)
    assert statements(stack)["read"]["Resource"] == [
        "catalog",
        *("database/lake", "table/lake/*", "userDefinedFunction/lake/*"),
        *("database/a", "table/a/*", "userDefinedFunction/a/*"),
        *("database/b", "table/b/*", "userDefinedFunction/b/*"),
    ]


def test_an_imported_role_that_can_not_be_changed_is_told_what_it_lacks(stack: Stack) -> None:
    role = iam.Role.from_role_arn(stack, "Role", "arn:aws:iam::111122223333:role/etl", mutable=False)
    spark_job(stack, execution_role=role).grant_catalog("lake")
    Annotations.from_stack(stack).has_warning("/Lake/Etl", Match.string_like_regexp(".*glue:GetTable.*"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"database": 3}, 'database=3: a string or an IDatabaseRef is expected, this is of type int; use "3"'),
        *(
            (
                {"database": name},
                f"database={name!r}: it is not the name of a database; use one such as 'lake', and name ",
            )
            for name in ("", "a/b", "*", "lake.daily")
        ),
        ({"database": "a", "tables": "b"}, "tables='b': a list is expected, this is of type str; use ['b']"),
        ({"database": "a", "tables": []}, "tables=[]: there is none; leave it out for all tables of the database"),
        (
            {"database": "a", "tables": ["b", "c.d"]},
            "tables[1]='c.d': it is not the name of a table; use one such as 'daily', or 'daily_*', without the name ",
        ),
        ({"database": "a", "write": "yes"}, "write='yes': "),
    ],
)
def test_what_is_no_name_is_refused(stack: Stack, arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"Lake/Etl: {says}")):
        spark_job(stack).grant_catalog(**arguments)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"warehouse": 3}, 'catalog.warehouse=3: a string or an IBucket is expected, this is of type int; use "3"'),
        ({"warehouse": "s3://lake", "prefix": 3}, "catalog.prefix=3: a string is expected, this is of type int"),
        ({"warehouse": "s3://lake", "name": 3}, "catalog.name=3: a string is expected, this is of type int"),
        (
            {"warehouse": "s3://lake", "prefix": "tables"},
            "catalog.prefix='tables': it is the folder in a bucket, and catalog.warehouse is an address; write it in "
            "the address, or use a bucket",
        ),
    ],
)
def test_what_is_no_catalog_of_iceberg_is_refused(stack: Stack, arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"Lake/Etl: {says}")):
        spark_job(stack, catalog=Catalog.iceberg(**arguments))


def test_a_database_of_another_account_is_refused() -> None:
    app = App()
    here = Stack(app, "Lake", env=Environment(account="111122223333", region="eu-west-1"))
    there = Stack(app, "There", env=Environment(account="444455556666", region="eu-west-1"))
    described = glue.CfnDatabase.DatabaseInputProperty(name="lake")
    database = glue.CfnDatabase(there, "Database", catalog_id=there.account, database_input=described)
    says = "it is in account 444455556666; use one in account 111122223333, the stack's"
    with pytest.raises(ValueError, match=f"Lake/Etl: database=.*: {says}"):
        spark_job(here).grant_catalog(database)
