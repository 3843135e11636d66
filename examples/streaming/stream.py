"""Writes five rows a second as Parquet, and remembers in the checkpoint where it was."""

import sys

from pyspark.sql import SparkSession

output, checkpoint = sys.argv[1:]
spark = SparkSession.builder.getOrCreate()
rows = spark.readStream.format("rate").option("rowsPerSecond", 5).load()
query = rows.writeStream.format("parquet").option("path", output).option("checkpointLocation", checkpoint)
query.trigger(processingTime="1 second").start().awaitTermination()
