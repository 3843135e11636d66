"""A job that says which Python runs it."""

import json
import sys

print("CONFORMANCE", json.dumps("{}.{}".format(*sys.version_info)))
