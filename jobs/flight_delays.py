"""Which airlines are late, and when: delays by carrier and month of the flights that left New York in 2013.

Reads the nycflights13 tables as CSV, writes the result as Parquet, and prints the worst months.
"""

import argparse

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f


def delays_by_carrier_and_month(flights: DataFrame, airlines: DataFrame) -> DataFrame:
    """One row a carrier and month: flights that landed, their mean delay in minutes, and the share over 30 minutes."""
    landed = flights.where(f.col("arr_delay").isNotNull())
    delays = landed.groupBy("carrier", "month").agg(
        f.count("*").alias("flights"),
        f.round(f.avg("arr_delay"), 1).alias("mean_delay"),
        f.round(f.avg((f.col("arr_delay") > 30).cast("int")) * 100, 1).alias("percent_late"),
    )
    return delays.join(airlines, "carrier").select("name", "carrier", "month", "flights", "mean_delay", "percent_late")


def read_table(spark: SparkSession, folder: str, name: str) -> DataFrame:
    """One of the tables, which write a missing value as NA."""
    return spark.read.csv(f"{folder}/{name}.csv", header=True, inferSchema=True, nullValue="NA")


def main() -> None:
    """Compute the delays, write them, and show what is worth seeing."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--input", required=True, help="folder of the nycflights13 tables")
    parser.add_argument("--output", required=True, help="folder for the result")
    arguments = parser.parse_args()

    spark = SparkSession.builder.appName("flight-delays").getOrCreate()
    flights = read_table(spark, arguments.input, "flights")
    airlines = read_table(spark, arguments.input, "airlines")
    delays = delays_by_carrier_and_month(flights, airlines).cache()
    delays.repartition("month").write.mode("overwrite").partitionBy("month").parquet(arguments.output)

    print("The ten worst months of an airline (at least 100 flights):")
    delays.where("flights >= 100").orderBy(f.desc("mean_delay")).show(10, truncate=False)
    spark.stop()


if __name__ == "__main__":
    main()
