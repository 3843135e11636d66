"""Jars that the user adds for all job runs: what the EMR image has and Spark from PyPI has not."""

import os
from pathlib import Path
from typing import Final

JARS_VARIABLE: Final = "EMRS_LOCAL_JARS"


def jars_folder() -> Path | None:
    """The folder with the jars, None without one.

    Raises:
        NotADirectoryError: There is no such folder; the message is for the user.
    """
    named = os.environ.get(JARS_VARIABLE, "")
    if not named:
        return None
    folder = Path(named).absolute()
    if not folder.is_dir():
        raise NotADirectoryError(f"{JARS_VARIABLE}={named} is no folder: name one that has jars, or leave it out")
    return folder
