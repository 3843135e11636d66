"""Some work to measure."""

from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
print("sum:", spark.range(10_000_000).selectExpr("sum(id)").first())
