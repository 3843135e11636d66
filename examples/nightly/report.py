"""Writes a report of the day before `--until`, the time that the run was scheduled for."""

import argparse
from datetime import datetime, timedelta

from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--until", type=datetime.fromisoformat, required=True)
parser.add_argument("--output", required=True)
arguments = parser.parse_args()

day = (arguments.until - timedelta(days=1)).date()
spark = SparkSession.builder.getOrCreate()
report = spark.range(24).selectExpr("id AS hour", f"DATE '{day}' AS day")
report.write.mode("overwrite").parquet(f"{arguments.output}/day={day}")
