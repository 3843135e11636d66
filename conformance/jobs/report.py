"""A job that says what reached it: one run that many probes read. It runs with the Python of every release."""

import json
import os
import sys

from pyspark.sql import SparkSession

session = SparkSession.builder.getOrCreate()
context = session.sparkContext


def of_an_executor(_: int) -> "str | None":
    """What a Python worker finds in its environment."""
    return os.environ.get("CONFORMANCE_EXECUTOR")


report = {
    "arguments": sys.argv[1:],
    "properties": {
        name.split("spark.conformance.", 1)[1]: value
        for name, value in context.getConf().getAll()
        if name.startswith("spark.conformance.")
    },
    "folder": os.getcwd(),  # noqa: PTH109 - the release's Python may be old
    "files": sorted(os.listdir()),  # noqa: PTH208 - as above
    "archive": sorted(os.listdir("unpacked")) if os.path.isdir("unpacked") else None,  # noqa: PTH112, PTH208 - as above
    "environment": {
        name: os.environ.get(name) for name in ("CONFORMANCE_DRIVER", "CONFORMANCE_YARN", "CONFORMANCE_KUBERNETES")
    },
    "executor": context.parallelize([0], 1).map(of_an_executor).collect()[0],
}
print("CONFORMANCE", json.dumps(report))
print("written to stderr", file=sys.stderr)
session.stop()
