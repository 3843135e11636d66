"""What the AWS Glue Data Catalog does that ministack's does not."""
