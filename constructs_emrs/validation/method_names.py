"""Says what a class has when something is asked of it that it does not have.

Python's own AttributeError names the class and nothing else.
"""

import difflib
from abc import ABCMeta
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jsii import JSIIAbstractClass

from .other_spellings import METHODS

_CLOSE = 0.8
_PACKAGE = __name__.partition(".")[0]


def _explanation(cls: type, name: str) -> str:
    own = list(_own(cls))
    meant = [known for known in METHODS.get(name, ()) if known in own]
    meant = meant or difflib.get_close_matches(name, own, n=1, cutoff=_CLOSE)
    methods = [known for known in own if not known.isupper()]
    if name.isupper():
        # What is newer than this library has no name, but can be made.
        meant += methods
    remedy = " or ".join(f"{cls.__name__}.{known}" for known in meant or methods)
    return f"{cls.__name__}.{name}: there is no such method or value; use {remedy}"


def _own(cls: type) -> Iterator[str]:
    """The methods and constants of a class that are called without an object."""
    for outer in cls.__mro__:
        if outer.__module__.startswith(_PACKAGE):
            for name, member in vars(outer).items():
                if not name.startswith("_") and (isinstance(member, classmethod | staticmethod) or name.isupper()):
                    yield name


if TYPE_CHECKING:
    # What explains a missing method must not hide it from who checks types.
    NamesMethods = ABCMeta
    ConstructNamesMethods = JSIIAbstractClass
else:

    class NamesMethods(ABCMeta):
        """The type of values that are made by methods of their class."""

        def __getattr__(cls, name: str) -> Any:
            """Say what there is.

            Raises:
                AttributeError: Always.
            """
            if name.startswith("_"):
                raise AttributeError(name)
            raise AttributeError(_explanation(cls, name))

    class ConstructNamesMethods(JSIIAbstractClass):
        """The type of constructs that are imported by methods of their class."""

        __getattr__ = NamesMethods.__getattr__
