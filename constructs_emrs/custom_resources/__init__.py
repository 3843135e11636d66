"""The custom resource provider of a stack, which knows neither jobs nor applications."""
