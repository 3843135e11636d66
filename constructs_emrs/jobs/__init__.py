"""What to run: jobs, the files that they take, and the StartJobRun request that they become."""
