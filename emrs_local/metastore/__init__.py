"""Hive's metastore over the Glue Data Catalog: what Spark in its open version talks to where EMR's talks to Glue."""
