"""Who is allowed what: execution roles, those who start jobs, keys. It knows ARNs and the CDK's interfaces only."""
