"""What a job is allowed on tables of the AWS Glue Data Catalog.

An action on a table needs the permission on its database and the catalog too:
https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html
"""

from collections.abc import Sequence

from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from ..validation.tokens import is_token
from .arns import data_catalog_arn
from .execution_role import allow
from .missing import Missing

# What EMR's client of the catalog calls for Spark and Hive, and its statistics of columns:
# https://github.com/awslabs/aws-glue-data-catalog-client-for-apache-hive-metastore
# https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/security-iam-runtime-role.html has a sample.
_READ = [
    "glue:GetDatabase",
    "glue:GetDatabases",
    "glue:GetTable",
    "glue:GetTables",
    "glue:GetPartition",
    "glue:GetPartitions",
    "glue:BatchGetPartition",
    "glue:GetColumnStatisticsForTable",
    "glue:GetColumnStatisticsForPartition",
    "glue:GetUserDefinedFunction",
    "glue:GetUserDefinedFunctions",
]
_WRITE = [
    # CREATE DATABASE IF NOT EXISTS asks for it before it is known that there is one.
    "glue:CreateDatabase",
    "glue:CreateTable",
    "glue:UpdateTable",
    "glue:DeleteTable",
    "glue:CreatePartition",
    "glue:BatchCreatePartition",
    "glue:UpdatePartition",
    "glue:DeletePartition",
    "glue:UpdateColumnStatisticsForTable",
    "glue:UpdateColumnStatisticsForPartition",
    "glue:DeleteColumnStatisticsForTable",
    "glue:DeleteColumnStatisticsForPartition",
]
# With which Hive drops partitions; Spark drops one at a time.
_DROP_IN_HIVE = ["glue:BatchDeletePartition"]
# The client looks for this database when it connects, and makes it where there is none. As Spark's current one it is
# where Spark looks for a function that it does not know: without the permission, a misspelt name is an access denied.
_CONNECT = ["glue:GetDatabase", "glue:GetUserDefinedFunction"]
_DEFAULT_DATABASE = "default"
# Spark asks whether there is one of this name, which is that of its temporary views:
# https://spark.apache.org/docs/latest/sql-getting-started.html#global-temporary-view
_TEMPORARY_DATABASE = "global_temp"
# Hive reads the functions of all databases when it starts.
_START_HIVE = ["glue:GetDatabases", "glue:GetUserDefinedFunctions"]


def allow_tables(
    role: iam.IRole, stack: Stack, database: str, tables: Sequence[str], *, write: bool, is_hive: bool
) -> list[Missing]:
    """Allow a role to read tables, or to write them too; what it does not take is returned.

    Args:
        role: The execution role.
        stack: The stack whose account and Region the catalog is in.
        database: The name of the database.
        tables: The names of tables, or patterns.
        write: Whether tables and partitions may be created, changed and dropped.
        is_hive: Whether a Hive job is to use them.
    """

    def arns(*resources: str) -> list[str]:
        return [data_catalog_arn(stack, resource) for resource in resources]

    database, *tables = map(_as_stored, (database, *tables))
    in_database = [f"database/{database}", *(f"table/{database}/{table}" for table in tables)]
    # What these do with the catalog itself is allowed with the tables.
    databases = (f"database/{name}" for name in (_DEFAULT_DATABASE, _TEMPORARY_DATABASE))
    of_all = arns(*databases, f"userDefinedFunction/{_DEFAULT_DATABASE}/*")
    missing = allow(role, "ConnectToCatalog", _CONNECT, of_all)
    if is_hive:
        missing += allow(role, "StartHive", _START_HIVE, arns("database/*", "userDefinedFunction/*/*"))

    default = arns("catalog", f"database/{_DEFAULT_DATABASE}")
    missing += allow(role, "MakeDefaultDatabase", ["glue:CreateDatabase"], default)
    readable = arns("catalog", *in_database, f"userDefinedFunction/{database}/*")
    missing += allow(role, "ReadTables", _READ, readable)
    if write:
        missing += allow(role, "WriteTables", _WRITE, arns("catalog", *in_database))
        if is_hive:
            missing += allow(role, "DropPartitions", _DROP_IN_HIVE, arns("catalog", *in_database))
    return missing


def _as_stored(name: str) -> str:
    # https://docs.aws.amazon.com/glue/latest/webapi/API_DatabaseInput.html: "folded to lowercase when it is stored".
    return name if is_token(name) else name.lower()
