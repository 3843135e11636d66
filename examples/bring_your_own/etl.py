"""Writes the numbers below 10 as Parquet to the folder that is the argument."""

import sys

from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
spark.range(10).write.mode("overwrite").parquet(sys.argv[1])
print("rows written:", spark.read.parquet(sys.argv[1]).count())
