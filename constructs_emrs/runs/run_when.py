"""On which deployments a job runs."""

from enum import Enum


class RunWhen(Enum):
    """On which deployments a `JobRun` starts a run."""

    CHANGED = "CHANGED"
    """When the job's definition, its local entry point or a trigger changed."""
    EVERY_DEPLOY = "EVERY_DEPLOY"
    """On each deployment: the template differs each time that the app is synthesised."""
