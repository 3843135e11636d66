"""Where a Spark job's tables are."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from aws_cdk import aws_s3 as s3

from ..validation.argument_names import explained
from ..validation.method_names import NamesMethods
from ..validation.problems import shown


@explained
class Catalog(ABC, metaclass=NamesMethods):
    """The catalog that has a Spark job's tables, beyond the end of a run.

    Made by `Catalog.glue` or `Catalog.iceberg`. What a job may do with the tables is granted with `job.grant_catalog`,
    and their data like any other. A Hive job needs none of it: its tables are in the AWS Glue Data Catalog anyway.

    Source: https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/metastore-config.html
    """

    @staticmethod
    def glue() -> "Catalog":
        """The AWS Glue Data Catalog: `spark.table("lake.daily")` is the table `daily` of its database `lake`."""
        return GlueCatalog()

    @staticmethod
    def iceberg(*, warehouse: str | s3.IBucket, prefix: str | None = None, name: str = "glue_catalog") -> "Catalog":
        """Apache Iceberg's tables in the AWS Glue Data Catalog, and beside them those of `Catalog.glue`.

        `spark.table("glue_catalog.lake.daily")` is Iceberg's table `daily` of the database `lake`. The job gets the
        release's own library of Iceberg.

        Args:
            warehouse: The bucket for tables that name no place, which the job may then read and write there, or an
                address in S3, for which you grant what the job needs.
            prefix: The folder in the bucket. Default: `warehouse`.
            name: What the job calls the catalog.

        Source: https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/using-iceberg.html
        """
        return IcebergCatalog(warehouse=warehouse, prefix=prefix, name=name)

    @abstractmethod
    def __repr__(self) -> str:
        """How the catalog is written."""


class GlueCatalog(Catalog):
    """The AWS Glue Data Catalog."""

    def __repr__(self) -> str:
        return "Catalog.glue()"


@dataclass(frozen=True, kw_only=True, repr=False)
class IcebergCatalog(Catalog):
    """Apache Iceberg's tables in the AWS Glue Data Catalog."""

    warehouse: str | s3.IBucket
    prefix: str | None
    name: str

    def __repr__(self) -> str:
        return f"Catalog.iceberg(warehouse={shown(self.warehouse)}, name={shown(self.name)})"
