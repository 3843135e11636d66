"""The steps of the workflow: `clean DATA DAY`, `report DATA` and `publish DATA`."""

import sys

from pyspark.sql import SparkSession

step, data, *rest = sys.argv[1:]
spark = SparkSession.builder.getOrCreate()
if step == "clean":
    (day,) = rest
    spark.range(100).selectExpr("id", f"DATE '{day}' AS day").write.mode("overwrite").parquet(f"{data}/clean")
elif step == "report":
    clean = spark.read.parquet(f"{data}/clean")
    clean.groupBy("day").count().write.mode("overwrite").parquet(f"{data}/report")
else:
    spark.read.parquet(f"{data}/report").coalesce(1).write.mode("overwrite").json(f"{data}/published")
