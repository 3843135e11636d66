"""Apache Spark on this machine, in local mode, over the local S3: what runs the drivers of job runs."""
