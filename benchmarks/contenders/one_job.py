"""A job that others start."""

from aws_cdk import Stack

from constructs_emrs import Application, Code, ReleaseLabel, SparkJob


def one_job(stack: Stack) -> SparkJob:
    """Add an application and a job."""
    spark = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    return SparkJob(stack, "Etl", application=spark, entry_point=Code.from_uri("s3://code/etl.py"))
