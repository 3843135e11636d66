"""All that touches ministack, the emulator that is the rest of the local AWS, and what is corrected in it.

ministack's modules are private and change between releases: the version is pinned, nothing outside of this room imports
them, and `tests/local/test_ministack.py` fails when something used here moves. ministack reads its environment when it
is imported, so the imports are inside the functions: the server sets the environment first.
"""
