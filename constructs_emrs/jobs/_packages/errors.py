"""What is wrong with the files and the Python packages of a job."""

from collections.abc import Sequence


class UnusableError(Exception):
    """A file or packages can't be had, or not be used: the problem, the remedy, and what uv said."""

    def __init__(self, problem: str, remedy: str, said: Sequence[str] = ()) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = "\n    ".join([f"{remedy}; uv says:", *said]) if said else remedy
