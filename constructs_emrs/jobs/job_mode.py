"""How long a job run is meant to take."""

from enum import Enum


class JobMode(Enum):
    """How long a job run is meant to take."""

    BATCH = "BATCH"
    """It ends by itself."""
    STREAMING = "STREAMING"
    """It runs until it is cancelled, and is restarted when it fails. Spark only, from emr-7.1.0."""
