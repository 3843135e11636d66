"""A job that does nothing."""

print("done")
