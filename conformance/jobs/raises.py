"""A job that fails."""

raise ValueError("as it was told to")
