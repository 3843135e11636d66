"""Says which Python and which CPU it runs on."""

import platform

import numpy

print("numpy", numpy.__version__, "on Python", platform.python_version(), platform.machine())
