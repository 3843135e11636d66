"""The rules of a StartJobRun request that the service's model does not have."""
