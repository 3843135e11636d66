"""A Spark job that uses what jobs use, so that Java sees the classes that are worth to be in its archive."""

import tempfile

from pyspark.sql import SparkSession, functions
from pyspark.sql.types import LongType

spark = SparkSession.builder.enableHiveSupport().getOrCreate()
spark.conf.set("spark.sql.shuffle.partitions", 2)
folder = tempfile.mkdtemp()

rows = spark.range(100).selectExpr("id", "id % 3 AS part", "CAST(id AS STRING) AS text", "current_timestamp() AS at")
rows.write.partitionBy("part").parquet(f"{folder}/parquet")
rows.write.option("header", "true").csv(f"{folder}/csv")
rows.write.json(f"{folder}/json")
parquet = spark.read.parquet(f"{folder}/parquet")
csv = spark.read.option("header", "true").option("inferSchema", "true").csv(f"{folder}/csv")
json = spark.read.json(f"{folder}/json")

joined = parquet.join(csv, "id").join(json, "id").groupBy(parquet.part)
joined.agg(functions.sum("id"), functions.countDistinct(parquet.text)).orderBy("part").collect()
parquet.createOrReplaceTempView("rows")
spark.sql("SELECT part, row_number() OVER (PARTITION BY part ORDER BY id) AS n FROM rows").where("n < 3").show()
parquet.select(functions.udf(lambda number: number + 1, LongType())("id")).collect()
spark.sparkContext.parallelize(range(3)).map(str).collect()
spark.createDataFrame([(1, "a")], ["n", "text"]).cache().count()

spark.sql("CREATE TABLE t (n INT) USING parquet")
spark.sql("INSERT INTO t VALUES (1), (2)")
spark.sql("SELECT sum(n) FROM t").collect()

stream = spark.readStream.schema(json.schema).json(f"{folder}/json").writeStream.format("parquet")
stream = stream.option("checkpointLocation", f"{folder}/checkpoint").trigger(availableNow=True)
stream.start(f"{folder}/stream").awaitTermination()
