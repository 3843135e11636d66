"""Rules of catalogs and of the names in them."""

import re
from collections.abc import Sequence

from ...applications.release_label import ReleaseLabel
from ...validation.problems import Problems
from ...validation.tokens import is_token
from ..catalog import Catalog, IcebergCatalog

_NAME_OF_CATALOG = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Spark's own catalog, which takes another class: https://iceberg.apache.org/docs/latest/spark-configuration/
_TAKEN = "spark_catalog"
_IN_S3 = re.compile(r"s3[an]?://[^/\s]")
# An ARN is split at slashes, and in a policy these stand for other characters. Spark and Hive split names at dots.
_NO_NAME = re.compile(r"[./*?\s]|\$\{")


def check_catalog(problems: Problems, catalog: Catalog | None, release: ReleaseLabel | None) -> None:
    """Note what a job can't have as its catalog."""
    if not isinstance(catalog, IcebergCatalog):
        return
    if not is_token(catalog.name) and (not _NAME_OF_CATALOG.fullmatch(catalog.name) or catalog.name == _TAKEN):
        remedy = f"use letters, digits and '_', and another name than {_TAKEN}"
        problems.add("catalog.name", catalog.name, "a catalog of Iceberg can't have that name", remedy)
    warehouse = catalog.warehouse
    if isinstance(warehouse, str) and not is_token(warehouse) and not _IN_S3.match(warehouse):
        remedy = "use a bucket, or one such as 's3://lake/warehouse'"
        problems.add("catalog.warehouse", warehouse, "it is not an address in S3", remedy)
    if isinstance(warehouse, str) and catalog.prefix is not None:
        problem = "it is the folder in a bucket, and catalog.warehouse is an address"
        problems.add("catalog.prefix", catalog.prefix, problem, "write it in the address, or use a bucket")
    if release is not None and release.name.startswith("emr-spark-"):
        # https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/using-iceberg.html
        problem = f"AWS documents a library of Iceberg for Spark 3, and {release.name} has Spark 4"
        problems.add("catalog", catalog, problem, "use Catalog.glue(), and set up Iceberg with jars and conf")


def check_table_names(problems: Problems, database: str, tables: Sequence[str]) -> None:
    """Note names that a database or a table can't have."""
    if not is_token(database) and (not database or _NO_NAME.search(database)):
        remedy = "use one such as 'lake', and name its tables with tables=…"
        problems.add("database", database, "it is not the name of a database", remedy)
    if not tables:
        problems.add("tables", tables, "there is none", "leave it out for all tables of the database")
    for position, table in enumerate(tables):
        if not is_token(table) and (not table or _NO_NAME.search(table.replace("*", ""))):
            remedy = "use one such as 'daily', or 'daily_*', without the name of its database"
            problems.add(f"tables[{position}]", table, "it is not the name of a table", remedy)
