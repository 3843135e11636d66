"""Makes each version of a table that is not there yet from the version before; with --check, reads the newest.

It may run any number of times: a version that is complete is left alone.
"""

import argparse

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession

VERSIONS = (
    "SELECT id, concat('customer ', id) AS name FROM range(10)",
    "SELECT *, 'NZ' AS country FROM earlier",
)


def read(spark: SparkSession, path: str) -> DataFrame | None:
    """The table at the path, or None if there is none."""
    try:
        return spark.read.parquet(path)
    except AnalysisException:
        return None


def main() -> None:
    """Migrate or check."""
    parser = argparse.ArgumentParser()
    parser.add_argument("table")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    spark = SparkSession.builder.getOrCreate()

    if arguments.check:
        newest = spark.read.parquet(f"{arguments.table}/v{len(VERSIONS)}")
        if newest.where("country IS NULL").count():
            raise ValueError("there are customers without a country")
        print("customers:", newest.count())
        return
    for number, query in enumerate(VERSIONS, start=1):
        path = f"{arguments.table}/v{number}"
        table = read(spark, path)
        if table is None:
            spark.sql(query).write.mode("overwrite").parquet(path)
            table = spark.read.parquet(path)
            print("made version", number)
        table.createOrReplaceTempView("earlier")


if __name__ == "__main__":
    main()
