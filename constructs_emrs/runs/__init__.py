"""When to run a job."""
