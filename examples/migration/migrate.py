"""Makes each version of a table that is not there yet from the version before.

With --summarise, counts the customers of each country of the newest; with --check, compares the summary with it.

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
    """Migrate, summarise or check."""
    parser = argparse.ArgumentParser()
    parser.add_argument("table")
    parser.add_argument("--summarise", action="store_true")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    spark = SparkSession.builder.getOrCreate()

    newest, summary = f"{arguments.table}/v{len(VERSIONS)}", f"{arguments.table}/summary"
    if arguments.summarise:
        spark.read.parquet(newest).groupBy("country").count().write.mode("overwrite").parquet(summary)
        return
    if arguments.check:
        customers = spark.read.parquet(newest).count()
        counted = sum(row["count"] for row in spark.read.parquet(summary).collect())
        if counted != customers:
            raise ValueError(f"the summary has {counted} customers of {customers}")
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
