"""Counts words and writes the counts as JSON to the folder that is the argument."""

import sys

from pyspark.sql import DataFrame, SparkSession


def count_words(lines: DataFrame) -> DataFrame:
    """How often each word is in the column `value`."""
    words = lines.selectExpr("explode(split(value, ' ')) AS word")
    return words.groupBy("word").count()


if __name__ == "__main__":
    spark = SparkSession.builder.getOrCreate()
    text = spark.createDataFrame([("to be or not to be",)], ["value"])
    count_words(text).coalesce(1).write.mode("overwrite").json(sys.argv[1])
