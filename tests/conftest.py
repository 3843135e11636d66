"""Settings of all tests."""

from hypothesis import settings

# The gate judges a change, not the day's luck; machines are noisy, so that no example has a deadline.
settings.register_profile("gate", derandomize=True, deadline=None)
settings.load_profile("gate")
