"""Uses a package of the company on the executors, and pandas in the driver."""

import json
import sys
from pathlib import Path

import pandas
from company import discounted
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
prices = spark.sparkContext.parallelize(range(1, 101)).map(lambda price: (price % 2 == 0, discounted(price)))
table = pandas.DataFrame(prices.collect(), columns=["even", "price"])
settings = json.loads(Path("settings.json").read_text())
means = table.groupby("even")["price"].mean().round(settings["digits"])
rows = [(bool(even), float(price)) for even, price in means.items()]
spark.createDataFrame(rows, ["even", "price"]).write.mode("overwrite").parquet(sys.argv[1])
