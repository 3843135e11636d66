"""Scripts that job runs of probes have as entry points; `succeeds` and `sleeps` need no Spark."""
