"""Writes the numbers below 100 with their squares as Parquet."""

import argparse

from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--output", required=True)
arguments = parser.parse_args()

spark = SparkSession.builder.getOrCreate()
squares = spark.range(100).selectExpr("id", "id * id AS square")
squares.write.mode("overwrite").parquet(arguments.output)
print("rows written:", spark.read.parquet(arguments.output).count())
