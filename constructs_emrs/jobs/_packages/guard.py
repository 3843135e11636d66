"""The module that Python runs when it starts: it ends a Python of Spark that the packages are not built for.

The packages would end it anyway, with an ImportError that says nothing of versions.
https://docs.python.org/3/library/site.html#module-sitecustomize
"""

from .target import Target

NAME = "sitecustomize.py"
_SEEN = "PYTHON_DEPENDENCIES_SEEN"

# Any Python of a worker may find it on its path, an old one too, and one that has nothing to do with Spark. Those are
# left alone. Spark tells the Python of a driver by PYSPARK_GATEWAY_… where Java is, and that of executors by
# PYTHON_WORKER_FACTORY_…, and processes that these start inherit it, so the first one notes that it was looked at:
# https://github.com/apache/spark/blob/v3.5.9/core/src/main/scala/org/apache/spark/deploy/PythonRunner.scala,
# https://github.com/apache/spark/blob/v3.5.9/core/src/main/scala/org/apache/spark/api/python/PythonWorkerFactory.scala.
# Without these variables, as with Spark Connect, nothing is ended, and the packages say themselves what they say.
_SOURCE = '''\
import os
import sys


def _is_of_spark():
    names = ("PYSPARK_GATEWAY_", "PYTHON_WORKER_FACTORY_")
    return "{seen}" not in os.environ and any(name.startswith(names) for name in os.environ)


def _problem():
    python = "%d.%d" % sys.version_info[:2]
    if python != "{python}":
        return 'built for Python {python}, this worker has %s: pass python="%s"' % (python, python)
    machine = os.uname()[4].replace("arm64", "aarch64")
    if {has_compiled_code} and machine != "{machine}":
        return "built for {machine}, this worker is %s: compare the architecture of the application" % machine
    return None


def _run_the_next():
    """Run the sitecustomize that this one stands before."""
    here = os.path.dirname(os.path.abspath(__file__))
    if sys.version_info < (3, 5):
        return
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    found = PathFinder.find_spec("sitecustomize", [place for place in sys.path if os.path.abspath(place) != here])
    if found is not None and found.loader is not None:
        found.loader.exec_module(module_from_spec(found))


if _is_of_spark():
    if _problem():
        sys.stderr.write("python_dependencies: " + _problem() + "\\n")
        sys.stderr.flush()
        os._exit(1)
    os.environ["{seen}"] = "1"
_run_the_next()
'''


def guard_source(target: Target, *, has_compiled_code: bool) -> str:
    """The source of the module.

    Args:
        target: What the packages are built for.
        has_compiled_code: Whether they run on one architecture only.
    """
    values = {
        "python": target.python,
        "machine": target.machine,
        "has_compiled_code": str(has_compiled_code),
        "seen": _SEEN,
    }
    source = _SOURCE
    for name, value in values.items():
        source = source.replace(f"{{{name}}}", value)
    return source
