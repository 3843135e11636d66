"""A job that runs until it is ended."""

import time

while True:
    time.sleep(1)
