"""What a catalog asks of Spark: properties, a jar, and the warehouse's data."""

from collections.abc import Sequence

from aws_cdk import aws_s3 as s3

from ._classification import Setting
from .catalog import Catalog, IcebergCatalog

_ARGUMENT = "catalog"
# https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/metastore-config.html
_CLIENT = "spark.hadoop.hive.metastore.client.factory.class"
_CLIENT_OF_GLUE = "com.amazonaws.glue.catalog.metastore.AWSGlueDataCatalogHiveClientFactory"
# https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/using-iceberg.html
_FOLDER = "warehouse"
_ICEBERG_JAR = "/usr/share/aws/iceberg/lib/iceberg-spark3-runtime.jar"


def catalog_settings(catalog: Catalog | None) -> Sequence[Setting]:
    """The Spark properties with which a job uses the catalog."""
    if catalog is None:
        return []
    # Without the second, what a script that does not call enableHiveSupport() makes is in memory.
    properties = {_CLIENT: _CLIENT_OF_GLUE, "spark.sql.catalogImplementation": "hive"}
    if isinstance(catalog, IcebergCatalog):
        name = f"spark.sql.catalog.{catalog.name}"
        properties |= {
            "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
            name: "org.apache.iceberg.spark.SparkCatalog",
            f"{name}.catalog-impl": "org.apache.iceberg.aws.glue.GlueCatalog",
            f"{name}.warehouse": _address(catalog),
        }
    return [Setting(_ARGUMENT, name, value) for name, value in properties.items()]


def catalog_jars(catalog: Catalog | None) -> Sequence[str]:
    """The jars of the release that the catalog needs."""
    return [_ICEBERG_JAR] if isinstance(catalog, IcebergCatalog) else []


def warehouse_of(catalog: Catalog | None) -> tuple[s3.IBucket, str] | None:
    """The bucket that a job has tables of the catalog in, and the pattern of their keys."""
    if not isinstance(catalog, IcebergCatalog) or isinstance(catalog.warehouse, str):
        return None
    return catalog.warehouse, f"{_folder(catalog)}/*".lstrip("/")


def _address(catalog: IcebergCatalog) -> str:
    if isinstance(catalog.warehouse, str):
        return catalog.warehouse
    return catalog.warehouse.s3_url_for_object(_folder(catalog))


def _folder(catalog: IcebergCatalog) -> str:
    return _FOLDER if catalog.prefix is None else catalog.prefix.strip("/")
