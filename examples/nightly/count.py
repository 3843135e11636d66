"""Counts the lines of one object."""

import sys

from pyspark.sql import SparkSession

source, output = sys.argv[1:]
spark = SparkSession.builder.getOrCreate()
lines = spark.read.text(source)
lines.selectExpr("count(*) AS lines").write.mode("append").json(output)
