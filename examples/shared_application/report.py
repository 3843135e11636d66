"""Writes a report of one line as CSV to the folder that is the argument."""

import sys

from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
report = spark.range(1_000).selectExpr("count(*) AS numbers", "sum(id) AS sum")
report.write.mode("overwrite").csv(sys.argv[1], header=True)
