"""Settings of the tests of stacks of hundreds of jobs."""

from tests.authorization import every_statement_is_known  # noqa: F401 - for all tests of this folder
