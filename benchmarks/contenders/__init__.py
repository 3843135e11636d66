"""Ways to define the same jobs with the CDK, each in a module whose `build` adds them to a stack."""
